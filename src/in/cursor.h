/* in/cursor.h: numbers and texts of a file in turn, for layouts that read bytes. */
#ifndef MR_IN_CURSOR_H
#define MR_IN_CURSOR_H
#include "in/infile.h"

#define MR_CURSOR_WINDOW ((size_t)1 << 16)

/** Reads through a window of the file that moves along. Set `at` and `big` at any time. Once a read
 *  goes beyond the file, or the system refuses, `over` is set and all that is read is 0: a layout
 *  looks at it where it matters, not at every number. */
typedef struct mr_cursor {
    const mr_infile *in; /* [borrow] */
    uint64_t at;         /* byte that is read next */
    bool big;            /* numbers have their highest byte first */
    bool over;
    uint8_t *window; /* [MR_CURSOR_WINDOW] */
    uint64_t from;   /* where it lies in the file, and how much of it is filled */
    size_t n;
} mr_cursor;
mr_status mr_cursor_init(mr_cursor *c, const mr_infile *in);
void mr_cursor_fini(mr_cursor *c);

/** The next n <= MR_CURSOR_WINDOW bytes; they hold until the next call. */
const uint8_t *mr_cursor_take(mr_cursor *c, size_t n);
/** The next number of n <= 8 bytes, without sign. */
uint64_t mr_cursor_uint(mr_cursor *c, unsigned n);
/** The next n bytes as text: the first size - 1 of them in to, which may hold a NUL. Gives a digest
 *  of all n. */
uint64_t mr_cursor_text(mr_cursor *c, size_t n, char *to, size_t size);
#endif
