/* run/piece/load.c: raw rows become rows of a float64 tile, as they are stored; NaN where they
 * could not be read. */
#include <math.h>
#include "run/piece/piece.h"

/** Channel c of the array as it stands in the lane's buffered row. */
static uint64_t buffered(const mr_array *a, const mr_lane *l, uint64_t c)
{
    return a->even ? c - (uint64_t)l->read.a : a->chan[c] - a->chan[0];
}

/** Rows [r.a, r.b) of an intake, all stored as f says, into the tile; true if something is not
 * finite. */
static bool load_alike(const mr_array *a, const mr_lane *l, const mr_file_info *f, double factor,
                       const mr_intake *s, mr_slab r, uint64_t c0, double *dst, const mr_view *x)
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

/* Each of the files may store its samples otherwise. */
bool mr_load_rows(const mr_plan *p, const mr_lane *l, const mr_intake *s, mr_slab r, uint64_t c0,
                  double *dst, const mr_view *x)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    size_t first, n;
    bool bad = false;
    if (a->uniform) return load_alike(a, l, &a->facts, 1, s, r, c0, dst, x);
    mr_span_legs(&p->spans, sp, r.a - sp->index0, r.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *q = &p->spans.leg[i];
        const int64_t k = sp->index0 + q->k;
        const mr_slab some = {MR_MAX(r.a, k), MR_MIN(r.b, k + (int64_t)q->n)};
        bad |= load_alike(a, l, &p->cat->facts[p->cat->rows[q->file].form],
                          mr_array_factor(p, a, q->file), s, some, c0,
                          dst + (size_t)(some.a - r.a) * x->stride, x);
    }
    return bad;
}

/** Samples that could not be read count as NaN. */
static bool punch(const mr_array *a, const mr_job *j, const mr_intake *s, mr_slab raw, uint64_t c0,
                  mr_view *x)
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

bool mr_tile_unread(const void *arg, int64_t row, uint64_t c)
{
    const mr_tile_feed *f = arg;
    const mr_array *a = &f->m->plan->arrays[f->j->lane->array];
    const int64_t at = (int64_t)buffered(a, f->j->lane, c);
    for (size_t i = f->j->oldest; i < f->j->n_intakes && f->j->intake[i].raw.a <= row; i++)
        for (size_t h = 0; h < f->j->intake[i].n_holes; h++) {
            const mr_hole *o = &f->j->intake[i].holes[h];
            if (row >= o->rows.a && row < o->rows.b && at >= o->chans.a && at < o->chans.b)
                return true;
        }
    return false;
}

bool mr_tile_raw(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, mr_view *x)
{
    const mr_array *a = &m->plan->arrays[j->lane->array];
    bool bad = false;
    for (size_t i = j->oldest; i < j->n_intakes && j->intake[i].raw.a < raw.b; i++) {
        const mr_intake *s = &j->intake[i];
        const mr_slab r = {MR_MAX(s->raw.a, raw.a), MR_MIN(s->raw.b, raw.b)};
        if (r.a >= r.b) continue;
        bad |= mr_load_rows(m->plan, j->lane, s, r, c0, mr_at(x, (size_t)(r.a - raw.a), 0), x);
    }
    for (size_t i = j->oldest; i < j->n_intakes && j->intake[i].raw.a < raw.b; i++)
        if (j->intake[i].n_holes) bad |= punch(a, j, &j->intake[i], raw, c0, x);
    return bad;
}
