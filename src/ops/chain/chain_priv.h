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
    size_t carry_at; /* then its first carried row, within the chain's */
    size_t entry;    /* of the config's list that it comes from */
    uint64_t *chan;  /* owned: what `out` says of channels, where they are others than in `in` */
    double *x_m;
} mr_bound;

struct mr_chain {
    mr_geom in, out;
    size_t n, state, carry;
    mr_bound v[MR_MAX_OPS]; /* samples to samples; the last may be a reducer */
    size_t n_rows;
    mr_bound row[MR_MAX_OPS]; /* what is then done to each row */
    mr_program program;
    size_t entry; /* while it is made */
};

struct mr_compound {
    const mr_node *at; /* the compound */
    mr_node list;
};

/* --- ops/chain/contract.c --- */
/** Is all that the operator declares honoured? MR_EBUG with its name and the field's. */
mr_status mr_bound_check(const mr_chain *c, const mr_bound *b);
/** May operator `number` of the chain be given irregular rows? MR_ECONFIG with its name: no. */
mr_status mr_bound_check_even(const mr_bound *b, size_t number);
/** May it come after this reducer (NULL: none so far), which n_rows others follow? MR_ECONFIG. */
mr_status mr_row_check(const mr_op *op, const mr_bound *reducer, size_t n_rows);

/* --- ops/chain/channels.c --- */
/** Context in channels, or others out than in; not `couples`. */
bool mr_bound_fans(const mr_bound *b);
/** Runs in a step of its own, of whole rows or channels that others have made. */
bool mr_bound_alone(const mr_bound *b);
/** What it must be given of its input's channels. */
mr_slab mr_bound_channels(const mr_bound *b, mr_slab out);
/** Places, numbers and spacing of the channels in b->out. */
mr_status mr_bound_place(mr_bound *b);

/* --- ops/chain/program.c --- */
void mr_program_make(const mr_chain *c, mr_program *p);

/** The phase of an operator's decimation in a span (op.h, "Indices"). */
int64_t mr_bound_phase(const mr_bound *b, mr_slab span);
/** The input sample at or before output m; the first output at or behind input sample n. */
int64_t mr_bound_at(const mr_bound *b, mr_slab span, int64_t m);
int64_t mr_bound_from(const mr_bound *b, mr_slab span, int64_t n);
/** Output indices of an operator for input indices [a, b). */
mr_slab mr_bound_out(const mr_bound *b, mr_slab span);
/** What an operator reads, in its span, to give [o.a, o.b). */
mr_slab mr_bound_input(const mr_bound *b, mr_slab span, mr_slab o, bool fresh);

/* --- reducers (ops/chain/item.c, items.c) */

/** Items that span has enough of; input that items need of it; items that samples touch. */
mr_slab mr_items_of(const mr_items *it, mr_slab span, double rate_hz);
mr_slab mr_items_input(const mr_items *it, mr_slab items, mr_slab span, double rate_hz);
mr_slab mr_items_on(const mr_items *it, mr_slab samples, double rate_hz);
int64_t mr_item_start(const mr_items *it, int64_t k, double rate_hz);
/** First item that starts at sample n or later. */
int64_t mr_item_from(const mr_items *it, int64_t n, double rate_hz);
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
