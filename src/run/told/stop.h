/* run/told/stop.h: signals become a wish to stop. SIGUSR1, SIGUSR2: finish the block in hand, leave
 * with 75. SIGTERM, SIGINT: leave at once with what is committed; whoever sends them often kills
 * soon after (mpirun after a second), so the first rank says at once how to go on, and a process
 * that cannot end in order ends itself after MR_STOP_GRACE_S, with 75 too. A second SIGINT kills.
 * SIGXFSZ, SIGPIPE are ignored: the failing call says what happened. */
#ifndef MR_STOP_H
#define MR_STOP_H
#include "base/base.h"

#define MR_STOP_GRACE_S 5

/** Main thread, before other threads start and before MPI does: mpirun and Slurm may signal early.
 */
mr_status mr_stop_listen(void);
/** This process is to say so when SIGTERM or SIGINT comes: rank 0. */
void mr_stop_speak(void);
/** The run is over: a signal that still comes (mpirun's, because another rank was out first) is
 * none of the user's business. */
void mr_stop_hush(void);
/** 0: go on; 1: stop soon; 2: stop now. */
int mr_stop_wanted(void);
/** As SIGUSR1, from any thread; arg is not looked at. */
void mr_stop_ask(void *arg);
/** A descriptor that becomes readable when a signal comes; whoever waits for it reads it empty. -1:
 *  there is none. */
int mr_stop_bell(void);
/** MR_STOPPED with a trail that says how to go on, unless that was said when the signal came. */
mr_status mr_stop_raise(void);
#endif
