/* run/nowhere.h: `output.folder: null:`: all is computed and nothing kept, to time the pipe. */
#ifndef MR_NOWHERE_H
#define MR_NOWHERE_H
#include "par/par.h"
#include "plan/config/config.h"

/** Collective. Where the config's output is null: its folder becomes one of this run's own under
 *  TMPDIR (/tmp), for the survey, the lock and what else a run notes; lanes are not written. */
mr_status mr_nowhere_open(mr_comm *c, mr_config *cfg);
/** Rank 0 removes it. Others, and where the output is somewhere: nothing. */
void mr_nowhere_close(mr_comm *c, const mr_config *cfg);
#endif
