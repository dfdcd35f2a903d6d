/* par/thread.h: threads for waiting: checked locks, bounded queues, buffer pools, a crew of named
 * threads that runs tasks and gives futures. The only room that starts threads (OpenMP's apart). */
#ifndef MR_THREAD_H
#define MR_THREAD_H
#include "base/base.h"

/* --- mutex and condition: misuse (unlock by a stranger, lock twice) aborts with a message ----- */
typedef struct mr_mutex mr_mutex;
mr_status mr_mutex_new(const char *name, mr_mutex **out);
void mr_mutex_free(mr_mutex *m);
void mr_mutex_lock(mr_mutex *m);
void mr_mutex_unlock(mr_mutex *m);
/** Wait on the mutex's own condition until woken or timeout (seconds; < 0 = for ever). false on
 *  time-out. The caller holds m and checks its predicate in a loop. */
bool mr_mutex_wait(mr_mutex *m, double timeout_s);
void mr_mutex_wake(mr_mutex *m); /* wakes all waiters; caller holds m */

/* --- bounded queue of pointers ---------------------------------------------------------------- */
typedef struct mr_queue mr_queue;
mr_status mr_queue_new(const char *name, size_t capacity, mr_queue **out);
void mr_queue_free(mr_queue *q); /* drops what is left: the entries are the owner's */
/** MR_OK; MR_ETIMEOUT; MR_ECLOSED after close; the failure's status after mr_queue_fail (with its
 *  trail). timeout_s < 0 waits for ever, 0 does not wait. MR_ETIMEOUT and MR_ECLOSED leave this
 *  thread's error trail alone, here and below: they may come while a real error is being handled.
 */
mr_status mr_queue_push(mr_queue *q, void *entry, double timeout_s);
/** The same; after close the entries still inside come out first, then MR_ECLOSED. After fail at
 * once. */
mr_status mr_queue_pop(mr_queue *q, void **entry, double timeout_s);
/** The same, but what was pushed last comes out first. */
mr_status mr_queue_pop_newest(mr_queue *q, void **entry, double timeout_s);
/** The next of what is still inside, for its owner to free, after all who pop have left: also of a
 * queue that has failed. false: there is none. */
bool mr_queue_left(mr_queue *q, void **entry);
/** Acknowledge one popped entry; mr_queue_join waits until every pushed entry was acknowledged. */
void mr_queue_done(mr_queue *q);
mr_status mr_queue_join(mr_queue *q, double timeout_s);
void mr_queue_close(mr_queue *q);
/** Everybody waiting or coming gets st and this text (NULL: the caller's trail). The first failure
 *  stays. */
void mr_queue_fail(mr_queue *q, mr_status st, const char *text);
size_t mr_queue_len(mr_queue *q);
/** Seconds that pushers and poppers have waited so far, those who still wait included. */
void mr_queue_waited(mr_queue *q, double *push_s, double *pop_s);

/* --- pool of equal buffers -------------------------------------------------------------------- */
typedef struct mr_pool mr_pool;
/** n buffers of `bytes` each from mr_big_alloc (huge pages advised). */
mr_status mr_pool_new(const char *name, size_t n, size_t bytes, mr_pool **out);
void mr_pool_free(mr_pool *p);
/** As mr_queue_pop. The one that was given back last: it may still be in cache, and what is never
 * needed is never touched. */
mr_status mr_pool_take(mr_pool *p, void **buf, double timeout_s);
void mr_pool_give(mr_pool *p, void *buf);
void mr_pool_fail(mr_pool *p, mr_status st, const char *text);
void mr_pool_close(mr_pool *p);
double mr_pool_waited(mr_pool *p);

/* --- crew: named threads that run tasks; futures ---------------------------------------------- */
typedef struct mr_crew mr_crew;
typedef struct mr_future mr_future;
/** A task. `cancelled` may be asked at any time through mr_task_cancelled. Its status and this
 *  thread's error trail go into the future. */
typedef mr_status (*mr_task_fn)(void *arg, mr_future *self);
mr_status mr_crew_new(const char *name, int n_threads, mr_crew **out);
/** Finish what was submitted (cancel = false), or cancel what has not begun and ask what runs to
 * stop; then join all threads. Futures stay valid. */
void mr_crew_free(mr_crew *c, bool cancel);
/** out may be NULL (nobody waits; a failure is logged). [give] future: mr_future_free. Never
 * blocks. */
mr_status mr_crew_submit(mr_crew *c, mr_task_fn fn, void *arg, mr_future **out);
/** The task's status with its trail set on this thread; MR_ETIMEOUT (ask mr_future_done where a
 * task may give that itself); MR_ECANCEL without a trail if it never began. */
mr_status mr_future_wait(mr_future *f, double timeout_s);
bool mr_future_done(mr_future *f);
/** Ask it to stop: not begun -> MR_ECANCEL; running -> mr_task_cancelled becomes true. */
void mr_future_cancel(mr_future *f);
bool mr_task_cancelled(mr_future *self);
void mr_future_free(mr_future *f); /* waits until it is over; cancel first to drop it */

/* Waits over n futures of one crew. A look costs O(n): keep n to what is in flight. */

/** MR_OK and the index of the one that was done first (ask its status by mr_future_wait);
 *  MR_ECLOSED for n = 0. */
mr_status mr_wait_first(mr_future **f, size_t n, double timeout_s, size_t *index);
/** MR_OK when all are done and went well, else the status and trail of the first in the array that
 * did not. */
mr_status mr_wait_all(mr_future **f, size_t n, double timeout_s);
/** As soon as one has failed: its status, trail and index; MR_OK when all are done and went well.
 */
mr_status mr_wait_failure(mr_future **f, size_t n, double timeout_s, size_t *index);
/** MR_OK and each of n once, in order of completion; then MR_ECLOSED. seen[n] is the caller's,
 * zeroed. Futures may be replaced between calls (with seen[i] = false). */
mr_status mr_as_completed(mr_future **f, size_t n, bool *seen, double timeout_s, size_t *index);

/* --- cores ------------------------------------------------------------------------------------ */

/** A set of cores; bit i % 8 of byte i / 8 is core i. Aligned as the kernel's mask. */
typedef struct mr_cpu_set {
    _Alignas(8) unsigned char bits[1024];
} mr_cpu_set;
void mr_cpu_set_get(mr_cpu_set *s);
int mr_cpu_set_count(const mr_cpu_set *s);
/** The calling thread runs on core number k (from 0) of the set alone from now on. false: it runs
 * as before. */
bool mr_cpu_bind(const mr_cpu_set *s, int k);
/** The calling thread may run on all of the set again. Where the kernel refuses, it stays. */
void mr_cpu_set_put(const mr_cpu_set *s);
/** The calling thread keeps its share of the cores, but from now on (or, with false, no longer)
 * does not push another off its core when it wakes: for one that has time beside those that
 * compute. true: it changed; false: as before, for instance because all of the process is
 * SCHED_IDLE. */
bool mr_thread_give_way(bool yes);
/** Where OMP_PLACES or OMP_PROC_BIND ask for it, OpenMP ties the thread that starts the program to
 *  one place before main, and all that this thread starts inherits that: threads that wait, the
 *  processes that read headers, the count of cores. This frees it for all places. Once, first of
 *  all; does nothing where nothing was asked. */
void mr_cpu_free_places(void);
/** The calling thread, inside a parallel region, goes to its place. false: there is none. */
bool mr_cpu_take_place(void);
/** Does the user say where threads go (OMP_PROC_BIND, OMP_PLACES, or what libraries had before)? */
bool mr_cpu_asked(void);
/** Cores that this process may run on, at least 1. */
int mr_cpus(void);
/** Compute threads of this rank that have a core each, when node_ranks share node_cpus
 *  (mr_comm_node_size, mr_comm_node_cpus): more than that deserves a warning. */
int mr_threads_allowed(int node_ranks, int node_cpus);
#endif
