/* run/piece/quality.c: see quality.h. A stretch without change that is worth telling covers a whole
 * cell of half its length, so that of each cell only the first and the last rows are looked at: as
 * many as it takes until every channel has changed, one mostly. */
#include "run/piece/quality.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/precision.h"

enum { MOST = 4096 }; /* entries of a tile; beyond that they are joined */

void mr_quality_fini(mr_tile_quality *q)
{
    for (size_t i = 0; i < q->n; i++) free(q->v[i].flaws.v);
    free(q->v);
}

mr_status mr_flaws_add(mr_flaws *l, const mr_flaw *row)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, "what samples show"));
    l->v[l->n++] = *row;
out:
    return st;
}

static mr_status add(mr_quality *q, const mr_flaw *f)
{
    mr_flaws *l = &q->flaws;
    for (size_t i = l->n; i-- > 0;) {
        mr_flaw *g = &l->v[i];
        if (g->kind != f->kind || g->c0 != f->c0) continue;
        if (f->kind == MR_FLAW_TAKEN && g->value != f->value) continue;
        if (g->raw.b < f->raw.a && l->n < MOST) break;
        if (f->kind == MR_FLAW_STILL || f->kind == MR_FLAW_EDGE) break;
        g->raw.b = MR_MAX(g->raw.b, f->raw.b);
        g->count += f->count;
        return MR_OK;
    }
    return mr_flaws_add(l, f);
}

mr_look mr_look_of(const mr_plan *p, const mr_lane *l)
{
    const mr_array *a = &p->arrays[l->array];
    return (mr_look){.own = mr_lane_own(p, l),
                     .ch = mr_lane_own_channels(p, l),
                     .still = (int64_t)MR_MAX(ceil(MR_STILL_S * a->in.rate_hz), MR_STILL_ROWS),
                     .mask = a->still_rows,
                     .above = p->cfg->mask_above,
                     .wide = !a->f64 && a->wide && mr_chain_keeps_level(a->chain)};
}

static uint64_t all_of(size_t n)
{
    return n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

/** Bits of the channels in `which` whose values in two rows are equal: mostly none. */
MR_CLONES static uint64_t same_of(const double *restrict a, const double *restrict b, size_t n,
                                  uint64_t which)
{
    uint64_t s = 0;
    int64_t any = 0;
    for (size_t c = 0; c < n; c++) any |= a[c] == b[c] ? -1 : 0;
    if (!any) return 0;
    for (size_t c = 0; c < n; c++) s |= (uint64_t)(a[c] == b[c]) << c;
    return s & which;
}

static mr_status still(mr_quality *q, const mr_look *k, size_t c, uint64_t ch, int64_t end)
{
    const int64_t n = end - q->since[c];
    const bool edge = q->since[c] == k->own.a || end == k->own.b;
    const bool all = q->since[c] == k->own.a && end == k->own.b;
    if (!isfinite(q->last[c]) || (n < k->still && !(edge && (2 * n >= k->still || all))))
        return MR_OK;
    const mr_flaw f = {.kind = n < k->still || edge ? MR_FLAW_EDGE : MR_FLAW_STILL,
                       .c0 = (uint32_t)ch,
                       .c1 = (uint32_t)(ch + 1),
                       .raw = {q->since[c], end},
                       .count = (uint64_t)n,
                       .value = q->last[c]};
    return add(q, &f);
}

/** Can something that ends at row `end` be long enough, or have begun where the lane does? */
static bool worth_telling(const mr_quality *q, const mr_look *k, int64_t end)
{
    return 2 * (end - q->oldest) >= k->still || q->oldest == k->own.a;
}

/** Rows [r) of a cell: what began before them goes on, or ends and is told. */
static mr_status look_at_cell(mr_quality *q, const mr_look *k, mr_slab r, size_t c, uint64_t ch,
                              const mr_view *x)
{
    mr_status st = MR_OK;
    const size_t n = x->nc, nt = x->nt;
    uint64_t alive = all_of(n), ended = 0;
    for (size_t t = 0; t < nt && alive; t++) {
        const uint64_t now = same_of(mr_at(x, t, 0), q->last + c, n, alive);
        uint64_t gone = alive & ~now;
        if (!worth_telling(q, k, r.a + (int64_t)t)) gone = 0;
        for (; gone; gone &= gone - 1) {
            const size_t i = (size_t)__builtin_ctzll(gone);
            MR_TRY(still(q, k, c + i, ch + i, r.a + (int64_t)t));
        }
        ended |= alive & ~now;
        alive = now;
    }
    const double *last = mr_at(x, nt - 1, 0);
    memcpy(q->last + c, last, n * sizeof *last);
    q->oldest = MR_MIN(q->oldest, r.a);
    if (ended == all_of(n) && (nt == 1 || !same_of(mr_at(x, nt - 2, 0), last, n, ended))) {
        for (size_t i = 0; i < n; i++) q->since[c + i] = r.b - 1;
        if (c == 0 && n >= q->width) q->oldest = r.b - 1;
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        if (ended >> i & 1) q->since[c + i] = r.a;
    for (size_t t = nt - 1; t-- > 0 && ended;) {
        const uint64_t now = same_of(mr_at(x, t, 0), last, n, ended);
        for (uint64_t gone = ended & ~now; gone; gone &= gone - 1)
            q->since[c + (size_t)__builtin_ctzll(gone)] = r.a + (int64_t)t + 1;
        ended = now;
    }
    q->oldest = q->since[0];
    for (size_t i = 1; i < q->width; i++) q->oldest = MR_MIN(q->oldest, q->since[i]);
out:
    return st;
}

/** A first row, or one behind rows that were never loaded. */
static void begin(mr_quality *q, size_t c, const mr_view *x, int64_t row)
{
    for (size_t i = 0; i < x->nc; i++) {
        if (!q->begun[c + i]) {
            q->lo[c + i] = INFINITY;
            q->hi[c + i] = -INFINITY;
        }
        q->begun[c + i] = true;
        q->since[c + i] = row;
        q->last[c + i] = *mr_at(x, 0, i);
    }
    q->oldest = q->width ? MR_MIN(q->oldest, row) : row;
    q->width = MR_MAX(q->width, c + x->nc);
}

static mr_status look_for_nan(mr_quality *q, mr_slab r, uint64_t ch, const mr_view *x,
                              mr_unread_fn unread, const void *arg)
{
    mr_status st = MR_OK;
    for (size_t t = 0; t < x->nt; t++)
        for (size_t i = 0; i < x->nc; i++) {
            const int64_t row = r.a + (int64_t)t;
            if (isfinite(*mr_at(x, t, i)) || (unread && unread(arg, row, ch + i))) continue;
            const mr_flaw f = {.kind = MR_FLAW_NOT_FINITE,
                               .c0 = (uint32_t)(ch + i),
                               .c1 = (uint32_t)(ch + i + 1),
                               .raw = {row, row + 1},
                               .count = 1};
            MR_TRY(add(q, &f));
        }
out:
    return st;
}

/** The range of a row, and whether float32 would change it. */
static void widen(mr_quality *q, size_t c, const double *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]) || fabs(x[i]) > FLT_MAX) continue;
        q->lo[c + i] = fmin(q->lo[c + i], x[i]);
        q->hi[c + i] = fmax(q->hi[c + i], x[i]);
        q->coarse[c + i] |= (double)(float)x[i] != x[i];
    }
}

static mr_status look_at(mr_quality *q, const mr_look *k, mr_slab raw, size_t c, uint64_t ch,
                         const mr_view *x, bool bad, mr_unread_fn unread, const void *arg)
{
    mr_status st = MR_OK;
    const int64_t s = k->still / 2;
    int64_t a = MR_MAX(raw.a, k->own.a), b = MR_MIN(raw.b, k->own.b);
    if (q->begun[c]) a = MR_MAX(a, q->next[c]);
    if (a >= b) return MR_OK;
    mr_view y = {mr_at(x, (size_t)(a - raw.a), 0), (size_t)(b - a), x->nc, x->stride};
    if (bad) MR_TRY(look_for_nan(q, (mr_slab){a, b}, ch, &y, unread, arg));
    if (q->begun[c] && a > q->next[c])
        for (size_t i = 0; i < x->nc; i++) MR_TRY(still(q, k, c + i, ch + i, q->next[c]));
    if (!q->begun[c] || a > q->next[c]) begin(q, c, &y, a);
    for (int64_t at = a; at < b; at += (int64_t)y.nt) {
        const int64_t end = MR_MIN(b, (mr_div_floor(at, s) + 1) * s);
        y.d = mr_at(x, (size_t)(at - raw.a), 0);
        y.nt = (size_t)(end - at);
        MR_TRY(look_at_cell(q, k, (mr_slab){at, end}, c, ch, &y));
        if (k->wide) widen(q, c, y.d, y.nc);
    }
    for (size_t i = 0; i < x->nc; i++) q->next[c + i] = b;
out:
    return st;
}

/** Room for its channels; for at least one. */
static mr_status begin_tile(mr_tile_quality *q)
{
    mr_status st = MR_OK;
    const int64_t nc = MR_MAX(q->own.b - q->own.a, (int64_t)1);
    if (q->v) return MR_OK;
    MR_TRY(
        mr_alloc((size_t)(nc + MR_TILE - 1) / MR_TILE, sizeof *q->v, "what samples show", &q->v));
    q->n = (size_t)(nc + MR_TILE - 1) / MR_TILE;
out:
    return st;
}

mr_status mr_quality_look(mr_tile_quality *q, const mr_look *k, mr_slab raw, uint64_t c0,
                          const mr_view *x, bool bad, mr_unread_fn unread, const void *arg)
{
    mr_status st = MR_OK;
    const int64_t end = MR_MIN((int64_t)(c0 + x->nc), q->own.b);
    MR_TRY(begin_tile(q));
    for (int64_t c = MR_MAX((int64_t)c0, q->own.a), n; c < end; c += n) {
        const size_t at = (size_t)(c - q->own.a) % MR_TILE;
        n = MR_MIN(end - c, (int64_t)(MR_TILE - at));
        const mr_view y = {x->d + (c - (int64_t)c0), x->nt, (size_t)n, x->stride};
        MR_TRY(look_at(&q->v[(size_t)(c - q->own.a) / MR_TILE], k, raw, at, (uint64_t)c, &y, bad,
                       unread, arg));
    }
out:
    return st;
}

int64_t mr_quality_next(const mr_tile_quality *q, uint64_t c)
{
    const int64_t i = (int64_t)c - q->own.a;
    if (!q->v || i < 0 || (int64_t)c >= q->own.b) return INT64_MIN;
    const mr_quality *v = &q->v[i / MR_TILE];
    return v->begun[i % MR_TILE] ? v->next[i % MR_TILE] : INT64_MIN;
}

mr_status mr_quality_note(mr_tile_quality *q, const mr_flaw *f)
{
    mr_status st = MR_OK;
    MR_TRY(begin_tile(q));
    st = add(q->v, f);
out:
    return st;
}

static mr_status end_of(mr_quality *q, const mr_look *k, uint64_t ch)
{
    mr_status st = MR_OK;
    for (size_t c = 0; c < MR_TILE; c++) {
        if (!q->begun[c]) continue;
        MR_TRY(still(q, k, c, ch + c, q->next[c]));
        const double most = fmax(fabs(q->lo[c]), fabs(q->hi[c]));
        if (!q->coarse[c] || !mr_signal_too_small(q->lo[c], q->hi[c])) continue;
        const mr_flaw f = {.kind = MR_FLAW_COARSE,
                           .c0 = (uint32_t)(ch + c),
                           .c1 = (uint32_t)(ch + c + 1),
                           .raw = k->own,
                           .count = 1,
                           .value = most};
        MR_TRY(add(q, &f));
    }
out:
    return st;
}

mr_status mr_quality_end(mr_tile_quality *q, const mr_look *k)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < q->n && st == MR_OK; i++)
        st = end_of(&q->v[i], k, (uint64_t)q->own.a + i * MR_TILE);
    return st;
}

/* --- lists ------------------------------------------------------------------------------------ */

static int by_place(const void *pa, const void *pb)
{
    const mr_flaw *a = pa, *b = pb;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->raw.a != b->raw.a) return a->raw.a < b->raw.a ? -1 : 1;
    if (a->raw.b != b->raw.b) return a->raw.b < b->raw.b ? -1 : 1;
    if (a->kind == MR_FLAW_TAKEN && a->value != b->value) return a->value < b->value ? -1 : 1;
    return (a->c0 > b->c0) - (a->c0 < b->c0);
}

mr_status mr_flaws_collect(const mr_tile_quality *q, size_t n_tiles, mr_flaws *out)
{
    mr_status st = MR_OK;
    size_t n = 0;
    for (size_t i = 0; i < n_tiles; i++)
        for (size_t g = 0; g < q[i].n; g++)
            for (size_t k = 0; k < q[i].v[g].flaws.n; k++)
                MR_TRY(mr_flaws_add(out, &q[i].v[g].flaws.v[k]));
    if (out->n) qsort(out->v, out->n, sizeof *out->v, by_place);
    for (size_t i = 0; i < out->n; i++) {
        mr_flaw *f = &out->v[i], *g = n ? &out->v[n - 1] : NULL;
        /* must be the same beyond the lane's end; of one operator */
        const bool valued = f->kind == MR_FLAW_EDGE || f->kind == MR_FLAW_TAKEN;
        if (g && g->kind == f->kind && g->c1 == f->c0 && g->raw.a == f->raw.a &&
            g->raw.b == f->raw.b && (!valued || g->value == f->value)) {
            g->c1 = f->c1;
            g->count += f->count;
            if (f->kind >= MR_FLAW_COARSE) g->value = fmax(g->value, f->value);
        } else {
            out->v[n++] = *f;
        }
    }
    out->n = n;
out:
    return st;
}

mr_status mr_flaws_print(const mr_flaws *f, mr_text *lines)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < f->n; i++)
        MR_TRY(mr_text_add(lines, "seen %d %u %u %lld %lld %llu %a\n", f->v[i].kind, f->v[i].c0,
                           f->v[i].c1, (long long)f->v[i].raw.a, (long long)f->v[i].raw.b,
                           (unsigned long long)f->v[i].count, f->v[i].value));
out:
    return st;
}

mr_status mr_flaws_parse(const char *lines, mr_flaws *out)
{
    mr_status st = MR_OK;
    for (const char *s = lines; s && *s; s = strchr(s, '\n'), s += s != NULL) {
        int kind;
        unsigned c0, c1;
        long long a, b;
        unsigned long long count;
        mr_flaw f = {0};
        char line[256]; /* sscanf looks for the end of the whole text first */
        if (strncmp(s, "seen ", 5) != 0) continue;
        snprintf(line, sizeof line, "%.*s", (int)strcspn(s, "\n"), s);
        if (sscanf(line, "seen %d %u %u %lld %lld %llu %la", &kind, &c0, &c1, &a, &b, &count,
                   &f.value) != 7 ||
            kind < 0 || kind >= MR_FLAW_N || c0 >= c1 || a >= b)
            continue;
        f.kind = (uint8_t)kind;
        f.c0 = c0;
        f.c1 = c1;
        f.raw = (mr_slab){a, b};
        f.count = count;
        MR_TRY(mr_flaws_add(out, &f));
    }
out:
    return st;
}
