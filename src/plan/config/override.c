/* plan/config/override.c: -s KEY=VALUE on the tree of settings. KEY is a path of names joined by
 * dots; operators of the chain are named by their name, or by index and name where one is repeated.
 * The result is checked like what stands in the file; places are columns of KEY=VALUE. */
#include "plan/config/tree.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 16 };
typedef struct path {
    char *from; /* owned: "-s KEY=VALUE", the place that messages name */
    char *text; /* owned; dots are cut to ends of names */
    size_t n;
    const char *name[STEPS_MAX];
    int col[STEPS_MAX];
} path;

static mr_node at_col(int col)
{
    return (mr_node){.line = 1, .col = col, .key_line = 1, .key_col = col};
}

#define REFUSE(where, ...)                                                                         \
    mr_raise_at(MR_ECONFIG,                                                                        \
                &(mr_node){.file = (char *)(uintptr_t)p->from, .line = 1, .col = (where)}, false,  \
                __FILE__, __LINE__, __VA_ARGS__)

/* Characters before byte i. */
static int column(const char *s, size_t i)
{
    int n = 0;
    for (size_t k = 0; k < i; k++) n += ((unsigned char)s[k] & 0xc0) != 0x80;
    return n + 1;
}

static mr_status split_path(const char *setting, size_t len, path *p)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(len + 1, 1, "a setting", &p->text));
    memcpy(p->text, setting, len);
    for (size_t i = 0, begin = 0; i <= len; i++) {
        if (i < len && p->text[i] != '.') continue;
        p->text[i] = '\0';
        int col = column(setting, begin);
        if (i == begin)
            return REFUSE(col, "a name is missing here; write -s chain.decimate.factor=10");
        if (p->n == STEPS_MAX) return REFUSE(col, "more than %d names in one key", STEPS_MAX);
        p->name[p->n] = p->text + begin;
        p->col[p->n++] = col;
        begin = i + 1;
    }
out:
    return st;
}

/* Make what was left out, or is to be replaced, an empty node of that kind. */
static void become(mr_node *n, mr_node_kind kind)
{
    free(n->text);
    n->text = NULL;
    n->kind = kind;
    n->quoted = false;
}

static mr_status stamp(mr_node *n, const path *p, int col)
{
    char *file = NULL;
    mr_status st = mr_strdup(p->from, &file);
    if (st != MR_OK) return st;
    free(n->file);
    n->file = file;
    n->line = n->key_line = 1;
    n->col = n->key_col = col;
    return MR_OK;
}

/* The entry of a map with that name; made, as an empty text, if it is not there. */
static mr_status map_step(mr_node *map, const path *p, size_t k, mr_node **out)
{
    const char *name = p->name[k];
    const int col = p->col[k];
    mr_status st = MR_OK;
    mr_node entry = at_col(col);
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->entries[i].key, name) == 0) {
            *out = &map->entries[i];
            return MR_OK;
        }
    if (map->n == MR_TREE_KEYS) return REFUSE(col, "more than %d keys in one map", MR_TREE_KEYS);
    MR_TRY(mr_strdup(name, &entry.key));
    MR_TRY(mr_strdup("", &entry.text));
    MR_TRY(stamp(&entry, p, col));
    size_t cap = map->n;
    MR_TRY(mr_grow(&map->entries, &cap, map->n + 1, sizeof entry, "the config"));
    map->entries[map->n] = entry;
    entry = (mr_node){0}; /* given away */
    *out = &map->entries[map->n++];
out:
    mr_node_fini(&entry);
    return st;
}

static bool is_index(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)s[i])) return false;
    return n > 0 && n <= 6;
}

static mr_status list_step(mr_node *list, const path *p, size_t i, mr_node **out)
{
    char shown[64];
    mr_printable(p->name[i], shown, sizeof shown);
    size_t k = is_index(p->name[i]) ? strtoul(p->name[i], NULL, 10) : SIZE_MAX;
    if (list->n == 0) return REFUSE(p->col[i], "%s: the list is empty", p->name[0]);
    if (k >= list->n)
        return REFUSE(p->col[i], "%s: '%s' is no place in the list; there are 0..%zu", p->name[0],
                      shown, list->n - 1);
    *out = &list->entries[k];
    return MR_OK;
}

/* --- the chain ------------------------------------------------------------------------------- */

static const char *op_name(const mr_node *entry)
{
    if (entry->kind == MR_NODE_SCALAR) return entry->text;
    return entry->kind == MR_NODE_MAP && entry->n == 1 ? entry->entries[0].key : "?";
}

/* "bandpass, decimate" or, with dots, "chain.0.bandpass, chain.3.bandpass" of that name. */
static mr_status list_ops(const mr_node *chain, const char *only, mr_text *t)
{
    mr_status st = MR_OK;
    char shown[48];
    for (size_t i = 0; i < chain->n && t->len < 300; i++) {
        const char *name = op_name(&chain->entries[i]), *comma = t->len ? ", " : "";
        mr_printable(name, shown, sizeof shown);
        if (!only)
            MR_TRY(mr_text_add(t, "%s%s", comma, shown));
        else if (strcmp(name, only) == 0)
            MR_TRY(mr_text_add(t, "%schain.%zu.%s", comma, i, shown));
    }
out:
    return st;
}

static mr_status find_op(mr_node *chain, const path *p, size_t k, mr_node **out)
{
    const char *name = p->name[k];
    const int col = p->col[k];
    mr_status st = MR_OK;
    mr_text t = {0};
    char shown[64];
    size_t hits = 0;
    const char *near = NULL;
    mr_printable(name, shown, sizeof shown);
    for (size_t i = 0; i < chain->n; i++) {
        const char *own = op_name(&chain->entries[i]);
        if (strcmp(own, name) == 0 && hits++ == 0) *out = &chain->entries[i];
        if (!near) near = mr_nearest(name, &own, 1, sizeof own);
    }
    if (hits == 1) return MR_OK;
    MR_TRY(list_ops(chain, hits ? name : NULL, &t));
    if (hits)
        st = REFUSE(col, "chain.%s: %zu operators have this name; use an index: %s", shown, hits,
                    t.s);
    else
        st = REFUSE(col, "chain.%s: no such operator in the chain%s%s%s (it has %s)", shown,
                    near ? "; did you mean " : "", near ? near : "", near ? "?" : "",
                    t.len ? t.s : "none");
out:
    mr_text_fini(&t);
    return st;
}

/* Find the chain's entry at step *i; *i moves to its name if that follows an index. */
static mr_status chain_step(mr_node *chain, const path *p, size_t *i, mr_node **out)
{
    mr_status st = MR_OK;
    mr_node *entry = NULL;
    bool index = is_index(p->name[*i]);
    if (!index) {
        MR_TRY(find_op(chain, p, *i, &entry));
    } else {
        MR_TRY(list_step(chain, p, *i, &entry));
        if (*i + 1 == p->n) { /* chain.2=...: the whole entry */
            *out = entry;
            return MR_OK;
        }
        ++*i;
        char own[48], want[64];
        mr_printable(op_name(entry), own, sizeof own);
        mr_printable(p->name[*i], want, sizeof want);
        if (strcmp(op_name(entry), p->name[*i]) != 0)
            return REFUSE(p->col[*i], "chain.%s is %s, not %s", p->name[*i - 1], own, want);
    }
    if (entry->kind == MR_NODE_SCALAR) { /* "- abs" is short for "- abs: {}" */
        become(entry, MR_NODE_MAP);
        MR_TRY(stamp(entry, p, p->col[*i]));
        MR_TRY(map_step(entry, p, *i, out));
        become(*out, MR_NODE_MAP);
        return MR_OK;
    }
    *out = &entry->entries[0];
    if (*i + 1 < p->n) MR_TRY(mr_op_widen(*out)); /* "decimate: 5" is to be {factor: 5} */
out:
    return st;
}

/* --- the whole path -------------------------------------------------------------------------- */

static mr_status find_node(mr_node *root, const path *p, mr_node **out)
{
    mr_status st = MR_OK;
    mr_node *at = root;
    for (size_t i = 0; i < p->n; i++) {
        bool chain = i == 1 && strcmp(p->name[0], "chain") == 0;
        if (chain && at->kind != MR_NODE_LIST)
            return REFUSE(p->col[0], "chain: the config has no chain of operators to change");
        if (at->kind == MR_NODE_SCALAR && mr_node_empty(at)) become(at, MR_NODE_MAP);
        if (at->kind == MR_NODE_SCALAR) {
            char shown[64];
            mr_printable(i ? p->name[i - 1] : "the config", shown, sizeof shown);
            return REFUSE(p->col[i], "%s is a text; it has no settings of its own", shown);
        }
        if (chain)
            MR_TRY(chain_step(at, p, &i, &at));
        else if (at->kind == MR_NODE_LIST)
            MR_TRY(list_step(at, p, i, &at));
        else
            MR_TRY(map_step(at, p, i, &at));
    }
    *out = at;
out:
    return st;
}

mr_status mr_override_apply(mr_node *root, const char *setting)
{
    mr_status st = MR_OK;
    path way = {0};
    const path *p = &way;
    mr_text from = {0};
    mr_node value = {0}, *at = NULL;
    const char *eq = strchr(setting, '=');
    char shown[64];
    mr_printable(setting, shown, sizeof shown);
    MR_TRY(mr_text_add(&from, "-s %s", setting));
    way.from = from.s;
    if (!eq) {
        st = REFUSE(1, "'%s' has no =; write -s KEY=VALUE, as chain.decimate.factor=10", shown);
        goto out;
    }
    if (strlen(setting) > MR_CONFIG_MAX) {
        st = REFUSE(1, "'%s' is longer than %zu bytes", shown, MR_CONFIG_MAX);
        goto out;
    }
    MR_TRY(split_path(setting, (size_t)(eq - setting), &way));
    const mr_yaml_src src = {
        .file = p->from, .col0 = column(setting, (size_t)(eq - setting)), .depth = (int)p->n + 1};
    MR_TRY(mr_yaml_parse(&src, eq + 1, strlen(eq + 1), &value));
    MR_TRY(find_node(root, p, &at));
    value.key_line = 1;
    value.key_col = p->col[p->n - 1];
    char *key = at->key;
    at->key = value.key; /* the place keeps its name */
    value.key = key;
    mr_node_fini(at);
    *at = value;
    value = (mr_node){0}; /* given away */
out:
    mr_node_fini(&value);
    free(way.text);
    mr_text_fini(&from);
    return st;
}
