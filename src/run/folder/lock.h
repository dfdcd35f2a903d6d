/* run/folder/lock.h: one run per output folder. The lock is the file OUT/.millrace/lock, which says
 * who holds it. Rank 0 takes it; the other ranks watch it. */
#ifndef MR_RUN_LOCK_H
#define MR_RUN_LOCK_H
#include "base/base.h"

typedef struct mr_lock mr_lock;
enum { MR_ATTEMPT_BYTES = 40 };
/** How long a run that is just dying is waited for: ranks outlive a killed one by some seconds. */
#define MR_LOCK_WAIT_S 5.0

/** Take the lock of an output folder (made if missing). A lock left behind is taken over only with
 *  proof that its holder is gone: the same machine was booted anew since, the process does not
 * exist any more (or its number belongs to another one), or Slurm has restarted the same job.
 * Otherwise waits up to wait_s for it, then MR_ELOCK with the holder's name and what to do.
 * MR_EOUTPUT when the folder cannot be written. Not collective.
 *  @param attempt [out] names this run's attempt, "2-00c0ffee00c0ffee": unique, fit for file names
 *  @param out     [give] mr_lock_release */
mr_status mr_lock_take_within(const char *folder, double wait_s, char attempt[MR_ATTEMPT_BYTES],
                              mr_lock **out);
/** The same with MR_LOCK_WAIT_S. */
mr_status mr_lock_take(const char *folder, char attempt[MR_ATTEMPT_BYTES], mr_lock **out);
/** A handle for ranks that did not take the lock themselves: for mr_lock_check only. */
mr_status mr_lock_watch(const char *folder, const char *attempt, mr_lock **out);
/** Does a run hold the folder, as far as can be known? who: it, in words. */
bool mr_lock_taken(const char *folder, char *who, size_t size);
/** Before publishing: MR_ELOCK when the folder is not this attempt's any more. Any thread. */
mr_status mr_lock_check(const mr_lock *l);
/** Give the lock back (a watcher only forgets it). NULL is fine. [take] */
void mr_lock_release(mr_lock *l);
#endif
