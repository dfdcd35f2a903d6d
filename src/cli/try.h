/* cli/try.h: `millrace ops NAME --try`. */
#ifndef MR_CLI_TRY_H
#define MR_CLI_TRY_H
#include "millrace/op.h"

/** Try the operator's example and every value of its choices: a line each, to stdout. MR_EVERIFY
 *  when a property does not hold. */
mr_status mr_try_op(const mr_op *op);
#endif
