/* base/node.c: the tree of settings. */
#include "base/node.h"
#include <stdlib.h>
#include <string.h>

const mr_node *mr_node_get(const mr_node *map, const char *key)
{
    if (!map || map->kind != MR_NODE_MAP) return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->items[i].key, key) == 0) return &map->items[i];
    return NULL;
}

mr_status mr_node_print(const mr_node *n, mr_text *t)
{
    mr_status st = MR_OK;
    if (n->kind == MR_NODE_SCALAR) return mr_text_add(t, "%s", n->text ? n->text : "");
    MR_TRY(mr_text_add(t, n->kind == MR_NODE_MAP ? "{" : "["));
    for (size_t i = 0; i < n->n; i++) {
        if (i) MR_TRY(mr_text_add(t, ", "));
        if (n->kind == MR_NODE_MAP) MR_TRY(mr_text_add(t, "%s: ", n->items[i].key));
        MR_TRY(mr_node_print(&n->items[i], t));
    }
    MR_TRY(mr_text_add(t, n->kind == MR_NODE_MAP ? "}" : "]"));
out:
    return st;
}

void mr_node_fini(mr_node *n)
{
    if (!n) return;
    for (size_t i = 0; i < n->n; i++) mr_node_fini(&n->items[i]);
    free(n->items);
    free(n->key);
    free(n->text);
    free(n->file);
    *n = (mr_node){0};
}
