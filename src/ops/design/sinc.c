/* ops/design/sinc.c: see sinc.h. */
#include "ops/design/sinc.h"
#include <math.h>
#include <string.h>

enum { TAPS = 2 * MR_SINC_HALF, TERMS = 28 };
static const double BETA = 10;

/* I0(beta sqrt(u)) of each, by its power series: all terms are positive, of u = 1 the last is 1e-21
 * of the sum. */
MR_CLONES static void kaiser(const double *restrict u, double *restrict i0)
{
    for (size_t k = 0; k < TAPS; k++) i0[k] = 1;
    for (int j = TERMS; j > 0; j--) {
        const double a = BETA * BETA / 4 / ((double)j * (double)j);
        for (size_t k = 0; k < TAPS; k++) i0[k] = 1 + i0[k] * (a * u[k]);
    }
}

void mr_sinc_weights(double frac, double w[TAPS])
{
    double u[TAPS], i0[TAPS], most[TAPS];
    const double sine = sin(M_PI * (frac > 0.5 ? 1 - frac : frac)) / M_PI; /* exact near both */
    for (size_t k = 0; k < TAPS; k++) {
        const double t = (double)k - (MR_SINC_HALF - 1) - frac, r = t / MR_SINC_HALF;
        u[k] = fmax(1 - r * r, 0);
        /* sin(pi t) = -sin(pi frac), with the sign of the sample's number */
        w[k] = t == 0 ? 1 : (k % 2 ? -1 : 1) * sine / t;
    }
    kaiser(u, i0);
    for (size_t k = 0; k < TAPS; k++) u[k] = 1;
    kaiser(u, most);
    for (size_t k = 0; k < TAPS; k++) w[k] *= i0[k] / most[k];
}

/* Summed in the order of time, each channel for itself. */
MR_CLONES static void weigh_places(const double *restrict x, size_t stride,
                                   const double *restrict w, size_t n, size_t nc,
                                   double *restrict y)
{
    for (size_t c = 0; c < nc; c++) y[c] = 0;
    for (size_t k = 0; k < n; k++)
        for (size_t c = 0; c < nc; c++) y[c] += w[k] * x[k * stride + c];
}

void mr_sinc_row(const mr_piece *p, int64_t i, double frac, double *y)
{
    double w[TAPS];
    const int64_t first = i - (MR_SINC_HALF - 1);
    const int64_t a = MR_MAX(first, p->x0), b = MR_MIN(first + TAPS, p->x0 + (int64_t)p->x->nt);
    MR_ASSERT((a == first || a == p->span.a) && (b == first + TAPS || b == p->span.b));
    mr_sinc_weights(frac, w);
    if (a < b) {
        weigh_places(p->x->d + (size_t)(a - p->x0) * p->x->stride, p->x->stride, w + (a - first),
                     (size_t)(b - a), p->y->nc, y);
        return;
    }
    memset(y, 0, p->y->nc * sizeof *y); /* all beyond an end */
}
