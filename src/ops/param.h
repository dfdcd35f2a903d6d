/* ops/param.h: an operator's settings from a config. */
#ifndef MR_PARAM_H
#define MR_PARAM_H
#include "base/node.h"
#include "millrace/op.h"

/** Fill the settings struct `self` (size bytes, zeroed by the caller) from a map of parameters
 *  (NULL = none given). Every refusal says file:line:column, the range with unit, the nearest name.
 *  Unknown keys are refused. */
mr_status mr_params_parse(const mr_op *op, const mr_node *map, void *self);
#endif
