/* ops/chain/contract.c: what an operator's bind() has declared is looked at once: what the chain
 * cannot honour is refused by the operator's and the field's name, instead of being ignored. */
#include "ops/chain/chain_priv.h"
#include <math.h>
#include <string.h>

#define REFUSE(b, field, ...) refuse(b, field, __VA_ARGS__)
static mr_status refuse(const mr_bound *b, const char *field, const char *why)
{
    return MR_RAISE(MR_EBUG, "operator %s declares %s: %s", b->op->name, field, why);
}

static mr_status check_channels(const mr_bound *b)
{
    const mr_needs *d = &b->needs;
    const bool wide = d->couples || mr_bound_fans(b) || b->op->nan;
    if (!b->out.nc) return REFUSE(b, "out->nc", "no channel is left; refuse the settings instead");
    if ((b->out.nc - 1) * d->ch_down >= b->in.nc)
        return REFUSE(b, "out->nc",
                      "more channels than came in, or than needs->ch_down leaves of them");
    if (wide && (d->state || d->carry))
        return REFUSE(b, "needs->state",
                      "an operator across channels, or with nan, keeps none; use needs->before");
    if (wide && (d->memory != MR_MEM_NONE || d->fade))
        return REFUSE(b, "needs->memory",
                      "an operator across channels, or with nan, has none; use needs->before");
    if (b->op->nan && (d->items.len || d->up != 1 || d->down != 1 || d->ch_down != 1 ||
                       d->window_ns || d->blank_head || b->out.nc != b->in.nc))
        return REFUSE(b, "nan", "but its needs change rate or channels, or have windows");
    if (b->out.chan != b->in.chan || b->out.x_m != b->in.x_m)
        return REFUSE(b, "out->chan or x_m",
                      "where channels are follows from needs->ch_down and ch_place");
    return MR_OK;
}

/* Places by stamps are those of samples as they were taken. */
static mr_status check_stamps(const mr_chain *c, const mr_bound *b)
{
    const mr_needs *d = &b->needs;
    if (!d->by_stamps) return MR_OK;
    if (d->up != 1 || d->down != 1) return REFUSE(b, "needs->by_stamps", "and another rate");
    for (const mr_bound *k = c->v; k < b; k++)
        if (k->needs.up != 1 || k->needs.down != 1 || k->needs.by_stamps)
            return MR_RAISE(MR_ECONFIG, "%s goes by the stamps of samples: it comes before %s",
                            b->op->name, k->op->name);
    return MR_OK;
}

static mr_status check_map(const mr_bound *b)
{
    const mr_needs *d = &b->needs;
    const double rate = b->in.rate_hz * (double)d->up / (double)d->down;
    if (!b->op->map) return REFUSE(b, "needs->items.len", "0, and it is no map");
    if (b->op->pointwise &&
        (d->before || d->after || d->state || d->window_ns || d->memory != MR_MEM_NONE ||
         d->blank_head || d->up != 1 || d->down != 1 || d->couples || mr_bound_fans(b)))
        return REFUSE(b, "pointwise", "but its needs say more");
    if (b->out.n_axes != b->in.n_axes)
        return REFUSE(b, "out->n_axes", "axes are a reducer's; set needs->items");
    const bool evens = b->in.uneven && !b->out.uneven;
    if (!evens && !(fabs(b->out.rate_hz - rate) <= 2e-9 * rate))
        return REFUSE(b, "out->rate_hz", "not in->rate_hz * needs->up / needs->down");
    if (d->n_sources || d->shared) return REFUSE(b, "needs->source", "only reducers have sources");
    return MR_OK;
}

/* Axes, the array and what stands beside it have names of their own in a file. */
static mr_status check_axes(const mr_bound *b)
{
    static const char *const taken[] = {"time",     "distance",  "count",
                                        "latitude", "longitude", "elevation"};
    for (size_t i = 0; i < b->out.n_axes; i++) {
        const char *name = b->out.axis[i].name;
        bool clash = !name || !b->out.quantity || strcmp(name, b->out.quantity) == 0;
        for (size_t k = 0; !clash && k < sizeof taken / sizeof *taken; k++)
            clash = strcmp(name, taken[k]) == 0;
        for (size_t k = 0; !clash && k < i; k++) clash = strcmp(name, b->out.axis[k].name) == 0;
        if (clash) return REFUSE(b, "out->axis[].name", "no name, or one that is taken in a file");
        if (!b->out.axis[i].n) return REFUSE(b, "out->axis[].n", "0");
    }
    return MR_OK;
}

/* Single samples, cells of UTC, no axes. */
static mr_status check_picks(const mr_bound *b)
{
    const mr_needs *d = &b->needs;
    if (d->items.hop != 1 || d->items.len != 1 || d->items.least != 1 || d->items.window_ns)
        return REFUSE(b, "needs->items", "of picks they are single samples");
    if (d->row_ns <= 0 || d->row_ns == MR_ALL || d->cells_before < 0 || d->cells_after < 0)
        return REFUSE(b, "needs->row_ns, cells_before or after", "no length of cells");
    if (b->out.n_axes || d->n_sources || d->count_axes)
        return REFUSE(b, "out->n_axes, needs->source or count_axes", "a table has none");
    return MR_OK;
}

static mr_status check_reducer(const mr_bound *b)
{
    mr_status st = MR_OK;
    const mr_needs *d = &b->needs;
    if (b->op->pick) MR_TRY(check_picks(b));
    if (b->op->map) return REFUSE(b, "needs->items", "a map takes none");
    if (d->couples || mr_bound_fans(b))
        return REFUSE(b, "needs->ch_before, couples or out->nc",
                      "a reducer takes each channel for itself; do that in an operator before it");
    if (d->up != 1 || d->down != 1 || d->align_span)
        return REFUSE(b, "needs->up or down", "a reducer's rows follow from needs->items, row_ns");
    if (d->before || d->after || d->fade || d->window_ns || d->memory != MR_MEM_NONE)
        return REFUSE(b, "needs->before, after, fade, window_ns or memory",
                      "what a reducer needs follows from needs->items");
    MR_TRY(check_axes(b));
    if (d->count_axes == 2 && !b->out.n_axes) return REFUSE(b, "needs->count_axes", "no such axis");
    if (d->n_sources && (b->op->pick || !b->op->fold->prepare))
        return REFUSE(b, "needs->source", "prepare is NULL");
    for (size_t i = 0; i < d->n_sources; i++)
        if (d->source[i] >= b->in.nc) return REFUSE(b, "needs->source", "no such channel");
out:
    return st;
}

mr_status mr_bound_check(const mr_chain *c, const mr_bound *b)
{
    if (b->op->join) return MR_OK; /* looks at no samples */
    mr_status st = check_channels(b);
    if (st == MR_OK) st = check_stamps(c, b);
    if (st != MR_OK) return st;
    if (b->out.n_axes > MR_MAX_AXES) return REFUSE(b, "out->n_axes", "more than MR_MAX_AXES");
    return b->needs.items.len ? check_reducer(b) : check_map(b);
}

/* Looks at one time alone: rows may come at any times. */
static bool at_one_time(const mr_needs *d)
{
    return !d->before && !d->after && !d->fade && !d->window_ns && d->memory == MR_MEM_NONE &&
           !d->state && !d->carry && d->up * d->down == 1 && !d->align_span && !d->blank_head &&
           !d->items.len;
}

mr_status mr_bound_check_even(const mr_bound *b, size_t number)
{
    if (!b->in.uneven) return MR_OK;
    if (b->out.uneven && at_one_time(&b->needs)) return MR_OK;
    if (b->out.uneven || b->needs.items.len)
        return MR_RAISE(MR_ECONFIG,
                        "%s needs even sampling, and the rows are irregular, %.3g Hz in the mean: "
                        "begin the chain with resample",
                        b->op->name, b->in.rate_hz);
    if (number)
        return MR_RAISE(MR_ECONFIG,
                        "%s makes irregular rows even as they are read: it has to be the first "
                        "operator",
                        b->op->name);
    return MR_OK;
}

mr_status mr_row_check(const mr_op *op, const mr_bound *reducer, size_t n_rows)
{
    if (!reducer && op->join)
        return MR_RAISE(MR_ECONFIG,
                        "%s takes picks: it comes after an operator that gives them, "
                        "as trigger does",
                        op->name);
    if (!reducer) return MR_OK;
    if (reducer->op->pick && (!op->join || n_rows))
        return MR_RAISE(MR_ECONFIG,
                        "%s gives picks: only one operator that joins them can come "
                        "after it, as coincidence does",
                        reducer->op->name);
    if (reducer->op->pick) return MR_OK;
    if (!op->pointwise)
        return MR_RAISE(MR_ECONFIG,
                        "%s gives rows of its own; after it only operators that take a value at a "
                        "time can come (scale, abs, clip), %s does not: the rows that it would "
                        "look at beside each may be another lane's",
                        reducer->op->name, op->name);
    if (reducer->needs.row_ns == MR_ALL)
        return MR_RAISE(MR_ECONFIG,
                        "%s over everything is a sum until the run's end: %s cannot come after it; "
                        "give it an interval, or apply %s to the result",
                        reducer->op->name, op->name, op->name);
    return MR_OK;
}
