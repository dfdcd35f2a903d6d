/* ops/chain/fold.c: items of a tile into rows: the reducer takes them in one after the other,
 * whatever the blocks they come in; a row is given when its last item of the lane is in. */
#include "ops/chain/chain_priv.h"
#include <math.h>
#include <string.h>

static size_t round8(size_t n)
{
    return (n + 7) / 8 * 8;
}

static size_t scratch_of(const mr_chain *c, size_t stride)
{
    const mr_needs *d = &mr_chain_last(c)->needs;
    size_t most = d->scratch + d->scratch_rows * stride;
    for (size_t i = 0; i < c->n_rows; i++)
        most = MR_MAX(most, c->row[i].needs.scratch + c->row[i].needs.scratch_rows * stride);
    return round8(most);
}

size_t mr_chain_fold_work(const mr_chain *c, size_t width)
{
    const size_t stride = round8(width);
    if (!mr_chain_last(c)) return 0;
    return scratch_of(c, stride) + (mr_geom_depth(&c->out) + (c->n_rows > 0)) * stride;
}

/* Sums into means, NaN where less than half of the row is there. share: how much of the row's time
 * the span has; items: how many of its items. */
static void finish(const mr_bound *b, double share, double items, const double *count,
                   size_t stride, mr_view *y)
{
    const size_t each = y->nt / b->needs.counts;
    if (b->needs.partial) return;
    for (size_t t = 0; t < y->nt; t++) {
        const double *n = count + t / each * stride;
        double *v = mr_at(y, t, 0);
        for (size_t c = 0; c < y->nc; c++) {
            if (b->needs.mean) v[c] /= n[c];
            if (!(mr_row_is_item(&b->needs) ? n[c] > 0 : 2 * share * n[c] >= items)) v[c] = NAN;
        }
    }
}

/* The operators after the reducer, on a finished row; what is NaN stays NaN. keep: [stride]. */
static void run_rows(const mr_chain *c, const mr_view *y, double *scratch, double *keep)
{
    for (size_t i = 0; i < c->n_rows; i++)
        for (size_t t = 0; t < y->nt; t++) {
            const mr_bound *b = &c->row[i];
            mr_view one = {mr_at(y, t, 0), 1, y->nc, y->stride};
            memcpy(keep, one.d, one.nc * sizeof *keep);
            b->op->map(b->self, &(mr_piece){.x = &one,
                                            .y = &one,
                                            .nc = b->in.nc,
                                            .span = {0, 1},
                                            .rate_hz = b->in.rate_hz,
                                            .snap = INT64_MAX,
                                            .next = INT64_MAX,
                                            .scratch = scratch});
            for (size_t k = 0; k < one.nc; k++)
                if (isnan(keep[k])) one.d[k] = NAN;
        }
}

static void give(const mr_chain *c, const mr_bound *b, const mr_fold_job *j, const mr_fold *f,
                 int64_t row)
{
    mr_view y = {j->work + scratch_of(c, f->stride), mr_geom_depth(&c->out), j->x->nc, f->stride};
    b->op->fold->give(b->self, f->acc, f->count, f->stride, f->scratch, &y);
    if (b->needs.row_ns != MR_ALL) {
        const double rate = b->in.rate_hz;
        const int64_t a = mr_index_ceil(row * b->needs.row_ns, rate),
                      e = mr_index_ceil((row + 1) * b->needs.row_ns, rate);
        const mr_slab span = j->r->span[c->n - 1], all = j->r->span[c->n];
        const mr_slab items = {MR_MAX(j->now->items.a, all.a), MR_MIN(j->now->items.b, all.b)};
        finish(b, (double)(MR_MIN(e, span.b) - MR_MAX(a, span.a)) / (double)(e - a),
               (double)(items.b - items.a), f->count, f->stride, &y);
        run_rows(c, &y, f->scratch, y.d + y.nt * y.stride);
    }
    j->row(j->arg, row, &y, f->count, f->stride);
}

static mr_fold fold_of(const mr_chain *c, const mr_block_ranges *r, const mr_view *x, int64_t x0)
{
    return (mr_fold){.x = x,
                     .x0 = x0,
                     .span = r->span[c->n - 1],
                     .rate_hz = mr_chain_last(c)->in.rate_hz,
                     .stride = round8(x->nc),
                     .shared0 = r->out.a};
}

/** The row that item k is of: mostly that of the item before. */
static mr_fold_row row_of(const mr_bound *b, int64_t k, mr_fold_row *now)
{
    if (k >= now->items.a && k < now->items.b) return *now;
    const int64_t row = mr_bound_row(b, k);
    return *now = (mr_fold_row){row, {mr_bound_row_first(b, row), mr_bound_row_first(b, row + 1)}};
}

void mr_chain_fold(const mr_chain *c, const mr_fold_job *j)
{
    const mr_bound *b = mr_chain_last(c);
    mr_fold f = fold_of(c, j->r, j->x, j->x0);
    f.rows = j->rows;
    f.bad = j->bad;
    f.bad0 = j->bad0;
    f.count = j->state + b->state_at * j->width;
    f.acc = f.count + b->needs.counts * f.stride;
    f.scratch = j->work;
    f.shared = j->shared;
    for (int64_t k = j->items.a, end; k < j->items.b; k = end) {
        const mr_fold_row row = row_of(b, k, j->now);
        end = MR_MIN(row.items.b, j->items.b);
        if (k == j->lane.a || (k == row.items.a && !b->op->pick))
            memset(f.count, 0, (b->needs.counts + b->needs.state) * f.stride * sizeof *f.count);
        if (b->op->pick) {
            const mr_cell cell = {row.row, row.items};
            b->op->pick(b->self, &f, (mr_slab){k, end}, &cell, j->picks);
            continue;
        }
        b->op->fold->take(b->self, &f, (mr_slab){k, end});
        if (end == row.items.b || end == j->lane.b) give(c, b, j, &f, row.row);
    }
}

void mr_chain_prepare(const mr_chain *c, const mr_block_ranges *r, mr_slab items, const mr_view *x,
                      int64_t x0, const uint8_t *bad, double *work, double *shared)
{
    const mr_bound *b = mr_chain_last(c);
    mr_fold f = fold_of(c, r, x, x0);
    f.bad = bad;
    f.bad0 = items.a;
    f.scratch = work;
    b->op->fold->prepare(b->self, &f, items, shared);
}
