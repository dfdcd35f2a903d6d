/* ops/chain/picks.c: chains whose product is a table: how far a lane has to look for its picks, and
 * what becomes of the picks of a span. */
#include "ops/chain/chain_priv.h"
#include <math.h>
#include <stdlib.h>

const mr_needs *mr_chain_picks(const mr_chain *c)
{
    const mr_bound *b = mr_chain_last(c);
    return b && b->op->pick ? &b->needs : NULL;
}

/* First sample of cell number k. */
static int64_t cell_first(const mr_bound *b, int64_t k)
{
    return mr_index_ceil(k * b->needs.row_ns, b->in.rate_hz);
}

static int64_t cell_of(const mr_bound *b, int64_t n)
{
    return mr_window_number(n, b->needs.row_ns, b->in.rate_hz);
}

mr_slab mr_chain_picks_reach(const mr_chain *c, mr_slab own, mr_slab all)
{
    const mr_bound *b = mr_chain_last(c);
    const int64_t from = cell_first(b, cell_of(b, own.a) - b->needs.cells_before);
    const int64_t to = cell_first(b, cell_of(b, own.b - 1) + 1 + b->needs.cells_after);
    return (mr_slab){MR_MAX(all.a, from), MR_MIN(all.b, to)};
}

int64_t mr_chain_picks_known(const mr_chain *c, int64_t done)
{
    const mr_bound *b = mr_chain_last(c);
    return cell_first(b, cell_of(b, done - 1) - b->needs.cells_after);
}

struct mr_join {
    const mr_op *op; /* NULL: every pick is an event */
    void *state;
    mr_joining in;
};

mr_status mr_chain_join_begin(const mr_chain *c, const mr_joining *in, mr_join **out)
{
    mr_status st = MR_OK;
    mr_join *j = NULL;
    const mr_bound *b = mr_chain_last(c), *join = c->n_rows ? &c->row[0] : NULL;
    MR_TRY(mr_alloc(1, sizeof *j, "events", &j));
    j->in = *in;
    j->in.rate_hz = b->in.rate_hz;
    j->in.cell_ns = b->needs.row_ns;
    if (join) MR_TRY(join->op->join->begin(join->self, &j->in, &j->state));
    j->op = join ? join->op : NULL;
    *out = j;
    j = NULL;
out:
    free(j);
    return st;
}

mr_status mr_chain_join_add(mr_join *j, const mr_pick *p)
{
    if (j->op) return j->op->join->add(j->state, p);
    return j->in.give(j->in.arg, &(mr_event){.on = p->on,
                                             .off = p->off,
                                             .peak_at = p->peak_at,
                                             .peak = p->peak,
                                             .channel = {p->channel, p->channel},
                                             .peak_channel = p->channel,
                                             .n = 1,
                                             .velocity = NAN,
                                             .velocity_sd = NAN,
                                             .score = NAN,
                                             .template = -1,
                                             .flags = p->flags});
}

mr_status mr_chain_join_end(mr_join *j, bool drop)
{
    if (!j) return MR_OK;
    const mr_status st = j->op ? j->op->join->end(j->state, drop) : MR_OK;
    free(j);
    return st;
}
