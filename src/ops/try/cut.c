/* ops/try/cut.c: see cut.h. Every piece has memory of its own, filled with NaN where it is to be
 * written, so that what is left out or read too far shows. */
#include "ops/try/cut.h"
#include <stdlib.h>
#include <string.h>

/* Memory, zeroed; where there is none, nothing can be tried. */
static void *memory(size_t n, size_t size)
{
    double *p = NULL;
    MR_ASSERT(mr_alloc_f64(n * size / sizeof *p + 1, "a trial", &p) == MR_OK);
    return p;
}

static size_t cut_rows(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}

/* Marks of operator op's input over the whole span (of the output: op = their number), all of its
 * channels, as runs spread and operators decide: in one piece, unlike any run does it. */
static mr_marks cut_where(const mr_cut_job *j, size_t op)
{
    const size_t from = mr_chain_spoils_from(j->chain, op), n = mr_chain_n(j->chain);
    mr_slab span[MR_MAX_OPS + 1] = {j->span};
    for (size_t i = 0; i < n; i++) span[i + 1] = mr_chain_out_span_of(j->chain, i, span[i]);
    const size_t nc = op < n ? mr_chain_in(j->chain, op)->nc : mr_chain_out(j->chain)->nc;
    mr_marks m = {.t0 = span[op].a, .nt = cut_rows(span[op]), .nc = nc}, of = m;
    m.d = memory(m.nt * nc + 1, 1);
    of = (mr_marks){(uint8_t *)(uintptr_t)j->bad, j->span.a, cut_rows(j->span), 0, j->nc};
    if (from) {
        mr_marks in = cut_where(j, from - 1);
        of = (mr_marks){.t0 = in.t0, .nt = in.nt, .nc = in.nc};
        of.d = memory(of.nt * of.nc + 1, 1);
        mr_chain_decide(j->chain, from - 1, j->span, &in, &of);
        free(in.d);
    }
    for (size_t c = 0; of.d && c < of.nc; c++)
        for (size_t t = 0, e; t < of.nt; t = e) {
            for (e = t; e < of.nt && of.d[e * of.nc + c]; e++) {
            }
            const mr_slab run = {of.t0 + (int64_t)t, of.t0 + (int64_t)e};
            if (e++ == t) continue;
            const mr_slab s = mr_chain_spoils(j->chain, from, op, j->span, run);
            const mr_slab h =
                mr_chain_reaches(j->chain, from, op, (mr_slab){(int64_t)c, (int64_t)c + 1});
            for (int64_t k = s.a; k < s.b; k++)
                for (int64_t i = h.a; i < h.b; i++) m.d[(size_t)(k - m.t0) * nc + (size_t)i] = 1;
        }
    if (from) free(of.d);
    return m;
}

uint8_t *mr_cut_nan(const mr_cut_job *j)
{
    return cut_where(j, mr_chain_n(j->chain)).d;
}

/* [e.t][e.c]: those of operator op's input; NULL if there are none. */
static uint8_t *cut_bad(const mr_cut_job *j, size_t op, mr_extent e)
{
    const size_t nc = cut_rows(e.c);
    if (!j->bad && !mr_chain_spoils_from(j->chain, op) && !mr_chain_decides(j->chain, op))
        return NULL;
    mr_marks m = cut_where(j, op);
    uint8_t *marks = memory(cut_rows(e.t) * nc + 1, 1);
    for (int64_t t = e.t.a; t < e.t.b; t++)
        memcpy(marks + (size_t)(t - e.t.a) * nc, m.d + (size_t)(t - m.t0) * m.nc + (size_t)e.c.a,
               nc);
    free(m.d);
    return marks;
}

/* A block, or a part of one. */
typedef struct part_of {
    mr_extent e;
    double *d;
} part_of;

static part_of cut_new(mr_extent e)
{
    part_of b = {e, memory(cut_rows(e.t) * cut_rows(e.c) + 8, sizeof *b.d)};
    return b;
}

/* Rows and channels `e` of one into the other. */
static void cut_copy(const part_of *from, part_of *to, mr_extent e)
{
    const size_t nf = cut_rows(from->e.c), nt = cut_rows(to->e.c);
    for (int64_t t = e.t.a; t < e.t.b; t++)
        memcpy(to->d + (size_t)(t - to->e.t.a) * nt + (size_t)(e.c.a - to->e.c.a),
               from->d + (size_t)(t - from->e.t.a) * nf + (size_t)(e.c.a - from->e.c.a),
               cut_rows(e.c) * sizeof(double));
}

/* One piece of a step of a block, in memory of its own, so that a checker sees what goes too far:
 * in -> out. width: of the states' rows. */
static void cut_piece(const mr_cut_job *j, const mr_step *s, const mr_block_ranges *r, mr_extent in,
                      mr_extent out, const part_of *from, part_of *to, double *state, size_t width)
{
    part_of x = cut_new(in), y = cut_new(out);
    const size_t nx = cut_rows(in.c), ny = cut_rows(out.c), nb = cut_rows(out.t);
    const size_t room = mr_pass_work(j->chain, s->first, s->n, r, nx, ny);
    double *work = memory(room, sizeof *work);
    cut_copy(from, &x, in);
    for (size_t i = 0; i < nb * ny; i++) y.d[i] = 0.0 / 0.0; /* every sample must be written */
    for (size_t i = 0; i < room; i++) work[i] = 0.0 / 0.0;
    mr_view vx = {x.d, cut_rows(in.t), nx, nx}, vy = {y.d, nb, ny, ny};
    const bool told = s->by == MR_BY_SLICE || mr_chain_decides(j->chain, s->first);
    uint8_t *bad = told ? cut_bad(j, s->first, in) : NULL;
    if (nb > 0)
        mr_chain_run(j->chain, &(mr_pass){.first = s->first,
                                          .n = s->n,
                                          .r = r,
                                          .x = &vx,
                                          .y = &vy,
                                          .xc0 = (size_t)in.c.a,
                                          .yc0 = (size_t)out.c.a,
                                          .rows = s->by == MR_BY_SLICE ? &out.t : NULL,
                                          .state = state,
                                          .width = width,
                                          .work = work,
                                          .bad = bad,
                                          .bad_stride = nx});
    free(bad);
    cut_copy(&y, to, out);
    free(x.d);
    free(y.d);
    free(work);
}

/* Channels that the chain gives. */
size_t mr_cut_nc(const mr_cut_job *j)
{
    return mr_chain_out(j->chain)->nc;
}

/* --- reducers: items into rows
 * ------------------------------------------------------------------------ */

typedef struct cut_sink {
    double *y;    /* [rows][depth][nc] of the whole span */
    int64_t row0; /* its first row */
    size_t depth, nc, c0;
} cut_sink;

static void cut_row(void *arg, int64_t row, const mr_view *y, const double *count, size_t stride)
{
    const cut_sink *s = arg;
    (void)count, (void)stride;
    for (size_t t = 0; t < y->nt; t++)
        memcpy(s->y + ((size_t)(row - s->row0) * s->depth + t) * s->nc + s->c0, mr_at(y, t, 0),
               y->nc * sizeof *y->d);
}

/* [r->out][w]: 1 where a bad sample reaches an item; NULL if there are none. */
static uint8_t *cut_marks(const mr_cut_job *j, const mr_block_ranges *r, size_t c0, size_t w)
{
    return cut_bad(j, r->n, (mr_extent){r->out, {(int64_t)c0, (int64_t)(c0 + w)}});
}

/* The sources' columns of `in` [r->in[n - 1]][nc] made ready for all tiles; NULL if there are none.
 */
static double *cut_sources(const mr_cut_job *j, const mr_block_ranges *r, const double *in)
{
    const mr_needs *d = mr_chain_reduces(j->chain);
    const size_t rows = cut_rows(r->in[r->n - 1]), w = d->n_sources;
    if (!w) return NULL;
    double *x = memory(rows * w, sizeof *x);
    double *work = memory(mr_chain_fold_work(j->chain, w), sizeof *work);
    double *shared = memory(cut_rows(r->out) * d->shared, sizeof *shared);
    uint8_t *marks = j->bad ? memory(cut_rows(r->out) * w + 1, 1) : NULL;
    for (size_t i = 0; i < w; i++) {
        uint8_t *one = cut_marks(j, r, d->source[i], 1);
        for (size_t k = 0; one && k < cut_rows(r->out); k++) marks[k * w + i] = one[k];
        for (size_t t = 0; t < rows; t++) x[t * w + i] = in[t * mr_cut_nc(j) + d->source[i]];
        free(one);
    }
    mr_view v = {x, rows, w, w};
    mr_chain_prepare(j->chain, r, r->out, &v, r->in[r->n - 1].a, marks, work, shared);
    free(marks);
    free(x);
    free(work);
    return shared;
}

static void cut_fold(const mr_cut_job *j, const mr_block_ranges *r, mr_slab lane, double **states,
                     const double *in, double *y)
{
    const mr_slab a = r->in[r->n - 1], all = mr_chain_out_span(j->chain, j->span);
    cut_sink sink = {.y = y,
                     .row0 = mr_chain_rows(j->chain, all).a,
                     .depth = mr_geom_depth(mr_chain_out(j->chain)),
                     .nc = mr_cut_nc(j)};
    double *shared = cut_sources(j, r, in);
    for (size_t c = 0, k = 0; c < mr_cut_nc(j); c += j->tile, k++) {
        const size_t w = MR_MIN(j->tile, mr_cut_nc(j) - c), rows = cut_rows(a);
        double *x = memory(rows * w, sizeof *x);
        double *work = memory(mr_chain_fold_work(j->chain, w), sizeof *work);
        for (size_t t = 0; t < rows; t++)
            memcpy(x + t * w, in + t * mr_cut_nc(j) + c, w * sizeof *x);
        mr_view v = {x, rows, w, w};
        uint8_t *marks = cut_marks(j, r, c, w);
        sink.c0 = c;
        mr_chain_fold(j->chain, &(mr_fold_job){.r = r,
                                               .lane = lane,
                                               .items = r->out,
                                               .x = &v,
                                               .x0 = a.a,
                                               .bad = marks,
                                               .bad0 = r->out.a,
                                               .now = &(mr_fold_row){0},
                                               .state = states[k],
                                               .width = (j->tile + 7) / 8 * 8,
                                               .work = work,
                                               .shared = shared,
                                               .row = cut_row,
                                               .arg = &sink});
        free(marks);
        free(x);
        free(work);
    }
    free(shared);
}

/* Rows of the output of a span: samples, or rows x depth. */
size_t mr_cut_out_rows(const mr_chain *c, mr_slab span)
{
    const mr_slab out = mr_chain_out_span(c, span);
    if (!mr_chain_reduces(c) || out.b <= out.a) return cut_rows(out);
    return cut_rows(mr_chain_rows(c, out)) * mr_geom_depth(mr_chain_out(c));
}

/* One block: its rows of x through the program into y [want][nc]. */
static void cut_block(const mr_cut_job *j, const mr_block_ranges *r, mr_slab lane, double **states,
                      double *y)
{
    const mr_program *p = mr_chain_program(j->chain);
    part_of in = cut_new((mr_extent){r->raw, {0, (int64_t)j->nc}});
    memcpy(in.d, j->x + (size_t)(r->raw.a - j->span.a) * j->nc,
           cut_rows(r->raw) * j->nc * sizeof(double));
    for (size_t i = 0; i < p->n; i++) {
        mr_step s = p->v[i];
        if (s.by == MR_BY_SOURCE || s.n == 0) continue;
        if (s.by == MR_BY_TILE) s.tile = j->tile;
        part_of out = cut_new(mr_step_out(&s, r));
        const size_t n = mr_step_pieces(j->chain, &s, r);
        for (size_t k = 0; k < n; k++) {
            mr_extent from, to;
            mr_step_piece(j->chain, &s, r, k, &from, &to);
            cut_piece(j, &s, r, from, to, &in, &out, s.by == MR_BY_TILE ? states[k] : NULL,
                      (j->tile + 7) / 8 * 8);
        }
        free(in.d);
        in = out;
    }
    if (mr_chain_reduces(j->chain))
        cut_fold(j, r, lane, states, in.d, y);
    else
        memcpy(y + (size_t)(r->out.a - mr_chain_out_span(j->chain, j->span).a) * mr_cut_nc(j), in.d,
               cut_rows(r->out) * mr_cut_nc(j) * sizeof *y);
    free(in.d);
}

/* y [output span][nc] of the whole span; free with free(). */
double *mr_cut_run(const mr_cut_job *j)
{
    mr_slab out = mr_chain_out_span(j->chain, j->span);
    double *y = memory(mr_cut_out_rows(j->chain, j->span) * mr_cut_nc(j) + 1, sizeof *y);
    size_t tiles = (j->nc + j->tile - 1) / j->tile;
    double **states = memory(tiles, sizeof *states);
    for (size_t k = 0; k < tiles; k++)
        states[k] = memory(mr_chain_state(j->chain) * ((j->tile + 7) / 8 * 8), sizeof(double));
    int64_t lane = j->lane ? j->lane : INT64_MAX / 2, block = j->block ? j->block : INT64_MAX / 2;
    for (int64_t l0 = out.a, end; l0 < out.b; l0 = end) {
        int64_t l1 = MR_MIN(out.b, l0 + lane);
        while (mr_chain_reduces(j->chain) && l1 < out.b && /* whole rows */
               mr_chain_rows(j->chain, (mr_slab){l1 - 1, l1 + 1}).b ==
                   mr_chain_rows(j->chain, (mr_slab){l1 - 1, l1}).b)
            l1++;
        for (int64_t b0 = l0; b0 < l1; b0 += block) {
            mr_slab want = {b0, MR_MIN(l1, b0 + block)},
                    next = {want.b, MR_MIN(l1, want.b + block)};
            mr_block_ranges r;
            mr_chain_ranges(j->chain, j->span, want, b0 == l0, next, &r);
            r.clock = j->clock;
            cut_block(j, &r, (mr_slab){l0, l1}, states, y);
        }
        end = l1;
    }
    for (size_t k = 0; k < tiles; k++) free(states[k]);
    free(states);
    return y;
}
