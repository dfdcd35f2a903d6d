/* ops/chain/chain_priv.h: what the chain's own files share. */
#ifndef MR_CHAIN_PRIV_H
#define MR_CHAIN_PRIV_H
#include "ops/chain/chain.h"
#include "ops/chain/defer.h"

typedef struct mr_bound { /* one operator bound to the geometry at its place */
    const mr_op *op;
    void *self;
    mr_geom in, out;
    mr_needs needs;  /* up, down >= 1 */
    size_t state_at; /* its first double of state per channel, within the chain's */
    mr_defer *defer; /* owned: this and the next run as one; else NULL */
    size_t hold_at;  /* then its first held row, within the chain's */
} mr_bound;

struct mr_chain {
    mr_geom in, out;
    size_t n, state, hold;
    mr_bound v[MR_MAX_OPS];
};

/** The phase of an operator's decimation in a span (op.h, "Indices"). */
int64_t mr_bound_phase(const mr_bound *b, mr_slab span);
/** Output indices of an operator for input indices [a, b). */
mr_slab mr_bound_out(const mr_bound *b, mr_slab span);

/* --- reducers (ops/chain/items.c)
 * ------------------------------------------------------------------------- */

/** Items that span has enough of; input that items need of it; items that samples touch. */
mr_slab mr_items_of(const mr_items *it, mr_slab span, double rate_hz);
mr_slab mr_items_input(const mr_items *it, mr_slab items, mr_slab span, double rate_hz);
mr_slab mr_items_on(const mr_items *it, mr_slab samples, double rate_hz);
int64_t mr_item_start(const mr_items *it, int64_t k, double rate_hz);
/** Items a second. */
double mr_items_rate(const mr_items *it, double rate_hz);
/** Number of the row that takes item k in; first item of a row. */
int64_t mr_bound_row(const mr_bound *b, int64_t k);
int64_t mr_bound_row_first(const mr_bound *b, int64_t row);
/** The chain's reducer, or NULL. */
const mr_bound *mr_chain_last(const mr_chain *c);

/** Settings as text after the operator's name: " name=value ..." exact: numbers as %a. */
mr_status mr_params_text(const mr_op *op, const void *self, bool exact, mr_text *t);
#endif
