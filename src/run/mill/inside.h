/* run/mill/inside.h: inside run/mill/, run/piece/ and run/over/seen.c: what reading, computing and
 * writing share.
 *
 * An intake (an input buffer of raw rows) is in the pool, with a reader, or in its job until the
 * last block that needs it is computed; an output buffer is in the pool, with compute, in the queue
 * `done`, or with the writer. Readers take intakes strictly in the order lanes and rows will be
 * computed, so the block in hand can always be completed: no deadlock whatever the number of
 * buffers. */
#ifndef MR_MILL_INSIDE_H
#define MR_MILL_INSIDE_H
#include "out/digests.h"
#include "par/thread.h"
#include "run/mill/mill.h"
#include "run/piece/quality.h"
#include "run/piece/spoils.h"

/** A rectangle of raw samples that could not be had, within one intake. */
typedef struct mr_hole {
    mr_slab rows;  /* raw grid indices */
    mr_slab chans; /* channels as buffered */
} mr_hole;

typedef struct mr_intake {
    mr_slab raw;
    char *buf; /* from the pool, or NULL */
    bool ready;
    mr_hole *holes;
    size_t n_holes, cap_holes;
} mr_intake;

/** What was read of one leg of a lane's span, in any order and pieces. */
typedef struct mr_job_leg {
    mr_rows_sum sum;
    bool failed; /* not all of it could be read */
} mr_job_leg;

/** A lane on its way through the pipeline. Made by the main thread, freed by the writer. */
struct mr_job {
    const mr_lane *lane;
    size_t number; /* in the plan */
    mr_intake *intake;
    size_t n_intakes;
    size_t next_read; /* next intake to hand to a reader (gate) */
    size_t oldest;    /* first intake not given back (main thread) */
    mr_losses losses; /* gate */
    size_t first_leg; /* the span's legs that the lane reads: [first_leg, + n_legs) */
    size_t n_legs;
    mr_job_leg *leg;   /* gate */
    double *state;     /* [tile][state][MR_TILE]; the mill's, while its blocks are computed */
    mr_spoils *spoils; /* [n_tiles] of what each tile that is loaded has */
    mr_tile_quality *quality; /* [n_quality] of each tile of any step */
    size_t n_quality;
    mr_look look;
    size_t n_tiles;           /* pieces of the step that loads */
    size_t n_states;          /* tiles that keep states */
    double *source_state;     /* [bundle][state of the chain][MR_SOURCE_BUNDLE] */
    mr_spoils *source_spoils; /* [bundle] */
    struct {
        mr_spoils nan; /* runs at the output of an operator that decides itself */
        int64_t to;    /* rows before it have been told to the ledger */
    } decided[MR_MAX_OPS];
    size_t n_bundles;
    mr_picks *picks;    /* [n_states] of a chain that gives a table: of the block in hand */
    mr_picks waiting;   /* of earlier ones: those that are not all known yet (main thread) */
    mr_spool *spool;    /* writer thread: the rows of the table so far */
    mr_lane_file *file; /* writer thread */
    mr_job *next;       /* that readers come to */
    mr_job *alive;      /* next of all that the mill has */
};

/** What compute hands to the writer. */
typedef struct mr_out_block {
    mr_job *job;
    void *data; /* from the pool of outputs: rows, then the counts of rows */
    uint64_t rows;
    uint64_t row;   /* the first of them, within the lane */
    bool last;      /* commit after it */
    mr_pick *picks; /* owned; of a table, instead of rows: in order of (on, channel) */
    size_t n_picks;
} mr_out_block;

/** A block in hand. */
struct mr_block {
    mr_mill *m;
    mr_job *j;
    const mr_chain *chain;
    mr_block_ranges r;
    size_t nc; /* channels of the output */
    void *out;
    mr_slab rows; /* of the product that it completes */
};

struct mr_mill {
    const mr_plan *plan;
    const char *folder, *attempt;
    mr_pool *intakes, *outs;
    mr_queue *done;
    mr_crew *readers, *writer;
    mr_future **reader_task;
    mr_future *writer_task;
    mr_mutex *order;      /* readers: one at a time takes an intake */
    mr_mutex *gate;       /* guards what follows */
    mr_job *first, *last; /* jobs that readers have not finished handing out */
    mr_job *alive;        /* all that are not over */
    bool closing;
    mr_status failed;
    char why[1024];
    const mr_intake *awaited; /* by the main thread */
    mr_times t;
    uint64_t raw_bytes; /* read so far */
    mr_team *team;      /* the compute threads */
    /* main thread */
    double *work;   /* threads x work_bytes */
    double *mid[2]; /* the blocks that steps hand over */
    double *state;  /* of the lane in hand */
    double *shared; /* of the sources of the block in hand */
    int threads;
    /* writer thread until it is joined */
    mr_lane_result *result;
    size_t n_results, cap_results;
    mr_losses losses;    /* the gate */
    mr_flaws seen;       /* what samples of the lanes show */
    uint64_t *seen_lane; /* [seen.n] */
    size_t cap_seen_lane;
    mr_may_publish_fn may_publish;
    void *may_arg;
    mr_glance_fn glance; /* NULL: nobody wants to know */
    void *glance_arg;
};

/** Remember the first failure and wake everybody. Any thread. */
void mr_mill_fail(mr_mill *m, mr_status st, const char *why);
/** The first failure so far, its trail on this thread. */
mr_status mr_mill_failed(mr_mill *m);
/** All that it holds, its .part file too. */
void mr_job_free(mr_job *j);
/** A job is over: committed, or given up and its .part file removed. Writer thread. */
void mr_mill_over(mr_mill *m, mr_job *j);

mr_status mr_reader_loop(void *mill, mr_future *self); /* run/mill/read.c */
/** Lines of what was lost and read for a lane, for its file. */
mr_status mr_job_inputs(const mr_mill *m, mr_job *j, mr_text *lines);
mr_status mr_writer_loop(void *mill, mr_future *self); /* run/mill/write.c */

/* --- run/mill/share.c */
/** The work space of a member of the team. */
mr_arena mr_member_room(const mr_mill *m, int member);
/** Do fn(arg, k, member) for all k < n, shared out among the team. The first failure. */
mr_status mr_share_out(mr_mill *m, size_t n, mr_status (*fn)(void *arg, size_t k, int member),
                       void *arg);
#endif
