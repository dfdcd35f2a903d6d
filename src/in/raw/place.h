/* in/raw/place.h: moving stored samples into rows [time][channel]: copy, stride, transpose, byte
 * order, unshuffle. Pure functions on bytes; the callers in this room check every bound. Any
 * thread. */
#ifndef MR_IN_RAW_PLACE_H
#define MR_IN_RAW_PLACE_H
#include "base/base.h"

/** A rectangle of stored samples: element (t, c) is at src + (t * t_step + c * c_step) * size. */
typedef struct mr_patch {
    const uint8_t *src;
    size_t t_step, c_step; /* in elements; one of them is usually 1 */
    size_t nt, nc;
    unsigned size; /* 1, 2, 4, 8 bytes */
    bool swap;     /* reverse the bytes of each element */
} mr_patch;

/** Place the rectangle in rows `stride` bytes apart at dst, which does not overlap src. */
void mr_place(const mr_patch *p, uint8_t *dst, size_t stride);
/** Reverse the bytes of each of n elements in place. */
void mr_swap_bytes(void *p, size_t n, unsigned size);

/** n samples as HDF5's shuffle stores them: first bytes of all, then second bytes of all ... */
typedef struct mr_planes {
    const uint8_t *src;
    size_t n;
    unsigned size; /* 1, 2, 4, 8 bytes */
    bool swap;     /* reverse the bytes of each element on the way */
} mr_planes;
/** Samples [first, first + n) of the planes, side by side at dst. */
void mr_unshuffle(const mr_planes *p, size_t first, size_t n, uint8_t *dst);
#endif
