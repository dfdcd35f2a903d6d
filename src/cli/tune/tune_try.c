/* cli/tune/tune_try.c: one trial of `tune`: millrace run as a child process, alone or under a
 * launcher, on the sample, into the temporary folder; its seconds from its own report. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/utc.h"
#include "cli/tune/tune.h"
#include "report/json.h"
#include "report/report.h"
#include "run/told/stop.h"

extern char **environ;

/** A list of words that ends in NULL once `words_end` was called. */
static mr_status words_end(mr_strs *l)
{
    const mr_status st = mr_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, "a command line");
    if (st == MR_OK) l->v[l->n] = NULL;
    return st;
}

static mr_status add_setting(mr_strs *l, const char *key, json_t *value)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    char *s = mr_json_text(value, JSON_ENCODE_ANY);
    json_decref(value);
    if (!s) return MR_OK; /* a name that is not UTF-8: the config's own setting stays */
    MR_TRY(mr_text_add(&t, "%s=%s", key, s));
    if (t.len > 100000) goto out; /* more than an argument may be long */
    MR_TRY(mr_strs_add(l, "-s"));
    MR_TRY(mr_strs_add(l, t.s));
out:
    mr_text_fini(&t);
    free(s);
    return st;
}

static json_t *file_list(const mr_strs *files)
{
    json_t *a = json_array();
    for (size_t i = 0; a && i < files->n; i++)
        if (json_array_append_new(a, json_string(files->v[i])) != 0) {
            json_decref(a);
            return NULL;
        }
    return a;
}

static mr_status command_line(const mr_tune *u, const mr_trial *t, const char *out, mr_strs *l)
{
    mr_status st = MR_OK;
    char number[16], t0[40], t1[40], range[96], *words = NULL, *rest = NULL;
    if (t->ranks > 1) {
        MR_TRY(mr_strdup(u->launcher, &words));
        for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
            MR_TRY(mr_strs_add(l, w));
        snprintf(number, sizeof number, "%d", t->ranks);
        MR_TRY(mr_strs_add(l, "-n"));
        MR_TRY(mr_strs_add(l, number));
    }
    MR_TRY(mr_strs_add(l, u->exe));
    MR_TRY(mr_strs_add(l, "run"));
    MR_TRY(mr_strs_add(l, u->config));
    for (size_t i = 0; i < u->n_overrides; i++) {
        MR_TRY(mr_strs_add(l, "-s"));
        MR_TRY(mr_strs_add(l, u->overrides[i]));
    }
    snprintf(range, sizeof range, "%s..%s", mr_utc_iso(u->sample.t0_ns, t0),
             mr_utc_iso(u->sample.t1_ns, t1));
    MR_TRY(add_setting(l, "input.files", file_list(&u->sample.files)));
    MR_TRY(add_setting(l, "input.time", json_string(range)));
    MR_TRY(add_setting(l, "output.folder", json_string(out)));
    MR_TRY(add_setting(l, "run.io_threads", json_integer(t->io_threads)));
    MR_TRY(mr_strs_add(l, "--progress"));
    MR_TRY(mr_strs_add(l, "never"));
    MR_TRY(words_end(l));
out:
    free(words);
    return st;
}

/** Our environment with the number of threads, and without binding of ranks to cores: the threads
 * of a rank need several. Root, who asked for the trial, is not asked again by Open MPI. */
static mr_status environment(int threads, mr_strs *l)
{
    static const char *const ours[] = {"OMP_NUM_THREADS=", "OMPI_MCA_hwloc_base_binding_policy=",
                                       "PRTE_MCA_hwloc_default_binding_policy=", "I_MPI_PIN="};
    static const char *const value[] = {NULL, "none", "none", "off"};
    static const char *const as_root[] = {
        "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "PRTE_ALLOW_RUN_AS_ROOT=1",
        "PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1"};
    enum { N = sizeof ours / sizeof *ours };
    mr_status st = MR_OK;
    for (char **e = environ; *e; e++) {
        size_t i = 0;
        while (i < N && strncmp(*e, ours[i], strlen(ours[i])) != 0) i++;
        if (i == N) MR_TRY(mr_strs_add(l, *e));
    }
    for (size_t i = 0; i < N; i++) {
        char s[96];
        if (value[i])
            snprintf(s, sizeof s, "%s%s", ours[i], value[i]);
        else
            snprintf(s, sizeof s, "%s%d", ours[i], threads);
        MR_TRY(mr_strs_add(l, s));
    }
    for (size_t i = 0; geteuid() == 0 && i < sizeof as_root / sizeof *as_root; i++)
        MR_TRY(mr_strs_add(l, as_root[i]));
    MR_TRY(words_end(l));
out:
    return st;
}

/** Start it, its talk into `log`, and wait; a signal to us ends it. */
static mr_status launch(char **argv, char **envp, const char *log, mr_trial *t)
{
    posix_spawn_file_actions_t fa;
    struct rusage used;
    pid_t pid = -1;
    int status = 0, err;
    bool told = false;
    if (posix_spawn_file_actions_init(&fa) != 0) return MR_RAISE(MR_EMEM, "no memory for a child");
    posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&fa, 1, 2);
    err = posix_spawnp(&pid, argv[0], &fa, NULL, argv, envp);
    posix_spawn_file_actions_destroy(&fa);
    t->status = -1;
    if (err != 0) {
        snprintf(t->why, sizeof t->why, "cannot start %s: %s", argv[0], strerror(err));
        return MR_OK;
    }
    for (;;) {
        const pid_t got = wait4(pid, &status, WNOHANG, &used);
        if (got == pid) break;
        if (got < 0 && errno != EINTR) return MR_RAISE(MR_EBUG, "wait4: %s", strerror(errno));
        if (mr_stop_wanted() && !told) kill(pid, SIGTERM);
        told = mr_stop_wanted() != 0;
        usleep(5000);
    }
    if (told) return MR_RAISE(MR_STOPPED, "stopped; the trials so far are dropped");
    t->cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    t->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return MR_OK;
}

/** The last line that millrace itself said, else the first of words: a launcher frames its own. */
static void last_words(const char *log, char *why, size_t size)
{
    mr_text t = {0};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *last = "";
    char *rest = NULL;
    bool ours = false;
    if (mr_read_text(log, 1 << 20, &t) == MR_OK && t.s)
        for (char *w = strtok_r(t.s, "\n", &rest); w; w = strtok_r(NULL, "\n", &rest)) {
            const bool own = strncmp(w, "millrace: ", 10) == 0;
            if (own)
                last = w + 10;
            else if (!ours && !*last && w[strcspn(w, letters)])
                last = w;
            ours |= own;
        }
    mr_printable(last, why, size);
    mr_text_fini(&t);
}

static void read_report(const char *path, mr_trial *t)
{
    double survey = 0, wall = 0, peak = 0;
    json_error_t e;
    json_t *j = json_load_file(path, 0, &e);
    if (!j || json_unpack(j, "{s:{s:F s:F s:F s:F s:F s:F s:F s:{s:F s:F}} s:{s:F} s:{s:F s:F}}",
                          "timing", "wall_s", &wall, "survey_s", &survey, "read_s", &t->read_s,
                          "compute_s", &t->compute_s, "write_s", &t->write_s, "read_cpu_s",
                          &t->read_cpu_s, "write_cpu_s", &t->write_cpu_s, "wait_s", "input",
                          &t->wait_in_s, "output", &t->wait_out_s, "memory", "peak_bytes", &peak,
                          "work", "raw_bytes", &t->bytes, "samples", &t->samples) != 0) {
        t->status = MR_EBUG;
        snprintf(t->why, sizeof t->why, "its report cannot be read");
    }
    t->wall_s = wall;
    t->net_s = MR_MAX(wall - survey, 1e-6);
    t->peak_bytes = peak * t->ranks;
    t->bottleneck = mr_bottleneck(&(mr_account){.t = {.compute_s = t->compute_s,
                                                      .wait_read_s = t->wait_in_s,
                                                      .wait_out_s = t->wait_out_s}});
    json_decref(j);
}

static int drop(const char *path, MR_UNUSED const struct stat *s, MR_UNUSED int kind,
                MR_UNUSED struct FTW *w)
{
    return remove(path) == 0 ? 0 : 1;
}

/** Clean pages of the sample's files leave the page cache, so that the disk is asked again. */
static void forget(const mr_strs *files)
{
    for (size_t i = 0; i < files->n; i++) {
        const int fd = open(files->v[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0) continue;
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
        close(fd);
    }
}

mr_status mr_tune_try(const mr_tune *u, mr_trial *t)
{
    mr_status st = MR_OK;
    mr_text out = {0}, log = {0}, report = {0};
    mr_strs argv = {0}, envp = {0};
    MR_TRY(mr_text_add(&out, "%s/out", u->folder.s));
    MR_TRY(mr_text_add(&log, "%s/log", u->folder.s));
    MR_TRY(mr_text_add(&report, "%s/report.json", out.s));
    MR_TRY(command_line(u, t, out.s, &argv));
    MR_TRY(environment(t->threads, &envp));
    sync(); /* what the trial before left to write is not this one's */
    if (!t->warm) forget(&u->sample.files);
    MR_TRY(launch(argv.v, envp.v, log.s, t));
    if (t->status == MR_OK || t->status == MR_LOSSES)
        read_report(report.s, t);
    else if (t->status > 0)
        last_words(log.s, t->why, sizeof t->why);
out:
    if (out.s) (void)nftw(out.s, drop, 16, FTW_DEPTH | FTW_PHYS);
    if (log.s) (void)remove(log.s);
    mr_text_fini(&out);
    mr_text_fini(&log);
    mr_text_fini(&report);
    mr_strs_fini(&argv);
    mr_strs_fini(&envp);
    return st;
}

double mr_trial_rate(const mr_trial *t)
{
    return t->status == MR_OK || t->status == MR_LOSSES ? t->samples / t->net_s : 0;
}
