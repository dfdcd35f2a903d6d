/* ops/simd.c: which vector instructions this machine has. */
#include "ops/simd.h"

mr_simd mr_simd_level(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return MR_SIMD_512;
    if (__builtin_cpu_supports("fma")) return MR_SIMD_FMA;
#endif
    return MR_SIMD_PLAIN;
}
