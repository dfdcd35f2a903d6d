/* ops/plugin.c: see plugin.h. */
#include "ops/plugin.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { PLUGIN_MAX = 256 << 20 };

mr_status mr_op_complete(const mr_op *op)
{
    const bool named = op->name && *op->name;
    const int kinds = !!op->map + !!op->fold + !!op->pick + !!op->join;
    const char *lacks = NULL;
    if (kinds > 1)
        return MR_RAISE(MR_EBUG,
                        "operator %s is several kinds at once: of map, fold, pick and join "
                        "exactly one is said (or compound alone)",
                        named ? op->name : "without a name");
    if (!op->doc || !op->size)
        lacks = "doc and size";
    else if (!kinds && !op->compound)
        lacks = "one of map, fold, pick, join and compound";
    else if (kinds && !op->map && !op->bind)
        lacks = "bind";
    else if (op->fold && (!op->fold->take || !op->fold->give))
        lacks = "take and give of fold";
    else if (op->join && (!op->join->begin || !op->join->add || !op->join->end))
        lacks = "begin, add and end of join";
    if (named && !lacks) return MR_OK;
    return MR_RAISE(MR_EBUG, "operator %s is not complete: it lacks %s",
                    named ? op->name : "without a name", lacks ? lacks : "a name");
}

/* What a name without a slash means to the loader is not what people mean by it. */
static mr_status place(const char *path, char **out)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    MR_TRY(mr_text_add(&t, "%s%s", strchr(path, '/') ? "" : "./", path));
    *out = t.s;
    return MR_OK;
out:
    mr_text_fini(&t);
    return st;
}

static mr_status digest_of(const char *path, char hex[33])
{
    mr_status st = MR_OK;
    mr_text t = {0};
    MR_TRY(mr_read_text(path, PLUGIN_MAX, &t));
    const XXH128_hash_t h = XXH3_128bits(t.s ? t.s : "", t.len);
    snprintf(hex, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
out:
    mr_text_fini(&t);
    return st == MR_OK ? MR_OK : MR_ECONFIG;
}

static mr_status check(const char *path, const mr_plugin *p)
{
    mr_status st = MR_OK;
    const mr_plugin own = {MR_PLUGIN_ABI, sizeof(mr_op), sizeof(mr_needs), sizeof(mr_geom), {0}};
    if (p->abi != own.abi)
        return MR_RAISE(MR_ECONFIG,
                        "plugin %s: made for operators of version %u, these are of version %u: "
                        "compile it with this millrace's headers",
                        path, p->abi, own.abi);
    if (p->op_bytes != own.op_bytes || p->needs_bytes != own.needs_bytes ||
        p->geom_bytes != own.geom_bytes)
        return MR_RAISE(MR_ECONFIG,
                        "plugin %s: compiled with headers of another millrace %s: compile it anew",
                        path, MR_VERSION);
    if (!p->op[0]) return MR_RAISE(MR_ECONFIG, "plugin %s: brings no operators", path);
    for (size_t i = 0; p->op[i]; i++) {
        st = mr_op_complete(p->op[i]);
        if (st != MR_OK) {
            mr_note("plugin %s", path);
            return MR_ECONFIG;
        }
        if (mr_op_find(p->op[i]->name))
            return MR_RAISE(MR_ECONFIG, "plugin %s: there is an operator %s already%s%s", path,
                            p->op[i]->name,
                            mr_plugin_path(mr_op_find(p->op[i]->name)) ? ", of " : "",
                            mr_plugin_path(mr_op_find(p->op[i]->name))
                                ? mr_plugin_path(mr_op_find(p->op[i]->name))
                                : "");
    }
    return MR_OK;
}

mr_status mr_plugin_load(const char *path)
{
    mr_status st = MR_OK;
    mr_plugged l = {0};
    void *handle = NULL;
    MR_TRY(place(path, &l.path));
    MR_TRY(digest_of(l.path, l.digest));
    if (mr_plugin_known(l.digest)) goto out;
    handle = dlopen(l.path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        st = MR_RAISE(MR_ECONFIG, "plugin %s: cannot be loaded: %s", path, dlerror());
        goto out;
    }
    l.plugin = dlsym(handle, "millrace_plugin");
    if (!l.plugin) {
        st = MR_RAISE(MR_ECONFIG,
                      "plugin %s: has no symbol millrace_plugin: its source says MR_PLUGIN(&op) "
                      "once, outside of functions",
                      path);
        goto out;
    }
    MR_TRY(check(path, l.plugin));
    MR_TRY(mr_plugin_keep(&l));
    return MR_OK;
out:
    if (handle) dlclose(handle);
    free(l.path);
    return st;
}

mr_status mr_plugins_of_environment(void)
{
    mr_status st = MR_OK;
    const char *all = getenv("MILLRACE_PLUGINS");
    char *copy = NULL, *rest = NULL;
    if (!all) return MR_OK;
    MR_TRY(mr_strdup(all, &copy));
    for (char *p = strtok_r(copy, ":", &rest); p; p = strtok_r(NULL, ":", &rest)) {
        st = mr_plugin_load(p);
        if (st != MR_OK) {
            mr_note("loading MILLRACE_PLUGINS");
            goto out;
        }
    }
out:
    free(copy);
    return st;
}
