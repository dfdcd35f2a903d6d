/* ops/table.c: the table of operators: those of ops.h, of the program, of plugins. The list of
 * plugins is the one of this program that grows: filled by the main thread before any other starts,
 * then read only. */
#include "ops/ops.h"
#include "ops/plugin.h"
#include <string.h>

#define ROW(name) &mr_op_##name,
const mr_op *const mr_op_table[] = {MR_OP_LIST(ROW)};
#undef ROW
const size_t mr_op_count = sizeof mr_op_table / sizeof *mr_op_table;

enum { MOST_PLUGINS = 64 };
static mr_plugged list[MOST_PLUGINS];
static size_t n_list;

bool mr_plugin_known(const char digest[33])
{
    for (size_t i = 0; i < n_list; i++)
        if (strcmp(list[i].digest, digest) == 0) return true;
    return false;
}

mr_status mr_plugin_keep(const mr_plugged *p)
{
    if (n_list == MOST_PLUGINS)
        return MR_RAISE(MR_ECONFIG, "plugin %s: more than %d", p->path, MOST_PLUGINS);
    list[n_list++] = *p;
    return MR_OK;
}

const mr_op *mr_plugin_op(size_t i)
{
    for (size_t k = 0; k < n_list; k++)
        for (size_t j = 0; list[k].plugin->op[j]; j++)
            if (i-- == 0) return list[k].plugin->op[j];
    return NULL;
}

static const mr_plugged *whose(const mr_op *op)
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

const mr_op *mr_op_at(size_t i)
{
    size_t own = 0;
    if (i < mr_op_count) return mr_op_table[i];
    i -= mr_op_count;
    while (mr_own_ops[own]) own++;
    return i < own ? mr_own_ops[i] : mr_plugin_op(i - own);
}

const mr_op *mr_op_find(const char *name)
{
    const mr_op *op;
    for (size_t i = 0; (op = mr_op_at(i)); i++)
        if (strcmp(op->name, name) == 0) return op;
    return NULL;
}

const char *mr_op_nearest(const char *word)
{
    const char *names[128];
    size_t n = 0;
    for (const mr_op *op; n < sizeof names / sizeof *names && (op = mr_op_at(n)); n++)
        names[n] = op->name;
    return mr_nearest(word, names, n, sizeof *names);
}
