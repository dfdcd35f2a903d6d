/* run/mill/mill.h: one rank's pipeline: readers -> compute -> writer, joined by pools and a queue.
 *
 * An intake (an input buffer of raw rows) is in the pool, with a reader, or in its job until the
 * last block that needs it is computed; an output buffer is in the pool, with compute, in the queue
 * `done`, or with the writer. Readers take intakes strictly in the order lanes and rows will be
 * computed, so the block in hand can always be completed: no deadlock whatever the number of
 * buffers. */
#ifndef MR_MILL_H
#define MR_MILL_H
#include "out/digests.h"
#include "par/par.h"
#include "par/thread.h"
#include "plan/plan.h"
#include "run/piece/quality.h"
#include "run/mill/team.h"

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

/** One entry of what was lost while running. */
typedef struct mr_loss {
    uint32_t file;
    int64_t t0_ns, t1_ns;
    bool again; /* reading failed: another run may have more luck */
    char note[MR_NOTE_MAX];
} mr_loss;
typedef struct mr_losses {
    mr_loss *v;
    size_t n, cap;
} mr_losses;

/** Samples that are not finite: channel (of the array) and raw grid indices. */
typedef struct mr_spoil {
    uint32_t c;
    mr_slab raw;
} mr_spoil;
typedef struct mr_spoils {
    mr_spoil *v;
    size_t n, cap;
} mr_spoils;

/** A lane on its way through the pipeline. Made by the main thread, freed by the writer. */
typedef struct mr_job {
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
    mr_picks *picks;      /* [n_states] of a chain that gives a table: of the block in hand */
    mr_picks waiting;     /* of earlier ones: those that are not all known yet (main thread) */
    mr_spool *spool;      /* writer thread: the rows of the table so far */
    mr_lane_file *file;   /* writer thread */
    struct mr_job *next;  /* that readers come to */
    struct mr_job *alive; /* next of all that the mill has */
} mr_job;

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

typedef struct mr_lane_result {
    uint64_t number;
    mr_digest digest;
} mr_lane_result;

typedef struct mr_times {
    double read_s, compute_s, write_s; /* busy, summed over the threads of a kind */
    double wait_read_s, wait_out_s;    /* compute starved of input; compute blocked by the writer */
    double read_cpu_s, write_cpu_s;    /* of those busy seconds, spent on a core */
    double wait_intake_s, wait_done_s; /* readers without a buffer; writer without work */
} mr_times;

/** sum += t */
void mr_times_add(mr_times *sum, const mr_times *t);

struct mr_mill;
/** A block in hand. */
typedef struct mr_block {
    struct mr_mill *m;
    mr_job *j;
    const mr_chain *chain;
    mr_block_ranges r;
    size_t nc; /* channels of the output */
    void *out;
    mr_slab rows; /* of the product that it completes */
} mr_block;

typedef struct mr_mill {
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
    mr_status (*may_publish)(void *arg); /* is the lock still ours? */
    void *may_arg;
    /** A block was computed and is still there, with the raw rows it was made of; NULL: nobody
     *  wants to know. Main thread. */
    void (*glance)(void *arg, const mr_block *b, uint64_t rows);
    void *glance_arg;
} mr_mill;

mr_status mr_mill_new(const mr_plan *p, const char *folder, const char *attempt, mr_mill **out);
/** Wait until the writer has dealt with every block handed to it. MR_ETIMEOUT; the failure of any
 *  thread. Main thread. */
mr_status mr_mill_flush(mr_mill *m, double timeout_s);
/** Finish (or, with drop, leave) what is in hand and join all threads. Jobs that were not finished
 *  are gone then, their .part files too. The first failure of any thread with its trail, or MR_OK.
 */
mr_status mr_mill_end(mr_mill *m, bool drop);
void mr_mill_free(mr_mill *m);
/** Remember the first failure and wake everybody. Any thread. */
void mr_mill_fail(mr_mill *m, mr_status st, const char *why);
/** The first failure so far, its trail on this thread. */
mr_status mr_mill_failed(mr_mill *m);

/** Hand a lane to the readers. Main thread. The job is the mill's, and there until its last block
 * or mr_mill_end. */
mr_status mr_mill_feed(mr_mill *m, size_t number, mr_job **out);
/** True when the readers have nothing left to hand out. Main thread. */
bool mr_mill_hungry(mr_mill *m);
/** Wait until block i of the job is in memory. The failure of any thread. Main thread. */
mr_status mr_mill_await(mr_mill *m, mr_job *j, size_t i);
/** Compute block i of the job, which was waited for, and hand it to the writer; `last` ends the
 * lane (the job is gone then). Main thread. */
mr_status mr_mill_block(mr_mill *m, mr_job *j, size_t i, bool last);
/** All that it holds, its .part file too. */
void mr_job_free(mr_job *j);
/** A job is over: committed, or given up and its .part file removed. Writer thread. */
void mr_mill_over(mr_mill *m, mr_job *j);

mr_status mr_reader_loop(void *mill, mr_future *self); /* run/mill/read.c */
/** Lines of what was lost and read for a lane, for its file. */
mr_status mr_job_inputs(const mr_mill *m, mr_job *j, mr_text *lines);
mr_status mr_writer_loop(void *mill, mr_future *self); /* run/mill/write.c */
mr_status mr_losses_add(mr_losses *l, const mr_loss *row);

/* --- run/piece/picks.c: chains that give a table */
/** A place for the picks of each tile. */
mr_status mr_picks_begin(const mr_plan *p, mr_job *j);
/** Take over what the tiles found in a block that ends before sample `done`, and hand on what is
 * known. Main thread. */
mr_status mr_picks_hand_over(const mr_plan *p, mr_job *j, int64_t done, mr_out_block *b);
/** A block's picks into the rows of its lane. Writer thread. */
mr_status mr_picks_spool(const mr_plan *p, const char *folder, mr_out_block *b);
void mr_job_picks_free(mr_job *j);

/* --- run/mill/share.c */
/** The work space of a member of the team. */
mr_arena mr_member_room(const mr_mill *m, int member);
/** Do fn(arg, k, member) for all k < n, shared out among the team. The first failure. */
mr_status mr_share_out(mr_mill *m, size_t n, mr_status (*fn)(void *arg, size_t k, int member),
                       void *arg);

/* --- run/piece/spoils.c: what is not finite, and whom it reaches */
mr_status mr_spoil_add(uint64_t c, mr_slab bad, mr_spoils *sp);
/** Calls f for each spoilt range that reaches channels `at` of the input of operator n_ops, or of
 * the output: the channels, and the samples there. own: of the tile in hand, where it was loaded in
 * this very step; NULL: all that the block's tiles have. */
typedef mr_status (*mr_spoil_fn)(void *arg, mr_slab ch, mr_slab bad);
mr_status mr_spoils_reaching(const mr_block *w, size_t n_ops, mr_slab at, const mr_spoils *own,
                             mr_spoil_fn f, void *arg);

/* --- run/piece/marks.c: operators that are told what is NaN. Main thread. */
/** What of operator op's input `all` is NaN, by runs that reach it; m->d is [give], NULL: none. */
mr_status mr_marks_of(const mr_block *w, size_t op, mr_extent all, mr_marks *m);
/** What it decides of its output's samples `out`: kept as runs, and noted for the ledger. Nothing
 * where in->d is NULL. */
mr_status mr_marks_decide(const mr_block *w, size_t op, mr_extent out, mr_marks *in);

/* --- run/piece/tile.c: raw intakes <-> float64 tiles
 * ------------------------------------------------------- */
/** Load channels [c0, c0 + x->nc) of the array over the raw range into x, bridge what is not finite
 * and add what it spoils to `spoils`. Any thread of the team. */
mr_status mr_tile_load(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x,
                       mr_spoils *spoils);
/* run/piece/load.c */
/** Rows [r) of a slab from channel c0 of the array on, x->nc of them, to dst, x->stride apart. True
 *  if something is not finite. */
bool mr_load_rows(const mr_plan *p, const mr_lane *l, const mr_intake *s, mr_slab r, uint64_t c0,
                  double *dst, const mr_view *x);
/** Load them as they are stored, with NaN where they could not be read. True if something is not
 *  finite. */
bool mr_tile_raw(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x);
/** Was this sample never read? arg: a mr_tile_feed. */
bool mr_tile_unread(const void *arg, int64_t row, uint64_t c);
/* run/piece/mask.c */
/** Make NaN of what input.mask masks in rows [raw) of at most MR_TILE channels, all in x; *any: one
 *  was. q, NULL: not counted, gets those of its own rows from from[nc] on. */
mr_status mr_mask(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, const mr_view *x,
                  mr_tile_quality *q, const int64_t *from, bool *any);
/** The same little by little: rows are loaded when the chain pulls them. bad is set when one is not
 *  finite: then what was computed is void and mr_tile_load has to be used. */
typedef struct mr_tile_feed {
    const mr_mill *m;
    const mr_job *j;
    mr_slab raw;
    uint64_t c0;
    mr_view *x;
    size_t have, intake; /* rows loaded; intake that holds the next */
    bool bad;
    size_t tile;
    mr_status st; /* the first failure */
} mr_tile_feed;
void mr_tile_pull(void *feed, size_t n);
const double *mr_tile_next(void *feed, size_t n);
bool mr_tile_spoilt(void *feed);
/** May this tile be fed? Not where samples are known to be missing. */
bool mr_tile_clean(const mr_job *j, mr_slab raw, const mr_spoils *spoils);
/** Note what of y, the output's indices or items from `out` on of channels c.., is too large for
 * float32. */
mr_status mr_tile_beyond(const mr_block *w, int64_t out, int64_t c, size_t tile, const mr_view *y);
/** Store a tile's output rows y, of extent `out`, as the lane's type in the output block, with NaN
 * where spoiled. own: as for mr_spoils_reaching. */
mr_status mr_tile_store(const mr_block *w, mr_extent out, size_t tile, const mr_view *y,
                        const mr_spoils *own);
#endif
