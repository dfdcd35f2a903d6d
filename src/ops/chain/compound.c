/* ops/chain/compound.c: what a compound stands for, as settings, as if they had been written in the
 * config where it stands. */
#include "ops/chain/chain_priv.h"
#include <stdlib.h>
#include <string.h>

/* A node that stands where the compound does. */
static mr_status node_at(const mr_compound *p, mr_node_kind kind, const char *key, const char *text,
                         mr_node *out)
{
    mr_status st = MR_OK;
    *out = (mr_node){.kind = kind,
                     .line = p->at->line,
                     .col = p->at->col,
                     .key_line = p->at->key_line,
                     .key_col = p->at->key_col};
    MR_TRY(mr_strdup(key, &out->key));
    if (text) MR_TRY(mr_strdup(text, &out->text));
    MR_TRY(mr_strdup(p->at->file ? p->at->file : "", &out->file));
out:
    if (st != MR_OK) mr_node_fini(out);
    return st;
}

static mr_status append(mr_node *parent, mr_node *child)
{
    mr_node *entries = realloc(parent->entries, (parent->n + 1) * sizeof *entries);
    if (!entries) {
        mr_node_fini(child);
        return MR_RAISE(MR_EMEM, "no memory for a compound");
    }
    entries[parent->n] = *child; /* given */
    parent->entries = entries;
    parent->n++;
    return MR_OK;
}

mr_status mr_compound_add(mr_compound *p, const char *name, ...)
{
    mr_status st = MR_OK;
    mr_node entry = {0}, op = {0}, value;
    va_list ap;
    va_start(ap, name);
    MR_TRY(node_at(p, MR_NODE_MAP, name, NULL, &op));
    for (const char *key; (key = va_arg(ap, const char *));) {
        MR_TRY(node_at(p, MR_NODE_SCALAR, key, va_arg(ap, const char *), &value));
        MR_TRY(append(&op, &value));
    }
    MR_TRY(node_at(p, MR_NODE_MAP, "", NULL, &entry));
    st = append(&entry, &op);
    op = (mr_node){0};
    MR_TRY(st);
    st = append(&p->list, &entry);
    entry = (mr_node){0};
out:
    va_end(ap);
    mr_node_fini(&op);
    mr_node_fini(&entry);
    return st;
}
