/* ops/kernels/simd.c: which vector instructions this machine has; and the kernels for any machine,
 * where a fused multiply-add may be a call of fma(): slow, but the same bits. */
#include "ops/kernels/simd.h"
#include <stdlib.h>
#define MR_VEC 2
#define MR_TARGET
typedef double vec __attribute__((vector_size(16)));

static inline void fma_to(vec *r, const vec *a, const vec *b, const vec *c)
{
    *r = (vec){__builtin_fma((*a)[0], (*b)[0], (*c)[0]), __builtin_fma((*a)[1], (*b)[1], (*c)[1])};
}
static inline void root_to(vec *r, const vec *a)
{
    *r = (vec){__builtin_sqrt((*a)[0]), __builtin_sqrt((*a)[1])};
}
static inline void order_to(vec *lo, vec *hi, const vec *a, const vec *b)
{
    const double x = (*a)[0], y = (*b)[0], u = (*a)[1], v = (*b)[1];
    *lo = (vec){y < x ? y : x, v < u ? v : u};
    *hi = (vec){y < x ? x : y, v < u ? u : v};
}
#include "ops/kernels/simd_body.h"
#include "ops/kernels/simd_fft.h"
#include "ops/kernels/simd_middle.h"

const mr_kernels mr_kernels_plain = {
    .pairs = false, MR_BODY_KERNELS, MR_FFT_KERNELS, MR_MIDDLE_KERNELS};

const mr_kernels *mr_simd(void)
{
    const char *most = getenv("MILLRACE_SIMD");
    if (most && strcmp(most, "plain") == 0) return &mr_kernels_plain;
#if defined(__x86_64__)
    const bool avx512 = !most || strcmp(most, "fma") != 0;
    if (avx512 && __builtin_cpu_supports("avx512f")) return &mr_kernels_512;
    if (__builtin_cpu_supports("avx") && __builtin_cpu_supports("fma")) return &mr_kernels_fma;
#endif
    return &mr_kernels_plain;
}

bool mr_simd_slow(void)
{
#if defined(__FP_FAST_FMA)
    return false; /* the compiler's own multiply-add is one instruction here, as on every arm64 */
#else
    return mr_simd() == &mr_kernels_plain;
#endif
}
