/* ops/design/sinc.h: a sample between samples: a sinc under a Kaiser window (beta 10) over the 32
 * on each side of the place. */
#ifndef MR_SINC_H
#define MR_SINC_H
#include "millrace/op.h"

enum { MR_SINC_HALF = 32 };
/** The weights of samples i - 31 .. i + 32 for the place i + frac, 0 <= frac < 1. */
void mr_sinc_weights(double frac, double w[2 * MR_SINC_HALF]);
/** y[nc] at place i + frac of the piece's input, of the channels that y has; beyond the span there
 * are zeros. The piece covers [i - 31, i + 32], clipped to the span. */
void mr_sinc_row(const mr_piece *p, int64_t i, double frac, double *y);
#endif
