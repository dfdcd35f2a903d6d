/* out/h5w.h: laying out HDF5 objects with as little ceremony as they allow. A writer remembers its
 * first failure and does nothing after it, so that a layout reads as a list; the end asks once.
 * Everything is made so that equal calls give equal bytes: no object times, creation order tracked,
 * fixed versions. One thread at a time per process may be in here (libhdf5 is not thread-safe).
 * Internal to out/. */
#ifndef MR_OUT_H5W_H
#define MR_OUT_H5W_H
#include "base/base.h"
#include <hdf5.h>

typedef struct mr_h5w {
    hid_t file;       /* -1 when closed */
    hid_t driver;     /* of the open file */
    mr_status st;     /* the first failure; its message is in the trail */
    const char *path; /* [borrow] */
    int failed; /* errno of the first failed write; libhdf5 does not know of it. The writer must
                 * not move while the file is open */
} mr_h5w;

/** Once per process before anything else of libhdf5: no exit handler, no printing. Repeating is
 * fine. */
void mr_h5w_quiet(void);
/** Create a file that must not exist; after a failure there is none. virtual_sets: allow what
 * virtual datasets need. */
void mr_h5w_create(mr_h5w *w, const char *path, bool virtual_sets);
/** Close everything; gives the first failure of all calls. */
mr_status mr_h5w_close(mr_h5w *w);
/** The state so far, a failed write included. */
mr_status mr_h5w_check(mr_h5w *w);
/** Remember a failure of a call made directly: what was being done. */
void mr_h5w_fail(mr_h5w *w, const char *what);

/** libhdf5's own words for its last failure. */
void mr_h5w_why(char why[160]);
/** Open a file of ours for reading, or -1 with a raised MR_EOUTPUT. Close with H5Fclose. */
hid_t mr_h5w_open(const char *path);

/** How a dataset is stored. Zero: contiguous, allocated early, never filled. */
typedef struct mr_h5w_how {
    bool usual;           /* libhdf5's own defaults: no values, or text */
    const hsize_t *chunk; /* chunked with shuffle + deflate 4; NULL = contiguous */
    const double *fill;   /* fill value of a float64 dataset; NULL = none */
    hid_t dcpl;           /* > 0: take these properties instead (virtual) */
} mr_h5w_how;
hid_t mr_h5w_group(mr_h5w *w, hid_t at, const char *name);
/** data NULL: nothing is written. Close with mr_h5w_done. */
hid_t mr_h5w_dataset(mr_h5w *w, hid_t at, const char *name, hid_t file_type, hid_t mem_type,
                     int rank, const hsize_t *dims, const void *data, const mr_h5w_how *how);
/** A second name for an object: a hard link. */
void mr_h5w_link(mr_h5w *w, hid_t obj, hid_t at, const char *name);
/** Close a group or dataset. */
void mr_h5w_done(mr_h5w *w, hid_t obj);

/* attributes: variable-length UTF-8; fixed-length UTF-8 (empty text = null dataspace, as PyTables)
 */
void mr_h5w_text(mr_h5w *w, hid_t obj, const char *name, const char *text);
void mr_h5w_fixed(mr_h5w *w, hid_t obj, const char *name, const char *text);
void mr_h5w_ascii(mr_h5w *w, hid_t obj, const char *name, const char *text); /* fixed length */
void mr_h5w_f64(mr_h5w *w, hid_t obj, const char *name, double v);
void mr_h5w_i64(mr_h5w *w, hid_t obj, const char *name, int64_t v);
void mr_h5w_i8(mr_h5w *w, hid_t obj, const char *name, int8_t v);
/** n = 0: a scalar of v[0]. */
void mr_h5w_i32(mr_h5w *w, hid_t obj, const char *name, const int32_t *v, hsize_t n);

/** Make a dataset a netCDF-4 dimension with its own values. */
void mr_h5w_scale(mr_h5w *w, hid_t dset, const char *name, int32_t dimid);
/** A netCDF-4 dimension without values. Close with mr_h5w_done. */
hid_t mr_h5w_bare_dim(mr_h5w *w, hid_t at, const char *name, hsize_t n, int32_t dimid);
void mr_h5w_attach(mr_h5w *w, hid_t dset, hid_t scale, unsigned axis);
#endif
