/* ops/simd.h: eight float64 channels as one vector, for kernels that run channels side by side. The
 * same operations in the same order whatever the machine: the body of a kernel is an MR_INLINE
 * function, compiled into one wrapper a vector length, and mr_simd_level() says which to call. */
#ifndef MR_SIMD_H
#define MR_SIMD_H
#include "base/base.h"
#include <string.h>

typedef double mr_v8 __attribute__((vector_size(64)));

#define MR_INLINE static inline __attribute__((always_inline))
#if defined(__x86_64__)
#define MR_TARGET_512 __attribute__((target("avx512f")))
#define MR_TARGET_FMA __attribute__((target("avx,fma")))
#else
#define MR_TARGET_512
#define MR_TARGET_FMA
#endif

typedef enum mr_simd { MR_SIMD_PLAIN, MR_SIMD_FMA, MR_SIMD_512 } mr_simd;
/** The best this machine runs. Cheap; any thread. */
mr_simd mr_simd_level(void);

/* For the rest of the including file: all is inlined, no vector crosses a call. */
#pragma GCC diagnostic ignored "-Wpsabi"

MR_INLINE mr_v8 mr_v8_set(double a)
{
    return a - (mr_v8){0};
}

MR_INLINE mr_v8 mr_v8_load(const double *p)
{
    mr_v8 v;
    memcpy(&v, p, sizeof v);
    return v;
}

MR_INLINE void mr_v8_store(double *p, const mr_v8 *v)
{
    memcpy(p, v, sizeof *v);
}

/** *r = a * b + c, rounded once, in every lane. */
MR_INLINE void mr_v8_fma(mr_v8 *r, const mr_v8 *a, const mr_v8 *b, const mr_v8 *c)
{
    mr_v8 x = *a, y = *b, z = *c, v = z;
    for (int i = 0; i < 8; i++) v[i] = __builtin_fma(x[i], y[i], z[i]);
    *r = v;
}
#endif
