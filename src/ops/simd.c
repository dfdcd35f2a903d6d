/* ops/simd.c: which vector instructions this machine has. */
#include "ops/simd.h"
#include <stdlib.h>

mr_simd mr_simd_level(void)
{
    const char *most = getenv("MILLRACE_SIMD"); /* to test that all give the same bits */
    if (most && strcmp(most, "plain") == 0) return MR_SIMD_PLAIN;
#if defined(__x86_64__)
    const bool avx512 = !most || strcmp(most, "fma") != 0;
    if (avx512 && __builtin_cpu_supports("avx512f")) return MR_SIMD_512;
    if (__builtin_cpu_supports("fma")) return MR_SIMD_FMA;
#endif
    return MR_SIMD_PLAIN;
}
