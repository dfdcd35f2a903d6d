/* in/layout.h: the contract of a vendor layout: one row of the table in layout.c. Workers only. */
#ifndef MR_IN_LAYOUT_H
#define MR_IN_LAYOUT_H
#include "in/clock/clock.h"
#include "in/input.h"
#include "in/infile.h"

/** Valid rows of a dataset with one clock: they become a recording. */
typedef struct mr_stretch {
    uint64_t row, nt; /* row: counted from the dataset's first valid row */
    int64_t t0_ns, t1_ns;
} mr_stretch;

/** What a layout found of one dataset. read() fills what it can of info (dx_m, x0_m, gauge_m,
 *  quantity, unit, factors, assumed, odd), the sources of time in clock, and the samples: either it
 *  names a dataset of the HDF5 (mr_find_data), whose type, chunks and place are read afterwards, or
 *  it says itself how they lie in the file (stored). Zero-initialise but info; mr_find_fini. */
typedef struct mr_find {
    mr_file_info *info;
    const char *want; /* [borrow] one of the names that list() gave; NULL: the layout has none */
    bool tables;      /* chunk tables are asked for */
    char path[512];   /* of the samples, as users are told it */
    uint64_t
        dims[2]; /* extents of that dataset, in file order. Of three axes, of which the second is
                         rows of the first: both times both, and info->store.pad, lead, keep */
    bool time_first;
    bool stored;       /* info->store is filled (all but row0), so is chunk where it is asked for */
    mr_chunk *chunk;   /* [store.n_chunks], taken from here; NULL: contiguous, or not asked for */
    uint64_t row0, nt; /* valid rows; nt 0 = all from row0 */
    mr_clock clock;
    bool have_t0;             /* t0_ns, t1_ns and rate_hz of info are known */
    double strain_per_sample; /* a count is this x rate strain a second; 0: a unit said it */
    double *x_m;              /* [channels] where they are; NULL: x0_m + i dx_m */
    int64_t *stamp_ns;        /* [valid rows] where info->uneven */
    mr_stretch *stretch;      /* [n_stretch]; none: one of all valid rows, by info */
    size_t n_stretch, cap_stretch;
} mr_find;
void mr_find_fini(mr_find *f);

/** One vendor's files. A file of layouts/ defines its row, as mr_layout_silixa, and MR_LAYOUT_LIST
 *  names it; nothing else knows of it. The functions look at the file, which may be hostile, and at
 *  nothing outside it; no state outlives a call. */
typedef struct mr_layout {
    const char *name;  /* "prodml" */
    const char *title; /* "PRODML" */
    bool hdf5;         /* its h5 is there for all its functions; else they read bytes */
    /** Is the file of this layout? Few reads: it is asked of every file that comes so far. */
    bool (*recognise)(const mr_infile *s);
    /** All that it says of the dataset f->want. MR_EINPUT with what cannot be used; a contradiction
     *  that need not stop anybody is mr_odd. NULL: known, not supported yet. */
    mr_status (*read)(const mr_infile *s, mr_find *f);
    /** Names of what a file may hold several of (groups of samples), at most max. [give] each
     *  v[i]. NULL: it is one dataset. */
    size_t (*list)(const mr_infile *s, size_t max, char **v);
} mr_layout;

/* In the order of recognition: those told by their first bytes, then HDF5, where what is surest
 * comes first. */
#define MR_LAYOUT_LIST(ROW)                                                                        \
    ROW(tdms)                                                                                      \
    ROW(jld2)                                                                                      \
    ROW(ph5)                                                                                       \
    ROW(dasdae)                                                                                    \
    ROW(terra15)                                                                                   \
    ROW(optodas)                                                                                   \
    ROW(apsensing)                                                                                 \
    ROW(prodml)                                                                                    \
    ROW(uptech)                                                                                    \
    ROW(gdr)                                                                                       \
    ROW(porotomo)                                                                                  \
    ROW(neubrex)                                                                                   \
    ROW(silixa)                                                                                    \
    ROW(febus)                                                                                     \
    ROW(febus_t1)                                                                                  \
    ROW(febus_g1)                                                                                  \
    ROW(neubrex_rfs)                                                                               \
    ROW(carina)                                                                                    \
    ROW(odh4)                                                                                      \
    ROW(odh3)                                                                                      \
    ROW(hdas)                                                                                      \
    ROW(ai4eps)                                                                                    \
    ROW(nec)                                                                                       \
    ROW(puniu)                                                                                     \
    ROW(t8)                                                                                        \
    ROW(jamstec)                                                                                   \
    ROW(apsensing_old)                                                                             \
    ROW(xdas)                                                                                      \
    ROW(bare)

#define MR_LAYOUT_DECLARE(name) extern const mr_layout mr_layout_##name;
MR_LAYOUT_LIST(MR_LAYOUT_DECLARE)
#undef MR_LAYOUT_DECLARE

/** The first row that recognises the file, NULL where none does. The file is opened as HDF5 when
 *  the first row that needs it is asked; MR_EINPUT where it is none. */
mr_status mr_layout_of(mr_infile *s, const mr_layout **out);

/* the user's word: input.map */
/** A dataset the map names (data: ...), with the map's facts only. */
mr_status mr_map_read(const mr_infile *s, const mr_node *map, mr_find *f);
/** The datasets that its `data` names where that is a pattern (/acq/ch*); none: it is a name. At
 *  most max; [give] each v[i]. */
size_t mr_map_list(const mr_h5 *h, const mr_node *map, size_t max, char **v);
/** Single facts of the map over what a layout found. */
mr_status mr_map_apply(const mr_infile *s, const mr_node *map, mr_find *f);

/* --- what several layouts need --- */

/** Note a contradiction ("clock: ...", as in mr_file_info), or an assumption; joined by "; ", cut
 *  at the end of the field. */
void mr_odd(mr_find *f, const char *fmt, ...) MR_PRINTF(2, 3);
void mr_assume(mr_find *f, const char *fmt, ...) MR_PRINTF(2, 3);
/** Set f->path and f->dims; MR_EINPUT if it is not a safe 2-D dataset. */
mr_status mr_find_data(const mr_h5 *h, mr_find *f, const char *path);
/** The same for a dataset of frames [frame][row][channel]: f->dims are all rows and the channels.
 *  info->store.pad is set, and keep to it; the layout sets lead and keep to what counts, and f->nt.
 */
mr_status mr_find_frames(const mr_h5 *h, mr_find *f, const char *path);
/** Rows of all channels that lie side by side in the file. */
typedef struct mr_batch {
    uint64_t offset, rows;
} mr_batch;
/** Set f->info->store, f->dims and, where it is asked for, f->chunk from batches v[n] that follow
 *  each other in time, each [rows][nc], or [nc][rows] without f->time_first. MR_EINPUT where there
 *  is none, or where they cannot be chunks: with several, all but the last have to be a multiple of
 *  some length, and are the same without f->time_first. */
mr_status mr_find_batches(mr_find *f, mr_dtype dt, uint64_t nc, const mr_batch *v, size_t n);
/** Quantity, units and factors from the text of a unit, one stored count being `scale` of it. An
 *  unknown or empty text leaves counts. Phase becomes strain with the usual constants (assumed). */
void mr_set_unit(mr_find *f, const char *unit, double scale);
/** Where the unit did not say what the samples are, a description may ("Strain rate"). */
void mr_set_quantity(mr_find *f, const char *description);
/** Seconds (as float64) to ns, rounded. False if not finite or beyond 2^62. */
bool mr_ns_of_s(double s, int64_t *ns);
/** "2023-09-22T18:29:26.158Z" from the first element of a text fact. */
bool mr_time_fact(const mr_h5 *h, const char *where, int64_t *ns);
/** Positions of the n channels by a dataset, in units of it (CF) or else in 1/per_m metres: kept as
 *  they are, with spacing and first position by them. */
void mr_set_positions(const mr_h5 *h, mr_find *f, const char *where, uint64_t n, double per_m);
/** The same by x_m[n] itself. [take] */
void mr_set_places(mr_find *f, double *x_m, uint64_t n);
/** Facts of a file by name, whatever they are kept in; false: not there, or no such thing. */
typedef struct mr_facts {
    const void *arg;
    bool (*number)(const void *arg, const char *name, double *v);
    bool (*time)(const void *arg, const char *name, int64_t *ns);
} mr_facts;
/** What Silixa's recorders say: time, place, unit of the samples. */
void mr_silixa_facts(const mr_facts *p, mr_find *f);
/** Metres of a unit of length; 0: not known. */
double mr_metres_per(const char *unit);
#endif
