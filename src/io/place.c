/* io/place.c: copy, transpose, byte order and unshuffle, in blocks that stay in cache. */
#include "io/place.h"
#include <string.h>

static void swap_copy(const uint8_t *src, uint8_t *dst, size_t n, unsigned size)
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

/* Stored [channel][time]: blocks of 64 rows, so that the lines written stay in the first cache. */
static void place_transposed(const mr_patch *p, uint8_t *dst, size_t stride)
{
    enum { ROWS = 64 };
    for (size_t t0 = 0; t0 < p->nt; t0 += ROWS) {
        size_t n = MR_MIN((size_t)ROWS, p->nt - t0);
        for (size_t t = t0; t < t0 + n; t++) {
            uint8_t *d = dst + t * stride;
            gather(p->src + t * p->size, p->c_step, d, p->nc, p->size);
            if (p->swap) mr_swap_bytes(d, p->nc, p->size);
        }
    }
}

void mr_place(const mr_patch *p, uint8_t *dst, size_t stride)
{
    if (p->t_step == 1 && p->c_step != 1)
        place_transposed(p, dst, stride);
    else
        place_rows(p, dst, stride);
}

void mr_unshuffle(const uint8_t *src, size_t n_all, size_t first, size_t n, unsigned size,
                  uint8_t *dst)
{
    for (unsigned b = 0; b < size; b++) {
        const uint8_t *s = src + b * n_all + first;
        for (size_t i = 0; i < n; i++) dst[i * size + b] = s[i];
    }
}
