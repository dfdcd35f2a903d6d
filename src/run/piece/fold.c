/* run/piece/fold.c: tiles of a chain that ends in a reducer. Items of a tile go into its sums; rows
 * that are complete go to their places in the output block. Where nothing comes before the reducer,
 * raw rows are loaded in stripes that stay in cache. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "run/piece/fold.h"

mr_marking mr_marking_of(const mr_block *w, mr_slab items, size_t n)
{
    mr_marking k = {.items = items, .n = n, .w = w};
    mr_chain_blanks(w->chain, w->r.n, mr_lane_span(w->m->plan, w->j->lane), &k.head, &k.tail);
    return k;
}

/** Mark items `bad` of channels [c, e) of the marking. */
static mr_status mark(mr_marking *k, size_t c, size_t e, mr_slab bad)
{
    bad = (mr_slab){MR_MAX(bad.a, k->items.a), MR_MIN(bad.b, k->items.b)};
    if (bad.b <= bad.a) return MR_OK;
    if (!k->bad) {
        const mr_status st =
            mr_alloc((size_t)(k->items.b - k->items.a) * k->n, 1, "marks of items", &k->bad);
        if (st != MR_OK) return st;
    }
    for (int64_t i = bad.a; i < bad.b; i++)
        memset(k->bad + (size_t)(i - k->items.a) * k->n + c, 1, e - c);
    return MR_OK;
}

static mr_status mark_reached(void *arg, mr_slab ch, mr_slab bad)
{
    mr_marking *k = arg;
    return mark(k, k->first + (size_t)(ch.a - k->c0), k->first + (size_t)(ch.b - k->c0), bad);
}

mr_status mr_mark_spoils(mr_marking *k, const mr_spoils *own, int64_t c0, size_t first,
                         size_t width)
{
    k->c0 = c0;
    k->first = first;
    return mr_spoils_reaching(k->w, k->w->r.n, (mr_slab){c0, c0 + (int64_t)width}, own,
                              mark_reached, k);
}

mr_status mr_mark_ends(mr_marking *k)
{
    mr_status st = MR_OK;
    if (k->head.b <= k->items.a && k->tail.a >= k->items.b) return MR_OK;
    MR_TRY(mark(k, 0, k->n, k->head));
    MR_TRY(mark(k, 0, k->n, k->tail));
out:
    return st;
}

/** Where finished rows go. */
typedef struct sink {
    const mr_block *w;
    mr_row_shape shape;
    uint64_t c0;
    size_t tile;
    mr_status st; /* the first failure */
} sink;

static void store_row(void *arg, int64_t row, const mr_view *y, const double *count, size_t stride)
{
    sink *s = arg;
    const mr_block *w = s->w;
    const size_t nc = w->nc, k = (size_t)(row - w->rows.a), counts = mr_shape_counts(&s->shape);
    size_t counts_at;
    (void)mr_shape_block(&s->shape, (uint64_t)(w->rows.b - w->rows.a), nc, &counts_at);
    void *at = (char *)w->out + k * mr_shape_bytes(&s->shape, nc);
    void *behind = (char *)w->out + counts_at;
    int32_t *to = (int32_t *)behind + k * counts * nc + s->c0;
    for (size_t t = 0; t < y->nt; t++) {
        const double *v = mr_at(y, t, 0);
        if (mr_shape_cell(&s->shape) == sizeof *v) {
            memcpy((double *)at + t * nc + s->c0, v, y->nc * sizeof *v);
            continue;
        }
        float *f = (float *)at + t * nc + s->c0;
        bool beyond = false;
        for (size_t c = 0; c < y->nc; c++) {
            f[c] = (float)v[c];
            beyond |= isinf(f[c]);
        }
        if (!beyond || s->st != MR_OK) continue;
        const mr_view one = {mr_at(y, t, 0), 1, y->nc, y->stride};
        const int64_t item = MR_MAX(mr_chain_row_first(w->chain, row), w->j->lane->out.a);
        s->st = mr_tile_beyond(w, item, (int64_t)s->c0 + w->r.ch[w->r.n].a, s->tile, &one);
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
    mr_marking m = mr_marking_of(k->w, (mr_slab){item, item + 1}, n);
    mr_status st = mr_mark_ends(&m);
    if (st == MR_OK && k->spoils->n) st = mr_mark_spoils(&m, k->spoils, (int64_t)(k->c0 + c), 0, n);
    if (k->st == MR_OK) k->st = st;
    unsigned good = (1u << n) - 1;
    for (size_t i = 0; m.bad && i < n; i++)
        if (m.bad[i]) good &= ~(1u << i);
    free(m.bad);
    return good;
}

static mr_status fold_asked(const mr_block *w, const mr_fold_tile *t, mr_fold_job f)
{
    asked k = {w, (uint64_t)t->c.a, &w->j->spoils[t->tile], MR_OK};
    const mr_rows rows = {&k, load_asked, good_asked};
    const mr_view x = {.nc = (size_t)(t->c.b - t->c.a)};
    f.x = &x;
    f.rows = &rows;
    mr_chain_fold(w->chain, &f);
    return k.st;
}

/** Raw rows in stripes, each loaded and taken in while it is in cache. */
static mr_status fold_raw(const mr_block *w, const mr_fold_tile *t, mr_fold_job f)
{
    mr_status st = MR_OK;
    const mr_needs *d = mr_chain_reduces(w->chain);
    const size_t width = (size_t)(t->c.b - t->c.a);
    const size_t most = MR_MAX(d->stripe, (size_t)d->items.len);
    const mr_slab span = w->r.span[0];
    mr_spoils *spoils = &w->j->spoils[t->tile];
    mr_marking k = mr_marking_of(w, w->r.out, width);
    mr_view x = t->room->x;
    f.x = &x;
    for (int64_t a = w->r.out.a; a < w->r.out.b; a = f.items.b) {
        f.items = (mr_slab){a, stripe_end(w, a, most)};
        const mr_slab raw = {
            mr_item(&d->items, a, span, mr_chain_reducer_rate(w->chain)).a,
            mr_item(&d->items, f.items.b - 1, span, mr_chain_reducer_rate(w->chain)).b};
        x.nt = (size_t)(raw.b - raw.a);
        f.x0 = raw.a;
        k.items = f.items;
        MR_TRY(mr_tile_load(w->m, w->j, raw, (uint64_t)t->c.a, &x, spoils));
        if (spoils->n) MR_TRY(mr_mark_spoils(&k, spoils, t->c.a, 0, width));
        MR_TRY(mr_mark_ends(&k));
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

/** The tile's picks by the array's channels; MR_ECONFIG where there are too many. */
static mr_status number_picks(const mr_fold_tile *t, mr_picks *p, size_t from)
{
    for (size_t i = from; p && i < p->n; i++) p->v[i].channel += (uint32_t)t->c.a;
    return p ? p->st : MR_OK;
}

static mr_status fold_tile(const mr_block *w, const mr_fold_tile *t, mr_picks *picks)
{
    mr_status st = MR_OK;
    const int64_t c0 = w->r.ch[w->r.n].a;
    sink s = {.w = w,
              .shape = mr_array_shape(&w->m->plan->arrays[w->j->lane->array]),
              .c0 = (uint64_t)(t->c.a - c0),
              .tile = t->tile};
    mr_fold_row now = {0};
    mr_fold_job f = {.r = &w->r,
                     .lane = w->j->lane->out,
                     .items = w->r.out,
                     .x = t->x,
                     .x0 = w->r.in[w->r.n - 1].a,
                     .now = &now,
                     .state = w->j->state + t->tile * MR_TILE * mr_chain_state(w->chain),
                     .width = MR_TILE,
                     .work = t->room->work,
                     .shared = t->shared,
                     .bad0 = w->r.out.a,
                     .picks = picks,
                     .row = store_row,
                     .arg = &s};
    if (!t->x) {
        st = mr_chain_by_rows(w->chain) ? fold_asked(w, t, f) : fold_raw(w, t, f);
        return st != MR_OK ? st : s.st;
    }
    mr_marking k = mr_marking_of(w, w->r.out, t->x->nc);
    const bool raw = t->step->from == MR_FROM_RAW;
    MR_TRY(mr_mark_spoils(&k, raw ? &w->j->spoils[t->tile] : NULL, t->c.a, 0, t->x->nc));
    MR_TRY(mr_mark_ends(&k));
    f.bad = k.bad;
    mr_chain_fold(w->chain, &f);
    st = s.st;
out:
    free(k.bad);
    return st;
}

mr_status mr_fold_run(const mr_block *w, const mr_fold_tile *t)
{
    mr_picks *picks = w->j->picks ? &w->j->picks[t->tile] : NULL;
    const size_t from = picks ? picks->n : 0;
    const mr_status st = fold_tile(w, t, picks);
    return st == MR_OK ? number_picks(t, picks, from) : st;
}
