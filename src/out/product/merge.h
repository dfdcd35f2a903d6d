/* out/product/merge.h: the sums of all lanes of a part become means at their places in result.h5, a
 * piece of the file at a time, pieces in any order and on any rank. Internal to out/. */
#ifndef MR_OUT_PRODUCT_MERGE_H
#define MR_OUT_PRODUCT_MERGE_H
#include "out/product/part.h"

/** Where a lane file keeps its sums and counts. */
typedef struct mr_sums_at {
    uint64_t sums, counts;
} mr_sums_at;

/** One part on its way into the file. */
typedef struct mr_merge {
    mr_lane_part part;
    mr_row_shape shape;
    size_t depth, counts, nc; /* values and counts a channel, channels */
    mr_sums_at *lane;         /* [part.n] */
    char **path;              /* [part.n] of the lane files */
    int64_t *count;           /* [counts][nc] over all lanes */
    uint64_t at;              /* of its array in the file */
    size_t *strip, n_strips;  /* the first lane of each strip of channels */
} mr_merge;

/** Memory that merging takes, up to 10 MB; for any parts, one after the other. */
typedef struct mr_merge_room mr_merge_room;
mr_status mr_merge_room_new(mr_merge_room **out);
void mr_merge_room_free(mr_merge_room *t);

/** Shape, paths and strips from the sorted lanes in m->part, which are set. */
mr_status mr_merge_init(mr_merge *m, const char *folder);
void mr_merge_fini(mr_merge *m);
/** Where the array ends in the file. */
uint64_t mr_merge_end(const mr_merge *m);
/** What of the array lies in those bytes of the file; none: a = b. */
mr_slab mr_merge_within(const mr_merge *m, mr_slab piece);
/** Those, if there are any, into an open file, and their digest behind *sum. Any thread, each with
 *  a room of its own. */
mr_status mr_merge_piece(const mr_merge *m, mr_slab piece, mr_merge_room *room, int fd,
                         const char *path, mr_digest *sum);
/** The digest of bytes that follow others. */
mr_digest mr_merge_digest(const mr_digest *before, const void *bytes, size_t n);
/** Exactly n bytes of the file of lane i. */
mr_status mr_merge_read(const mr_merge *m, size_t i, uint64_t at, size_t n, void *buf);
#endif
