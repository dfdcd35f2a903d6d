/* run/told/glance.h: inside run/: what only the live page shows: the map of lanes, the ledger, and
 * a block of the last lane before and after, as pictures. Rank 0, and only with --live. */
#ifndef MR_RUN_GLANCE_H
#define MR_RUN_GLANCE_H
#include "run/state.h"

/** The lanes of the plan: [from, to, first channel, last] each, times in seconds of UTC. */
void mr_glance_lanes(mr_run_state *r);
/** What has become of them, a letter each: '#' done, '>' in hand, '.' left. */
void mr_glance_states(mr_run_state *r);
/** The ledger: how many rows of each kind, the last of them, what was lost while running. */
void mr_glance_ledger(mr_run_state *r, uint64_t lost);
/** An mr_glance_fn, arg: mr_run_state: pictures of a block just computed, when somebody looks. */
void mr_glance_block(void *arg, const mr_block *b, uint64_t rows);
#endif
