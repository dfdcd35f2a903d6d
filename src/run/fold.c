/* run/fold.c: tiles of a chain that ends in a reducer. Items of a tile go into its sums; rows that
 * are complete go to their places in the output block. Where nothing comes before the reducer, raw
 * rows are loaded in stripes that stay in cache. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "run/mill.h"

/** The item marks of some channels: where these come from. */
typedef struct marking {
    mr_slab items;
    size_t n;     /* channels */
    uint8_t *bad; /* [items][n]; NULL: nothing bad so far */
    const mr_block *w;
    mr_slab head, tail; /* of the span: no values there, by definition */
} marking;

static marking marking_of(const mr_block *w, mr_slab items, size_t n)
{
    marking k = {.items = items, .n = n, .w = w};
    mr_chain_blanks(w->chain, mr_lane_span(w->m->plan, w->j->lane), &k.head, &k.tail);
    return k;
}

/** Mark items `bad` of channel number c of the marking. */
static mr_status mark(marking *k, size_t c, mr_slab bad)
{
    bad = (mr_slab){MR_MAX(bad.a, k->items.a), MR_MIN(bad.b, k->items.b)};
    if (bad.b <= bad.a) return MR_OK;
    if (!k->bad) {
        const mr_status st =
            mr_alloc((size_t)(k->items.b - k->items.a) * k->n, 1, "marks of items", &k->bad);
        if (st != MR_OK) return st;
    }
    for (int64_t i = bad.a; i < bad.b; i++) k->bad[(size_t)(i - k->items.a) * k->n + c] = 1;
    return MR_OK;
}

/** Items that are spoilt: by samples, and at the span's ends by definition. c0: the channel that is
 *  number `first`; only its width of channels is looked for. */
static mr_status mark_spoils(marking *k, const mr_spoils *sp, uint64_t c0, size_t first,
                             size_t width)
{
    mr_status st = MR_OK;
    const mr_slab span = mr_lane_span(k->w->m->plan, k->w->j->lane);
    for (size_t i = 0; i < sp->n; i++)
        if (sp->v[i].c >= c0 && sp->v[i].c < c0 + width)
            MR_TRY(mark(k, first + (size_t)(sp->v[i].c - c0),
                        mr_chain_spoils(k->w->chain, span, sp->v[i].raw)));
out:
    return st;
}

static mr_status mark_ends(marking *k)
{
    mr_status st = MR_OK;
    if (k->head.b <= k->items.a && k->tail.a >= k->items.b) return MR_OK;
    for (size_t c = 0; c < k->n; c++) {
        MR_TRY(mark(k, c, k->head));
        MR_TRY(mark(k, c, k->tail));
    }
out:
    return st;
}

/** Where finished rows go. */
typedef struct sink {
    const mr_block *w;
    mr_row_shape shape;
    uint64_t c0;
} sink;

static void store_row(void *arg, int64_t row, const mr_view *y, const double *count, size_t stride)
{
    const sink *s = arg;
    const mr_block *w = s->w;
    const size_t nc = w->nc, k = (size_t)(row - w->rows.a), counts = mr_shape_counts(&s->shape);
    const size_t n = (size_t)(w->rows.b - w->rows.a), bytes = mr_shape_bytes(&s->shape, nc);
    void *at = (char *)w->out + k * bytes;
    void *behind = (char *)w->out + n * bytes;
    int32_t *to = (int32_t *)behind + k * counts * nc + s->c0;
    for (size_t t = 0; t < y->nt; t++) {
        const double *v = mr_at(y, t, 0);
        if (s->shape.kind == MR_SUMS || s->shape.f64) {
            memcpy((double *)at + t * nc + s->c0, v, y->nc * sizeof *v);
            continue;
        }
        float *f = (float *)at + t * nc + s->c0;
        for (size_t c = 0; c < y->nc; c++) f[c] = (float)v[c];
    }
    for (size_t i = 0; i < counts; i++)
        for (size_t c = 0; c < y->nc; c++) to[i * nc + c] = (int32_t)count[i * stride + c];
}

/** The last item + 1 from k on that a stripe of at most `rows` input rows holds; at least one. */
static int64_t stripe_end(const mr_block *w, int64_t k, size_t rows)
{
    const mr_needs *d = mr_chain_reduces(w->chain);
    const mr_slab span = w->r.span[w->r.n - 1];
    const double rate = mr_chain_reducer_rate(w->chain);
    const int64_t last = w->r.out.b, a = mr_item(&d->items, k, span, rate).a;
    int64_t lo = k + 1, hi = last; /* [k, lo) fits, or is one */
    while (lo < hi) {
        const int64_t mid = lo + (hi - lo + 1) / 2;
        if (mr_item(&d->items, mid - 1, span, rate).b - a <= (int64_t)rows)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

/* --- a reducer that asks for rows */

typedef struct asked {
    const mr_block *w;
    uint64_t c0;
    mr_spoils *spoils;
    mr_status st; /* the first failure */
} asked;

static void load_asked(void *arg, mr_slab at, size_t c, size_t n, double *to)
{
    asked *k = arg;
    mr_view x = {to, (size_t)(at.b - at.a), n, 8};
    const mr_status st = mr_tile_load(k->w->m, k->w->j, at, k->c0 + c, &x, k->spoils);
    if (k->st == MR_OK) k->st = st;
}

static unsigned good_asked(void *arg, int64_t item, size_t c, size_t n)
{
    asked *k = arg;
    marking m = marking_of(k->w, (mr_slab){item, item + 1}, n);
    mr_status st = mark_ends(&m);
    if (st == MR_OK && k->spoils->n) st = mark_spoils(&m, k->spoils, k->c0 + c, 0, n);
    if (k->st == MR_OK) k->st = st;
    unsigned good = (1u << n) - 1;
    for (size_t i = 0; m.bad && i < n; i++)
        if (m.bad[i]) good &= ~(1u << i);
    free(m.bad);
    return good;
}

static mr_status fold_asked(const mr_block *w, size_t tile, mr_fold_job f)
{
    const size_t c0 = tile * MR_TILE;
    asked k = {w, c0, &w->j->spoils[tile], MR_OK};
    const mr_rows rows = {&k, load_asked, good_asked};
    const mr_view x = {.nc = MR_MIN((size_t)MR_TILE, w->nc - c0)};
    f.x = &x;
    f.rows = &rows;
    mr_chain_fold(w->chain, &f);
    return k.st;
}

/** Raw rows in stripes, each loaded and taken in while it is in cache. */
static mr_status fold_raw(const mr_block *w, size_t tile, mr_fold_job f, double *work)
{
    mr_status st = MR_OK;
    const mr_needs *d = mr_chain_reduces(w->chain);
    const size_t c0 = tile * MR_TILE, width = MR_MIN((size_t)MR_TILE, w->nc - c0);
    const size_t most = MR_MAX(d->stripe, (size_t)d->items.len);
    const mr_slab span = w->r.span[0];
    mr_spoils *spoils = &w->j->spoils[tile];
    marking k = marking_of(w, w->r.out, width);
    mr_view x = {work, 0, width, width};
    f.x = &x;
    f.work = work + (MR_MIN(most, (size_t)(w->r.raw.b - w->r.raw.a)) * width + 7) / 8 * 8;
    for (int64_t a = w->r.out.a; a < w->r.out.b; a = f.items.b) {
        f.items = (mr_slab){a, stripe_end(w, a, most)};
        const mr_slab raw = {
            mr_item(&d->items, a, span, mr_chain_reducer_rate(w->chain)).a,
            mr_item(&d->items, f.items.b - 1, span, mr_chain_reducer_rate(w->chain)).b};
        x.nt = (size_t)(raw.b - raw.a);
        f.x0 = raw.a;
        k.items = f.items;
        MR_TRY(mr_tile_load(w->m, w->j, raw, c0, &x, spoils));
        if (spoils->n) MR_TRY(mark_spoils(&k, spoils, c0, 0, width));
        MR_TRY(mark_ends(&k));
        f.bad = k.bad;
        f.bad0 = a;
        mr_chain_fold(w->chain, &f);
        free(k.bad);
        k.bad = NULL;
    }
out:
    free(k.bad);
    return st;
}

mr_status mr_fold_tile(const mr_block *w, size_t tile, const mr_view *x, double *work)
{
    mr_status st = MR_OK;
    const size_t c0 = tile * MR_TILE;
    sink s = {.w = w, .shape = mr_array_shape(&w->m->plan->arrays[w->j->lane->array]), .c0 = c0};
    mr_fold_row now = {0};
    mr_fold_job f = {.r = &w->r,
                     .lane = w->j->lane->out,
                     .items = w->r.out,
                     .x = x,
                     .x0 = w->r.in[w->r.n - 1].a,
                     .now = &now,
                     .state = w->j->state + tile * MR_TILE * mr_chain_state(w->chain),
                     .work = work,
                     .shared = w->m->shared,
                     .bad0 = w->r.out.a,
                     .row = store_row,
                     .arg = &s};
    if (!x && mr_chain_by_rows(w->chain)) return fold_asked(w, tile, f);
    if (!x) return fold_raw(w, tile, f, work);
    marking k = marking_of(w, w->r.out, x->nc);
    MR_TRY(mark_spoils(&k, &w->j->spoils[tile], c0, 0, x->nc));
    MR_TRY(mark_ends(&k));
    f.bad = k.bad;
    mr_chain_fold(w->chain, &f);
out:
    free(k.bad);
    return st;
}

/* --- sources: what all tiles need of some channels
 * --------------------------------------------------- */

/** The columns of the sources over raw or block rows [in): from the slabs, or from a block. */
static mr_status source_columns(const mr_block *w, const double *block, mr_slab in, mr_view *x)
{
    mr_status st = MR_OK;
    const mr_needs *d = mr_chain_reduces(w->chain);
    for (size_t i = 0; i < d->n_sources; i++) {
        mr_view one = {x->d + i, x->nt, 1, x->stride};
        if (!block) MR_TRY(mr_tile_load(w->m, w->j, in, d->source[i], &one, &w->j->source_spoils));
        for (size_t t = 0; block && t < x->nt; t++)
            *mr_at(&one, t, 0) = block[t * w->nc + d->source[i]];
    }
out:
    return st;
}

static mr_status prepare(const mr_block *w, mr_slab items, const mr_view *x, int64_t x0,
                         double *work)
{
    mr_status st = MR_OK;
    const mr_needs *d = mr_chain_reduces(w->chain);
    marking k = marking_of(w, items, d->n_sources);
    for (size_t i = 0; i < d->n_sources; i++) {
        MR_TRY(mark_spoils(&k, &w->j->source_spoils, d->source[i], i, 1));
        MR_TRY(mark_spoils(&k, &w->j->spoils[d->source[i] / MR_TILE], d->source[i], i, 1));
    }
    MR_TRY(mark_ends(&k));
    mr_chain_prepare(w->chain, &w->r, items, x, x0, k.bad, work,
                     w->m->shared + (size_t)(items.a - w->r.out.a) * d->shared);
out:
    free(k.bad);
    return st;
}

mr_status mr_fold_sources(const mr_block *w, const double *block, mr_slab in, size_t stage,
                          bool run, double *work)
{
    mr_status st = MR_OK;
    const mr_needs *d = mr_chain_reduces(w->chain);
    const size_t n = d->n_sources;
    mr_view x = {work, (size_t)(in.b - in.a), n, n};
    if (w->r.n == 1) { /* an item at a time */
        for (int64_t k = w->r.out.a; k < w->r.out.b; k++) {
            const mr_slab raw =
                mr_item(&d->items, k, w->r.span[0], mr_chain_reducer_rate(w->chain));
            x.nt = (size_t)(raw.b - raw.a);
            MR_TRY(source_columns(w, NULL, raw, &x));
            MR_TRY(prepare(w, (mr_slab){k, k + 1}, &x, raw.a, work + (x.nt * n + 7) / 8 * 8));
        }
        goto out;
    }
    const mr_slab at = w->r.in[w->r.n - 1];
    MR_TRY(source_columns(w, block, in, &x));
    work += (x.nt * n + 7) / 8 * 8;
    mr_view y = x;
    if (run) {
        y = (mr_view){work, (size_t)(at.b - at.a), n, n};
        work += (y.nt * n + 7) / 8 * 8;
        mr_chain_run(w->chain, stage, &w->r, &x, &y, w->j->source_state, work, NULL);
    }
    MR_TRY(prepare(w, w->r.out, &y, at.a, work));
out:
    return st;
}
