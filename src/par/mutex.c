/* par/mutex.c: a lock that knows its holder, with one condition. Misuse is a bug of ours that would
 * otherwise show as a hang or as damaged data much later, so it is caught in every build. */
#include "par/start.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct mr_mutex {
    pthread_mutex_t m;
    pthread_cond_t wake;
    _Atomic(const void *) holder; /* address of a thread's `self`, NULL when free */
    int waiting;                  /* threads inside mr_mutex_wait; guarded by m */
    char name[32];
};

static _Thread_local char self; /* its address tells threads apart */

static _Noreturn void misuse(const mr_mutex *m, const char *what)
{
    fprintf(stderr, "millrace: bug: lock '%s' %s; please report it\n", m->name, what);
    abort();
}

static bool held_here(const mr_mutex *m)
{
    return atomic_load_explicit(&m->holder, memory_order_relaxed) == &self;
}

static void hold(mr_mutex *m, const void *who)
{
    atomic_store_explicit(&m->holder, who, memory_order_relaxed);
}

mr_status mr_mutex_new(const char *name, mr_mutex **out)
{
    mr_mutex *m;
    pthread_condattr_t attr;
    mr_status st = mr_alloc(1, sizeof *m, "a lock", &m);
    if (st != MR_OK) return st;
    snprintf(m->name, sizeof m->name, "%s", name);
    pthread_mutex_init(&m->m, NULL); /* glibc's three cannot fail */
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &attr);
    pthread_condattr_destroy(&attr);
    *out = m;
    return MR_OK;
}

void mr_mutex_free(mr_mutex *m)
{
    if (!m) return;
    if (atomic_load_explicit(&m->holder, memory_order_relaxed)) misuse(m, "freed while locked");
    if (m->waiting) misuse(m, "freed while somebody waits for it");
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->m);
    free(m);
}

void mr_mutex_lock(mr_mutex *m)
{
    if (held_here(m)) misuse(m, "locked twice by one thread");
    pthread_mutex_lock(&m->m);
    hold(m, &self);
}

void mr_mutex_unlock(mr_mutex *m)
{
    if (!held_here(m)) misuse(m, "unlocked by a thread that does not hold it");
    hold(m, NULL);
    pthread_mutex_unlock(&m->m);
}

bool mr_mutex_wait(mr_mutex *m, double timeout_s)
{
    int rc;
    if (!held_here(m)) misuse(m, "waited for by a thread that does not hold it");
    if (timeout_s == 0) return false;
    hold(m, NULL);
    m->waiting++;
    if (timeout_s < 0) {
        rc = pthread_cond_wait(&m->wake, &m->m);
    } else {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        timeout_s = MR_MIN(timeout_s, 1e9); /* about 30 years: the sum must fit time_t */
        int64_t ns = t.tv_nsec + (int64_t)((timeout_s - (double)(int64_t)timeout_s) * 1e9);
        t.tv_sec += (time_t)timeout_s + (time_t)(ns / 1000000000);
        t.tv_nsec = (long)(ns % 1000000000);
        rc = pthread_cond_timedwait(&m->wake, &m->m, &t);
    }
    m->waiting--;
    hold(m, &self);
    return rc != ETIMEDOUT;
}

void mr_mutex_wake(mr_mutex *m)
{
    if (!held_here(m)) misuse(m, "woken by a thread that does not hold it");
    pthread_cond_broadcast(&m->wake);
}
