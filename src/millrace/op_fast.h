/* millrace/op_fast.h: how an operator may be fed, for speed alone: rows that are loaded just before
 * they are used stay in cache. Used by those that say .streams, .once or .by_rows; all others are
 * given their whole input. */
#ifndef MR_OP_FAST_H
#define MR_OP_FAST_H
#include "millrace/grid.h"

/** Input that is filled as it is read: before rows [0, n) of x are read, pull(arg, n) must have
 * been called. Loading a row just before its first use keeps it in cache. */
typedef struct mr_feed {
    void (*pull)(void *arg, size_t n);
    /** For operators with .once: the next n rows, stride as in x, at a place that holds until the
     *  next call: what is read once needs no place of its own. */
    const double *(*next)(void *arg, size_t n);
    /** Was one of the rows so far not finite? Then what comes of this piece is thrown away, and all
     * that is carried to the next one but `state` has to be left as it was. */
    bool (*spoilt)(void *arg);
    void *arg;
} mr_feed;

/** Rows that are loaded when they are asked for, into a place of the asker's: of long items, of
 * which a cache holds only some channels. */
typedef struct mr_rows {
    void *arg;
    /** Rows [at.a, at.b) of channels [c, c + n) of the tile -> to[rows][8]; n <= 8. */
    void (*load)(void *arg, mr_slab at, size_t c, size_t n, double *to);
    /** After all of item k was loaded: bit i is set where channel c + i is good. */
    unsigned (*good)(void *arg, int64_t k, size_t c, size_t n);
} mr_rows;
#endif
