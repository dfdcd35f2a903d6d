/* base/arena.h: buffers laid end to end. The code that lays them out is run twice: without memory
 * it measures what it takes, with memory it says where each lies. So what a plan says and what a
 * run uses are the same sum. One thread. */
#ifndef MR_ARENA_H
#define MR_ARENA_H
#include "base/base.h"

typedef struct mr_arena {
    char *base;  /* 64-byte aligned; NULL: measure */
    size_t used; /* bytes */
    size_t size; /* bytes there are; with base only */
} mr_arena;

/** Room for n doubles, 64-byte aligned, not cleared; NULL while measuring. */
static inline double *mr_arena_f64(mr_arena *a, size_t n)
{
    const size_t at = a->used;
    a->used += (n * sizeof(double) + 63) / 64 * 64;
    if (!a->base) return NULL;
    MR_ASSERT(a->used <= a->size); /* what was measured is what is used */
    return (double *)(void *)(a->base + at);
}
#endif
