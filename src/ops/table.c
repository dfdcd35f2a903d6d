/* ops/table.c: the table of operators, made from the list in ops.h. */
#include "ops/ops.h"
#include "ops/plugin.h"
#include <string.h>

#define ROW(name) &mr_op_##name,
const mr_op *const mr_op_table[] = {MR_OP_LIST(ROW)};
#undef ROW
const size_t mr_op_count = sizeof mr_op_table / sizeof *mr_op_table;

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
