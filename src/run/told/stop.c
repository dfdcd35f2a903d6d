/* run/told/stop.c: the one place with state that signals may touch. */
#include "run/told/stop.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define GO_ON "what is finished is kept: run the same command again to go on"

static volatile sig_atomic_t wanted, speaks, spoke;
static volatile sig_atomic_t bell = -1; /* rung when somebody wants to stop */

static void say(const char *text)
{
    const ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n; /* nobody left to tell */
}

static void ring(void)
{
    static const uint64_t one = 1;
    const ssize_t n = bell >= 0 ? write(bell, &one, sizeof one) : 0;
    (void)n; /* full: it has been rung often enough */
}

static void on_signal(int sig)
{
    static const char term[] = "millrace: SIGTERM: leaving; " GO_ON "\n";
    static const char intr[] = "\nmillrace: interrupted: leaving; " GO_ON "\n"; /* after the ^C */
    const int err = errno;
    const int how = sig == SIGUSR1 || sig == SIGUSR2 ? 1 : 2;
    if (how == 2 && wanted < 2) {
        alarm(MR_STOP_GRACE_S);
        if (speaks) say(sig == SIGINT ? intr : term);
        spoke = speaks;
    } else if (sig == SIGINT) {
        signal(sig, SIG_DFL);
        raise(sig); /* when this handler returns */
    }
    if (how > wanted) wanted = how;
    ring();
    errno = err;
}

/** Something cannot be brought to an end: a disk or another rank that does not answer. Nothing is
 * lost by leaving here: the next run takes over the lock and removes the parts. */
static void on_alarm(MR_UNUSED int sig)
{
    _exit(MR_STOPPED);
}

mr_status mr_stop_listen(void)
{
    static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = on_alarm;
    if (sigaction(SIGALRM, &a, NULL) != 0)
        return MR_RAISE(MR_EBUG, "sigaction: %s", strerror(errno));
    a.sa_handler = on_signal;
    a.sa_flags = SA_RESTART;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], &a, NULL) != 0)
            return MR_RAISE(MR_EBUG, "sigaction: %s", strerror(errno));
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    return MR_OK;
}

int mr_stop_bell(void)
{
    if (bell < 0) bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return bell;
}

void mr_stop_ask(MR_UNUSED void *arg)
{
    if (wanted < 1) wanted = 1;
    ring();
}

void mr_stop_speak(void)
{
    speaks = 1;
}

void mr_stop_hush(void)
{
    speaks = 0;
}

int mr_stop_wanted(void)
{
    return wanted;
}

mr_status mr_stop_raise(void)
{
    return MR_RAISE(MR_STOPPED, "%s", spoke ? "stopped early" : "stopped early; " GO_ON);
}
