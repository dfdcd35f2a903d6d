/* par/queue.c: bounded queue of pointers between threads: can be joined, closed, failed; keeps the
 * account of who waited for whom. The pipeline's stages are joined by these. */
#include "par/start.h"
#include <stdio.h>
#include <stdlib.h>

/** Seconds waited, also by those who still wait: sum + n * now. */
typedef struct {
    double sum;
    int n;
} waits;

struct mr_queue {
    mr_mutex *m;
    void **ring;
    size_t cap, first, len;
    size_t open; /* pushed and not yet acknowledged */
    bool closed;
    mr_status failed;
    char text[2048];
    waits push, pop;
};

mr_status mr_queue_new(const char *name, size_t capacity, mr_queue **out)
{
    mr_status st = MR_OK;
    mr_queue *q = NULL;
    MR_ASSERT(capacity > 0);
    MR_TRY(mr_alloc(1, sizeof *q, name, &q));
    MR_TRY(mr_alloc(capacity, sizeof *q->ring, name, &q->ring));
    MR_TRY(mr_mutex_new(name, &q->m));
    q->cap = capacity;
    *out = q;
    q = NULL;
out:
    mr_queue_free(q);
    return st;
}

void mr_queue_free(mr_queue *q)
{
    if (!q) return;
    mr_mutex_free(q->m);
    free(q->ring);
    free(q);
}

static bool wait_counted(mr_queue *q, waits *w, double until)
{
    double left = mr_left(until);
    if (left == 0) return false;
    w->n++;
    w->sum -= mr_now();
    mr_mutex_wait(q->m, left); /* the caller looks again before it gives up */
    w->sum += mr_now();
    w->n--;
    return true;
}

static mr_status report_failure(const mr_queue *q)
{
    mr_error_set(q->text);
    return q->failed;
}

mr_status mr_queue_push(mr_queue *q, void *entry, double timeout_s)
{
    mr_status st = MR_OK;
    double until = mr_until(timeout_s);
    mr_mutex_lock(q->m);
    while (!q->failed && !q->closed && q->len == q->cap) {
        if (!wait_counted(q, &q->push, until)) {
            st = MR_ETIMEOUT;
            break;
        }
    }
    if (q->failed)
        st = report_failure(q);
    else if (q->closed)
        st = MR_ECLOSED;
    else if (st == MR_OK) {
        q->ring[(q->first + q->len++) % q->cap] = entry;
        q->open++;
        mr_mutex_wake(q->m);
    }
    mr_mutex_unlock(q->m);
    return st;
}

static mr_status pop(mr_queue *q, bool newest, void **entry, double timeout_s)
{
    mr_status st = MR_OK;
    double until = mr_until(timeout_s);
    mr_mutex_lock(q->m);
    while (!q->failed && !q->closed && q->len == 0) {
        if (!wait_counted(q, &q->pop, until)) {
            st = MR_ETIMEOUT;
            break;
        }
    }
    if (q->failed)
        st = report_failure(q);
    else if (q->len) {
        *entry = q->ring[newest ? (q->first + q->len - 1) % q->cap : q->first];
        if (!newest) q->first = (q->first + 1) % q->cap;
        q->len--;
        mr_mutex_wake(q->m);
    } else if (q->closed)
        st = MR_ECLOSED;
    mr_mutex_unlock(q->m);
    return st;
}

mr_status mr_queue_pop(mr_queue *q, void **entry, double timeout_s)
{
    return pop(q, false, entry, timeout_s);
}

mr_status mr_queue_pop_newest(mr_queue *q, void **entry, double timeout_s)
{
    return pop(q, true, entry, timeout_s);
}

bool mr_queue_left(mr_queue *q, void **entry)
{
    mr_mutex_lock(q->m);
    const bool some = q->len > 0;
    if (some) {
        *entry = q->ring[q->first];
        q->first = (q->first + 1) % q->cap;
        q->len--;
    }
    mr_mutex_unlock(q->m);
    return some;
}

void mr_queue_done(mr_queue *q)
{
    mr_mutex_lock(q->m);
    MR_ASSERT(q->open > q->len); /* only what was popped can be acknowledged, once */
    if (--q->open == 0) mr_mutex_wake(q->m);
    mr_mutex_unlock(q->m);
}

mr_status mr_queue_join(mr_queue *q, double timeout_s)
{
    mr_status st = MR_OK;
    double until = mr_until(timeout_s);
    mr_mutex_lock(q->m);
    while (!q->failed && q->open) {
        double left = mr_left(until);
        if (left == 0) {
            st = MR_ETIMEOUT;
            break;
        }
        mr_mutex_wait(q->m, left);
    }
    if (q->failed) st = report_failure(q);
    mr_mutex_unlock(q->m);
    return st;
}

void mr_queue_close(mr_queue *q)
{
    mr_mutex_lock(q->m);
    q->closed = true;
    mr_mutex_wake(q->m);
    mr_mutex_unlock(q->m);
}

void mr_queue_fail(mr_queue *q, mr_status st, const char *text)
{
    MR_ASSERT(st != MR_OK);
    mr_mutex_lock(q->m);
    if (!q->failed) {
        q->failed = st;
        snprintf(q->text, sizeof q->text, "%s", text ? text : mr_error());
        mr_mutex_wake(q->m);
    }
    mr_mutex_unlock(q->m);
}

size_t mr_queue_len(mr_queue *q)
{
    mr_mutex_lock(q->m);
    size_t n = q->len;
    mr_mutex_unlock(q->m);
    return n;
}

void mr_queue_waited(mr_queue *q, double *push_s, double *pop_s)
{
    mr_mutex_lock(q->m);
    double now = mr_now();
    if (push_s) *push_s = q->push.sum + q->push.n * now;
    if (pop_s) *pop_s = q->pop.sum + q->pop.n * now;
    mr_mutex_unlock(q->m);
}
