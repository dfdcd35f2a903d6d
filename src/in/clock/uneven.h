/* in/clock/uneven.h: inside in/clock: irregular rows. */
#ifndef MR_IN_CLOCK_UNEVEN_H
#define MR_IN_CLOCK_UNEVEN_H
#include "in/layout.h"

/** The clock of f is these times t[n] of its rows, ns since 1970, n > 1. MR_EINPUT when they do not
 *  rise. [take] t, in any case. */
mr_status mr_clock_uneven(mr_find *f, int64_t *t, uint64_t n, const char *name);
#endif
