/* run/mill/open.h: inside run/mill: what read.c and even.c share. */
#ifndef MR_OPEN_H
#define MR_OPEN_H
#include "run/mill/inside.h"

/** The file a reader has open. */
typedef struct mr_open_input {
    uint32_t file;
    bool any;
    mr_raw *raw;
    mr_chunk *chunks;
} mr_open_input;
/** Row `file` of the catalogue, if it is not open already. MR_EINPUT: it cannot be had. */
mr_status mr_read_open(const mr_mill *m, uint32_t file, mr_open_input *f);
void mr_close_input(mr_open_input *f);
/** Channels of a lane as they are buffered. */
mr_chsel mr_read_channels(const mr_mill *m, const mr_lane *l);

/** Add what was read to the digest of the lane's share of a leg of the plan. */
void mr_read_note(mr_mill *m, mr_job *j, size_t leg, bool failed, const mr_rows_sum *sum);
#endif
