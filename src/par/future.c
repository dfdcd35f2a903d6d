/* par/future.c: what a submitted task came to: wait for it, cancel it, wait for one or all of many;
 * and the core that it shares with its crew, which it may outlive. */
#include "par/start.h"
#include <stdlib.h>

void mr_core_leave(mr_core *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) > 1) return;
    mr_mutex_free(k->m);
    free(k);
}

void mr_core_unlink(mr_core *k, mr_future *f)
{
    *(f->prev ? &f->prev->next : &k->head) = f->next;
    *(f->next ? &f->next->prev : &k->tail) = f->prev;
    f->prev = f->next = NULL;
}

/** The task is over (or never began). The caller holds the core's lock; a detached future is gone
 *  afterwards. */
void mr_future_settle(mr_future *f, mr_status st, char *trail)
{
    f->st = st;
    f->trail = trail;
    f->order = ++f->core->completions;
    f->state = TASK_DONE;
    if (f->detached)
        mr_future_destroy(f);
    else
        mr_mutex_wake(f->core->m);
}

/** Frees memory only. The caller knows that the crew is done with it; the crew itself keeps the
 * core alive when it calls this under the lock. */
void mr_future_destroy(mr_future *f)
{
    mr_core *k = f->core;
    free(f->trail);
    free(f);
    mr_core_leave(k);
}

/** The task's status; its trail becomes this thread's. The caller holds the lock; f is done. One
 * that was cancelled before it began leaves the trail alone: it is never the first cause. */
static mr_status result(const mr_future *f)
{
    if (f->trail)
        mr_error_set(f->trail);
    else if (f->st != MR_OK && f->st != MR_ECANCEL)
        mr_error_set(mr_status_name(f->st));
    return f->st;
}

mr_status mr_future_wait(mr_future *f, double timeout_s)
{
    return mr_wait_all(&f, 1, timeout_s);
}

bool mr_future_done(mr_future *f)
{
    mr_mutex_lock(f->core->m);
    bool done = f->state == TASK_DONE;
    mr_mutex_unlock(f->core->m);
    return done;
}

void mr_future_cancel(mr_future *f)
{
    mr_core *k = f->core;
    mr_mutex_lock(k->m);
    atomic_store(&f->cancelled, true);
    if (f->state == TASK_NEW) {
        mr_core_unlink(k, f);
        mr_future_settle(f, MR_ECANCEL, NULL);
    }
    mr_mutex_unlock(k->m);
}

bool mr_task_cancelled(mr_future *self)
{
    return atomic_load_explicit(&self->cancelled, memory_order_relaxed);
}

void mr_future_free(mr_future *f)
{
    if (!f) return;
    mr_mutex_lock(f->core->m);
    while (f->state != TASK_DONE) mr_mutex_wait(f->core->m, -1);
    mr_mutex_unlock(f->core->m);
    mr_future_destroy(f);
}

/** What a wait over many looks for. look() says whether it is there, and then sets st and found. */
typedef struct look {
    mr_future **f;
    size_t n, found; /* n: none */
    const bool *seen;
    bool (*look)(struct look *l);
    mr_status st;
} look;

static mr_status wait_for(look *l, double timeout_s)
{
    double until = mr_until(timeout_s);
    if (l->n == 0) return l->look(l) ? l->st : MR_ETIMEOUT;
    mr_core *k = l->f[0]->core;
    for (size_t i = 1; i < l->n; i++) MR_ASSERT(l->f[i]->core == k);
    mr_mutex_lock(k->m);
    while (!l->look(l)) {
        double left = mr_left(until);
        l->st = MR_ETIMEOUT;
        if (left == 0) break;
        mr_mutex_wait(k->m, left);
    }
    mr_mutex_unlock(k->m);
    return l->st;
}

static bool look_first(look *l)
{
    bool any = false;
    l->found = l->n;
    for (size_t i = 0; i < l->n; i++) {
        if (l->seen && l->seen[i]) continue;
        any = true;
        if (l->f[i]->state != TASK_DONE) continue;
        if (l->found == l->n || l->f[i]->order < l->f[l->found]->order) l->found = i;
    }
    l->st = any ? MR_OK : MR_ECLOSED;
    return !any || l->found < l->n;
}

static bool look_all(look *l)
{
    l->found = l->n;
    for (size_t i = l->n; i-- > 0;) {
        if (l->f[i]->state != TASK_DONE) return false;
        if (l->f[i]->st != MR_OK) l->found = i; /* the first in the array decides */
    }
    l->st = l->found < l->n ? result(l->f[l->found]) : MR_OK;
    return true;
}

static bool look_failure(look *l)
{
    bool all = true;
    l->found = l->n;
    for (size_t i = 0; i < l->n; i++) {
        const mr_future *f = l->f[i];
        if (f->state != TASK_DONE)
            all = false;
        else if (f->st != MR_OK && (l->found == l->n || f->order < l->f[l->found]->order))
            l->found = i;
    }
    l->st = l->found < l->n ? result(l->f[l->found]) : MR_OK;
    return all || l->found < l->n;
}

mr_status mr_wait_first(mr_future **f, size_t n, double timeout_s, size_t *index)
{
    return mr_as_completed(f, n, NULL, timeout_s, index);
}

mr_status mr_wait_all(mr_future **f, size_t n, double timeout_s)
{
    look l = {.f = f, .n = n, .look = look_all};
    return wait_for(&l, timeout_s);
}

mr_status mr_wait_failure(mr_future **f, size_t n, double timeout_s, size_t *index)
{
    look l = {.f = f, .n = n, .look = look_failure};
    mr_status st = wait_for(&l, timeout_s);
    if (l.found < n) *index = l.found;
    return st;
}

mr_status mr_as_completed(mr_future **f, size_t n, bool *seen, double timeout_s, size_t *index)
{
    look l = {.f = f, .n = n, .seen = seen, .look = look_first};
    mr_status st = wait_for(&l, timeout_s);
    if (st != MR_OK) return st;
    *index = l.found;
    if (seen) seen[l.found] = true;
    return MR_OK;
}
