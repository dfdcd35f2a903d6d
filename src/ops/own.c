/* ops/own.c: no operators beyond the table's, unless the program that links the library defines
 * some (MR_OWN_OPS in millrace/op.h): its definition then takes the place of this weak one. */
#include "millrace/op.h"

__attribute__((weak)) const mr_op *const mr_own_ops[] = {NULL};
