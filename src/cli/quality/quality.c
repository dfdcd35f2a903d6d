/* cli/quality/quality.c: `millrace quality PATH`: is every channel alive? Without a config: figures
 * of each channel and interval as CSV, a list of channels to leave out, a picture. One process
 * reads. */
#include "cli/quality/quality.h"
#include "base/quantity.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "cli/common/samples.h"
#include "cli/view/view.h"
#include "plan/config/config.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { O_OUT, O_INTERVAL, O_LIMIT, O_CONFIG, O_QUIET };
static const mr_opt table[] = {
    [O_OUT] = {"output", "FOLDER", "quality", "for quality.csv, bad.csv, quality.png (also -o)"},
    [O_INTERVAL] = {"interval", "T", NULL,
                    "length of the intervals (default: by the time there is)"},
    [O_LIMIT] = {"limit", "X", NULL, "clipped: magnitudes from X on, in the unit of the samples"},
    [O_CONFIG] = {"config", "FILE", NULL, "read recordings by its input.map"},
    [O_QUIET] = {"quiet", NULL, NULL, "print nothing but errors"},
    {0}};

/* A channel is bad from these on; all are said in bad.csv. */
#define MISSING 0.5   /* share that is not finite */
#define STILL 0.5     /* share that does not change */
#define CLIPPED 0.001 /* share at the limit */
#define QUIET 0.01    /* deviation, of the median of all channels */
#define LOUD 10.0     /* the same */
#define SPIKY 30.0    /* kurtosis, and ten times the median of all */
#define MOST_SUMS 4e6 /* channels x intervals held at once: 0.7 GB */
enum { ROWS = 200 };  /* intervals that are aimed at */

typedef struct work {
    mr_source s;
    mr_weigher w;
    int64_t step_ns, first; /* intervals lie on the UTC grid: the number of the first */
    size_t rows;
    mr_sums *sums;   /* [rows][s.nc] */
    mr_still *still; /* [s.nc] */
    int64_t next_ns; /* when the rows behind the last begin */
    mr_figures *all; /* [s.nc] */
} work;

static void work_fini(work *q)
{
    mr_source_fini(&q->s);
    mr_weigher_fini(&q->w);
    free(q->sums);
    free(q->still);
    free(q->all);
}

static mr_status take(void *self, int64_t t_ns, double dt_ns, uint64_t first, const mr_view *rows)
{
    work *q = self;
    if (fabs((double)(t_ns - q->next_ns)) > 1.5 * dt_ns)
        memset(q->still, 0, (size_t)q->s.nc * sizeof *q->still);
    q->next_ns = t_ns + (int64_t)llround(dt_ns * (double)rows->nt);
    for (size_t t = 0; t < rows->nt;) {
        const int64_t at = t_ns + (int64_t)llround(dt_ns * (double)t);
        const int64_t k = mr_div_floor(at, q->step_ns);
        const double left = ceil((double)((k + 1) * q->step_ns - at) / dt_ns - 1e-6);
        const size_t n = MR_MIN((size_t)fmax(left, 1), rows->nt - t);
        const mr_view part = {
            .d = mr_at(rows, t, 0), .nt = n, .nc = rows->nc, .stride = rows->stride};
        if (k >= q->first && k < q->first + (int64_t)q->rows) {
            mr_sums *sums = q->sums + (size_t)(k - q->first) * q->s.nc + first;
            mr_sums_add(&q->w, sums, q->still + first, &part);
            mr_sums_bands(&q->w, sums, &part);
        }
        t += n;
    }
    return MR_OK;
}

/* The step of the grid that gives about ROWS intervals, at least a thousand samples each. */
static int64_t choose_step(const mr_source *s)
{
    static const int64_t steps_s[] = {1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 21600, 86400};
    const double want = fmax((double)(s->t1_ns - s->t0_ns) / ROWS, 1000 * s->dt_ns);
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++)
        if ((double)steps_s[i] * 1e9 >= want) return steps_s[i] * 1000000000;
    return (int64_t)ceil(want / 86400e9) * 86400000000000;
}

static int by_time(const void *a, const void *b)
{
    const mr_piece *x = a, *y = b;
    return (x->info.t0_ns > y->info.t0_ns) - (x->info.t0_ns < y->info.t0_ns);
}

static mr_status weigh(work *q, const mr_opts *o)
{
    mr_status st = MR_OK;
    double limit = 0;
    mr_source *s = &q->s;
    if (o->val[O_LIMIT]) MR_TRY(mr_quantity_parse(o->val[O_LIMIT], MR_DIM_NONE, &limit));
    q->step_ns = choose_step(s);
    if (o->val[O_INTERVAL]) MR_TRY(mr_duration_parse(o->val[O_INTERVAL], &q->step_ns));
    if ((double)q->step_ns < 2 * s->dt_ns) {
        st = MR_RAISE(MR_ECONFIG, "--interval %s is under two samples", o->val[O_INTERVAL]);
        goto out;
    }
    q->first = mr_div_floor(s->t0_ns, q->step_ns);
    const double rows = (double)(mr_div_floor(s->t1_ns - 1, q->step_ns) - q->first + 1);
    if (rows * (double)s->nc > MOST_SUMS) {
        st = MR_RAISE(MR_ECONFIG, "%.0f intervals of %llu channels are too many; --interval %.0fs",
                      rows, (unsigned long long)s->nc,
                      ceil(1e-9 * (double)q->step_ns * rows * (double)s->nc / MOST_SUMS));
        goto out;
    }
    q->rows = (size_t)rows;
    MR_TRY(mr_weigher_init(&q->w, 1e9 / s->dt_ns, limit));
    MR_TRY(mr_alloc(q->rows * s->nc, sizeof *q->sums, "figures", &q->sums));
    MR_TRY(mr_alloc(s->nc, sizeof *q->still, "figures", &q->still));
    qsort(s->v, s->n, sizeof *s->v, by_time);
    for (size_t i = 0; i < s->n; i++) {
        st = mr_source_read(s, i, 0, s->nc, s->t0_ns, s->t1_ns, take, q);
        if (st == MR_EINPUT) { /* a file that ends early, a chunk that is torn */
            mr_log(MR_WARN, "%s: %s", s->v[i].path, mr_error());
            mr_error_clear();
            st = MR_OK;
        }
        MR_TRY(st);
    }
out:
    return st;
}

/* --- out ------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const mr_figures *f, size_t n, bool kurtosis, double *v)
{
    size_t k = 0;
    for (size_t c = 0; c < n; c++) {
        const double x = kurtosis ? fabs(f[c].kurtosis) : f[c].std;
        if (isfinite(x)) v[k++] = x;
    }
    qsort(v, k, sizeof *v, ascending);
    return k ? v[k / 2] : 0;
}

/* Why a channel is to be left out, or NULL. */
static const char *verdict(const mr_figures *f, double std, double kurtosis)
{
    if (!f->n || f->nan >= MISSING) return "missing";
    if (f->still >= STILL || f->std <= QUIET * std) return "dead";
    if (f->std >= LOUD * std) return "noisy";
    if (f->clipped >= CLIPPED) return "clipped";
    if (f->kurtosis >= SPIKY && f->kurtosis >= 10 * kurtosis) return "spiky";
    return NULL;
}

static mr_status add_figures(mr_text *t, const mr_figures *f)
{
    const double v[] = {f->nan, f->clipped, f->still,    f->lo,       f->hi,       f->mean,
                        f->rms, f->std,     f->kurtosis, f->power[0], f->power[1], f->power[2]};
    mr_status st = mr_text_add(t, "%llu", (unsigned long long)f->n);
    for (size_t i = 0; i < sizeof v / sizeof *v && st == MR_OK; i++)
        st = isnan(v[i]) ? mr_text_add(t, ",") : mr_text_add(t, ",%.9g", v[i]);
    return st == MR_OK ? mr_text_add(t, "\n") : st;
}

static mr_status write_text(const char *folder, const char *name, const mr_text *t)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    FILE *f = NULL;
    MR_TRY(mr_text_add(&path, "%s/%s", folder, name));
    f = fopen(path.s, "w");
    if (!f || fwrite(t->s, 1, t->len, f) != t->len)
        st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path.s, strerror(errno));
    if (f && fclose(f) != 0 && st == MR_OK)
        st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path.s, strerror(errno));
out:
    mr_text_fini(&path);
    return st;
}

static const char columns[] = "n,nan,clipped,still,min,max,mean,rms,std,kurtosis";

static mr_status add_header(const work *q, const char *first, mr_text *t)
{
    mr_status st = mr_text_add(t, "%s,%s", first, columns);
    for (int b = 0; b < MR_BANDS && st == MR_OK; b++)
        st = mr_text_add(t, ",power_%g_%g_hz", q->w.band[b][0], q->w.band[b][1]);
    return st == MR_OK ? mr_text_add(t, "\n") : st;
}

/* A line for each channel and interval that has samples. */
static mr_status write_figures(const work *q, const char *folder)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    char iso[40];
    MR_TRY(add_header(q, "start,channel", &t));
    for (size_t k = 0; k < q->rows; k++)
        for (size_t c = 0; c < q->s.nc; c++) {
            const mr_sums *s = q->sums + k * q->s.nc + c;
            if (!s->n && !s->nan) continue;
            const mr_figures f = mr_sums_figures(&q->w, s);
            MR_TRY(mr_text_add(&t, "%s,%zu,", mr_utc_iso((q->first + (int64_t)k) * q->step_ns, iso),
                               c));
            MR_TRY(add_figures(&t, &f));
        }
    st = write_text(folder, "quality.csv", &t);
out:
    mr_text_fini(&t);
    return st;
}

static mr_status write_bad(work *q, const char *folder, bool quiet)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    double *v = NULL;
    const size_t nc = (size_t)q->s.nc;
    size_t n = 0;
    MR_TRY(mr_alloc(nc, sizeof *q->all, "figures", &q->all));
    MR_TRY(mr_alloc_f64(nc, "figures", &v));
    for (size_t c = 0; c < nc; c++) {
        mr_sums sum = {0};
        for (size_t k = 0; k < q->rows; k++) mr_sums_merge(&sum, q->sums + k * nc + c);
        q->all[c] = mr_sums_figures(&q->w, &sum);
    }
    const double std = median(q->all, nc, false, v), kurtosis = median(q->all, nc, true, v);
    MR_TRY(add_header(q, "channel,distance,why", &t));
    for (size_t c = 0; c < nc; c++) {
        const char *why = verdict(&q->all[c], std, kurtosis);
        if (!why) continue;
        n++;
        MR_TRY(mr_text_add(&t, "%zu,%.9g,%s,", c, q->s.x0_m + (double)c * q->s.dx_m, why));
        MR_TRY(add_figures(&t, &q->all[c]));
        if (!quiet && n <= 20) printf("channel %zu: %s\n", c, why);
    }
    MR_TRY(write_text(folder, "bad.csv", &t));
    if (!quiet)
        printf("%zu of %zu channels to leave out%s: %s/bad.csv\n", n, nc,
               n > 20 ? ", the first said" : "", folder);
out:
    free(v);
    mr_text_fini(&t);
    return st;
}

/* Three pictures of channel x time: deviation, kurtosis, share not to be used. */
static mr_status draw(const work *q, const char *arg, const char *folder)
{
    static const char *const title[] = {"standard deviation", "kurtosis (0: Gaussian)",
                                        "missing, still or clipped"};
    mr_status st = MR_OK;
    mr_cells cells[3] = {0};
    mr_panel panel[3];
    mr_text bytes = {0}, path = {0};
    double *v = NULL;
    size_t w, h;
    const size_t nc = (size_t)q->s.nc;
    const mr_page page = {.share = 0.98, .title = arg};
    MR_TRY(mr_alloc_f64(nc, "a row", &v));
    for (int i = 0; i < 3; i++) {
        MR_TRY(mr_cells_init(&cells[i], q->first * q->step_ns,
                             (q->first + (int64_t)q->rows) * q->step_ns, (double)q->step_ns, nc,
                             q->s.x0_m, q->s.dx_m));
        for (size_t k = 0; k < q->rows; k++) {
            for (size_t c = 0; c < nc; c++) {
                const mr_sums *s = q->sums + k * nc + c;
                const mr_figures f = mr_sums_figures(&q->w, s);
                v[c] = i == 0               ? f.std
                       : i == 1             ? f.kurtosis
                       : s->n + s->nan == 0 ? NAN
                                            : 100 * fmin(f.nan + f.still + f.clipped, 1);
            }
            const mr_view row = {.d = v, .nt = 1, .nc = nc, .stride = nc};
            mr_cells_add(&cells[i], (q->first + (int64_t)k) * q->step_ns, (double)q->step_ns, 0,
                         &row);
        }
        const mr_file_info *f = &q->s.v[0].info;
        panel[i] = (mr_panel){.cells = &cells[i],
                              .title = title[i],
                              .unit = i == 0   ? f->unit
                                      : i == 1 ? "kurtosis"
                                               : "% of the samples"};
    }
    MR_TRY(mr_picture_draw(panel, 3, &page, MR_PEN_PNG, &bytes, &w, &h));
    MR_TRY(mr_text_add(&path, "%s/quality.png", folder));
    MR_TRY(mr_picture_write(path.s, &bytes));
out:
    for (int i = 0; i < 3; i++) mr_cells_fini(&cells[i]);
    mr_text_fini(&bytes);
    mr_text_fini(&path);
    free(v);
    return st;
}

/* A folder of its own, that nothing of others is written over in. */
static mr_status make_folder(const char *folder)
{
    struct stat sb;
    mr_text path = {0};
    mr_status st = mr_mkdirs(folder);
    if (st == MR_OK) st = mr_text_add(&path, "%s/.millrace", folder);
    if (st == MR_OK && stat(path.s, &sb) == 0)
        st = MR_RAISE(MR_ECONFIG, "%s is the output of a run; name another folder", folder);
    mr_text_fini(&path);
    return st;
}

static mr_status quality(const char *arg, const mr_opts *o)
{
    mr_status st = MR_OK;
    const char *folder = o->val[O_OUT];
    mr_strs files = {0};
    mr_prober *prober = NULL;
    mr_config *cfg = NULL;
    work q = {.s.stored = true, .next_ns = INT64_MIN / 2};
    if (o->val[O_CONFIG]) MR_TRY(mr_config_load(o->val[O_CONFIG], NULL, 0, &cfg));
    MR_TRY(mr_prober_new(1, cfg ? cfg->map : NULL, &prober));
    mr_prober_pick(prober, cfg ? cfg->dataset : NULL);
    MR_TRY(mr_view_files(arg, &files));
    MR_TRY(mr_source_open(prober, arg, &files, &q.s));
    if (q.s.product) {
        st = MR_RAISE(MR_EINPUT, "%s: holds a product, no samples", arg);
        goto out;
    }
    MR_TRY(make_folder(folder));
    MR_TRY(weigh(&q, o));
    MR_TRY(write_figures(&q, folder));
    MR_TRY(draw(&q, arg, folder));
    MR_TRY(write_bad(&q, folder, o->val[O_QUIET] != NULL));
out:
    work_fini(&q);
    mr_strs_fini(&files);
    mr_prober_free(prober);
    mr_config_free(cfg);
    return st;
}

int mr_cli_quality(int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0) argv[i] = (char *)"--output";
    MR_TRY(mr_opts_parse(table, argc, argv, 0, 1, &o));
    if (o.help)
        mr_opts_help(
            "quality PATH [options]\n\nIs every channel alive? Of each channel and interval: "
            "samples, "
            "shares that are NaN, clipped or\nwithout change for a second, lowest, highest, mean, "
            "rms, "
            "deviation, kurtosis, power in three bands.\nquality.csv has them all, quality.png "
            "shows "
            "them, bad.csv lists channels: missing (half NaN),\ndead (half without change, "
            "or "
            "1 % of the median deviation), noisy (10 x), clipped (0.1 % of samples\nat the limit; "
            "without --limit: at a highest or lowest value that comes again), spiky (kurtosis);\n"
            "input: {channels: {except: quality/bad.csv}} leaves these out.\n",
            table);
    else if (!o.n_args)
        st = MR_RAISE(MR_ECONFIG, "quality: of what? millrace quality FOLDER");
    else
        st = quality(o.arg[0], &o);
out:
    return (int)st;
}
