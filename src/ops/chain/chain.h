/* ops/chain/chain.h: operators in order, bound to one geometry: which input a block needs, and
 * running a tile of it. Made once per geometry, then read only: any thread. */
#ifndef MR_CHAIN_H
#define MR_CHAIN_H
#include "ops/op.h"
#include "base/text.h"

#define MR_MAX_OPS 32
typedef struct mr_chain mr_chain;

/** Bind `list` (a MR_NODE_LIST whose items are maps of one key: operator name -> parameters, or
 * plain scalars: operator name alone) to a geometry. Raises MR_ECONFIG with the place. An empty
 * list is a chain that copies. [give] out. */
mr_status mr_chain_new(const mr_node *list, const mr_geom *in, mr_chain **out);
void mr_chain_free(mr_chain *c);
const mr_geom *mr_chain_in(const mr_chain *c);
const mr_geom *mr_chain_out(const mr_chain *c);
size_t mr_chain_n(const mr_chain *c);
const mr_op *mr_chain_op(const mr_chain *c, size_t i);
const mr_needs *mr_chain_needs(const mr_chain *c, size_t i);
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
double mr_chain_held(const mr_chain *c);
/** True if some operator needs the whole span in one lane (window: span, unbounded memory). `why`
 *  gets the operator's name. */
bool mr_chain_whole_span(const mr_chain *c, const char **why);

/** The span's output range for input indices [a, b). */
mr_slab mr_chain_out_span(const mr_chain *c, mr_slab span);
/** Position of output m in input samples as num/den relative to the UTC grid (den > 0), for its
 *  time. */
void mr_chain_position(const mr_chain *c, mr_slab span, int64_t m, int64_t *num, int64_t *den);

/** Ranges of one block at every operator, and the raw input it needs. in[i] is what operator i
 *  reads, out of it; in[0] is the raw range; out[n-1] the block's output. */
typedef struct mr_block_ranges {
    size_t n;
    mr_slab raw; /* = in[0], or = out for an empty chain */
    mr_slab out;
    mr_slab span[MR_MAX_OPS + 1]; /* the span at operator i's input; [n] at the output */
    mr_slab in[MR_MAX_OPS];
    int64_t snap[MR_MAX_OPS];
    bool fresh;
} mr_block_ranges;
/** Ranges for output [want.a, want.b) (inside the output span). fresh: first block of a lane. next:
 *  the lane's following block's output range, or empty if this is the last. */
void mr_chain_ranges(const mr_chain *c, mr_slab span, mr_slab want, bool fresh, mr_slab next,
                     mr_block_ranges *r);

/** Couplings cut the chain into stages that run one after the other with the whole block visible in
 *  between. Stage s covers operators [first, first + n); a coupling operator is a stage of its own.
 */
typedef struct mr_stage {
    size_t first, n;
    bool couples;
} mr_stage;
size_t mr_chain_stages(const mr_chain *c, mr_stage *stages /* [MR_MAX_OPS] or NULL */);

/** Doubles per channel that are carried for the whole chain. A tile's are [that][tile width,
 * rounded up to 8]: the states first, then what is held (mr_piece.hold). */
size_t mr_chain_state(const mr_chain *c);
/** States alone, without a reducer's: those that have to be set back to do a piece again. */
size_t mr_chain_state_before(const mr_chain *c);
/** Doubles of work space one thread needs to run any tile of `width` channels of a block with
 * ranges r (of a full-sized first block: the largest). */
size_t mr_chain_work(const mr_chain *c, const mr_block_ranges *r, size_t width);

/** Run stage `s` for one tile. x: the stage's input, covering r->in[stage.first] (float64, no NaN
 * in it: bridged by the caller). y: where the stage's output goes, covering the
 * input range of the next stage (or r->out). work: mr_chain_work doubles, 64-byte aligned. state:
 * the tile's state of the whole chain (carried between blocks of a lane). bad: only for couples. x
 * may be overwritten. Thread-safe for different tiles. */
void mr_chain_run(const mr_chain *c, size_t stage, const mr_block_ranges *r, mr_view *x, mr_view *y,
                  double *state, double *work, const uint8_t *bad);

/** The same with an input x that `feed` fills as it is read (NULL: it is filled). After the call
 * all of x was pulled. */
void mr_chain_run_fed(const mr_chain *c, size_t stage, const mr_block_ranges *r, mr_view *x,
                      mr_view *y, double *state, double *work, const uint8_t *bad,
                      const mr_feed *feed);

/* --- reducers: the last operator of a chain may fold items (segments, windows, samples) into rows.
 * Block and lane indices then are items; stages are those of the operators before it, whose output
 * is the reducer's input, r->in[n - 1] -------------------------------------------------------- */

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
    mr_fold_row *now;     /* the row of the last item; kept from call to call, zero at first */
    double *state;        /* mr_chain_state doubles a channel, as for mr_chain_run */
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

/* --- NaN: kept beside the samples as runs, never inside a tile
 * ------------------------------------ */

/** The output samples that a run of bad raw samples [bad.a, bad.b) of one channel makes NaN. */
mr_slab mr_chain_spoils(const mr_chain *c, mr_slab span, mr_slab bad);
/** The same at the input of operator n_ops: what the operators before it spread. */
mr_slab mr_chain_spoils_at(const mr_chain *c, size_t n_ops, mr_slab span, mr_slab bad);
/** Outputs that are NaN by definition at the span's ends (a rolling window not yet full). */
void mr_chain_blanks(const mr_chain *c, mr_slab span, mr_slab *head, mr_slab *tail);
#endif
