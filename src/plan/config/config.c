/* plan/config/config.c: a config file as a checked structure: text -> tree (yaml.c) -> -s settings
 * on it (override.c) -> sections (settings.c) and chain (chain_check.c). cli/ calls it. */
#include "plan/config/config.h"
#include "plan/catalog/catalog.h"
#include "plan/config/settings.h"
#include "plan/config/tree.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void mr_config_free(mr_config *c)
{
    if (!c) return;
    mr_node_fini(&c->root);
    mr_strs_fini(&c->patterns);
    free(c->name);
    free(c->geometry);
    free(c->folder);
    free(c->title);
    free(c);
}

/* The chain's node; an absent or empty one is a chain that copies. */
static mr_status take_chain(mr_config *c)
{
    mr_status st = MR_OK;
    mr_node *chain = NULL;
    for (size_t i = 0; i < c->root.n; i++)
        if (strcmp(c->root.entries[i].key, "chain") == 0) chain = &c->root.entries[i];
    if (!chain || mr_node_empty(chain)) return MR_OK;
    MR_TRY(mr_chain_check(chain));
    c->chain = chain;
out:
    return st;
}

mr_status mr_config_parse_bytes(const char *name, const char *text, size_t len,
                                const char *const *overrides, size_t n_overrides, mr_config **out)
{
    mr_status st = MR_OK;
    mr_config *c = NULL;
    const mr_yaml_src src = {.file = name, .depth = 1};
    MR_TRY(mr_alloc(1, sizeof *c, "the config", &c));
    c->time_a = INT64_MIN;
    c->time_b = INT64_MAX;
    c->join = MR_JOIN;
    c->mask_above = INFINITY;
    MR_TRY(mr_strdup(name, &c->name));
    if (len > MR_CONFIG_MAX) {
        st = MR_RAISE(MR_ECONFIG, "%s: is longer than %zu bytes, the most allowed", name,
                      MR_CONFIG_MAX);
        goto out;
    }
    MR_TRY(mr_yaml_parse(&src, text, len, &c->root));
    for (size_t i = 0; i < n_overrides; i++) MR_TRY(mr_override_apply(&c->root, overrides[i]));
    MR_TRY(mr_settings_take(c));
    MR_TRY(take_chain(c));
    *out = c;
    c = NULL; /* given away */
out:
    mr_config_free(c);
    return st;
}

uint32_t mr_config_joins(const mr_config *c)
{
    const mr_node *op = c->chain && c->chain->n ? &c->chain->entries[0].entries[0] : NULL;
    const mr_node *to = op && strcmp(op->key, "units") == 0 ? mr_node_get(op, "to") : NULL;
    if (!to || !to->text) return MR_JOIN_NONE;
    return strcmp(to->text, "strain_rate") == 0 ? MR_JOIN_STRAIN_RATE
           : strcmp(to->text, "strain") == 0    ? MR_JOIN_STRAIN
                                                : MR_JOIN_NATIVE;
}

mr_status mr_config_parse(const char *name, const char *text, const char *const *overrides,
                          size_t n_overrides, mr_config **out)
{
    return mr_config_parse_bytes(name, text, strlen(text), overrides, n_overrides, out);
}

mr_status mr_config_load(const char *path, const char *const *overrides, size_t n_overrides,
                         mr_config **out)
{
    mr_status st = MR_OK;
    mr_text text = {0};
    MR_TRY(mr_read_text(path, MR_CONFIG_MAX, &text));
    MR_TRY(mr_config_parse_bytes(path, text.s, text.len, overrides, n_overrides, out));
out:
    mr_text_fini(&text);
    return st;
}
