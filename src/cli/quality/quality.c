/* cli/quality/quality.c: `millrace quality PATH`: is every channel alive? A run of the operator
 * `quality` over the archive, without a config, by as many ranks and threads as there are; then
 * rank 0 makes tables and pictures of its rows. */
#include "cli/quality/quality.h"
#include "base/quantity.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "run/run.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { O_OUT, O_INTERVAL, O_LIMIT, O_CONFIG, O_QUIET };
static const mr_opt table[] = {
    [O_OUT] = {"output", "FOLDER", "quality", "for quality.csv, bad.csv, pictures (also -o)"},
    [O_INTERVAL] = {"interval", "T", NULL,
                    "length of the intervals (default: by the time there is, or as it was)"},
    [O_LIMIT] = {"limit", "X", NULL, "clipped: magnitudes from X on, in the unit of the samples"},
    [O_CONFIG] = {"config", "FILE", NULL, "its input.map, channels, time and run are taken"},
    [O_QUIET] = {"quiet", NULL, NULL, "print nothing but errors"},
    {0}};

enum { ROWS = 200 }; /* intervals that are aimed at */

/* What is run: a config of our own, or somebody's with settings put over it. */
typedef struct request {
    const char *path, *folder;
    char interval[32];
    mr_text text, set[4];
    const char *overrides[4];
    mr_run_opts run;
} request;

static void request_fini(request *r)
{
    mr_text_fini(&r->text);
    for (size_t i = 0; i < 4; i++) mr_text_fini(&r->set[i]);
}

/* A path as a quoted scalar of YAML. */
static mr_status quoted(const char *s, mr_text *out)
{
    mr_status st = MR_OK;
    json_t *j = json_string(s);
    char *text = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
    st = text ? mr_text_add(out, "%s", text)
              : MR_RAISE(MR_EINPUT, "%s: its name is no UTF-8 text", s);
    free(text);
    json_decref(j);
    return st;
}

static mr_status settings(request *r, const mr_opts *o)
{
    mr_status st = MR_OK;
    mr_text files = {0}, folder = {0}, chain = {0};
    MR_TRY(quoted(r->path, &files));
    MR_TRY(quoted(r->folder, &folder));
    MR_TRY(mr_text_add(&chain, "[quality: {interval: %s%s%s}]", r->interval,
                       o->val[O_LIMIT] ? ", limit: " : "", o->val[O_LIMIT] ? o->val[O_LIMIT] : ""));
    request_fini(r);
    memset(r->set, 0, sizeof r->set);
    r->text = (mr_text){0};
    r->run = (mr_run_opts){.progress = o->val[O_QUIET] ? "never" : "auto", .quiet = true};
    if (o->val[O_CONFIG]) {
        MR_TRY(mr_text_add(&r->set[0], "input.files=%s", files.s));
        MR_TRY(mr_text_add(&r->set[1], "chain=%s", chain.s));
        MR_TRY(mr_text_add(&r->set[2], "output.folder=%s", folder.s));
        MR_TRY(mr_text_add(&r->set[3], "output.type=float64"));
        for (size_t i = 0; i < 4; i++) r->overrides[i] = r->set[i].s;
        r->run.config = o->val[O_CONFIG];
        r->run.overrides = r->overrides;
        r->run.n_overrides = 4;
    } else {
        MR_TRY(mr_text_add(&r->text,
                           "input: {files: %s}\nchain: %s\noutput: {folder: %s, type: float64}\n",
                           files.s, chain.s, folder.s));
        r->run.config = "quality";
        r->run.text = r->text.s;
    }
out:
    mr_text_fini(&files);
    mr_text_fini(&folder);
    mr_text_fini(&chain);
    return st;
}

/* The step of the grid that gives about ROWS intervals, at least a thousand samples each. */
static double choose_step(double length_s, double rate_hz)
{
    static const double steps_s[] = {1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 21600, 86400};
    const double want = fmax(length_s / ROWS, 1000 / rate_hz);
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++)
        if (steps_s[i] >= want) return steps_s[i];
    return fmin(86400 * ceil(want / 86400), 7 * 86400);
}

/* Collective: by the length of the archive. */
static mr_status look_at_length(mr_comm *c, request *r, const mr_opts *o)
{
    mr_status st = MR_OK;
    mr_dry d = {0};
    snprintf(r->interval, sizeof r->interval, "1 min");
    MR_TRY(settings(r, o));
    MR_TRY(mr_run_dry(c, &r->run, &d));
    int64_t t0 = INT64_MAX, t1 = INT64_MIN;
    double rate = INFINITY;
    for (size_t i = 0; i < d.plan->spans.n_spans; i++) {
        const mr_span *s = &d.plan->spans.span[i];
        t0 = MR_MIN(t0, s->t0_ns);
        t1 = MR_MAX(t1, s->t0_ns + mr_index_ns(s->n, 1, s->rate_hz));
        rate = fmin(rate, s->rate_hz);
    }
    if (t1 > t0)
        snprintf(r->interval, sizeof r->interval, "%.0f s",
                 choose_step(1e-9 * (double)(t1 - t0), rate));
out:
    mr_dry_fini(&d);
    return st;
}

/* Lists that no run of ours has made are not written over. */
static mr_status foreign(const char *folder)
{
    static const char *const lists[] = {"quality.csv", "bad.csv"};
    mr_status st = MR_OK;
    mr_text path = {0};
    struct stat sb;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        path.len = 0;
        MR_TRY(mr_text_add(&path, "%s/%s", folder, lists[i]));
        if (lstat(path.s, &sb) == 0)
            MR_TRY(MR_RAISE(MR_ECONFIG, "%s is there, but no run of quality; name another folder",
                            path.s));
    }
out:
    mr_text_fini(&path);
    return st;
}

/* The interval of a run that was here, into out; "" if there was none. A folder of another chain
 * is refused. */
static mr_status interval_before(const char *folder, char out[32])
{
    mr_status st = MR_OK;
    mr_text path = {0};
    json_error_t why;
    out[0] = 0;
    MR_TRY(mr_text_add(&path, "%s/.millrace/plan.json", folder));
    json_t *j = json_load_file(path.s, 0, &why);
    const json_t *lines = json_object_get(j, "plan");
    bool ours = false;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const char *s = json_string_value(json_array_get(lines, i));
        if (s && sscanf(s, "quality interval=%31[0-9a-z. ]", out) == 1) {
            char *limit = strstr(out, " limit");
            if (limit) *limit = 0;
            ours = true;
        }
    }
    if (j && !ours)
        st = MR_RAISE(MR_ECONFIG, "%s is the output of a run; name another folder", folder);
    else if (!j)
        st = foreign(folder);
    json_decref(j);
out:
    mr_text_fini(&path);
    return st;
}

static mr_status choose_interval(mr_comm *c, request *r, const mr_opts *o)
{
    mr_status st = MR_OK;
    char before[32];
    void *data = NULL;
    size_t n = sizeof before;
    struct stat sb;
    if (mr_comm_rank(c) == 0) {
        st = interval_before(r->folder, before);
        if (st == MR_OK && !strpbrk(r->path, "*?[$~") && stat(r->path, &sb) != 0)
            st = MR_RAISE(MR_EINPUT, "%s: %s", r->path, strerror(errno));
        if (st == MR_OK) st = mr_alloc(n, 1, "a setting", &data);
        if (st == MR_OK) memcpy(data, before, n);
    }
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_bcast(c, &data, &n));
    memcpy(before, data, sizeof before);
    if (o->val[O_INTERVAL])
        snprintf(r->interval, sizeof r->interval, "%.31s", o->val[O_INTERVAL]);
    else if (before[0])
        snprintf(r->interval, sizeof r->interval, "%s", before);
    else
        MR_TRY(look_at_length(c, r, o));
    MR_TRY(settings(r, o));
out:
    free(data);
    return st;
}

/* --- tables ---------------------------------------------------------------------------------- */

/* A text file that is there under its name when it is whole. */
typedef struct sheet {
    mr_text path, part;
    FILE *f;
} sheet;

static mr_status sheet_open(sheet *s, const char *folder, const char *name)
{
    mr_status st = MR_OK;
    MR_TRY(mr_text_add(&s->path, "%s/%s", folder, name));
    MR_TRY(mr_text_add(&s->part, "%s.part", s->path.s));
    s->f = fopen(s->part.s, "we");
    if (!s->f) st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", s->path.s, strerror(errno));
out:
    return st;
}

static mr_status sheet_commit(sheet *s)
{
    const bool good = !ferror(s->f) && fflush(s->f) == 0 && fsync(fileno(s->f)) == 0;
    const bool closed = fclose(s->f) == 0;
    s->f = NULL;
    if (good && closed && rename(s->part.s, s->path.s) == 0) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", s->path.s, strerror(errno));
}

static void sheet_fini(sheet *s)
{
    if (s->f) fclose(s->f);
    if (s->part.len) unlink(s->part.s); /* a whole one has another name by then */
    mr_text_fini(&s->path);
    mr_text_fini(&s->part);
}

static void print_header(const mr_quality_rows *q, const char *first, FILE *f)
{
    fprintf(f, "%s", first);
    for (int k = 0; k < MR_Q_FIGURES; k++) fprintf(f, ",%s", q->name[k]);
    fprintf(f, "\n");
}

static void print_figures(const double *v, size_t stride, FILE *f)
{
    for (int k = 0; k < MR_Q_FIGURES; k++) {
        const double x = v[(size_t)k * stride];
        if (isnan(x))
            fprintf(f, ",");
        else
            fprintf(f, ",%.9g", x);
    }
    fprintf(f, "\n");
}

typedef struct tables {
    const mr_quality_rows *q;
    FILE *f;
    mr_channel *all; /* [q->nc] */
} tables;

static mr_status take_row(void *arg, int64_t t_ns, size_t c0, size_t nc, const double *v,
                          const double *x_m)
{
    tables *t = arg;
    char iso[40];
    mr_utc_iso(t_ns, iso);
    for (size_t c = 0; c < nc; c++) {
        mr_figures one;
        mr_channel *of = &t->all[c0 + c];
        if (!(v[c] > 0)) continue; /* no sample of it */
        for (size_t k = 0; k < MR_Q_FIGURES; k++) one.v[k] = v[k * nc + c];
        of->distance_m = x_m[c];
        mr_figures_merge(&of->f, &one);
        fprintf(t->f, "%s,%zu", iso, c0 + c);
        print_figures(v + c, nc, t->f);
    }
    return MR_OK;
}

static mr_status write_bad(const tables *t, size_t n, const char *folder, bool quiet)
{
    mr_status st = MR_OK;
    sheet s = {0};
    size_t said = 0;
    MR_TRY(sheet_open(&s, folder, "bad.csv"));
    print_header(t->q, "channel,distance,why", s.f);
    for (size_t c = 0; c < t->q->nc; c++) {
        const mr_channel *of = &t->all[c];
        if (!of->why) continue;
        fprintf(s.f, "%zu,%.9g,%s", c, of->distance_m, of->why);
        print_figures(of->f.v, 1, s.f);
        if (!quiet && said++ < 20) printf("channel %zu: %s\n", c, of->why);
    }
    MR_TRY(sheet_commit(&s));
    if (!quiet)
        printf("%zu of %zu channels to leave out%s: %s/bad.csv\n", n, t->q->nc,
               n > 20 ? ", the first said" : "", folder);
out:
    sheet_fini(&s);
    return st;
}

/* Rank 0: what the lanes of the folder hold. */
static mr_status tell(const request *r, bool quiet)
{
    mr_status st = MR_OK;
    mr_quality_rows q = {0};
    sheet s = {0};
    tables t = {.q = &q};
    size_t n = 0;
    MR_TRY(mr_quality_rows_open(r->folder, &q));
    MR_TRY(mr_alloc(q.nc, sizeof *t.all, "figures", &t.all));
    MR_TRY(sheet_open(&s, r->folder, "quality.csv"));
    t.f = s.f;
    print_header(&q, "start,channel", s.f);
    MR_TRY(mr_quality_rows_each(&q, take_row, &t));
    MR_TRY(sheet_commit(&s));
    MR_TRY(mr_quality_draw(&q, r->path, r->folder));
    MR_TRY(mr_channels_judge(t.all, q.nc, &n));
    MR_TRY(write_bad(&t, n, r->folder, quiet));
out:
    sheet_fini(&s);
    free(t.all);
    mr_quality_rows_fini(&q);
    return st;
}

static mr_status quality(mr_comm *c, const mr_opts *o)
{
    mr_status st = MR_OK, ran;
    request r = {.path = o->arg[0], .folder = o->val[O_OUT]};
    const bool first = mr_comm_rank(c) == 0, quiet = o->val[O_QUIET] != NULL;
    MR_TRY(choose_interval(c, &r, o));
    ran = mr_run(c, &r.run);
    if (ran != MR_OK && ran != MR_LOSSES) {
        st = ran;
        goto out;
    }
    if (first) st = tell(&r, quiet);
    st = mr_agree(c, st);
    if (st == MR_OK) st = ran;
out:
    request_fini(&r);
    return st;
}

int mr_cli_quality(mr_comm *c, int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0) argv[i] = (char *)"--output";
    MR_TRY(mr_opts_parse(table, argc, argv, 0, 1, &o));
    if (o.help && mr_comm_rank(c) == 0)
        mr_opts_help(
            "quality PATH [options]\n\nIs every channel alive? A run without a config, by all "
            "cores "
            "or under mpirun; again to go on, or\nwhen files were added. Of each channel and "
            "interval: n samples, shares that are nan, clipped or\nconstant (without change for "
            "1 s and 100 samples), min, max, mean, rms, std, skewness, kurtosis,\npower in three "
            "bands. quality.csv has them all, bad.csv lists channels: missing (half not finite),\n"
            "dead (half constant, or 1 % of the median deviation), noisy (10 x), clipped (0.1 % "
            "of samples at\nthe limit: the integer type's, or --limit; of floats a highest or "
            "lowest value that comes three\ntimes, and twice in a row), spiky (kurtosis); input: "
            "{channels: {except: quality/bad.csv}} leaves\nthese out. quality.png shows deviation, "
            "kurtosis and what cannot be used, NAME.png each figure.\n",
            table);
    else if (!o.help && !o.n_args)
        st = MR_RAISE(MR_ECONFIG, "quality: of what? millrace quality FOLDER");
    else if (!o.help)
        st = quality(c, &o);
out:
    return (int)st;
}
