/* report/fate.h: what became of every input file, in few bytes: archives have a hundred thousand.
 */
#ifndef MR_FATE_H
#define MR_FATE_H
#include "report/report.h"

typedef enum mr_fate_state {
    MR_FATE_USED,
    MR_FATE_OUTSIDE, /* used as context only: outside input.time */
    MR_FATE_PARTLY,
    MR_FATE_REFUSED,
    MR_FATE_MISFIT /* the chain cannot be applied to it */
} mr_fate_state;

typedef struct mr_fate {
    uint64_t samples; /* used, over channels */
    uint32_t odd;     /* partly: the row of the ledger that says why; UINT32_MAX: it is `row` */
    uint32_t row;     /* its first recording that cannot be used */
    uint8_t state, loss;
} mr_fate;

#define MR_REASON_MAX 400
/** One a file of a->cat, by the catalogue, the spans and the ledger. [give] */
mr_status mr_fates(const mr_account *a, mr_fate **out);
/** "used", "partly", "refused" */
const char *mr_fate_name(const mr_fate *f);
/** Why a file is not wholly used; "" if it is. Gives buf. */
const char *mr_fate_reason(const mr_account *a, const mr_fate *f, char buf[MR_REASON_MAX]);
#endif
