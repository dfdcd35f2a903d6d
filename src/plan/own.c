/* plan/own.c: what of the input is one lane's alone, and one tile's of it, so that each sample is
 * looked at once; and what a file's samples are worth in its array. */
#include "plan/plan.h"

/** The first raw sample that belongs to output index m or a later one: its own place, unless what
 *  is read for the one before ends earlier. */
static int64_t own_from(const mr_array *a, mr_slab span, int64_t m)
{
    const mr_slab all = mr_chain_out_span(a->chain, span), none = {0, 0};
    mr_block_ranges r;
    int64_t num, den;
    if (m <= all.a) return span.a;
    if (m >= all.b) return span.b;
    mr_chain_position(a->chain, span, m, &num, &den);
    mr_chain_ranges(a->chain, span, (mr_slab){m - 1, m}, false, none, &r);
    return MR_MIN(mr_div_ceil(num, den), r.raw.b);
}

mr_slab mr_lane_own(const mr_plan *p, const mr_lane *l)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_slab span = mr_lane_span(p, l);
    const mr_slab out = mr_chain_picks(a->chain) ? l->own : l->out;
    const int64_t first = own_from(a, span, out.a), end = own_from(a, span, out.b);
    return (mr_slab){MR_MAX(first, l->fed.a), MR_MIN(end, l->fed.b)};
}

/** At the input of operator `op`: those that the channels before `out` do not need. */
static mr_slab channels_own(const mr_chain *c, size_t op, mr_slab out)
{
    mr_slab before[MR_MAX_OPS + 1], ch[MR_MAX_OPS + 1];
    mr_chain_channels(c, out, ch);
    if (out.a > 0) mr_chain_channels(c, (mr_slab){out.a - 1, out.a}, before);
    return (mr_slab){out.a > 0 ? MR_MAX(before[op].b, ch[op].a) : ch[op].a, ch[op].b};
}

mr_slab mr_lane_own_channels(const mr_plan *p, const mr_lane *l)
{
    return channels_own(p->arrays[l->array].chain, 0, (mr_slab){(int64_t)l->c0, (int64_t)l->c1});
}

/** The first sample of operator op's input that output index m needs and none before it does. */
static int64_t needed_from(const mr_array *a, size_t op, mr_slab span, int64_t m)
{
    const mr_slab all = mr_chain_out_span(a->chain, span), none = {0, 0};
    mr_block_ranges r;
    mr_chain_ranges(a->chain, span, all, true, none, &r);
    if (m <= all.a) return r.span[op].a;
    if (m >= all.b) return r.span[op].b;
    mr_chain_ranges(a->chain, span, (mr_slab){m - 1, m}, false, none, &r);
    return op < r.n ? r.in[op].b : r.out.b;
}

mr_extent mr_lane_own_at(const mr_plan *p, const mr_lane *l, size_t op)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_slab span = mr_lane_span(p, l);
    const mr_slab out = mr_chain_picks(a->chain) ? l->own : l->out;
    return (mr_extent){{needed_from(a, op, span, out.a), needed_from(a, op, span, out.b)},
                       channels_own(a->chain, op, (mr_slab){(int64_t)l->c0, (int64_t)l->c1})};
}

double mr_array_factor(const mr_plan *p, const mr_array *a, uint32_t row)
{
    return mr_catalog_factor((mr_quantity_join)mr_config_joins(p->cfg), &a->facts,
                             &p->cat->facts[p->cat->rows[row].form]);
}

mr_slab mr_lane_tile_channels(const mr_plan *p, const mr_lane *l, size_t tile)
{
    const mr_chain *c = p->arrays[l->array].chain;
    const mr_program *program = mr_chain_program(c);
    mr_slab own = mr_lane_own_channels(p, l);
    mr_block_ranges r;
    mr_extent in, out;
    mr_lane_ranges(p, l, 0, &r);
    for (size_t k = 0; k < program->n; k++) {
        const mr_step *s = &program->v[k];
        if (s->by != MR_BY_TILE || s->from != MR_FROM_RAW) continue;
        if (tile >= mr_step_pieces(c, s, &r)) break;
        mr_step_piece(c, s, &r, tile, &in, &out);
        own.b = MR_MIN(own.b, in.c.b);
        own.a = MR_MAX(own.a, in.c.a);
        if (tile > 0) mr_step_piece(c, s, &r, tile - 1, &in, &out);
        if (tile > 0) own.a = MR_MAX(own.a, in.c.b);
        return own;
    }
    return (mr_slab){own.a, own.a};
}
