/* out/lane/layout.h: the HDF5 objects of a lane file, apart from its samples. Internal to out/. */
#ifndef MR_OUT_LANE_LAYOUT_H
#define MR_OUT_LANE_LAYOUT_H
#include "out/product/kinds.h"
#include "out/h5w.h"
#include "out/output.h"

#define MR_CF_TIME_UNITS "nanoseconds since 1970-01-01"
#define MR_CF_CALENDAR "proleptic_gregorian"

/** Lay out everything in an open file. offset: where the contiguous rows begin in the file (0 when
 * deflated; then the dataset is chunked and stays empty); counts_at: where their counts do (0:
 * there are none). Failures stay in w. */
void mr_lane_layout(mr_h5w *w, const mr_lane_spec *spec, uint64_t *offset, uint64_t *counts_at);
#define MR_LANE_RANK (2 + MR_MAX_AXES) /* dimensions of a lane's array, at most */
/** Is this lane deflated? Sums are not: they are read back to be merged. */
static inline bool mr_lane_deflated(const mr_lane_spec *s)
{
    return s->deflate && mr_product_of(&s->shape)->packs;
}
/** Name of the values' dataset: the quantity, or "data" where that is no name for a variable or is
 * that of another one. */
const char *mr_array_name(const char *quantity, const mr_row_shape *shape);
/** The same in a lane: what holds sums of a quantity is named so, in buf. */
#define MR_SUMS_SUFFIX "_sum"
const char *mr_lane_array_name(const char *quantity, const mr_row_shape *shape, char buf[128]);
/** Chunk extents of a deflated lane: about 1 MiB, never above the dataset's own. */
void mr_lane_chunk(const mr_lane_spec *spec, hsize_t chunk[MR_LANE_RANK]);

/** The part that makes a lane file a DASDAE v1 file: /waveforms/NAME with `array` as its data. */
void mr_lane_dasdae(mr_h5w *w, const mr_lane_spec *spec, hid_t array);
/** The part that makes it an xdas file: tie points of time. */
void mr_lane_xdas(mr_h5w *w, const mr_lane_spec *spec, hid_t array);

/* how an axis and its values are best looked at: of the axis "along" or "choice"; "log" or "linear"
 * of an axis along, "decibel" of powers; and the kind of product, of the file */
#define MR_AXIS_ROLE "role"
#define MR_AXIS_SCALE "scale"
#define MR_PRODUCT "product"

/* what lane files and the master share; dimid is the dimension's number in the file */

/** Attributes of a coordinate `time`. */
void mr_cf_time(mr_h5w *w, hid_t time, int32_t dimid);
/** A coordinate `distance`. Close with mr_h5w_done. */
hid_t mr_cf_distance(mr_h5w *w, hid_t at, const double *distance_m, uint64_t nc, int32_t dimid);
/** A coordinate along an axis of a row. Close with mr_h5w_done. */
hid_t mr_cf_axis(mr_h5w *w, hid_t at, const mr_axis *axis, int32_t dimid);
/** The dimensions of an array: time, axes, distance. */
typedef struct mr_cf_dims {
    int rank;
    hsize_t n[MR_LANE_RANK];
    hid_t scale[MR_LANE_RANK];
    int32_t id[MR_LANE_RANK];
} mr_cf_dims;
/** Attributes of an array over all dimensions, and the dimensions attached. */
void mr_cf_array(mr_h5w *w, hid_t array, const char *quantity, const char *unit,
                 const mr_row_shape *s, const mr_cf_dims *d);
/** What kind of product a file or a part of it holds; nothing for samples. */
void mr_cf_product(mr_h5w *w, hid_t at, const mr_row_shape *s);
/** The dimensions of its counts: without the axes that they are not told apart along. */
mr_cf_dims mr_cf_count_dims(const mr_cf_dims *d, const mr_row_shape *s);
void mr_cf_counts(mr_h5w *w, hid_t counts, const mr_cf_dims *d);
#endif
