/* par/affinity.c: how many cores this process may use, and who of its threads gets them. Launchers
 * bind ranks to cores; a rank with more threads than cores runs many times slower, which only a
 * comparison at the start can tell. */
#include "par/thread.h"
#include <omp.h>
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

bool mr_cpu_bind(const mr_cpu_set *s, int k)
{
    mr_cpu_set one = {0};
    int seen = 0;
    for (size_t i = 0; i < sizeof s->bits * 8; i++)
        if (s->bits[i / 8] >> (i % 8) & 1 && seen++ == k) {
            one.bits[i / 8] = (unsigned char)(1u << (i % 8));
            return sched_setaffinity(0, sizeof one.bits, (cpu_set_t *)one.bits) == 0;
        }
    return false;
}

void mr_cpu_set_put(const mr_cpu_set *s)
{
    (void)sched_setaffinity(0, sizeof s->bits, (const cpu_set_t *)s->bits);
}

/** Cores of an OpenMP place, added to s. */
static void add_place(int place, mr_cpu_set *s)
{
    enum { MANY = 1024 };
    int ids[MANY];
    const int n = omp_get_place_num_procs(place);
    if (n <= 0 || n > MANY) return;
    omp_get_place_proc_ids(place, ids);
    for (int i = 0; i < n; i++)
        if (ids[i] >= 0 && (size_t)ids[i] < sizeof s->bits * 8)
            s->bits[ids[i] / 8] |= (unsigned char)(1u << (ids[i] % 8));
}

void mr_cpu_free_places(void)
{
    mr_cpu_set all = {0};
    const int n = omp_get_num_places();
    for (int i = 0; i < n; i++) add_place(i, &all);
    if (n > 0) mr_cpu_set_put(&all);
}

bool mr_cpu_take_place(void)
{
    mr_cpu_set s = {0};
    const int place = omp_get_place_num();
    if (place < 0) return false;
    add_place(place, &s);
    return sched_setaffinity(0, sizeof s.bits, (cpu_set_t *)s.bits) == 0;
}

bool mr_cpu_asked(void)
{
    static const char *const words[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY",
                                        "KMP_AFFINITY"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *v = getenv(words[i]);
        if (v && *v) return true;
    }
    return false;
}

bool mr_thread_give_way(bool yes)
{
    const struct sched_param none = {0};
    return sched_getscheduler(0) == (yes ? SCHED_OTHER : SCHED_BATCH) &&
           sched_setscheduler(0, yes ? SCHED_BATCH : SCHED_OTHER, &none) == 0;
}
