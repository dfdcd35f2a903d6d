/* configs/plugin/loudness.c: a compound, an operator made of others: how loud it is, the mean of
 * the envelope over a trailing window. Compiled and used as teager.c beside it. */
#include <stdio.h>
#include "millrace/op.h"

typedef struct loudness {
    int64_t window_ns; /* parameter */
} loudness;

static const mr_param params[] = {{"window", MR_NS, offsetof(loudness, window_ns), .min = 1e-6,
                                   .max = 86400, .def = "1 s", .doc = "that is averaged"},
                                  {0}};

static mr_status compound(const void *self, mr_compound *c)
{
    char window[32];
    snprintf(window, sizeof window, "%lld ns", (long long)((const loudness *)self)->window_ns);
    const mr_status st = mr_compound_add(c, "envelope", "above", "5 Hz", (char *)NULL);
    if (st != MR_OK) return st;
    return mr_compound_add(c, "rolling", "kind", "mean", "window", window, (char *)NULL);
}

static const mr_op op = {.name = "loudness",
                         .doc = "mean of the envelope over a trailing window",
                         .ref = "numpy.mean of each window of abs(scipy.signal.hilbert)",
                         .example = "window: 500 ms",
                         .size = sizeof(loudness),
                         .params = params,
                         .compound = compound};
MR_PLUGIN(&op);
