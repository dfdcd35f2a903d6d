/* run/piece/fold.h: the last step of a chain that ends in a reducer: tiles of items into rows, and
 * the sources that all tiles need. For compute.c. */
#ifndef MR_RUN_FOLD_H
#define MR_RUN_FOLD_H
#include "run/piece/piece.h"

/** A tile of the last step. */
typedef struct mr_fold_tile {
    const mr_step *step;
    size_t tile;      /* its number */
    mr_slab c;        /* its channels */
    const mr_view *x; /* the reducer's input; NULL: raw samples are it */
    const mr_room *room;
    const double *shared; /* of the sources */
} mr_fold_tile;
/** Take in a tile's items and store the rows that are complete. Any thread of the team. */
mr_status mr_fold_run(const mr_block *w, const mr_fold_tile *t);
/** Prepare what the sources come to, for mr_fold_run: by all of the team. block: [in] of the step;
 * NULL: raw samples are it. shared: what is made. */
mr_status mr_fold_sources(const mr_block *w, const mr_step *s, const double *block,
                          double **shared);

/** The item marks of some channels: where these come from. */
typedef struct mr_marking {
    mr_slab items;
    size_t n;     /* channels */
    uint8_t *bad; /* [items][n]; NULL: nothing bad so far */
    const mr_block *w;
    mr_slab head, tail; /* of the span: no values there, by definition */
    int64_t c0;         /* while spoilt ranges are looked at: see mr_mark_spoils */
    size_t first;
} mr_marking;
mr_marking mr_marking_of(const mr_block *w, mr_slab items, size_t n);
/** Items that samples spoil, of `width` channels at the reducer's input from c0 on, which the
 *  marking has from its number `first` on. own: as for mr_spoils_reaching. */
mr_status mr_mark_spoils(mr_marking *k, const mr_spoils *own, int64_t c0, size_t first,
                         size_t width);
/** And at the span's ends by definition. */
mr_status mr_mark_ends(mr_marking *k);
#endif
