/* ops/kernels/median.h: the middle of some values. */
#ifndef MR_MEDIAN_H
#define MR_MEDIAN_H
#include "base/base.h"

/** The median of v[n], n > 0, the two middle values averaged; v is reordered. */
double mr_median(double *v, size_t n);
#endif
