/* ops/kernels/simd_fft.h: the passes of fft.h. Included after simd_body.h by the files that make a
 * set of kernels. An element is eight real parts, then eight imaginary ones; each of the MR_COLS
 * columns of MR_VEC lanes goes through a butterfly on its own. */
#include "ops/kernels/simd.h"

#define MR_COLS (MR_FFT_LANES / MR_VEC)
#define FFT_CACHE ((size_t)2048) /* elements: 256 KiB, well within the second-level cache */

typedef struct cplx {
    vec r, i;
} cplx;

INLINE cplx cget(const double *z)
{
    return (cplx){load(z), load(z + MR_FFT_LANES)};
}

INLINE void cput(double *z, const cplx *a)
{
    store(z, &a->r);
    store(z + MR_FFT_LANES, &a->i);
}

INLINE cplx cadd(cplx a, cplx b)
{
    return (cplx){a.r + b.r, a.i + b.i};
}

INLINE cplx csub(cplx a, cplx b)
{
    return (cplx){a.r - b.r, a.i - b.i};
}

/* a - i b, a + i b */
INLINE cplx csubi(cplx a, cplx b)
{
    return (cplx){a.r + b.i, a.i - b.r};
}

INLINE cplx caddi(cplx a, cplx b)
{
    return (cplx){a.r - b.i, a.i + b.r};
}

INLINE cplx cmul(cplx a, const double w[2])
{
    const vec wr = set(w[0]), wi = set(w[1]), down = -(a.i * wi), across = a.i * wr;
    cplx y;
    fma_to(&y.r, &a.r, &wr, &down);
    fma_to(&y.i, &a.r, &wi, &across);
    return y;
}

/* a + f b, component by component */
INLINE cplx cfma(cplx a, double f, cplx b)
{
    const vec k = set(f);
    fma_to(&a.r, &b.r, &k, &a.r);
    fma_to(&a.i, &b.i, &k, &a.i);
    return a;
}

INLINE void fly4(cplx *x)
{
    const cplx a = cadd(x[0], x[2]), b = csub(x[0], x[2]), c = cadd(x[1], x[3]),
               d = csub(x[1], x[3]);
    x[0] = cadd(a, c);
    x[1] = csubi(b, d);
    x[2] = csub(a, c);
    x[3] = caddi(b, d);
}

INLINE void fly8(cplx *x)
{
    const vec half = set(0.70710678118654752440);
    cplx e[4] = {x[0], x[2], x[4], x[6]}, o[4] = {x[1], x[3], x[5], x[7]};
    fly4(e);
    fly4(o);
    const cplx o1 = {half * (o[1].r + o[1].i), half * (o[1].i - o[1].r)};
    const cplx o3 = {half * (o[3].i - o[3].r),
                     half * (o[3].r + o[3].i)}; /* its imaginary part < 0 */
    x[0] = cadd(e[0], o[0]);
    x[4] = csub(e[0], o[0]);
    x[1] = cadd(e[1], o1);
    x[5] = csub(e[1], o1);
    x[2] = csubi(e[2], o[2]);
    x[6] = caddi(e[2], o[2]);
    x[3] = (cplx){e[3].r + o3.r, e[3].i - o3.i};
    x[7] = (cplx){e[3].r - o3.r, e[3].i + o3.i};
}

INLINE void fly3(cplx *x)
{
    const double s = 0.86602540378443864676;
    const cplx sum = cadd(x[1], x[2]), dif = csub(x[1], x[2]), mid = cfma(x[0], -0.5, sum);
    const cplx turn = {set(s) * dif.r, set(s) * dif.i};
    x[0] = cadd(x[0], sum);
    x[1] = csubi(mid, turn);
    x[2] = caddi(mid, turn);
}

INLINE void fly5(cplx *x)
{
    const double c1 = 0.30901699437494742410, c2 = -0.80901699437494742410,
                 s1 = 0.95105651629515357212, s2 = 0.58778525229247312917;
    const cplx p = cadd(x[1], x[4]), q = cadd(x[2], x[3]), u = csub(x[1], x[4]),
               v = csub(x[2], x[3]), zero = {set(0), set(0)};
    const cplx a = cfma(cfma(x[0], c1, p), c2, q), b = cfma(cfma(x[0], c2, p), c1, q);
    const cplx ta = cfma(cfma(zero, s1, u), s2, v), tb = cfma(cfma(zero, s2, u), -s1, v);
    x[0] = cadd(x[0], cadd(p, q));
    x[1] = csubi(a, ta);
    x[4] = caddi(a, ta);
    x[2] = csubi(b, tb);
    x[3] = caddi(b, tb);
}

/* One level over n blocks, each of `r` transforms of `done` elements one behind the other; r and
 * whether there are factors (done > 1) are constants where this is inlined. */
INLINE void level_r(int r, bool turned, double *z, size_t n, size_t done, const double *tw)
{
    const size_t step = done * MR_FFT_CELL;
    for (size_t b = 0; b < n; b++, z += (size_t)r * step)
        for (size_t q = 0; q < done; q++) {
            double *at = z + q * MR_FFT_CELL;
            const double *w = tw + 2 * q * ((size_t)r - 1);
#pragma GCC unroll 4
            for (int v = 0; v < MR_COLS; v++) {
                cplx x[8];
                double *col = at + v * MR_VEC;
#pragma GCC unroll 8
                for (int j = 0; j < r; j++) {
                    x[j] = cget(col + (size_t)j * step);
                    if (turned && j > 0) x[j] = cmul(x[j], w + 2 * (j - 1));
                }
                if (r == 2) {
                    const cplx d = csub(x[0], x[1]);
                    x[0] = cadd(x[0], x[1]);
                    x[1] = d;
                }
                if (r == 3) fly3(x);
                if (r == 4) fly4(x);
                if (r == 5) fly5(x);
                if (r == 8) fly8(x);
#pragma GCC unroll 8
                for (int j = 0; j < r; j++) cput(col + (size_t)j * step, &x[j]);
            }
        }
}

/* Any radix, by its definition. */
MR_TARGET static void level_any(size_t r, double *z, size_t n, size_t done, const double *tw,
                                const double *root)
{
    const size_t step = done * MR_FFT_CELL;
    for (size_t b = 0; b < n; b++, z += r * step)
        for (size_t q = 0; q < done; q++)
            for (int v = 0; v < MR_COLS; v++) {
                cplx x[MR_FFT_PRIME];
                double *col = z + q * MR_FFT_CELL + v * MR_VEC;
                for (size_t j = 0; j < r; j++) {
                    x[j] = cget(col + j * step);
                    if (j > 0) x[j] = cmul(x[j], tw + 2 * (q * (r - 1) + j - 1));
                }
                for (size_t k = 0; k < r; k++) {
                    cplx y = x[0];
                    for (size_t j = 1; j < r; j++) y = cadd(y, cmul(x[j], root + 2 * (j * k % r)));
                    cput(col + k * step, &y);
                }
            }
}

#define LEVEL(r)                                                                                   \
    MR_TARGET static void level_##r(double *z, size_t n, size_t done, const double *tw)            \
    {                                                                                              \
        if (done == 1)                                                                             \
            level_r(r, false, z, n, done, tw);                                                     \
        else                                                                                       \
            level_r(r, true, z, n, done, tw);                                                      \
    }
LEVEL(2)
LEVEL(3)
LEVEL(4)
LEVEL(5)
LEVEL(8)

MR_TARGET static void level(const mr_fft *f, size_t s, double *z, size_t n, size_t done)
{
    switch (f->radix[s]) {
    case 1: break;
    case 2: level_2(z, n, done, f->twiddle[s]); break;
    case 3: level_3(z, n, done, f->twiddle[s]); break;
    case 4: level_4(z, n, done, f->twiddle[s]); break;
    case 5: level_5(z, n, done, f->twiddle[s]); break;
    case 8: level_8(z, n, done, f->twiddle[s]); break;
    default: level_any(f->radix[s], z, n, done, f->twiddle[s], f->root[s]);
    }
}

/* The first `levels` levels over len elements: what does not fit the cache is done part by part. */
MR_TARGET static void transform(const mr_fft *f, size_t levels, double *z, size_t len)
{
    if (len <= FFT_CACHE || levels <= 1) {
        for (size_t s = 0, done = 1; s < levels; done *= f->radix[s++])
            level(f, s, z, len / (done * f->radix[s]), done);
        return;
    }
    const size_t r = f->radix[levels - 1], part = len / r;
    for (size_t j = 0; j < r; j++) transform(f, levels - 1, z + j * part * MR_FFT_CELL, part);
    level(f, levels - 1, z, 1, part);
}

MR_TARGET static void fft(const mr_fft *f, double *z)
{
    transform(f, f->n_levels, z, f->m);
}

/* Eight samples of a row as they go in, into at[8]. */
INLINE void load_row(const double *x, const double *mean, double weight, double *at)
{
    const vec w = set(weight);
#pragma GCC unroll 4
    for (int v = 0; v < MR_COLS; v++) {
        const vec y = w * (load(x + v * MR_VEC) - load(mean + v * MR_VEC));
        store(at + v * MR_VEC, &y);
    }
}

/* Row t when some lanes are missing, or all of it. */
MR_TARGET static void load_some(const mr_fft_in *in, const double *mean, size_t t, double *at)
{
    double some[MR_FFT_LANES] = {0};
    const bool there = t < in->n_rows;
    for (int c = 0; there && c < MR_FFT_LANES; c++)
        if (in->lanes >> c & 1) some[c] = in->x[(t - in->t0) * in->stride + (size_t)c] - mean[c];
    static const double none[MR_FFT_LANES];
    load_row(some, none, there && in->window ? in->window[t] : 1, at);
}

MR_TARGET static void fft_load(const mr_fft *f, const mr_fft_in *in, double *z)
{
    static const double none[MR_FFT_LANES];
    const double *mean = in->mean ? in->mean : none, *w = in->window;
    const size_t each = f->packed ? 2 : 1, end = in->t1 ? in->t1 / each : f->m;
    size_t j = in->t0 / each;
    const size_t full = in->lanes == 0xff && f->packed ? MR_MIN(end, in->n_rows / 2) : j;
    const double *x = in->x;
    for (; j < full; j++, x += 2 * in->stride) {
        double *at = z + f->pos[j] * (size_t)MR_FFT_CELL;
        load_row(x, mean, w ? w[2 * j] : 1, at);
        load_row(x + in->stride, mean, w ? w[2 * j + 1] : 1, at + MR_FFT_LANES);
    }
    for (; j < end; j++) {
        double *at = z + f->pos[j] * (size_t)MR_FFT_CELL;
        memset(at + MR_FFT_LANES, 0, MR_FFT_LANES * sizeof *at);
        load_some(in, mean, each * j, at);
        if (f->packed) load_some(in, mean, 2 * j + 1, at + MR_FFT_LANES);
    }
}

/* Bins k and m - k of a packed transform, 0 < k <= m / 2. */
INLINE void split_pair(const mr_fft *f, const double *z, size_t k, int v, cplx *lo, cplx *hi)
{
    const vec half = set(0.5);
    const cplx a = cget(z + k * MR_FFT_CELL + v * MR_VEC),
               b = cget(z + (f->m - k) * MR_FFT_CELL + v * MR_VEC);
    const cplx even = {half * (a.r + b.r), half * (a.i - b.i)};
    const cplx odd = {half * (a.i + b.i), half * (b.r - a.r)};
    const cplx t = cmul(odd, f->split + 2 * k);
    *lo = cadd(even, t);
    *hi = (cplx){even.r - t.r, t.i - even.i};
}

/* Bins 0 and m of a packed transform are real. */
INLINE cplx split_end(const double *z, bool last, int v)
{
    const cplx a = cget(z + v * MR_VEC);
    return (cplx){last ? a.r - a.i : a.r + a.i, set(0)};
}

MR_TARGET static void fft_bins(const mr_fft *f, const double *z, size_t k0, size_t k1, double *x)
{
    for (size_t k = k0; k < k1; k++, x += MR_FFT_CELL)
        for (int v = 0; v < MR_COLS; v++) {
            cplx lo, hi;
            if (!f->packed) {
                lo = cget(z + k * MR_FFT_CELL + v * MR_VEC);
            } else if (k == 0 || k == f->m) {
                lo = split_end(z, k > 0, v);
            } else if (2 * k <= f->m) {
                split_pair(f, z, k, v, &lo, &hi);
            } else {
                split_pair(f, z, f->m - k, v, &hi, &lo);
            }
            cput(x + v * MR_VEC, &lo);
        }
}

INLINE void add_power(double *sum, cplx a)
{
    vec p = a.i * a.i, s = load(sum);
    fma_to(&p, &a.r, &a.r, &p);
    s += p;
    store(sum, &s);
}

MR_TARGET static void fft_power(const mr_fft *f, const double *z, double *sum, size_t stride)
{
    for (int v = 0; v < MR_COLS; v++) {
        double *s = sum + v * MR_VEC;
        if (!f->packed) {
            for (size_t k = 0; k <= f->n / 2; k++)
                add_power(s + k * stride, cget(z + k * MR_FFT_CELL + v * MR_VEC));
            continue;
        }
        add_power(s, split_end(z, false, v));
        add_power(s + f->m * stride, split_end(z, true, v));
        for (size_t k = 1; 2 * k <= f->m; k++) {
            cplx lo, hi;
            split_pair(f, z, k, v, &lo, &hi);
            add_power(s + k * stride, lo);
            if (2 * k < f->m) add_power(s + (f->m - k) * stride, hi);
        }
    }
}

MR_TARGET static void fft_phase(double *x, size_t n, const double *weight)
{
    const vec least = set(2.2250738585072014e-308); /* lost beside any square that counts */
    for (size_t k = 0; k < n; k++, x += MR_FFT_CELL)
#pragma GCC unroll 4
        for (int v = 0; v < MR_COLS; v++) {
            cplx a = cget(x + v * MR_VEC);
            vec p = a.i * a.i + least, size;
            fma_to(&p, &a.r, &a.r, &p);
            root_to(&size, &p);
            const vec f = set(weight[k]) / size;
            a = (cplx){a.r * f, a.i * f};
            cput(x + v * MR_VEC, &a);
        }
}

MR_TARGET static void fft_cross(const double *x, size_t n, const double *s, double *acc,
                                size_t stride)
{
    for (size_t k = 0; k < n; k++, x += MR_FFT_CELL, acc += 2 * stride) {
        const vec sr = set(s[2 * k]), si = set(s[2 * k + 1]), back = -si;
#pragma GCC unroll 4
        for (int v = 0; v < MR_COLS; v++) {
            const cplx a = cget(x + v * MR_VEC);
            vec re = load(acc + v * MR_VEC), im = load(acc + stride + v * MR_VEC);
            fma_to(&re, &a.r, &sr, &re);
            fma_to(&re, &a.i, &si, &re);
            fma_to(&im, &a.i, &sr, &im);
            fma_to(&im, &a.r, &back, &im);
            store(acc + v * MR_VEC, &re);
            store(acc + stride + v * MR_VEC, &im);
        }
    }
}

#define MR_FFT_KERNELS                                                                             \
    .fft_load = fft_load, .fft = fft, .fft_bins = fft_bins, .fft_phase = fft_phase,                \
    .fft_cross = fft_cross, .fft_power = fft_power
