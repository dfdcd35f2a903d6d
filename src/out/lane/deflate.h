/* out/lane/deflate.h: rows into shuffled, deflated chunks of a lane file. Internal to out/. */
#ifndef MR_OUT_LANE_DEFLATE_H
#define MR_OUT_LANE_DEFLATE_H
#include "out/h5w.h"
#include "out/output.h"

typedef struct mr_deflater mr_deflater;
/** For the laid-out, still open file of w [borrow], which must outlive it. */
mr_status mr_deflater_new(mr_h5w *w, const mr_lane_spec *spec, mr_deflater **out);
void mr_deflater_free(mr_deflater *d);
/** Rows in order, any number at a time; whole tiers of chunks are written as they fill. */
mr_status mr_deflater_append(mr_deflater *d, const void *rows, uint64_t nr);
/** The counts of rows [row, row + nr). */
mr_status mr_deflater_counts(mr_deflater *d, const int32_t *counts, uint64_t row, uint64_t nr);
/** Write the last, partly filled tier. */
mr_status mr_deflater_finish(mr_deflater *d);
/** Bytes of its buffers. */
size_t mr_deflater_bytes(const mr_lane_spec *spec);
#endif
