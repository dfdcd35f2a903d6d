/* tests/ops/cut.h: runs a chain over a whole span cut into lanes, blocks and tiles, as a run does
 * but in memory and alone; and makes the settings of a chain from one line of text, "bandpass
 * band=1..45Hz order=4 | decimate factor=5". For the tests of ops/. */
#ifndef CUT_H
#define CUT_H
#include "ops/chain.h"
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
    int64_t lane, block; /* in output samples; 0: all */
    size_t tile;         /* channels */
} cut_job;

static size_t cut_rows(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}

/* One stage of one block for channels [c0, c0 + w): in [rows][nc] -> out [rows][nc]. */
static void cut_stage(const cut_job *j, size_t s, const mr_stage *stage, const mr_block_ranges *r,
                      size_t c0, size_t w, const double *in, double *out, double *state)
{
    mr_slab a = stage->n ? r->in[stage->first] : r->out;
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
    const uint8_t *bad = j->bad ? j->bad + (size_t)(a.a - j->span.a) * j->nc : NULL;
    if (nb > 0) mr_chain_run(j->chain, s, r, &vx, &vy, state, work, stage->couples ? bad : NULL);
    for (size_t t = 0; t < nb; t++) memcpy(out + t * j->nc + c0, y + t * w, w * sizeof *y);
    free(x);
    free(y);
    free(work);
}

/* One block: its rows of x through all stages into y [want][nc]. */
static void cut_block(const cut_job *j, const mr_block_ranges *r, double **states, double *y)
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
    memcpy(y, in, cut_rows(r->out) * j->nc * sizeof *y);
    free(in);
}

/* y [output span][nc] of the whole span; free with free(). */
static inline double *cut_run(const cut_job *j)
{
    mr_slab out = mr_chain_out_span(j->chain, j->span);
    double *y = malloc((cut_rows(out) * j->nc + 1) * sizeof *y);
    size_t tiles = (j->nc + j->tile - 1) / j->tile;
    double **states = calloc(tiles, sizeof *states);
    for (size_t k = 0; k < tiles; k++)
        if (mr_alloc_f64(mr_chain_state(j->chain) * j->tile, "state", &states[k])) abort();
    int64_t lane = j->lane ? j->lane : INT64_MAX / 2, block = j->block ? j->block : INT64_MAX / 2;
    for (int64_t l0 = out.a; l0 < out.b; l0 += lane) {
        int64_t l1 = MR_MIN(out.b, l0 + lane);
        for (int64_t b0 = l0; b0 < l1; b0 += block) {
            mr_slab want = {b0, MR_MIN(l1, b0 + block)},
                    next = {want.b, MR_MIN(l1, want.b + block)};
            mr_block_ranges r;
            mr_chain_ranges(j->chain, j->span, want, b0 == l0, next, &r);
            cut_block(j, &r, states, y + (size_t)(b0 - out.a) * j->nc);
        }
        if (lane >= INT64_MAX / 2) break;
    }
    for (size_t k = 0; k < tiles; k++) free(states[k]);
    free(states);
    return y;
}
#endif
