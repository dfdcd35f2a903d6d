/* run/mill/share.c: work shared out among the members of a team, and the room that each has for it.
 */
#include <stdio.h>
#include "run/mill/inside.h"
#include "run/told/stop.h"

mr_arena mr_member_room(const mr_mill *m, int member)
{
    const size_t each = m->plan->mem.work_bytes;
    return (mr_arena){.base = (char *)m->work + (size_t)member * each, .size = each};
}

typedef struct sharing {
    mr_mill *m;
    size_t n;
    mr_status (*fn)(void *arg, size_t k, int member);
    void *arg;
    mr_status worst; /* the mill's gate guards it and why */
    char why[512];
} sharing;

/** Every member comes here once for each work that is shared out (mr_team_do), so that OpenMP's own
 * loop can share the pieces. It costs what a counter of ours did: two threads on two cores (Intel,
 * AVX-512), 12 runs of each in turn, 1.4 GB: largest magnitudes 0.280 s and 0.279, rms 0.294 and
 * 0.294, common mode behind a filter 1.396 and 1.378, which is less than runs differ by. nowait:
 * at OpenMP's barrier members would spin, on cores that readers need; who leads sleeps until all
 * are done. */
static void share(void *arg, int member)
{
    sharing *s = arg;
#pragma omp for schedule(dynamic, 1) nowait
    for (size_t k = 0; k < s->n; k++) {
        const mr_status st = mr_stop_wanted() < 2 ? s->fn(s->arg, k, member) : mr_stop_raise();
        if (st == MR_OK) continue;
        mr_mutex_lock(s->m->gate);
        s->worst = st;
        snprintf(s->why, sizeof s->why, "%s", mr_error());
        mr_mutex_unlock(s->m->gate);
    }
}

mr_status mr_share_out(mr_mill *m, size_t n, mr_status (*fn)(void *arg, size_t k, int member),
                       void *arg)
{
    sharing s = {.m = m, .n = n, .fn = fn, .arg = arg};
    mr_team_do(m->team, share, &s);
    if (s.worst != MR_OK) mr_error_set(s.why);
    return s.worst;
}
