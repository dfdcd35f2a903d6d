/* ops/chain/chain.c: a list of settings becomes bound operators; what the chain looks like from
 * outside.
 */
#include "ops/chain/chain_priv.h"
#include "ops/param.h"
#include "ops/plugin.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_DEEP = 4 }; /* a compound in a compound ... */

/* Binds the settings `self` [take] at the end of v[*n]. */
static mr_status bind_at(mr_chain *c, mr_bound *v, size_t *n, const mr_op *op, void *self)
{
    mr_status st = MR_OK;
    mr_bound *b = &v[*n];
    if (*n == MR_MAX_OPS) {
        free(self);
        return MR_RAISE(MR_ECONFIG, "more than %d operators (a cascade counts each step)",
                        MR_MAX_OPS);
    }
    *b = (mr_bound){.op = op,
                    .self = self,
                    .in = c->out,
                    .out = c->out,
                    .state_at = c->state,
                    .entry = c->entry};
    ++*n;
    if (op->bind) st = op->bind(self, &b->in, &b->out, &b->needs);
    if (st != MR_OK) return st;
    b->needs.up = MR_MAX(b->needs.up, (size_t)1);
    b->needs.down = MR_MAX(b->needs.down, (size_t)1);
    b->needs.ch_down = MR_MAX(b->needs.ch_down, (size_t)1);
    MR_TRY(mr_bound_check_even(b, *n - 1));
    MR_TRY(mr_bound_check(c, b));
    MR_TRY(mr_bound_place(b));
    c->out = b->out;
    c->out.limits = (mr_limits){0, 0}; /* of samples as they were */
out:
    return st;
}

/* The chain's next operator: on samples, or after a reducer on its rows. */
static mr_status bind_one(mr_chain *c, const mr_op *op, void *self)
{
    const mr_bound *reducer = mr_chain_last(c);
    mr_status st = mr_row_check(op, reducer, c->n_rows);
    if (st != MR_OK) {
        free(self);
        return st;
    }
    if (reducer) return bind_at(c, c->row, &c->n_rows, op, self);
    st = bind_at(c, c->v, &c->n, op, self);
    if (st != MR_OK) return st;
    mr_bound *b = &c->v[c->n - 1];
    c->state += b->needs.state;
    if (b->needs.items.len) {
        b->needs.counts = b->needs.count_axes == 2 ? b->out.axis[0].n : 1;
        c->state += b->needs.counts;
        c->out.to_native = c->out.to_strain_rate = c->out.to_strain = 0; /* of samples */
    }
    return MR_OK;
}

static mr_status bind_copy(mr_chain *c, const mr_op *op, const void *self, size_t k, size_t of)
{
    void *own = NULL;
    mr_status st = mr_alloc(1, op->size, "operator settings", &own);
    if (st != MR_OK) return st;
    memcpy(own, self, op->size);
    if (mr_fast_of(op)->expand && of > 1) mr_fast_of(op)->expand(self, k, own);
    return bind_one(c, op, own);
}

/* "name", "name: " or "name: {...}" -> operator and its parameters (NULL: none). */
static mr_status read_entry(const mr_node *entry, const mr_op **op, const mr_node **params)
{
    const char *name = entry->text;
    const mr_node *at = entry;
    *params = NULL;
    if (entry->kind == MR_NODE_MAP) {
        if (entry->n != 1)
            return MR_RAISE_AT(MR_ECONFIG, entry,
                               "one operator an entry, as in `- abs: {}`; here are %zu", entry->n);
        at = &entry->entries[0];
        name = at->key;
        bool empty =
            at->kind == MR_NODE_SCALAR && !at->quoted &&
            (!at->text || !*at->text || !strcmp(at->text, "~") || !strcmp(at->text, "null"));
        if (!empty) *params = at;
    } else if (entry->kind != MR_NODE_SCALAR || !name) {
        return MR_RAISE_AT(MR_ECONFIG, entry, "an operator is written as `- name: {parameters}`");
    }
    *op = mr_op_find(name);
    if (*op) return MR_OK;
    const char *near = mr_op_nearest(name);
    if (near) return MR_RAISE_KEY(MR_ECONFIG, at, "no operator %s; did you mean %s?", name, near);
    return MR_RAISE_KEY(MR_ECONFIG, at, "no operator %s; `millrace ops` lists them", name);
}

static mr_status add_entry(mr_chain *c, const mr_node *entry, int depth);

/* A compound is what it stands for, each like an entry of its own. *none: these settings have
 * none. */
static mr_status add_compound(mr_chain *c, const mr_op *op, const void *self, const mr_node *entry,
                              int depth, bool *none)
{
    mr_status st = MR_OK;
    mr_compound p = {.at = entry->kind == MR_NODE_MAP ? &entry->entries[0] : entry,
                     .list = {.kind = MR_NODE_LIST}};
    if (depth == MOST_DEEP)
        return MR_RAISE_KEY(MR_EBUG, p.at, "operator %s is made of itself", op->name);
    MR_TRY(op->compound(self, &p));
    *none = !p.list.n;
    if (*none && !op->bind && !op->map)
        st = MR_RAISE(MR_EBUG, "operator %s declares a compound: of none", op->name);
    for (size_t i = 0; i < p.list.n && st == MR_OK; i++)
        st = add_entry(c, &p.list.entries[i], depth + 1);
out:
    mr_node_fini(&p.list);
    if (st != MR_OK) mr_note("within %s", op->name);
    return st;
}

static mr_status add_entry(mr_chain *c, const mr_node *entry, int depth)
{
    mr_status st = MR_OK;
    const mr_op *op = NULL;
    const mr_node *params = NULL;
    void *self = NULL;
    MR_TRY(read_entry(entry, &op, &params));
    MR_TRY(mr_alloc(1, op->size, "operator settings", &self));
    MR_TRY(mr_params_parse(op, params, self));
    bool itself = true;
    if (op->compound) MR_TRY(add_compound(c, op, self, entry, depth, &itself));
    if (!itself) goto out;
    const size_t of = mr_fast_of(op)->expand ? mr_fast_of(op)->expand(self, 0, NULL) : 1;
    for (size_t k = 0; k < of; k++) {
        st = bind_copy(c, op, self, k, of);
        if (st != MR_OK) {
            mr_note("binding %s", op->name);
            st = mr_reraise_at(st, entry->kind == MR_NODE_MAP ? &entry->entries[0] : entry);
            goto out;
        }
    }
out:
    free(self);
    return st;
}

/* Outputs that two blocks both give, at most, at the input of operator i. */
static size_t overlap_at(const mr_chain *c, size_t i)
{
    double s = 0;
    const size_t at = i;
    for (; i < c->n; i++) {
        const mr_needs *d = &c->v[i].needs;
        const double window = d->window_ns == MR_WINDOW_SPAN ? 0 : (double)d->window_ns * 1e-9;
        s += 2 * window +
             (double)(d->before + d->after + (size_t)d->items.len + 2) / c->v[i].in.rate_hz;
    }
    return at < c->n ? (size_t)(s * c->v[at].in.rate_hz) + 2 : 0;
}

enum { MOST_AFTER = 1 << 18 }; /* at 500 Hz a corner of 0.02 Hz; tables of more would be large */

/* A zero-phase cascade and a finite response after it run as one. */
static mr_status join(mr_chain *c)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i + 1 < c->n; i++) {
        mr_bound *b = &c->v[i];
        const mr_fast *op = mr_fast_of(b->op), *then = mr_fast_of(b[1].op);
        const mr_sos *sos = op->zero_phase ? op->zero_phase(b->self) : NULL;
        const mr_fir *fir = then->finite ? then->finite(b[1].self) : NULL;
        if (!sos || !fir || fir->up != 1 || fir->down == 1 || b->needs.after > MOST_AFTER) continue;
        MR_TRY(mr_defer_new(sos, fir, overlap_at(c, i + 2), &b->defer));
        b->carry_at = c->carry;
        b->needs.carry = mr_defer_carry(b->defer);
        b->needs.scratch_rows += mr_defer_scratch(b->defer);
        c->carry += b->needs.carry;
    }
out:
    return st;
}

mr_status mr_chain_new(const mr_node *list, const mr_geom *in, mr_chain **out)
{
    mr_status st = MR_OK;
    mr_chain *c = NULL;
    MR_TRY(mr_alloc(1, sizeof *c, "chain", &c));
    c->in = c->out = *in;
    if (list && list->kind != MR_NODE_LIST)
        MR_TRY(MR_RAISE_AT(MR_ECONFIG, list, "chain is a list of operators"));
    for (size_t i = 0; list && i < list->n; i++) {
        c->entry = i;
        MR_TRY(add_entry(c, &list->entries[i], 0));
    }
    MR_TRY(join(c));
    mr_program_make(c, &c->program);
    *out = c;
    c = NULL; /* given away */
out:
    mr_chain_free(c);
    return st;
}

static void bound_fini(mr_bound *b)
{
    mr_defer_free(b->defer);
    if (b->op->release) b->op->release(b->self);
    free(b->self);
    free(b->chan);
    free(b->x_m);
}

void mr_chain_free(mr_chain *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) bound_fini(&c->v[i]);
    for (size_t i = 0; i < c->n_rows; i++) bound_fini(&c->row[i]);
    free(c);
}

const mr_geom *mr_chain_out(const mr_chain *c)
{
    return &c->out;
}

double mr_chain_first_rate(const mr_chain *c)
{
    return c->v[0].out.rate_hz;
}

size_t mr_chain_n(const mr_chain *c)
{
    return c->n;
}

const mr_geom *mr_chain_in(const mr_chain *c, size_t i)
{
    return &c->v[i].in;
}

const mr_needs *mr_chain_needs(const mr_chain *c, size_t i)
{
    return &c->v[i].needs;
}

const mr_op *mr_chain_op(const mr_chain *c, size_t i)
{
    return c->v[i].op;
}

const void *mr_chain_self(const mr_chain *c, size_t i)
{
    return c->v[i].self;
}

size_t mr_chain_entry(const mr_chain *c, size_t i)
{
    return c->v[i].entry;
}

size_t mr_chain_state(const mr_chain *c)
{
    return c->state + c->carry;
}

static mr_status describe(const mr_bound *b, mr_text *t)
{
    mr_status st = MR_OK;
    MR_TRY(mr_text_add(t, "%s rate=%a", b->op->name, b->in.rate_hz));
    MR_TRY(mr_params_text(b->op, b->self, true, t));
    if (b->op->describe) MR_TRY(b->op->describe(b->self, t));
    if (mr_plugin_digest(b->op)) MR_TRY(mr_text_add(t, " plugin=%s", mr_plugin_digest(b->op)));
    MR_TRY(mr_text_add(t, "\n"));
out:
    return st;
}

mr_status mr_chain_describe(const mr_chain *c, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < c->n; i++) MR_TRY(describe(&c->v[i], t));
    for (size_t i = 0; i < c->n_rows; i++) MR_TRY(describe(&c->row[i], t));
out:
    return st;
}

static mr_status brief(const mr_bound *b, mr_text *t)
{
    mr_status st = MR_OK;
    MR_TRY(mr_text_add(t, "%s", b->op->name));
    MR_TRY(mr_params_text(b->op, b->self, false, t));
    MR_TRY(mr_text_add(t, "\n"));
out:
    return st;
}

mr_status mr_chain_brief(const mr_chain *c, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < c->n; i++) MR_TRY(brief(&c->v[i], t));
    for (size_t i = 0; i < c->n_rows; i++) MR_TRY(brief(&c->row[i], t));
out:
    return st;
}

bool mr_chain_keeps_level(const mr_chain *c)
{
    bool keeps = true;
    for (size_t i = 0; i < c->n; i++) keeps = keeps && !c->v[i].needs.no_level;
    return keeps;
}

bool mr_chain_whole_span(const mr_chain *c, const char **why)
{
    for (size_t i = 0; i < c->n; i++) {
        const mr_needs *d = &c->v[i].needs;
        if (d->window_ns != MR_WINDOW_SPAN && d->memory != MR_MEM_UNBOUNDED) continue;
        if (why) *why = c->v[i].op->name;
        return true;
    }
    return false;
}

size_t mr_chain_bundles(const mr_chain *c)
{
    const mr_needs *d = mr_chain_reduces(c);
    return d ? (d->n_sources + MR_SOURCE_BUNDLE - 1) / MR_SOURCE_BUNDLE : 0;
}

size_t mr_chain_sources_state(const mr_chain *c)
{
    return mr_chain_bundles(c) * MR_SOURCE_BUNDLE * mr_chain_state(c);
}
