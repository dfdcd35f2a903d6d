/* base/node.h: a tree of settings with the place each one was written: what the config parser gives
 * and what operators take their parameters from. */
#ifndef MR_NODE_H
#define MR_NODE_H
#include "base/base.h"
#include "base/text.h"

typedef enum mr_node_kind { MR_NODE_SCALAR, MR_NODE_LIST, MR_NODE_MAP } mr_node_kind;
typedef struct mr_node mr_node;
struct mr_node {
    mr_node_kind kind;
    char *key;        /* owned; "" in a list */
    char *text;       /* owned; scalar's text; of a list made of a table its path; else NULL */
    bool quoted;      /* scalar was in quotes */
    mr_node *entries; /* owned; of a list or map */
    size_t n;
    char *file;    /* owned: where it was written: a config's path, or "-s KEY=VALUE" */
    int line, col; /* 1-based place of the value; key_col of the key */
    int key_line, key_col;
};
/** The entry of a map with that key, or NULL. */
const mr_node *mr_node_get(const mr_node *map, const char *key);
/** The tree in one line of flow style, without places: equal trees print alike. */
mr_status mr_node_print(const mr_node *n, mr_text *t);
void mr_node_fini(mr_node *n);
/** "file:line:column: text" of this node's value (or its key); of what stands on the command line
 *  "-s:1:column: text (in -s KEY=VALUE)", since a column alone does not say of which -s. */
void mr_node_say(const mr_node *n, bool at_key, const char *text, char *buf, size_t size);
/** Raise st with "file:line:column: message" for this node's value (or its key). */
#define MR_RAISE_AT(st, node, ...) mr_raise_at((st), (node), false, __FILE__, __LINE__, __VA_ARGS__)
#define MR_RAISE_KEY(st, node, ...) mr_raise_at((st), (node), true, __FILE__, __LINE__, __VA_ARGS__)
mr_status mr_raise_at(mr_status st, const mr_node *n, bool at_key, const char *file, int line,
                      const char *fmt, ...) MR_PRINTF(6, 7);
/** The same with the trail's current message as the text: turns a parser's complaint into one with
 *  a place. */
mr_status mr_reraise_at(mr_status st, const mr_node *n);
#endif
