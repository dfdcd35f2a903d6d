/* plan/config/chain_check.c: the chain of a config as far as no data is needed: its shape, the
 * operators' names and their parameters. What depends on rate and channels is checked when ops/
 * binds it. */
#include "ops/chain/chain.h"
#include "ops/param.h"
#include "plan/config/config.h"
#include "plan/config/settings.h"
#include "plan/config/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mr_status refuse_shape(const mr_node *n, const char *problem)
{
    return MR_RAISE_AT(MR_ECONFIG, n,
                       "chain: here is %s; write each operator as \"- bandpass: {band: 1..45 "
                       "Hz}\"",
                       problem);
}

static mr_status refuse_op(const mr_node *n, const char *name)
{
    char shown[80];
    const char *near = mr_op_nearest(name);
    mr_printable(name, shown, sizeof shown);
    return MR_RAISE_KEY(MR_ECONFIG, n,
                        "chain: there is no operator '%s'%s%s%s (`millrace ops` lists them)", shown,
                        near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

/* "- abs" is read like "- abs: {}". */
static mr_status widen(mr_node *entry)
{
    mr_status st = MR_OK;
    mr_node *op = NULL;
    MR_TRY(mr_alloc(1, sizeof *op, "the config", &op));
    *op = (mr_node){.kind = MR_NODE_MAP,
                    .line = entry->line,
                    .col = entry->col,
                    .key_line = entry->line,
                    .key_col = entry->col};
    MR_TRY(mr_strdup(entry->file, &op->file));
    op->key = entry->text;
    entry->text = NULL; /* given away */
    entry->kind = MR_NODE_MAP;
    entry->entries = op;
    entry->n = 1;
    op = NULL; /* given away */
out:
    free(op);
    return st;
}

mr_status mr_op_widen(mr_node *op)
{
    mr_status st = MR_OK;
    mr_node *value = NULL;
    const mr_op *row = op->key ? mr_op_find(op->key) : NULL;
    if (!row || !row->params || !row->params[0].name) return MR_OK;
    if (op->kind == MR_NODE_MAP || mr_node_empty(op)) return MR_OK;
    MR_TRY(mr_alloc(1, sizeof *value, "the config", &value));
    *value = (mr_node){.kind = op->kind,
                       .quoted = op->quoted,
                       .line = op->line,
                       .col = op->col,
                       .key_line = op->key_line,
                       .key_col = op->key_col};
    MR_TRY(mr_strdup(op->file, &value->file));
    MR_TRY(mr_strdup(row->params[0].name, &value->key));
    value->text = op->text;
    value->entries = op->entries;
    value->n = op->n;
    op->kind = MR_NODE_MAP;
    op->text = NULL; /* given away */
    op->entries = value;
    op->n = 1;
    value = NULL; /* given away */
out:
    mr_node_fini(value);
    free(value);
    return st;
}

/* Where a list of channels is due, "bad.csv" is that of its table. */
static mr_status take_table(mr_node *n)
{
    mr_status st = MR_OK;
    char *path = NULL, number[24], why[512];
    mr_chantable t = {0};
    MR_TRY(mr_path_expand(n, n->key, &path));
    st = mr_chantable_load(path, &t);
    if (st == MR_ECONFIG) {
        snprintf(why, sizeof why, "%s", mr_error());
        st = MR_RAISE_AT(MR_ECONFIG, n, "%s: %s", n->key, why);
    }
    if (st == MR_OK && !t.n) st = MR_RAISE_AT(MR_ECONFIG, n, "%s: %s has no rows", n->key, path);
    MR_TRY(st);
    MR_TRY(mr_alloc(t.n, sizeof *n->entries, "a list of channels", &n->entries));
    n->kind = MR_NODE_LIST;
    for (size_t i = 0; i < t.n; i++) {
        mr_node *one = &n->entries[i];
        n->n = i + 1;
        *one = (mr_node){.kind = MR_NODE_SCALAR, .line = n->line, .col = n->col};
        snprintf(number, sizeof number, "%lld", (long long)t.channel[i]);
        MR_TRY(mr_strdup("", &one->key));
        MR_TRY(mr_strdup(number, &one->text));
        MR_TRY(mr_strdup(n->file, &one->file));
    }
out:
    free(path);
    mr_chantable_fini(&t);
    return st;
}

static mr_status take_tables(const mr_op *row, mr_node *op)
{
    mr_status st = MR_OK;
    for (size_t i = 0; op->kind == MR_NODE_MAP && i < op->n; i++) {
        mr_node *n = &op->entries[i];
        const mr_param *p = row->params;
        while (p && p->name && strcmp(p->name, n->key) != 0) p++;
        const size_t len = n->text ? strlen(n->text) : 0;
        const bool csv = len > 4 && strcmp(n->text + len - 4, ".csv") == 0;
        if (p && p->name && p->type == MR_LIST && n->kind == MR_NODE_SCALAR && csv)
            MR_TRY(take_table(n));
    }
out:
    return st;
}

static mr_status check_entry(mr_node *entry)
{
    mr_status st = MR_OK;
    void *self = NULL;
    if (entry->kind == MR_NODE_SCALAR && !mr_node_empty(entry)) MR_TRY(widen(entry));
    if (entry->kind != MR_NODE_MAP) return refuse_shape(entry, mr_node_what(entry));
    if (entry->n != 1)
        return refuse_shape(entry,
                            entry->n ? "more than one operator in one entry" : "an empty entry");
    mr_node *op = &entry->entries[0];
    const mr_op *row = mr_op_find(op->key);
    if (!row) return refuse_op(op, op->key);
    if (mr_node_empty(op)) {
        free(op->text);
        op->text = NULL;
        op->kind = MR_NODE_MAP;
    }
    MR_TRY(mr_op_widen(op));
    MR_TRY(take_tables(row, op));
    MR_TRY(mr_alloc(1, row->size, "operator settings", &self));
    MR_TRY(mr_params_parse(row, op, self));
out:
    free(self);
    return st;
}

mr_status mr_chain_check(mr_node *chain)
{
    mr_status st = MR_OK;
    if (chain->kind != MR_NODE_LIST) return refuse_shape(chain, mr_node_what(chain));
    if (chain->n > MR_MAX_OPS)
        return MR_RAISE_AT(MR_ECONFIG, chain, "chain: %zu operators; at most %d are allowed",
                           chain->n, MR_MAX_OPS);
    for (size_t i = 0; i < chain->n; i++) MR_TRY(check_entry(&chain->entries[i]));
out:
    return st;
}
