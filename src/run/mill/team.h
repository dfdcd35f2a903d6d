/* run/mill/team.h: the compute threads of a rank, OpenMP's, in one parallel region for all of the
 * work. */
#ifndef MR_TEAM_H
#define MR_TEAM_H
#include "par/par.h"

/** Compute threads of a rank: OMP_NUM_THREADS, else this rank's share of the node's cores; at most
 *  OMP_THREAD_LIMIT. */
int mr_team_threads(const mr_comm *c);

typedef struct mr_team mr_team;
/** One member's share of a piece of work; the lead is member 0. */
typedef void (*mr_team_fn)(void *arg, int member);
mr_status mr_team_new(const char *name, mr_team **out);
void mr_team_free(mr_team *t);
/** Call lead(arg) on this thread with `threads` members at hand (OpenMP may give fewer), which
 * sleep whenever they have nothing to do. Its status. Main thread, not from within itself. */
mr_status mr_team_lead(mr_team *t, int threads, mr_status (*lead)(void *arg), void *arg);
/** What OpenMP gave when the team was last led: members, 0 before, and where they were: "a core
 *  each", "OpenMP's places", "not bound". */
int mr_team_size(const mr_team *t);
const char *mr_team_where(const mr_team *t);
/** All members do fn(arg, member); back when all are done. The thread that leads; one that does not
 *  does it alone. */
void mr_team_do(mr_team *t, mr_team_fn fn, void *arg);
#endif
