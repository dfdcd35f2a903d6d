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
const char *mr_lane_array_name(const mr_lane_spec *spec);
/** Chunk extents of a deflated lane: about 1 MiB, never above the dataset's own. */
void mr_lane_chunk(const mr_lane_spec *spec, hsize_t chunk[2]);

/** The part that makes a lane file a DASDAE v1 file: /waveforms/NAME with `array` as its data. */
void mr_lane_dasdae(mr_h5w *w, const mr_lane_spec *spec, hid_t array);
/** The part that makes it an xdas file: tie points of time. */
void mr_lane_xdas(mr_h5w *w, const mr_lane_spec *spec, hid_t array);

/** A coordinate `time` as CF wants it; dims {rows}. Close with mr_h5w_done. */
hid_t mr_cf_time(mr_h5w *w, hid_t at, const int64_t *time_ns, uint64_t rows);
hid_t mr_cf_distance(mr_h5w *w, hid_t at, const double *distance_m, uint64_t nc);
#endif
