/* par/pool.c: equal large buffers that stages borrow: waiting for one is the only wait for space in
 * the pipeline. A buffer is either in the pool's queue or with exactly one borrower. */
#include "par/start.h"
#include <stdlib.h>

struct mr_pool {
    mr_queue *idle;
    size_t n, bytes;
    void **buf;
    atomic_bool *out; /* per buffer: with a borrower */
};

static size_t index_of(const mr_pool *p, const void *buf)
{
    size_t i = 0;
    while (i < p->n && p->buf[i] != buf) i++;
    MR_ASSERT(i < p->n); /* not a buffer of this pool */
    return i;
}

mr_status mr_pool_new(const char *name, size_t n, size_t bytes, mr_pool **out)
{
    mr_status st = MR_OK;
    mr_pool *p = NULL;
    MR_ASSERT(n > 0);
    MR_TRY(mr_alloc(1, sizeof *p, name, &p));
    p->bytes = bytes;
    MR_TRY(mr_alloc(n, sizeof *p->buf, name, &p->buf));
    MR_TRY(mr_alloc(n, sizeof *p->out, name, &p->out));
    MR_TRY(mr_queue_new(name, n, &p->idle));
    for (size_t i = 0; i < n; i++) {
        MR_TRY(mr_big_alloc(bytes, name, &p->buf[i]));
        p->n = i + 1;
        MR_TRY(mr_queue_push(p->idle, p->buf[i], 0));
    }
    *out = p;
    p = NULL;
out:
    mr_pool_free(p);
    return st;
}

void mr_pool_free(mr_pool *p)
{
    if (!p) return;
    mr_queue_free(p->idle);
    for (size_t i = 0; i < p->n; i++) mr_big_free(p->buf[i], p->bytes);
    free(p->buf);
    free(p->out);
    free(p);
}

mr_status mr_pool_take(mr_pool *p, void **buf, double timeout_s)
{
    void *b;
    mr_status st = mr_queue_pop_newest(p->idle, &b, timeout_s);
    if (st != MR_OK) return st;
    mr_queue_done(p->idle);
    MR_ASSERT(!atomic_exchange(&p->out[index_of(p, b)], true));
    *buf = b;
    return MR_OK;
}

void mr_pool_give(mr_pool *p, void *buf)
{
    MR_ASSERT(atomic_exchange(&p->out[index_of(p, buf)], false)); /* given back twice otherwise */
    mr_status st = mr_queue_push(p->idle, buf, 0);
    MR_ASSERT(st != MR_ETIMEOUT); /* there is room for all; closed or failed: nobody wants it */
}

void mr_pool_fail(mr_pool *p, mr_status st, const char *text)
{
    mr_queue_fail(p->idle, st, text);
}

void mr_pool_close(mr_pool *p)
{
    mr_queue_close(p->idle);
}

double mr_pool_waited(mr_pool *p)
{
    double s;
    mr_queue_waited(p->idle, NULL, &s);
    return s;
}
