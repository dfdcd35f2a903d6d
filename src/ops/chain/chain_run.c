/* ops/chain/chain_run.c: one tile through the operators of a step. Samples lie in the caller's
 * input, in two work buffers by turns, and in the caller's output; an operator that can works where
 * they lie.
 */
#include "ops/chain/chain_priv.h"
#include <string.h>

/* What a step needs of the work space, all in doubles. */
typedef struct layout {
    size_t scratch, buf[2];
} layout;

static size_t round8(size_t n)
{
    return (n + 7) / 8 * 8;
}

/* The rows operator i gives in this block. */
static mr_slab given(const mr_block_ranges *r, size_t i)
{
    return i + 1 < r->n ? r->in[i + 1] : r->out;
}

static size_t rows_of(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}

/* Where operator i's output goes: -1 on its input, else a buffer. */
static int place(const mr_bound *b, int from)
{
    if (b->op->pointwise || mr_fast_of(b->op)->in_place) return -1;
    return from == 0 ? 1 : 0;
}

static size_t scratch_of(const mr_bound *b, size_t width)
{
    return round8(b->needs.scratch + b->needs.scratch_rows * width);
}

static layout measure(const mr_chain *c, size_t first, size_t n, const mr_block_ranges *r,
                      size_t width)
{
    layout l = {0};
    int at = -1; /* the caller's input */
    for (size_t i = first; i < first + n; i++) {
        const mr_bound *b = &c->v[i];
        l.scratch = MR_MAX(l.scratch, scratch_of(b, width));
        int to = place(b, at);
        if (b->defer) to = at == 0 ? 1 : 0, i++;
        if (i + 1 == first + n || to < 0) continue;
        l.buf[to] = MR_MAX(l.buf[to], rows_of(given(r, i)) * round8(width));
        at = to;
    }
    return l;
}

size_t mr_pass_work(const mr_chain *c, size_t first, size_t n, const mr_block_ranges *r,
                    size_t x_width, size_t y_width)
{
    const layout l = measure(c, first, n, r, MR_MAX(x_width, y_width));
    return l.scratch + l.buf[0] + l.buf[1];
}

static void copy(const mr_view *x, mr_view *y)
{
    for (size_t t = 0; t < y->nt; t++)
        memcpy(y->d + t * y->stride, x->d + t * x->stride, y->nc * sizeof *y->d);
}

/* Operators i and i + 1 as one. */
static void run_deferred(const mr_chain *c, size_t i, const mr_pass *run, mr_piece *p)
{
    const mr_block_ranges *r = run->r;
    const bool last = r->snap[i] == INT64_MAX;
    p->carry = run->state + c->state * run->width + c->v[i].carry_at * run->width;
    p->next = last ? INT64_MAX : i + 2 < r->n ? r->snap[i + 2] : r->out.b;
    mr_defer_run(c->v[i].defer, mr_bound_phase(&c->v[i + 1], r->span[i + 1]), p);
}

/* An operator that looks across channels, or any alone on some rows. */
static void run_wide(const mr_chain *c, const mr_pass *run)
{
    const mr_bound *b = &c->v[run->first];
    const mr_block_ranges *r = run->r;
    mr_slab in = r->in[run->first], out = given(r, run->first);
    if (run->rows) {
        out = *run->rows;
        in = mr_bound_input(b, r->span[run->first], out, r->fresh);
    }
    MR_ASSERT(run->x->nt == rows_of(in) && run->y->nt == rows_of(out));
    if (!run->y->nt) return;
    b->op->map(b->self, &(mr_piece){.x = run->x,
                                    .y = run->y,
                                    .x0 = in.a,
                                    .y0 = out.a,
                                    .xc0 = run->xc0,
                                    .yc0 = run->yc0,
                                    .nc = b->in.nc,
                                    .span = r->span[run->first],
                                    .rate_hz = b->in.rate_hz,
                                    .fresh = true,
                                    .snap = INT64_MAX,
                                    .next = INT64_MAX,
                                    .scratch = run->work,
                                    .bad = run->bad,
                                    .bad_stride = run->bad_stride,
                                    .clock = &r->clock});
}

static bool is_wide(const mr_chain *c, const mr_pass *run)
{
    return run->n == 1 && (run->rows || mr_bound_alone(&c->v[run->first]));
}

void mr_chain_run(const mr_chain *c, const mr_pass *run)
{
    const mr_block_ranges *r = run->r;
    const mr_feed *feed = run->feed;
    mr_view *x = run->x, *y = run->y, from = *x;
    const size_t first = run->first, end = first + run->n;
    const layout l = measure(c, first, run->n, r, x->nc);
    double *buf[2] = {run->work + l.scratch, run->work + l.scratch + l.buf[0]};
    int at = -1;
    const mr_fast *fast = run->n > 0 ? mr_fast_of(c->v[first].op) : NULL;
    const bool streams = fast && (fast->streams || fast->once);
    const bool wide = is_wide(c, run);
    if (feed && (wide || !streams)) feed->pull(feed->arg, x->nt);
    if (feed && (wide || !streams) && feed->spoilt(feed->arg)) return;
    if (wide) {
        run_wide(c, run);
        return;
    }
    MR_ASSERT(run->n == 0 || (x->nt == rows_of(r->in[first]) &&
                              y->nt == rows_of(given(r, end - 1)) && y->nc == x->nc));
    if (run->n == 0) copy(x, y);
    for (size_t i = first, did; i < end; i += did) {
        const mr_bound *b = &c->v[i];
        did = b->defer ? 2 : 1;
        const mr_slab out = given(r, i + did - 1);
        mr_view to = {.nt = rows_of(out), .nc = x->nc, .stride = round8(x->nc)};
        int where = b->defer ? at == 0 : place(b, at);
        if (i + did == end) {
            to = *y;
        } else if (where < 0) {
            to.d = from.d + (size_t)(out.a - r->in[i].a) * from.stride;
            to.stride = from.stride;
        } else {
            to.d = buf[where];
            at = where;
        }
        mr_piece p = {.x = &from,
                      .y = &to,
                      .x0 = r->in[i].a,
                      .y0 = out.a,
                      .xc0 = run->xc0,
                      .yc0 = run->yc0,
                      .nc = b->in.nc,
                      .span = r->span[i],
                      .rate_hz = b->in.rate_hz,
                      .fresh = r->fresh,
                      .snap = r->snap[i],
                      .state = b->needs.state ? run->state + b->state_at * run->width : NULL,
                      .scratch = run->work,
                      .feed = i == first && streams ? feed : NULL,
                      .clock = &r->clock};
        if (b->defer)
            run_deferred(c, i, run, &p);
        else if (to.nt > 0)
            b->op->map(b->self, &p);
        if (p.feed) feed->pull(feed->arg, x->nt); /* all of it is looked at */
        if (p.feed && feed->spoilt(feed->arg)) return;
        from = to;
    }
}
