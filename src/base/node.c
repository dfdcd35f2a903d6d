/* base/node.c: the tree of settings. */
#include "base/node.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const mr_node *mr_node_get(const mr_node *map, const char *key)
{
    if (!map || map->kind != MR_NODE_MAP) return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->entries[i].key, key) == 0) return &map->entries[i];
    return NULL;
}

mr_status mr_node_print(const mr_node *n, mr_text *t)
{
    mr_status st = MR_OK;
    if (n->kind == MR_NODE_SCALAR) return mr_text_add(t, "%s", n->text ? n->text : "");
    MR_TRY(mr_text_add(t, n->kind == MR_NODE_MAP ? "{" : "["));
    for (size_t i = 0; i < n->n; i++) {
        if (i) MR_TRY(mr_text_add(t, ", "));
        if (n->kind == MR_NODE_MAP) MR_TRY(mr_text_add(t, "%s: ", n->entries[i].key));
        MR_TRY(mr_node_print(&n->entries[i], t));
    }
    MR_TRY(mr_text_add(t, n->kind == MR_NODE_MAP ? "}" : "]"));
out:
    return st;
}

void mr_node_say(const mr_node *n, bool at_key, const char *text, char *buf, size_t size)
{
    const char *from = n->file ? n->file : "config";
    const int row = at_key ? n->key_line : n->line, col = at_key ? n->key_col : n->col;
    char setting[96];
    mr_printable(from, setting, sizeof setting);
    if (strncmp(from, "-s ", 3) == 0)
        snprintf(buf, size, "-s:%d:%d: %s (in %s)", row, col, text, setting);
    else
        snprintf(buf, size, "%s:%d:%d: %s", from, row, col, text);
}

void mr_node_fini(mr_node *n)
{
    if (!n) return;
    for (size_t i = 0; i < n->n; i++) mr_node_fini(&n->entries[i]);
    free(n->entries);
    free(n->key);
    free(n->text);
    free(n->file);
    *n = (mr_node){0};
}
