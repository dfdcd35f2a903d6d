/* in/raw/place.c: copy, transpose, byte order and unshuffle, in blocks that stay in cache. Vectors
 * are the compilers' own 16-byte ones, so nothing here is tied to one machine. */
#include "in/raw/place.h"
#include <string.h>

typedef uint8_t vec __attribute__((vector_size(16)));
typedef uint16_t vec2 __attribute__((vector_size(16)));
typedef uint32_t vec4 __attribute__((vector_size(16)));
typedef uint64_t vec8 __attribute__((vector_size(16)));

static inline vec load(const uint8_t *p)
{
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store(uint8_t *p, vec v)
{
    memcpy(p, &v, sizeof v);
}

/* Elements of `a` and `b` taken in turn: of their lower halves, of their upper halves. */
static inline vec lo1(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

static inline vec hi1(vec a, vec b)
{
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
}

static inline vec lo2(vec a, vec b)
{
    return (vec)__builtin_shufflevector((vec2)a, (vec2)b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline vec hi2(vec a, vec b)
{
    return (vec)__builtin_shufflevector((vec2)a, (vec2)b, 4, 12, 5, 13, 6, 14, 7, 15);
}

static inline vec lo4(vec a, vec b)
{
    return (vec)__builtin_shufflevector((vec4)a, (vec4)b, 0, 4, 1, 5);
}

static inline vec hi4(vec a, vec b)
{
    return (vec)__builtin_shufflevector((vec4)a, (vec4)b, 2, 6, 3, 7);
}

static inline vec lo8(vec a, vec b)
{
    return (vec)__builtin_shufflevector((vec8)a, (vec8)b, 0, 2);
}

static inline vec hi8(vec a, vec b)
{
    return (vec)__builtin_shufflevector((vec8)a, (vec8)b, 1, 3);
}

/* --- byte order ------------------------------------------------------------------------------- */

MR_CLONES static void swap_copy(const uint8_t *src, uint8_t *dst, size_t n, unsigned size)
{
    uint16_t a;
    uint32_t b;
    uint64_t c;
    switch (size) {
    case 2:
        for (size_t i = 0; i < n; i++) {
            memcpy(&a, src + 2 * i, 2);
            a = __builtin_bswap16(a);
            memcpy(dst + 2 * i, &a, 2);
        }
        break;
    case 4:
        for (size_t i = 0; i < n; i++) {
            memcpy(&b, src + 4 * i, 4);
            b = __builtin_bswap32(b);
            memcpy(dst + 4 * i, &b, 4);
        }
        break;
    case 8:
        for (size_t i = 0; i < n; i++) {
            memcpy(&c, src + 8 * i, 8);
            c = __builtin_bswap64(c);
            memcpy(dst + 8 * i, &c, 8);
        }
        break;
    default: memmove(dst, src, n); break;
    }
}

void mr_swap_bytes(void *p, size_t n, unsigned size)
{
    if (size > 1) swap_copy(p, p, n, size);
}

/* --- rows and columns ------------------------------------------------------------------------- */

/* n elements `step` elements apart in src, side by side in dst */
static void gather(const uint8_t *src, size_t step, uint8_t *dst, size_t n, unsigned size)
{
    switch (size) {
    case 1:
        for (size_t i = 0; i < n; i++) dst[i] = src[i * step];
        break;
    case 2:
        for (size_t i = 0; i < n; i++) memcpy(dst + 2 * i, src + 2 * i * step, 2);
        break;
    case 4:
        for (size_t i = 0; i < n; i++) memcpy(dst + 4 * i, src + 4 * i * step, 4);
        break;
    default:
        for (size_t i = 0; i < n; i++) memcpy(dst + 8 * i, src + 8 * i * step, 8);
        break;
    }
}

static void place_rows(const mr_patch *p, uint8_t *dst, size_t stride)
{
    size_t row = p->t_step * p->size, bytes = p->nc * p->size;
    for (size_t t = 0; t < p->nt; t++) {
        uint8_t *d = dst + t * stride;
        const uint8_t *s = p->src + t * row;
        if (p->c_step != 1)
            gather(s, p->c_step, d, p->nc, p->size);
        else if (!p->swap)
            memcpy(d, s, bytes);
        else
            swap_copy(s, d, p->nc, p->size);
        if (p->swap && p->c_step != 1) mr_swap_bytes(d, p->nc, p->size);
    }
}

/* A square of 16 bytes a side, transposed. */
static inline void square2(const uint8_t *s, size_t pitch, uint8_t *d, size_t stride)
{
    vec a[8], b[8];
    for (int i = 0; i < 8; i++) a[i] = load(s + (size_t)i * pitch);
    for (int i = 0; i < 4; i++) {
        b[2 * i] = lo2(a[i], a[i + 4]);
        b[2 * i + 1] = hi2(a[i], a[i + 4]);
    }
    for (int i = 0; i < 4; i++) {
        a[2 * i] = lo2(b[i], b[i + 4]);
        a[2 * i + 1] = hi2(b[i], b[i + 4]);
    }
    for (int i = 0; i < 4; i++) {
        store(d + (size_t)(2 * i) * stride, lo2(a[i], a[i + 4]));
        store(d + (size_t)(2 * i + 1) * stride, hi2(a[i], a[i + 4]));
    }
}

static inline void square4(const uint8_t *s, size_t pitch, uint8_t *d, size_t stride)
{
    vec a = load(s), b = load(s + pitch), c = load(s + 2 * pitch), e = load(s + 3 * pitch);
    vec ac = lo4(a, c), be = lo4(b, e), ac2 = hi4(a, c), be2 = hi4(b, e);
    store(d, lo4(ac, be));
    store(d + stride, hi4(ac, be));
    store(d + 2 * stride, lo4(ac2, be2));
    store(d + 3 * stride, hi4(ac2, be2));
}

static inline void square8(const uint8_t *s, size_t pitch, uint8_t *d, size_t stride)
{
    vec a = load(s), b = load(s + pitch);
    store(d, lo8(a, b));
    store(d + stride, hi8(a, b));
}

/* nt x nc elements, both multiples of 8, in squares of 16 bytes a side */
MR_CLONES static void transpose(const uint8_t *src, size_t pitch, size_t nt, size_t nc,
                                unsigned size, uint8_t *dst, size_t stride)
{
    size_t side = 16 / size;
    for (size_t c = 0; c < nc; c += side) {
        const uint8_t *s = src + c * pitch;
        uint8_t *d = dst + c * size;
        if (size == 4)
            for (size_t t = 0; t < nt; t += 4) square4(s + t * 4, pitch, d + t * stride, stride);
        else if (size == 2)
            for (size_t t = 0; t < nt; t += 8) square2(s + t * 2, pitch, d + t * stride, stride);
        else
            for (size_t t = 0; t < nt; t += 2) square8(s + t * 8, pitch, d + t * stride, stride);
    }
}

/* Stored [channel][time]: a cache line of time at once over all channels, so that the lines read
 * are used whole and the lines written are still in cache when the next channels come. */
static void place_columns(const mr_patch *p, uint8_t *dst, size_t stride)
{
    size_t line = 64 / p->size, side = 8;
    for (size_t t0 = 0; t0 < p->nt; t0 += line) {
        size_t n = MR_MIN(line, p->nt - t0);
        size_t nt = p->size > 1 ? n / side * side : 0, nc = p->nc / side * side;
        const uint8_t *s = p->src + t0 * p->size;
        uint8_t *d = dst + t0 * stride;
        if (nt == 0 || nc == 0) nt = nc = 0;
        transpose(s, p->c_step * p->size, nt, nc, p->size, d, stride);
        for (size_t t = 0; t < n; t++) {
            size_t done = t < nt ? nc : 0;
            gather(s + (t + done * p->c_step) * p->size, p->c_step, d + t * stride + done * p->size,
                   p->nc - done, p->size);
            if (p->swap) mr_swap_bytes(d + t * stride, p->nc, p->size);
        }
    }
}

void mr_place(const mr_patch *p, uint8_t *dst, size_t stride)
{
    if (p->t_step == 1 && p->c_step != 1)
        place_columns(p, dst, stride);
    else
        place_rows(p, dst, stride);
}

/* --- shuffle ---------------------------------------------------------------------------------- */

/* 16 elements: s[0..size-1] are their bytes, first in memory first */
static inline void merge2(const uint8_t *const *s, size_t i, uint8_t *d)
{
    vec a = load(s[0] + i), b = load(s[1] + i);
    store(d, lo1(a, b));
    store(d + 16, hi1(a, b));
}

static inline void merge4(const uint8_t *const *s, size_t i, uint8_t *d)
{
    vec a = load(s[0] + i), b = load(s[1] + i), c = load(s[2] + i), e = load(s[3] + i);
    vec ab = lo1(a, b), ce = lo1(c, e), ab2 = hi1(a, b), ce2 = hi1(c, e);
    store(d, lo2(ab, ce));
    store(d + 16, hi2(ab, ce));
    store(d + 32, lo2(ab2, ce2));
    store(d + 48, hi2(ab2, ce2));
}

static inline void merge8(const uint8_t *const *s, size_t i, uint8_t *d)
{
    vec q[2][4];
    for (int h = 0; h < 2; h++) {
        const uint8_t *const *p = s + 4 * h;
        vec ab = lo1(load(p[0] + i), load(p[1] + i)), ce = lo1(load(p[2] + i), load(p[3] + i));
        vec ab2 = hi1(load(p[0] + i), load(p[1] + i)), ce2 = hi1(load(p[2] + i), load(p[3] + i));
        q[h][0] = lo2(ab, ce);
        q[h][1] = hi2(ab, ce);
        q[h][2] = lo2(ab2, ce2);
        q[h][3] = hi2(ab2, ce2);
    }
    for (int k = 0; k < 4; k++) {
        store(d + 32 * k, lo4(q[0][k], q[1][k]));
        store(d + 32 * k + 16, hi4(q[0][k], q[1][k]));
    }
}

/* n >= 16; the last 16 elements may be done twice */
MR_CLONES static void merge(const uint8_t *const *s, size_t n, unsigned size, uint8_t *dst)
{
    for (size_t i = 0; i < n; i += 16) {
        size_t k = MR_MIN(i, n - 16);
        if (size == 4)
            merge4(s, k, dst + 4 * k);
        else if (size == 2)
            merge2(s, k, dst + 2 * k);
        else
            merge8(s, k, dst + 8 * k);
    }
}

void mr_unshuffle(const mr_planes *p, size_t first, size_t n, uint8_t *dst)
{
    const uint8_t *s[8] = {0};
    for (unsigned b = 0; b < p->size; b++)
        s[b] = p->src + (p->swap ? p->size - 1 - b : b) * p->n + first;
    if (p->size == 1)
        memcpy(dst, p->src + first, n);
    else if (n >= 16)
        merge(s, n, p->size, dst);
    else
        for (size_t i = 0; i < n; i++)
            for (unsigned b = 0; b < p->size; b++) dst[i * p->size + b] = s[b][i];
}
