/* in/clock/ties.h: inside in/clock: time by tie points. */
#ifndef MR_IN_CLOCK_TIES_H
#define MR_IN_CLOCK_TIES_H
#include "in/layout.h"

/** Rate, start and stretches of n rows by f->clock.ties. MR_EINPUT when they make no clock. */
mr_status mr_clock_by_ties(mr_find *f, uint64_t n);
#endif
