/* report/times.c: see times.h. */
#include "report/times.h"
#include <stddef.h>

void mr_times_add(mr_times *sum, const mr_times *t)
{
    double *to = (double *)sum;
    const double *v = (const double *)t;
    for (size_t i = 0; i < sizeof *t / sizeof *v; i++) to[i] += v[i];
}
