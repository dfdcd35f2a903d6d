/* par/map.h: a function over 0..n-1, shared out over ranks and threads: whoever is free takes the
 * next. For work whose pieces differ, such as looking into a hundred thousand files. */
#ifndef MR_MAP_H
#define MR_MAP_H
#include "base/text.h"
#include "par/par.h"

/** The work on piece i: append its result's bytes to *out. Threads of a crew call it at the same
 *  time. A failure ends the map on all ranks. */
typedef mr_status (*mr_map_fn)(void *arg, uint64_t i, mr_text *out);
/** May be NULL. Called on the calling thread as results of this rank's pieces complete, in any
 * order; a status other than MR_OK (MR_STOPPED, say) ends the map on all ranks. */
typedef mr_status (*mr_map_each)(void *arg, uint64_t i, const char *bytes, size_t n);

/** All results in the order of i: bytes of i are bytes[offs[i]] to bytes[offs[i + 1]]. */
typedef struct mr_mapped {
    char *bytes;
    size_t *offs; /* [n + 1] */
} mr_mapped;

/** Collective, main thread. Runs fn for every i in [0, n) once, `threads` at a time on each rank.
 *  Status and trail are agreed: those of the lowest rank that failed; pieces that have not begun
 * then are dropped everywhere.
 *  @param out [give] the same on all ranks, whoever did which; untouched on failure */
mr_status mr_map_ranks(mr_comm *c, uint64_t n, int threads, mr_map_fn fn, mr_map_each each,
                       void *arg, mr_mapped *out);
void mr_mapped_fini(mr_mapped *m);
#endif
