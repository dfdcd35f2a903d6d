/* run/stop.c: the one place with state that signals may touch. */
#include "run/stop.h"
#include <signal.h>
#include <string.h>
#include <errno.h>

static volatile sig_atomic_t wanted;

static void on_signal(int sig)
{
    const int how = sig == SIGUSR1 || sig == SIGUSR2 ? 1 : 2;
    if (how > wanted) wanted = how;
}

mr_status mr_stop_listen(void)
{
    static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], &a, NULL) != 0)
            return MR_RAISE(MR_EBUG, "sigaction: %s", strerror(errno));
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return MR_OK;
}

int mr_stop_wanted(void)
{
    return wanted;
}
