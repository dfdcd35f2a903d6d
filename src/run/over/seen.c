/* run/over/seen.c: see seen.h. Lanes say what their own rows show; what does not change up to the
 * end of one may go on in the next, or in rows there that were too few to be told: these few are
 * read. */
#include "run/over/seen.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "out/digests.h"
#include "par/par.h"
#include "run/mill/inside.h"

enum { MOST_READS = 2000, MOST_ROWS = 20000 };

/** One entry, and the lane it is of. */
typedef struct seen {
    uint64_t lane;
    mr_flaw f;
} seen;
typedef struct seens {
    seen *v;
    size_t n, cap;
} seens;

static mr_status seens_add(seens *l, uint64_t lane, const mr_flaw *f)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, "what samples show"));
    l->v[l->n++] = (seen){lane, *f};
out:
    return st;
}

/* --- words ------------------------------------------------------------------------------------ */

/** The operator's name; lines of a lane's file may say anything. */
static const char *decider(const mr_array *a, const mr_flaw *f)
{
    const size_t n = mr_chain_n(a->chain);
    return f->value >= 0 && f->value < (double)n ? mr_chain_op(a->chain, (size_t)f->value)->name
                                                 : "an operator";
}

static void describe(const mr_array *a, const mr_flaw *f, int64_t row, char *out, size_t size)
{
    const uint64_t n = f->c1 - f->c0;
    char where[56], rows[48];
    snprintf(where, sizeof where, n > 1 ? "channels %llu to %llu" : "channel %llu",
             (unsigned long long)a->chan[f->c0], (unsigned long long)a->chan[f->c1 - 1]);
    snprintf(rows, sizeof rows, "rows %lld..%lld", (long long)row,
             (long long)(row + f->raw.b - f->raw.a));
    switch ((mr_flaw_kind)f->kind) {
    case MR_FLAW_NOT_FINITE:
        snprintf(out, size, "%llu samples are NaN or infinite: %s, %s",
                 (unsigned long long)f->count, where, rows);
        break;
    case MR_FLAW_MASKED:
        snprintf(out, size, "%llu samples masked: %s, %s", (unsigned long long)f->count, where,
                 rows);
        break;
    case MR_FLAW_STILL:
    case MR_FLAW_EDGE:
        snprintf(out, size, "no change for %.6g s: %s, %s, %g",
                 (double)(f->raw.b - f->raw.a) / a->in.rate_hz, where, rows, f->value);
        break;
    case MR_FLAW_COARSE:
        snprintf(out, size,
                 "values up to %.6g leave the signal fewer than 12 bits of float32, first in %s: "
                 "write output.type: float64",
                 f->value, where);
        break;
    case MR_FLAW_TAKEN:
        snprintf(out, size, "%llu samples were NaN, %s took a value for them: %s, %s",
                 (unsigned long long)f->count, decider(a, f), where, rows);
        break;
    case MR_FLAW_BEYOND:
    case MR_FLAW_N:
        snprintf(out, size, "%llu values beyond float32, up to %.6g, became infinite: %s, %s",
                 (unsigned long long)f->count, f->value, where, rows);
        break;
    }
}

static mr_odd_kind kind_of(const mr_flaw *f)
{
    return f->kind == MR_FLAW_NOT_FINITE ? MR_ODD_NOT_FINITE
           : f->kind == MR_FLAW_MASKED   ? MR_ODD_MASKED
           : f->kind == MR_FLAW_TAKEN    ? MR_ODD_FILLED
                                         : MR_ODD_VALUE;
}

/** The leg that holds a raw row of the lane's span, and the row in its recording. */
static const mr_leg *leg_of(const mr_plan *p, const mr_span *sp, int64_t raw, int64_t *row)
{
    size_t first, n;
    mr_span_legs(&p->spans, sp, raw - sp->index0, raw - sp->index0 + 1, &first, &n);
    const mr_leg *q = &p->spans.leg[first];
    *row = mr_span_row(&p->spans, sp, first, raw);
    return q;
}

static mr_odd odd_of(const mr_plan *p, const seen *s)
{
    const mr_lane *l = &p->lanes[s->lane];
    const mr_span *sp = &p->spans.span[l->span];
    int64_t row;
    const mr_leg *q = leg_of(p, sp, s->f.raw.a, &row);
    mr_odd o = {.kind = kind_of(&s->f),
                .file = q->file,
                .other = SIZE_MAX,
                .count = s->f.count,
                .t0_ns = mr_span_time(&p->spans, sp, s->f.raw.a, 1),
                .t1_ns = mr_span_time(&p->spans, sp, s->f.raw.b - 1, 1),
                .equal = -1};
    char note[400];
    describe(&p->arrays[l->array], &s->f, row, note, sizeof note);
    snprintf(o.note, sizeof o.note, "%.*s", (int)sizeof o.note - 1, note);
    return o;
}

static bool is_odd(const mr_flaw *f, int64_t still)
{
    return f->kind != MR_FLAW_MASKED && f->kind != MR_FLAW_TAKEN &&
           (f->kind != MR_FLAW_EDGE || f->raw.b - f->raw.a >= still);
}

static mr_status raise(const mr_plan *p, const seen *s)
{
    const mr_odd o = odd_of(p, s);
    return MR_RAISE(MR_EINPUT, "--strict: %s: %s", mr_catalog_path(p->cat, o.file), o.note);
}

mr_status mr_seen_strict(const mr_mill *m, const mr_job *j)
{
    if (!m->plan->cfg->strict) return MR_OK;
    for (size_t i = 0; i < j->n_quality; i++)
        for (size_t g = 0; g < j->quality[i].n; g++)
            for (size_t k = 0; k < j->quality[i].v[g].flaws.n; k++) {
                const mr_flaw *f = &j->quality[i].v[g].flaws.v[k];
                if (is_odd(f, j->look.still)) return raise(m->plan, &(seen){j->number, *f});
            }
    return MR_OK;
}

/* --- over lanes ------------------------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb, void *plan)
{
    const mr_plan *p = plan;
    const seen *a = pa, *b = pb;
    const uint32_t sa = p->lanes[a->lane].span, sb = p->lanes[b->lane].span;
    const int ka = MR_MIN(a->f.kind, MR_FLAW_EDGE) == MR_FLAW_EDGE ? MR_FLAW_STILL : a->f.kind;
    const int kb = MR_MIN(b->f.kind, MR_FLAW_EDGE) == MR_FLAW_EDGE ? MR_FLAW_STILL : b->f.kind;
    if (sa != sb) return sa < sb ? -1 : 1;
    if (ka != kb) return ka < kb ? -1 : 1;
    if (a->f.c0 != b->f.c0) return a->f.c0 < b->f.c0 ? -1 : 1;
    if (a->f.c1 != b->f.c1) return a->f.c1 < b->f.c1 ? -1 : 1;
    return (a->f.raw.a > b->f.raw.a) - (a->f.raw.a < b->f.raw.a);
}

/** How many rows beside raw row `at` (upwards or downwards) have the value too, of `most`. */
static int64_t read_beside(const mr_plan *p, const mr_lane *l, uint32_t c, int64_t at, bool up,
                           double value, int64_t most)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    int64_t n = 0, row;
    char cell[8];
    mr_raw *raw = NULL;
    mr_chunk *chunks = NULL;
    const mr_leg *open = NULL;
    if (sp->axis == MR_AXIS_GRID) return 0; /* no row has it */
    for (; n < most; n++, at += up ? 1 : -1) {
        double v = NAN;
        mr_file_info info;
        if (at < sp->index0 || at >= sp->index0 + sp->n) break;
        const mr_leg *q = leg_of(p, sp, at, &row);
        mr_catalog_info(p->cat, q->file, &info);
        if (q != open) {
            mr_raw_close(raw);
            free(chunks);
            raw = NULL;
            chunks = NULL;
            open = q;
            if (mr_catalog_chunks(p->cat, q->file, &chunks) != MR_OK ||
                mr_raw_open(mr_catalog_path(p->cat, q->file), &info, chunks, &raw) != MR_OK)
                break;
        }
        const mr_chsel sel = {a->chan[c], 1, 1};
        if (mr_raw_read(raw, (uint64_t)row, 1, &sel, cell, info.store.dtype.size, NULL, NULL) !=
            MR_OK)
            break;
        mr_load_values(&info, mr_array_factor(p, a, q->file), cell, sizeof cell, 1, 1, &v, 1);
        if (v != value) break;
    }
    mr_error_clear();
    mr_raw_close(raw);
    free(chunks);
    return n;
}

/** What touches ends of lanes, by where it begins and by where it ends. */
typedef struct edges {
    const mr_plan *p;
    seens by[2];
} edges;

/** Span and the end that counts. */
typedef struct place {
    uint32_t span;
    int64_t at;
} place;

static place place_of(const mr_plan *p, const seen *s, bool end)
{
    return (place){p->lanes[s->lane].span, end ? s->f.raw.b : s->f.raw.a};
}

static int compare(place a, place b)
{
    if (a.span != b.span) return a.span < b.span ? -1 : 1;
    return (a.at > b.at) - (a.at < b.at);
}

static int by_begin(const void *a, const void *b, void *p)
{
    return compare(place_of(p, a, false), place_of(p, b, false));
}

static int by_end(const void *a, const void *b, void *p)
{
    return compare(place_of(p, a, true), place_of(p, b, true));
}

/** What begins where s ends (or ends where s begins), the same channel and value; or NULL. */
static const seen *partner(const edges *e, const seen *s, bool up)
{
    const seens *l = &e->by[!up];
    const place want = place_of(e->p, s, up);
    size_t a = 0, b = l->n;
    while (a < b) {
        const size_t mid = a + (b - a) / 2;
        if (compare(place_of(e->p, &l->v[mid], !up), want) < 0)
            a = mid + 1;
        else
            b = mid;
    }
    for (; a < l->n && compare(place_of(e->p, &l->v[a], !up), want) == 0; a++) {
        const mr_flaw *g = &l->v[a].f;
        if (g->c0 <= s->f.c0 && s->f.c0 < g->c1 && g->value == s->f.value) return &l->v[a];
    }
    return NULL;
}

/** Is what touches a lane's end long enough with what lies beyond? The rows there that no lane told
 *  are added to it. */
static bool long_enough(const edges *e, seen *s, int64_t still, size_t *reads)
{
    const mr_lane *l = &e->p->lanes[s->lane];
    const mr_slab own = mr_lane_own(e->p, l), raw = s->f.raw;
    int64_t n = raw.b - raw.a;
    for (int up = 0; up < 2; up++) {
        const seen *t = s;
        seen at = *s; /* the same channel all along */
        if (up ? raw.b != own.b : raw.a != own.a) continue;
        while ((t = partner(e, &at, up)) && n < still) {
            n += t->f.raw.b - t->f.raw.a;
            at.f.raw = t->f.raw;
            at.lane = t->lane;
        }
        if (t || at.f.raw.a != raw.a || ++*reads > MOST_READS) continue;
        const int64_t more =
            read_beside(e->p, l, s->f.c0, up ? raw.b : raw.a - 1, up, s->f.value, still);
        n += more;
        s->f.count += (uint64_t)more * (s->f.c1 - s->f.c0);
        *(up ? &s->f.raw.b : &s->f.raw.a) += up ? more : -more;
    }
    return n >= still;
}

/** What goes on beyond the lane's ends, too: a strict run stops before it is published. */
static mr_status strict_at_end(const mr_plan *p, const mr_job *j, const mr_flaws *all)
{
    const edges nobody = {.p = p};
    size_t reads = 0;
    if (!p->cfg->strict) return MR_OK;
    for (size_t i = 0; i < all->n; i++) {
        seen s = {j->number, all->v[i]};
        if (is_odd(&s.f, j->look.still)) return raise(p, &s);
        if (s.f.kind != MR_FLAW_EDGE) continue;
        for (uint32_t c = all->v[i].c0; c < all->v[i].c1; c++) {
            s.f = all->v[i];
            s.f.c0 = c;
            s.f.c1 = c + 1;
            if (long_enough(&nobody, &s, j->look.still, &reads)) return raise(p, &s);
        }
    }
    return MR_OK;
}

mr_status mr_seen_of_lane(mr_mill *m, mr_job *j, mr_text *lines)
{
    mr_status st = MR_OK;
    mr_flaws all = {0};
    for (size_t i = 0; i < j->n_quality; i++) MR_TRY(mr_quality_end(&j->quality[i], &j->look));
    MR_TRY(mr_flaws_collect(j->quality, j->n_quality, &all));
    MR_TRY(mr_flaws_print(&all, lines));
    MR_TRY(strict_at_end(m->plan, j, &all));
    for (size_t i = 0; i < all.n; i++) {
        MR_TRY(mr_grow(&m->seen_lane, &m->cap_seen_lane, m->seen.n + 1, sizeof *m->seen_lane,
                       "what samples show"));
        m->seen_lane[m->seen.n] = j->number;
        MR_TRY(mr_flaws_add(&m->seen, &all.v[i]));
    }
out:
    free(all.v);
    return st;
}

/** What one side of a lane's end has no word of. */
static mr_status settle_edges(const mr_plan *p, seens *all)
{
    mr_status st = MR_OK;
    size_t reads = 0;
    seens kept = {0};
    edges e = {.p = p};
    for (size_t i = 0; i < all->n; i++)
        for (int k = 0; k < 2 && all->v[i].f.kind == MR_FLAW_EDGE; k++)
            MR_TRY(seens_add(&e.by[k], all->v[i].lane, &all->v[i].f));
    for (int k = 0; k < 2 && e.by[k].n; k++)
        qsort_r(e.by[k].v, e.by[k].n, sizeof(seen), k ? by_end : by_begin, (void *)(uintptr_t)p);
    for (size_t i = 0; i < all->n; i++) {
        const seen *s = &all->v[i];
        const int64_t still = mr_look_of(p, &p->lanes[s->lane]).still;
        if (s->f.kind != MR_FLAW_EDGE) {
            MR_TRY(seens_add(&kept, s->lane, &s->f));
            continue;
        }
        const bool alone = s->f.raw.b - s->f.raw.a < still; /* each channel may go on otherwise */
        for (uint32_t c = s->f.c0; c < s->f.c1; c = alone ? c + 1 : s->f.c1) {
            seen one = *s;
            one.f.c0 = c;
            if (alone) one.f.c1 = c + 1;
            one.f.count = (uint64_t)(one.f.raw.b - one.f.raw.a) * (one.f.c1 - one.f.c0);
            if (long_enough(&e, &one, still, &reads)) MR_TRY(seens_add(&kept, one.lane, &one.f));
        }
    }
    free(all->v);
    *all = kept;
    kept = (seens){0};
out:
    free(e.by[0].v);
    free(e.by[1].v);
    free(kept.v);
    return st;
}

/** Neighbours in time of the same channels and kind are one; of what is coarse the first stays. */
static void join(const mr_plan *p, seens *all)
{
    size_t n = 0;
    bool coarse = false;
    for (size_t i = 0; i < all->n; i++) {
        const seen *s = &all->v[i];
        seen *t = n ? &all->v[n - 1] : NULL;
        const bool still = s->f.kind == MR_FLAW_STILL || s->f.kind == MR_FLAW_EDGE;
        if (s->f.kind == MR_FLAW_COARSE && coarse) continue;
        coarse |= s->f.kind == MR_FLAW_COARSE;
        if (t &&
            (still ? t->f.kind == MR_FLAW_EDGE && s->f.kind == MR_FLAW_EDGE &&
                         t->f.value == s->f.value
                   : t->f.kind == s->f.kind &&
                         (s->f.kind != MR_FLAW_TAKEN || t->f.value == s->f.value)) &&
            p->lanes[t->lane].span == p->lanes[s->lane].span && t->f.c0 == s->f.c0 &&
            t->f.c1 == s->f.c1 && t->f.raw.b == s->f.raw.a) {
            t->f.raw.b = s->f.raw.b;
            t->f.count += s->f.count;
        } else {
            all->v[n++] = *s;
        }
    }
    all->n = n;
}

static mr_status note_all(mr_plan *p, seens *all)
{
    mr_status st = MR_OK;
    uint64_t rest = 0;
    MR_TRY(settle_edges(p, all));
    if (all->n) qsort_r(all->v, all->n, sizeof *all->v, by_place, p);
    join(p, all);
    for (size_t i = 0; p->cfg->strict && i < all->n; i++)
        if (is_odd(&all->v[i].f, 0)) return raise(p, &all->v[i]);
    for (size_t i = 0; i < all->n; i++) {
        mr_odd o = odd_of(p, &all->v[i]);
        rest += i >= MOST_ROWS ? o.count : 0;
        if (i < MOST_ROWS) MR_TRY(mr_spans_note(&p->spans, &o));
        if (i + 1 < all->n || !rest) continue;
        o.count = rest;
        snprintf(o.note, sizeof o.note, "and %zu more such entries, %llu samples; not listed",
                 all->n - MOST_ROWS, (unsigned long long)rest);
        MR_TRY(mr_spans_note(&p->spans, &o));
    }
out:
    return st;
}

/** What a lane that was there says. */
static mr_status read_lane(const mr_plan *p, const char *folder, uint64_t number, seens *out)
{
    mr_status st = MR_OK;
    mr_text path = {0}, lines = {0};
    mr_lane_self self;
    mr_flaws f = {0};
    MR_TRY(mr_text_add(&path, "%s/%s", folder, p->lanes[number].rel));
    MR_TRY(mr_inputs_read(path.s, &self, &lines));
    MR_TRY(mr_flaws_parse(lines.s, &f));
    for (size_t i = 0; i < f.n; i++) {
        const mr_slab raw = p->lanes[number].raw;
        if (f.v[i].raw.a < raw.a || f.v[i].raw.b > raw.b ||
            f.v[i].c1 > p->arrays[p->lanes[number].array].nc)
            continue;
        MR_TRY(seens_add(out, number, &f.v[i]));
    }
out:
    if (st == MR_EVERIFY) { /* resuming has said so */
        mr_error_clear();
        st = MR_OK;
    }
    free(f.v);
    mr_text_fini(&path);
    mr_text_fini(&lines);
    return st;
}

mr_status mr_seen_note(mr_comm *c, mr_plan *p, const char *folder, const mr_outcome *new,
                       const uint8_t *done, const uint8_t *made)
{
    mr_status st = MR_OK;
    seens mine = {0}, all = {0};
    void *packed = NULL;
    size_t *offs = NULL;
    const size_t size = (size_t)mr_comm_size(c), rank = (size_t)mr_comm_rank(c);
    for (size_t i = rank; st == MR_OK && i < p->n_lanes; i += size)
        if (done[i] && !made[i]) st = read_lane(p, folder, i, &mine);
    for (size_t i = 0; st == MR_OK && i < new->seen->n; i++)
        st = seens_add(&mine, new->seen_lane[i], &new->seen->v[i]);
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_allgather(c, mine.v, mine.n * sizeof *mine.v, &packed, &offs));
    if (rank == 0) {
        const seen *v = packed;
        for (size_t i = 0; st == MR_OK && i < offs[size] / sizeof *v; i++)
            st = seens_add(&all, v[i].lane, &v[i].f);
        if (st == MR_OK) st = note_all(p, &all);
    }
    st = mr_agree(c, st);
out:
    free(mine.v);
    free(all.v);
    free(packed);
    free(offs);
    return st;
}
