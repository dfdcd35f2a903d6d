/* plan/config/mask.c: input.mask: which samples of the input count as NaN although they are
 * numbers. plan/config/settings.c calls it. */
#include "base/quantity.h"
#include "plan/config/settings.h"
#include "plan/config/tree.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_S 3600.0 /* so much is looked at on both sides of what is read */

static const char EXAMPLE[] = "mask: {constant: 1 s, above: 1e6}";

static mr_status take_constant(const mr_node *n, double *out)
{
    char why[256];
    if (n->kind != MR_NODE_SCALAR || mr_node_empty(n))
        return MR_RAISE_AT(MR_ECONFIG, n, "input.mask.constant: %s where a time is needed, as 1 s",
                           mr_node_what(n));
    if (mr_quantity_parse(n->text, MR_DIM_TIME, out) != MR_OK) {
        snprintf(why, sizeof why, "%s", mr_error());
        return MR_RAISE_AT(MR_ECONFIG, n, "input.mask.constant: %s", why);
    }
    if (!(*out > 0 && *out <= LONGEST_S))
        return MR_RAISE_AT(MR_ECONFIG, n,
                           "input.mask.constant: is outside 0 s..1 h: how long a channel may not "
                           "change before its samples are masked");
    return MR_OK;
}

static mr_status take_above(const mr_node *n, double *out)
{
    char shown[64], *end = NULL;
    const char *s = n->kind == MR_NODE_SCALAR && n->text ? n->text : "";
    *out = strtod(s, &end);
    if (*s && !*end && *out > 0 && isfinite(*out)) return MR_OK;
    mr_printable(n->kind == MR_NODE_SCALAR ? s : mr_node_what(n), shown, sizeof shown);
    return MR_RAISE_AT(MR_ECONFIG, n,
                       "input.mask.above: '%s' is no magnitude; write a number above 0 without a "
                       "unit, in the input's own, as 1e6",
                       shown);
}

mr_status mr_mask_take(const mr_node *n, double *constant_s, double *above)
{
    mr_status st = MR_OK;
    char shown[64];
    if (n->kind != MR_NODE_MAP || n->n == 0)
        return MR_RAISE_AT(MR_ECONFIG, n, "input.mask: %s where a map is needed, as %s",
                           mr_node_empty(n) ? "nothing" : mr_node_what(n), EXAMPLE);
    for (size_t i = 0; i < n->n; i++) {
        const mr_node *key = &n->entries[i];
        if (strcmp(key->key, "constant") == 0) {
            MR_TRY(take_constant(key, constant_s));
        } else if (strcmp(key->key, "above") == 0) {
            MR_TRY(take_above(key, above));
        } else {
            mr_printable(key->key, shown, sizeof shown);
            return MR_RAISE_KEY(MR_ECONFIG, key,
                                "input.mask.%s: no such key (keys: constant above)", shown);
        }
    }
out:
    return st;
}
