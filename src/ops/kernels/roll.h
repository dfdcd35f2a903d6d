/* ops/kernels/roll.h: sums of squares over trailing windows of n cells, a cell being some samples.
 * A window is the tail of one stretch of n cells plus the head of the next, stretches lying on
 * multiples of n: no difference of large sums is taken, and the bits do not depend on where blocks
 * are cut. Of van Herk's algorithm, with sums for extremes (Pattern Recognition Letters 13, 1992).
 */
#ifndef MR_ROLL_H
#define MR_ROLL_H
#include "millrace/op.h"

/** Rows of w doubles that a roll over n cells keeps; all zero is the start. */
static inline size_t mr_roll_rows(size_t n)
{
    return 2 * n + 1;
}
/** Cell number `cell`, whose sums are q[w]: the one after that of the last call. */
void mr_roll_add(double *roll, size_t n, size_t w, int64_t cell, const double *q);
/** The sums over the n cells that end with `cell`, the last one added -> sum[w]. What was not added
 * since the start counts as zero. */
void mr_roll_sum(const double *roll, size_t n, size_t w, int64_t cell, double *sum);

/** What an operator needs whose outputs take sums over the last `window` samples from `rows` rows
 * of state: they are carried from block to block, or where that is much, made anew from the window.
 */
void mr_roll_needs(size_t window, size_t rows, mr_needs *needs);

/** One map() of such an operator: cell after cell. Cell k holds the samples (k - 1) * g < t <= k
 * * g.
 */
typedef struct mr_rolling {
    const mr_piece *p;
    int64_t g, cell;
    double *state; /* [rows][nc], to work on */
    size_t rows, t, lent_a, lent_b;
    const double *lent;
} mr_rolling;
void mr_rolling_begin(mr_rolling *r, const mr_piece *p, int64_t g, size_t rows);
/** Add the squares up to the next cell's end to part[nc], which is one of the state's rows: true,
 * and the cell's number in r->cell. False when x is at its end and the state is left for the next.
 */
bool mr_rolling_cell(mr_rolling *r, double *part);
#endif
