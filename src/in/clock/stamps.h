/* in/clock/stamps.h: inside in/clock: a vector of stamps, read. */
#ifndef MR_IN_CLOCK_STAMPS_H
#define MR_IN_CLOCK_STAMPS_H
#include "in/clock/clock.h"
#include "in/clock/line.h"
#include "in/hdf5/h5.h"

typedef struct mr_stamp_lines {
    mr_line line;    /* ns since base */
    int64_t base_ns; /* time of the first stamp */
    double res_ns;   /* what they are good to by how they are stored */
    bool single;     /* stored in single precision */
} mr_stamp_lines;
/** All stamps of n rows, stored as kind says. MR_EINPUT when they cannot be read. Fini the line. */
mr_status mr_stamps_read(const mr_h5 *h, const mr_stamps *s, mr_number kind, uint64_t n,
                         mr_stamp_lines *out);
/** Each of them, ns since 1970. MR_EINPUT when one cannot be read. [give] t[n]. */
mr_status mr_stamps_all(const mr_h5 *h, const mr_stamps *s, mr_number kind, uint64_t n,
                        int64_t **t);
#endif
