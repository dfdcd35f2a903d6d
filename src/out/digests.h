/* out/digests.h: what a lane says of itself: the series it belongs to, and digests of the raw
 * samples that it was made from. */
#ifndef MR_OUT_DIGESTS_H
#define MR_OUT_DIGESTS_H
#include "base/text.h"
#include "in/input.h"
#include "out/output.h"

/** Sum of the digests of rows, each mixed with its number: it does not matter in what pieces and in
 *  what order they were read. Zero to begin with. */
typedef struct mr_rows_sum {
    uint64_t lo, hi;
} mr_rows_sum;
/** Rows first, first + 1, ... n of them, `stride` bytes apart. Any thread, its own s. */
void mr_rows_add(mr_rows_sum *s, const void *rows, uint64_t first, uint64_t n, size_t row_bytes,
                 size_t stride);
void mr_rows_merge(mr_rows_sum *s, const mr_rows_sum *more);

/** What was read of one input: valid rows [row, row + rows) of some channels. */
typedef struct mr_input_line {
    uint64_t row, rows;
    mr_chsel sel;
    mr_rows_sum sum;
    int64_t t0_ns;    /* of the first of these rows, as the lane has it */
    bool known;       /* false: it could not all be read */
    const char *name; /* [borrow] base name */
} mr_input_line;
mr_status mr_inputs_line(mr_text *t, const mr_input_line *l);
/** Take the next line of a text, which is changed; name points into it. False at the end or at a
 *  line that is not of ours. */
bool mr_inputs_next(char **text, mr_input_line *l);

/** What was lost of one input, so that the lane holds NaN for it. These lines come first. */
typedef struct mr_lost_line {
    int64_t t0_ns, t1_ns;
    bool again;              /* reading failed: another run may have more luck */
    const char *name, *note; /* [borrow] base name */
} mr_lost_line;
mr_status mr_lost_print(mr_text *t, const mr_lost_line *l);
/** The same as mr_inputs_next for these lines; false at the first of another kind. */
bool mr_lost_next(char **text, mr_lost_line *l);

/** Which lane a file is, by itself: whatever the archive may hold by now. */
typedef struct mr_lane_self {
    mr_series series;
    int64_t t0_ns, t1_ns;   /* as the index lists it */
    int64_t from_ns, to_ns; /* what it stands for: [from, to) */
    uint64_t rows;
    char stem[104]; /* name in the output folder, up to the number that may be behind it */
} mr_lane_self;
/** The first of the lines; rel: final name. self->stem is made of it. */
mr_status mr_lane_self_line(mr_text *t, const mr_lane_self *self, const char *rel);
/** Is `rel` a name that this lane may have? */
bool mr_lane_self_fits(const mr_lane_self *s, const char *rel);
/** The lines that a lane file carries. [give] lines (may be NULL); MR_EVERIFY when there are none.
 */
mr_status mr_inputs_read(const char *path, mr_lane_self *self, mr_text *lines);
#endif
