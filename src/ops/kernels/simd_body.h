/* ops/kernels/simd_body.h: the kernels of simd.h. Only simd*.c include this, each once, having
 * defined MR_TARGET (attributes for its instructions), vec (MR_VEC doubles) and fma_to (*r = a b +
 * c, rounded once). Up to four vectors are in flight: enough to hide the latency of the recursion,
 * few enough for their states to stay in registers. */
#include "ops/kernels/simd.h"
#include <string.h>

#define INLINE MR_TARGET static inline __attribute__((always_inline))

INLINE vec set(double a)
{
    return a - (vec){0};
}

INLINE vec load(const double *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(double *p, const vec *v)
{
    memcpy(p, v, sizeof *v);
}

/* The coefficients of a section, spread over vectors. unit: b0 = b2 = 1, as in all but the first
 * section of a Butterworth; leaving those products out changes no bit. */
typedef struct spread {
    vec b0, b1, b2, a1, a2;
} spread;

INLINE spread spread_of(const mr_section *s)
{
    return (spread){set(s->b0), set(s->b1), set(s->b2), set(-s->a1), set(-s->a2)};
}

/* One sample of one vector: transposed direct form II. */
INLINE vec sample(bool unit, const spread *k, vec x, vec *z1, vec *z2)
{
    vec bx = x, y;
    if (unit) {
        y = x + *z1;
    } else {
        bx = k->b2 * x;
        fma_to(&y, &k->b0, &x, z1);
    }
    fma_to(z2, &k->b1, &x, z2);
    fma_to(z1, &k->a1, &y, z2);
    fma_to(z2, &k->a2, &y, &bx);
    return y;
}

/* n vectors side by side through one section, n and unit constants where this is inlined. */
INLINE void section_n(int n, bool unit, const mr_section *s, const double *src, ptrdiff_t ss,
                      double *dst, ptrdiff_t ds, size_t nt, double *z)
{
    const spread k = spread_of(s);
    vec z1[4], z2[4];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
        z1[i] = load(z + i * MR_VEC), z2[i] = load(z + MR_BUNDLE + i * MR_VEC);
    for (size_t t = 0; t < nt; t++, src += ss, dst += ds)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) {
            const vec y = sample(unit, &k, load(src + i * MR_VEC), &z1[i], &z2[i]);
            store(dst + i * MR_VEC, &y);
        }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
        store(z + i * MR_VEC, &z1[i]), store(z + MR_BUNDLE + i * MR_VEC, &z2[i]);
}

/* The same through two sections at once: while one waits for its last sample the other computes. */
INLINE void pair_n(int n, bool unit, const mr_section *s, const double *src, ptrdiff_t ss,
                   double *dst, ptrdiff_t ds, size_t nt, double *z)
{
    const spread k = spread_of(s), l = spread_of(s + 1);
    vec z1[4], z2[4], u1[4], u2[4];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
        z1[i] = load(z + i * MR_VEC), z2[i] = load(z + MR_BUNDLE + i * MR_VEC);
        u1[i] = load(z + 2 * MR_BUNDLE + i * MR_VEC), u2[i] = load(z + 3 * MR_BUNDLE + i * MR_VEC);
    }
    for (size_t t = 0; t < nt; t++, src += ss, dst += ds)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) {
            const vec v = sample(unit, &k, load(src + i * MR_VEC), &z1[i], &z2[i]);
            const vec y = sample(true, &l, v, &u1[i], &u2[i]);
            store(dst + i * MR_VEC, &y);
        }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) {
        store(z + i * MR_VEC, &z1[i]), store(z + MR_BUNDLE + i * MR_VEC, &z2[i]);
        store(z + 2 * MR_BUNDLE + i * MR_VEC, &u1[i]),
            store(z + 3 * MR_BUNDLE + i * MR_VEC, &u2[i]);
    }
}

MR_TARGET static void section(const mr_section *s, const double *src, ptrdiff_t ss, double *dst,
                              ptrdiff_t ds, size_t nt, size_t w, double z[2][MR_BUNDLE])
{
    size_t c = 0;
    for (; c + 4 * MR_VEC <= w; c += 4 * MR_VEC)
        section_n(4, false, s, src + c, ss, dst + c, ds, nt, z[0] + c);
    for (; c + 2 * MR_VEC <= w; c += 2 * MR_VEC)
        section_n(2, false, s, src + c, ss, dst + c, ds, nt, z[0] + c);
    for (; c < w; c += MR_VEC) section_n(1, false, s, src + c, ss, dst + c, ds, nt, z[0] + c);
}

MR_TARGET static void sections(const mr_section *s, size_t n, const double *src, ptrdiff_t ss,
                               double *dst, ptrdiff_t ds, size_t nt, size_t w,
                               double (*z)[MR_BUNDLE])
{
    if (n < 2) {
        section(s, src, ss, dst, ds, nt, w, z);
        return;
    }
    const bool unit = s->b0 == 1 && s->b2 == 1;
    size_t c = 0;
    for (; c + 4 * MR_VEC <= w; c += 4 * MR_VEC)
        if (unit)
            pair_n(4, true, s, src + c, ss, dst + c, ds, nt, z[0] + c);
        else
            pair_n(4, false, s, src + c, ss, dst + c, ds, nt, z[0] + c);
    for (; c < w; c += MR_VEC) pair_n(1, false, s, src + c, ss, dst + c, ds, nt, z[0] + c);
}

/* `rows` rows of `n` vectors, both constants where this is inlined, of the m that are added up. */
INLINE void add_n(int n, int rows, const double *const *k, size_t m, const double *z, size_t stride,
                  const double *const *src, double *const *dst, size_t c)
{
    vec acc[2][4];
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) acc[r][i] = load(src[r] + c + (size_t)i * MR_VEC);
    for (size_t s = 0; s < m; s++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) {
            const vec v = load(z + s * stride + c + (size_t)i * MR_VEC);
#pragma GCC unroll 2
            for (int r = 0; r < rows; r++) {
                const vec f = set(k[r][s]);
                fma_to(&acc[r][i], &f, &v, &acc[r][i]);
            }
        }
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) store(dst[r] + c + (size_t)i * MR_VEC, &acc[r][i]);
}

MR_TARGET static void add_rows(const double *k, ptrdiff_t ks, size_t m, const double *z,
                               size_t stride, const double *src, double *dst, size_t rows, size_t w)
{
    for (size_t t = 0; t < rows;) {
        const double *const h[2] = {k + (ptrdiff_t)t * ks, k + (ptrdiff_t)(t + 1) * ks};
        const double *const x[2] = {src + t * stride, src + (t + 1) * stride};
        double *const y[2] = {dst + t * stride, dst + (t + 1) * stride};
        const size_t did = t + 1 < rows ? 2 : 1;
        size_t c = 0;
        for (; did == 2 && c + 4 * MR_VEC <= w; c += 4 * MR_VEC)
            add_n(4, 2, h, m, z, stride, x, y, c);
        for (; did == 2 && c + MR_VEC <= w; c += MR_VEC) add_n(1, 2, h, m, z, stride, x, y, c);
        for (; c + MR_VEC <= w; c += MR_VEC) add_n(1, 1, h, m, z, stride, x, y, c);
        for (size_t r = 0; r < did; r++)
            for (size_t i = c; i < w; i++) {
                double acc = x[r][i];
                for (size_t s = 0; s < m; s++) acc = __builtin_fma(h[r][s], z[s * stride + i], acc);
                y[r][i] = acc;
            }
        t += did;
    }
}

/* n vectors of `rows` outputs, both constants where this is inlined. */
INLINE void fir_n(int n, int rows, const double *const *h, size_t taps, const double *const *x,
                  size_t stride, double *const *y, size_t c)
{
    vec acc[2][4];
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) acc[r][i] = set(0);
    for (size_t j = 0; j < taps; j++) {
        if (h[0][j] == 0 && h[rows - 1][j] == 0) continue; /* a zero of the sinc adds nothing */
#pragma GCC unroll 2
        for (int r = 0; r < rows; r++) {
            const vec k = set(h[r][j]);
#pragma GCC unroll 4
            for (int i = 0; i < n; i++) {
                const vec v = load(x[r] + j * stride + c + (size_t)i * MR_VEC);
                fma_to(&acc[r][i], &k, &v, &acc[r][i]);
            }
        }
    }
#pragma GCC unroll 2
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) store(y[r] + c + (size_t)i * MR_VEC, &acc[r][i]);
}

/* Input rows [a, b) into outputs [o0, o1) of four that lie `down` rows apart: each row is loaded
 * once and serves them all. n, o0 and o1 are constants where this is inlined. */
INLINE void fir4_rows(int n, int o0, int o1, const double *h, size_t down, const double *x,
                      size_t stride, size_t a, size_t b, vec acc[4][4])
{
    for (size_t j = a; j < b; j++) {
        vec v[4];
        bool any = false; /* a factor's sinc is zero in every factor-th row, but for its centre */
#pragma GCC unroll 4
        for (int o = o0; o < o1; o++) any |= h[j - (size_t)o * down] != 0;
        if (!any) continue;
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) v[i] = load(x + j * stride + (size_t)i * MR_VEC);
#pragma GCC unroll 4
        for (int o = o0; o < o1; o++) {
            const vec k = set(h[j - (size_t)o * down]);
#pragma GCC unroll 4
            for (int i = 0; i < n; i++) fma_to(&acc[o][i], &k, &v[i], &acc[o][i]);
        }
    }
}

INLINE void fir4_n(int n, const double *h, size_t taps, size_t down, const double *x, size_t stride,
                   double *y, size_t ys)
{
    vec acc[4][4];
#pragma GCC unroll 4
    for (int o = 0; o < 4; o++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) acc[o][i] = set(0);
    fir4_rows(n, 0, 1, h, down, x, stride, 0, down, acc);
    fir4_rows(n, 0, 2, h, down, x, stride, down, 2 * down, acc);
    fir4_rows(n, 0, 3, h, down, x, stride, 2 * down, 3 * down, acc);
    fir4_rows(n, 0, 4, h, down, x, stride, 3 * down, taps, acc);
    fir4_rows(n, 1, 4, h, down, x, stride, taps, taps + down, acc);
    fir4_rows(n, 2, 4, h, down, x, stride, taps + down, taps + 2 * down, acc);
    fir4_rows(n, 3, 4, h, down, x, stride, taps + 2 * down, taps + 3 * down, acc);
#pragma GCC unroll 4
    for (int o = 0; o < 4; o++)
#pragma GCC unroll 4
        for (int i = 0; i < n; i++) store(y + (size_t)o * ys + (size_t)i * MR_VEC, &acc[o][i]);
}

MR_TARGET static size_t fir4(const double *h, size_t taps, size_t down, const double *x,
                             size_t stride, double *y, size_t ys, size_t w)
{
    size_t c = 0;
    if (MR_VEC < 8 || taps < 3 * down) return 0; /* 32 registers are needed to gain */
    for (; c + 4 * MR_VEC <= w; c += 4 * MR_VEC) fir4_n(4, h, taps, down, x + c, stride, y + c, ys);
    return c;
}

/* One channel of one output. */
INLINE void fir_one(const double *h, size_t taps, const double *x, size_t stride, double *y)
{
    double acc = 0;
    for (size_t j = 0; j < taps; j++) acc = __builtin_fma(h[j], x[j * stride], acc);
    *y = acc;
}

MR_TARGET static void fir(const double *h, size_t n, const double *x, size_t stride, double *y,
                          size_t w)
{
    size_t c = 0;
    for (; c + 4 * MR_VEC <= w; c += 4 * MR_VEC) fir_n(4, 1, &h, n, &x, stride, &y, c);
    for (; c + MR_VEC <= w; c += MR_VEC) fir_n(1, 1, &h, n, &x, stride, &y, c);
    if (c < w && w >= MR_VEC) fir_n(1, 1, &h, n, &x, stride, &y, w - MR_VEC); /* some again */
    for (; c < w && w < MR_VEC; c++) fir_one(h, n, x + c, stride, y + c);
}

MR_TARGET static void fir2(const double *const h[2], size_t n, const double *const x[2],
                           size_t stride, double *const y[2], size_t w)
{
    size_t c = 0;
    for (; c + 4 * MR_VEC <= w; c += 4 * MR_VEC) fir_n(4, 2, h, n, x, stride, y, c);
    for (; c + 2 * MR_VEC <= w; c += 2 * MR_VEC) fir_n(2, 2, h, n, x, stride, y, c);
    for (; c + MR_VEC <= w; c += MR_VEC) fir_n(1, 2, h, n, x, stride, y, c);
    if (c < w && w >= MR_VEC) fir_n(1, 2, h, n, x, stride, y, w - MR_VEC); /* some again */
    for (; c < w && w < MR_VEC; c++)
        for (int r = 0; r < 2; r++) fir_one(h[r], n, x[r] + c, stride, y[r] + c);
}

/* What each set is made of, beside simd_fft.h's. */
#define MR_BODY_KERNELS                                                                            \
    .sections = sections, .fir = fir, .fir2 = fir2, .fir4 = fir4, .add_rows = add_rows
