/* ops/kernels/simd.h: the inner loops that run channels side by side, one set for each vector
 * length. All sets do the same operations on each channel in the same order, fused multiply-adds
 * included, so their bits agree; simd_body.h is the one source of them all. */
#ifndef MR_SIMD_H
#define MR_SIMD_H
#include "ops/design/design.h"
#include "ops/kernels/fft.h"

enum { MR_BUNDLE = 32, MR_LANES = 8 };

typedef struct mr_kernels {
    /** n = 1 or 2 sections (two only where `pairs`, and the second has b0 = b2 = 1) over nt rows of
     * w channels, a multiple of MR_LANES up to MR_BUNDLE, from src to dst (may be the same);
     * strides in doubles, negative to run back in time. z: their states, two rows a section,
     * carried. */
    void (*sections)(const mr_section *s, size_t n, const double *src, ptrdiff_t ss, double *dst,
                     ptrdiff_t ds, size_t nt, size_t w, double (*z)[MR_BUNDLE]);
    /** y[c] = sum over j < n, in order, of h[j] * x[j * stride + c], c < w, any w. */
    void (*fir)(const double *h, size_t n, const double *x, size_t stride, double *y, size_t w);
    /** The same for two outputs at once, of two inputs. */
    void (*fir2)(const double *const h[2], size_t n, const double *const x[2], size_t stride,
                 double *const y[2], size_t w);
    /** Four outputs at once that lie `down` input rows apart, y rows ys apart, each as fir gives
     * it. Does the first channels, gives how many (0 where down is too large for it). */
    size_t (*fir4)(const double *h, size_t taps, size_t down, const double *x, size_t stride,
                   double *y, size_t ys, size_t w);
    /** Rows of w channels, all `stride` wide: dst[t][c] = src[t][c] + sum over s < m, in order, of
     * k[t * ks + s] z[s][c]. dst may be src or begin rows before it. */
    void (*add_rows)(const double *k, ptrdiff_t ks, size_t m, const double *z, size_t stride,
                     const double *src, double *dst, size_t rows, size_t w);
    /** The middle of n values v[n][8] for each lane, n odd -> out[8]. v is reordered. */
    void (*middle)(double *v, size_t n, double *out);
    /** Two sections at once pay where there are registers for both (AVX-512: 1.4 times). */
    bool pairs;
    /** Samples into a buffer, at their places. */
    void (*fft_load)(const mr_fft *f, const mr_fft_in *in, double *z);
    /** The complex transform of a loaded buffer, in place. */
    void (*fft)(const mr_fft *f, double *z);
    /** Bins [k0, k1) of the real series' transform into x [k1 - k0][2][8]. */
    void (*fft_bins)(const mr_fft *f, const double *z, size_t k0, size_t k1, double *x);
    /** n bins x[k][2][8] to magnitude weight[k]; what is 0 stays 0. */
    void (*fft_phase)(double *x, size_t n, const double *weight);
    /** acc[2 k][stride], [2 k + 1][stride] += real and imaginary part of x[k][2][8] times the
     *  conjugate of s[k][2], n bins. */
    void (*fft_cross)(const double *x, size_t n, const double *s, double *acc, size_t stride);
    /** sum[k * stride + c] += |bin k of lane c|^2, for all bins. */
    void (*fft_power)(const mr_fft *f, const double *z, double *sum, size_t stride);
} mr_kernels;

/** The best set this machine runs; MILLRACE_SIMD=plain|fma in the environment holds it back, for
 *  tests. Any thread. */
const mr_kernels *mr_simd(void);

/** Is that the plain set, with fused multiplications in software? Filters and transforms then take
 *  about 30 times as long, for the same bits. */
bool mr_simd_slow(void);

extern const mr_kernels mr_kernels_plain, mr_kernels_fma, mr_kernels_512;
#endif
