/* configs/plugin/maxima.c: a table: the largest sample of each channel in each window of UTC, where
 * it is above a threshold. Compiled and used as teager.c beside it:
 *
 *   chain: [bandpass: {band: 1..20 Hz}, maxima: {above: 1e-7, window: 10 s}]
 *
 * Its rows stand in events.h5 and events.csv. */
#include <math.h>
#include "millrace/op.h"

typedef struct maxima {
    double above; /* parameters */
    int64_t window_ns;
} maxima;

enum { PEAK, AT, ROWS }; /* a channel's state; PEAK 0: nothing above yet */

static const mr_param params[] = {{"above", MR_F64, offsetof(maxima, above), .min = 0, .max = 1e300,
                                   .doc = "smaller magnitudes are none"},
                                  {"window", MR_NS, offsetof(maxima, window_ns), .min = 1e-2,
                                   .max = 86400, .def = "10 s",
                                   .doc = "of which there is one at most, on each channel"},
                                  {0}};

static mr_status bind(void *self, MR_UNUSED const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    needs->items = (mr_items){.hop = 1, .len = 1, .least = 1};
    needs->row_ns = ((maxima *)self)->window_ns; /* cells; they need no others: no context */
    needs->state = ROWS;
    out->quantity = "picks";
    return MR_OK;
}

static void pick(const void *self, const mr_fold *f, mr_slab items, const mr_cell *cell,
                 mr_picks *out)
{
    const maxima *s = self;
    double *peak = f->acc + PEAK * f->stride, *at = f->acc + AT * f->stride;
    for (int64_t k = items.a; k < items.b; k++)
        for (size_t c = 0; c < f->x->nc; c++) {
            const double x = fabs(*mr_at(f->x, (size_t)(k - f->x0), c));
            if (mr_fold_bad(f, k, c) || !(x > s->above && x > peak[c])) continue;
            peak[c] = x;
            at[c] = (double)k;
        }
    if (items.b < MR_MIN(cell->at.b, f->span.b)) return; /* more of this cell is to come */
    for (size_t c = 0; c < f->x->nc; c++) {
        const int64_t k = (int64_t)at[c];
        if (peak[c] > 0)
            mr_picks_add(
                out,
                &(mr_pick){
                    .on = k, .off = k + 1, .peak_at = k, .peak = peak[c], .channel = (uint32_t)c});
        peak[c] = at[c] = 0;
    }
}

static const mr_op op = {.name = "maxima",
                         .doc = "largest magnitude of each window, for a table",
                         .ref = "numpy.argmax(abs) of each window",
                         .example = "above: 1, window: 2 s",
                         .size = sizeof(maxima),
                         .params = params,
                         .bind = bind,
                         .pick = pick};
MR_PLUGIN(&op);
