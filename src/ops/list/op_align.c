/* ops/list/op_align.c: samples moved to whole multiples of their step in UTC, by a part of a step,
 * so that recorders that started at any times share a grid. */
#include "ops/design/sinc.h"
#include "ops/ops.h"
#include <math.h>

typedef struct align {
    int64_t drift_ns;
} align;

static const mr_param align_params[] = {
    {"drift", MR_NS, offsetof(align, drift_ns), .min = 1e-6, .max = 60, .def = "10 ms",
     .doc = "what stamps may be off the count of samples within a span, beyond half a step; a span "
            "in which they are more is refused, by name"},
    {0}};

static mr_status align_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out, mr_needs *needs)
{
    const align *s = self;
    needs->by_stamps = (size_t)ceil((double)s->drift_ns * 1e-9 * in->rate_hz) + 1;
    needs->before = MR_SINC_HALF - 1 + needs->by_stamps;
    needs->after = MR_SINC_HALF + needs->by_stamps;
    return MR_OK;
}

static void align_apply(MR_UNUSED const void *self, const mr_piece *p)
{
    for (size_t t = 0; t < p->y->nt; t++) {
        int64_t n = p->y0 + (int64_t)t;
        double frac = 0;
        if (p->clock->place) p->clock->place(p->clock, mr_index_ns(n, 1, p->rate_hz), &n, &frac);
        mr_sinc_row(p, n, frac, mr_at(p->y, t, 0));
    }
}

const mr_op mr_op_align = {
    .name = "align",
    .example = "drift: 10 ms",
    .doc = "samples moved to the UTC grid, by parts of a step, as their stamps say",
    .ref = "a sinc at the exact place, Kaiser window of beta 10 over 32 samples on each side; "
           "zeros beyond a span's ends",
    .size = sizeof(align),
    .params = align_params,
    .bind = align_bind,
    .map = align_apply};
