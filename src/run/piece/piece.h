/* run/piece/piece.h: what a thread of the team does with a piece of a block: tiles loaded and
 * stored, what is NaN and whom it reaches, picks. For run/mill/. */
#ifndef MR_PIECE_H
#define MR_PIECE_H
#include <stdatomic.h>
#include "run/mill/inside.h"

/* --- run/piece/picks.c: chains that give a table */
/** A place for the picks of each tile. */
mr_status mr_picks_begin(const mr_plan *p, mr_job *j);
/** Take over what the tiles found in a block that ends before sample `done`, and hand on what is
 * known. Main thread. */
mr_status mr_picks_hand_over(const mr_plan *p, mr_job *j, int64_t done, mr_out_block *b);
/** A block's picks into the rows of its lane. Writer thread. */
mr_status mr_picks_spool(const mr_plan *p, const char *folder, mr_out_block *b);
void mr_job_picks_free(mr_job *j);

/* --- run/piece/spoils.c: what is not finite, and whom it reaches */
/** Calls f for each spoilt range that reaches channels `at` of the input of operator n_ops, or of
 * the output: the channels, and the samples there. own: of the tile in hand, where it was loaded in
 * this very step; NULL: all that the block's tiles have. */
typedef mr_status (*mr_spoil_fn)(void *arg, mr_slab ch, mr_slab bad);
mr_status mr_spoils_reaching(const mr_block *w, size_t n_ops, mr_slab at, const mr_spoils *own,
                             mr_spoil_fn f, void *arg);

/* --- run/piece/marks.c: operators that are told what is NaN. Main thread. */
/** What of operator op's input `all` is NaN, by runs that reach it; m->d is [give], NULL: none. */
mr_status mr_marks_of(const mr_block *w, size_t op, mr_extent all, mr_marks *m);
/** What it decides of its output's samples `out`: kept as runs, and noted for the ledger. Nothing
 * where in->d is NULL. */
mr_status mr_marks_decide(const mr_block *w, size_t op, mr_extent out, mr_marks *in);

/* --- run/piece/tile.c: raw intakes <-> float64 tiles
 * ------------------------------------------------------- */
/** Load channels [c0, c0 + x->nc) of the array over the raw range into x, bridge what is not finite
 * and add what it spoils to `spoils`. Any thread of the team. */
mr_status mr_tile_load(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x,
                       mr_spoils *spoils);
/* run/piece/load.c */
/** Rows [r) of an intake from channel c0 of the array on, x->nc of them, to dst, x->stride apart.
 *  True if something is not finite. */
bool mr_load_rows(const mr_plan *p, const mr_lane *l, const mr_intake *s, mr_slab r, uint64_t c0,
                  double *dst, const mr_view *x);
/** Load them as they are stored, with NaN where they could not be read. True if something is not
 *  finite. */
bool mr_tile_raw(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x);
/** Was this sample never read? arg: a mr_tile_feed. */
bool mr_tile_unread(const void *arg, int64_t row, uint64_t c);
/* run/piece/mask.c */
/** Make NaN of what input.mask masks in rows [raw) of at most MR_TILE channels, all in x; *any: one
 *  was. q, NULL: not counted, gets those of its own rows from from[nc] on. */
mr_status mr_mask(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, const mr_view *x,
                  mr_tile_quality *q, const int64_t *from, bool *any);
/** The same little by little: rows are loaded when the chain pulls them. bad is set when one is not
 *  finite: then what was computed is void and mr_tile_load has to be used. */
typedef struct mr_tile_feed {
    const mr_mill *m;
    const mr_job *j;
    mr_slab raw;
    uint64_t c0;
    mr_view *x;
    size_t have, intake; /* rows loaded; intake that holds the next */
    bool bad;
    size_t tile;
    mr_status st; /* the first failure */
} mr_tile_feed;
void mr_tile_pull(void *feed, size_t n);
const double *mr_tile_next(void *feed, size_t n);
bool mr_tile_spoilt(void *feed);
/** May this tile be fed? Not where samples are known to be missing. */
bool mr_tile_clean(const mr_job *j, mr_slab raw, const mr_spoils *spoils);
/** Note what of y, the output's indices or items from `out` on of channels c.., is too large for
 * float32. */
mr_status mr_tile_beyond(const mr_block *w, int64_t out, int64_t c, size_t tile, const mr_view *y);
/** Store a tile's output rows y, of extent `out`, as the lane's type in the output block, with NaN
 * where spoiled. own: as for mr_spoils_reaching. */
mr_status mr_tile_store(const mr_block *w, mr_extent out, size_t tile, const mr_view *y,
                        const mr_spoils *own);
/** The same for all channels of some rows that steps by slice give. *beyond: becomes true where a
 * number became infinite, which is not noted. Any threads, each its own rows. */
mr_status mr_slice_store(const mr_block *w, mr_extent out, const mr_view *y, atomic_bool *beyond);
#endif
