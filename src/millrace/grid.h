/* millrace/grid.h: the geometry of a signal, sample indices on the UTC grid, the view of a tile.
 *
 * A signal has one sample for every index n of its grid; a sample at time t has n = round(t *
 * rate). Inside a span indices are consecutive, so a range [a, b) of indices names samples exactly.
 */
#ifndef MR_GRID_H
#define MR_GRID_H
#include "millrace/base.h"

/** Half-open range of indices. Empty when b <= a. */
typedef struct mr_slab {
    int64_t a, b;
} mr_slab;

/** Samples of some adjacent channels, row-major [nt][nc], rows `stride` doubles apart. [borrow] */
typedef struct mr_view {
    double *d;
    size_t nt, nc, stride;
} mr_view;
static inline double *mr_at(const mr_view *v, size_t t, size_t c)
{
    return v->d + t * v->stride + c;
}

/** An axis between time and channels: what a row of a product has several values along. Plain data,
 *  [borrow] from what made it. All that writers and readers know of an axis stands here and, as
 *  attributes, in the files: a new one touches none of them. */
typedef struct mr_axis {
    const char *name; /* frequency, lag, source, statistic */
    const char *unit; /* "Hz", "s", "1" */
    const char *doc;  /* in words */
    size_t n;
    const double *v;          /* [n]; NULL: named, not numbered */
    const char *const *label; /* [n] names then */
    bool choice; /* its places stand side by side (sources): a picture shows one. Else it shows all,
                    along the axis */
    bool log;    /* is best seen on a logarithmic scale */
} mr_axis;
#define MR_MAX_AXES 2

/** A table: rows of named columns, as they lie in memory and in files (little endian). */
typedef enum mr_column_type { MR_COL_I64, MR_COL_I32, MR_COL_F64 } mr_column_type;
typedef struct mr_column {
    const char *name, *unit; /* "" none */
    mr_column_type type;
    size_t offset;
} mr_column;
typedef struct mr_table {
    const char *name, *doc; /* of its dataset */
    size_t size;            /* bytes of a row */
    const mr_column *column;
    size_t n;
} mr_table;

/** The smallest and the largest value that a type of integers holds; 0, 0: no such type. */
typedef struct mr_limits {
    double lowest, highest;
} mr_limits;

/** What a signal is, at some place of the chain. Plain data: strings are [borrow] constants or live
 *  as long as what made the geometry. */
typedef struct mr_geom {
    double rate_hz;       /* nominal */
    size_t nc;            /* channels of the whole block (not of a tile) */
    double dx_m;          /* channel spacing, 0 if unknown */
    double gauge_m;       /* gauge length, 0 if unknown */
    const char *quantity; /* CF-like name: strain_rate, strain, velocity, phase, counts, data */
    const char *unit;     /* unit of the samples as they are here: "counts", "strain s-1", ... */
    double to_native;     /* stored count x this = native_unit; 0 if unknown */
    const char *native_unit;
    const char *native_quantity;
    double to_strain_rate; /* stored count x this = strain s-1; 0 if unknown */
    double to_strain;      /* stored count x this = strain; 0 if unknown */
    mr_limits limits;      /* of the samples as they were stored */
    const uint64_t *chan;  /* [nc] the channels' numbers in the input; NULL: 0, 1, ... */
    const double *x_m;     /* [nc] where they are along the fibre; NULL: unknown */
    size_t n_axes;         /* 0: samples [time][channel]; else [time][axis 0]...[channel] */
    mr_axis axis[MR_MAX_AXES];
    bool power; /* the values are powers: best seen in decibels */
    bool
        uneven; /* its samples are at no even times, rate_hz is their mean: only operators that look
                    at one time alone take it; one that makes them even clears it */
} mr_geom;

/** Values per channel in one row: the product of the axes' lengths, 1 for samples. */
size_t mr_geom_depth(const mr_geom *g);

/** round(t * rate) for a time in ns: the index on the UTC grid. */
int64_t mr_index_at(int64_t t_ns, double rate_hz);
/** First index whose time n / rate is >= t; within 1e-4 of a sample counts as on it. */
int64_t mr_index_ceil(int64_t t_ns, double rate_hz);
/** Nominal time of index num / den in ns. */
int64_t mr_index_ns(int64_t num, int64_t den, double rate_hz);
/** Floor and ceil of a / b for b > 0, any sign of a. */
int64_t mr_div_floor(int64_t a, int64_t b);
int64_t mr_div_ceil(int64_t a, int64_t b);
/** Greatest common divisor, >= 0. */
int64_t mr_gcd(int64_t a, int64_t b);
#endif
