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
