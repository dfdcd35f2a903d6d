/* synth/extras.h: between model.c and extras.c. */
#ifndef MR_SYNTH_EXTRAS_H
#define MR_SYNTH_EXTRAS_H
#include "synth/synth.h"

/** Add what the spec asks for to rows [n0, n0 + nt) of all channels. */
void mr_synth_extras(const mr_synth_spec *p, int64_t n0, size_t nt, float *dst);
#endif
