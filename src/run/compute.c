/* run/compute.c: one block through the chain: the team's threads take tiles of channels; operators
 * that couple channels see the whole block between two stages. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/mill.h"
#include "run/stop.h"

/** One sweep over all tiles: from raw (src NULL) or a float64 block to a float64 block or the
 * output (dst NULL), through the operators of a stage or unchanged (copy). */
typedef struct sweep {
    double *src, *dst;
    mr_slab in, out;
    size_t stage;
    bool copy;
} sweep;

static size_t rows_of(mr_slab s)
{
    return (size_t)(s.b - s.a);
}

static double *member_work(const mr_mill *m, int member)
{
    return m->work + (size_t)member * (m->plan->mem.work_bytes / sizeof(double));
}

mr_status mr_mill_await(mr_mill *m, mr_job *j, size_t i)
{
    mr_block_ranges r;
    mr_lane_ranges(m->plan, j->lane, i, &r);
    const mr_slab raw = r.raw;
    const double t0 = mr_now();
    size_t end = j->oldest;
    while (end < j->n_slabs && j->slab[end].raw.a < raw.b) end++;
    mr_mutex_lock(m->gate);
    while (end-- > j->oldest) { /* the last first: then the others are there too, mostly */
        m->awaited = &j->slab[end];
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

/** Give back the slabs that end before raw index `from`. */
static void release_slabs(mr_mill *m, mr_job *j, int64_t from)
{
    while (j->oldest < j->n_slabs && j->slab[j->oldest].raw.b <= from) {
        mr_job_slab *s = &j->slab[j->oldest++];
        mr_pool_give(m->slabs, s->buf);
        s->buf = NULL;
    }
}

/** Load the tile and run the stage. The common case loads rows as the first operator reads them;
 * when one turns out not to be finite the states are set back and it is done again the thorough
 * way. */
static mr_status load_and_run(const mr_block *w, const sweep *s, size_t tile, mr_view *x,
                              mr_view *y, double *state, double *work)
{
    mr_status st = MR_OK;
    const size_t c0 = tile * MR_TILE, n_state = mr_chain_state_before(w->chain) * x->nc;
    mr_spoils *spoils = &w->j->spoils[tile];
    mr_tile_feed f = {w->m, w->j, s->in, c0, x, 0, w->j->oldest, false};
    const mr_feed feed = {mr_tile_pull, mr_tile_next, mr_tile_spoilt, &f};
    double *keep = work;
    work += (n_state + 7) / 8 * 8;
    if (mr_tile_clean(w->j, s->in, spoils)) {
        if (n_state) memcpy(keep, state, n_state * sizeof *keep);
        mr_chain_run_fed(w->chain, s->stage, &w->r, x, y, state, work, NULL, &feed);
        if (!f.bad) return MR_OK;
        if (n_state) memcpy(state, keep, n_state * sizeof *keep);
    }
    MR_TRY(mr_tile_load(w->m, w->j, s->in, c0, x, spoils));
    mr_chain_run(w->chain, s->stage, &w->r, x, y, state, work, NULL);
out:
    return st;
}

static mr_status run_tile(const mr_block *w, const sweep *s, size_t tile, double *work)
{
    mr_status st = MR_OK;
    const size_t c0 = tile * MR_TILE, width = MR_MIN((size_t)MR_TILE, w->nc - c0);
    double *state = NULL;
    if (w->j->state) state = w->j->state + tile * MR_TILE * mr_chain_state(w->chain);
    mr_view x = {work, rows_of(s->in), width, width};
    const bool folds = !s->dst && mr_chain_reduces(w->chain);
    if (folds && !s->src && s->copy) return mr_fold_tile(w, tile, NULL, work);
    if (!s->src)
        work += (x.nt * width + 7) / 8 * 8;
    else
        x = (mr_view){s->src + c0, rows_of(s->in), width, w->nc};
    mr_view y = {work, rows_of(s->out), width, width};
    if (s->dst)
        y = (mr_view){s->dst + c0, rows_of(s->out), width, w->nc};
    else
        work += (y.nt * width + 7) / 8 * 8;
    if (s->copy) {
        if (!s->src) MR_TRY(mr_tile_load(w->m, w->j, s->in, c0, &x, &w->j->spoils[tile]));
        if (!s->dst) y = x;
        for (size_t t = 0; s->dst && t < x.nt; t++)
            memcpy(mr_at(&y, t, 0), mr_at(&x, t, 0), width * sizeof(double));
    } else if (!s->src) {
        MR_TRY(load_and_run(w, s, tile, &x, &y, state, work));
    } else {
        mr_chain_run(w->chain, s->stage, &w->r, &x, &y, state, work, NULL);
    }
    if (folds) return mr_fold_tile(w, tile, &y, work);
    if (!s->dst) mr_tile_store(w->m, w->j, s->out, c0, &y, &w->j->spoils[tile], w->out, w->nc);
out:
    return st;
}

/** A sweep that the team is at: members take tile after tile. */
typedef struct sweeping {
    const mr_block *w;
    const sweep *s;
    atomic_size_t next;
    mr_status worst; /* the mill's gate guards it and why */
    char why[512];
} sweeping;

static void sweep_tiles(void *arg, int member)
{
    sweeping *k = arg;
    double *work = member_work(k->w->m, member);
    size_t tile;
    while ((tile = atomic_fetch_add(&k->next, 1)) < k->w->n_tiles) {
        const mr_status st =
            mr_stop_wanted() < 2 ? run_tile(k->w, k->s, tile, work) : mr_stop_raise();
        if (st == MR_OK) continue;
        mr_mutex_lock(k->w->m->gate);
        k->worst = st;
        snprintf(k->why, sizeof k->why, "%s", mr_error());
        mr_mutex_unlock(k->w->m->gate);
    }
}

static mr_status run_sweep(const mr_block *w, const sweep *s)
{
    sweeping k = {.w = w, .s = s};
    mr_team_do(w->m->team, sweep_tiles, &k);
    if (k.worst != MR_OK) mr_error_set(k.why);
    return k.worst;
}

/** Where the input of the coupled operator is NaN; *out stays NULL if nowhere. */
static mr_status mark_bad(const mr_block *w, const sweep *s, size_t op, uint8_t **out)
{
    mr_status st = MR_OK;
    const mr_span *sp = &w->m->plan->spans.span[w->j->lane->span];
    const mr_slab span = {sp->index0, sp->index0 + sp->n};
    for (size_t t = 0; t < w->n_tiles; t++)
        for (size_t i = 0; i < w->j->spoils[t].n; i++) {
            const mr_spoil *v = &w->j->spoils[t].v[i];
            const mr_slab nan = mr_chain_spoils_at(w->chain, op, span, v->raw);
            if (!*out) MR_TRY(mr_alloc(rows_of(s->in) * w->nc, 1, "the mask of a block", out));
            for (int64_t k = MR_MAX(s->in.a, nan.a); k < MR_MIN(s->in.b, nan.b); k++)
                (*out)[(size_t)(k - s->in.a) * w->nc + v->c] = 1;
        }
out:
    return st;
}

/** A coupled operator at work: the team takes slice after slice of its rows. */
typedef struct coupling {
    const mr_block *w;
    const sweep *s;
    size_t op, slices;
    const uint8_t *bad;
    atomic_size_t next;
} coupling;

/** Rows [at) of its input; all of them give all of its output. */
static void run_slice(const coupling *k, mr_slab at, double *work)
{
    const mr_block *w = k->w;
    const sweep *s = k->s;
    const size_t t0 = (size_t)at.a, n = rows_of(at);
    mr_block_ranges r = w->r;
    if (k->slices > 1) {
        r.in[k->op] = (mr_slab){s->in.a + at.a, s->in.a + at.b};
        *(k->op + 1 < r.n ? &r.in[k->op + 1] : &r.out) = r.in[k->op];
    }
    mr_view x = {s->src + t0 * w->nc, n, w->nc, w->nc};
    mr_view y = {s->dst + t0 * w->nc, k->slices > 1 ? n : rows_of(s->out), w->nc, w->nc};
    mr_chain_run(w->chain, s->stage, &r, &x, &y, NULL, work, k->bad ? k->bad + t0 * w->nc : NULL);
}

static void couple_slices(void *arg, int member)
{
    coupling *k = arg;
    const size_t n = rows_of(k->s->in);
    size_t i;
    while ((i = atomic_fetch_add(&k->next, 1)) < k->slices) {
        const mr_slab at = {(int64_t)(n * i / k->slices), (int64_t)(n * (i + 1) / k->slices)};
        if (at.a < at.b) run_slice(k, at, member_work(k->w->m, member));
    }
}

/** A coupled operator: where it has no context in time the team takes slices of rows. */
static mr_status run_coupled(const mr_block *w, const sweep *s, size_t op)
{
    mr_status st = MR_OK;
    uint8_t *bad = NULL;
    const mr_needs *needs = mr_chain_needs(w->chain, op);
    const bool sliced = s->in.a == s->out.a && s->in.b == s->out.b && !needs->before &&
                        !needs->after && !needs->window_ns && needs->memory == MR_MEM_NONE;
    MR_TRY(mark_bad(w, s, op, &bad));
    coupling k = {
        .w = w, .s = s, .op = op, .bad = bad, .slices = sliced ? (size_t)w->m->threads * 4 : 1};
    mr_team_do(w->m->team, couple_slices, &k);
out:
    free(bad);
    return st;
}

/** All stages of the chain, from raw slabs to the output block. */
static mr_status run_chain(const mr_block *w)
{
    mr_status st = MR_OK;
    mr_stage stage[MR_MAX_OPS];
    const size_t n = mr_chain_stages(w->chain, stage);
    const mr_needs *reduces = mr_chain_reduces(w->chain);
    const bool sources = reduces && reduces->n_sources;
    sweep s = {.in = w->r.raw, .out = w->r.out, .copy = true};
    for (size_t i = 0; i < n; i++) {
        const size_t end = stage[i].first + stage[i].n;
        const bool last = i + 1 == n;
        s.stage = i;
        s.in = stage[i].n ? w->r.in[stage[i].first] : w->r.raw; /* an empty chain copies */
        s.out = end < w->r.n ? w->r.in[end] : w->r.out;
        if (last && sources && !stage[i].couples)
            MR_TRY(mr_fold_sources(w, s.src, s.in, i, stage[i].n > 0, w->m->work));
        if (!stage[i].couples) {
            s.copy = stage[i].n == 0 && w->r.n > 0; /* the reducer is all there is */
            s.dst = last ? NULL : w->m->mid[s.src == w->m->mid[0]];
            MR_TRY(run_sweep(w, &s));
        } else {
            if (!s.src) {
                sweep load = {.dst = w->m->mid[0], .in = s.in, .out = s.in, .copy = true};
                MR_TRY(run_sweep(w, &load));
                s.src = load.dst;
            }
            s.dst = w->m->mid[s.src == w->m->mid[0]];
            MR_TRY(run_coupled(w, &s, stage[i].first));
            sweep store = {.src = s.dst, .in = s.out, .out = s.out, .copy = true};
            if (last && sources) MR_TRY(mr_fold_sources(w, s.dst, s.out, i, false, w->m->work));
            if (last) MR_TRY(run_sweep(w, &store));
        }
        s.src = s.dst;
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
    for (size_t t = 0; before && t < j->n_tiles; t++)
        memset(j->state + t * MR_TILE * n, 0, before * MR_TILE * sizeof *j->state);
}

mr_status mr_mill_block(mr_mill *m, mr_job *j, size_t i, bool last)
{
    mr_status st = MR_OK;
    mr_out_block *b = NULL;
    const mr_array *a = &m->plan->arrays[j->lane->array];
    mr_block w = {
        .m = m, .j = j, .chain = a->chain, .nc = j->lane->c1 - j->lane->c0, .n_tiles = j->n_tiles};
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
    MR_TRY(run_chain(&w));
    release_slabs(m, j, next_raw(m, j, i, last));
    m->t.wait_out_s += t1 - t0;
    m->t.compute_s += mr_now() - t1;
    MR_TRY(mr_queue_push(m->done, b, -1));
    b = NULL;
out:
    if (st != MR_OK) mr_mill_fail(m, st, mr_error());
    free(b);
    return st;
}
