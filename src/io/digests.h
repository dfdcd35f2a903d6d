/* io/digests.h: digests of the raw samples that a lane was made from. */
#ifndef MR_IO_DIGESTS_H
#define MR_IO_DIGESTS_H
#include "base/text.h"
#include "io/input.h"

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
    bool known;       /* false: it could not all be read */
    const char *name; /* [borrow] base name */
} mr_input_line;
mr_status mr_inputs_line(mr_text *t, const mr_input_line *l);
/** Take the next line of a text, which is changed; name points into it. False at the end or at a
 *  line that is not of ours. */
bool mr_inputs_next(char **text, mr_input_line *l);
/** The lines that a lane file carries. [give] out; MR_EVERIFY when there are none. */
mr_status mr_inputs_read(const char *path, mr_text *out);
#endif
