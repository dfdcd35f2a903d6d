/* ops/list/op_resample.c: change of rate by a ratio of whole numbers: scipy.signal.resample_poly
 * over the whole span; by another ratio near 1, of two recorders' clocks: a windowed sinc at the
 * exact place. Output samples lie on the UTC grid of the new rate. Irregular rows come as samples
 * on the lines between them (run/mill/even.c). */
#include "millrace/op_fast.h"
#include "ops/design/design.h"
#include "ops/kernels/fir.h"
#include "ops/design/sinc.h"
#include "ops/ops.h"
#include <math.h>

typedef struct resample {
    double rate_hz;
    mr_fir fir;
    bool near;        /* no such ratio: places between samples */
    int64_t up, down; /* of near: the rates' own, exactly */
} resample;

static const mr_param resample_params[] = {{"rate", MR_F64, offsetof(resample, rate_hz),
                                            .unit = "Hz", .min = 1e-6, .max = 1e7,
                                            .doc = "the new sampling rate"},
                                           {0}};

enum { MOST = 1000, MOST_FINE = 512 };
static const double NEAR =
    0.01; /* of the rate: what a sinc without a filter of its own may change */

/* The fraction nearest to r with both parts at most MOST: continued fractions. */
static void nearest_ratio(double r, int64_t *up, int64_t *down)
{
    int64_t p0 = 0, q0 = 1, p1 = 1, q1 = 0;
    double v = r;
    for (int i = 0; i < 40; i++) {
        double a = floor(v);
        if (a > MOST) break;
        int64_t p = (int64_t)a * p1 + p0, q = (int64_t)a * q1 + q0;
        if (p > MOST || q > MOST) break;
        p0 = p1, q0 = q1, p1 = p, q1 = q;
        if (fabs((double)p / (double)q - r) <= 1e-12 * r || v - a < 1e-12) break;
        v = 1 / (v - a);
    }
    *up = p1 > 0 ? p1 : 1;
    *down = q1 > 0 ? q1 : 1;
}

/* The ratio of two rates that are near one another, as exactly as they are known: doubles are whole
 * numbers times a power of two. */
static void exact_ratio(double to, double from, int64_t *up, int64_t *down)
{
    int e;
    (void)frexp(fmin(to, from), &e);
    *up = (int64_t)ldexp(to, 53 - e); /* below 2^55, whole */
    *down = (int64_t)ldexp(from, 53 - e);
    const int64_t g = mr_gcd(*up, *down);
    *up /= g;
    *down /= g;
}

static mr_status near_bind(resample *s, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    s->near = true;
    exact_ratio(s->rate_hz, in->rate_hz, &s->up, &s->down);
    needs->up = (size_t)s->up;
    needs->down = (size_t)s->down;
    needs->before = MR_SINC_HALF - 1;
    needs->after = MR_SINC_HALF;
    out->rate_hz = s->rate_hz;
    return MR_OK;
}

/* Irregular rows come as an even grid of this rate, on the lines between them: the new rate times a
 * power of two, four times their mean rate or more, so that little is lost before the filter. */
static double grid_of(double rate_hz, double mean_hz)
{
    double hz = rate_hz;
    while (hz < 4 * mean_hz) hz *= 2;
    return hz;
}

static mr_status resample_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    resample *s = self;
    mr_status st = MR_OK;
    int64_t up, down;
    if (in->uneven && 4 * in->rate_hz > MOST_FINE * s->rate_hz)
        return MR_RAISE(
            MR_ECONFIG,
            "rate: irregular rows of %.3g Hz in the mean go down to %.3g Hz at least, not "
            "to %.3g Hz: decimate after it",
            in->rate_hz, 4 * in->rate_hz / MOST_FINE, s->rate_hz);
    const double from = in->uneven ? grid_of(s->rate_hz, in->rate_hz) : in->rate_hz;
    nearest_ratio(s->rate_hz / from, &up, &down);
    const double got = from * (double)up / (double)down;
    const bool ratio = fabs(got - s->rate_hz) <= 1e-9 * s->rate_hz;
    if (!ratio && fabs(s->rate_hz / from - 1) <= NEAR) return near_bind(s, in, out, needs);
    if (!ratio)
        return MR_RAISE(
            MR_ECONFIG,
            "rate: %.10g Hz is no ratio of whole numbers up to %d of %.10g Hz, nor within 1 %% of "
            "it; near it is %.10g Hz (%lld/%lld)",
            s->rate_hz, MOST, from, got, (long long)up, (long long)down);
    const size_t most = (size_t)MR_MAX(up, down), half = up == down ? 0 : 10 * most;
    MR_TRY(mr_fir_init(&s->fir, 2 * half + 1, (size_t)up, (size_t)down, half));
    if (half > 0)
        mr_design_firwin(s->fir.n, 1.0 / (double)most, MR_KAISER5, s->fir.h);
    else
        s->fir.h[0] = 1;
    for (size_t i = 0; i < s->fir.n; i++) s->fir.h[i] *= (double)up;
    MR_TRY(mr_fir_ready(&s->fir));
    mr_fir_needs(&s->fir, needs);
    out->rate_hz = s->rate_hz;
    out->uneven = false;
out:
    return st;
}

static void resample_apply(const void *self, const mr_piece *p)
{
    __extension__ typedef __int128 wide;
    const resample *s = self;
    if (!s->near) {
        mr_fir_run(&s->fir, 0, p);
        return;
    }
    for (size_t t = 0; t < p->y->nt; t++) {
        const wide at = ((wide)p->y0 + (wide)t) * s->down;
        const wide i = at / s->up - (at % s->up < 0);
        mr_sinc_row(p, (int64_t)i, (double)(at - i * s->up) / (double)s->up, mr_at(p->y, t, 0));
    }
}

static void resample_release(void *self)
{
    mr_fir_fini(&((resample *)self)->fir);
}

static mr_status resample_describe(const void *self, mr_text *t)
{
    const resample *s = self;
    if (s->near) return mr_text_add(t, " sinc=%lld/%lld", (long long)s->up, (long long)s->down);
    return mr_fir_describe(&s->fir, t);
}

static const mr_fir *resample_finite(const void *self)
{
    const resample *s = self;
    return s->near ? NULL : &s->fir;
}

/* Of resample_poly's Kaiser filter 0.913 of half the new rate. */
static double resample_clean(MR_UNUSED const void *self)
{
    return 0.91;
}

const mr_op mr_op_resample = {
    .name = "resample",
    .example = "rate: 40 Hz",
    .doc = "another sampling rate: a ratio of whole numbers, or near; first in a "
           "chain, it makes irregular rows even",
    .ref = "scipy.signal.resample_poly; within 1 % and no such ratio: a "
           "sinc at the exact place, Kaiser window of beta 10 over 32 "
           "samples on each side",
    .size = sizeof(resample),
    .params = resample_params,
    .bind = resample_bind,
    .map = resample_apply,
    .release = resample_release,
    .describe = resample_describe,
    .fast = &(const mr_fast){.finite = resample_finite},
    .hints = &(const mr_hints){.clean = resample_clean}};
