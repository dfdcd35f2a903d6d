/* ops/kernels/simd_fma.c: the kernels for x86-64 of level 3 (AVX, FMA): four doubles a vector. */
#include "ops/kernels/simd.h"
#if defined(__x86_64__)
#include <immintrin.h>
#define MR_TARGET __attribute__((target("avx,fma")))
#define MR_VEC 4
typedef __m256d vec;

MR_TARGET static inline void fma_to(vec *r, const vec *a, const vec *b, const vec *c)
{
    *r = _mm256_fmadd_pd(*a, *b, *c);
}
MR_TARGET static inline void root_to(vec *r, const vec *a)
{
    *r = _mm256_sqrt_pd(*a);
}
MR_TARGET static inline void order_to(vec *lo, vec *hi, const vec *a, const vec *b)
{
    *lo = _mm256_min_pd(*b, *a); /* the second where neither is less */
    *hi = _mm256_max_pd(*a, *b);
}
#include "ops/kernels/simd_body.h"
#include "ops/kernels/simd_fft.h"
#include "ops/kernels/simd_middle.h"

const mr_kernels mr_kernels_fma = {
    .pairs = false, MR_BODY_KERNELS, MR_FFT_KERNELS, MR_MIDDLE_KERNELS};
#endif
