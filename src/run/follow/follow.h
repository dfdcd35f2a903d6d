/* run/follow/follow.h: inside run/: run --follow: rounds over an archive that grows. Each round
 * surveys what is new, plans over all there is, and computes the lanes whose context is complete:
 * the plan is that of any run over the same files, so are the lanes. run/run.c goes through
 * it. */
#ifndef MR_RUN_FOLLOW_H
#define MR_RUN_FOLLOW_H
#include "run/state.h"

/** Collective: begin. Nothing where the run does not follow. */
mr_status mr_follow_begin(mr_run_state *r);
void mr_follow_end(mr_run_state *r);
/** The watch is there: it tells of new files. */
void mr_follow_watched(mr_run_state *r);
/** Collective: r->todo, all lanes that are not done, or of a run that follows and has not come to
 *  the end those whose context is complete. */
mr_status mr_follow_choose(mr_run_state *r);
/** Collective, after the lanes of a round: master, index and report, at most every 10 s. */
mr_status mr_follow_refresh(mr_run_state *r);
/** Wait for more. *again: another round is due, which may be the last one. MR_STOPPED by a signal.
 *  Collective. */
mr_status mr_follow_wait(mr_run_state *r, bool *again);
/** An mr_inputs_list: what is whole of the archive; in the last round all of it. */
mr_status mr_follow_list(void *follow, mr_listing *out);
/** Lanes that need not be opened again in this round; NULL: all are to be looked at. */
mr_known *mr_follow_known(const mr_run_state *r);
/** Rank 0, with a plan, before its lanes are compared with those on disk: files that came too late
 *  go to the ledger. */
mr_status mr_follow_lates(mr_run_state *r);
/** Collective, after the lanes of a round: they are known now. */
mr_status mr_follow_made(mr_run_state *r);
/** Somebody wants the present end to be the archive's: from any thread. */
void mr_follow_ask(void *follow);
/** No more rounds: what is there is the archive. */
bool mr_follow_last(const mr_run_state *r);
#endif
