/* out/product/part.h: the lanes of one rate and layout, and what their files say of them all: for
 * master.h5 and result.h5. Internal to out/. */
#ifndef MR_OUT_PRODUCT_PART_H
#define MR_OUT_PRODUCT_PART_H
#include "out/h5w.h"
#include "out/output.h"

/** The lanes of one part, sorted, and what the first lane file says of them all. */
typedef struct mr_lane_part {
    const mr_lane_entry *const *v;
    size_t n;
    uint64_t rows, c0, c1;
    double *distance; /* [c1 - c0] */
    double gauge_m, dx_m;
    char *title, *chain;
} mr_lane_part;

void mr_part_fini(mr_lane_part *p);
/** Does lane i begin a new stretch of time, or is it another strip of the one before? */
bool mr_part_begins(const mr_lane_part *p, size_t i);
/** Rows and channel range of the part; strips of one stretch must be equally long and apart. */
mr_status mr_part_measure(mr_lane_part *p);
/** Distances from as few lane files as name every channel once, and the words of the first. */
mr_status mr_part_learn(mr_lane_part *p, const char *folder);
#endif
