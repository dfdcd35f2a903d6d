/* run/over/seen.h: what the samples of all lanes showed, into the ledger. */
#ifndef MR_SEEN_H
#define MR_SEEN_H
#include "run/mill/mill.h"

/** Finish a lane's tiles and keep what they show: as lines for its file, and for the ledger. Writer
 *  thread. */
mr_status mr_seen_of_lane(mr_mill *m, mr_job *j, mr_text *lines);
/** Collective: what lanes of this run (new) and those that were done before say, together
 *  into the ledger of rank 0. made: [n_lanes] lanes that this run made, of all ranks. */
mr_status mr_seen_note(mr_comm *c, mr_plan *p, const char *folder, const mr_outcome *new,
                       const uint8_t *done, const uint8_t *made);
/** Does a lane show what --strict stops at? Raises it. Main thread, between blocks. */
mr_status mr_seen_strict(const mr_mill *m, const mr_job *j);
#endif
