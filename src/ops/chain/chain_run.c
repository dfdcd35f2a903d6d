/* ops/chain/chain_run.c: one tile through the operators of a stage. Samples lie in the caller's
 * input, in two work buffers by turns, and in the caller's output; an operator that can works where
 * they lie.
 */
#include "ops/chain/chain_priv.h"
#include <string.h>

/* What a stage needs of the work space, all in doubles. */
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
    if (b->op->in_place) return -1;
    return from == 0 ? 1 : 0;
}

static layout measure(const mr_chain *c, const mr_stage *s, const mr_block_ranges *r, size_t width)
{
    layout l = {0};
    int at = -1; /* the caller's input */
    for (size_t i = s->first; i < s->first + s->n; i++) {
        const mr_bound *b = &c->v[i];
        l.scratch = MR_MAX(l.scratch, round8(b->needs.scratch + b->needs.scratch_rows * width));
        int to = place(b, at);
        if (b->defer) to = at == 0 ? 1 : 0, i++;
        if (i + 1 == s->first + s->n || to < 0) continue;
        l.buf[to] = MR_MAX(l.buf[to], rows_of(given(r, i)) * round8(width));
        at = to;
    }
    return l;
}

size_t mr_chain_work(const mr_chain *c, const mr_block_ranges *r, size_t width)
{
    mr_stage stages[MR_MAX_OPS];
    size_t n = mr_chain_stages(c, stages), most = 0;
    for (size_t i = 0; i < n; i++) {
        layout l = measure(c, &stages[i], r, width);
        most = MR_MAX(most, l.scratch + l.buf[0] + l.buf[1]);
    }
    return most;
}

static void copy(const mr_view *x, mr_view *y)
{
    for (size_t t = 0; t < y->nt; t++)
        memcpy(y->d + t * y->stride, x->d + t * x->stride, y->nc * sizeof *y->d);
}

void mr_chain_run(const mr_chain *c, size_t stage, const mr_block_ranges *r, mr_view *x, mr_view *y,
                  double *state, double *work, const uint8_t *bad)
{
    mr_chain_run_fed(c, stage, r, x, y, state, work, bad, NULL);
}

/* Operators i and i + 1 as one. */
static void run_deferred(const mr_chain *c, size_t i, const mr_block_ranges *r, double *state,
                         mr_piece *p)
{
    const bool last = r->snap[i] == INT64_MAX;
    p->hold = state + c->state * round8(p->x->nc) + c->v[i].hold_at * p->x->nc;
    p->next = last ? INT64_MAX : i + 2 < r->n ? r->snap[i + 2] : r->out.b;
    mr_defer_run(c->v[i].defer, mr_bound_phase(&c->v[i + 1], r->span[i + 1]), p);
}

void mr_chain_run_fed(const mr_chain *c, size_t stage, const mr_block_ranges *r, mr_view *x,
                      mr_view *y, double *state, double *work, const uint8_t *bad,
                      const mr_feed *feed)
{
    mr_stage stages[MR_MAX_OPS];
    mr_chain_stages(c, stages);
    const mr_stage s = stages[stage];
    const layout l = measure(c, &s, r, x->nc);
    double *buf[2] = {work + l.scratch, work + l.scratch + l.buf[0]};
    mr_view from = *x;
    int at = -1;
    MR_ASSERT(s.n == 0 || (x->nt == rows_of(r->in[s.first]) &&
                           y->nt == rows_of(given(r, s.first + s.n - 1)) && y->nc == x->nc));
    const bool streams = s.n > 0 && (c->v[s.first].op->streams || c->v[s.first].op->once);
    if (feed && !streams) feed->pull(feed->arg, x->nt);
    if (feed && !streams && feed->spoilt(feed->arg)) return;
    if (s.n == 0) copy(x, y);
    for (size_t i = s.first, did; i < s.first + s.n; i += did) {
        const mr_bound *b = &c->v[i];
        did = b->defer ? 2 : 1;
        const mr_slab out = given(r, i + did - 1);
        mr_view to = {.nt = rows_of(out), .nc = x->nc, .stride = round8(x->nc)};
        int where = b->defer ? at == 0 : place(b, at);
        if (i + did == s.first + s.n) {
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
                      .span = r->span[i],
                      .rate_hz = b->in.rate_hz,
                      .fresh = r->fresh,
                      .snap = r->snap[i],
                      .state = b->needs.state ? state + b->state_at * x->nc : NULL,
                      .scratch = work,
                      .feed = i == s.first && streams ? feed : NULL,
                      .bad = bad};
        if (b->defer)
            run_deferred(c, i, r, state, &p);
        else if (to.nt > 0)
            b->op->apply(b->self, &p);
        if (p.feed) feed->pull(feed->arg, x->nt); /* all of it is looked at */
        if (p.feed && feed->spoilt(feed->arg)) return;
        from = to;
    }
}
