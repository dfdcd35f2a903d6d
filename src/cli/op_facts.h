/* cli/op_facts.h: what an operator's example comes to when it is bound. */
#ifndef MR_OP_FACTS_H
#define MR_OP_FACTS_H
#include "millrace/op.h"

/** In words, of the example's settings on samples of 100 Hz. */
typedef struct mr_op_facts {
    char context[160]; /* what of time it looks at */
    char channels[96]; /* what of channels */
    char gives[160];   /* samples, rows with axes, a table */
} mr_op_facts;
mr_status mr_op_facts_of(const mr_op *op, mr_op_facts *f);
#endif
