/* in/layout.h: the contract of a vendor layout: one row of the table in layout.c. Workers only. */
#ifndef MR_IN_LAYOUT_H
#define MR_IN_LAYOUT_H
#include "in/clock/clock.h"
#include "in/hdf5/h5.h"
#include "in/input.h"

/** Valid rows of a dataset with one clock: they become a recording. */
typedef struct mr_stretch {
    uint64_t row, nt; /* row: counted from the dataset's first valid row */
    int64_t t0_ns, t1_ns;
} mr_stretch;

/** What a layout found. read() fills what it can of info (dx_m, x0_m, gauge_m, quantity, unit,
 *  factors, assumed, odd) and the sources of time; clock and store are read afterwards.
 *  Zero-initialise but info; mr_find_fini. */
typedef struct mr_find {
    mr_file_info *info;
    const char *want; /* [borrow] one of the names that list() gave; NULL: the layout has none */
    char path[512];   /* of the samples */
    uint64_t dims[2]; /* stored extents of that dataset, in file order */
    bool time_first;
    uint64_t row0, nt; /* valid rows; nt 0 = all from row0 */
    mr_clock clock;
    bool have_t0;             /* t0_ns, t1_ns and rate_hz of info are known */
    double strain_per_sample; /* a count is this x rate strain a second; 0: a unit said it */
    double *x_m;              /* [channels] where they are; NULL: x0_m + i dx_m */
    mr_stretch *stretch;      /* [n_stretch]; none: one of all valid rows, by info */
    size_t n_stretch, cap_stretch;
} mr_find;
void mr_find_fini(mr_find *f);

typedef struct mr_layout {
    const char *name;  /* "prodml" */
    const char *title; /* "PRODML" */
    bool (*recognise)(const mr_h5 *h);
    mr_status (*read)(const mr_h5 *h, mr_find *f); /* NULL: known, not supported yet */
    /** Names of what a file may hold several of (groups of samples), at most max. [give] each
     *  v[i]. NULL: it is one dataset. */
    size_t (*list)(const mr_h5 *h, size_t max, char **v);
} mr_layout;

/** The first row that recognises the file, or NULL. */
const mr_layout *mr_layout_of(const mr_h5 *h);

/* recognise() and read() of the rows */
bool mr_is_jld2(const mr_h5 *h);
bool mr_is_ph5(const mr_h5 *h);
bool mr_is_dasdae(const mr_h5 *h);
bool mr_is_terra15(const mr_h5 *h);
bool mr_is_optodas(const mr_h5 *h);
bool mr_is_apsensing(const mr_h5 *h);
bool mr_is_prodml(const mr_h5 *h);
bool mr_is_uptech(const mr_h5 *h);
bool mr_is_gdr(const mr_h5 *h);
bool mr_is_porotomo(const mr_h5 *h);
bool mr_is_neubrex(const mr_h5 *h);
bool mr_is_silixa(const mr_h5 *h);
bool mr_is_febus_a1(const mr_h5 *h);
bool mr_is_febus_t1(const mr_h5 *h);
bool mr_is_febus_g1(const mr_h5 *h);
bool mr_is_neubrex_rfs(const mr_h5 *h);
bool mr_is_carina(const mr_h5 *h);
bool mr_is_odh4(const mr_h5 *h);
bool mr_is_odh3(const mr_h5 *h);
bool mr_is_hdas(const mr_h5 *h);
bool mr_is_ai4eps(const mr_h5 *h);
bool mr_is_nec(const mr_h5 *h);
bool mr_is_puniu(const mr_h5 *h);
bool mr_is_t8(const mr_h5 *h);
bool mr_is_jamstec(const mr_h5 *h);
bool mr_is_apsensing_old(const mr_h5 *h);
bool mr_is_xdas(const mr_h5 *h);
bool mr_is_bare(const mr_h5 *h);
size_t mr_list_dasdae(const mr_h5 *h, size_t max, char **v);
size_t mr_list_prodml(const mr_h5 *h, size_t max, char **v);
mr_status mr_read_dasdae(const mr_h5 *h, mr_find *f);
mr_status mr_read_terra15(const mr_h5 *h, mr_find *f);
mr_status mr_read_optodas(const mr_h5 *h, mr_find *f);
mr_status mr_read_apsensing(const mr_h5 *h, mr_find *f);
mr_status mr_read_prodml(const mr_h5 *h, mr_find *f);
mr_status mr_read_gdr(const mr_h5 *h, mr_find *f);
mr_status mr_read_silixa(const mr_h5 *h, mr_find *f);
mr_status mr_read_xdas(const mr_h5 *h, mr_find *f);
mr_status mr_read_bare(const mr_h5 *h, mr_find *f);

/* the user's word: input.map */
/** A dataset the map names (data: ...), with the map's facts only. */
mr_status mr_map_read(const mr_h5 *h, const mr_node *map, mr_find *f);
/** Single facts of the map over what a layout found. */
mr_status mr_map_apply(const mr_h5 *h, const mr_node *map, mr_find *f);

/* --- what several layouts need --- */

/** Note a contradiction ("clock: ...", as in mr_file_info), or an assumption; joined by "; ", cut
 *  at the end of the field. */
void mr_odd(mr_find *f, const char *fmt, ...) MR_PRINTF(2, 3);
void mr_assume(mr_find *f, const char *fmt, ...) MR_PRINTF(2, 3);
/** Set f->path and f->dims; MR_EINPUT if it is not a safe 2-D dataset. */
mr_status mr_find_data(const mr_h5 *h, mr_find *f, const char *path);
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
/** Metres of a unit of length; 0: not known. */
double mr_metres_per(const char *unit);
#endif
