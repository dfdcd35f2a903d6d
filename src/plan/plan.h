/* plan/plan.h: from spans and chain to lanes, blocks, buffers and memory. Every rank makes the same
 * plan without talking. Read-only once made. */
#ifndef MR_PLAN_H
#define MR_PLAN_H
#include "out/output.h"
#include "ops/chain/chain.h"
#include "plan/config/config.h"
#include "plan/span.h"

/** What is common to all lanes of a group of files: the bound chain, the channels, block lengths.
 */
typedef struct mr_array {
    uint32_t group;
    bool aligned; /* in.rate_hz is a hair off facts.rate_hz, so that windows of UTC fit its span */
    mr_file_info facts; /* that speak for the group */
    mr_series series;   /* the same, to know lanes of it again */
    mr_geom in;
    mr_chain *chain; /* NULL if it cannot be applied to this group: `why` */
    char *why;
    uint64_t *chan; /* selected channels (file's numbering), ascending */
    uint64_t nc;
    uint64_t out_nc; /* channels that the chain gives */
    mr_chsel sel;    /* first, step, n when `even`, else first..last in steps of one */
    bool even;
    double *distance_m;       /* [out_nc] */
    double *lat, *lon, *elev; /* [out_nc] or NULL */
    double *x_m;              /* [nc] of the input */
    int64_t grid_ns;          /* lane grid; INT64_MAX: a span is one lane */
    double before_s, after_s; /* fresh context */
    int64_t still_rows;       /* input.mask: so many rows without change are masked; 0: none */
    int64_t block_raw;        /* raw samples a block takes on, without context */
    int64_t block_out;        /* output samples of a block */
    uint64_t strip_in;        /* input channels of a strip, its neighbours apart */
    uint64_t strip;           /* output channels of a strip (the last may be smaller) */
    bool f64;                 /* float64 output */
    bool uniform;             /* all files store samples as `facts` says */
    bool wide;                /* some of them in a type that holds more than float32 */
    size_t row_bytes;         /* of a strip's raw row as buffered */
    mr_digest design;         /* of the chain with its coefficients */
    uint64_t intake_rows;     /* raw rows of one input buffer */
    double grid_hz; /* irregular rows are buffered as samples of this rate, float64 and in the
                       lead's unit; 0: rows are buffered as they are stored */
} mr_array;

typedef struct mr_lane {
    uint32_t array, span;
    mr_slab out;          /* output indices; of items where the chain reduces */
    mr_slab rows;         /* rows of its file: the same as out, or numbers of windows */
    mr_slab own;          /* of a table: its picks begin here; `out` is what they are known from */
    mr_slab raw;          /* raw grid indices read, context included */
    mr_slab fed;          /* those of them that the chain is given: all but what mask looks at */
    uint64_t c0, c1;      /* output channels, numbered as the chain gives them */
    mr_slab read;         /* the channels it needs, numbered within the selection */
    int64_t t0_ns, t1_ns; /* first and last output sample */
    mr_digest key;        /* identity: chain, tie points, inputs */
    char rel[104];        /* final name in the output folder */
} mr_lane;

typedef struct mr_memory_plan {
    size_t limit_bytes;   /* what may be used, per rank */
    size_t need_bytes;    /* the least this chain needs, per rank */
    size_t planned_bytes; /* what will be used at most, per rank */
    size_t base_bytes;    /* MPI, HDF5 and the program, measured or assumed */
    size_t intake_bytes, n_intakes, out_bytes, n_outs, work_bytes, state_bytes, other_bytes;
    size_t mid_bytes[2]; /* the blocks that steps hand over */
    size_t decode_bytes; /* of the other bytes: to decode the file with the largest chunks */
    size_t decode_file;  /* its number in the catalogue; SIZE_MAX: none */
    size_t shared_bytes; /* what a block's sources come to, for all tiles */
    int threads;
} mr_memory_plan;

typedef struct mr_plan {
    const mr_config *cfg;  /* [borrow] */
    const mr_catalog *cat; /* [borrow] */
    mr_spans spans;
    uint8_t *barred; /* per form: 1: its chunks are above MR_MOST_CHUNK_BYTES; NULL: none is */
    mr_array *arrays;
    size_t n_arrays;
    mr_lane *lanes; /* in order of array, start, channels */
    size_t n_lanes, cap_lanes;
    mr_text text;         /* canonical text of what is computed: its digest is the plan's */
    mr_text coefficients; /* chains with coefficients in hex and sizes, per array */
    mr_digest digest;
    uint64_t out_bytes; /* samples of the whole output, bytes */
    mr_memory_plan mem;
} mr_plan;

/** Lay out everything. limit_bytes, base_bytes and threads go into the memory plan only. MR_EINPUT:
 *  nothing usable; MR_ECONFIG: the chain fits no group (with the place); MR_EMEM is not raised
 * here: compare mem.need_bytes with mem.limit_bytes. */
mr_status mr_plan_new(const mr_config *cfg, const mr_catalog *cat, size_t limit_bytes,
                      size_t base_bytes, int threads, mr_plan **out);
void mr_plan_free(mr_plan *p);
/** Why there is not one lane: MR_EINPUT, raised with the place. */
mr_status mr_plan_nothing(const mr_plan *p);

/** The largest part of all the work (samples read) that one lane is: 0..1. */
double mr_plan_largest_share(const mr_plan *p);
/** Blocks of a lane, in order. block i's output range; n blocks. */
size_t mr_lane_blocks(const mr_plan *p, const mr_lane *l);
mr_slab mr_lane_block(const mr_plan *p, const mr_lane *l, size_t i);
/** Ranges of block i at every operator. */
void mr_lane_ranges(const mr_plan *p, const mr_lane *l, size_t i, mr_block_ranges *r);
/** Times of the lane's rows into t[rows.b - rows.a]. */
void mr_lane_times(const mr_plan *p, const mr_lane *l, int64_t *t);
/** Rows that block [out) completes. */
mr_slab mr_lane_rows_done(const mr_plan *p, const mr_lane *l, mr_slab out);
/** Tiles that the lane's blocks are loaded in; tiles that keep states. */
void mr_lane_tiles(const mr_plan *p, const mr_lane *l, size_t *loaded, size_t *states);
/** An output channel's number, in the input's numbering. */
uint64_t mr_array_channel(const mr_array *a, uint64_t c);
/** Bytes of the lane's values and counts. */
uint64_t mr_lane_bytes(const mr_plan *p, const mr_lane *l);
/** Time of sample m of the output (of the pick operator's input) by the stamps. */
int64_t mr_lane_time(const mr_plan *p, const mr_lane *l, int64_t m);
/** Most picks of a lane that may be in hand at once. */
size_t mr_picks_most(const mr_array *a, const mr_lane *l);
/** Nominal rate of the chain's output; 0: its samples are at no even times. */
double mr_array_out_rate(const mr_array *a);
/** What a row holds. */
mr_row_shape mr_array_shape(const mr_array *a);
/** Raw grid indices that are this lane's alone: those of a span are shared out among its lanes. */
mr_slab mr_lane_own(const mr_plan *p, const mr_lane *l);
/** What a sample of row `row` of the catalogue is multiplied by to be one of the array's. */
double mr_array_factor(const mr_plan *p, const mr_array *a, uint32_t row);
/** Channels of the selection, likewise: among its lanes of one time. */
mr_slab mr_lane_own_channels(const mr_plan *p, const mr_lane *l);
/** Samples and channels at the input of operator `op` (or of the output: op = their number) that
 * are one lane's alone: those that it needs and none before it does. */
mr_extent mr_lane_own_at(const mr_plan *p, const mr_lane *l, size_t op);
/** Of these, what piece `tile` of the step that loads has alone. */
mr_slab mr_lane_tile_channels(const mr_plan *p, const mr_lane *l, size_t tile);
/** The span's raw grid indices. */
mr_slab mr_lane_span(const mr_plan *p, const mr_lane *l);
/** Lines of the ledger that touch the lane: what its own layout's files have there. They are part
 * of its identity; whether an overlap was equal stands in the report only, it is not known yet
 * here. */
mr_status mr_lane_ledger(const mr_plan *p, const mr_lane *l, mr_strs *out);
/** One input buffer of a lane: raw grid indices [raw.a, raw.b), cut where files' chunks end. */
typedef struct mr_slab_list {
    mr_slab *v;
    size_t n, cap;
} mr_slab_list;
mr_status mr_lane_intakes(const mr_plan *p, const mr_lane *l, mr_slab_list *out);
/** Rows that are read at once to make samples of a grid of them, and bytes that this takes. */
size_t mr_array_even_rows(const mr_array *a);
size_t mr_array_even_bytes(const mr_array *a);
/** Tile width in channels: a constant of the program. */
#define MR_TILE 32

/* --- plan/lane.c
 * ------------------------------------------------------------------------------------ */
mr_status mr_lanes_build(mr_plan *p);
/** A chunk is decoded as a whole: one that is larger is refused, by any run. */
#define MR_MOST_CHUNK_BYTES (UINT64_C(200) << 20)
/** Bytes of a chunk, decoded; 0: there are none. */
uint64_t mr_chunk_bytes(const mr_store *s);
/* --- plan/mask.c
 * ------------------------------------------------------------------------------------ */
/** Sets still_rows. The rate must be known. */
void mr_array_mask(const mr_config *cfg, mr_array *a);
/** Context of a fresh start, or where states are carried: the chain's, and what input.mask looks
 *  at. */
void mr_array_context(const mr_array *a, bool carried, double *before_s, double *after_s);
/** The raw samples that decide which of `raw` are masked. */
mr_slab mr_array_looked_at(const mr_array *a, mr_slab span, mr_slab raw);
/* --- plan/align.c
 * ----------------------------------------------------------------------------------- */
/** Does this rate fit no UTC grid though it is a hair off one that does, and has the chain windows
 *  of UTC? Then every span is to have an array whose rate is aligned to it. */
bool mr_array_wants_aligning(const mr_array *a);
/** A rate next to rate_hz at which a sample of time t_ns has a whole index. */
double mr_rate_aligned(double rate_hz, int64_t t_ns);
/* --- plan/size.c
 * ------------------------------------------------------------------------------------ */
/** Grid and strip of an array: constants of chain, rate and channels, or as the config asks.
 *  MR_ECONFIG with the place: it asks for what cannot be. */
mr_status mr_lane_size(const mr_config *cfg, mr_array *a);
/** The channels of a strip of about `want`, each `cost` bytes a row: whole chunk columns. */
uint64_t mr_strip_columns(const mr_array *a, double want, size_t cost);
/* --- plan/memory.c
 * ---------------------------------------------------------------------------------- */
/** Block, strip and intake lengths of an array: constants of chain, rate, channels and storage. */
mr_status mr_blocks_size(const mr_plan *p, mr_array *a);
mr_status mr_memory_size(mr_plan *p, size_t limit_bytes, size_t base_bytes, int threads);
/** What a reader needs to decode chunks of this form, bytes. */
size_t mr_memory_decode(const mr_plan *p, size_t form);
/** Default limit: 0.7 x (cgroup or Slurm limit, else RAM) / ranks on the node, at most 4 GiB. */
size_t mr_memory_default(int ranks_on_node);
/** Anonymous and shared pages of this process now, bytes. */
size_t mr_memory_now(void);
#endif
