/* plan/intakes.c: a lane's raw samples as input buffers, cut where the chunks of its files end. */
#include "plan/plan.h"

/** Rows of file f that are best read together, counted from stored row 0. */
static uint64_t tier_of(const mr_plan *p, uint32_t f)
{
    return MR_MAX(mr_raw_tier_rows(&p->cat->facts[p->cat->rows[f].form]), (uint64_t)1);
}

static mr_status intake_end(mr_slab_list *out, int64_t *a, int64_t b)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&out->v, &out->cap, out->n + 1, sizeof *out->v, "input buffers"));
    out->v[out->n++] = (mr_slab){*a, b};
    *a = b;
out:
    return st;
}

mr_status mr_lane_intakes(const mr_plan *p, const mr_lane *l, mr_slab_list *out)
{
    mr_status st = MR_OK;
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    const int64_t rows = (int64_t)a->intake_rows, k0 = sp->index0;
    int64_t from = l->raw.a, at = l->raw.a;
    size_t first, n;
    mr_span_legs(&p->spans, sp, l->raw.a - k0, l->raw.b - k0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *q = &p->spans.leg[i];
        const int64_t end = MR_MIN(k0 + q->k + (int64_t)q->n, l->raw.b);
        const int64_t tier = sp->axis == MR_AXIS_GRID ? 1 : (int64_t)tier_of(p, q->file);
        const int64_t row0 = k0 + q->k - (int64_t)(q->skip + p->cat->rows[q->file].row0);
        while (at < end) { /* up to the next chunk edge, or as many as fit */
            int64_t next = tier > rows ? end : row0 + ((at - row0) / tier + 1) * tier;
            if (tier == 1) next = from + rows;
            next = MR_MIN(next, end);
            if (next - from > rows && at > from) MR_TRY(intake_end(out, &from, at));
            at = MR_MIN(next, from + rows);
            if (at - from == rows) MR_TRY(intake_end(out, &from, at));
        }
    }
    if (from < l->raw.b) MR_TRY(intake_end(out, &from, l->raw.b));
out:
    return st;
}
