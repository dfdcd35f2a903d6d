/* run/tile.c: raw rows become a float64 tile, a tile becomes float32 or float64 rows. What is not
 * finite is bridged on the way in and kept as runs; on the way out it becomes NaN where it reaches.
 */
#include <math.h>
#include <string.h>
#include "run/mill.h"

/** Channel c of the lane as it stands in the buffered row. */
static uint64_t buffered(const mr_array *a, const mr_lane *l, uint64_t c)
{
    return a->even ? c : a->chan[l->c0 + c] - a->chan[0];
}

/** One slab's rows [r.a, r.b) into the tile; true if something is not finite. */
static bool load_rows(const mr_array *a, const mr_lane *l, const mr_job_slab *s, mr_slab r,
                      uint64_t c0, double *dst, const mr_view *x)
{
    const mr_dtype dt = a->facts.store.dtype;
    const char *src = s->buf + (size_t)(r.a - s->raw.a) * a->row_bytes;
    const size_t n = (size_t)(r.b - r.a);
    if (a->even) return mr_load_f64(dt, src + c0 * dt.size, a->row_bytes, n, x->nc, dst, x->stride);
    bool bad = false;
    for (size_t c = 0; c < x->nc; c++)
        bad |= mr_load_f64(dt, src + buffered(a, l, c0 + c) * dt.size, a->row_bytes, n, 1, dst + c,
                           x->stride);
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

static mr_status spoil(uint64_t c, mr_slab bad, mr_spoils *sp)
{
    mr_status st = MR_OK;
    for (size_t i = sp->n; i-- > 0;) /* joins what the block before already knew */
        if (sp->v[i].c == c && sp->v[i].raw.a <= bad.b && bad.a <= sp->v[i].raw.b) {
            sp->v[i].raw.a = MR_MIN(sp->v[i].raw.a, bad.a);
            sp->v[i].raw.b = MR_MAX(sp->v[i].raw.b, bad.b);
            return MR_OK;
        }
    MR_TRY(mr_grow(&sp->v, &sp->cap, sp->n + 1, sizeof *sp->v, "spoiled ranges"));
    sp->v[sp->n++] = (mr_spoil){(uint32_t)c, bad};
out:
    return st;
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
            MR_TRY(spoil(c0 + c, (mr_slab){raw.a + (int64_t)t, raw.a + (int64_t)e}, sp));
            t = e;
        }
out:
    return st;
}

mr_status mr_tile_load(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x,
                       mr_spoils *spoils)
{
    const mr_array *a = &m->plan->arrays[j->lane->array];
    bool bad = false;
    for (size_t i = j->oldest; i < j->n_slabs && j->slab[i].raw.a < raw.b; i++) {
        const mr_job_slab *s = &j->slab[i];
        const mr_slab r = {MR_MAX(s->raw.a, raw.a), MR_MIN(s->raw.b, raw.b)};
        if (r.a >= r.b) continue;
        bad |= load_rows(a, j->lane, s, r, c0, mr_at(x, (size_t)(r.a - raw.a), 0), x);
    }
    for (size_t i = j->oldest; i < j->n_slabs && j->slab[i].raw.a < raw.b; i++)
        if (j->slab[i].n_holes) bad |= punch(a, j, &j->slab[i], raw, c0, x);
    return bad ? bridge(raw, c0, x, spoils) : MR_OK;
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
    const mr_array *a = &f->m->plan->arrays[f->j->lane->array];
    const size_t from = packed ? f->have : 0;
    while (f->have < n) {
        const mr_job_slab *s = &f->j->slab[f->slab];
        const int64_t at = f->raw.a + (int64_t)f->have;
        if (s->raw.b <= at) {
            f->slab++;
            continue;
        }
        const mr_slab r = {at, MR_MIN(s->raw.b, f->raw.a + (int64_t)n)};
        f->bad |= load_rows(a, f->j->lane, s, r, f->c0, mr_at(f->x, f->have - from, 0), f->x);
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

/** Where a tile's rows go. */
typedef struct target {
    void *block; /* [out][nc] */
    bool f64;
    size_t nc;
    mr_slab out;
} target;

static void blank(const target *k, uint64_t c, mr_slab nan)
{
    for (int64_t t = MR_MAX(k->out.a, nan.a); t < MR_MIN(k->out.b, nan.b); t++) {
        const size_t at = (size_t)(t - k->out.a) * k->nc + c;
        if (k->f64)
            ((double *)k->block)[at] = NAN;
        else
            ((float *)k->block)[at] = NAN;
    }
}

static void store_rows(const target *k, uint64_t c0, const mr_view *y)
{
    for (size_t t = 0; t < y->nt; t++) {
        const double *src = mr_at(y, t, 0);
        const size_t at = t * k->nc + c0;
        if (k->f64) {
            memcpy((double *)k->block + at, src, y->nc * sizeof *src);
            continue;
        }
        float *dst = (float *)k->block + at;
        for (size_t c = 0; c < y->nc; c++) dst[c] = (float)src[c];
    }
}

void mr_tile_store(const mr_mill *m, const mr_job *j, mr_slab out, uint64_t c0, const mr_view *y,
                   const mr_spoils *spoils, void *block, size_t nc)
{
    const mr_array *a = &m->plan->arrays[j->lane->array];
    const mr_span *s = &m->plan->spans.span[j->lane->span];
    const target k = {block, a->f64, nc, out};
    store_rows(&k, c0, y);
    const mr_slab span = {s->index0, s->index0 + s->n};
    mr_slab head, tail;
    mr_chain_blanks(a->chain, span, &head, &tail);
    for (size_t c = 0; c < y->nc; c++) {
        blank(&k, c0 + c, head);
        blank(&k, c0 + c, tail);
    }
    for (size_t i = 0; i < spoils->n; i++)
        blank(&k, spoils->v[i].c, mr_chain_spoils(a->chain, span, spoils->v[i].raw));
}
