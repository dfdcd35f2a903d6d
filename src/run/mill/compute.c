/* run/mill/compute.c: one block through the step program of its chain: the team's threads share out
 * the pieces of a step, tiles of channels or slices of rows; between two steps the block is whole.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/piece/fold.h"
#include "run/over/seen.h"
#include "run/told/stop.h"

/** A step at work. */
typedef struct stepping {
    const mr_block *w;
    const mr_step *s;
    const double *shared; /* of sources */
    double *src, *dst;    /* the blocks it is given and gives, where it does */
    atomic_bool *beyond;  /* of slices that are stored as they come: a number became infinite */
    const uint8_t *bad;   /* of src, for an operator that is told what is NaN */
} stepping;

static size_t rows_of(mr_slab s)
{
    return (size_t)(s.b - s.a);
}

mr_status mr_mill_await(mr_mill *m, mr_job *j, size_t i)
{
    mr_block_ranges r;
    mr_lane_ranges(m->plan, j->lane, i, &r);
    const mr_slab raw = r.raw;
    const double t0 = mr_now();
    size_t end = j->oldest;
    while (end < j->n_intakes && j->intake[end].raw.a < raw.b) end++;
    mr_mutex_lock(m->gate);
    while (end-- > j->oldest) { /* the last first: then the others are there too, mostly */
        m->awaited = &j->intake[end];
        while (!m->awaited->ready && m->failed == MR_OK && mr_stop_wanted() < 2)
            mr_mutex_wait(m->gate, 0.1);
    }
    m->awaited = NULL;
    m->t.wait_read_s += mr_now() - t0;
    mr_mutex_unlock(m->gate);
    const mr_status st = mr_stop_wanted() == 2 ? mr_stop_raise() : mr_mill_failed(m);
    if (st != MR_OK) mr_mill_fail(m, st, mr_error());
    return st;
}

/** Give back the intakes that end before raw index `from`. */
static void release_intakes(mr_mill *m, mr_job *j, int64_t from)
{
    while (j->oldest < j->n_intakes && j->intake[j->oldest].raw.b <= from) {
        mr_intake *s = &j->intake[j->oldest++];
        mr_pool_give(m->intakes, s->buf);
        s->buf = NULL;
    }
}

/* --- a piece of a step */

/** Extent e within a block that holds `all`. */
static mr_view within(double *block, mr_extent all, mr_extent e)
{
    const size_t nc = rows_of(all.c);
    return (mr_view){block + (size_t)(e.t.a - all.t.a) * nc + (size_t)(e.c.a - all.c.a),
                     rows_of(e.t), rows_of(e.c), nc};
}

static double *tile_state(const mr_block *w, size_t tile)
{
    return w->j->state + tile * MR_TILE * mr_chain_state(w->chain);
}

/** Load the tile and run its operators. The common case loads rows as the first operator reads
 * them; when one turns out not to be finite the states are set back and it is done again the
 * thorough way. */
static mr_status load_and_run(const stepping *k, size_t tile, mr_extent in, mr_room *room,
                              const mr_pass *run)
{
    mr_status st = MR_OK;
    const mr_block *w = k->w;
    const size_t n_state = mr_chain_state_before(w->chain) * MR_TILE;
    mr_spoils *spoils = &w->j->spoils[tile];
    mr_tile_feed f = {.m = w->m,
                      .j = w->j,
                      .raw = in.t,
                      .c0 = (uint64_t)in.c.a,
                      .x = run->x,
                      .intake = w->j->oldest,
                      .tile = tile};
    const mr_feed feed = {mr_tile_pull, mr_tile_next, mr_tile_spoilt, &f};
    if (mr_tile_clean(w->j, in.t, spoils)) {
        if (n_state) memcpy(room->keep, run->state, n_state * sizeof *room->keep);
        mr_pass fed = *run;
        fed.feed = &feed;
        mr_chain_run(w->chain, &fed);
        MR_TRY(f.st);
        if (!f.bad) return MR_OK;
        if (n_state) memcpy(run->state, room->keep, n_state * sizeof *room->keep);
    }
    MR_TRY(mr_tile_load(w->m, w->j, in.t, (uint64_t)in.c.a, run->x, spoils));
    mr_chain_run(w->chain, run);
out:
    return st;
}

/** Steps without operators: from raw, or on to the output. */
static mr_status pass_on(const stepping *k, size_t tile, mr_extent in, mr_view *x)
{
    if (k->s->from == MR_FROM_BLOCK) return MR_OK;
    return mr_tile_load(k->w->m, k->w->j, in.t, (uint64_t)in.c.a, x, &k->w->j->spoils[tile]);
}

/** The marks of a piece's input, NULL: nothing is NaN. */
static const uint8_t *marks_within(const stepping *k, mr_extent e)
{
    const mr_extent all = mr_step_in(k->s, &k->w->r);
    if (!k->bad) return NULL;
    return k->bad + (size_t)(e.t.a - all.t.a) * rows_of(all.c) + (size_t)(e.c.a - all.c.a);
}

static mr_status run_tile(void *arg, size_t tile, int member)
{
    mr_status st = MR_OK;
    const stepping *k = arg;
    const mr_step *s = k->s;
    const mr_block *w = k->w;
    const bool raw = s->from == MR_FROM_RAW;
    mr_arena arena = mr_member_room(w->m, member);
    mr_room room;
    mr_extent in, out;
    mr_step_piece(w->chain, s, &w->r, tile, &in, &out);
    mr_step_lay(w->chain, s, &w->r, in, out, &arena, &room);
    mr_fold_tile fold = {.step = s, .tile = tile, .c = out.c, .room = &room, .shared = k->shared};
    if (raw && !s->n && s->to == MR_TO_FOLD) return mr_fold_run(w, &fold);
    mr_view x = raw ? room.x : within(k->src, mr_step_in(s, &w->r), in);
    mr_view y = s->to == MR_TO_BLOCK ? within(k->dst, mr_step_out(s, &w->r), out) : room.y;
    mr_pass run = {.first = s->first,
                   .n = s->n,
                   .r = &w->r,
                   .x = &x,
                   .y = &y,
                   .xc0 = (size_t)in.c.a,
                   .yc0 = (size_t)out.c.a,
                   .state = tile_state(w, tile),
                   .width = MR_TILE,
                   .work = room.work,
                   .bad = marks_within(k, in),
                   .bad_stride = rows_of(mr_step_in(s, &w->r).c)};
    if (!s->n) {
        if (s->to == MR_TO_BLOCK) x = y;
        MR_TRY(pass_on(k, tile, in, &x));
        y = x;
    } else if (raw) {
        MR_TRY(load_and_run(k, tile, in, &room, &run));
    } else {
        mr_chain_run(w->chain, &run);
    }
    fold.x = &y;
    if (s->to == MR_TO_FOLD) MR_TRY(mr_fold_run(w, &fold));
    if (s->to == MR_TO_ROWS)
        MR_TRY(mr_tile_store(w, out, tile, &y, raw ? &w->j->spoils[tile] : NULL));
out:
    return st;
}

static mr_status run_slice(void *arg, size_t i, int member)
{
    const stepping *k = arg;
    const mr_step *s = k->s;
    const mr_block *w = k->w;
    const mr_extent all = mr_step_in(s, &w->r);
    mr_arena arena = mr_member_room(w->m, member);
    mr_room room;
    mr_extent in, out;
    mr_step_piece(w->chain, s, &w->r, i, &in, &out);
    mr_step_lay(w->chain, s, &w->r, in, out, &arena, &room);
    mr_view x = within(k->src, all, in), y = within(k->dst, mr_step_out(s, &w->r), out);
    const mr_pass run = {.first = s->first,
                         .n = s->n,
                         .r = &w->r,
                         .x = &x,
                         .y = &y,
                         .rows = mr_step_pieces(w->chain, s, &w->r) > 1 ? &out.t : NULL,
                         .width = MR_TILE,
                         .work = room.work,
                         .bad = marks_within(k, in),
                         .bad_stride = rows_of(all.c)};
    mr_chain_run(w->chain, &run);
    return k->beyond ? mr_slice_store(w, out, &y, k->beyond) : MR_OK;
}

/** A step of an operator that is told where a block is NaN, and may decide what that does. */
static mr_status run_told(const stepping *k)
{
    mr_status st = MR_OK;
    const mr_block *w = k->w;
    mr_marks in = {0};
    stepping told = *k;
    MR_TRY(mr_marks_of(w, k->s->first, mr_step_in(k->s, &w->r), &in));
    if (mr_chain_decides(w->chain, k->s->first))
        MR_TRY(mr_marks_decide(w, k->s->first, mr_step_out(k->s, &w->r), &in));
    told.bad = in.d;
    MR_TRY(mr_share_out(w->m, mr_step_pieces(w->chain, k->s, &w->r),
                        k->s->by == MR_BY_SLICE ? run_slice : run_tile, &told));
out:
    free(in.d);
    return st;
}

/** Is step i of slices, and all that comes after it a copy to the output? Then each slice is stored
 * while it is in cache: the copy by tiles would fetch it from the core that made it. */
static bool stores_slices(const mr_program *p, size_t i)
{
    const mr_step *next = &p->v[i + 1];
    return p->v[i].by == MR_BY_SLICE && i + 2 == p->n && !next->n && next->to == MR_TO_ROWS;
}

/** The whole program, from raw intakes to the output block. */
static mr_status run_program(const mr_block *w)
{
    mr_status st = MR_OK;
    const mr_program *p = mr_chain_program(w->chain);
    double *shared = NULL;
    atomic_bool beyond = false;
    stepping k = {.w = w};
    for (size_t i = 0; i < p->n; i++) {
        k.s = &p->v[i];
        k.beyond = stores_slices(p, i) ? &beyond : NULL;
        k.shared = shared;
        k.dst = k.s->to == MR_TO_BLOCK ? w->m->mid[mr_program_block(p, i)] : NULL;
        if (k.s->by == MR_BY_SOURCE) {
            MR_TRY(mr_fold_sources(w, k.s, k.src, &shared));
            continue;
        }
        if (k.s->by == MR_BY_SLICE || (k.s->n == 1 && mr_chain_decides(w->chain, k.s->first)))
            MR_TRY(run_told(&k));
        else
            MR_TRY(mr_share_out(w->m, mr_step_pieces(w->chain, k.s, &w->r), run_tile, &k));
        if (k.beyond && !atomic_load(&beyond)) break; /* else the copy says which, in order */
        k.src = k.dst;
    }
out:
    return st;
}

/** The next block's first raw sample: what lies before it is no longer needed. */
static int64_t next_raw(const mr_mill *m, const mr_job *j, size_t i, bool last)
{
    mr_block_ranges r;
    if (last) return INT64_MAX;
    mr_lane_ranges(m->plan, j->lane, i + 1, &r);
    return r.raw.a;
}

/** States of the lane's tiles, those of a reducer left as they are: it begins each row anew. */
static void begin_states(const mr_mill *m, mr_job *j)
{
    const mr_chain *c = m->plan->arrays[j->lane->array].chain;
    const size_t n = mr_chain_state(c), before = mr_chain_state_before(c);
    j->state = m->state;
    for (size_t t = 0; before && t < j->n_states; t++)
        memset(j->state + t * MR_TILE * n, 0, before * MR_TILE * sizeof *j->state);
}

mr_status mr_mill_block(mr_mill *m, mr_job *j, size_t i, bool last)
{
    mr_status st = MR_OK;
    mr_out_block *b = NULL;
    const mr_array *a = &m->plan->arrays[j->lane->array];
    mr_block w = {.m = m, .j = j, .chain = a->chain, .nc = j->lane->c1 - j->lane->c0};
    mr_lane_ranges(m->plan, j->lane, i, &w.r);
    if (i == 0) begin_states(m, j);
    w.rows = mr_lane_rows_done(m->plan, j->lane, w.r.out);
    MR_TRY(mr_alloc(1, sizeof *b, "an output block", &b));
    void *buf;
    const double t0 = mr_now();
    MR_TRY(mr_pool_take(m->outs, &buf, -1));
    const double t1 = mr_now();
    w.out = buf;
    *b = (mr_out_block){.job = j,
                        .data = buf,
                        .rows = rows_of(w.rows),
                        .row = (uint64_t)(w.rows.a - j->lane->rows.a),
                        .last = last};
    MR_TRY(run_program(&w));
    MR_TRY(mr_seen_strict(m, j));
    if (j->picks) MR_TRY(mr_picks_hand_over(m->plan, j, w.r.out.b, b));
    if (m->glance) m->glance(m->glance_arg, &w, b->rows);
    release_intakes(m, j, next_raw(m, j, i, last));
    m->t.wait_out_s += t1 - t0;
    m->t.compute_s += mr_now() - t1;
    MR_TRY(mr_queue_push(m->done, b, -1));
    b = NULL;
out:
    if (st != MR_OK) mr_mill_fail(m, st, mr_error());
    if (b) free(b->picks);
    free(b);
    return st;
}
