/* ops/plugin.c: see plugin.h. The one list of this program that grows: filled by the main thread
 * before any other starts, then read only. */
#include "ops/plugin.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MOST = 64, PLUGIN_MAX = 256 << 20 };

typedef struct loaded {
    char *path;
    char digest[33];
    const mr_plugin *plugin;
} loaded;
static loaded list[MOST];
static size_t n_list;

mr_status mr_op_complete(const mr_op *op)
{
    if (op->name && *op->name && op->doc && op->size && op->bind &&
        (op->apply || (op->take && op->give)))
        return MR_OK;
    return MR_RAISE(MR_EBUG,
                    "operator %s is not complete: name, doc, size, bind and apply (or take and "
                    "give) are needed",
                    op->name && *op->name ? op->name : "without a name");
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

/* The same file by another name, or once more. */
static bool known(const char digest[33])
{
    for (size_t i = 0; i < n_list; i++)
        if (strcmp(list[i].digest, digest) == 0) return true;
    return false;
}

mr_status mr_plugin_load(const char *path)
{
    mr_status st = MR_OK;
    loaded l = {0};
    void *handle = NULL;
    MR_TRY(place(path, &l.path));
    MR_TRY(digest_of(l.path, l.digest));
    if (known(l.digest)) goto out;
    if (n_list == MOST) {
        st = MR_RAISE(MR_ECONFIG, "plugin %s: more than %d", path, MOST);
        goto out;
    }
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
    list[n_list++] = l;
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

const mr_op *mr_plugin_op(size_t i)
{
    for (size_t k = 0; k < n_list; k++)
        for (size_t j = 0; list[k].plugin->op[j]; j++)
            if (i-- == 0) return list[k].plugin->op[j];
    return NULL;
}

static const loaded *whose(const mr_op *op)
{
    for (size_t k = 0; k < n_list; k++)
        for (size_t j = 0; list[k].plugin->op[j]; j++)
            if (list[k].plugin->op[j] == op) return &list[k];
    return NULL;
}

const char *mr_plugin_path(const mr_op *op)
{
    return whose(op) ? whose(op)->path : NULL;
}

const char *mr_plugin_digest(const mr_op *op)
{
    return whose(op) ? whose(op)->digest : NULL;
}
