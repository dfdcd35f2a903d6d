/* ops/chain/chain.h: operators in order, bound to one geometry: which input a block needs, and
 * running a tile of it. Made once per geometry, then read only: any thread. */
#ifndef MR_CHAIN_H
#define MR_CHAIN_H
#include "base/arena.h"
#include "base/node.h"
#include "base/text.h"
#include "millrace/op_fast.h"

#define MR_MAX_OPS 32
typedef struct mr_chain mr_chain;

/** Bind `list` (a MR_NODE_LIST whose entries are maps of one key: operator name -> parameters, or
 * plain scalars: operator name alone) to a geometry. Raises MR_ECONFIG with the place. An empty
 * list is a chain that copies. [give] out. */
mr_status mr_chain_new(const mr_node *list, const mr_geom *in, mr_chain **out);
void mr_chain_free(mr_chain *c);
const mr_geom *mr_chain_out(const mr_chain *c);
size_t mr_chain_n(const mr_chain *c);
/** The rate that its first operator gives. */
double mr_chain_first_rate(const mr_chain *c);
const mr_needs *mr_chain_needs(const mr_chain *c, size_t i);
/** What is given to operator i. */
const mr_geom *mr_chain_in(const mr_chain *c, size_t i);
const mr_op *mr_chain_op(const mr_chain *c, size_t i);
const void *mr_chain_self(const mr_chain *c, size_t i);
/** The entry of the list that operator i comes from: compounds and cascades are several. */
size_t mr_chain_entry(const mr_chain *c, size_t i);
/** Canonical text of the chain with every setting and designed coefficients (as %a hex), one line
 * an operator: the same text means the same computation. */
mr_status mr_chain_describe(const mr_chain *c, mr_text *t);
/** One human line an operator ("bandpass band=1..45 Hz order=4 phase=zero"). */
mr_status mr_chain_brief(const mr_chain *c, mr_text *t);

/** Context of a fresh start, in seconds at the chain's input: how much before (fades included) and
 *  after an output sample. Windows count in full; unbounded or span windows give INFINITY. */
void mr_chain_context(const mr_chain *c, double *before_s, double *after_s);
/** The same of a block whose states are carried. */
void mr_chain_context_carried(const mr_chain *c, double *before_s, double *after_s);
/** Seconds of output that a block holds back until the next ones have been read, though it does not
 * read them again (defer.h); each block costs a little for each of them. */
double mr_chain_deferred(const mr_chain *c);
/** Does a constant that is added to the input stay in the output? */
bool mr_chain_keeps_level(const mr_chain *c);
/** True if some operator needs the whole span in one lane (window: span, unbounded memory). `why`
 *  gets the operator's name. */
bool mr_chain_whole_span(const mr_chain *c, const char **why);

/** The span's output range for input indices [a, b). */
mr_slab mr_chain_out_span(const mr_chain *c, mr_slab span);
/** The same of one operator alone. */
mr_slab mr_chain_out_span_of(const mr_chain *c, size_t op, mr_slab span);
/** Position of output m in input samples as num/den relative to the UTC grid (den > 0), for its
 *  time. */
void mr_chain_position(const mr_chain *c, mr_slab span, int64_t m, int64_t *num, int64_t *den);
/** The same of sample m at the input of operator n_ops. */
void mr_chain_position_at(const mr_chain *c, size_t n_ops, mr_slab span, int64_t m, int64_t *num,
                          int64_t *den);

/** How many samples stamps may be off their index, where an operator goes by them (its output is
 * on the UTC grid to the ns, and so is all that is made of it); 0: none does. */
size_t mr_chain_by_stamps(const mr_chain *c);

/** Ranges of one block at every operator, and the raw input it needs. in[i] is what operator i
 *  reads (in[0] of an empty chain is out); out the block's output. */
typedef struct mr_block_ranges {
    size_t n;
    mr_slab raw; /* = in[0]; the plan adds what it looks at beside (mr_lane_ranges) */
    mr_slab out;
    mr_slab span[MR_MAX_OPS + 1]; /* the span at operator i's input; [n] at the output */
    mr_slab in[MR_MAX_OPS];
    int64_t snap[MR_MAX_OPS];
    mr_slab ch[MR_MAX_OPS + 1]; /* channels at operator i's input, [n] of the output */
    mr_clock clock;             /* of the raw samples; set by who knows it, else nominal */
    bool fresh;
} mr_block_ranges;
/** Ranges for output [want.a, want.b) (inside the output span). fresh: first block of a lane. next:
 *  the lane's following block's output range, or empty if this is the last. */
void mr_chain_ranges(const mr_chain *c, mr_slab span, mr_slab want, bool fresh, mr_slab next,
                     mr_block_ranges *r);

/* --- channels (ops/chain/channels.c): numbered within the array, as the chain's input has them,
 * or as an operator's output has -------------------------------------------------------------- */

/** ch[i] is what operator i must be given to give channels `out` of the chain's output; ch[n] =
 * out. */
void mr_chain_channels(const mr_chain *c, mr_slab out, mr_slab *ch);
/** The channels at the input of operator n_ops that channels `ch` at the input of operator `from`
 * spoil. */
mr_slab mr_chain_reaches(const mr_chain *c, size_t from, size_t n_ops, mr_slab ch);
/** What each input channel has of something (a latitude) -> what each output channel has. [give] */
mr_status mr_chain_place(const mr_chain *c, const double *in, double **out);

/* --- the step program (ops/chain/program.c): what a lane's blocks go through, made once. Operators
 * that look across channels cut it: before them a block is whole in memory. */
typedef enum mr_from { MR_FROM_RAW, MR_FROM_BLOCK } mr_from;
typedef enum mr_to {
    MR_TO_BLOCK,  /* a float64 block, for the next step */
    MR_TO_ROWS,   /* float32 samples of the output */
    MR_TO_FOLD,   /* the sums of a reducer, and its rows */
    MR_TO_SOURCES /* what all tiles of a reducer need of some channels */
} mr_to;
typedef enum mr_by {
    MR_BY_TILE,  /* some channels, all rows of the block */
    MR_BY_SLICE, /* all channels, some rows */
    MR_BY_SOURCE /* some source channels, then each item */
} mr_by;
typedef struct mr_step {
    size_t first, n; /* operators; 0: copies */
    mr_from from;
    mr_to to;
    mr_by by;
    size_t tile; /* output channels of a tile */
} mr_step;
#define MR_MAX_STEPS (2 * MR_MAX_OPS + 3)
typedef struct mr_program {
    mr_step v[MR_MAX_STEPS];
    size_t n;
} mr_program;
const mr_program *mr_chain_program(const mr_chain *c);
/** One line a step, for people. */
mr_status mr_program_print(const mr_chain *c, mr_text *t);

/** The rows and channels that a step takes and gives. */
typedef struct mr_extent {
    mr_slab t, c;
} mr_extent;
mr_extent mr_step_in(const mr_step *s, const mr_block_ranges *r);
mr_extent mr_step_out(const mr_step *s, const mr_block_ranges *r);
/** Pieces that a step (by tile or slice) of a block is shared out in: a constant of chain and
 * block, whoever works. */
size_t mr_step_pieces(const mr_chain *c, const mr_step *s, const mr_block_ranges *r);
/** What piece k takes and gives. */
void mr_step_piece(const mr_chain *c, const mr_step *s, const mr_block_ranges *r, size_t k,
                   mr_extent *in, mr_extent *out);

/** Where a piece has its buffers. */
typedef struct mr_room {
    mr_view x, y; /* nt = 0: not here, but in a block */
    double *keep; /* of the states, as they were */
    double *work;
} mr_room;
/** Lay out piece (in, out) of a step; without memory: measure. rows: a reducer takes rows of its
 * own, at most so many. */
void mr_step_lay(const mr_chain *c, const mr_step *s, const mr_block_ranges *r, mr_extent in,
                 mr_extent out, mr_arena *a, mr_room *room);
/** The same for all pieces of all steps of a block: bytes of the largest. */
size_t mr_program_room(const mr_chain *c, const mr_block_ranges *r);
/** Doubles of each of the two float64 blocks that steps hand over. */
void mr_program_blocks(const mr_chain *c, const mr_block_ranges *r, size_t n[2]);
/** Bytes of the marks that steps are told by: nothing is NaN mostly, then there are none. */
size_t mr_program_marks(const mr_chain *c, const mr_block_ranges *r);
/** Sources are shared out first by columns, MR_SOURCE_BUNDLE at a time, then by items. */
#define MR_SOURCE_BUNDLE 8
/** Bundles of the columns of a chain's sources, 0: it has none; doubles of the states of all. */
size_t mr_chain_bundles(const mr_chain *c);
size_t mr_chain_sources_state(const mr_chain *c);
/** What all threads share: `shared` of the block's items, and the columns at the reducer's input.
 *  Bytes. */
size_t mr_sources_shared(const mr_chain *c, const mr_block_ranges *r, mr_view *columns, mr_arena *a,
                         double **shared);
void mr_sources_lay_columns(const mr_chain *c, const mr_step *s, const mr_block_ranges *r,
                            size_t width, mr_arena *a, mr_room *room);
void mr_sources_lay_item(const mr_chain *c, mr_arena *a, mr_room *room);
/** Which of the two step k's output goes to (MR_TO_BLOCK). */
size_t mr_program_block(const mr_program *p, size_t k);

/** Doubles per channel that are carried for the whole chain. A tile's are [that][width], the same
 * width for all tiles and steps: the states first, then what is carried (mr_piece.carry). */
size_t mr_chain_state(const mr_chain *c);
/** States alone, without a reducer's: those that have to be set back to do a piece again. */
size_t mr_chain_state_before(const mr_chain *c);
/** What of a block runs through operators [first, first + n): some channels, or some rows. */
typedef struct mr_pass {
    size_t first, n;
    const mr_block_ranges *r;
    mr_view
        *x; /* covers r->in[first], or with rows: what gives them (float64, no NaN in it: bridged
                   by the caller). May be overwritten */
    mr_view *y;          /* covers the input of operator first + n (or r->out), or rows */
    size_t xc0, yc0;     /* their first channels */
    const mr_slab *rows; /* NULL, or for one operator alone: the output rows to give */
    double *state;       /* the tile's, of the whole chain; carried between blocks of a lane */
    size_t width;        /* of the states' rows, at least x->nc */
    double *work;        /* mr_pass_work doubles, 64-byte aligned */
    const uint8_t *bad;  /* [x->nt][x->nc], rows bad_stride apart; for couples and nan() alone */
    size_t bad_stride;
    const mr_feed *feed; /* fills x as it is read (NULL: it is filled); after the call all of x was
                            pulled */
} mr_pass;
/** Thread-safe for different tiles. */
void mr_chain_run(const mr_chain *c, const mr_pass *run);
size_t mr_pass_work(const mr_chain *c, size_t first, size_t n, const mr_block_ranges *r,
                    size_t x_width, size_t y_width);

/* --- reducers: the last operator of a chain may fold items (segments, windows, samples) into rows.
 * Block and lane indices then are items; what the operators before it give is the reducer's input,
 * r->in[n - 1]. Operators after it that take a value at a time are applied to each row -------- */

/** The needs of the chain's reducer; NULL: it gives samples. */
const mr_needs *mr_chain_reduces(const mr_chain *c);
/** Rate of the block indices: of items, or of the output samples. */
double mr_chain_rate(const mr_chain *c);
/** Does it take rows instead of a tile? */
bool mr_chain_by_rows(const mr_chain *c);
/** Rate of the reducer's input. */
double mr_chain_reducer_rate(const mr_chain *c);
/** Nominal time of index m of a reducing chain: of its row, or of the item where all are one row.
 */
int64_t mr_chain_nominal_ns(const mr_chain *c, int64_t m);
/** Lanes have to be multiples of this; 0: any. */
int64_t mr_chain_unit_ns(const mr_chain *c);
/** Rows that items touch, by number. */
mr_slab mr_chain_rows(const mr_chain *c, mr_slab items);
/** First item of a row. */
int64_t mr_chain_row_first(const mr_chain *c, int64_t row);
/** Rows that are complete after a lane's block and were not before it. */
mr_slab mr_chain_rows_done(const mr_chain *c, mr_slab lane, mr_slab block);
/** Samples of a row that the span has, at the reducer's input. span: raw. */
mr_slab mr_chain_row_samples(const mr_chain *c, mr_slab span, int64_t row);

/** A tile's part of a reduction. */
/** A row of a reducer and all of its items. */
typedef struct mr_fold_row {
    int64_t row;
    mr_slab items;
} mr_fold_row;
typedef struct mr_fold_job {
    const mr_block_ranges *r;
    mr_slab lane;        /* items of the whole lane */
    mr_slab items;       /* to take in now; in order over calls and blocks of a lane */
    const mr_view *x;    /* rows from x0 on that the items need */
    const mr_rows *rows; /* or these, for a reducer that takes them; x->nc is set still */
    int64_t x0;
    const uint8_t *bad; /* [items][nc] from item bad0 on; NULL: none */
    int64_t bad0;
    mr_picks *picks;      /* of the tile; only of chains that pick */
    mr_fold_row *now;     /* the row of the last item; kept from call to call, zero at first */
    double *state;        /* mr_chain_state doubles a channel, as for mr_chain_run */
    size_t width;         /* of a row of it */
    double *work;         /* mr_chain_fold_work doubles, 64-byte aligned */
    const double *shared; /* of the items r->out */
    /** Called for each finished row, in order: y [depth][nc], count [counts][stride]. Sums where
     * all is one row; else values, NaN where less than half is there. */
    void (*row)(void *arg, int64_t row, const mr_view *y, const double *count, size_t stride);
    void *arg;
} mr_fold_job;
size_t mr_chain_fold_work(const mr_chain *c, size_t width);
void mr_chain_fold(const mr_chain *c, const mr_fold_job *j);
/** The sources' columns x, from x0 on, which cover the items -> shared[items]. bad: [items][n]. */
void mr_chain_prepare(const mr_chain *c, const mr_block_ranges *r, mr_slab items, const mr_view *x,
                      int64_t x0, const uint8_t *bad, double *work, double *shared);

/* --- picks: a reducer may give rows of a table, and a join after it makes events of them --- */

/** The needs of the chain's pick operator; NULL: it has none. */
const mr_needs *mr_chain_picks(const mr_chain *c);
/** The samples that have to be looked at for picks that begin in `own`; within the output span. */
mr_slab mr_chain_picks_reach(const mr_chain *c, mr_slab own, mr_slab all);
/** Picks that begin before this are known when all samples before `done` were looked at. */
int64_t mr_chain_picks_known(const mr_chain *c, int64_t done);
/** The join of a span; without such an operator every pick is an event. in->rate_hz and cell_ns are
 * set here. As in mr_op: begin [give], end frees, in any case. */
typedef struct mr_join mr_join;
mr_status mr_chain_join_begin(const mr_chain *c, const mr_joining *in, mr_join **out);
mr_status mr_chain_join_add(mr_join *j, const mr_pick *p);
mr_status mr_chain_join_end(mr_join *j, bool drop);

/* --- NaN: kept beside the samples as runs, never inside a tile. Runs of raw samples spread by what
 * operators need, which is a matter of where they are alone. One that decides itself (nan()) looks
 * at marks of all that is NaN at its input; what is NaN at its output are runs again, which
 * spread from there on. ----------------------------------------------------------------------- */

/** The samples at the input of operator n_ops (or of the output) that a run of bad ones [bad.a,
 * bad.b) of one channel at the input of operator `from` makes NaN, where none between decides
 * itself. span: the chain's input. */
mr_slab mr_chain_spoils(const mr_chain *c, size_t from, size_t n_ops, mr_slab span, mr_slab bad);
/** Samples there that are NaN by definition at the span's ends (a rolling window not yet full), by
 * operators after the last one that decides itself: that has seen those before it. */
void mr_chain_blanks(const mr_chain *c, size_t n_ops, mr_slab span, mr_slab *head, mr_slab *tail);
/** The first operator after the last one before n_ops that decides itself; 0: none does. Its input
 * is where runs of bad samples begin to spread. */
size_t mr_chain_spoils_from(const mr_chain *c, size_t n_ops);
/** Operator i decides. in: NULL for nothing is NaN by runs; *any: is something NaN in `out`? out is
 * zero at first. Marks what is blank in `in` first. */
bool mr_chain_decides(const mr_chain *c, size_t i);
void mr_chain_decide(const mr_chain *c, size_t i, mr_slab span, mr_marks *in, mr_marks *out);
/** Some of these samples of operator i's input are blank. */
bool mr_chain_blank_in(const mr_chain *c, size_t i, mr_slab span, mr_slab t);
#endif
