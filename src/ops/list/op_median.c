/* ops/list/op_median.c: medians over neighbours in time and channel: median filter, Hampel's
 * outliers, spikes. */
#include "millrace/op_fast.h"
#include "ops/kernels/median.h"
#include "ops/kernels/middle.h"
#include "ops/ops.h"
#include <math.h>

enum { LANES = MR_MIDDLE_LANES };

typedef struct around {
    int64_t time, channel;
    double threshold;
    mr_window2 w;
} around;

#define WINDOW_ROWS(type, t, c)                                                                    \
    {"time",                                                                                       \
     MR_INT,                                                                                       \
     offsetof(type, time),                                                                         \
     .min = 1,                                                                                     \
     .max = 625,                                                                                   \
     .def = t,                                                                                     \
     .doc = "samples of the window, an odd number"},                                               \
    {                                                                                              \
        "channel", MR_INT, offsetof(type, channel), .min = 1, .max = 625, .def = c,                \
                                                    .doc = "channels of the window, an odd number" \
    }

static mr_status window_of(around *s, mr_needs *needs)
{
    if (s->time % 2 == 0 || s->channel % 2 == 0)
        return MR_RAISE(MR_ECONFIG, "%s: %lld is even, an odd number has a middle",
                        s->time % 2 ? "channel" : "time",
                        (long long)(s->time % 2 ? s->channel : s->time));
    if (s->time * s->channel > MR_MIDDLE_MOST)
        return MR_RAISE(MR_ECONFIG, "time: %lld x channel: %lld are more than %d values",
                        (long long)s->time, (long long)s->channel, MR_MIDDLE_MOST);
    s->w = (mr_window2){s->time / 2, s->channel / 2};
    mr_window2_needs(&s->w, needs);
    needs->scratch = 2 * LANES * MR_MIDDLE_MOST;
    return MR_OK;
}

/* Calls row by row for eight outputs: v the window, x the samples themselves. */
typedef void (*of_window)(const around *s, double (*v)[LANES], const double *x, double *y);

static void each_window(const around *s, const mr_piece *p, of_window f)
{
    double(*v)[LANES] = (void *)p->scratch;
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c += LANES) {
            const size_t n = MR_MIN((size_t)LANES, p->y->nc - c);
            const int64_t at = p->y0 + (int64_t)t, ch = (int64_t)(p->yc0 + c);
            double x[LANES] = {0}, y[LANES];
            const double *from = mr_at(p->x, (size_t)(at - p->x0), (size_t)(ch - (int64_t)p->xc0));
            for (size_t k = 0; k < n; k++) x[k] = from[k];
            mr_window2_take(&s->w, p, at, ch, n, v);
            f(s, v, x, y);
            for (size_t k = 0; k < n; k++) *mr_at(p->y, t, c + k) = y[k];
        }
}

/* --- median */

static const mr_param median_params[] = {WINDOW_ROWS(around, "5", "5"), {0}};

static mr_status median_bind(void *self, MR_UNUSED const mr_geom *in, MR_UNUSED mr_geom *out,
                             mr_needs *needs)
{
    return window_of(self, needs);
}

static void median_row(const around *s, double (*v)[LANES], MR_UNUSED const double *x, double *y)
{
    mr_middle(v, mr_window2_n(&s->w), y);
}

static void median_apply(const void *self, const mr_piece *p)
{
    each_window(self, p, median_row);
}

const mr_op mr_op_median = {.name = "median",
                            .example = "time: 5, channel: 3",
                            .doc = "median over neighbours in time and channel",
                            .ref = "scipy.ndimage.median_filter(mode=reflect)",
                            .size = sizeof(around),
                            .params = median_params,
                            .bind = median_bind,
                            .map = median_apply,
                            .hints = &(const mr_hints){.bends = true}};

/* --- hampel */

static const mr_param hampel_params[] = {
    WINDOW_ROWS(around, "5", "5"),
    {"threshold", MR_F64, offsetof(around, threshold), .def = "10", .min = 1e-3, .max = 1e6,
     .doc = "samples further from their window's median than so many median deviations become it"},
    {0}};

static mr_status hampel_bind(void *self, MR_UNUSED const mr_geom *in, MR_UNUSED mr_geom *out,
                             mr_needs *needs)
{
    around *s = self;
    if (s->time * s->channel < 3)
        return MR_RAISE(MR_ECONFIG, "time: 1, channel: 1: a window of one sample has no outlier");
    return window_of(s, needs);
}

static void hampel_row(const around *s, double (*v)[LANES], const double *x, double *y)
{
    const size_t n = mr_window2_n(&s->w);
    double(*d)[LANES] = v + MR_MIDDLE_MOST, med[LANES], mad[LANES];
    for (size_t k = 0; k < n; k++)
        for (size_t c = 0; c < LANES; c++) d[k][c] = v[k][c];
    mr_middle(v, n, med);
    for (size_t k = 0; k < n; k++)
        for (size_t c = 0; c < LANES; c++) d[k][c] = fabs(d[k][c] - med[c]);
    mr_middle(d, n, mad);
    for (size_t c = 0; c < LANES; c++)
        y[c] = fabs(x[c] - med[c]) > s->threshold * mad[c] ? med[c] : x[c];
}

static void hampel_apply(const void *self, const mr_piece *p)
{
    each_window(self, p, hampel_row);
}

const mr_op mr_op_hampel = {
    .name = "hampel",
    .example = "time: 5, channel: 3, threshold: 3",
    .doc = "outliers become their neighbours' median",
    .ref = "Hampel 1974; Pearson 2002: |x - median| > threshold * MAD of the window",
    .size = sizeof(around),
    .params = hampel_params,
    .bind = hampel_bind,
    .map = hampel_apply,
    .hints = &(const mr_hints){.bends = true}};

/* --- despike */

static const mr_param despike_params[] = {
    {"time", MR_INT, offsetof(around, time), .min = 1, .max = 625, .def = "5",
     .doc = "samples over which medians of the channels are smoothed by a median, an odd number"},
    {"channel", MR_INT, offsetof(around, channel), .min = 3, .max = 625, .def = "51",
     .doc = "channels whose magnitudes' median a sample is compared with, an odd number"},
    {"threshold", MR_F64, offsetof(around, threshold), .def = "10", .min = 1e-3, .max = 1e6,
     .doc = "samples of a greater multiple of it are spikes"},
    {0}};

static mr_status despike_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                              mr_needs *needs)
{
    around *s = self;
    mr_status st = MR_OK;
    if (in->nc < 2) return MR_RAISE(MR_ECONFIG, "one channel has no neighbours to be filled from");
    const int64_t time = s->time;
    s->time = 1; /* one after the other, not the product */
    st = window_of(s, needs);
    s->time = time;
    if (st != MR_OK) return st;
    if (time % 2 == 0)
        return MR_RAISE(MR_ECONFIG, "time: %lld is even, an odd number has a middle",
                        (long long)time);
    s->w.ht = time / 2;
    needs->before = needs->after = (size_t)(time / 2);
    /* the channels from which a spike is filled are looked at the same way */
    needs->ch_before = needs->ch_after = (size_t)(2 * s->w.hc);
    needs->scratch = LANES * MR_MIDDLE_MOST;
    needs->scratch_rows = (size_t)time + 2;
    return MR_OK;
}

static int64_t mirrored(int64_t i, int64_t a, int64_t b)
{
    while (i < a || i >= b) i = i < a ? 2 * a - 1 - i : 2 * b - 1 - i;
    return i;
}

/* Medians over channels of the magnitudes at sample t -> m[x->nc], for the array's channels [c.a,
 * c.b). */
static void level_at(const around *s, const mr_piece *p, int64_t t, mr_slab c, double (*v)[LANES],
                     double *m)
{
    const mr_window2 row = {0, s->w.hc};
    for (int64_t at = c.a; at < c.b; at += LANES) {
        const size_t n = (size_t)MR_MIN((int64_t)LANES, c.b - at);
        double y[LANES];
        mr_window2_take(&row, p, t, at, n, v);
        for (size_t k = 0; k < mr_window2_n(&row); k++)
            for (size_t l = 0; l < LANES; l++) v[k][l] = fabs(v[k][l]);
        mr_middle(v, mr_window2_n(&row), y);
        for (size_t k = 0; k < n; k++) m[(size_t)(at - (int64_t)p->xc0) + k] = y[k];
    }
}

/* A spike's place from the nearest good channels on both sides, within hc; of one side where the
 * other has none, itself where neither has. */
static double filled(const around *s, const mr_piece *p, const double *x, const double *good,
                     int64_t c)
{
    const int64_t lo = MR_MAX(c - s->w.hc, 0), hi = MR_MIN(c + s->w.hc, (int64_t)p->nc - 1);
    const int64_t x0 = (int64_t)p->xc0;
    int64_t a = c, b = c;
    while (a > lo && !(good[a - x0] > 0)) a--;
    while (b < hi && !(good[b - x0] > 0)) b++;
    const bool left = good[a - x0] > 0, right = good[b - x0] > 0;
    if (!left && !right) return x[c - x0];
    if (!left || !right) return x[(left ? a : b) - x0];
    return x[a - x0] + (x[b - x0] - x[a - x0]) * (double)(c - a) / (double)(b - a);
}

static void despike_apply(const void *self, const mr_piece *p)
{
    const around *s = self;
    const size_t w = p->x->nc, n_t = (size_t)s->time;
    double(*v)[LANES] = (void *)p->scratch;
    double *level = p->scratch + LANES * MR_MIDDLE_MOST, *good = level + n_t * w;
    const int64_t first = (int64_t)p->yc0, end = first + (int64_t)p->y->nc;
    /* where a fill may look: of these the level has to be known */
    const mr_slab c = {MR_MAX(first - s->w.hc, 0), MR_MIN(end + s->w.hc, (int64_t)p->nc)};
    int64_t have = INT64_MIN; /* rows of level up to here, number i in row i mod n_t */
    for (size_t t = 0; t < p->y->nt; t++) {
        const int64_t at = p->y0 + (int64_t)t;
        for (int64_t i = MR_MAX(at - s->w.ht, have); i <= at + s->w.ht; i++)
            level_at(s, p, mirrored(i, p->span.a, p->span.b), c, v,
                     level + (size_t)(i - mr_div_floor(i, s->time) * s->time) * w);
        have = at + s->w.ht + 1;
        const double *x = mr_at(p->x, (size_t)(at - p->x0), 0);
        for (int64_t k = c.a; k < c.b; k++) {
            double of[MR_MIDDLE_MOST];
            const size_t j = (size_t)(k - (int64_t)p->xc0);
            for (size_t i = 0; i < n_t; i++) of[i] = level[i * w + j];
            good[j] = fabs(x[j]) > s->threshold * mr_median(of, n_t) ? 0 : 1;
        }
        for (int64_t k = first; k < end; k++) {
            const size_t j = (size_t)(k - (int64_t)p->xc0);
            *mr_at(p->y, t, (size_t)(k - first)) = good[j] > 0 ? x[j] : filled(s, p, x, good, k);
        }
    }
}

const mr_op mr_op_despike = {
    .name = "despike",
    .example = "time: 5, channel: 9, threshold: 3",
    .doc = "spikes filled from the nearest good channels",
    .ref = "|x| over its median along channels, then time; linear between neighbours "
           "(Isken et al. 2022)",
    .size = sizeof(around),
    .params = despike_params,
    .bind = despike_bind,
    .map = despike_apply};
