/* ops/list/op_stats.c: what the samples of each UTC interval come to, per channel. Samples that are
 * NaN are left out. */
#include "ops/ops.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ABS, MEAN, RMS, MIN, MAX, COUNT, N_WHAT, WIDE = 32, STRIPE = 96 };

typedef struct stats {
    int64_t interval_ns;
    int what;
    size_t n;                  /* of them */
    int kind[N_WHAT];          /* in the order of the rows */
    const char *label[N_WHAT]; /* their names */
} stats;

static const char *const stats_what[] = {"max_abs", "mean", "rms", "min", "max", "count", NULL};

static const mr_param stats_params[] = {
    {"interval", MR_NS, offsetof(stats, interval_ns), .min = 1e-3, .max = 7 * 86400,
     .doc = "length of the intervals, from multiples of it in UTC on"},
    {"what", MR_SET, offsetof(stats, what), .def = "max_abs", .names = stats_what,
     .doc = "one of these, or a list of them: then the output has an axis of them"},
    {0}};

static mr_status stats_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    stats *s = self;
    if ((double)s->interval_ns * 1e-9 * in->rate_hz < 2)
        return MR_RAISE(MR_ECONFIG, "interval: %g s is under two samples at %g Hz",
                        (double)s->interval_ns * 1e-9, in->rate_hz);
    s->n = 0;
    for (int k = 0; k < N_WHAT; k++)
        if (s->what >> k & 1) {
            s->label[s->n] = stats_what[k];
            s->kind[s->n++] = k;
        }
    out->rate_hz = 1e9 / (double)s->interval_ns;
    out->quantity = s->n == 1 ? s->label[0] : "statistics";
    if (s->n == 1 && s->kind[0] == COUNT) out->unit = "1";
    if (s->n > 1) {
        out->axis[0] = (mr_axis){.name = "statistic",
                                 .unit = "",
                                 .doc = "what it is",
                                 .n = s->n,
                                 .label = s->label,
                                 .choice = true};
        out->n_axes = 1;
    }
    needs->items = (mr_items){.hop = 1, .len = 1, .least = 1};
    needs->row_ns = s->interval_ns;
    needs->state = s->n;
    needs->stripe = STRIPE;
    return MR_OK;
}

/* One kind over n rows of w <= WIDE channels into acc[w]; first: nothing is in there yet. */
#define OVER_ROWS(update)                                                                          \
    do {                                                                                           \
        for (size_t t = 0; t < n; t++) {                                                           \
            const double *restrict v = x + t * stride;                                             \
            for (size_t c = 0; c < w; c++) update;                                                 \
        }                                                                                          \
    } while (0)

static inline __attribute__((always_inline)) void over(int kind, const double *restrict x,
                                                       size_t stride, size_t n, size_t w,
                                                       bool first, double *restrict acc)
{
    double a[WIDE];
    memcpy(a, acc, w * sizeof *a);
    if (first && (kind == MIN || kind == MAX)) memcpy(a, x, w * sizeof *a);
    switch (kind) {
    case MAX_ABS: OVER_ROWS(a[c] = fabs(v[c]) > a[c] ? fabs(v[c]) : a[c]); break;
    case MEAN: OVER_ROWS(a[c] += v[c]); break;
    case RMS: OVER_ROWS(a[c] += v[c] * v[c]); break;
    case MIN: OVER_ROWS(a[c] = v[c] < a[c] ? v[c] : a[c]); break;
    case MAX: OVER_ROWS(a[c] = v[c] > a[c] ? v[c] : a[c]); break;
    default: break;
    }
    memcpy(acc, a, w * sizeof *a);
}

/* With the kind and, mostly, the width known when it is compiled. */
#define KIND(name, kind)                                                                           \
    MR_CLONES static void name(const double *x, size_t stride, size_t n, size_t w, bool first,     \
                               double *acc)                                                        \
    {                                                                                              \
        if (w == WIDE)                                                                             \
            over(kind, x, stride, n, WIDE, first, acc);                                            \
        else                                                                                       \
            over(kind, x, stride, n, w, first, acc);                                               \
    }
KIND(take_max_abs, MAX_ABS)
KIND(take_mean, MEAN)
KIND(take_rms, RMS)
KIND(take_min, MIN)
KIND(take_max, MAX)

static void take(int kind, const double *x, size_t stride, size_t n, size_t w, bool first,
                 double *acc)
{
    static void (*const of[])(const double *, size_t, size_t, size_t, bool,
                              double *) = {take_max_abs, take_mean, take_rms, take_min, take_max};
    if (kind != COUNT) of[kind](x, stride, n, w, first, acc);
}

static void stats_take(const void *self, const mr_fold *f, mr_slab items)
{
    const stats *s = self;
    const size_t n = (size_t)(items.b - items.a), nc = f->x->nc, stride = f->x->stride;
    const double *x = mr_at(f->x, (size_t)(items.a - f->x0), 0);
    for (size_t c = 0; c < nc && !f->bad; c += WIDE)
        for (size_t k = 0; k < s->n; k++)
            take(s->kind[k], x + c, stride, n, MR_MIN((size_t)WIDE, nc - c), !(f->count[c] > 0),
                 f->acc + k * f->stride + c);
    for (size_t c = 0; c < nc; c++) {
        if (!f->bad) {
            f->count[c] += (double)n;
            continue;
        }
        for (size_t t = 0; t < n; t++) {
            if (mr_fold_bad(f, items.a + (int64_t)t, c)) continue;
            for (size_t k = 0; k < s->n; k++)
                take(s->kind[k], x + t * stride + c, stride, 1, 1, !(f->count[c] > 0),
                     f->acc + k * f->stride + c);
            f->count[c]++;
        }
    }
}

static void stats_give(const void *self, const double *acc, const double *count, size_t stride,
                       MR_UNUSED double *scratch, mr_view *y)
{
    const stats *s = self;
    for (size_t k = 0; k < s->n; k++)
        for (size_t c = 0; c < y->nc; c++) {
            double v = acc[k * stride + c];
            if (s->kind[k] == MEAN) v /= count[c];
            if (s->kind[k] == RMS) v = sqrt(v / count[c]);
            if (s->kind[k] == COUNT) v = count[c];
            *mr_at(y, k, c) = v;
        }
}

const mr_op mr_op_stats = {.name = "stats",
                           .example = "interval: 2 s, what: max_abs",
                           .doc = "largest magnitude, mean, rms, ... of each interval",
                           .ref = "numpy.nanmax(abs), nanmean, nanmin, nanmax over each interval",
                           .size = sizeof(stats),
                           .params = stats_params,
                           .bind = stats_bind,
                           .fold = &(const mr_reducer){.take = stats_take, .give = stats_give}};
