/* ops/kernels/band.c: see band.h. */
#include "ops/kernels/band.h"
#include "ops/kernels/simd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Squared cosine from 1 at 0 to 0 at 1. */
static double ramp(double x)
{
    if (!(x < 1)) return 0;
    const double c = (double)cosl(1.57079632679489661923L * (long double)x);
    return c * c;
}

mr_status mr_band_init(mr_band_of *b, const double band_hz[2], double edge_hz, double smooth_hz,
                       const mr_fft *f, double rate_hz)
{
    const double per = (double)f->n / rate_hz, bins = (double)mr_fft_bins(f);
    const double a = ceil((band_hz[0] - edge_hz) * per - 1e-6);
    const double e = MR_MIN(ceil((band_hz[1] + edge_hz) * per - 1e-6), bins);
    if (band_hz[1] > rate_hz / 2)
        return MR_RAISE(MR_ECONFIG, "%g Hz is above half the sampling rate of %g Hz", band_hz[1],
                        rate_hz);
    *b = (mr_band_of){.k0 = (size_t)MR_MAX(a, 0.0), .k1 = (size_t)e};
    if (b->k1 <= b->k0)
        return MR_RAISE(MR_ECONFIG,
                        "no frequency of a window lies in %g..%g Hz; they are %g Hz apart",
                        band_hz[0], band_hz[1], 1 / per);
    b->half = (size_t)floor(0.5 * smooth_hz * per);
    const mr_status st = mr_alloc_f64(b->k1 - b->k0, "a band", &b->weight);
    for (size_t k = b->k0; st == MR_OK && k < b->k1; k++) {
        const double below = band_hz[0] - (double)k / per, above = (double)k / per - band_hz[1];
        const double off = MR_MAX(below, above) > 1e-6 / per ? MR_MAX(below, above) : 0;
        b->weight[k - b->k0] = off > 0 ? ramp(off / edge_hz) : 1;
    }
    return st;
}

mr_status mr_band_all(mr_band_of *b, const mr_fft *f)
{
    *b = (mr_band_of){.k1 = mr_fft_bins(f)};
    return MR_OK;
}

void mr_band_fini(mr_band_of *b)
{
    free(b->weight);
    *b = (mr_band_of){0};
}

/* total[k][8]: sums of the magnitudes before bin k. */
MR_CLONES static void magnitudes(const double *x, size_t n, double *total)
{
    memset(total, 0, MR_FFT_LANES * sizeof *total);
    for (size_t k = 0; k < n; k++)
        for (size_t c = 0; c < MR_FFT_LANES; c++) {
            const double re = x[k * MR_FFT_CELL + c], im = x[k * MR_FFT_CELL + MR_FFT_LANES + c];
            total[(k + 1) * MR_FFT_LANES + c] =
                total[k * MR_FFT_LANES + c] + sqrt(re * re + im * im);
        }
}

static void flatten(const mr_band_of *b, double *x, double *total)
{
    const size_t n = b->k1 - b->k0;
    magnitudes(x, n, total);
    for (size_t k = 0; k < n; k++) {
        const size_t a = k > b->half ? k - b->half : 0, e = MR_MIN(k + b->half + 1, n);
        const double *lo = total + a * MR_FFT_LANES, *hi = total + e * MR_FFT_LANES;
        for (size_t c = 0; c < MR_FFT_LANES; c++) {
            const double mean = (hi[c] - lo[c]) / (double)(e - a);
            const double f = mean > 0 ? b->weight[k] / mean : 0;
            x[k * MR_FFT_CELL + c] *= f;
            x[k * MR_FFT_CELL + MR_FFT_LANES + c] *= f;
        }
    }
}

void mr_band_whiten(const mr_band_of *b, double *x, double *room)
{
    if (b->half)
        flatten(b, x, room);
    else
        mr_simd()->fft_phase(x, b->k1 - b->k0, b->weight);
}
