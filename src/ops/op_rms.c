/* ops/op_rms.c: root mean square over a trailing window. The sum over n samples that end at t is
 * the tail of one stretch of n samples plus the head of the next, stretches lying on multiples of
 * n: no difference of large sums is taken, and the bits do not depend on where blocks are cut. */
#include "ops/ops.h"
#include <math.h>
#include <string.h>

typedef struct rms {
    int64_t window_ns, step_ns;
    int64_t n, step; /* in samples */
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
    needs->before = (size_t)s->n - 1;
    needs->down = (size_t)s->step;
    needs->blank_head = (size_t)s->n - 1;
    needs->scratch_rows = 1;
    return MR_OK;
}

/* Rows [a, b) of x become the sums of squares from each row to b. */
static void tails(const mr_view *x, size_t a, size_t b)
{
    for (size_t t = b; t-- > a;)
        for (size_t c = 0; c < x->nc; c++) {
            double *v = mr_at(x, t, c);
            *v = t + 1 < b ? *v * *v + v[x->stride] : *v * *v;
        }
}

static void rms_apply(const void *self, const mr_piece *p)
{
    const rms *s = self;
    const mr_view *x = p->x;
    const int64_t n = s->n, last = (p->y0 + (int64_t)p->y->nt - 1) * s->step;
    int64_t next = p->y0 * s->step, t = mr_div_floor(next, n) * n;
    double *head = p->scratch; /* sums of squares since the stretch began */
    const double per = 1.0 / (double)n;
    size_t row = 0;
    t = MR_MAX(t, p->x0);
    memset(head, 0, x->nc * sizeof *head);
    for (; t <= last; t++) {
        if (t % n == 0 && t > p->x0) {
            tails(x, (size_t)(MR_MAX(t - n, p->x0) - p->x0), (size_t)(t - p->x0));
            memset(head, 0, x->nc * sizeof *head);
        }
        const double *v = mr_at(x, (size_t)(t - p->x0), 0);
        for (size_t c = 0; c < x->nc; c++) head[c] += v[c] * v[c];
        if (t != next) continue;
        int64_t first = MR_MAX(t - n + 1, p->x0), stretch = mr_div_floor(t, n) * n;
        const double *tail = first < stretch ? mr_at(x, (size_t)(first - p->x0), 0) : NULL;
        double *y = mr_at(p->y, row++, 0);
        for (size_t c = 0; c < x->nc; c++) y[c] = sqrt(per * (head[c] + (tail ? tail[c] : 0)));
        next += s->step;
    }
}

const mr_op mr_op_rms = {.name = "rms",
                         .example = "window: 500 ms, step: 100 ms",
                         .doc = "root mean square over a trailing window",
                         .ref = "sqrt of the rolling mean of squares",
                         .size = sizeof(rms),
                         .params = rms_params,
                         .bind = rms_bind,
                         .apply = rms_apply};
