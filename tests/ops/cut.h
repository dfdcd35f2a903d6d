/* tests/ops/cut.h: makes the settings of a chain from one line of text, "bandpass band=1..45Hz
 * order=4 | decimate factor=5"; short names for what ops/try/cut.h does. For the tests of ops/. */
#ifndef CUT_H
#define CUT_H
#include "ops/try/cut.h"
#include <stdlib.h>
#include <string.h>

/* --- settings from text
 * ---------------------------------------------------------------------------- */

static mr_node cut_scalar(const char *key, const char *text)
{
    mr_node n = {.kind = MR_NODE_SCALAR,
                 .key = strdup(key),
                 .text = strdup(text),
                 .file = strdup("text"),
                 .line = 1,
                 .col = 1,
                 .key_line = 1,
                 .key_col = 1};
    return n;
}

static mr_node *cut_add(mr_node *parent, mr_node child)
{
    parent->entries = realloc(parent->entries, (parent->n + 1) * sizeof child);
    parent->entries[parent->n] = child;
    return &parent->entries[parent->n++];
}

static mr_node cut_group(mr_node_kind kind, const char *key)
{
    mr_node n = cut_scalar(key, "");
    free(n.text);
    n.text = NULL;
    n.kind = kind;
    return n;
}

/* "5", or "[1,2]", a list. */
static mr_node cut_value(const char *key, const char *text)
{
    if (*text != '[') return cut_scalar(key, text);
    mr_node list = cut_group(MR_NODE_LIST, key);
    char *copy = strdup(text + 1), *inner = NULL;
    for (char *one = strtok_r(copy, ",]", &inner); one; one = strtok_r(NULL, ",]", &inner))
        cut_add(&list, cut_scalar("", one + strspn(one, " ")));
    free(copy);
    return list;
}

/* One chain from text; free with mr_node_fini. */
static inline mr_node cut_settings(const char *text)
{
    mr_node list = cut_group(MR_NODE_LIST, "chain");
    char *copy = strdup(text), *outer = NULL;
    for (char *op = strtok_r(copy, "|", &outer); op; op = strtok_r(NULL, "|", &outer)) {
        char *inner = NULL, *name = strtok_r(op, " ", &inner);
        if (!name) continue;
        mr_node *item = cut_add(&list, cut_group(MR_NODE_MAP, ""));
        mr_node *params = cut_add(item, cut_group(MR_NODE_MAP, name));
        for (char *kv = strtok_r(NULL, " ", &inner); kv; kv = strtok_r(NULL, " ", &inner)) {
            char *eq = strchr(kv, '=');
            if (eq) *eq = 0;
            cut_add(params, cut_value(kv, eq ? eq + 1 : ""));
        }
    }
    free(copy);
    return list;
}

#define cut_job mr_cut_job
#define cut_run mr_cut_run
#define cut_nc mr_cut_nc
#define cut_out_rows mr_cut_out_rows
static inline size_t cut_rows(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}
#endif
