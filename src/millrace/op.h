/* millrace/op.h: the contract between an operator and the rest: what it needs, what it does to a
 * tile. op_fast.h has more that an operator may say, for speed alone: leave it out at first.
 *
 * An operator is one row (mr_op): name, parameters, bind(), and one of these, which says what kind
 * it is: map (samples to samples: a filter), fold (samples to rows: a spectrum an interval), pick
 * (samples to rows of a table), join (those to events), or compound (other operators). bind()
 * checks the parameters against the geometry and designs what is to be designed; map() runs on one
 * tile (some adjacent channels) of one block and cannot fail. The chain (ops/chain/chain.h) adds
 * the contexts up, keeps states, and takes care of NaN; run/ shares out tiles over threads. Only
 * `couples` operators see all channels of a block at once; one with context in channels sees its
 * tile's neighbours. What a row declares is honoured, or refused when the chain is bound, by the
 * field's name.
 *
 * Indices. Output sample m of an operator sits at input position (m * down + phase) / up, where
 * phase = 0, or for align_span (up = 1) the span's first input index modulo down. */
#ifndef MR_OP_H
#define MR_OP_H
#include "millrace/base.h"
#include "millrace/grid.h"

/* op_fast.h says what these are */
typedef struct mr_feed mr_feed;
typedef struct mr_rows mr_rows;
typedef struct mr_fast mr_fast;
typedef struct mr_hints mr_hints;

/** Text that grows: what describe() writes to. */
typedef struct mr_text mr_text;
mr_status mr_text_add(mr_text *t, const char *fmt, ...) MR_PRINTF(2, 3);

typedef enum mr_ptype {           /* type of the field at .offset */
                        MR_F64,   /* double, in the dimension's unit (s, Hz, m, 1, fraction) */
                        MR_INT,   /* int64_t */
                        MR_BOOL,  /* bool */
                        MR_RANGE, /* double[2]: lo, hi */
                        MR_NS, /* int64_t nanoseconds (a time span); "span" gives MR_WINDOW_SPAN if
                                  allowed */
                        MR_ENUM,  /* int: index into .names (NULL-terminated) */
                        MR_WORD,  /* char[32]: free text, for units */
                        MR_LIST,  /* mr_list64: integers */
                        MR_SET,   /* int: bit k for the word .names[k]; one word or a list */
                        MR_RANGES /* mr_ranges: one range or a list of them */
} mr_ptype;
#define MR_WINDOW_SPAN INT64_MAX
#define MR_ALL INT64_MAX /* for MR_NS: the word "all" */
#define MR_MAX_LIST 1024
typedef struct mr_list64 {
    size_t n;
    bool table; /* the column `channel` of a CSV table: some may not be there */
    int64_t v[MR_MAX_LIST];
} mr_list64;
#define MR_MAX_RANGES 32
typedef struct mr_ranges {
    size_t n;
    double v[MR_MAX_RANGES][2]; /* lo, hi, in the dimension's unit */
} mr_ranges;

/** One parameter. The table ends with a row whose name is NULL. Parser, range check, help and docs
 *  read the same row. */
typedef struct mr_param {
    const char *name;
    mr_ptype type;
    size_t offset;
    const char *unit; /* "s", "Hz", "m", "%", or NULL for a bare number */
    double min, max;  /* both 0: no limit; for MR_NS in seconds */
    const char *def;  /* default as text; NULL = required; "" = optional, field left zero */
    const char *doc;
    const char *const *names; /* for MR_ENUM, MR_SET */
    bool span_ok;             /* for MR_NS: the word "span" is allowed */
    bool all_ok;              /* for MR_NS: the word "all" is allowed */
} mr_param;

typedef enum mr_memory { MR_MEM_NONE, MR_MEM_FADING, MR_MEM_UNBOUNDED } mr_memory;
/* Where an output channel is, of the input channels that it is made of (mr_needs, "Channels"). */
typedef enum mr_place {
    MR_PLACE_OWN,   /* at channel j * ch_down */
    MR_PLACE_MEAN,  /* at the mean of their places: a stack */
    MR_PLACE_MIDDLE /* half way between the first and the last: a difference */
} mr_place;

/** What a reducer takes in at once: item k covers input samples [start(k), start(k) + len). With
 *  window_ns, items k = w * n + i, i < n, start hop samples apart from the first sample of the UTC
 *  window number w on; without, start(k) = k * hop. An item that a span's end cuts counts while
 *  `least` of its samples are there. */
typedef struct mr_items {
    int64_t window_ns, n;
    int64_t hop, len, least; /* len 0: no reducer */
} mr_items;

/** What an output sample needs of the input, in input samples at the operator's input rate.
 *  Zero-initialise. up = down = 0 is read as 1. */
typedef struct mr_needs {
    size_t before, after; /* finite context on each side of the output's position */
    size_t fade;          /* memory fading: warm-up before it is below 1e-9; not paid when the
                                   state is carried from the previous block */
    /* Channels: output channel j is made of input channels j * ch_down - ch_before .. j * ch_down +
     * ch_after, of those that the array has; what is NaN spreads by that. bind() sets out->nc where
     * it changes (to fewer); places, numbers and spacing of the channels are the chain's care. An
     * operator with context in channels keeps no state. */
    size_t ch_before, ch_after, ch_down; /* ch_down = 0 is read as 1 */
    mr_place ch_place;
    bool couples;      /* sees all channels of a block, whatever ch_before says */
    size_t up, down;   /* rate_out = rate_in * up / down */
    bool align_span;   /* phase from the span's first sample, not from UTC */
    int64_t window_ns; /* output depends on the whole UTC window it lies in; 0 none;
                                   MR_WINDOW_SPAN: on the whole span */
    mr_memory memory;
    size_t state;        /* doubles of state per channel */
    size_t carry;        /* doubles more that are carried, not part of the state */
    size_t scratch;      /* doubles of scratch per thread */
    size_t scratch_rows; /* plus this many rows as wide as x */
    size_t blank_head;   /* outputs at positions within that many input samples of the span's
                            start are NaN by definition (a window not yet full) */
    /* Output m is the UTC time of index m to the ns, by the stamps: map() asks p->clock where that
     * is in the input. Only before operators that change the rate. Stamps may be that many samples
     * off their index; more is refused. 0: an output's time is by the stamps of its place. */
    size_t by_stamps;
    bool lti;      /* linear and time-invariant (away from the ends) */
    bool no_level; /* a constant added to the input adds nothing to the output, away from
                            the ends: float32 will hold what comes out */
    bool rounds;   /* rows go through transforms of as many as come: where blocks are cut
                            changes the last bits, as a fading memory does */

    /* reducers: the last of the chain; its indices are those of items until they are folded */
    mr_items items;
    int64_t row_ns;   /* a row of the product for each UTC window of this length, numbered like it;
                         MR_ALL: one for everything, from the lanes' sums */
    bool partial;     /* a row says itself how much of it was there: it is given, be it little; else
                         it is NaN under half */
    bool mean;        /* a row is the mean over its items: give() leaves their sum */
    int count_axes;   /* the output says how many items went in: 1 per row and channel, 2 per row,
                         place on axis 0 and channel; 0 not */
    size_t counts;    /* set by the chain: the length of axis 0 for count_axes 2, else 1 */
    size_t n_sources; /* columns that all tiles need */
    const size_t *source; /* [n_sources] channels */
    size_t shared;        /* doubles per item that prepare() makes of them */
    size_t stripe;        /* rows of input that are best loaded at once; for couples: that a slice
                             of the block should have at least */
    int cells_before, cells_after; /* pick operators: context in cells of row_ns */
} mr_needs;

/** Is a row one whole item? Then the span that holds it makes the row; no part of one counts. */
static inline bool mr_row_is_item(const mr_needs *d)
{
    return d->items.n == 1 && d->items.window_ns == d->row_ns && d->items.least == d->items.len;
}

/** When the samples of a span were taken, by the stamps of its files. */
typedef struct mr_clock mr_clock;
struct mr_clock {
    /** The place of UTC time t_ns among the span's samples: *n is at or before it, by *frac of a
     * step, 0 <= *frac < 1; beyond the span's ends as if it went on. NULL: every sample is at the
     * time of its index. */
    void (*place)(const mr_clock *k, int64_t t_ns, int64_t *n, double *frac);
    const void *spans, *span; /* place()'s own */
};

/** One call of a map: an input view that covers samples [x0, x0 + x->nt) of channels [xc0, xc0 +
 *  x->nc), an output view that covers [y0, y0 + y->nt) of [yc0, yc0 + y->nc). The chain guarantees
 *  that x covers what needs says, clipped to the span and to the array. */
typedef struct mr_piece {
    const mr_view *x; /* the samples may be overwritten */
    mr_view *y;       /* apart from x; for pointwise it may also be exactly the rows of x that have
                         the same indices */
    int64_t x0, y0;
    size_t xc0, yc0;     /* the array's channels that x and y begin with: 0, 0 for couples */
    size_t nc;           /* input channels of the array */
    mr_slab span;        /* the span's input indices at this operator */
    double rate_hz;      /* input rate */
    bool fresh;          /* state is to be started: from x's first row (steady state), or as the
                            reference begins where x0 == span.a */
    int64_t snap;        /* input index before which the state must be left in `state` for the
                            next block; in [x0, x0 + nt]; INT64_MAX: no next block */
    double *state;       /* [needs.state][x->nc], rows packed at x->nc; NULL if none */
    double *carry;       /* [needs.carry][x->nc] more that is carried; NULL if none */
    int64_t next;        /* the first output that the next block gives; INT64_MAX: no next block */
    double *scratch;     /* needs.scratch + needs.scratch_rows * x->nc doubles, 64-byte aligned */
    const mr_feed *feed; /* NULL, but for operators whose `fast` asks for it: x is filled */
    const uint8_t *bad;  /* for couples and operators with nan(): [x->nt][x->nc], rows bad_stride
                            apart, not 0 where the input is NaN (bridged values stand in x); NULL if
                            there are none */
    size_t bad_stride;
    const mr_clock *clock; /* for operators with by_stamps: of the input's samples */
} mr_piece;

/** x's row at the time of row t of y, for operators that keep the rate: where no context is asked
 *  for, all that y's row is made of. Its channels from p->yc0 on, if they are y's. */
static inline const double *mr_piece_row(const mr_piece *p, size_t t)
{
    return mr_at(p->x, (size_t)(p->y0 - p->x0) + t, p->yc0 - p->xc0);
}

/** Which samples are NaN: [nt][nc], of samples from t0 on, of the array's channels from c0 on. */
typedef struct mr_marks {
    uint8_t *d;
    int64_t t0;
    size_t nt, c0, nc;
} mr_marks;
enum {
    MR_NAN = 1,
    MR_NAN_TAKEN = 2 /* NaN, and the operator has taken a value for it: goes to the ledger */
};

/** One tile's share of a reduction: what take() gets. */
typedef struct mr_fold {
    const mr_view *x;    /* input rows from x0 on; they cover the items, clipped to the span */
    const mr_rows *rows; /* NULL, but for reducers whose `fast` asks for it: instead of x, of which
                            only nc is set, and of bad */
    int64_t x0;
    mr_slab span; /* the span's input indices */
    double rate_hz;
    const uint8_t *bad; /* [items][x->nc] from item bad0 on: 1 where one is spoilt; NULL: none */
    int64_t bad0;
    size_t stride;        /* of the rows of count and acc: nc rounded up to 8 */
    double *count;        /* [needs.counts][stride] items taken in */
    double *acc;          /* [needs.state][stride] the reducer's own */
    double *scratch;      /* needs.scratch + needs.scratch_rows * stride doubles, 64-byte aligned */
    const double *shared; /* [items][needs.shared] from item shared0 on */
    int64_t shared0;
} mr_fold;
/** Is item k of channel c spoilt? */
static inline bool mr_fold_bad(const mr_fold *f, int64_t k, size_t c)
{
    return f->bad && f->bad[(size_t)(k - f->bad0) * f->x->nc + c];
}
/** The samples of item k, clipped to the span. */
mr_slab mr_item(const mr_items *it, int64_t k, mr_slab span, double rate_hz);

/* --- picks and events: what happened, as rows of a table -------------------------------------- */

/** One thing that happened on one channel. Indices are those of the pick operator's input. */
typedef struct mr_pick {
    int64_t on, off;  /* samples [on, off) */
    int64_t peak_at;  /* the first that is largest */
    double peak;      /* its value */
    uint32_t channel; /* of the array; in a mr_picks of a tile: of the tile */
    uint32_t flags;   /* MR_CUT, MR_CONTINUED */
} mr_pick;
enum {
    MR_CUT = 1,      /* ended by a lost sample, the span's end or the edge of a cell */
    MR_CONTINUED = 2 /* a piece of something longer, cut at the edges of cells */
};

/** A cell of UTC: its number, and its samples, also where the span has not all of them. */
typedef struct mr_cell {
    int64_t number;
    mr_slab at;
} mr_cell;

/** A list that tells when it could not grow. Zero but `most`; free v. */
typedef struct mr_picks {
    mr_pick *v;
    size_t n, cap, most, channels; /* refuses more than `most` */
    mr_status st;                  /* the first failure; its words are on that thread */
} mr_picks;
void mr_picks_add(mr_picks *p, const mr_pick *one);
/** In order of (on, channel). */
void mr_picks_sort(mr_pick *v, size_t n);

/** What a row of the table of events says. Channels are those of the array. */
typedef struct mr_event {
    int64_t on, off, peak_at;     /* first on, last off */
    double peak;                  /* the largest of its picks; of equals the first */
    uint32_t channel[2];          /* smallest and largest */
    uint32_t peak_channel, n;     /* different channels */
    double velocity, velocity_sd; /* m/s, signed; NaN: unknown */
    double score;                 /* NaN: none */
    int32_t template;             /* -1: none */
    uint32_t flags;               /* of all its picks */
} mr_event;

/** For a join: where its picks come from and where its events go. All [borrow] until end(). */
typedef struct mr_joining {
    double rate_hz;           /* of the pick operator's input */
    int64_t cell_ns;          /* the cells of its picks */
    size_t nc;                /* channels of the array */
    const double *distance_m; /* [nc] */
    mr_status (*give)(void *arg, const mr_event *e);
    void *arg;
} mr_joining;

/** A reducer's functions; thread-safe, cannot fail. */
typedef struct mr_reducer {
    /** Take in items, all of one row and in order, good channels only; adds to f->count. acc is
     * zero before a row's first item. */
    void (*take)(const void *self, const mr_fold *f, mr_slab items);
    /** What acc and count come to: a row y[depth][nc], depth the product of the axes' lengths (1
     *  without). Of a row that lacks more than half of its items the chain makes NaN, unless
     *  needs.partial. scratch as for take. */
    void (*give)(const void *self, const double *acc, const double *count, size_t stride,
                 double *scratch, mr_view *y);
    /** x: the sources' columns -> shared[items][needs.shared]; bad marks are for the sources. NULL
     *  without needs.source. */
    void (*prepare)(const void *self, const mr_fold *f, mr_slab items, double *shared);
} mr_reducer;

/** A join comes after a pick operator and makes events of a span's picks, once, when all lanes are
 *  there. begin: [give] state. add: picks in order of (on, channel). end: gives what is left,
 *  unless `drop`, and frees the state. Events come in order of on, then first channel. */
typedef struct mr_joiner {
    mr_status (*begin)(const void *self, const mr_joining *in, void **state);
    mr_status (*add)(void *state, const mr_pick *p);
    mr_status (*end)(void *state, bool drop);
} mr_joiner;

/** What a compound is made of. */
typedef struct mr_compound mr_compound;
/** Its next operator: a name, then parameters and values as in a config, then NULL:
 *  mr_compound_add(p, "rms", "window", "2 s", (char *)NULL). */
mr_status mr_compound_add(mr_compound *p, const char *name, ...) __attribute__((sentinel));

typedef struct mr_op {
    const char *name;
    const char *doc;     /* one line */
    const char *ref;     /* source of the formula: paper or reference implementation */
    const char *on_nan;  /* with nan(): what it decides, in words; else NULL */
    const char *example; /* parameters that make sense at 100 Hz: "band: 5..20 Hz, order: 3" */
    size_t size;         /* bytes of the settings struct: parameters + bind's own */
    const mr_param *params;
    /** Check against the geometry, design, allocate. Not collective; any thread. Raises MR_ECONFIG
     *  without a position (the caller adds it). out starts as a copy of in. NULL for a map that
     *  needs nothing but the sample it is at and changes nothing of the geometry. */
    mr_status (*bind)(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs);
    /** Frees what bind allocated; NULL if nothing. */
    void (*release)(void *self);
    /** NULL, or adds the designed coefficients as %a to the canonical text. */
    mr_status (*describe)(const void *self, mr_text *t);

    /* What kind of operator it is: exactly one of map, fold, pick, join, or compound; thread-safe,
     * cannot fail where it is void. */

    /** Samples to samples. Every output row is written, and finite where x is. */
    void (*map)(const void *self, const mr_piece *p);
    /** Samples to rows on the UTC grid: a reducer. bind() says what it takes in at once
     * (needs->items; hop, len and least 1: single samples), the length of a row (row_ns) and the
     * doubles of its own (state); and what a row is: out->rate_hz = 1e9 / row_ns, quantity (the
     * array's name in files), unit, and axes, if a channel has several values a row. */
    const mr_reducer *fold;
    /** Samples to rows of a table: items are single samples (hop, len and least 1), rows are cells
     * of UTC (row_ns). Called with the samples of one cell at most, in order; acc is zero at first
     * and kept over blocks and cells. The last call of a cell is the one whose items.b is
     * min(cell->at.b, f->span.b). What is NaN mr_fold_bad() says. A lane begins cells_before whole
     * cells before what it owns and ends cells_after behind it: a pick may depend on that much. */
    void (*pick)(const void *self, const mr_fold *f, mr_slab items, const mr_cell *cell,
                 mr_picks *out);
    /** Rows of a pick operator's table to events. */
    const mr_joiner *join;
    /** Says what operators its settings stand for; checked and planned as these. Where it adds none
     * the operator is itself, of one of the other kinds; one that always is a compound has no bind.
     */
    mr_status (*compound)(const void *self, mr_compound *p);

    /* what a map may say more */

    /** A value out depends on the one value in, wherever that stands: may come after a reducer, on
     *  its rows. y may be x. */
    bool pointwise;
    /** NULL: what is NaN makes NaN of all that is made of it (needs: before and after, channels).
     * Or, for an operator that keeps rate and channels and has no state, it decides itself: from
     * where its input is NaN (`in` covers what needs says, clipped to the span and to the array;
     * also samples that are not there at a span's ends by an earlier window's definition) to where
     * its output is (`out`, zero at first). It may set marks of `in` to MR_NAN_TAKEN. What it
     * decides of an output sample depends on nothing but the inputs that needs says. map() is
     * told the same by p->bad. Thread-safe, cannot fail; not called where nothing is NaN. */
    void (*nan)(const void *self, mr_slab span, mr_marks *in, mr_marks *out);

    const mr_fast *fast;   /* op_fast.h: what is there for speed; NULL for most */
    const mr_hints *hints; /* op_fast.h: what the plan's advice and tests ask; NULL for most */
} mr_op;

/** The table, in the order of the help. */
extern const mr_op *const mr_op_table[];
extern const size_t mr_op_count;
/** Operators of a program that links the library: it says MR_OWN_OPS(&a, &b); once, in one file. */
extern const mr_op *const mr_own_ops[]; /* NULL-terminated; empty where nobody says so */
#define MR_OWN_OPS(...) const mr_op *const mr_own_ops[] = {__VA_ARGS__, NULL}

/** Operators of a shared object that millrace loads: it says MR_PLUGIN(&a, &b); once. */
#define MR_PLUGIN_ABI 4u /* grows when a row, or what it is called with, changes */
typedef struct mr_plugin {
    unsigned abi;
    size_t op_bytes, needs_bytes, geom_bytes;
    const mr_op *op[32]; /* NULL-terminated */
} mr_plugin;
#define MR_PLUGIN(...)                                                                             \
    extern const mr_plugin millrace_plugin;                                                        \
    __attribute__((visibility("default"))) const mr_plugin millrace_plugin = {                     \
        MR_PLUGIN_ABI, sizeof(mr_op), sizeof(mr_needs), sizeof(mr_geom), {__VA_ARGS__, NULL}}

/** Operator i: those of the table, then own ones, then plug-ins'; NULL beyond the last. */
const mr_op *mr_op_at(size_t i);
const mr_op *mr_op_find(const char *name);
/** The operator's name nearest to a word that is none, or NULL. */
const char *mr_op_nearest(const char *word);

/** Number of the UTC window of window_ns that sample n lies in. */
int64_t mr_window_number(int64_t n, int64_t window_ns, double rate_hz);
/** The UTC window of window_ns that sample n lies in, as indices; not clipped to a span. */
mr_slab mr_window_at(int64_t n, int64_t window_ns, double rate_hz);
/** The same clipped to the span; the whole span for MR_WINDOW_SPAN. For map(). */
mr_slab mr_piece_window(const mr_piece *p, int64_t n, int64_t window_ns);
#endif
