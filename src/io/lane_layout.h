/* io/lane_layout.h: the HDF5 objects of a lane file, apart from its samples. Internal to io/. */
#ifndef MR_IO_LANE_LAYOUT_H
#define MR_IO_LANE_LAYOUT_H
#include "io/h5w.h"
#include "io/output.h"

#define MR_CF_TIME_UNITS "nanoseconds since 1970-01-01"
#define MR_CF_CALENDAR "proleptic_gregorian"

/** Lay out everything in an open file. offset: where the contiguous float32 [rows][nc] begins in
 * the file (0 when deflated; then the dataset is chunked and stays empty). Failures stay in w. */
void mr_lane_layout(mr_h5w *w, const mr_lane_spec *spec, uint64_t *offset);
/** Name of the samples' dataset: the quantity, or "data" where that is no name for a variable. */
const char *mr_array_name(const char *quantity);
/** Chunk extents of a deflated lane: about 1 MiB, never above the dataset's own. */
void mr_lane_chunk(const mr_lane_spec *spec, hsize_t chunk[2]);

/** The part that makes a lane file a DASDAE v1 file: /waveforms/NAME with `array` as its data. */
void mr_lane_dasdae(mr_h5w *w, const mr_lane_spec *spec, hid_t array);
/** The part that makes it an xdas file: tie points of time. */
void mr_lane_xdas(mr_h5w *w, const mr_lane_spec *spec, hid_t array);

/* what lane files and the master share; dimid is the dimension's number in the file */

/** Attributes of a coordinate `time`. */
void mr_cf_time(mr_h5w *w, hid_t time, int32_t dimid);
/** A coordinate `distance`. Close with mr_h5w_done. */
hid_t mr_cf_distance(mr_h5w *w, hid_t at, const double *distance_m, uint64_t nc, int32_t dimid);
/** Attributes of the samples [time][distance] and their dimensions. */
void mr_cf_array(mr_h5w *w, hid_t array, const char *quantity, const char *unit, hid_t time,
                 hid_t distance, int32_t first_dimid);
#endif
