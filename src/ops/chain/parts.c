/* ops/chain/parts.c: a compound operator's parts as settings, as if they had been written in the
 * config where it stands. */
#include "ops/chain/chain_priv.h"
#include <stdlib.h>
#include <string.h>

/* A node that stands where the compound does. */
static mr_status node_at(const mr_parts *p, mr_node_kind kind, const char *key, const char *text,
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
    mr_node *items = realloc(parent->items, (parent->n + 1) * sizeof *items);
    if (!items) {
        mr_node_fini(child);
        return MR_RAISE(MR_EMEM, "no memory for the parts of an operator");
    }
    items[parent->n] = *child; /* given */
    parent->items = items;
    parent->n++;
    return MR_OK;
}

mr_status mr_parts_add(mr_parts *p, const char *name, ...)
{
    mr_status st = MR_OK;
    mr_node item = {0}, op = {0}, value;
    va_list ap;
    va_start(ap, name);
    MR_TRY(node_at(p, MR_NODE_MAP, name, NULL, &op));
    for (const char *key; (key = va_arg(ap, const char *));) {
        MR_TRY(node_at(p, MR_NODE_SCALAR, key, va_arg(ap, const char *), &value));
        MR_TRY(append(&op, &value));
    }
    MR_TRY(node_at(p, MR_NODE_MAP, "", NULL, &item));
    st = append(&item, &op);
    op = (mr_node){0};
    MR_TRY(st);
    st = append(&p->list, &item);
    item = (mr_node){0};
out:
    va_end(ap);
    mr_node_fini(&op);
    mr_node_fini(&item);
    return st;
}
