/* ops/table.c: the table of operators, made from the list in ops.h. */
#include "ops/ops.h"
#include <string.h>

#define ROW(name) &mr_op_##name,
const mr_op *const mr_op_table[] = {MR_OP_LIST(ROW)};
#undef ROW
const size_t mr_op_count = sizeof mr_op_table / sizeof *mr_op_table;

const mr_op *mr_op_find(const char *name)
{
    for (size_t i = 0; i < mr_op_count; i++)
        if (strcmp(mr_op_table[i]->name, name) == 0) return mr_op_table[i];
    return NULL;
}
