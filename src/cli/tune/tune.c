/* cli/tune/tune.c: tune CONFIG: threads or processes? Runs a sample of the user's own lanes at
 * several ranks x threads, then several I/O threads at the best of them, as child processes, and
 * recommends the launch line. */
#include "cli/tune/tune.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/quantity.h"
#include "cli/cli.h"
#include "cli/common/run_opts.h"
#include "run/told/stop.h"

enum { MAX_SHAPES = 8, ROUNDS = 2 };
static const double SCOUT_BYTES = 256e6, SAME = 0.05; /* what differs by less is called the same */

static void help(void)
{
    printf(
        "millrace tune CONFIG [-s KEY=VALUE]... [--seconds N] [--warm] [--launcher COMMAND] "
        "[--json]\n\n"
        "Threads or processes? Runs a sample of the config's own lanes into a temporary folder\n"
        "beside output.folder, at several ranks x threads x I/O threads, says which stage waits\n"
        "and which computes, and recommends how to launch. Nothing is left behind.\n\n"
        "  --seconds N    about how long a trial takes (default 4)\n"
        "  --warm         leave the input in the page cache; else every trial asks the disk\n"
        "  --launcher C   starts ranks, given -n N (default mpirun)\n");
}

/** Raw input of a lane. */
static double bytes_of(const mr_plan *p, const mr_lane *l)
{
    return (double)(l->raw.b - l->raw.a) * (double)p->arrays[l->array].row_bytes;
}

/** The files that lanes [0, n) need for output in [t0, t1). */
static mr_status sample_files(const mr_plan *p, size_t n, mr_tune_sample *s)
{
    mr_status st = MR_OK;
    uint8_t *need = NULL;
    MR_TRY(mr_alloc(p->cat->n_files, 1, "the sample's files", &need));
    for (size_t i = 0; i < n; i++) {
        const mr_lane *l = &p->lanes[i];
        const mr_array *a = &p->arrays[l->array];
        const mr_span *sp = &p->spans.span[l->span];
        const double from = (1e-9 * (double)s->t0_ns - a->before_s) * sp->rate_hz - 2,
                     to = (1e-9 * (double)s->t1_ns + a->after_s) * sp->rate_hz + 2;
        const int64_t k0 = MR_MAX(l->raw.a, (int64_t)from) - sp->index0,
                      k1 = MR_MIN(l->raw.b, (int64_t)to) - sp->index0;
        size_t first, legs;
        if (k0 >= k1) continue;
        mr_span_legs(&p->spans, sp, k0, k1, &first, &legs);
        for (size_t k = first; k < first + legs; k++)
            need[mr_catalog_file(p->cat, p->spans.leg[k].file)] = 1;
    }
    for (size_t i = 0; i < p->cat->n_files; i++)
        if (need[i]) MR_TRY(mr_strs_add(&s->files, mr_catalog_path(p->cat, i)));
out:
    free(need);
    return st;
}

/** The first lanes of the first layout: about `bytes` of input, at least min_lanes if these come to
 *  no more than four times as much. Lanes that are too long are cut around the border of the first
 *  two. */
static mr_status sample_take(const mr_plan *p, double bytes, size_t min_lanes, mr_tune_sample *out)
{
    const mr_lane *l = p->lanes;
    mr_tune_sample s = {.t0_ns = l[0].t0_ns};
    size_t n = 0, strips = 0;
    while (strips < p->n_lanes && l[strips].array == l[0].array && l[strips].t0_ns == l[0].t0_ns)
        strips++;
    while (n < p->n_lanes && l[n].array == l[0].array && l[n].span == l[0].span) {
        const bool edge = n > 0 && l[n].t0_ns != l[n - 1].t0_ns;
        if (edge && s.bytes >= bytes && (n >= min_lanes || s.bytes >= 4 * bytes)) break;
        s.bytes += bytes_of(p, &l[n]);
        s.t1_ns = l[n].t1_ns + 1;
        n++;
    }
    s.lanes = n;
    double slot = 0;
    for (size_t i = 0; i < strips; i++) slot += bytes_of(p, &l[i]);
    if (slot > 4 * bytes) {
        const double span_ns = (double)(l[0].t1_ns - l[0].t0_ns);
        const int64_t half = (int64_t)(0.5 * bytes / slot * span_ns);
        const bool two = n > strips;
        const int64_t mid = two ? l[strips].t0_ns : l[0].t0_ns + half;
        s.t0_ns = mid - half;
        s.t1_ns = mid + half;
        s.lanes = two ? 2 * strips : strips;
        s.bytes = bytes;
        s.cut = true;
    }
    const mr_status st = sample_files(p, s.lanes, &s);
    if (st != MR_OK)
        mr_strs_fini(&s.files);
    else
        *out = s;
    return st;
}

static mr_status try_shape(mr_tune *u, int ranks, int threads, int io, bool warm)
{
    mr_status st = MR_OK;
    mr_trial t = {.ranks = ranks, .threads = threads, .io_threads = io, .warm = warm};
    MR_TRY(mr_tune_try(u, &t));
    if (mr_trial_rate(&t) > 0)
        mr_log(MR_INFO, "%d ranks x %d threads, %d I/O threads%s: %.0f Msamples/s", ranks, threads,
               io, warm ? ", warm" : "", 1e-6 * mr_trial_rate(&t));
    else
        mr_log(MR_WARN, "%d ranks x %d threads, %d I/O threads: status %d: %s", ranks, threads, io,
               t.status, t.why);
    for (size_t i = 0; i < u->n; i++) { /* of a second round the better counts */
        mr_trial *o = &u->v[i];
        if (o->ranks != ranks || o->threads != threads || o->io_threads != io || o->warm != warm)
            continue;
        if (mr_trial_rate(&t) > mr_trial_rate(o)) *o = t;
        return MR_OK;
    }
    MR_TRY(mr_grow(&u->v, &u->cap, u->n + 1, sizeof t, "the trials"));
    u->v[u->n++] = t;
out:
    return st;
}

/** The fastest, but of those that are about as fast the one with the fewest ranks and I/O threads,
 *  which needs the least memory. */
static const mr_trial *choose(const mr_tune *u)
{
    const mr_trial *best = NULL;
    double top = 0;
    for (size_t i = 0; i < u->n; i++)
        if (u->v[i].warm == u->in_memory) top = fmax(top, mr_trial_rate(&u->v[i]));
    for (size_t i = 0; i < u->n; i++) {
        const mr_trial *t = &u->v[i];
        if (t->warm != u->in_memory || mr_trial_rate(t) <= 0) continue;
        if (mr_trial_rate(t) < top * (1 - SAME)) continue;
        if (!best || t->ranks * 100 + t->io_threads < best->ranks * 100 + best->io_threads)
            best = t;
    }
    return best;
}

/** Ranks that divide the cores: at most MAX_SHAPES of them, 1 and all among them. */
static size_t shapes(int cores, size_t lanes, int *ranks)
{
    size_t n = 0;
    for (int r = 1; r <= cores && n < MAX_SHAPES; r++)
        if (cores % r == 0 && (size_t)r <= MR_MAX(lanes, (size_t)1)) ranks[n++] = r;
    if (n == MAX_SHAPES && (size_t)cores <= lanes) ranks[n - 1] = cores;
    return n;
}

static mr_status trials(mr_tune *u)
{
    mr_status st = MR_OK;
    const bool warm = u->in_memory;
    int ranks[MAX_SHAPES];
    const size_t n = shapes(u->cores, u->sample.lanes, ranks);
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < n; i++)
            MR_TRY(try_shape(u, ranks[i], u->cores / ranks[i], u->io_threads, warm));
    const mr_trial *b = choose(u);
    if (!b) {
        st = MR_RAISE(MR_EINPUT, "no trial came to its end: %s", u->n ? u->v[0].why : "");
        goto out;
    }
    const int r = b->ranks, t = b->threads;
    for (int io = 1; io <= 8; io *= 2)
        for (int round = 0; io != u->io_threads && round < ROUNDS; round++)
            MR_TRY(try_shape(u, r, t, io, warm));
    b = choose(u);
    if (!warm) MR_TRY(try_shape(u, b->ranks, b->threads, b->io_threads, true));
out:
    return st;
}

/** The first missing folder above the temporary one is ours to remove, too. */
static mr_status folder_make(const char *output, mr_tune *u, size_t *keep)
{
    mr_status st = MR_OK;
    size_t len = strlen(output);
    while (len > 1 && output[len - 1] == '/') len--;
    MR_TRY(mr_text_add(&u->folder, "%.*s.tune-%d", (int)len, output, (int)getpid()));
    *keep = u->folder.len;
    for (size_t i = u->folder.len; i-- > 1;) {
        if (u->folder.s[i] != '/') continue;
        u->folder.s[i] = '\0';
        const bool there = access(u->folder.s, F_OK) == 0;
        u->folder.s[i] = '/';
        if (there) break;
        *keep = i;
    }
    MR_TRY(mr_mkdirs(u->folder.s));
out:
    return st;
}

static void folder_remove(mr_tune *u, size_t keep)
{
    if (!u->folder.s) return;
    for (size_t i = u->folder.len; i >= keep && i > 0; i--)
        if (i == u->folder.len || u->folder.s[i] == '/') {
            u->folder.s[i] = '\0';
            if (rmdir(u->folder.s) != 0) break;
        }
}

/** A first short trial tells how much makes a trial of the wished length. */
static mr_status scout(mr_tune *u, const mr_plan *p, double seconds)
{
    mr_status st = MR_OK;
    mr_trial t = {.ranks = 1, .threads = u->cores, .io_threads = u->io_threads, .warm = true};
    MR_TRY(sample_take(p, SCOUT_BYTES, 2, &u->sample));
    MR_TRY(mr_tune_try(u, &t));
    if (mr_trial_rate(&t) <= 0) {
        st = MR_RAISE(t.status > 1 && t.status < 100 ? (mr_status)t.status : MR_EINPUT,
                      "the first trial failed: %s", t.why);
        goto out;
    }
    const double bytes = t.bytes / t.net_s * seconds;
    mr_strs_fini(&u->sample.files);
    u->sample = (mr_tune_sample){0};
    MR_TRY(sample_take(p, bytes, (size_t)u->cores, &u->sample));
out:
    return st;
}

typedef struct tune_args {
    double seconds;
    bool warm;
    const char *launcher;
} tune_args;

/** Takes tune's own options out of argv; the rest is run's. */
static mr_status own_args(int *argc, char **argv, tune_args *a)
{
    int n = 1;
    for (int i = 1; i < *argc; i++) {
        const bool seconds = strcmp(argv[i], "--seconds") == 0,
                   launcher = strcmp(argv[i], "--launcher") == 0;
        if ((seconds || launcher) && i + 1 == *argc)
            return MR_RAISE(MR_ECONFIG, "tune: %s needs a value", argv[i]);
        if (seconds) {
            char *end;
            a->seconds = strtod(argv[++i], &end);
            if (*end || !(a->seconds > 0 && a->seconds <= 3600))
                return MR_RAISE(MR_ECONFIG, "tune: --seconds %s is not a number in 0..3600",
                                argv[i]);
        } else if (launcher) {
            a->launcher = argv[++i];
        } else if (strcmp(argv[i], "--warm") == 0) {
            a->warm = true;
        } else {
            argv[n++] = argv[i];
        }
    }
    *argc = n;
    return MR_OK;
}

static mr_status tune(mr_comm *c, const mr_run_args *r, const tune_args *a)
{
    mr_status st = MR_OK;
    mr_dry d = {0};
    size_t keep = 0;
    mr_tune u = {.config = r->o.config,
                 .launcher = a->launcher,
                 .overrides = r->o.overrides,
                 .n_overrides = r->o.n_overrides,
                 .in_memory = a->warm,
                 .cores = mr_comm_node_cpus(c)};
    const ssize_t len = readlink("/proc/self/exe", u.exe, sizeof u.exe - 1);
    if (len <= 0) return MR_RAISE(MR_EBUG, "/proc/self/exe cannot be read");
    MR_TRY(mr_stop_listen());
    MR_TRY(mr_run_dry(c, &r->o, &d));
    if (!d.plan->n_lanes) {
        st = mr_plan_nothing(d.plan);
        goto out;
    }
    u.io_threads = d.cfg->io_threads;
    u.all_lanes = d.plan->n_lanes;
    MR_TRY(folder_make(d.cfg->folder, &u, &keep));
    MR_TRY(scout(&u, d.plan, a->seconds));
    MR_TRY(trials(&u));
    u.best = choose(&u);
    for (size_t i = 0; i < u.n; i++)
        if (u.v[i].warm && u.v[i].ranks == u.best->ranks && u.v[i].io_threads == u.best->io_threads)
            u.warm = &u.v[i];
    st = r->o.json ? mr_tune_json(&u) : mr_tune_show(&u);
out:
    folder_remove(&u, keep);
    mr_text_fini(&u.folder);
    mr_strs_fini(&u.sample.files);
    free(u.v);
    mr_dry_fini(&d);
    return st;
}

int mr_cli_tune(mr_comm *c, int argc, char **argv)
{
    mr_run_args r;
    tune_args a = {.seconds = 4, .launcher = "mpirun"};
    mr_status st = own_args(&argc, argv, &a);
    if (st == MR_OK) st = mr_run_args_parse(argc, argv, "json", &r);
    if (st != MR_OK) return (int)st;
    if (r.help) {
        help();
        return MR_OK;
    }
    if (mr_comm_mpi(c))
        return (int)MR_RAISE(MR_ECONFIG, "tune starts the ranks itself: run it without a launcher");
    return (int)tune(c, &r, &a);
}
