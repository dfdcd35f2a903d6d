/* par/start.c: how threads of ours begin, and how long a wait still lasts. */
#include "par/start.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
    void *(*fn)(void *);
    void *arg;
    char name[16];
} birth;

static void *begin(void *arg)
{
    birth b = *(birth *)arg;
    free(arg);
    pthread_setname_np(pthread_self(), b.name); /* for ps and debuggers only */
    return b.fn(b.arg);
}

mr_status mr_thread_start(const char *name, void *(*fn)(void *), void *arg, pthread_t *out)
{
    birth *b;
    sigset_t all, old;
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    mr_status st = mr_alloc(1, sizeof *b, "a thread", &b);
    if (st != MR_OK) return st;
    b->fn = fn;
    b->arg = arg;
    snprintf(b->name, sizeof b->name, "%s", name);
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_BLOCK, &all, &old); /* a new thread inherits the mask */
    int rc = pthread_create(out, NULL, begin, b);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        free(b);
        return MR_RAISE(MR_EMEM, "cannot start thread %s: %s", name, strerror(rc));
    }
    return MR_OK;
}

double mr_until(double timeout_s)
{
    return timeout_s < 0 ? INFINITY : mr_now() + timeout_s;
}

double mr_left(double until)
{
    if (isinf(until)) return -1;
    double left = until - mr_now();
    return left > 0 ? left : 0;
}

void mr_nap(double seconds)
{
    struct timespec t = {(time_t)seconds, (long)((seconds - floor(seconds)) * 1e9)};
    nanosleep(&t, NULL);
}
