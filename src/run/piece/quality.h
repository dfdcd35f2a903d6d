/* run/piece/quality.h: what only samples show: what is not finite, does not change, or was masked.
 * Every sample of a lane's own rows is looked at once, where a tile was loaded and is in cache;
 * what is found of a lane stands in its file, and the ledger is made of that, so that it is the
 * same whoever computed what, and when. */
#ifndef MR_QUALITY_H
#define MR_QUALITY_H
#include "in/input.h"
#include "out/output.h"
#include "plan/plan.h"

/** Without change for this long, and so many samples, is told. */
#define MR_STILL_S 1.0
#define MR_STILL_ROWS 100

typedef enum mr_flaw_kind {
    MR_FLAW_NOT_FINITE,
    MR_FLAW_MASKED,
    MR_FLAW_STILL,  /* long enough without change */
    MR_FLAW_EDGE,   /* without change up to the end of the lane's rows: more may lie beyond */
    MR_FLAW_COARSE, /* float32 leaves its signal too few bits */
    MR_FLAW_BEYOND, /* too large for float32 */
    MR_FLAW_TAKEN,  /* NaN, and an operator has taken a value for it */
    MR_FLAW_N
} mr_flaw_kind;

/** Samples of one channel (of the lane) or, once collected, of several. */
typedef struct mr_flaw {
    uint8_t kind;    /* mr_flaw_kind */
    uint32_t c0, c1; /* channels, numbered within the selection */
    mr_slab raw;     /* raw grid indices */
    uint64_t count;  /* samples */
    double value;    /* STILL, EDGE: that does not change; COARSE, BEYOND: the largest; TAKEN: the
                        operator's number in the chain */
} mr_flaw;
typedef struct mr_flaws {
    mr_flaw *v;
    size_t n, cap;
} mr_flaws;

/** What a tile knows. Zero-initialise; one thread at a time. */
typedef struct mr_quality {
    bool begun[MR_TILE];
    int64_t next[MR_TILE];  /* rows before it were looked at */
    int64_t since[MR_TILE]; /* first row of what has not changed since */
    double last[MR_TILE];   /* value of row next - 1 */
    size_t width;           /* channels so far */
    int64_t oldest;         /* no since[] of these is before it */
    double lo[MR_TILE],
        hi[MR_TILE];      /* of some of the samples, where types hold more than float32 */
    bool coarse[MR_TILE]; /* float32 changes some of these */
    mr_flaws flaws;
} mr_quality;

/** The same of all channels of a tile, whatever their number. Zero-initialise but own. */
typedef struct mr_tile_quality {
    mr_slab own;   /* channels, numbered within the selection: each is one tile's of one lane */
    mr_quality *v; /* [n] of MR_TILE channels each */
    size_t n;
} mr_tile_quality;
void mr_quality_fini(mr_tile_quality *q);

/** How samples are looked at: constants of a lane. */
typedef struct mr_look {
    mr_slab own;   /* its own rows: each of the span is one lane's */
    mr_slab ch;    /* its own channels, likewise */
    int64_t still; /* rows without change that are told */
    int64_t mask;  /* that are masked, 0: none are */
    double above;  /* larger magnitudes are masked; INFINITY: none are */
    bool wide;     /* samples hold more than float32 does */
} mr_look;
mr_look mr_look_of(const mr_plan *p, const mr_lane *l);

/** Was this sample never read? */
typedef bool (*mr_unread_fn)(const void *arg, int64_t row, uint64_t c);
/** Look at rows [raw] of channels c0, c0 + 1, ... of the selection. bad: some may not be finite.
 *  unread: NULL: all were read. */
mr_status mr_quality_look(mr_tile_quality *q, const mr_look *k, mr_slab raw, uint64_t c0,
                          const mr_view *x, bool bad, mr_unread_fn unread, const void *arg);
/** The first row of channel c (of the selection) that was not looked at so far. */
int64_t mr_quality_next(const mr_tile_quality *q, uint64_t c);
/** What else is wrong with some samples. */
mr_status mr_quality_note(mr_tile_quality *q, const mr_flaw *f);
/** The lane's rows are over: what is left open is closed. */
mr_status mr_quality_end(mr_tile_quality *q, const mr_look *k);

/** Those of all tiles, neighbours joined, in a fixed order. */
mr_status mr_flaws_collect(const mr_tile_quality *q, size_t n_tiles, mr_flaws *out);
/** As lines for the lane's file, and back; what cannot be read is left out. */
mr_status mr_flaws_print(const mr_flaws *f, mr_text *lines);
mr_status mr_flaws_parse(const char *lines, mr_flaws *out);
mr_status mr_flaws_add(mr_flaws *l, const mr_flaw *row);
#endif
