/* ops/kernels/fft.c: plans of transforms; the passes themselves are kernels (simd_fft.h).
 * Decimation in time: elements are put into digit-reversed places as they are loaded, then each
 * level joins `radix` transforms that lie one behind the other. Angles are taken in extended
 * precision, so that factors are the same on every machine. */
#include "ops/kernels/fft.h"
#include "ops/kernels/simd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Levels of a complex transform of m elements into radix[]; their number, 0 if there is a prime
 * factor that is too large. */
static size_t factor(size_t m, unsigned radix[MR_FFT_LEVELS])
{
    size_t n = 0, twos = 0;
    unsigned odd[MR_FFT_LEVELS] = {0};
    size_t n_odd = 0;
    for (; m % 2 == 0; m /= 2) twos++;
    for (unsigned p = 3; m > 1 && p <= MR_FFT_PRIME; p += 2)
        for (; m % p == 0; m /= p) odd[n_odd++] = p;
    if (m != 1) return 0;
    if (twos % 3 == 1 && twos >= 4) { /* 16 = 4 x 4 rather than 2 x 8 */
        radix[n++] = 4;
        radix[n++] = 4;
        twos -= 4;
    }
    if (twos % 3 == 1) radix[n++] = 2;
    if (twos % 3 == 2) radix[n++] = 4;
    for (size_t i = 0; i < n_odd; i++) radix[n++] = odd[i];
    for (size_t i = 0; i < twos / 3; i++) radix[n++] = 8;
    if (n == 0) radix[n++] = 1;
    return n;
}

bool mr_fft_can(size_t n)
{
    unsigned radix[MR_FFT_LEVELS];
    return n >= 2 && n <= UINT32_MAX && factor(n, radix) > 0;
}

size_t mr_fft_length(size_t n)
{
    for (;; n++) {
        size_t m = n;
        while (m % 2 == 0) m /= 2;
        while (m % 3 == 0) m /= 3;
        while (m % 5 == 0) m /= 5;
        if (m == 1) return n;
    }
}

/* What a transform of m elements costs: elements times what a level of each radix takes, in tenths
 * of a nanosecond an element as measured (AVX-512, 512 to 10,000 elements). 0: a factor beyond 5.
 */
static size_t cost(size_t m)
{
    static const unsigned of[] = {[1] = 1, [2] = 15, [3] = 20, [4] = 14, [5] = 21, [8] = 20};
    unsigned radix[MR_FFT_LEVELS];
    const size_t n = factor(m, radix);
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (radix[i] > 5 && radix[i] != 8) return 0;
        sum += of[radix[i]];
    }
    return m * sum;
}

size_t mr_fft_cheapest(size_t n)
{
    size_t best = 0, least = 0;
    for (size_t k = n + n % 2; k <= n + n / 10 || !best; k += 2) {
        const size_t c = cost(k / 2);
        if (c && (!best || c < least)) best = k, least = c;
    }
    return best;
}

/* exp(-2 pi i k / n), exact at multiples of a quarter. */
static void unit_root(size_t k, size_t n, double w[2])
{
    k %= n;
    const long double a =
        2 * 3.14159265358979323846264338327950288L * (long double)k / (long double)n;
    w[0] = 4 * k == n || 4 * k == 3 * n ? 0 : (double)cosl(a);
    w[1] = 2 * k == n || k == 0 ? 0 : (double)-sinl(a);
}

static mr_status plan_level(mr_fft *f, size_t s, size_t done)
{
    mr_status st = MR_OK;
    const size_t r = f->radix[s];
    MR_TRY(mr_alloc_f64(2 * done * (r - 1) + 2, "twiddle factors", &f->twiddle[s]));
    for (size_t q = 0; q < done; q++)
        for (size_t j = 1; j < r; j++)
            unit_root(j * q, done * r, f->twiddle[s] + 2 * (q * (r - 1) + j - 1));
    if (r == 2 || r == 3 || r == 4 || r == 5 || r == 8) return MR_OK;
    MR_TRY(mr_alloc_f64(2 * r, "roots of one", &f->root[s]));
    for (size_t j = 0; j < r; j++) unit_root(j, r, f->root[s] + 2 * j);
out:
    return st;
}

static uint32_t place_of(const mr_fft *f, size_t j)
{
    size_t at = 0, len = f->m;
    for (size_t s = f->n_levels; s-- > 0;) {
        len /= f->radix[s];
        at += j % f->radix[s] * len;
        j /= f->radix[s];
    }
    return (uint32_t)at;
}

mr_status mr_fft_init(mr_fft *f, size_t n)
{
    mr_status st = MR_OK;
    *f = (mr_fft){.n = n, .packed = n % 2 == 0};
    f->m = f->packed ? n / 2 : n;
    if (!mr_fft_can(n)) return MR_RAISE(MR_EBUG, "no transform of length %zu", n);
    f->n_levels = factor(f->m, f->radix);
    for (size_t s = 0, done = 1; s < f->n_levels; done *= f->radix[s++])
        MR_TRY(plan_level(f, s, done));
    MR_TRY(mr_alloc(f->m, sizeof *f->pos, "places of a transform", &f->pos));
    for (size_t j = 0; j < f->m; j++) f->pos[j] = place_of(f, j);
    if (f->packed) {
        MR_TRY(mr_alloc_f64(2 * (f->m / 2 + 1), "twiddle factors", &f->split));
        for (size_t k = 0; k <= f->m / 2; k++) unit_root(k, n, f->split + 2 * k);
    }
out:
    if (st != MR_OK) mr_fft_fini(f);
    return st;
}

void mr_fft_fini(mr_fft *f)
{
    for (size_t s = 0; s < MR_FFT_LEVELS; s++) {
        free(f->twiddle[s]);
        free(f->root[s]);
    }
    free(f->split);
    free(f->pos);
    *f = (mr_fft){0};
}

/* In four interleaved sums, joined in pairs: one order for any number of lanes. */
MR_CLONES static void sums8(const double *x, size_t stride, size_t n, double *sum)
{
    double s[4][8] = {{0}};
    size_t t = 0;
    for (; t + 4 <= n; t += 4)
        for (size_t k = 0; k < 4; k++)
            for (size_t c = 0; c < 8; c++) s[k][c] += x[(t + k) * stride + c];
    for (; t < n; t++)
        for (size_t c = 0; c < 8; c++) s[t % 4][c] += x[t * stride + c];
    for (size_t c = 0; c < 8; c++) sum[c] = (s[0][c] + s[1][c]) + (s[2][c] + s[3][c]);
}

void mr_fft_mean(const mr_fft_in *in, double mean[MR_FFT_LANES])
{
    memset(mean, 0, MR_FFT_LANES * sizeof *mean);
    if (in->lanes == 0xff) {
        sums8(in->x, in->stride, in->n_rows, mean);
    } else {
        for (size_t c = 0; c < MR_FFT_LANES; c++) {
            double s[4] = {0};
            if (!(in->lanes >> c & 1)) continue;
            for (size_t t = 0; t < in->n_rows; t++) s[t % 4] += in->x[t * in->stride + c];
            mean[c] = (s[0] + s[1]) + (s[2] + s[3]);
        }
    }
    for (size_t c = 0; c < MR_FFT_LANES; c++) mean[c] /= (double)in->n_rows;
}

/* Bin k of one lane, 0 outside [k0, k1). */
static inline void bin(const double *x, size_t k0, size_t k1, size_t k, size_t c, double v[2])
{
    const bool there = k >= k0 && k < k1;
    v[0] = there ? x[(k - k0) * MR_FFT_CELL + c] : 0;
    v[1] = there ? x[(k - k0) * MR_FFT_CELL + MR_FFT_LANES + c] : 0;
}

/* Elements k and m - k of the packed series, real and imaginary parts exchanged: a transform back
 * is one forth of the exchanged parts. */
static void join_pair(const mr_fft *f, const double *x, size_t k0, size_t k1, size_t k, double *z)
{
    const double *w = f->split + 2 * k;
    double *lo = z + f->pos[k] * (size_t)MR_FFT_CELL;
    double *hi = z + f->pos[(f->m - k) % f->m] * (size_t)MR_FFT_CELL;
    for (size_t c = 0; c < MR_FFT_LANES; c++) {
        double a[2], b[2];
        bin(x, k0, k1, k, c, a);
        bin(x, k0, k1, f->m - k, c, b);
        const double er = 0.5 * (a[0] + b[0]), ei = 0.5 * (a[1] - b[1]);
        const double dr = 0.5 * (a[0] - b[0]), di = 0.5 * (a[1] + b[1]);
        const double o = dr * w[0] + di * w[1], oi = di * w[0] - dr * w[1];
        hi[c] = o - ei;
        hi[MR_FFT_LANES + c] = er + oi;
        lo[c] = ei + o;
        lo[MR_FFT_LANES + c] = er - oi;
    }
}

void mr_fft_inverse(const mr_fft *f, const double *x, size_t k0, size_t k1, double *z)
{
    for (size_t k = 0; f->packed && 2 * k <= f->m; k++) join_pair(f, x, k0, k1, k, z);
    for (size_t k = 0; !f->packed && k < f->n; k++)
        for (size_t c = 0; c < MR_FFT_LANES; c++) {
            double a[2], *to = z + f->pos[k] * (size_t)MR_FFT_CELL + c;
            bin(x, k0, k1, 2 * k <= f->n ? k : f->n - k, c, a);
            to[0] = k == 0 ? 0 : 2 * k <= f->n ? a[1] : -a[1];
            to[MR_FFT_LANES] = a[0];
        }
    mr_simd()->fft(f, z);
}
