/* run/stop.h: signals become a wish to stop. SIGUSR1, SIGUSR2: finish the block in hand, leave with
 * 75. SIGTERM, SIGINT: leave at once with what is committed. SIGXFSZ, SIGPIPE are ignored: the
 * failing call says what happened. */
#ifndef MR_STOP_H
#define MR_STOP_H
#include "base/base.h"
/** Main thread, before other threads start. */
mr_status mr_stop_listen(void);
/** 0: go on; 1: stop soon; 2: stop now. */
int mr_stop_wanted(void);
#endif
