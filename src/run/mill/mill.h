/* run/mill/mill.h: one rank's pipeline, as the main path of a run sees it: it is fed lanes, asked
 * for block after block, and says what came of them. Its own locks and buffers are in inside.h. */
#ifndef MR_MILL_H
#define MR_MILL_H
#include "plan/plan.h"
#include "report/times.h"
#include "run/mill/losses.h"
#include "run/mill/team.h"
#include "run/piece/quality.h"

typedef struct mr_mill mr_mill;
/** A lane on its way through the pipeline. */
typedef struct mr_job mr_job;

/** Asked before a lane is published: may it be? Writer thread. */
typedef mr_status (*mr_may_publish_fn)(void *arg);
/** may_publish: NULL: always. Not collective. [give] out */
mr_status mr_mill_new(const mr_plan *p, const char *folder, const char *attempt,
                      mr_may_publish_fn may_publish, void *arg, mr_mill **out);
/** Call lead(arg) on this thread with the mill's compute threads at hand; the calls below that say
 *  main thread come from it. What it gave. */
mr_status mr_mill_lead(mr_mill *m, mr_status (*lead)(void *arg), void *arg);
/** Hand a lane to the readers. Main thread. The job is the mill's, and there until its last block
 * or mr_mill_end. */
mr_status mr_mill_feed(mr_mill *m, size_t number, mr_job **out);
const mr_lane *mr_job_lane(const mr_job *j);
/** True when the readers have nothing left to hand out. Main thread. */
bool mr_mill_hungry(mr_mill *m);
/** Wait until block i of the job is in memory. The failure of any thread. Main thread. */
mr_status mr_mill_await(mr_mill *m, mr_job *j, size_t i);
/** Compute block i of the job, which was waited for, and hand it to the writer; `last` ends the
 * lane (the job is gone then). Main thread. */
mr_status mr_mill_block(mr_mill *m, mr_job *j, size_t i, bool last);
/** Wait until the writer has dealt with every block handed to it. MR_ETIMEOUT; the failure of any
 *  thread. Main thread. */
mr_status mr_mill_flush(mr_mill *m, double timeout_s);
/** Finish (or, with drop, leave) what is in hand and join all threads. Jobs that were not finished
 *  are gone then, their .part files too. The first failure of any thread with its trail, or MR_OK.
 */
mr_status mr_mill_end(mr_mill *m, bool drop);
void mr_mill_free(mr_mill *m);

/** A block in hand (run/mill/inside.h). */
typedef struct mr_block mr_block;
typedef void (*mr_glance_fn)(void *arg, const mr_block *b, uint64_t rows);
/** Have fn called with each block that was computed, while it is still there with the raw rows it
 *  was made of. Before the first is; main thread, and fn is called there. */
void mr_mill_show(mr_mill *m, mr_glance_fn fn, void *arg);
typedef struct mr_so_far {
    mr_times t;
    uint64_t raw_bytes; /* read */
    size_t n_losses;    /* of lanes that were committed */
} mr_so_far;
/** What its threads did so far. Any thread; zeros where m is NULL. */
mr_so_far mr_mill_so_far(mr_mill *m);
/** The last losses of lanes that were committed, at most `most`, into v; gives how many. Any
 *  thread. */
size_t mr_mill_losses(mr_mill *m, size_t most, mr_loss *v);
/** Its compute threads, for what is said of them; NULL where m is. [borrow] */
const mr_team *mr_mill_team(const mr_mill *m);

typedef struct mr_lane_result {
    uint64_t number;
    mr_digest digest;
} mr_lane_result;
/** What came of the lanes that were committed. [borrow] of the mill */
typedef struct mr_outcome {
    const mr_lane_result *lane; /* [n] */
    size_t n;
    const mr_losses *losses;
    const mr_flaws *seen;      /* what their samples show */
    const uint64_t *seen_lane; /* [seen->n] number of the lane */
} mr_outcome;
/** After mr_mill_end; nothing where m is NULL. */
mr_outcome mr_mill_outcome(const mr_mill *m);
#endif
