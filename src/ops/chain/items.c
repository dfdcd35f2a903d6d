/* ops/chain/items.c: which items a row of a reducer takes in. Where items lie: item.c. */
#include "ops/chain/chain_priv.h"
#include <math.h>

const mr_bound *mr_chain_last(const mr_chain *c)
{
    return c->n && c->v[c->n - 1].needs.items.len ? &c->v[c->n - 1] : NULL;
}

const mr_needs *mr_chain_reduces(const mr_chain *c)
{
    const mr_bound *b = mr_chain_last(c);
    return b ? &b->needs : NULL;
}

double mr_chain_rate(const mr_chain *c)
{
    const mr_bound *b = mr_chain_last(c);
    return b ? mr_items_rate(&b->needs.items, b->in.rate_hz) : c->out.rate_hz;
}

bool mr_chain_by_rows(const mr_chain *c)
{
    return mr_chain_last(c) && mr_fast_of(mr_chain_last(c)->op)->by_rows;
}

double mr_chain_reducer_rate(const mr_chain *c)
{
    return mr_chain_last(c)->in.rate_hz;
}

int64_t mr_chain_unit_ns(const mr_chain *c)
{
    const mr_needs *d = mr_chain_reduces(c);
    return !d ? 0 : d->row_ns != MR_ALL ? d->row_ns : d->items.window_ns;
}

int64_t mr_bound_row(const mr_bound *b, int64_t k)
{
    const mr_needs *d = &b->needs;
    if (d->row_ns == MR_ALL) return 0;
    if (d->items.window_ns)
        return mr_div_floor(mr_div_floor(k, d->items.n), d->row_ns / d->items.window_ns);
    return mr_window_number(mr_item_start(&d->items, k, b->in.rate_hz), d->row_ns, b->in.rate_hz);
}

int64_t mr_bound_row_first(const mr_bound *b, int64_t row)
{
    const mr_needs *d = &b->needs;
    if (d->row_ns == MR_ALL) return row ? INT64_MAX : INT64_MIN;
    if (d->items.window_ns) return row * (d->row_ns / d->items.window_ns) * d->items.n;
    return mr_item_from(&d->items, mr_index_ceil(row * d->row_ns, b->in.rate_hz), b->in.rate_hz);
}

int64_t mr_chain_nominal_ns(const mr_chain *c, int64_t m)
{
    const mr_bound *b = mr_chain_last(c);
    const mr_items *it = &b->needs.items;
    if (b->needs.row_ns != MR_ALL) return mr_bound_row(b, m) * b->needs.row_ns;
    if (it->window_ns) {
        const int64_t w = mr_div_floor(m, it->n);
        return w * it->window_ns + llroundl((long double)((m - w * it->n) * it->hop) * 1e9L /
                                            (long double)b->in.rate_hz);
    }
    return llroundl((long double)m * (long double)it->hop * 1e9L / (long double)b->in.rate_hz);
}

mr_slab mr_chain_rows(const mr_chain *c, mr_slab items)
{
    const mr_bound *b = mr_chain_last(c);
    return (mr_slab){mr_bound_row(b, items.a), mr_bound_row(b, items.b - 1) + 1};
}

int64_t mr_chain_row_first(const mr_chain *c, int64_t row)
{
    return mr_bound_row_first(mr_chain_last(c), row);
}

mr_slab mr_chain_rows_done(const mr_chain *c, mr_slab lane, mr_slab block)
{
    const mr_bound *b = mr_chain_last(c);
    return (mr_slab){mr_bound_row(b, block.a), block.b == lane.b ? mr_bound_row(b, block.b - 1) + 1
                                                                 : mr_bound_row(b, block.b)};
}

mr_slab mr_chain_row_samples(const mr_chain *c, mr_slab span, int64_t row)
{
    const mr_bound *b = mr_chain_last(c);
    const double rate = b->in.rate_hz;
    for (size_t i = 0; i + 1 < c->n; i++) span = mr_bound_out(&c->v[i], span);
    return (mr_slab){MR_MAX(mr_index_ceil(row * b->needs.row_ns, rate), span.a),
                     MR_MIN(mr_index_ceil((row + 1) * b->needs.row_ns, rate), span.b)};
}
