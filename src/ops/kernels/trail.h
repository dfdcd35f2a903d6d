/* ops/kernels/trail.h: what a window of n samples around or before each sample comes to: its sum,
 * sum of squares, extremes, moments. A window is the tail of one stretch of n samples plus the head
 * of the next, stretches lying on multiples of n of the UTC grid: nothing is ever subtracted, the
 * work does not grow with n, and the bits do not depend on where blocks are cut (van Herk, Pattern
 * Recognition Letters 13, 1992, for extremes). Called by operators that need more than the sums of
 * squares of roll.h. */
#ifndef MR_TRAIL_H
#define MR_TRAIL_H
#include "millrace/op.h"

typedef enum mr_trail_kind {
    MR_TRAIL_SUM,      /* acc: sum x */
    MR_TRAIL_ABS,      /* sum |x| */
    MR_TRAIL_SQUARES,  /* sum x^2 */
    MR_TRAIL_MIN,      /* least */
    MR_TRAIL_MAX,      /* greatest */
    MR_TRAIL_MOMENTS2, /* mean, sum (x - mean)^2 */
    MR_TRAIL_MOMENTS4  /* mean, sums of the 2nd, 3rd and 4th power of x - mean */
} mr_trail_kind;

/** The window of the sample at index i is [i - before, i - before + n). */
typedef struct mr_trail {
    mr_trail_kind kind;
    int64_t n, before;
    bool replicate; /* beyond the span's ends its first and last sample go on; else it is cut */
} mr_trail;

/** Context and scratch. The operator's own scratch rows come after: `rows` of them. */
void mr_trail_needs(const mr_trail *t, size_t rows, mr_needs *needs);
/** Doubles a channel that the kind keeps. */
size_t mr_trail_size(mr_trail_kind kind);

/** Called for each output row in order: acc [size][nc] of the n samples of its window (fewer where
 * the span cuts it), x: the row of the input at the output's position, y: where the output goes. */
typedef void (*mr_trail_row)(const void *self, const double *acc, int64_t n, const double *x,
                             double *y, size_t nc);
/** Output row m of the piece lies at input index m * step. Thread-safe. */
void mr_trail_run(const mr_trail *t, int64_t step, const mr_piece *p, mr_trail_row row,
                  const void *self);
/** The operator's own scratch rows. */
double *mr_trail_scratch(const mr_trail *t, const mr_piece *p);
#endif
