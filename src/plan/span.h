/* plan/span.h: files laid end to end: spans without gap, and the ledger of what was odd. */
#ifndef MR_SPAN_H
#define MR_SPAN_H
#include "plan/catalog/catalog.h"

/** The samples of one recording that a span keeps. */
typedef struct mr_leg {
    uint32_t file;    /* its row in the catalogue */
    uint32_t rows;    /* of a span of irregular rows: how many the recording has */
    int64_t k;        /* index in the span of the first kept sample */
    uint64_t skip, n; /* first samples left out (they overlap an earlier file); samples kept */
    int64_t t_ns;     /* time of the first kept sample by this file's own start */
    double step_ns;   /* 0, or its measured step where that is off the nominal one */
} mr_leg;

/** What a span's indices number: samples of an even grid; irregular rows, each at its own time; or
 *  samples of an even grid that are made of irregular rows as these are read. */
typedef enum mr_span_axis { MR_AXIS_EVEN, MR_AXIS_ROWS, MR_AXIS_GRID } mr_span_axis;

typedef struct mr_span {
    uint32_t group;
    uint32_t array;      /* of the plan: the group's, or one of the span's own */
    size_t leg0, n_legs; /* its legs in the plan's list, in time order */
    int64_t index0;      /* grid index of sample 0: round(t0 * rate) */
    int64_t n;           /* samples */
    int64_t t0_ns;
    double rate_hz; /* of irregular rows: about their mean */
    mr_span_axis axis;
} mr_span;

typedef enum mr_odd_kind {
    MR_ODD_GAP,
    MR_ODD_OVERLAP,
    MR_ODD_DUPLICATE,
    MR_ODD_DRIFT,
    MR_ODD_BAD_CHUNK,
    MR_ODD_RATE,
    MR_ODD_LAYOUT,
    MR_ODD_WINDOW,
    MR_ODD_STAMP,      /* bad or lost stamps */
    MR_ODD_CLOCK,      /* a source of time that was put aside, zones, leap jumps */
    MR_ODD_PLACE,      /* of channels */
    MR_ODD_VALUE,      /* packing, range, precision, runs without change */
    MR_ODD_NOT_FINITE, /* samples */
    MR_ODD_MASKED,
    MR_ODD_LEFT_OUT, /* datasets */
    MR_ODD_LATE,     /* files that came when lanes beside them were made */
    MR_ODD_FILLED,   /* samples that were NaN and that an operator took a value for */
    MR_ODD_N
} mr_odd_kind;
const char *mr_odd_name(mr_odd_kind k);

/** One row of the ledger. file: its row in the catalogue, or SIZE_MAX. */
typedef struct mr_odd {
    mr_odd_kind kind;
    size_t file, other; /* other: the recording it overlaps; SIZE_MAX if none */
    uint64_t count;     /* how many (samples, stamps, ...); 0: not counted */
    int64_t t0_ns, t1_ns;
    uint64_t skip; /* overlap, duplicate: samples of `file` that `other` already has */
    int8_t equal;  /* overlap: 1 equal, 0 different, -1 not compared */
    char note[MR_NOTE_MAX];
} mr_odd;

typedef struct mr_spans {
    mr_span *span;
    size_t n_spans, cap_spans;
    mr_leg *leg;
    size_t n_legs, cap_legs;
    int64_t **stamp; /* [n_legs] times of its rows, where irregular; NULL: there are none, or they
                        were not asked for */
    mr_odd *odd;
    size_t n_odd, cap_odd;
    uint32_t *odd_by_t0; /* [n_found] rows of the ledger in order of start */
    int64_t *odd_latest; /* [n_found] latest end of those up to here */
    size_t n_found;      /* rows that mr_spans_build found; later ones are behind them */
} mr_spans;

/** Numbers of rows of the ledger. Zero-initialise; free v. */
typedef struct mr_odd_list {
    uint32_t *v;
    size_t n, cap;
} mr_odd_list;

/** Lay the catalogue's recordings end to end, group by group. Deterministic, whatever the files'
 *  order. join: how far apart in samples they may lie and still be one span. */
mr_status mr_spans_build(const mr_catalog *c, double join, const uint8_t *barred, mr_spans *out);
void mr_spans_fini(mr_spans *s);
mr_status mr_spans_note(mr_spans *s, const mr_odd *row);
/** The rows that mr_spans_build found and that touch [t0, t1], in the order of the ledger. */
mr_status mr_spans_odds_in(const mr_spans *s, int64_t t0_ns, int64_t t1_ns, mr_odd_list *out);

/* --- irregular rows (plan/uneven.c) --- */

/** Rows further apart than so many of the usual steps have nothing between them. */
#define MR_UNEVEN_HOLE 10
struct mr_config;
/** Ask for the times of all irregular rows. */
mr_status mr_spans_stamps(mr_spans *s, const mr_catalog *c, const struct mr_config *cfg);
/** From here on indices of the group's spans of irregular rows number samples of a grid of grid_hz,
 *  from the first row's time to the last's. */
void mr_spans_to_grid(mr_spans *s, uint32_t group, double grid_hz);
/** The first grid index whose time is not before t. */
int64_t mr_grid_from(int64_t t_ns, double rate_hz);
/** The row of leg i that index k of its span stands for: the last at or before its time. */
uint32_t mr_span_row(const mr_spans *s, const mr_span *sp, size_t i, int64_t k);
/** The rows of leg i later than the time of grid index a - 1, up to that of b - 1: those of
 *  consecutive ranges follow one another, and the leg's first and last count to its ends. */
mr_slab mr_span_rows(const mr_spans *s, const mr_span *sp, size_t i, mr_slab grid);

/** Time of the span's sample at position num/den (grid index): through the files' own start stamps.
 */
int64_t mr_span_time(const mr_spans *s, const mr_span *sp, int64_t num, int64_t den);
/** The other way: the sample at or before time t, and the part of a step from it to t. */
void mr_span_place(const mr_spans *s, const mr_span *sp, int64_t t_ns, int64_t *n, double *frac);
/** How many samples its stamps are off the times of their indices at rate_hz at most, and in which
 * leg. */
double mr_span_off(const mr_spans *s, const mr_span *sp, double rate_hz, size_t *leg);
/** Does the stamp of the leg behind leg i change the times in leg i? */
bool mr_span_bends(const mr_spans *s, const mr_span *sp, size_t i);
/** The legs that hold samples [k0, k1) of the span: index of the first, and how many. */
void mr_span_legs(const mr_spans *s, const mr_span *sp, int64_t k0, int64_t k1, size_t *first,
                  size_t *n);
#endif
