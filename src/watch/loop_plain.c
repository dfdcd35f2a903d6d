/* watch/loop_plain.c: a build without libuv or libsodium: the thread only writes the status. */
#if !(MR_UV && MR_SODIUM)
#include "watch/inside.h"

const char *mr_watch_deaf(void)
{
    return "this millrace was built without libuv or libsodium (make UV=0 or SODIUM=0): only "
           "signals stop it";
}

mr_status mr_watch_loop_new(MR_UNUSED mr_watch *w)
{
    return MR_OK;
}

void mr_watch_loop_free(MR_UNUSED mr_watch *w)
{
}

void mr_watch_nudge(mr_watch *w)
{
    mr_mutex_lock(w->m);
    w->woken = true;
    mr_mutex_wake(w->m);
    mr_mutex_unlock(w->m);
}

bool mr_watch_loop_notices(MR_UNUSED const mr_watch *w)
{
    return false;
}

mr_status mr_watch_loop(void *arg, MR_UNUSED mr_future *self)
{
    mr_watch *w = arg;
    for (bool over = false; !over;) {
        mr_status_write(w, false);
        mr_mutex_lock(w->m);
        if (!w->closing) mr_mutex_wait(w->m, MR_WATCH_EVERY_S);
        over = w->closing;
        mr_mutex_unlock(w->m);
    }
    mr_status_write(w, true);
    return MR_OK;
}
#else
typedef int mr_loop_is_uvs;
#endif
