/* run/piece/tile.c: raw rows become a float64 tile, a tile becomes float32 or float64 rows. What is
 * not finite is bridged on the way in and kept as runs; on the way out it becomes NaN where it
 * reaches. */
#include <math.h>
#include <string.h>
#include "run/piece/piece.h"

/** Bridge each run that is not finite by the last good value before it, else the next after it. */
static mr_status bridge(mr_slab raw, uint64_t c0, mr_view *x, mr_spoils *sp)
{
    mr_status st = MR_OK;
    for (size_t c = 0; c < x->nc; c++)
        for (size_t t = 0; t < x->nt; t++) {
            if (isfinite(*mr_at(x, t, c))) continue;
            size_t e = t;
            while (e < x->nt && !isfinite(*mr_at(x, e, c))) e++;
            const double v = t > 0 ? *mr_at(x, t - 1, c) : e < x->nt ? *mr_at(x, e, c) : 0.0;
            for (size_t k = t; k < e; k++) *mr_at(x, k, c) = v;
            MR_TRY(mr_spoil_add(c0 + c, (mr_slab){raw.a + (int64_t)t, raw.a + (int64_t)e}, sp));
            t = e;
        }
out:
    return st;
}

static bool masks(const mr_look *k)
{
    return k->mask > 0 || isfinite(k->above);
}

/** Look at what was loaded, count what is masked and make NaN of it, a few channels at a time. */
static mr_status look_and_mask(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0,
                               const mr_view *x, mr_tile_quality *q, bool *bad)
{
    mr_status st = MR_OK;
    const mr_tile_feed at = {.m = m, .j = j};
    const bool stored = *bad;
    size_t n;
    if (!masks(&j->look))
        return q ? mr_quality_look(q, &j->look, raw, c0, x, stored, mr_tile_unread, &at) : MR_OK;
    for (size_t c = 0; c < x->nc; c += n) {
        int64_t from[MR_TILE];
        n = MR_MIN(x->nc - c, (size_t)MR_TILE);
        const mr_view y = {x->d + c, x->nt, n, x->stride};
        for (size_t i = 0; q && i < n; i++) from[i] = mr_quality_next(q, c0 + c + i);
        if (q) MR_TRY(mr_quality_look(q, &j->look, raw, c0 + c, &y, stored, mr_tile_unread, &at));
        MR_TRY(mr_mask(m, j, raw, c0 + c, &y, q, from, bad));
    }
out:
    return st;
}

mr_status mr_tile_load(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x,
                       mr_spoils *spoils)
{
    mr_status st = MR_OK;
    bool bad = mr_tile_raw(m, j, raw, c0, x);
    const bool own = spoils >= j->spoils && spoils < j->spoils + j->n_tiles;
    mr_tile_quality *q = own ? &j->quality[spoils - j->spoils] : NULL; /* sources: channels, too */
    MR_TRY(look_and_mask(m, j, raw, c0, x, q, &bad));
    if (bad) st = bridge(raw, c0, x, spoils);
out:
    return st;
}

bool mr_tile_clean(const mr_job *j, mr_slab raw, const mr_spoils *spoils)
{
    if (spoils->n || masks(&j->look)) return false;
    for (size_t i = j->oldest; i < j->n_intakes && j->intake[i].raw.a < raw.b; i++)
        if (j->intake[i].n_holes) return false;
    return true;
}

/** Load rows up to n: each to its place in x, or packed from x's first row on. */
static void load_up_to(mr_tile_feed *f, size_t n, bool packed)
{
    const size_t from = packed ? f->have : 0;
    while (f->have < n) {
        const mr_intake *s = &f->j->intake[f->intake];
        const int64_t at = f->raw.a + (int64_t)f->have;
        if (s->raw.b <= at) {
            f->intake++;
            continue;
        }
        const mr_slab r = {at, MR_MIN(s->raw.b, f->raw.a + (int64_t)n)};
        const mr_view x = {mr_at(f->x, f->have - from, 0), (size_t)(r.b - r.a), f->x->nc,
                           f->x->stride};
        const bool bad = mr_load_rows(f->m->plan, f->j->lane, s, r, f->c0, x.d, f->x);
        const mr_status st =
            mr_quality_look(&f->j->quality[f->tile], &f->j->look, r, f->c0, &x, bad, NULL, NULL);
        if (st != MR_OK && f->st == MR_OK) f->st = st;
        f->bad |= bad;
        f->have += (size_t)(r.b - r.a);
    }
}

void mr_tile_pull(void *feed, size_t n)
{
    mr_tile_feed *f = feed;
    load_up_to(f, MR_MIN(n, f->x->nt), false);
}

const double *mr_tile_next(void *feed, size_t n)
{
    mr_tile_feed *f = feed;
    load_up_to(f, MR_MIN(f->have + n, f->x->nt), true);
    return f->x->d;
}

bool mr_tile_spoilt(void *feed)
{
    return ((const mr_tile_feed *)feed)->bad;
}

/** A tile in the output block. */
typedef struct stored {
    const mr_block *w;
    mr_extent out;
    mr_slab span;
    bool f64;
} stored;

/** Place of the first of the tile's channels, at output sample t. */
static size_t place(const stored *s, int64_t t)
{
    const mr_slab all = s->w->r.ch[s->w->r.n];
    return (size_t)(t - s->w->r.out.a) * s->w->nc + (size_t)(s->out.c.a - all.a);
}

static void blank(const stored *s, mr_slab ch, mr_slab nan)
{
    for (int64_t t = MR_MAX(s->out.t.a, nan.a); t < MR_MIN(s->out.t.b, nan.b); t++)
        for (int64_t c = ch.a; c < ch.b; c++) {
            const size_t at = place(s, t) + (size_t)(c - s->out.c.a);
            if (s->f64)
                ((double *)s->w->out)[at] = NAN;
            else
                ((float *)s->w->out)[at] = NAN;
        }
}

static mr_status blank_spoilt(void *arg, mr_slab ch, mr_slab bad)
{
    const stored *s = arg;
    blank(s, ch, bad);
    return MR_OK;
}

/** True if a number became infinite. */
static bool store_rows(const stored *s, const mr_view *y)
{
    uint32_t odd = 0;
    for (size_t t = 0; t < y->nt; t++) {
        const double *src = mr_at(y, t, 0);
        const size_t at = place(s, s->out.t.a + (int64_t)t);
        if (s->f64) {
            memcpy((double *)s->w->out + at, src, y->nc * sizeof *src);
            continue;
        }
        float *dst = (float *)s->w->out + at;
        for (size_t c = 0; c < y->nc; c++) {
            union {
                float f;
                uint32_t bits;
            } v = {.f = (float)src[c]};
            dst[c] = v.f;
            odd |= (v.bits & 0x7fffffff) + 0x00800000; /* carries if the exponent is all ones */
        }
    }
    return odd >> 31;
}

mr_status mr_tile_beyond(const mr_block *w, int64_t out, int64_t c, size_t tile, const mr_view *y)
{
    mr_status st = MR_OK;
    const mr_lane *l = w->j->lane;
    mr_slab ch[MR_MAX_OPS + 1];
    int64_t num, den;
    for (size_t t = 0; t < y->nt; t++)
        for (size_t i = 0; i < y->nc; i++) {
            const double v = *mr_at(y, t, i);
            if (!isfinite(v) || isfinite((float)v)) continue;
            mr_chain_position(w->chain, mr_lane_span(w->m->plan, l), out + (int64_t)t, &num, &den);
            mr_chain_channels(w->chain, (mr_slab){c + (int64_t)i, c + (int64_t)i + 1}, ch);
            int64_t raw = mr_div_floor(num, den);
            raw = MR_MAX(MR_MIN(raw, l->raw.b - 1), l->raw.a);
            const mr_flaw f = {.kind = MR_FLAW_BEYOND,
                               .c0 = (uint32_t)ch[0].a,
                               .c1 = (uint32_t)ch[0].a + 1,
                               .raw = {raw, raw + 1},
                               .count = 1,
                               .value = fabs(v)};
            MR_TRY(mr_quality_note(&w->j->quality[tile], &f));
        }
out:
    return st;
}

/** NaN where the chain has no answer, or a spoilt sample reaches. */
static mr_status blank_all(stored *s, const mr_spoils *own)
{
    mr_slab head, tail;
    mr_chain_blanks(s->w->chain, s->w->r.n, s->span, &head, &tail);
    blank(s, s->out.c, head);
    blank(s, s->out.c, tail);
    return mr_spoils_reaching(s->w, s->w->r.n, s->out.c, own, blank_spoilt, s);
}

mr_status mr_slice_store(const mr_block *w, mr_extent out, const mr_view *y, atomic_bool *beyond)
{
    const mr_array *a = &w->m->plan->arrays[w->j->lane->array];
    stored s = {w, out, mr_lane_span(w->m->plan, w->j->lane), a->f64};
    if (store_rows(&s, y)) atomic_store(beyond, true);
    return blank_all(&s, NULL);
}

mr_status mr_tile_store(const mr_block *w, mr_extent out, size_t tile, const mr_view *y,
                        const mr_spoils *own)
{
    const mr_array *a = &w->m->plan->arrays[w->j->lane->array];
    stored s = {w, out, mr_lane_span(w->m->plan, w->j->lane), a->f64};
    mr_status st = MR_OK;
    if (store_rows(&s, y)) st = mr_tile_beyond(w, out.t.a, out.c.a, tile, y);
    return st == MR_OK ? blank_all(&s, own) : st;
}
