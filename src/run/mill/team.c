/* run/mill/team.c: see team.h. OpenMP's threads spin where a region begins and ends, on cores that
 * readers and the writer need; so members sleep here between one piece of work and the next. Where
 * there is a core for each member, each has its own: left to the kernel, two share one for 10 ms at
 * a time while another idles, and all wait for them at the end of the piece. Who says otherwise
 * (OMP_PROC_BIND, OMP_PLACES) is obeyed. */
#include "run/mill/team.h"
#include <omp.h>
#include <stdlib.h>
#include "par/thread.h"

struct mr_team {
    mr_mutex *m; /* guards what follows */
    int n;       /* members, the lead among them; 0: there is no region now */
    int busy;    /* members still at it, the lead apart */
    int size;    /* members that OpenMP gave last */
    bool bound;  /* ... each with a core that we gave it */
    bool placed; /* ... where OpenMP put them */
    uint64_t round;
    bool over;
    mr_team_fn fn;
    void *arg;
};

int mr_team_threads(const mr_comm *c)
{
    const char *omp = getenv("OMP_NUM_THREADS");
    const int allowed = mr_threads_allowed(mr_comm_node_size(c), mr_comm_node_cpus(c));
    const int limit = omp_get_thread_limit();
    int want = omp ? atoi(omp) : 0;
    if (want > limit)
        mr_log(MR_WARN, "OMP_THREAD_LIMIT=%d: not the %d threads of OMP_NUM_THREADS", limit, want);
    want = MR_MIN(want, limit);
    if (want > allowed)
        mr_log(MR_WARN, "%d threads a rank on %d cores: they will wait for each other", want,
               allowed);
    return want > 0 ? want : MR_MIN(allowed, limit);
}

mr_status mr_team_new(const char *name, mr_team **out)
{
    mr_team *t = NULL;
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(1, sizeof *t, "a team", &t));
    MR_TRY(mr_mutex_new(name, &t->m));
    *out = t;
    t = NULL;
out:
    free(t);
    return st;
}

void mr_team_free(mr_team *t)
{
    if (!t) return;
    mr_mutex_free(t->m);
    free(t);
}

/** A member's life. */
static void serve(mr_team *t, int member)
{
    uint64_t seen = 0;
    mr_mutex_lock(t->m);
    for (;;) {
        while (t->round == seen && !t->over) mr_mutex_wait(t->m, -1);
        if (t->round == seen) break;
        seen = t->round;
        mr_mutex_unlock(t->m);
        t->fn(t->arg, member);
        mr_mutex_lock(t->m);
        if (--t->busy == 0) mr_mutex_wake(t->m);
    }
    mr_mutex_unlock(t->m);
}

mr_status mr_team_lead(mr_team *t, int threads, mr_status (*lead)(void *arg), void *arg)
{
    mr_status st = MR_OK;
    mr_cpu_set cores;
    const bool asked = mr_cpu_asked();
    int n_bound = 0, n_placed = 0;
    t->over = false;
    t->round = 0;
    mr_cpu_set_get(&cores);
#pragma omp parallel num_threads(threads) reduction(+ : n_bound, n_placed)
    {
        const int member = omp_get_thread_num(), n = omp_get_num_threads();
        const bool bound =
            !asked && n > 1 && n == mr_cpu_set_count(&cores) && mr_cpu_bind(&cores, member);
        const bool placed = asked && mr_cpu_take_place();
        n_bound += bound;
        n_placed += placed;
        if (member == 0) {
            t->n = t->size = n;
            if (n < threads)
                mr_log(MR_WARN, "OpenMP gave %d of %d threads (OMP_THREAD_LIMIT, OMP_DYNAMIC)", n,
                       threads);
            st = lead(arg);
            mr_mutex_lock(t->m);
            t->over = true;
            mr_mutex_wake(t->m);
            mr_mutex_unlock(t->m);
        } else {
            serve(t, member);
        }
        if (bound || (placed && member == 0)) mr_cpu_set_put(&cores);
    }
    t->bound = n_bound == t->n;
    t->placed = n_placed == t->n;
    t->n = 0;
    omp_pause_resource_all(omp_pause_soft); /* what follows waits: nobody spins beside it */
    return st;
}

int mr_team_size(const mr_team *t)
{
    return t ? t->size : 0;
}

const char *mr_team_where(const mr_team *t)
{
    if (!t || !t->size) return "";
    return t->bound ? "a core each" : t->placed ? "OpenMP's places" : "not bound";
}

void mr_team_do(mr_team *t, mr_team_fn fn, void *arg)
{
    if (t->n > 1) {
        mr_mutex_lock(t->m);
        t->fn = fn;
        t->arg = arg;
        t->busy = t->n - 1;
        t->round++;
        mr_mutex_wake(t->m);
        mr_mutex_unlock(t->m);
    }
    fn(arg, 0);
    if (t->n > 1) {
        mr_mutex_lock(t->m);
        while (t->busy) mr_mutex_wait(t->m, -1);
        mr_mutex_unlock(t->m);
    }
}
