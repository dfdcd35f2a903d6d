/* tests/ops/own_millrace.c: the millrace program with made-up operators of its own, for tests of
 * whole runs. */
#include "../../src/main.c"
#include "made_up.h"

MR_OWN_OPS(MADE_UP);
