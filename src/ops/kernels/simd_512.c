/* ops/kernels/simd_512.c: the kernels for AVX-512: eight doubles a vector. Other processors than
 * x86-64 have only the plain set. */
#include "ops/kernels/simd.h"
#if defined(__x86_64__)
#include <immintrin.h>
#define MR_TARGET __attribute__((target("avx512f")))
#define MR_VEC 8
typedef __m512d vec;

MR_TARGET static inline void fma_to(vec *r, const vec *a, const vec *b, const vec *c)
{
    *r = _mm512_fmadd_pd(*a, *b, *c);
}
MR_TARGET static inline void root_to(vec *r, const vec *a)
{
    *r = _mm512_sqrt_pd(*a);
}
MR_TARGET static inline void order_to(vec *lo, vec *hi, const vec *a, const vec *b)
{
    *lo = _mm512_min_pd(*b, *a); /* the second where neither is less */
    *hi = _mm512_max_pd(*a, *b);
}
#include "ops/kernels/simd_body.h"
#include "ops/kernels/simd_fft.h"
#include "ops/kernels/simd_middle.h"

const mr_kernels mr_kernels_512 = {
    .pairs = true, MR_BODY_KERNELS, MR_FFT_KERNELS, MR_MIDDLE_KERNELS};
#endif
