/* par/affinity.c: how many cores this process may use. Launchers bind ranks to cores; a rank with
 * more threads than cores runs many times slower, which only a comparison at the start can tell. */
#include "par/thread.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void mr_cpu_set_get(mr_cpu_set *s)
{
    memset(s, 0, sizeof *s);
    if (sched_getaffinity(0, sizeof s->bits, (cpu_set_t *)s->bits) == 0) return;
    long n = sysconf(_SC_NPROCESSORS_ONLN); /* the mask is larger than ours, or there is none */
    for (long i = 0; i < n && i < (long)sizeof s->bits * 8; i++)
        s->bits[i / 8] |= (unsigned char)(1u << (i % 8));
}

int mr_cpu_set_count(const mr_cpu_set *s)
{
    int n = 0;
    for (size_t i = 0; i < sizeof s->bits; i++) n += __builtin_popcount(s->bits[i]);
    return MR_MAX(n, 1);
}

int mr_cpus(void)
{
    mr_cpu_set s;
    mr_cpu_set_get(&s);
    return mr_cpu_set_count(&s);
}

int mr_threads_allowed(int node_ranks, int node_cpus)
{
    return MR_MAX(1, MR_MIN(mr_cpus(), node_cpus / MR_MAX(node_ranks, 1)));
}
