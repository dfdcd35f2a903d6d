/* run/told/told.h: inside run/: what of a run can be seen from outside while it runs, and the
 * wishes that come from there. watch/watch.h does the talking; rank 0 has a watch, others have
 * none. */
#ifndef MR_RUN_TOLD_H
#define MR_RUN_TOLD_H
#include "run/state.h"

/** Collective, once the lock is ours. */
mr_status mr_told_begin(mr_run_state *r);
/** Another phase; what is known of it. Rank 0 tells, others do nothing; likewise below. */
void mr_told_phase(mr_run_state *r, mr_phase phase);
/** Lanes go on: told at most every half second. sum: of all ranks. */
void mr_told_lanes(mr_run_state *r, const mr_tally *sum);
/** While the run is paused: sleep. Every rank. false: go on, or stop. */
bool mr_told_paused(mr_run_state *r);
/** The run ends with st. */
void mr_told_end(mr_run_state *r, mr_status st);
#endif
