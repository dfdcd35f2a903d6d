/* run/state.h: inside run/: all that one run holds, and its two long halves. run/run.c has the main
 * path. */
#ifndef MR_RUN_STATE_H
#define MR_RUN_STATE_H
#include "report/report.h"
#include "run/folder/lock.h"
#include "run/mill/mill.h"
#include "run/folder/resume.h"
#include "run/run.h"
#include "run/survey/survey.h"
#include "watch/watch.h"

/** All that a run holds. */
typedef struct mr_run_state {
    mr_comm *comm;
    const mr_run_opts *o;
    mr_config *cfg;
    mr_listing files; /* beside the paths rank 0's alone */
    mr_survey survey;
    mr_plan *plan;
    mr_lock *lock;
    char attempt[MR_ATTEMPT_BYTES];
    mr_resume resume;
    uint64_t *todo; /* lanes to do, by number */
    size_t n_todo;
    mr_server *server;
    mr_mill *mill;
    mr_progress progress;
    mr_tally tally;
    size_t peak_bytes;
    double weighed; /* when peak_bytes was last looked at */
    double t0, survey_s;
    size_t base_bytes; /* of the program, as the first plan found it */
    size_t n_made;     /* lanes of this round, of all ranks */
    struct {           /* of the rounds before, this rank's */
        mr_times t;
        uint64_t raw_bytes, samples;
        size_t made, probed, redone; /* of all ranks */
        double survey_s, finish_s, idle_s;
    } past;
    mr_account account;
    mr_watch *watch;          /* rank 0's */
    struct mr_follow *follow; /* NULL: the archive is what is there */
    struct {
        mr_news news;
        mr_tally *rank; /* [ranks] */
        double next;    /* when there is something to tell again */
        uint64_t lost;  /* stretches of samples, by all ranks, as told last */
    } seen;
    bool gathered;                  /* mr_run_gather was called for this plan */
    bool made_folder;               /* the output folder was not there before */
    bool dynamic, stopped, resumed; /* resumed: on all ranks, so that gathering is safe */
} mr_run_state;

static inline bool mr_run_first(const mr_run_state *r)
{
    return mr_comm_rank(r->comm) == 0;
}

/** Collective: the lanes of todo, shared out. MR_STOPPED. (run/lanes.c) */
mr_status mr_run_lanes(mr_run_state *r);
/** Collective: what the ranks did of the plan's lanes, to all of them. Once a plan. */
mr_status mr_run_gather(mr_run_state *r);
/** Collective: the account, sums over ranks in it. */
void mr_run_tally(mr_run_state *r);
/** Collective: master, index, report, summary. st: how the lanes ended. (run/finish.c) */
mr_status mr_run_finish(mr_run_state *r, mr_status st);
#endif
