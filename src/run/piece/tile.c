/* run/piece/tile.c: raw rows become a float64 tile, a tile becomes float32 or float64 rows. What is
 * not finite is bridged on the way in and kept as runs; on the way out it becomes NaN where it
 * reaches. */
#include <math.h>
#include <string.h>
#include "run/mill/mill.h"

/** Channel c of the array as it stands in the lane's buffered row. */
static uint64_t buffered(const mr_array *a, const mr_lane *l, uint64_t c)
{
    return a->even ? c - (uint64_t)l->read.a : a->chan[c] - a->chan[0];
}

/** Rows [r.a, r.b) of a slab, all stored as f says, into the tile; true if something is not finite.
 */
static bool load_alike(const mr_array *a, const mr_lane *l, const mr_file_info *f, double factor,
                       const mr_job_slab *s, mr_slab r, uint64_t c0, double *dst, const mr_view *x)
{
    const mr_dtype dt = f->store.dtype;
    const char *src = s->buf + (size_t)(r.a - s->raw.a) * a->row_bytes;
    const size_t n = (size_t)(r.b - r.a);
    if (a->even)
        return mr_load_values(f, factor, src + buffered(a, l, c0) * dt.size, a->row_bytes, n, x->nc,
                              dst, x->stride);
    bool bad = false;
    for (size_t c = 0; c < x->nc; c++)
        bad |= mr_load_values(f, factor, src + buffered(a, l, c0 + c) * dt.size, a->row_bytes, n, 1,
                              dst + c, x->stride);
    return bad;
}

/** The same of rows of any files: each may store its samples otherwise. */
static bool load_rows(const mr_plan *p, const mr_lane *l, const mr_job_slab *s, mr_slab r,
                      uint64_t c0, double *dst, const mr_view *x)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    size_t first, n;
    bool bad = false;
    if (a->uniform) return load_alike(a, l, &a->facts, 1, s, r, c0, dst, x);
    mr_span_parts(&p->spans, sp, r.a - sp->index0, r.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_part *q = &p->spans.part[i];
        const int64_t k = sp->index0 + q->k;
        const mr_slab some = {MR_MAX(r.a, k), MR_MIN(r.b, k + (int64_t)q->n)};
        bad |= load_alike(a, l, &p->cat->facts[p->cat->rows[q->file].kind],
                          mr_array_factor(p, a, q->file), s, some, c0,
                          dst + (size_t)(some.a - r.a) * x->stride, x);
    }
    return bad;
}

/** Samples that could not be read count as NaN. */
static bool punch(const mr_array *a, const mr_job *j, const mr_job_slab *s, mr_slab raw,
                  uint64_t c0, mr_view *x)
{
    bool any = false;
    for (size_t h = 0; h < s->n_holes; h++) {
        const mr_hole *o = &s->holes[h];
        for (int64_t t = MR_MAX(o->rows.a, raw.a); t < MR_MIN(o->rows.b, raw.b); t++)
            for (size_t c = 0; c < x->nc; c++) {
                const int64_t at = (int64_t)buffered(a, j->lane, c0 + c);
                if (at < o->chans.a || at >= o->chans.b) continue;
                *mr_at(x, (size_t)(t - raw.a), c) = NAN;
                any = true;
            }
    }
    return any;
}

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

/** Was this sample never read? */
static bool unread(const void *arg, int64_t row, uint64_t c)
{
    const mr_tile_feed *f = arg;
    const mr_array *a = &f->m->plan->arrays[f->j->lane->array];
    const int64_t at = (int64_t)buffered(a, f->j->lane, c);
    for (size_t i = f->j->oldest; i < f->j->n_slabs && f->j->slab[i].raw.a <= row; i++)
        for (size_t h = 0; h < f->j->slab[i].n_holes; h++) {
            const mr_hole *o = &f->j->slab[i].holes[h];
            if (row >= o->rows.a && row < o->rows.b && at >= o->chans.a && at < o->chans.b)
                return true;
        }
    return false;
}

mr_status mr_tile_load(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x,
                       mr_spoils *spoils)
{
    mr_status st = MR_OK;
    const mr_array *a = &m->plan->arrays[j->lane->array];
    const mr_tile_feed from = {.m = m, .j = j};
    bool bad = false;
    for (size_t i = j->oldest; i < j->n_slabs && j->slab[i].raw.a < raw.b; i++) {
        const mr_job_slab *s = &j->slab[i];
        const mr_slab r = {MR_MAX(s->raw.a, raw.a), MR_MIN(s->raw.b, raw.b)};
        if (r.a >= r.b) continue;
        bad |= load_rows(m->plan, j->lane, s, r, c0, mr_at(x, (size_t)(r.a - raw.a), 0), x);
    }
    for (size_t i = j->oldest; i < j->n_slabs && j->slab[i].raw.a < raw.b; i++)
        if (j->slab[i].n_holes) bad |= punch(a, j, &j->slab[i], raw, c0, x);
    if (spoils >= j->spoils && spoils < j->spoils + j->n_tiles) /* sources are channels, too */
        st = mr_quality_look(&j->quality[spoils - j->spoils], &j->look, raw, c0, x, bad, unread,
                             &from);
    return st == MR_OK && bad ? bridge(raw, c0, x, spoils) : st;
}

bool mr_tile_clean(const mr_job *j, mr_slab raw, const mr_spoils *spoils)
{
    if (spoils->n) return false;
    for (size_t i = j->oldest; i < j->n_slabs && j->slab[i].raw.a < raw.b; i++)
        if (j->slab[i].n_holes) return false;
    return true;
}

/** Load rows up to n: each to its place in x, or packed from x's first row on. */
static void load_up_to(mr_tile_feed *f, size_t n, bool packed)
{
    const size_t from = packed ? f->have : 0;
    while (f->have < n) {
        const mr_job_slab *s = &f->j->slab[f->slab];
        const int64_t at = f->raw.a + (int64_t)f->have;
        if (s->raw.b <= at) {
            f->slab++;
            continue;
        }
        const mr_slab r = {at, MR_MIN(s->raw.b, f->raw.a + (int64_t)n)};
        const mr_view x = {mr_at(f->x, f->have - from, 0), (size_t)(r.b - r.a), f->x->nc,
                           f->x->stride};
        const bool bad = load_rows(f->m->plan, f->j->lane, s, r, f->c0, x.d, f->x);
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

static mr_status blank_spoilt(void *arg, mr_slab ch, mr_slab raw)
{
    const stored *s = arg;
    blank(s, ch, mr_chain_spoils(s->w->chain, s->span, raw));
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

mr_status mr_tile_store(const mr_block *w, mr_extent out, size_t tile, const mr_view *y,
                        const mr_spoils *own)
{
    const mr_array *a = &w->m->plan->arrays[w->j->lane->array];
    stored s = {w, out, mr_lane_span(w->m->plan, w->j->lane), a->f64};
    mr_slab head, tail;
    mr_status st = MR_OK;
    if (store_rows(&s, y)) st = mr_tile_beyond(w, out.t.a, out.c.a, tile, y);
    if (st != MR_OK) return st;
    mr_chain_blanks(w->chain, s.span, &head, &tail);
    blank(&s, out.c, head);
    blank(&s, out.c, tail);
    return mr_spoils_reaching(w, w->r.n, out.c, own, blank_spoilt, &s);
}
