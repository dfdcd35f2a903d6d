/* cli/tune/tune_show.c: what the trials of `tune` say: each stage waits or computes, threads or
 * processes, the launch line, the table. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/quantity.h"
#include "base/utc.h"
#include "cli/tune/tune.h"

/** One stage of a trial. */
typedef struct stage {
    const char *name;
    double busy; /* share of the run's time, of each of its threads */
    double cpu;  /* share of its busy time on a core; 1 where not measured */
    bool waits;
    const char *what;
} stage;

enum { READING, COMPUTING, WRITING };

/** Reading that waits as long with the input in memory waits for a core, not for the disk. */
static bool waits_for_core(const mr_tune *u, const mr_trial *t)
{
    const mr_trial *w = u->warm;
    if (t->warm) return true;
    return w &&
           (w->read_s - w->read_cpu_s) / w->bytes > 0.5 * (t->read_s - t->read_cpu_s) / t->bytes;
}

static void stages(const mr_tune *u, const mr_trial *t, stage s[3])
{
    const double ranks = t->ranks, readers = ranks * t->io_threads;
    s[READING] = (stage){"reading", t->read_s / (readers * t->net_s),
                         t->read_s > 0 ? t->read_cpu_s / t->read_s : 1, false, ""};
    s[COMPUTING] = (stage){"computing", t->compute_s / (ranks * t->net_s), 1, false, ""};
    s[WRITING] = (stage){"writing", t->write_s / (ranks * t->net_s),
                         t->write_s > 0 ? t->write_cpu_s / t->write_s : 1, false, ""};
    s[READING].waits = s[READING].cpu < 0.5;
    s[READING].what = !s[READING].waits      ? "computes: copies, inflates"
                      : waits_for_core(u, t) ? "waits for a core"
                                             : "waits for the disk";
    s[WRITING].waits = s[WRITING].cpu < 0.5;
    s[WRITING].what =
        s[WRITING].waits ? "waits for the disk or a core" : "computes: copies, checksums";
    s[COMPUTING].waits = t->wait_in_s + t->wait_out_s > t->compute_s;
    s[COMPUTING].what = !s[COMPUTING].waits             ? "computes"
                        : t->wait_in_s >= t->wait_out_s ? "waits for input"
                                                        : "waits for the writer";
}

/** What holds the whole back, and what would help. */
static const char *verdict(const mr_tune *u, const mr_trial *t, const stage s[3])
{
    if (strcmp(t->bottleneck, "reading") == 0)
        return s[READING].waits && !waits_for_core(u, t)
                   ? "the disk: more cores will not help, more I/O threads may"
                   : "reading, on cores: more I/O threads, or cores";
    if (strcmp(t->bottleneck, "writing") == 0)
        return s[WRITING].waits ? "the disk that is written to" : "writing: more ranks";
    return "the cores: more of them make it faster";
}

static mr_status launch_line(const mr_tune *u, const mr_trial *t, mr_text *line)
{
    mr_status st = MR_OK;
    if (t->ranks > 1 && geteuid() == 0 && !getenv("OMPI_ALLOW_RUN_AS_ROOT") &&
        strncmp(u->launcher, "mpirun", 6) == 0)
        MR_TRY(mr_text_add(line, "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "));
    if (t->ranks > 1 || t->threads != u->cores)
        MR_TRY(mr_text_add(line, "OMP_NUM_THREADS=%d ", t->threads));
    if (t->ranks > 1)
        MR_TRY(mr_text_add(line, "%s %s-n %d ", u->launcher,
                           strncmp(u->launcher, "mpirun", 6) == 0 ? "--bind-to none " : "",
                           t->ranks));
    MR_TRY(mr_text_add(line, "millrace run %s", u->config));
    for (size_t i = 0; i < u->n_overrides; i++)
        MR_TRY(mr_text_add(line, " -s '%s'", u->overrides[i]));
    MR_TRY(mr_text_add(line, " -s run.io_threads=%d", t->io_threads));
out:
    return st;
}

/** The fastest with one rank (several = false) or several, with its input from the disk if any. */
static const mr_trial *fastest(const mr_tune *u, bool several)
{
    const mr_trial *best = NULL;
    for (size_t i = 0; i < u->n; i++) {
        const mr_trial *t = &u->v[i];
        if ((t->ranks > 1) != several || t->warm != u->best->warm || mr_trial_rate(t) <= 0)
            continue;
        if (!best || mr_trial_rate(t) > mr_trial_rate(best)) best = t;
    }
    return best;
}

static mr_status answer(const mr_tune *u, mr_text *text)
{
    const mr_trial *one = fastest(u, false), *many = fastest(u, true);
    if (!many)
        return mr_text_add(text, u->sample.lanes < 2 && u->cores > 1
                                     ? "threads: there is one lane, which one rank works on"
                                     : "threads: processes could not be tried");
    if (!one) return mr_text_add(text, "processes: threads alone could not be tried");
    const double ratio = mr_trial_rate(one) / mr_trial_rate(many);
    if (ratio < 1.05 && ratio > 1 / 1.05)
        return mr_text_add(text, "no difference (%.0f %%): threads, which need less memory",
                           100 * (ratio > 1 ? ratio - 1 : 1 / ratio - 1));
    if (ratio > 1) return mr_text_add(text, "threads: %.0f %% faster", 100 * (ratio - 1));
    return mr_text_add(text, "processes: %.0f %% faster (%d ranks x %d threads)",
                       100 * (1 / ratio - 1), many->ranks, many->threads);
}

static void print_table(const mr_tune *u)
{
    char mem[32];
    printf("\nranks threads  io  input       Ms/s     MB/s  seconds   cpu s     memory  reads  "
           "computes  writes  bottleneck\n");
    for (size_t i = 0; i < u->n; i++) {
        const mr_trial *t = &u->v[i];
        stage s[3];
        if (mr_trial_rate(t) <= 0) {
            printf("%5d %7d %3d  failed, status %d: %s\n", t->ranks, t->threads, t->io_threads,
                   t->status, t->why);
            continue;
        }
        stages(u, t, s);
        printf("%5d %7d %3d  %-6s %9.1f %8.0f %8.2f %7.2f %10s %4.0f %% %7.0f %% %5.0f %%  %s%s\n",
               t->ranks, t->threads, t->io_threads, t->warm ? "memory" : "disk",
               1e-6 * mr_trial_rate(t), 1e-6 * t->bytes / t->net_s, t->net_s, t->cpu_s,
               mr_fmt_bytes(t->peak_bytes, mem), 100 * s[READING].busy, 100 * s[COMPUTING].busy,
               100 * s[WRITING].busy, t->bottleneck, t == u->best ? "  <- recommended" : "");
    }
}

mr_status mr_tune_show(const mr_tune *u)
{
    mr_status st = MR_OK;
    mr_text line = {0}, text = {0};
    char t0[40], t1[40], b[32];
    stage s[3];
    const mr_tune_sample *p = &u->sample;
    stages(u, u->best, s);
    MR_TRY(launch_line(u, u->best, &line));
    MR_TRY(answer(u, &text));
    printf("sample:     %zu of %zu lanes%s, %zu files, %s: %s .. %s\n", p->lanes, u->all_lanes,
           p->cut ? ", cut short" : "", p->files.n, mr_fmt_bytes(p->bytes, b),
           mr_utc_iso(p->t0_ns, t0), mr_utc_iso(p->t1_ns, t1));
    for (int i = 0; i < 3; i++) {
        printf("%-11s %s; busy %.0f %% of the time", s[i].name, s[i].what, 100 * s[i].busy);
        if (i != COMPUTING) printf(", %.0f %% of that on a core", 100 * s[i].cpu);
        printf("\n");
    }
    printf("bound by:   %s\n", verdict(u, u->best, s));
    if (u->warm && u->warm != u->best)
        printf("in memory:  %.2f x as fast when the input is in the page cache\n",
               mr_trial_rate(u->warm) / mr_trial_rate(u->best));
    printf("better:     %s\n", text.s);
    printf("launch:     %s\n", line.s);
    if (u->all_lanes < (size_t)u->cores)
        printf("note:       %zu lanes keep at most as many ranks busy\n", u->all_lanes);
    print_table(u);
out:
    mr_text_fini(&line);
    mr_text_fini(&text);
    return st;
}

static json_t *trial_json(const mr_tune *u, const mr_trial *t)
{
    stage s[3];
    json_t *o = json_pack("{s:i s:i s:i s:b s:i}", "ranks", t->ranks, "threads", t->threads,
                          "io_threads", t->io_threads, "warm", t->warm, "status", t->status);
    if (mr_trial_rate(t) <= 0) {
        json_object_set_new(o, "why", json_string(t->why));
        return o;
    }
    stages(u, t, s);
    json_t *more =
        json_pack("{s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:f s:s s:{s:b s:b s:b}}",
                  "samples_per_s", mr_trial_rate(t), "seconds", t->net_s, "wall_s", t->wall_s,
                  "cpu_s", t->cpu_s, "bytes", t->bytes, "peak_bytes", t->peak_bytes, "read_s",
                  t->read_s, "read_cpu_s", t->read_cpu_s, "compute_s", t->compute_s, "write_s",
                  t->write_s, "write_cpu_s", t->write_cpu_s, "wait_input_s", t->wait_in_s,
                  "wait_output_s", t->wait_out_s, "bottleneck", t->bottleneck, "waits", "read",
                  s[READING].waits, "compute", s[COMPUTING].waits, "write", s[WRITING].waits);
    json_object_update(o, more);
    json_decref(more);
    return o;
}

mr_status mr_tune_json(const mr_tune *u)
{
    mr_status st = MR_OK;
    mr_text line = {0}, text = {0};
    char t0[40], t1[40];
    json_t *list = json_array();
    MR_TRY(launch_line(u, u->best, &line));
    MR_TRY(answer(u, &text));
    for (size_t i = 0; i < u->n; i++) json_array_append_new(list, trial_json(u, &u->v[i]));
    json_t *j = json_pack("{s:{s:I s:I s:I s:b s:s s:s} s:i s:O s:{s:i s:i s:i s:s} s:s}", "sample",
                          "lanes", (json_int_t)u->sample.lanes, "of_lanes",
                          (json_int_t)u->all_lanes, "files", (json_int_t)u->sample.files.n, "cut",
                          u->sample.cut, "t0", mr_utc_iso(u->sample.t0_ns, t0), "t1",
                          mr_utc_iso(u->sample.t1_ns, t1), "cores", u->cores, "trials", list,
                          "recommended", "ranks", u->best->ranks, "threads", u->best->threads,
                          "io_threads", u->best->io_threads, "command", line.s, "answer", text.s);
    if (!j) {
        st = MR_RAISE(MR_EMEM, "no memory for the JSON");
        goto out;
    }
    json_dumpf(j, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(j);
out:
    json_decref(list);
    mr_text_fini(&line);
    mr_text_fini(&text);
    return st;
}
