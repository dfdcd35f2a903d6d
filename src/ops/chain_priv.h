/* ops/chain_priv.h: what the chain's own files share. */
#ifndef MR_CHAIN_PRIV_H
#define MR_CHAIN_PRIV_H
#include "ops/chain.h"

typedef struct mr_bound { /* one operator bound to the geometry at its place */
    const mr_op *op;
    void *self;
    mr_geom in, out;
    mr_needs needs;  /* up, down >= 1 */
    size_t state_at; /* its first double of state per channel, within the chain's */
} mr_bound;

struct mr_chain {
    mr_geom in, out;
    size_t n, state;
    mr_bound v[MR_MAX_OPS];
};

/** The phase of an operator's decimation in a span (op.h, "Indices"). */
int64_t mr_bound_phase(const mr_bound *b, mr_slab span);
/** Output indices of an operator for input indices [a, b). */
mr_slab mr_bound_out(const mr_bound *b, mr_slab span);

/** Settings as text after the operator's name: " name=value ..." exact: numbers as %a. */
mr_status mr_params_text(const mr_op *op, const void *self, bool exact, mr_text *t);
#endif
