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

/* [a][nc]: 1 where bad samples reach the input of operator `op`; NULL if there are none. */
static uint8_t *cut_bad(const cut_job *j, size_t op, mr_slab a)
{
    uint8_t *marks = j->bad ? calloc(cut_rows(a) * j->nc + 1, 1) : NULL;
    for (int64_t t = j->span.a; marks && t < j->span.b; t++)
        for (size_t c = 0; c < j->nc; c++) {
            if (!j->bad[(size_t)(t - j->span.a) * j->nc + c]) continue;
            const mr_slab s = mr_chain_spoils_at(j->chain, op, j->span, (mr_slab){t, t + 1});
            for (int64_t k = MR_MAX(s.a, a.a); k < MR_MIN(s.b, a.b); k++)
                marks[(size_t)(k - a.a) * j->nc + c] = 1;
        }
    return marks;
}

/* One stage of one block for channels [c0, c0 + w): in [rows][nc] -> out [rows][nc]. */
static void cut_stage(const cut_job *j, size_t s, const mr_stage *stage, const mr_block_ranges *r,
                      size_t c0, size_t w, const double *in, double *out, double *state)
{
    mr_slab a = stage->n ? r->in[stage->first] : r->raw;
    mr_slab b = stage->first + stage->n < r->n ? r->in[stage->first + stage->n] : r->out;
    size_t na = cut_rows(a), nb = cut_rows(b);
    double *x = NULL, *y = NULL, *work = NULL;
    if (mr_alloc_f64(na * w, "x", &x) || mr_alloc_f64(nb * w, "y", &y) ||
        mr_alloc_f64(mr_chain_work(j->chain, r, w), "work", &work))
        abort();
    for (size_t t = 0; t < na; t++) memcpy(x + t * w, in + t * j->nc + c0, w * sizeof *x);
    for (size_t i = 0; i < nb * w; i++) y[i] = 0.0 / 0.0; /* every sample must be written */
    for (size_t i = 0; i < mr_chain_work(j->chain, r, w); i++) work[i] = 0.0 / 0.0;
    mr_view vx = {x, na, w, w}, vy = {y, nb, w, w};
    uint8_t *bad = stage->couples ? cut_bad(j, stage->first, a) : NULL;
    if (nb > 0) mr_chain_run(j->chain, s, r, &vx, &vy, state, work, bad);
    free(bad);
    for (size_t t = 0; t < nb; t++) memcpy(out + t * j->nc + c0, y + t * w, w * sizeof *y);
    free(x);
    free(y);
    free(work);
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

/* [r->out][nc]: 1 where a bad sample reaches an item; NULL if there are none. */
static uint8_t *cut_marks(const cut_job *j, const mr_block_ranges *r, size_t c0, size_t w)
{
    uint8_t *marks = j->bad ? calloc(cut_rows(r->out) * w + 1, 1) : NULL;
    for (size_t c = 0; j->bad && c < w; c++)
        for (int64_t t = j->span.a; t < j->span.b; t++) {
            if (!j->bad[(size_t)(t - j->span.a) * j->nc + c0 + c]) continue;
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
        for (size_t t = 0; t < rows; t++) x[t * w + i] = in[t * j->nc + d->source[i]];
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
                     .nc = j->nc};
    double *shared = cut_sources(j, r, in);
    for (size_t c = 0, k = 0; c < j->nc; c += j->tile, k++) {
        const size_t w = MR_MIN(j->tile, j->nc - c), rows = cut_rows(a);
        double *x = NULL, *work = NULL;
        if (mr_alloc_f64(rows * w, "x", &x) ||
            mr_alloc_f64(mr_chain_fold_work(j->chain, w), "work", &work))
            abort();
        for (size_t t = 0; t < rows; t++) memcpy(x + t * w, in + t * j->nc + c, w * sizeof *x);
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

/* One block: its rows of x through all stages into y [want][nc]. */
static void cut_block(const cut_job *j, const mr_block_ranges *r, mr_slab lane, double **states,
                      double *y)
{
    mr_stage stages[MR_MAX_OPS];
    size_t n = mr_chain_stages(j->chain, stages);
    double *in = malloc((cut_rows(r->raw) * j->nc + 1) * sizeof *in);
    memcpy(in, j->x + (size_t)(r->raw.a - j->span.a) * j->nc,
           cut_rows(r->raw) * j->nc * sizeof *in);
    for (size_t s = 0; s < n; s++) {
        size_t end = stages[s].first + stages[s].n, width = stages[s].couples ? j->nc : j->tile;
        mr_slab o = end < r->n ? r->in[end] : r->out;
        double *out = malloc((cut_rows(o) * j->nc + 1) * sizeof *out);
        for (size_t c = 0, k = 0; c < j->nc; c += width, k++)
            cut_stage(j, s, &stages[s], r, c, MR_MIN(width, j->nc - c), in, out, states[k]);
        free(in);
        in = out;
    }
    if (mr_chain_reduces(j->chain))
        cut_fold(j, r, lane, states, in, y);
    else
        memcpy(y + (size_t)(r->out.a - mr_chain_out_span(j->chain, j->span).a) * j->nc, in,
               cut_rows(r->out) * j->nc * sizeof *y);
    free(in);
}

/* y [output span][nc] of the whole span; free with free(). */
static inline double *cut_run(const cut_job *j)
{
    mr_slab out = mr_chain_out_span(j->chain, j->span);
    double *y = calloc(cut_out_rows(j->chain, j->span) * j->nc + 1, sizeof *y);
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
