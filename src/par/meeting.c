/* par/meeting.c: see thread.h. A barrier whose waiters sleep: those of OpenMP spin. */
#include "par/thread.h"
#include <stdlib.h>

struct mr_meeting {
    mr_mutex *m;
    size_t here;
    uint64_t round;
};

mr_status mr_meeting_new(const char *name, mr_meeting **out)
{
    mr_meeting *t = NULL;
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(1, sizeof *t, "a meeting", &t));
    MR_TRY(mr_mutex_new(name, &t->m));
    *out = t;
    t = NULL;
out:
    free(t);
    return st;
}

void mr_meeting_free(mr_meeting *t)
{
    if (!t) return;
    mr_mutex_free(t->m);
    free(t);
}

void mr_meet(mr_meeting *t, size_t n)
{
    mr_mutex_lock(t->m);
    const uint64_t round = t->round;
    if (++t->here == n) {
        t->here = 0;
        t->round++;
        mr_mutex_wake(t->m);
    }
    while (t->round == round) mr_mutex_wait(t->m, -1);
    mr_mutex_unlock(t->m);
}
