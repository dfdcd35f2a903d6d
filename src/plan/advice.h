/* plan/advice.h: what is legal in a config but unwise. Read by `check` and `plan`. */
#ifndef MR_ADVICE_H
#define MR_ADVICE_H
#include "plan/plan.h"

/** One line "file:line:column: ..." for each thing a user would want to know:
 *  a windowed detrend before a filter; a band that is kept, then lost by a lower sampling rate; an
 *  operator whose context is longer than its lane, or contexts that are most of the work; samples
 *  that float32 does not hold (the first ones are read).
 *  @param p [borrow] the plan for these inputs, or NULL: then only what needs no sampling rate
 *  Any thread. Appends to out. */
mr_status mr_advise(const mr_config *cfg, const mr_plan *p, mr_strs *out);
#endif
