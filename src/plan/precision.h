/* plan/precision.h: does float32 hold what the input has? */
#ifndef MR_PRECISION_H
#define MR_PRECISION_H
#include "plan/plan.h"

/** Steps of float32 that a signal needs: 12 bits. */
#define MR_SIGNAL_STEPS 4096.0

/** Does the type hold values that float32 does not? */
bool mr_wider_than_float(mr_dtype t);
/** Is a signal between lo and hi less than MR_SIGNAL_STEPS of float32? Not if it is constant. */
bool mr_signal_too_small(double lo, double hi);
/** A line where the first samples of the archive say so. Appends to out. */
mr_status mr_precision_advise(const mr_config *cfg, const mr_plan *p, mr_strs *out);
#endif
