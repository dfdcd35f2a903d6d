/* par/crew.c: named threads that take tasks from one list, in order of submission. The futures live
 * in future.c; both share a core, so that a future outlives its crew. */
#include "par/start.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mr_crew {
    mr_core *core;
    char name[12];
    int n;
    pthread_t *thread;
    mr_future **running; /* per thread, guarded by the core's lock */
};

/** One thread's place in the crew. */
typedef struct {
    mr_crew *crew;
    int i;
} seat;

/** The error trail of a task that did not succeed. NULL when there is no memory even for that. */
static char *trail_of(mr_status st)
{
    return st == MR_OK ? NULL : strdup(mr_error());
}

/** Run one task outside the lock; the lock is held on entry and on return. */
static void run_task(mr_crew *c, int i, mr_future *f)
{
    mr_core *k = c->core;
    mr_core_unlink(k, f);
    f->state = TASK_RUNS;
    c->running[i] = f;
    mr_mutex_unlock(k->m);
    mr_error_clear();
    mr_status st = f->fn(f->arg, f);
    char *trail = trail_of(st);
    if (f->detached && st != MR_OK && st != MR_ECANCEL)
        mr_log(MR_WARN, "%s: a task failed: %s: %s", c->name, mr_status_name(st), mr_error());
    mr_mutex_lock(k->m);
    c->running[i] = NULL;
    mr_future_settle(f, st, trail);
}

static void *work(void *arg)
{
    seat s = *(seat *)arg;
    mr_core *k = s.crew->core;
    free(arg);
    mr_mutex_lock(k->m);
    for (;;) {
        if (k->head)
            run_task(s.crew, s.i, k->head);
        else if (k->stopping)
            break;
        else
            mr_mutex_wait(k->m, -1);
    }
    mr_mutex_unlock(k->m);
    return NULL;
}

static mr_status add_thread(mr_crew *c)
{
    mr_status st = MR_OK;
    char name[32];
    seat *s = NULL;
    MR_TRY(mr_alloc(1, sizeof *s, "a crew's thread", &s));
    *s = (seat){c, c->n};
    snprintf(name, sizeof name, "%s%d", c->name, c->n);
    MR_TRY(mr_thread_start(name, work, s, &c->thread[c->n]));
    s = NULL; /* the thread's now */
    c->n++;
out:
    free(s);
    return st;
}

mr_status mr_crew_new(const char *name, int n_threads, mr_crew **out)
{
    mr_status st = MR_OK;
    mr_crew *c = NULL;
    MR_ASSERT(n_threads > 0);
    MR_TRY(mr_alloc(1, sizeof *c, name, &c));
    snprintf(c->name, sizeof c->name, "%s", name);
    MR_TRY(mr_alloc((size_t)n_threads, sizeof *c->thread, name, &c->thread));
    MR_TRY(mr_alloc((size_t)n_threads, sizeof(mr_future *), name, &c->running));
    MR_TRY(mr_alloc(1, sizeof *c->core, name, &c->core));
    atomic_init(&c->core->refs, 1);
    MR_TRY(mr_mutex_new(name, &c->core->m));
    while (c->n < n_threads) MR_TRY(add_thread(c));
    *out = c;
    c = NULL;
out:
    mr_crew_free(c, true);
    return st;
}

static void drop_all(mr_crew *c)
{
    mr_core *k = c->core;
    for (mr_future *f = k->head; f; f = k->head) {
        mr_core_unlink(k, f);
        mr_future_settle(f, MR_ECANCEL, NULL);
    }
    for (int i = 0; i < c->n; i++)
        if (c->running[i]) atomic_store(&c->running[i]->cancelled, true);
}

void mr_crew_free(mr_crew *c, bool cancel)
{
    if (!c) return;
    if (c->core && c->core->m) {
        mr_mutex_lock(c->core->m);
        c->core->stopping = true;
        if (cancel) drop_all(c);
        mr_mutex_wake(c->core->m);
        mr_mutex_unlock(c->core->m);
    }
    for (int i = 0; i < c->n; i++) pthread_join(c->thread[i], NULL);
    mr_core_leave(c->core);
    free(c->thread);
    free(c->running);
    free(c);
}

mr_status mr_crew_submit(mr_crew *c, mr_task_fn fn, void *arg, mr_future **out)
{
    mr_future *f;
    mr_core *k = c->core;
    mr_status st = mr_alloc(1, sizeof *f, "a task", &f);
    if (st != MR_OK) return st;
    f->fn = fn;
    f->arg = arg;
    f->core = k;
    f->detached = !out;
    atomic_init(&f->cancelled, false);
    atomic_fetch_add(&k->refs, 1);
    if (out) *out = f; /* before it can run: the task may look at it */
    mr_mutex_lock(k->m);
    MR_ASSERT(!k->stopping); /* nobody submits to a crew that is being freed */
    f->prev = k->tail;
    *(k->tail ? &k->tail->next : &k->head) = f;
    k->tail = f;
    mr_mutex_wake(k->m);
    mr_mutex_unlock(k->m);
    return MR_OK;
}
