/* configs/plugin/levels.c: a fold with an axis of its own: which share of each interval's samples
 * is how loud, in classes of decibels. Compiled and used as teager.c beside it:
 *
 *   chain: [levels: {interval: 1 min, from: -40, to: 60, step: 5}]                              */
#include <math.h>
#include "millrace/op.h"

#define MOST 256 /* classes */

typedef struct levels {
    int64_t interval_ns;   /* parameters */
    double from, to, step; /* dB */
    size_t n;              /* bind's own: classes, and where each begins */
    double begin[MOST];
} levels;

static const mr_param params[] = {
    {"interval", MR_NS, offsetof(levels, interval_ns), .min = 1e-3, .max = 86400, .def = "1 min",
     .doc = "UTC window of a row"},
    {"from", MR_F64, offsetof(levels, from), .min = -400, .max = 400, .def = "-40",
     .doc = "lower edge of the first class, in dB of one unit; what is lower counts there"},
    {"to", MR_F64, offsetof(levels, to), .min = -400, .max = 400, .def = "60",
     .doc = "upper edge of the last, which has all that is higher"},
    {"step", MR_F64, offsetof(levels, step), .min = 0.01, .max = 100, .def = "5",
     .doc = "width of a class in dB"},
    {0}};

static mr_status bind(void *self, MR_UNUSED const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    levels *s = self;
    const double n = ceil((s->to - s->from) / s->step - 1e-9);
    if (!(n >= 1 && n <= MOST))
        return MR_RAISE(MR_ECONFIG, "from %g to %g by %g dB: 1 to %d classes are possible", s->from,
                        s->to, s->step, MOST);
    s->n = (size_t)n;
    for (size_t i = 0; i < s->n; i++) s->begin[i] = s->from + (double)i * s->step;
    needs->items = (mr_items){.hop = 1, .len = 1, .least = 1}; /* single samples */
    needs->row_ns = s->interval_ns;
    needs->state = s->n;
    out->rate_hz = 1e9 / (double)s->interval_ns;
    out->quantity = "share_of_samples";
    out->unit = "1";
    out->n_axes = 1;
    out->axis[0] = (mr_axis){
        .name = "level", .unit = "dB", .doc = "lower edge of a class", .n = s->n, .v = s->begin};
    return MR_OK;
}

static void take(const void *self, const mr_fold *f, mr_slab items)
{
    const levels *s = self;
    for (int64_t k = items.a; k < items.b; k++)
        for (size_t c = 0; c < f->x->nc; c++) {
            if (mr_fold_bad(f, k, c)) continue;
            const double db = 20 * log10(fabs(*mr_at(f->x, (size_t)(k - f->x0), c)));
            const double at = floor((db - s->from) / s->step); /* -inf for 0 */
            const size_t i = at > 0 ? (size_t)MR_MIN(at, (double)s->n - 1) : 0;
            f->acc[i * f->stride + c]++;
            f->count[c]++;
        }
}

static void give(MR_UNUSED const void *self, const double *acc, const double *count, size_t stride,
                 MR_UNUSED double *scratch, mr_view *y)
{
    for (size_t i = 0; i < y->nt; i++)
        for (size_t c = 0; c < y->nc; c++) *mr_at(y, i, c) = acc[i * stride + c] / count[c];
}

static const mr_op op = {.name = "levels",
                         .doc = "share of each interval's samples in classes of decibels",
                         .ref = "numpy.histogram of 20 log10 |x|, over the number of samples",
                         .example = "interval: 2 s, from: -20, to: 20, step: 10",
                         .size = sizeof(levels),
                         .params = params,
                         .bind = bind,
                         .fold = &(const mr_reducer){.take = take, .give = give}};
MR_PLUGIN(&op);
