/* plan/config/tree.h: inside the config's parser only: text to tree, changes to the tree, checks of
 * single settings. All refusals are MR_ECONFIG with file:line:column. Any thread. */
#ifndef MR_TREE_H
#define MR_TREE_H
#include "base/node.h"
#include "base/text.h"

#define MR_CONFIG_MAX ((size_t)1 << 20) /* bytes of a config file */
#define MR_TREE_DEPTH 32                /* levels of nesting */
#define MR_TREE_NODES 65536             /* values in all */
#define MR_TREE_KEYS 1024               /* keys of one map */
#define MR_SCALAR_MAX 4096              /* bytes of one value */

/** Where a YAML text came from and where it begins: col0 is added to the columns of its first line,
 *  depth is its level in the whole tree. */
typedef struct mr_yaml_src {
    const char *file;
    int col0;
    int depth;
} mr_yaml_src;
/** One YAML document of len bytes into a tree. Refuses wrong UTF-8, control characters, syntax
 * errors, a second document, anchors, aliases, tags, keys that are no plain names or stand twice,
 * and what is beyond the limits above. An empty text is the scalar "". [give] out. */
mr_status mr_yaml_parse(const mr_yaml_src *src, const char *text, size_t len, mr_node *out);

/** Apply one -s KEY=VALUE to the tree. */
mr_status mr_override_apply(mr_node *root, const char *setting);

/** What stands for an operator in the chain, "decimate: 5", is written out as {factor: 5}: a value
 *  alone is that of its first parameter. A map, or an unknown operator, stays as it is. */
mr_status mr_op_widen(mr_node *op);

/** True for a value that was left out ("key:" alone). */
bool mr_node_empty(const mr_node *n);
/** "a text", "a list", "a map", "nothing". */
const char *mr_node_what(const mr_node *n);

/** ${NAME} and a leading ~ of a path. `key` names the setting in messages. [give] out. */
mr_status mr_path_expand(const mr_node *n, const char *key, char **out);

/** What can be said of input.channels and input.distance without a file. */
mr_status mr_channels_check(const mr_node *n);
mr_status mr_distance_check(const mr_node *n, double *lo_m, double *hi_m);
#endif
