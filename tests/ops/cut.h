/* tests/ops/cut.h: runs a chain over a whole span cut into lanes, blocks and tiles, as a run does
 * but in memory and alone; and makes the settings of a chain from one line of text, "bandpass
 * band=1..45Hz order=4 | decimate factor=5". For the tests of ops/. */
#ifndef CUT_H
#define CUT_H
#include "ops/chain/chain.h"
#include <stdlib.h>
#include <string.h>

/* --- settings from text
 * ---------------------------------------------------------------------------- */

static mr_node cut_scalar(const char *key, const char *text)
{
    mr_node n = {.kind = MR_NODE_SCALAR,
                 .key = strdup(key),
                 .text = strdup(text),
                 .file = strdup("text"),
                 .line = 1,
                 .col = 1,
                 .key_line = 1,
                 .key_col = 1};
    return n;
}

static mr_node *cut_add(mr_node *parent, mr_node child)
{
    parent->items = realloc(parent->items, (parent->n + 1) * sizeof child);
    parent->items[parent->n] = child;
    return &parent->items[parent->n++];
}

static mr_node cut_group(mr_node_kind kind, const char *key)
{
    mr_node n = cut_scalar(key, "");
    free(n.text);
    n.text = NULL;
    n.kind = kind;
    return n;
}

/* One chain from text; free with mr_node_fini. */
static inline mr_node cut_settings(const char *text)
{
    mr_node list = cut_group(MR_NODE_LIST, "chain");
    char *copy = strdup(text), *outer = NULL;
    for (char *op = strtok_r(copy, "|", &outer); op; op = strtok_r(NULL, "|", &outer)) {
        char *inner = NULL, *name = strtok_r(op, " ", &inner);
        if (!name) continue;
        mr_node *item = cut_add(&list, cut_group(MR_NODE_MAP, ""));
        mr_node *params = cut_add(item, cut_group(MR_NODE_MAP, name));
        for (char *kv = strtok_r(NULL, " ", &inner); kv; kv = strtok_r(NULL, " ", &inner)) {
            char *eq = strchr(kv, '=');
            if (eq) *eq = 0;
            cut_add(params, cut_scalar(kv, eq ? eq + 1 : ""));
        }
    }
    free(copy);
    return list;
}

/* --- running
 * ------------------------------------------------------------------------------------------ */

typedef struct cut_job {
    const mr_chain *chain;
    mr_slab span;       /* of the input */
    const double *x;    /* [span][nc] */
    const uint8_t *bad; /* [span][nc] for couples, or NULL */
    size_t nc;
    int64_t lane, block; /* in output samples, or items of a reducer (rows stay whole); 0: all */
    size_t tile;         /* channels */
} cut_job;

static size_t cut_rows(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}

/* [e.t][e.c]: 1 where bad samples reach the input of operator `op`; NULL if there are none. */
static uint8_t *cut_bad(const cut_job *j, size_t op, mr_extent e)
{
    const size_t nc = cut_rows(e.c);
    uint8_t *marks = j->bad ? calloc(cut_rows(e.t) * nc + 1, 1) : NULL;
    for (int64_t t = j->span.a; marks && t < j->span.b; t++)
        for (size_t c = 0; c < j->nc; c++) {
            if (!j->bad[(size_t)(t - j->span.a) * j->nc + c]) continue;
            const mr_slab s = mr_chain_spoils_at(j->chain, op, j->span, (mr_slab){t, t + 1});
            const mr_slab h = mr_chain_reaches(j->chain, op, (mr_slab){(int64_t)c, (int64_t)c + 1});
            for (int64_t k = MR_MAX(s.a, e.t.a); k < MR_MIN(s.b, e.t.b); k++)
                for (int64_t i = MR_MAX(h.a, e.c.a); i < MR_MIN(h.b, e.c.b); i++)
                    marks[(size_t)(k - e.t.a) * nc + (size_t)(i - e.c.a)] = 1;
        }
    return marks;
}

/* A block, or a part of one. */
typedef struct cut_block_of {
    mr_extent e;
    double *d;
} cut_block_of;

static cut_block_of cut_new(mr_extent e)
{
    cut_block_of b = {e, NULL};
    if (mr_alloc_f64(cut_rows(e.t) * cut_rows(e.c) + 8, "a block", &b.d)) abort();
    return b;
}

/* Rows and channels `e` of one into the other. */
static void cut_copy(const cut_block_of *from, cut_block_of *to, mr_extent e)
{
    const size_t nf = cut_rows(from->e.c), nt = cut_rows(to->e.c);
    for (int64_t t = e.t.a; t < e.t.b; t++)
        memcpy(to->d + (size_t)(t - to->e.t.a) * nt + (size_t)(e.c.a - to->e.c.a),
               from->d + (size_t)(t - from->e.t.a) * nf + (size_t)(e.c.a - from->e.c.a),
               cut_rows(e.c) * sizeof(double));
}

/* One piece of a step of a block, in memory of its own, so that a checker sees what goes too far:
 * in -> out. width: of the states' rows. */
static void cut_piece(const cut_job *j, const mr_step *s, const mr_block_ranges *r, mr_extent in,
                      mr_extent out, const cut_block_of *from, cut_block_of *to, double *state,
                      size_t width)
{
    cut_block_of x = cut_new(in), y = cut_new(out);
    const size_t nx = cut_rows(in.c), ny = cut_rows(out.c), nb = cut_rows(out.t);
    const size_t room = mr_pass_work(j->chain, s->first, s->n, r, nx, ny);
    double *work = NULL;
    if (mr_alloc_f64(room, "work", &work)) abort();
    cut_copy(from, &x, in);
    for (size_t i = 0; i < nb * ny; i++) y.d[i] = 0.0 / 0.0; /* every sample must be written */
    for (size_t i = 0; i < room; i++) work[i] = 0.0 / 0.0;
    mr_view vx = {x.d, cut_rows(in.t), nx, nx}, vy = {y.d, nb, ny, ny};
    uint8_t *bad = s->by == MR_BY_SLICE ? cut_bad(j, s->first, in) : NULL;
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
                                          .bad = bad});
    free(bad);
    cut_copy(&y, to, out);
    free(x.d);
    free(y.d);
    free(work);
}

/* Channels that the chain gives. */
static inline size_t cut_nc(const cut_job *j)
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

/* Is any channel bad at sample t that reaches channel c of the reducer's input? */
static bool cut_reached(const cut_job *j, int64_t t, size_t c)
{
    for (size_t k = 0; k < j->nc; k++) {
        if (!j->bad[(size_t)(t - j->span.a) * j->nc + k]) continue;
        const mr_slab h = mr_chain_reaches(j->chain, mr_chain_n(j->chain) - 1,
                                           (mr_slab){(int64_t)k, (int64_t)k + 1});
        if ((int64_t)c >= h.a && (int64_t)c < h.b) return true;
    }
    return false;
}

/* [r->out][nc]: 1 where a bad sample reaches an item; NULL if there are none. */
static uint8_t *cut_marks(const cut_job *j, const mr_block_ranges *r, size_t c0, size_t w)
{
    uint8_t *marks = j->bad ? calloc(cut_rows(r->out) * w + 1, 1) : NULL;
    for (size_t c = 0; j->bad && c < w; c++)
        for (int64_t t = j->span.a; t < j->span.b; t++) {
            if (!cut_reached(j, t, c0 + c)) continue;
            mr_slab s = mr_chain_spoils(j->chain, j->span, (mr_slab){t, t + 1});
            for (int64_t k = MR_MAX(s.a, r->out.a); k < MR_MIN(s.b, r->out.b); k++)
                marks[(size_t)(k - r->out.a) * w + c] = 1;
        }
    return marks;
}

/* The sources' columns of `in` [r->in[n - 1]][nc] made ready for all tiles; NULL if there are none.
 */
static double *cut_sources(const cut_job *j, const mr_block_ranges *r, const double *in)
{
    const mr_needs *d = mr_chain_reduces(j->chain);
    const size_t rows = cut_rows(r->in[r->n - 1]), w = d->n_sources;
    double *x = NULL, *work = NULL, *shared = NULL;
    if (!w) return NULL;
    if (mr_alloc_f64(rows * w, "x", &x) ||
        mr_alloc_f64(mr_chain_fold_work(j->chain, w), "work", &work) ||
        mr_alloc_f64(cut_rows(r->out) * d->shared, "shared", &shared))
        abort();
    uint8_t *marks = j->bad ? calloc(cut_rows(r->out) * w + 1, 1) : NULL;
    for (size_t i = 0; i < w; i++) {
        uint8_t *one = cut_marks(j, r, d->source[i], 1);
        for (size_t k = 0; one && k < cut_rows(r->out); k++) marks[k * w + i] = one[k];
        for (size_t t = 0; t < rows; t++) x[t * w + i] = in[t * cut_nc(j) + d->source[i]];
        free(one);
    }
    mr_view v = {x, rows, w, w};
    mr_chain_prepare(j->chain, r, r->out, &v, r->in[r->n - 1].a, marks, work, shared);
    free(marks);
    free(x);
    free(work);
    return shared;
}

static void cut_fold(const cut_job *j, const mr_block_ranges *r, mr_slab lane, double **states,
                     const double *in, double *y)
{
    const mr_slab a = r->in[r->n - 1], all = mr_chain_out_span(j->chain, j->span);
    cut_sink sink = {.y = y,
                     .row0 = mr_chain_rows(j->chain, all).a,
                     .depth = mr_geom_depth(mr_chain_out(j->chain)),
                     .nc = cut_nc(j)};
    double *shared = cut_sources(j, r, in);
    for (size_t c = 0, k = 0; c < cut_nc(j); c += j->tile, k++) {
        const size_t w = MR_MIN(j->tile, cut_nc(j) - c), rows = cut_rows(a);
        double *x = NULL, *work = NULL;
        if (mr_alloc_f64(rows * w, "x", &x) ||
            mr_alloc_f64(mr_chain_fold_work(j->chain, w), "work", &work))
            abort();
        for (size_t t = 0; t < rows; t++) memcpy(x + t * w, in + t * cut_nc(j) + c, w * sizeof *x);
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
static inline size_t cut_out_rows(const mr_chain *c, mr_slab span)
{
    const mr_slab out = mr_chain_out_span(c, span);
    if (!mr_chain_reduces(c) || out.b <= out.a) return cut_rows(out);
    return cut_rows(mr_chain_rows(c, out)) * mr_geom_depth(mr_chain_out(c));
}

/* One block: its rows of x through the program into y [want][nc]. */
static void cut_block(const cut_job *j, const mr_block_ranges *r, mr_slab lane, double **states,
                      double *y)
{
    const mr_program *p = mr_chain_program(j->chain);
    cut_block_of in = cut_new((mr_extent){r->raw, {0, (int64_t)j->nc}});
    memcpy(in.d, j->x + (size_t)(r->raw.a - j->span.a) * j->nc,
           cut_rows(r->raw) * j->nc * sizeof(double));
    for (size_t i = 0; i < p->n; i++) {
        mr_step s = p->v[i];
        if (s.by == MR_BY_SOURCE || s.n == 0) continue;
        if (s.by == MR_BY_TILE) s.tile = j->tile;
        cut_block_of out = cut_new(mr_step_out(&s, r));
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
        memcpy(y + (size_t)(r->out.a - mr_chain_out_span(j->chain, j->span).a) * cut_nc(j), in.d,
               cut_rows(r->out) * cut_nc(j) * sizeof *y);
    free(in.d);
}

/* y [output span][nc] of the whole span; free with free(). */
static inline double *cut_run(const cut_job *j)
{
    mr_slab out = mr_chain_out_span(j->chain, j->span);
    double *y = calloc(cut_out_rows(j->chain, j->span) * cut_nc(j) + 1, sizeof *y);
    size_t tiles = (j->nc + j->tile - 1) / j->tile;
    double **states = calloc(tiles, sizeof *states);
    for (size_t k = 0; k < tiles; k++)
        if (mr_alloc_f64(mr_chain_state(j->chain) * ((j->tile + 7) / 8 * 8), "state", &states[k]))
            abort();
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
            cut_block(j, &r, (mr_slab){l0, l1}, states, y);
        }
        end = l1;
    }
    for (size_t k = 0; k < tiles; k++) free(states[k]);
    free(states);
    return y;
}
#endif
