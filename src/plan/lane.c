/* plan/lane.c: cut every span into lanes on the UTC grid, lanes into blocks and input buffers, and
 * give each lane its identity. */
#include "plan/plan.h"
#include "out/product/kinds.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utc.h"

static mr_slab raw_span(const mr_span *sp)
{
    return (mr_slab){sp->index0, sp->index0 + sp->n};
}

mr_slab mr_lane_span(const mr_plan *p, const mr_lane *l)
{
    return raw_span(&p->spans.span[l->span]);
}

/** Of a place among the span's samples: by the stamps, unless an operator went by them. */
static int64_t time_of(const mr_plan *p, const mr_array *a, const mr_span *sp, int64_t num,
                       int64_t den)
{
    return mr_chain_by_stamps(a->chain) ? mr_index_ns(num, den, a->in.rate_hz)
                                        : mr_span_time(&p->spans, sp, num, den);
}

/** By which lanes are cut and input.time selects: the stamps' time of a sample, the nominal one of
 * a reduction's row. */
static int64_t out_time(const mr_plan *p, const mr_array *a, const mr_span *sp, int64_t m)
{
    int64_t num, den;
    if (mr_chain_reduces(a->chain) && !mr_chain_picks(a->chain))
        return mr_chain_nominal_ns(a->chain, m);
    mr_chain_position(a->chain, raw_span(sp), m, &num, &den);
    return time_of(p, a, sp, num, den);
}

int64_t mr_lane_time(const mr_plan *p, const mr_lane *l, int64_t m)
{
    return out_time(p, &p->arrays[l->array], &p->spans.span[l->span], m);
}

/** First output index in [r.a, r.b] whose time is t or later (a hair before t counts as t). */
static int64_t first_at(const mr_plan *p, const mr_array *a, const mr_span *sp, mr_slab r,
                        int64_t t)
{
    const int64_t quarter = (int64_t)(0.25e9 / a->in.rate_hz), hair = MR_MIN(1000, quarter);
    while (r.a < r.b) {
        const int64_t mid = r.a + (r.b - r.a) / 2;
        if (out_time(p, a, sp, mid) + hair >= t)
            r.b = mid;
        else
            r.a = mid + 1;
    }
    return r.a;
}

/** Time of the row that item m belongs to: that of its window; by the stamps, where these have
 *  drifted a sample away. */
static int64_t row_time(const mr_plan *p, const mr_array *a, const mr_span *sp, int64_t m)
{
    int64_t num, den;
    const int64_t t = mr_chain_nominal_ns(a->chain, m), step = (int64_t)(1e9 / a->in.rate_hz);
    mr_chain_position(a->chain, raw_span(sp), m, &num, &den);
    const int64_t off = time_of(p, a, sp, num, den) - mr_index_ns(num, den, a->in.rate_hz);
    return off > step || off < -step ? t + off : t;
}

mr_row_shape mr_array_shape(const mr_array *a)
{
    const mr_geom *g = mr_chain_out(a->chain);
    const mr_needs *d = mr_chain_reduces(a->chain);
    if (!d) return (mr_row_shape){.f64 = a->f64};
    if (mr_chain_picks(a->chain)) return (mr_row_shape){.kind = MR_TABLE, .table = &mr_pick_table};
    return (mr_row_shape){.n_axes = g->n_axes,
                          .axis = g->axis,
                          .kind = d->row_ns == MR_ALL ? MR_SUMS : MR_ROWS,
                          .count_axes = d->count_axes,
                          .f64 = a->f64,
                          .power = g->power};
}

mr_slab mr_lane_rows_done(const mr_plan *p, const mr_lane *l, mr_slab out)
{
    const mr_chain *c = p->arrays[l->array].chain;
    if (mr_chain_picks(c)) return l->rows; /* none: they come as picks */
    return mr_chain_reduces(c) ? mr_chain_rows_done(c, l->out, out) : out;
}

size_t mr_lane_blocks(const mr_plan *p, const mr_lane *l)
{
    const mr_array *a = &p->arrays[l->array];
    const int64_t n = l->out.b - l->out.a, first = mr_lane_block(p, l, 0).b - l->out.a;
    return 1 + (size_t)mr_div_ceil(n - first, a->block_out);
}

mr_slab mr_lane_block(const mr_plan *p, const mr_lane *l, size_t i)
{
    const mr_array *a = &p->arrays[l->array];
    int64_t first = a->block_out;
    if (a->grid_ns != INT64_MAX) { /* the first block also warms up: it takes less on */
        double before, after;
        mr_array_context(a, true, &before, &after);
        const double warm = (a->before_s + a->after_s - before - after) * mr_chain_rate(a->chain);
        first = MR_MAX(first - (int64_t)MR_MIN(ceil(warm), 1e15), (first + 3) / 4);
    }
    mr_slab s = {l->out.a, l->out.a + first};
    if (i > 0) {
        s.a = l->out.a + first + (int64_t)(i - 1) * a->block_out;
        s.b = s.a + a->block_out;
    }
    s.b = MR_MIN(s.b, l->out.b);
    return s;
}

static void place(const mr_clock *k, int64_t t_ns, int64_t *n, double *frac)
{
    mr_span_place(k->spans, k->span, t_ns, n, frac);
}

void mr_lane_ranges(const mr_plan *p, const mr_lane *l, size_t i, mr_block_ranges *r)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_slab want = mr_lane_block(p, l, i), none = {0, 0};
    const mr_slab next = want.b < l->out.b ? mr_lane_block(p, l, i + 1) : none;
    mr_chain_ranges(a->chain, raw_span(&p->spans.span[l->span]), want, i == 0, next, r);
    r->clock = (mr_clock){place, &p->spans, &p->spans.span[l->span]};
    mr_chain_channels(a->chain, (mr_slab){(int64_t)l->c0, (int64_t)l->c1}, r->ch);
    r->raw = mr_array_looked_at(a, raw_span(&p->spans.span[l->span]), r->raw);
}

void mr_lane_tiles(const mr_plan *p, const mr_lane *l, size_t *loaded, size_t *states)
{
    const mr_chain *c = p->arrays[l->array].chain;
    const mr_program *program = mr_chain_program(c);
    mr_block_ranges r;
    mr_lane_ranges(p, l, 0, &r);
    *loaded = *states = 0;
    for (size_t k = 0; k < program->n; k++) {
        const mr_step *s = &program->v[k];
        if (s->by != MR_BY_TILE) continue;
        const size_t n = mr_step_pieces(c, s, &r);
        if (s->from == MR_FROM_RAW) *loaded = n;
        *states = MR_MAX(*states, n);
    }
}

uint64_t mr_array_channel(const mr_array *a, uint64_t c)
{
    return mr_chain_out(a->chain)->chan[c];
}

void mr_lane_times(const mr_plan *p, const mr_lane *l, int64_t *t)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    const int64_t n = l->rows.b - l->rows.a;
    if (mr_chain_reduces(a->chain)) {
        for (int64_t i = 0; i < n; i++)
            t[i] = row_time(p, a, sp, i ? mr_chain_row_first(a->chain, l->rows.a + i) : l->out.a);
        return;
    }
    const long double step = 1e9L / (long double)mr_array_out_rate(a);
    bool even = true;
    for (int64_t i = 0; i < n; i++) {
        t[i] = out_time(p, a, sp, l->out.a + i);
        if (fabsl((long double)(t[i] - t[0]) - i * step) > 1000.0L) even = false;
    }
    for (int64_t i = 1; even && i < n; i++) t[i] = t[0] + (int64_t)llroundl(i * step);
}

mr_status mr_lane_ledger(const mr_plan *p, const mr_lane *l, mr_strs *out)
{
    mr_status st = MR_OK;
    mr_text line = {0};
    char t0[40], t1[40], name[300];
    mr_odd_list list = {0};
    MR_TRY(mr_spans_odds_in(&p->spans, l->t0_ns, l->t1_ns, &list));
    for (size_t i = 0; i < list.n; i++) {
        const mr_odd *o = &p->spans.odd[list.v[i]];
        if (mr_catalog_group_of(p->cat, o->file) != p->arrays[l->array].group) continue;
        if (o->kind == MR_ODD_CLOCK && strstr(o->note, "in the future")) continue; /* for now */
        line.len = 0;
        mr_printable(mr_base_name(mr_catalog_path(p->cat, o->file)), name, sizeof name);
        MR_TRY(mr_text_add(&line, "%s %s %s %s ", mr_odd_name(o->kind), mr_utc_iso(o->t0_ns, t0),
                           mr_utc_iso(o->t1_ns, t1), name));
        if (o->kind == MR_ODD_OVERLAP || o->kind == MR_ODD_DUPLICATE) {
            mr_printable(mr_base_name(mr_catalog_path(p->cat, o->other)), name, sizeof name);
            MR_TRY(mr_text_add(&line, "%llu samples stand in %s already",
                               (unsigned long long)o->skip, name));
        } else {
            MR_TRY(mr_text_add(&line, "%s", o->note));
        }
        MR_TRY(mr_strs_add(out, line.s));
    }
out:
    free(list.v);
    mr_text_fini(&line);
    return st;
}

/** Identity: all that decides the lane's bytes. Span bounds count only where they cut the context.
 */
static mr_status lane_key(const mr_plan *p, mr_lane *l)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    mr_strs ledger = {0};
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    const int64_t k0 = sp->index0;
    size_t first, n;
    MR_TRY(mr_text_add(&t, "plan %s design %s array %a %a %a %llu\n", p->digest.hex, a->design.hex,
                       a->in.rate_hz, a->facts.x0_m, a->in.dx_m, (unsigned long long)a->nc));
    MR_TRY(mr_text_add(&t, "out %lld %lld raw %lld %lld channels %llu %llu blocks %lld\n",
                       (long long)l->out.a, (long long)l->out.b, (long long)l->raw.a,
                       (long long)l->raw.b, (unsigned long long)l->c0, (unsigned long long)l->c1,
                       (long long)a->block_out));
    const mr_geom *g = mr_chain_out(a->chain);
    const mr_row_shape shape = mr_array_shape(a);
    const bool sums = mr_product_of(&shape)->sums;
    if (sums || strcmp(g->quantity, a->in.quantity) != 0 || strcmp(g->unit, a->in.unit) != 0)
        MR_TRY(mr_text_add(&t, "%s %s in %s\n", sums ? "sums of" : "gives", g->quantity, g->unit));
    MR_TRY(mr_text_add(&t, "rows %lld %lld\n", (long long)l->rows.a, (long long)l->rows.b));
    if (mr_chain_picks(a->chain))
        MR_TRY(mr_text_add(&t, "own %lld %lld\n", (long long)l->own.a, (long long)l->own.b));
    MR_TRY(mr_text_add(&t, "ends %d %d\n", l->raw.a == k0, l->raw.b == k0 + sp->n));
    for (size_t i = 0; i < mr_chain_n(a->chain); i++)
        if (mr_chain_needs(a->chain, i)->align_span) {
            MR_TRY(mr_text_add(&t, "span %lld\n", (long long)k0));
            break;
        }
    mr_span_legs(&p->spans, sp, l->raw.a - k0, l->raw.b - k0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *q = &p->spans.leg[i];
        const mr_row *r = &p->cat->rows[q->file];
        MR_TRY(mr_text_add(&t, "file %s %lld at %lld skip %llu time %lld\n",
                           mr_base_name(mr_catalog_path(p->cat, q->file)), (long long)r->size,
                           (long long)(k0 + q->k), (unsigned long long)q->skip,
                           (long long)q->t_ns));
        if (p->spans.stamp && p->spans.stamp[i])
            MR_TRY(mr_text_add(
                &t, "its times %s\n",
                mr_digest_of(p->spans.stamp[i], q->rows * sizeof **p->spans.stamp).hex));
        const bool alone = i + 1 == sp->leg0 + sp->n_legs || q[1].skip;
        if (alone && q->step_ns > 0) MR_TRY(mr_text_add(&t, "step %a\n", q->step_ns));
        if (q->file >= p->cat->n_files)
            MR_TRY(
                mr_text_add(&t, "its %s from row %u\n", p->cat->facts[r->form].dataset, r->row0));
    }
    const mr_leg *last = &p->spans.leg[first + n - 1];
    if (mr_span_bends(&p->spans, sp, first + n - 1))
        MR_TRY(mr_text_add(&t, "then %lld %llu\n", (long long)last[1].t_ns,
                           (unsigned long long)last->n));
    if (sp->axis == MR_AXIS_GRID && first + n < sp->leg0 + sp->n_legs) /* a line leads there */
        MR_TRY(mr_text_add(&t, "then row 0 of %s %lld at %lld\n",
                           mr_base_name(mr_catalog_path(p->cat, last[1].file)),
                           (long long)p->cat->rows[last[1].file].size,
                           (long long)p->spans.stamp[first + n][0]));
    MR_TRY(mr_lane_ledger(p, l, &ledger));
    for (size_t i = 0; i < ledger.n; i++) MR_TRY(mr_text_add(&t, "%s\n", ledger.v[i]));
    l->key = mr_digest_of(t.s, t.len);
out:
    mr_text_fini(&t);
    mr_strs_fini(&ledger);
    return st;
}

uint64_t mr_lane_bytes(const mr_plan *p, const mr_lane *l)
{
    const mr_row_shape shape = mr_array_shape(&p->arrays[l->array]);
    size_t counts_at;
    return mr_shape_block(&shape, (uint64_t)(l->rows.b - l->rows.a), l->c1 - l->c0, &counts_at);
}

static mr_status add_lane(mr_plan *p, uint32_t span, uint32_t array, mr_slab cut, uint64_t c0)
{
    mr_status st = MR_OK;
    const mr_array *a = &p->arrays[array];
    const mr_span *sp = &p->spans.span[span];
    char day[40], when[40];
    mr_block_ranges r;
    MR_TRY(mr_grow(&p->lanes, &p->cap_lanes, p->n_lanes + 1, sizeof *p->lanes, "the lanes"));
    mr_lane *l = &p->lanes[p->n_lanes++];
    *l = (mr_lane){
        .array = array, .span = span, .out = cut, .c0 = c0, .c1 = MR_MIN(c0 + a->strip, a->out_nc)};
    const bool picks = mr_chain_picks(a->chain), reduces = mr_chain_reduces(a->chain) && !picks;
    l->rows = reduces ? mr_chain_rows(a->chain, cut) : cut;
    l->t0_ns = reduces ? row_time(p, a, sp, cut.a) : out_time(p, a, sp, cut.a);
    l->t1_ns = reduces ? row_time(p, a, sp, cut.b - 1) : out_time(p, a, sp, cut.b - 1);
    if (picks) {
        l->own = cut;
        l->out = mr_chain_picks_reach(a->chain, cut, mr_chain_out_span(a->chain, raw_span(sp)));
        l->rows = (mr_slab){0, 0};
    }
    mr_lane_ranges(p, l, 0, &r);
    l->raw.a = r.raw.a;
    l->fed.a = r.in[0].a;
    l->read = r.ch[0];
    mr_lane_ranges(p, l, mr_lane_blocks(p, l) - 1, &r);
    l->raw.b = r.raw.b;
    l->fed.b = r.in[0].b;
    snprintf(l->rel, sizeof l->rel, "lanes/%s/%s_c%05llu-%05llu.h5", mr_utc_date(l->t0_ns, day),
             mr_utc_compact(l->t0_ns, when), (unsigned long long)mr_array_channel(a, l->c0),
             (unsigned long long)mr_array_channel(a, l->c1 - 1) + 1);
    p->out_bytes += mr_lane_bytes(p, l);
    MR_TRY(lane_key(p, l));
out:
    return st;
}

/** Samples of a row in a span, 0 where that is of another layout. */
static int64_t samples_of(const mr_plan *p, const mr_array *a, size_t span, int64_t row)
{
    if (span >= p->spans.n_spans || p->spans.span[span].group != a->group) return 0;
    const mr_slab s = mr_chain_row_samples(a->chain, raw_span(&p->spans.span[span]), row);
    return MR_MAX(s.b - s.a, (int64_t)0);
}

/** A gap may leave parts of one window in several spans: the largest, or the first of equals, makes
 *  the row. */
static bool others_row(const mr_plan *p, const mr_array *a, size_t span, int64_t row)
{
    const int64_t mine = samples_of(p, a, span, row);
    int64_t n;
    for (size_t i = span; i-- > 0 && (n = samples_of(p, a, i, row)) > 0;)
        if (n >= mine) return true;
    for (size_t i = span + 1; (n = samples_of(p, a, i, row)) > 0; i++)
        if (n > mine) return true;
    return false;
}

/** A window that a span's end cuts goes into the ledger when its samples do not make a row. */
static mr_status note_window(mr_plan *p, const mr_array *a, size_t span, int64_t row, bool left_out)
{
    const mr_span *sp = &p->spans.span[span];
    const mr_needs *d = mr_chain_reduces(a->chain);
    const int64_t n = samples_of(p, a, span, row);
    const double full = (double)d->row_ns * 1e-9 * mr_chain_reducer_rate(a->chain);
    if (!left_out && (d->partial || 2 * (double)n >= full - 1)) return MR_OK;
    const int64_t a_ns = row * d->row_ns, end = sp->t0_ns + mr_index_ns(sp->n, 1, sp->rate_hz);
    mr_odd odd = {.kind = MR_ODD_WINDOW,
                  .file =
                      p->spans.leg[a_ns <= sp->t0_ns ? sp->leg0 : sp->leg0 + sp->n_legs - 1].file,
                  .other = SIZE_MAX,
                  .t0_ns = MR_MAX(a_ns, sp->t0_ns),
                  .t1_ns = MR_MIN(a_ns + d->row_ns, end),
                  .equal = -1};
    snprintf(odd.note, sizeof odd.note, "%lld of %.0f samples of a window of %g s: %s",
             (long long)n, full, (double)d->row_ns * 1e-9,
             left_out ? "more lie beyond a gap, these are left out" : "its row is NaN");
    return mr_spans_note(&p->spans, &odd);
}

/** The items of a span without those whose rows other spans make. */
static mr_status own_rows(mr_plan *p, const mr_array *a, size_t span, mr_slab *items)
{
    mr_status st = MR_OK;
    const mr_needs *d = mr_chain_reduces(a->chain);
    if (!d || mr_chain_picks(a->chain) || d->row_ns == MR_ALL || mr_row_is_item(d) ||
        items->b <= items->a)
        return MR_OK;
    const mr_slab rows = mr_chain_rows(a->chain, *items);
    const bool head = others_row(p, a, span, rows.a);
    const bool tail = rows.b - 1 > rows.a ? others_row(p, a, span, rows.b - 1) : head;
    MR_TRY(note_window(p, a, span, rows.a, head));
    if (rows.b - 1 > rows.a) MR_TRY(note_window(p, a, span, rows.b - 1, tail));
    if (head) items->a = MR_MIN(mr_chain_row_first(a->chain, rows.a + 1), items->b);
    if (tail) items->b = MR_MAX(mr_chain_row_first(a->chain, rows.b - 1), items->a);
out:
    return st;
}

/** A span that is no longer than the mirror at the ends of a filter that runs both ways: scipy
 *  refuses it; here it is filtered as far as it goes, and told. */
static mr_status note_short(mr_plan *p, const mr_array *a, uint32_t span)
{
    const mr_span *sp = &p->spans.span[span];
    mr_slab at = raw_span(sp);
    for (size_t i = 0; i < mr_chain_n(a->chain); i++) {
        const mr_needs *d = mr_chain_needs(a->chain, i);
        const int64_t n = at.b - at.a;
        if (!d->fade || !d->before || n > (int64_t)d->before) {
            at = mr_chain_out_span_of(a->chain, i, at);
            continue;
        }
        mr_odd odd = {.kind = MR_ODD_WINDOW,
                      .file = p->spans.leg[sp->leg0].file,
                      .other = SIZE_MAX,
                      .count = (uint64_t)n,
                      .t0_ns = sp->t0_ns,
                      .t1_ns = mr_span_time(&p->spans, sp, sp->index0 + sp->n - 1, 1),
                      .equal = -1};
        snprintf(odd.note, sizeof odd.note,
                 "%lld samples on their own, a filter's edge takes %zu: its values are not sound",
                 (long long)n, d->before);
        return mr_spans_note(&p->spans, &odd);
    }
    return MR_OK;
}

/** Are the span's stamps where an operator that goes by them looks for its samples? */
static mr_status check_stamps(const mr_plan *p, const mr_array *a, const mr_span *sp)
{
    const size_t most = mr_chain_by_stamps(a->chain);
    size_t leg = sp->leg0;
    const double off = most ? mr_span_off(&p->spans, sp, a->in.rate_hz, &leg) : 0;
    if (!most || off <= (double)most - 0.5) return MR_OK;
    return MR_RAISE(MR_ECONFIG,
                    "align: in %s the stamps are %.3g s off the count of samples at %.9g Hz, its "
                    "drift allows %.3g s: say more, or what rate they have by input.map.rate",
                    mr_catalog_path(p->cat, p->spans.leg[leg].file), off / sp->rate_hz, sp->rate_hz,
                    ((double)most - 0.5) / sp->rate_hz);
}

static mr_status lanes_of_span(mr_plan *p, uint32_t span, uint32_t array)
{
    mr_status st = MR_OK;
    const mr_array *a = &p->arrays[array];
    const mr_span *sp = &p->spans.span[span];
    mr_slab all = mr_chain_out_span(a->chain, raw_span(sp));
    if (p->cfg->time_a != INT64_MIN) all.a = first_at(p, a, sp, all, p->cfg->time_a);
    if (p->cfg->time_b != INT64_MAX) all.b = first_at(p, a, sp, all, p->cfg->time_b);
    MR_TRY(own_rows(p, a, span, &all));
    if (all.a < all.b) MR_TRY(note_short(p, a, span));
    if (all.a < all.b) MR_TRY(check_stamps(p, a, sp));
    while (all.a < all.b) {
        mr_slab cut = all;
        if (a->grid_ns != INT64_MAX) {
            const int64_t t = out_time(p, a, sp, all.a) + MR_MIN(1000, a->grid_ns);
            const int64_t edge = (mr_div_floor(t, a->grid_ns) + 1) * a->grid_ns;
            cut.b = MR_MAX(first_at(p, a, sp, all, edge), cut.a + 1);
        }
        for (uint64_t c = 0; c < a->out_nc; c += a->strip) MR_TRY(add_lane(p, span, array, cut, c));
        all.a = cut.b;
    }
out:
    return st;
}

static int by_name(const void *pa, const void *pb, void *arg)
{
    const mr_plan *p = arg;
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    const int d = strcmp(p->lanes[a].rel, p->lanes[b].rel);
    return d ? d : (a > b) - (a < b);
}

/** Arrays that overlap in time may claim one name: the later ones get a number behind it. */
static mr_status distinct_names(mr_plan *p)
{
    mr_status st = MR_OK;
    uint32_t *o = NULL;
    MR_TRY(mr_alloc(p->n_lanes, sizeof *o, "the lanes", &o));
    for (size_t i = 0; i < p->n_lanes; i++) o[i] = (uint32_t)i;
    qsort_r(o, p->n_lanes, sizeof *o, by_name, p);
    char last[sizeof p->lanes->rel] = "";
    for (size_t i = 0, same = 0; i < p->n_lanes; i++) {
        mr_lane *l = &p->lanes[o[i]];
        same = strcmp(last, l->rel) == 0 ? same + 1 : 0;
        snprintf(last, sizeof last, "%s", l->rel);
        if (same) snprintf(l->rel + strlen(l->rel) - 3, 12, "_%zu.h5", same + 1);
    }
out:
    free(o);
    return st;
}

mr_status mr_lanes_build(mr_plan *p)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < p->spans.n_spans; i++) {
        const uint32_t array = p->spans.span[i].array;
        if (p->arrays[array].chain) MR_TRY(lanes_of_span(p, (uint32_t)i, array));
    }
    MR_TRY(distinct_names(p));
out:
    return st;
}
