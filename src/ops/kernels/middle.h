/* ops/kernels/middle.h: medians of windows in time and channel, eight channels side by side. */
#ifndef MR_MIDDLE_H
#define MR_MIDDLE_H
#include "millrace/op.h"

enum { MR_MIDDLE_LANES = 8, MR_MIDDLE_MOST = 625 }; /* values in a window at most, an odd number */

/** The middle of n values v[n][8] for each lane, n odd and at most MR_MIDDLE_MOST. v is reordered.
 */
void mr_middle(double (*v)[MR_MIDDLE_LANES], size_t n, double out[MR_MIDDLE_LANES]);

/** A window of 2 ht + 1 samples and 2 hc + 1 channels around each; beyond the span's and the
 * array's ends samples are mirrored, the last one twice (scipy.ndimage mode="reflect"). */
typedef struct mr_window2 {
    int64_t ht, hc;
} mr_window2;
void mr_window2_needs(const mr_window2 *w, mr_needs *needs);
/** Number of values. */
size_t mr_window2_n(const mr_window2 *w);
/** The values around sample t of channels [c, c + n), n <= 8, of the array -> v[mr_window2_n][8],
 * in order of time, then channel; lanes from n on repeat the last. */
void mr_window2_take(const mr_window2 *w, const mr_piece *p, int64_t t, int64_t c, size_t n,
                     double (*v)[MR_MIDDLE_LANES]);
#endif
