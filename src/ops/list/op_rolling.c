/* ops/list/op_rolling.c: statistics over a trailing window: mean, standard deviation, extremes,
 * median, root mean square, sum; and kurtosis. */
#include "millrace/op_fast.h"
#include "ops/kernels/trail.h"
#include "ops/names.h"
#include "ops/ops.h"
#include <math.h>
#include <string.h>

typedef struct rolling {
    int64_t window_ns, step_ns;
    int kind;
    int64_t step; /* in samples */
    mr_trail trail;
    mr_made made;
} rolling;

enum { MEAN, STD, MIN, MAX, MEDIAN, RMS, SUM };
static const char *const kinds[] = {"mean", "std", "min", "max", "median", "rms", "sum", NULL};
enum {
    MEDIAN_MOST = 65536
}; /* samples: a sorted window of one channel stays in the second cache */

#define WINDOW_ROWS(type)                                                                          \
    {"window",    MR_NS,        offsetof(type, window_ns),                                         \
     .min = 1e-6, .max = 86400, .doc = "the samples up to and with the output's time"},            \
    {                                                                                              \
        "step", MR_NS, offsetof(type, step_ns),                                                    \
            .min = 1e-6, .max = 86400, .def = "",                                                  \
            .doc = "time between outputs; every sample if left out"                                \
    }

static const mr_param rolling_params[] = {
    WINDOW_ROWS(rolling),
    {"kind", MR_ENUM, offsetof(rolling, kind), .def = "mean", .names = kinds,
     .doc = "std: without Bessel's correction; median: of the two middle values their mean"},
    {0}};
static const mr_param kurtosis_params[] = {WINDOW_ROWS(rolling), {0}};

/* Window and step in samples. */
static mr_status grid_of(rolling *s, mr_trail_kind kind, const mr_geom *in, mr_geom *out,
                         mr_needs *needs)
{
    const double window_s = (double)s->window_ns * 1e-9, step_s = (double)s->step_ns * 1e-9;
    const int64_t n = llround(window_s * in->rate_hz);
    if (n < 2)
        return MR_RAISE(MR_ECONFIG, "window: %g s is under two samples at %g Hz", window_s,
                        in->rate_hz);
    s->step = s->step_ns ? llround(step_s * in->rate_hz) : 1;
    if (s->step < 1 || (s->step_ns && fabs(step_s * in->rate_hz - (double)s->step) > 1e-6))
        return MR_RAISE(MR_ECONFIG, "step: %g s is not a whole number of samples at %g Hz; %g s is",
                        step_s, in->rate_hz, (double)MR_MAX(s->step, 1) / in->rate_hz);
    s->trail = (mr_trail){.kind = kind, .n = n, .before = n - 1};
    mr_trail_needs(&s->trail, 0, needs);
    needs->down = (size_t)s->step;
    needs->blank_head = (size_t)n - 1;
    out->rate_hz = in->rate_hz / (double)s->step;
    return MR_OK;
}

static mr_status rolling_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    static const mr_trail_kind how[] = {
        [MEAN] = MR_TRAIL_SUM, [STD] = MR_TRAIL_MOMENTS2, [MIN] = MR_TRAIL_MIN,
        [MAX] = MR_TRAIL_MAX,  [RMS] = MR_TRAIL_SQUARES,  [SUM] = MR_TRAIL_SUM};
    rolling *s = self;
    mr_status st = MR_OK;
    MR_TRY(grid_of(s, s->kind == MEDIAN ? MR_TRAIL_SUM : how[s->kind], in, out, needs));
    if (s->kind == MEDIAN && s->trail.n > MEDIAN_MOST)
        return MR_RAISE(MR_ECONFIG,
                        "window: a median takes up to %d samples, this is %lld: decimate first",
                        MEDIAN_MOST, (long long)s->trail.n);
    mr_name_made(&s->made, in, kinds[s->kind], out);
    needs->no_level = s->kind == STD;
    if (s->kind == MEDIAN) { /* one channel's window in order */
        needs->scratch_rows = 0;
        needs->scratch = (size_t)s->trail.n;
    }
out:
    return st;
}

/* Place of the first of v[n], in order, that is not below x. */
static size_t lower_bound(const double *v, size_t n, double x)
{
    size_t lo = 0;
    while (n > 0) {
        const size_t half = n / 2;
        const bool right = v[lo + half] < x;
        lo = right ? lo + half + 1 : lo;
        n = right ? n - half - 1 : half;
    }
    return lo;
}

/* The ordered window v[n] with `old` out and `x` in. */
static void replace(double *v, size_t n, double old, double x)
{
    const size_t at = lower_bound(v, n, old);
    size_t to = lower_bound(v, n, x);
    if (to > at) {
        to--;
        memmove(v + at, v + at + 1, (to - at) * sizeof *v);
    } else {
        memmove(v + to + 1, v + to, (at - to) * sizeof *v);
    }
    v[to] = x;
}

/* In channel c. Before the window is full what is there counts; the chain blanks those outputs. */
static void medians(const rolling *s, const mr_piece *p, size_t c)
{
    double *v = p->scratch;
    const size_t most = (size_t)s->trail.n;
    size_t n = 0;
    int64_t next = MR_MAX(p->y0 * s->step - s->trail.before, p->span.a); /* not yet in v */
    for (size_t m = 0; m < p->y->nt; m++) {
        const int64_t i = (p->y0 + (int64_t)m) * s->step;
        if (i - s->trail.before > next)
            next = i - s->trail.before, n = 0; /* steps beyond a window */
        for (; next <= i; next++) {
            const double x = *mr_at(p->x, (size_t)(next - p->x0), c);
            if (n == most) {
                replace(v, n, *mr_at(p->x, (size_t)(next - s->trail.n - p->x0), c), x);
                continue;
            }
            const size_t at = lower_bound(v, n, x);
            memmove(v + at + 1, v + at, (n - at) * sizeof *v);
            v[at] = x;
            n++;
        }
        *mr_at(p->y, m, c) = n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
    }
}

static void rolling_row(const void *self, const double *acc, int64_t n, MR_UNUSED const double *x,
                        double *y, size_t nc)
{
    const rolling *s = self;
    const double per = 1.0 / (double)n;
    for (size_t c = 0; c < nc; c++)
        y[c] = s->kind == MEAN  ? per * acc[c]
               : s->kind == RMS ? sqrt(per * acc[c])
               : s->kind == STD ? sqrt(per * acc[nc + c])
                                : acc[c];
}

static void rolling_apply(const void *self, const mr_piece *p)
{
    const rolling *s = self;
    if (s->kind != MEDIAN) mr_trail_run(&s->trail, s->step, p, rolling_row, s);
    for (size_t c = 0; s->kind == MEDIAN && c < p->x->nc; c++) medians(s, p, c);
}

const mr_op mr_op_rolling = {.name = "rolling",
                             .example = "window: 500 ms, step: 100 ms",
                             .doc = "mean, deviation, extremes, median, ... over a trailing window",
                             .ref = "numpy.mean, std, min, max, median, sum of each window",
                             .size = sizeof(rolling),
                             .params = rolling_params,
                             .bind = rolling_bind,
                             .map = rolling_apply,
                             .hints = &(const mr_hints){.bends = true}};

static mr_status kurtosis_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    rolling *s = self;
    mr_status st = MR_OK;
    MR_TRY(grid_of(s, MR_TRAIL_MOMENTS4, in, out, needs));
    if (s->trail.n < 4)
        return MR_RAISE(MR_ECONFIG, "window: %lld samples are too few, four are needed",
                        (long long)s->trail.n);
    needs->no_level = true;
    out->quantity = "kurtosis";
    out->unit = "1";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
out:
    return st;
}

/* n m4 / m2^2 - 3: 0 for a Gaussian. A window that does not change has none: 0. */
static void kurtosis_row(MR_UNUSED const void *self, const double *acc, int64_t n,
                         MR_UNUSED const double *x, double *y, size_t nc)
{
    for (size_t c = 0; c < nc; c++) {
        const double m2 = acc[nc + c], m4 = acc[3 * nc + c];
        y[c] = m2 > 0 ? (double)n * m4 / (m2 * m2) - 3 : 0;
    }
}

static void kurtosis_apply(const void *self, const mr_piece *p)
{
    const rolling *s = self;
    mr_trail_run(&s->trail, s->step, p, kurtosis_row, s);
}

const mr_op mr_op_kurtosis = {.name = "kurtosis",
                              .example = "window: 1 s, step: 100 ms",
                              .doc =
                                  "excess kurtosis over a trailing window: how spiky samples are",
                              .ref = "scipy.stats.kurtosis of each window",
                              .size = sizeof(rolling),
                              .params = kurtosis_params,
                              .bind = kurtosis_bind,
                              .map = kurtosis_apply,
                              .hints = &(const mr_hints){.bends = true}};
