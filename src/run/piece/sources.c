/* run/piece/sources.c: what all tiles of a reducer need of some channels: their columns go through
 * the operators before it, a few at a time, then each item is prepared; both by all of the team. */
#include <stdlib.h>
#include "run/piece/fold.h"

/** The sources of the block in hand. */
typedef struct preparing {
    const mr_block *w;
    const mr_step *s;
    const double *block; /* the step's input; NULL: raw samples are it */
    const mr_needs *d;
    mr_view columns; /* of all sources at the reducer's input; none where that is raw */
    double *shared;
} preparing;

/** Sources [first, first + x->nc) over the rows `in` of the step's input. */
static mr_status load_columns(const preparing *k, size_t first, mr_slab in, mr_spoils *spoils,
                              mr_view *x)
{
    mr_status st = MR_OK;
    const mr_extent all = mr_step_in(k->s, &k->w->r);
    const size_t nc = (size_t)(all.c.b - all.c.a);
    for (size_t i = 0; i < x->nc; i++) {
        const size_t c = k->d->source[first + i];
        mr_view one = {x->d + i, x->nt, 1, x->stride};
        if (!k->block) MR_TRY(mr_tile_load(k->w->m, k->w->j, in, c, &one, spoils));
        for (size_t t = 0; k->block && t < x->nt; t++)
            *mr_at(&one, t, 0) = k->block[((size_t)(in.a - all.t.a) + t) * nc + c];
    }
out:
    return st;
}

/** Columns of one bundle, to k->columns. */
static mr_status run_bundle(void *arg, size_t g, int member)
{
    mr_status st = MR_OK;
    const preparing *k = arg;
    const mr_block *w = k->w;
    const size_t first = g * MR_SOURCE_BUNDLE;
    const size_t n = MR_MIN(k->d->n_sources - first, (size_t)MR_SOURCE_BUNDLE);
    mr_arena arena = mr_member_room(w->m, member);
    mr_room room;
    mr_view y = {k->columns.d + first, k->columns.nt, n, k->columns.stride};
    mr_sources_lay_columns(w->chain, k->s, &w->r, n, &arena, &room);
    MR_TRY(load_columns(k, first, mr_step_in(k->s, &w->r).t, &w->j->source_spoils[g],
                        k->s->n ? &room.x : &y));
    if (k->s->n)
        mr_chain_run(w->chain,
                     &(mr_pass){.first = k->s->first,
                                .n = k->s->n,
                                .r = &w->r,
                                .x = &room.x,
                                .y = &y,
                                .state = w->j->source_state + first * mr_chain_state(w->chain),
                                .width = MR_SOURCE_BUNDLE,
                                .work = room.work});
out:
    return st;
}

static mr_status prepare_item(void *arg, size_t i, int member)
{
    mr_status st = MR_OK;
    const preparing *k = arg;
    const mr_block *w = k->w;
    const int64_t item = w->r.out.a + (int64_t)i;
    const mr_slab items = {item, item + 1};
    mr_arena arena = mr_member_room(w->m, member);
    mr_spoils own = {0}; /* of raw samples that are the reducer's input: the item's */
    mr_room room;
    mr_marking marks = mr_marking_of(w, items, k->d->n_sources);
    mr_view x = k->columns;
    int64_t x0 = w->r.in[w->r.n - 1].a;
    mr_sources_lay_item(w->chain, &arena, &room);
    if (w->r.n == 1) {
        const mr_slab raw =
            mr_item(&k->d->items, item, w->r.span[0], mr_chain_reducer_rate(w->chain));
        x = room.x;
        x.nt = (size_t)(raw.b - raw.a);
        x0 = raw.a;
        MR_TRY(load_columns(k, 0, raw, &own, &x));
    }
    for (size_t c = 0; c < k->d->n_sources; c++) {
        const mr_spoils *of = &w->j->source_spoils[c / MR_SOURCE_BUNDLE];
        if (k->s->from == MR_FROM_BLOCK) of = NULL;
        MR_TRY(mr_mark_spoils(&marks, w->r.n == 1 ? &own : of, (int64_t)k->d->source[c], c, 1));
    }
    MR_TRY(mr_mark_ends(&marks));
    mr_chain_prepare(w->chain, &w->r, items, &x, x0, marks.bad, room.work,
                     k->shared + i * k->d->shared);
out:
    free(marks.bad);
    free(own.v);
    return st;
}

mr_status mr_fold_sources(const mr_block *w, const mr_step *s, const double *block, double **shared)
{
    mr_status st = MR_OK;
    preparing k = {.w = w, .s = s, .block = block, .d = mr_chain_reduces(w->chain)};
    mr_arena arena = {.base = (char *)w->m->shared, .size = w->m->plan->mem.shared_bytes};
    (void)mr_sources_shared(w->chain, &w->r, &k.columns, &arena, &k.shared);
    if (w->r.n > 1) MR_TRY(mr_share_out(w->m, mr_chain_bundles(w->chain), run_bundle, &k));
    MR_TRY(mr_share_out(w->m, (size_t)(w->r.out.b - w->r.out.a), prepare_item, &k));
    *shared = k.shared;
out:
    return st;
}
