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
#include "ops/kernels/simd_body.h"
#include "ops/kernels/simd_fft.h"

const mr_kernels mr_kernels_fma = {.pairs = false, MR_BODY_KERNELS, MR_FFT_KERNELS};
#endif
