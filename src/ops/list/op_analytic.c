/* ops/list/op_analytic.c: what the analytic signal tells: envelope, instantaneous phase and
 * frequency. The imaginary part is a finite response (the Hilbert transformer under a Kaiser
 * window), so that the context is known and no block leaves a seam; beyond the span's ends samples
 * count as zero. */
#include "millrace/op_fast.h"
#include "ops/design/design.h"
#include "ops/names.h"
#include "ops/ops.h"
#include <math.h>
#include <stdlib.h>

enum { LANES = 8 };

typedef struct analytic {
    double above_hz;
    int kind;
    size_t half; /* samples of the response on each side */
    double *h;   /* [half + 1] owned */
    double rate_hz;
    mr_made made;
} analytic;

enum { PHASE, FREQUENCY };
static const char *const kinds[] = {"phase", "frequency", NULL};

#define ABOVE_ROW                                                                                  \
    {                                                                                              \
        "above", MR_F64, offsetof(analytic, above_hz),                                             \
            .unit = "Hz", .min = 1e-6, .max = 1e7, .def = "",                                      \
            .doc = "true within 1e-3 from here to as far below half the rate; the lower, the "     \
                   "longer the "                                                                   \
                   "context (1.25 / above); a 200th of the rate if left out"                       \
    }

static const mr_param envelope_params[] = {ABOVE_ROW, {0}};
static const mr_param instantaneous_params[] = {
    {"kind", MR_ENUM, offsetof(analytic, kind), .def = "phase", .names = kinds,
     .doc = "phase in rad, -pi to pi; frequency in Hz, from the sample before to this one"},
    ABOVE_ROW,
    {0}};

/* Kaiser's formula: a jump of 2 with ripples of 2e-4 (80 dB) and a transition of 2 * above. */
static mr_status design(analytic *s, const mr_geom *in, mr_needs *needs)
{
    const double above = s->above_hz > 0 ? s->above_hz : in->rate_hz / 200;
    if (above >= in->rate_hz / 4)
        return MR_RAISE(MR_ECONFIG,
                        "above: %g Hz is not below a quarter of the sampling rate (%g Hz)", above,
                        in->rate_hz / 4);
    const double half = ceil((80 - 8) / (2.285 * 2 * M_PI * 2 * above / in->rate_hz) / 2);
    if (half > 100000)
        return MR_RAISE(MR_ECONFIG,
                        "above: %g Hz takes %.0f samples of context at %g Hz: decimate first",
                        above, half, in->rate_hz);
    s->half = (size_t)half;
    s->rate_hz = in->rate_hz;
    const mr_status st = mr_alloc_f64(s->half + 1, "the Hilbert transformer", &s->h);
    if (st != MR_OK) return st;
    mr_design_hilbert(s->half, 0.1102 * (80 - 8.7), s->h);
    needs->before = needs->after = s->half;
    return MR_OK;
}

static mr_status envelope_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    mr_name_made(&((analytic *)self)->made, in, "envelope", out);
    return design(self, in, needs);
}

static mr_status instantaneous_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    analytic *s = self;
    const mr_status st = design(s, in, needs);
    if (st != MR_OK) return st;
    out->quantity = s->kind == PHASE ? "phase" : "frequency";
    out->unit = s->kind == PHASE ? "rad" : "Hz";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
    if (s->kind == FREQUENCY) {
        needs->before++;
        needs->blank_head = 1;
    }
    return MR_OK;
}

/* sum over odd k of h[k] (x[-k] - x[k]) for n <= LANES channels; of rows before `back` and behind
 * `ahead` there are none. */
MR_CLONES static void imaginary(const double *h, size_t half, const double *x, size_t stride,
                                size_t back, size_t ahead, size_t n, double *to)
{
    double sum[LANES] = {0};
    const size_t both = back < ahead ? back : ahead;
    size_t k = 1;
    for (; n == LANES && k <= half && k <= both; k += 2)
        for (size_t c = 0; c < LANES; c++) sum[c] += h[k] * (x[c - k * stride] - x[c + k * stride]);
    for (; k <= half; k += 2)
        for (size_t c = 0; c < n; c++) {
            const double before = k <= back ? x[c - k * stride] : 0;
            const double after = k <= ahead ? x[c + k * stride] : 0;
            sum[c] += h[k] * (before - after);
        }
    for (size_t c = 0; c < n; c++) to[c] = sum[c];
}

static void imaginary_at(const analytic *s, const mr_piece *p, int64_t i, size_t c, size_t n,
                         double *to)
{
    const double *x = mr_at(p->x, (size_t)(i - p->x0), c);
    imaginary(s->h, s->half, x, p->x->stride, (size_t)(i - p->span.a), (size_t)(p->span.b - 1 - i),
              n, to);
}

static void envelope_apply(const void *self, const mr_piece *p)
{
    const analytic *s = self;
    for (size_t c = 0; c < p->y->nc; c += LANES) {
        const size_t n = MR_MIN((size_t)LANES, p->y->nc - c);
        for (size_t t = 0; t < p->y->nt; t++) {
            const int64_t i = p->y0 + (int64_t)t;
            const double *x = mr_at(p->x, (size_t)(i - p->x0), c);
            double im[LANES], *y = mr_at(p->y, t, c);
            imaginary_at(s, p, i, c, n, im);
            for (size_t k = 0; k < n; k++) y[k] = sqrt(x[k] * x[k] + im[k] * im[k]);
        }
    }
}

/* The angle from one sample of the analytic signal to the next, as a frequency. */
static double turn_hz(double re0, double im0, double re, double im, double rate_hz)
{
    return atan2(im * re0 - re * im0, re * re0 + im * im0) / (2 * M_PI) * rate_hz;
}

static void instantaneous_apply(const void *self, const mr_piece *p)
{
    const analytic *s = self;
    for (size_t c = 0; c < p->y->nc; c += LANES) {
        const size_t n = MR_MIN((size_t)LANES, p->y->nc - c);
        double last[2][LANES] = {{0}}; /* real and imaginary part of the sample before */
        for (size_t t = 0; t < p->y->nt; t++) {
            const int64_t i = p->y0 + (int64_t)t;
            const double *x = mr_at(p->x, (size_t)(i - p->x0), c);
            double im[LANES], *y = mr_at(p->y, t, c);
            if (s->kind == FREQUENCY && t == 0 && i > p->span.a) {
                imaginary_at(s, p, i - 1, c, n, last[1]);
                for (size_t k = 0; k < n; k++)
                    last[0][k] = *mr_at(p->x, (size_t)(i - 1 - p->x0), c + k);
            }
            imaginary_at(s, p, i, c, n, im);
            for (size_t k = 0; k < n; k++) {
                y[k] = s->kind == PHASE ? atan2(im[k], x[k])
                                        : turn_hz(last[0][k], last[1][k], x[k], im[k], s->rate_hz);
                last[0][k] = x[k];
                last[1][k] = im[k];
            }
        }
    }
}

static void analytic_release(void *self)
{
    free(((analytic *)self)->h);
}

static mr_status analytic_describe(const void *self, mr_text *t)
{
    const analytic *s = self;
    return mr_text_add(t, " half=%zu h1=%a", s->half, s->h[1]);
}

const mr_op mr_op_envelope = {.name = "envelope",
                              .example = "above: 5 Hz",
                              .doc = "envelope: magnitude of the analytic signal",
                              .ref = "|x + i H x|, H a windowed Hilbert transformer; "
                                     "scipy.signal.hilbert within 1e-3",
                              .size = sizeof(analytic),
                              .params = envelope_params,
                              .bind = envelope_bind,
                              .map = envelope_apply,
                              .release = analytic_release,
                              .describe = analytic_describe,
                              .hints = &(const mr_hints){.bends = true}};
const mr_op mr_op_instantaneous = {.name = "instantaneous",
                                   .example = "above: 5 Hz",
                                   .doc = "instantaneous phase or frequency of the analytic signal",
                                   .ref = "angle of x + i H x as for envelope; its turn per sample",
                                   .size = sizeof(analytic),
                                   .params = instantaneous_params,
                                   .bind = instantaneous_bind,
                                   .map = instantaneous_apply,
                                   .release = analytic_release,
                                   .describe = analytic_describe,
                                   .hints = &(const mr_hints){.bends = true}};
