/* ops/list/op_rms.c: root mean square over a trailing window: a sum of squares over cells, the
 * greatest common divisor of window and step. */
#include "millrace/op_fast.h"
#include "ops/names.h"
#include "ops/ops.h"
#include "ops/kernels/roll.h"
#include <math.h>
#include <string.h>

typedef struct rms {
    int64_t window_ns, step_ns;
    int64_t n, step, cell; /* in samples */
    mr_made made;
} rms;

static const mr_param rms_params[] = {
    {"window", MR_NS, offsetof(rms, window_ns), .min = 1e-6, .max = 86400,
     .doc = "the samples up to and with the output's time that are averaged"},
    {"step", MR_NS, offsetof(rms, step_ns), .min = 1e-6, .max = 86400, .def = "",
     .doc = "time between outputs; every sample if left out"},
    {0}};

static mr_status rms_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    rms *s = self;
    const double window_s = (double)s->window_ns * 1e-9, step_s = (double)s->step_ns * 1e-9;
    s->n = llround(window_s * in->rate_hz);
    if (s->n < 2)
        return MR_RAISE(MR_ECONFIG, "window: %g s is under two samples at %g Hz", window_s,
                        in->rate_hz);
    s->step = s->step_ns ? llround(step_s * in->rate_hz) : 1;
    if (s->step < 1 || (s->step_ns && fabs(step_s * in->rate_hz - (double)s->step) > 1e-6))
        return MR_RAISE(MR_ECONFIG, "step: %g s is not a whole number of samples at %g Hz; %g s is",
                        step_s, in->rate_hz, (double)MR_MAX(s->step, 1) / in->rate_hz);
    out->rate_hz = in->rate_hz / (double)s->step;
    s->cell = mr_gcd(s->n, s->step);
    needs->down = (size_t)s->step;
    needs->blank_head = (size_t)s->n - 1;
    mr_roll_needs((size_t)s->n, mr_roll_rows((size_t)(s->n / s->cell)) + 1, needs);
    mr_name_made(&s->made, in, "rms", out);
    return MR_OK;
}

MR_CLONES static void root(double *y, double per, size_t w)
{
    for (size_t c = 0; c < w; c++) y[c] = sqrt(per * y[c]);
}

/* Cell k holds the samples (k - 1) * cell < t <= k * cell; the last row of the state is what is
 * there of the cell at hand. */
static void rms_apply(const void *self, const mr_piece *p)
{
    const rms *s = self;
    const size_t w = p->x->nc, n = (size_t)(s->n / s->cell);
    mr_rolling r;
    mr_rolling_begin(&r, p, s->cell, mr_roll_rows(n) + 1);
    double *roll = r.state, *part = roll + mr_roll_rows(n) * w;
    size_t row = 0;
    while (mr_rolling_cell(&r, part)) {
        mr_roll_add(roll, n, w, r.cell, part);
        memset(part, 0, w * sizeof *part);
        if (r.cell * s->cell != (p->y0 + (int64_t)row) * s->step || row == p->y->nt) continue;
        double *y = mr_at(p->y, row++, 0);
        mr_roll_sum(roll, n, w, r.cell, y);
        root(y, 1.0 / (double)s->n, w);
    }
}

const mr_op mr_op_rms = {.name = "rms",
                         .example = "window: 500 ms, step: 100 ms",
                         .doc = "root mean square over a trailing window",
                         .ref = "sqrt of the rolling mean of squares",
                         .size = sizeof(rms),
                         .params = rms_params,
                         .bind = rms_bind,
                         .map = rms_apply,
                         .fast = &(const mr_fast){.once = true},
                         .hints = &(const mr_hints){.bends = true}};
