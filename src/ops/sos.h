/* ops/sos.h: running a cascade of second-order sections over a tile, forward in time or both ways.
 * float64, fused multiply-adds in one fixed order, so that the bits depend neither on the tile's
 * width nor on the vector length of the machine. */
#ifndef MR_SOS_H
#define MR_SOS_H
#include "ops/design.h"
#include "ops/op.h"

typedef enum mr_phase {
    MR_PHASE_ZERO,   /* forward, then backward; odd extension at the span's ends (sosfiltfilt) */
    MR_PHASE_CAUSAL, /* forward, from rest at the span's start (sosfilt) */
    MR_PHASE_STEADY  /* forward, from the steady state of the span's first sample */
} mr_phase;

/** What a cascade needs of the chain. */
void mr_sos_needs(const mr_sos *f, mr_phase phase, mr_needs *needs);
/** Filter p->x into p->y (up = down = 1; y may lie on x). Starts as p says: from the carried state;
 * at the span's start by the phase's rule; elsewhere from the steady state of the first row, which
 * is also how the backward run starts before the span's end. Overwrites x. */
void mr_sos_run(const mr_sos *f, mr_phase phase, const mr_piece *p);
/** One line a section, %a. */
mr_status mr_sos_describe(const mr_sos *f, mr_text *t);
#endif
