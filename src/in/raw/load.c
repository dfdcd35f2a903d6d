/* in/raw/load.c: stored samples to float64 tile rows. The compiler makes the vectors: each loop is
 * compiled for AVX-512, AVX2 and the baseline, and the machine picks. Every conversion is exact but
 * for integers beyond 2^53, which round to nearest. */
#include "in/input.h"
#include <string.h>

/* samples come as bytes, so these may alias what they were read into */
typedef float any_f32 __attribute__((may_alias));
typedef int32_t any_i32 __attribute__((may_alias));
typedef uint64_t any_u64 __attribute__((may_alias));
typedef uint16_t any_u16 __attribute__((may_alias));

/* Rows of a tile lie a whole recorder row apart, too far for the hardware to guess: ask for the row
 * that comes some rows later. An address beyond the buffer does no harm. */
enum { AHEAD = 96 };
static inline void prefetch_row(const uint8_t *row, size_t bytes)
{
    const uint8_t *line = row - (uintptr_t)row % 64; /* a row need not begin with a cache line */
    for (; line < row + bytes; line += 64) __builtin_prefetch(line, 0, 2);
}

/* Largest exponent field seen decides: it is all ones for NaN and infinity only. A maximum of
 * integers may be taken in any order, so it becomes vectors where a sum of floats would not. */

/* Sixteen samples at a time; what was seen stays in a vector until the end. The sum carries into
 * the sign bit only if the exponent is all ones. */
typedef float f32x8 __attribute__((vector_size(32)));
typedef uint32_t u32x8 __attribute__((vector_size(32)));
typedef double f64x8 __attribute__((vector_size(64)));

MR_CLONES static bool load_f32(const uint8_t *src, size_t src_stride, size_t nt, size_t nc,
                               double *dst, size_t dst_stride)
{
    const size_t wide = nc / 8 * 8;
    u32x8 odd = {0};
    int32_t rest = 0, any = 0;
    for (size_t t = 0; t < nt; t++) {
        const uint8_t *row = src + t * src_stride;
        const any_f32 *f = (const void *)row;
        const any_i32 *bits = (const void *)row;
        double *restrict d = dst + t * dst_stride;
        prefetch_row(src + (t + AHEAD) * src_stride, 4 * nc);
        for (size_t c = 0; c < wide; c += 8) {
            f32x8 v;
            memcpy(&v, row + 4 * c, sizeof v);
            odd |= ((u32x8)v & 0x7fffffff) + 0x00800000;
            const f64x8 x = __builtin_convertvector(v, f64x8);
            memcpy(d + c, &x, sizeof x);
        }
        for (size_t c = wide; c < nc; c++) {
            rest |= (int32_t)(((uint32_t)bits[c] & 0x7fffffff) + 0x00800000);
            d[c] = (double)f[c];
        }
    }
    for (size_t i = 0; i < 8; i++) any |= (int32_t)odd[i];
    return (any | rest) < 0;
}

MR_CLONES static bool load_f64(const uint8_t *src, size_t src_stride, size_t nt, size_t nc,
                               double *dst, size_t dst_stride)
{
    int64_t odd = 0;
    for (size_t t = 0; t < nt; t++) {
        const any_u64 *bits = (const void *)(src + t * src_stride);
        any_u64 *restrict d = (void *)(dst + t * dst_stride);
        for (size_t c = 0; c < nc; c++) {
            /* the sum carries into the sign bit only if the exponent is all ones */
            odd |= (int64_t)((bits[c] & 0x7fffffffffffffff) + 0x0010000000000000);
            d[c] = bits[c];
        }
    }
    return odd < 0;
}

/* A half's exponent and mantissa, moved up, are a float 2^112 too small. A subnormal is its
 * mantissa x 2^-24, made from an integer: moved up it would be a subnormal float, which processors
 * are slow with. */
MR_CLONES static bool load_f16(const uint8_t *src, size_t src_stride, size_t nt, size_t nc,
                               double *dst, size_t dst_stride)
{
    int32_t top = 0;
    for (size_t t = 0; t < nt; t++) {
        const any_u16 *h = (const void *)(src + t * src_stride);
        double *restrict d = dst + t * dst_stride;
        for (size_t c = 0; c < nc; c++) {
            int32_t mag = h[c] & 0x7fff;
            top = MR_MAX(top, mag);
            int32_t odd = -(mag >= 0x7c00), sub = -(mag < 0x0400); /* masks: all ones if so */
            union {
                int32_t i;
                float f;
            } big = {.i = (mag << 13) + (112 << 23)}, small = {.f = (float)mag * 0x1p-24f};
            big.i += odd & 112 << 23; /* infinity and NaN keep an exponent of ones */
            big.i = (big.i & ~sub) | (small.i & sub);
            big.i |= (int32_t)((uint32_t)(h[c] & 0x8000) << 16);
            d[c] = (double)big.f;
        }
    }
    return top >= 0x7c00;
}

enum { I8 = 1, I16 = 2, I32 = 4, I64 = 8, U8 = 17, U16 = 18, U32 = 20, U64 = 24 };

MR_CLONES static void load_int(int type, const void *src, size_t nc, double *restrict dst)
{
    switch (type) {
    case I8:
        for (size_t c = 0; c < nc; c++) dst[c] = ((const int8_t *)src)[c];
        break;
    case I16:
        for (size_t c = 0; c < nc; c++) dst[c] = ((const int16_t *)src)[c];
        break;
    case I32:
        for (size_t c = 0; c < nc; c++) dst[c] = ((const int32_t *)src)[c];
        break;
    case I64:
        for (size_t c = 0; c < nc; c++) dst[c] = (double)((const int64_t *)src)[c];
        break;
    case U8:
        for (size_t c = 0; c < nc; c++) dst[c] = ((const uint8_t *)src)[c];
        break;
    case U16:
        for (size_t c = 0; c < nc; c++) dst[c] = ((const uint16_t *)src)[c];
        break;
    case U32:
        for (size_t c = 0; c < nc; c++) dst[c] = ((const uint32_t *)src)[c];
        break;
    default:
        for (size_t c = 0; c < nc; c++) dst[c] = (double)((const uint64_t *)src)[c];
        break;
    }
}

bool mr_load_f64(mr_dtype dt, const void *src, size_t src_stride, size_t nt, size_t nc, double *dst,
                 size_t dst_stride)
{
    const uint8_t *s = src;
    if (dt.kind == MR_DT_FLOAT) {
        if (dt.size == 4) return load_f32(s, src_stride, nt, nc, dst, dst_stride);
        if (dt.size == 8) return load_f64(s, src_stride, nt, nc, dst, dst_stride);
        return load_f16(s, src_stride, nt, nc, dst, dst_stride);
    }
    int type = dt.size + (dt.kind == MR_DT_UINT ? U8 - I8 : 0);
    for (size_t t = 0; t < nt; t++) {
        prefetch_row(s + (t + AHEAD) * src_stride, dt.size * nc);
        load_int(type, s + t * src_stride, nc, dst + t * dst_stride);
    }
    return false;
}
