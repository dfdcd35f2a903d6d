/* par_stress.c: everything of par/ at once with many threads, to be run under ThreadSanitizer,
 * alone and under mpirun (make tsan-par). Ends with status 0 and one line, or aborts. */
#include "par/map.h"
#include "par/par.h"
#include "par/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 3000, BUFFERS = 5, READERS = 3, WRITERS = 2 };

/** xorshift: a thread's own dice. */
static unsigned dice(unsigned *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 17;
    return *s ^= *s << 5;
}

/* --- a pipeline as run/ has it: pool -> read -> queue -> compute -> queue -> write -> pool ---- */

typedef struct {
    mr_pool *in;
    mr_queue *ready, *done;
    atomic_long next, sum;
    long fail_at; /* item at which a reader fails; ITEMS: none */
} mill;

static mr_status read_items(void *arg, mr_future *self)
{
    mill *m = arg;
    mr_status st = MR_OK;
    while (!mr_task_cancelled(self)) {
        void *buf;
        long i = atomic_fetch_add(&m->next, 1);
        if (i >= ITEMS) break;
        if (i == m->fail_at) {
            st = MR_RAISE(MR_EINPUT, "item %ld is bad", i);
            mr_pool_fail(m->in, st, NULL);
            mr_queue_fail(m->ready, st, NULL);
            mr_queue_fail(m->done, st, NULL);
            break;
        }
        MR_TRY(mr_pool_take(m->in, &buf, -1));
        *(long *)buf = i;
        MR_TRY(mr_queue_push(m->ready, buf, i % 2 ? -1 : 10));
    }
out:
    return st;
}

static mr_status write_items(void *arg, MR_UNUSED mr_future *self)
{
    mill *m = arg;
    mr_status st = MR_OK;
    void *buf;
    while ((st = mr_queue_pop(m->done, &buf, -1)) == MR_OK) {
        atomic_fetch_add(&m->sum, *(long *)buf);
        mr_pool_give(m->in, buf);
        mr_queue_done(m->done);
    }
    return st == MR_ECLOSED ? MR_OK : st;
}

/** The compute stage, on the calling thread. */
static mr_status compute_items(mill *m)
{
    mr_status st = MR_OK;
    void *buf;
    while ((st = mr_queue_pop(m->ready, &buf, -1)) == MR_OK) {
        *(long *)buf *= 2;
        MR_TRY(mr_queue_push(m->done, buf, -1));
        mr_queue_done(m->ready);
    }
out:
    return st == MR_ECLOSED ? MR_OK : st;
}

typedef struct {
    mill *m;
    mr_future **f;
    mr_status st;
} closer;

/** Closes the first queue when all readers are done. */
static void *close_after_readers(void *arg)
{
    closer *c = arg;
    size_t i;
    c->st = mr_wait_failure(c->f, READERS, -1, &i);
    if (c->st == MR_OK) mr_queue_close(c->m->ready);
    return NULL;
}

static void run_mill(long fail_at)
{
    mill m = {.fail_at = fail_at};
    mr_crew *crew;
    mr_future *f[READERS + WRITERS];
    pthread_t t;
    MR_ASSERT(mr_pool_new("in", BUFFERS, sizeof(long), &m.in) == MR_OK);
    MR_ASSERT(mr_queue_new("ready", BUFFERS, &m.ready) == MR_OK);
    MR_ASSERT(mr_queue_new("done", BUFFERS, &m.done) == MR_OK);
    MR_ASSERT(mr_crew_new("mill", READERS + WRITERS, &crew) == MR_OK);
    for (int i = 0; i < READERS + WRITERS; i++)
        MR_ASSERT(mr_crew_submit(crew, i < READERS ? read_items : write_items, &m, &f[i]) == MR_OK);
    closer c = {&m, f, MR_OK};
    MR_ASSERT(pthread_create(&t, NULL, close_after_readers, &c) == 0);
    mr_status st = compute_items(&m);
    if (st == MR_OK) st = mr_queue_join(m.done, -1);
    mr_queue_close(m.done);
    pthread_join(t, NULL);
    bool fails = fail_at < ITEMS;
    MR_ASSERT(c.st == (fails ? MR_EINPUT : MR_OK));
    MR_ASSERT(mr_wait_all(f, READERS + WRITERS, -1) == (fails ? MR_EINPUT : MR_OK));
    MR_ASSERT(fails || (st == MR_OK && atomic_load(&m.sum) == (long)ITEMS * (ITEMS - 1)));
    for (int i = 0; i < READERS + WRITERS; i++) mr_future_free(f[i]);
    mr_crew_free(crew, true);
    mr_queue_free(m.done);
    mr_queue_free(m.ready);
    mr_pool_free(m.in);
}

/* --- futures: submitted, cancelled and awaited from several threads at once ------------------- */

static mr_status toil(void *arg, mr_future *self)
{
    unsigned s = (unsigned)(uintptr_t)arg | 1;
    for (unsigned n = dice(&s) % 200; n > 0 && !mr_task_cancelled(self); n--) dice(&s);
    if (mr_task_cancelled(self)) return MR_ECANCEL;
    return s % 7 ? MR_OK : MR_RAISE(MR_EINPUT, "dice %u", s);
}

typedef struct {
    mr_crew *crew;
    unsigned seed;
} client;

static void *use_crew(void *arg)
{
    enum { N = 16 };
    client *c = arg;
    unsigned s = c->seed;
    for (int round = 0; round < 40; round++) {
        mr_future *f[N];
        bool seen[N] = {false};
        size_t i, n = 0;
        for (i = 0; i < N; i++)
            MR_ASSERT(mr_crew_submit(c->crew, toil, (void *)(uintptr_t)dice(&s), &f[i]) == MR_OK);
        MR_ASSERT(mr_crew_submit(c->crew, toil, (void *)(uintptr_t)8, NULL) == MR_OK);
        for (i = 0; i < N; i++)
            if (dice(&s) % 3 == 0) mr_future_cancel(f[i]);
        if (round % 2) MR_ASSERT(mr_wait_first(f, N, -1, &i) == MR_OK);
        if (round % 3 == 0) mr_wait_failure(f, N, -1, &i);
        while (round % 4 && mr_as_completed(f, N, seen, -1, &i) == MR_OK) n++;
        MR_ASSERT(round % 4 == 0 || n == N);
        for (i = 0; i < N; i++) mr_future_free(f[i]);
    }
    return NULL;
}

static void share_a_crew(void)
{
    enum { CLIENTS = 3 };
    client c[CLIENTS];
    pthread_t t[CLIENTS];
    mr_crew *crew;
    MR_ASSERT(mr_crew_new("toil", 3, &crew) == MR_OK);
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = (client){crew, (unsigned)i + 1};
        MR_ASSERT(pthread_create(&t[i], NULL, use_crew, &c[i]) == 0);
    }
    for (int i = 0; i < CLIENTS; i++) pthread_join(t[i], NULL);
    mr_crew_free(crew, false);
}

static void end_crews_in_the_middle(void)
{
    for (unsigned round = 0; round < 60; round++) {
        mr_crew *crew;
        mr_future *f[20];
        MR_ASSERT(mr_crew_new("end", 1 + (int)(round % 3), &crew) == MR_OK);
        for (unsigned i = 0; i < 20; i++)
            MR_ASSERT(mr_crew_submit(crew, toil, (void *)(uintptr_t)(round * 20 + i),
                                     i % 5 ? &f[i] : NULL) == MR_OK);
        mr_crew_free(crew, round % 2);
        for (unsigned i = 0; i < 20; i++) {
            if (i % 5 == 0) continue;
            MR_ASSERT(mr_future_done(f[i]));
            mr_future_free(f[i]);
        }
    }
}

/* --- the lane server: one thread claims, one polls, on every rank ----------------------------- */

typedef struct {
    mr_server *s;
    atomic_ulong claimed;
    atomic_bool over;
} lanes;

static mr_status claim_lanes(void *arg, MR_UNUSED mr_future *self)
{
    lanes *l = arg;
    uint64_t lane;
    while (mr_server_claim(l->s, &lane) == MR_OK) atomic_fetch_add(&l->claimed, 1);
    atomic_store(&l->over, true);
    return MR_OK;
}

static void serve_lanes(mr_comm *c, uint64_t n, uint64_t stop_after)
{
    lanes l = {0};
    bool dynamic, stop = false;
    mr_crew *crew;
    mr_future *f;
    mr_tally sum;
    MR_ASSERT(mr_server_start(c, n, &l.s, &dynamic) == MR_OK);
    MR_ASSERT(mr_crew_new("claim", 1, &crew) == MR_OK);
    MR_ASSERT(mr_crew_submit(crew, claim_lanes, &l, &f) == MR_OK);
    while (!atomic_load(&l.over)) {
        mr_tally t = {.lanes = atomic_load(&l.claimed)};
        MR_ASSERT(mr_server_poll(l.s, &t, t.lanes >= stop_after, &stop) == MR_OK);
        mr_server_total(l.s, &sum);
    }
    MR_ASSERT(mr_future_wait(f, -1) == MR_OK);
    mr_future_free(f);
    mr_crew_free(crew, false);
    mr_server_end(l.s);
    double all = (double)atomic_load(&l.claimed);
    mr_sum_f64(c, &all, 1);
    MR_ASSERT(stop_after < n || all == (double)n);
}

/* --- the map over ranks ----------------------------------------------------------------------- */

static mr_status map_piece(void *arg, uint64_t i, mr_text *out)
{
    if (i == *(const uint64_t *)arg) return MR_RAISE(MR_EINPUT, "piece");
    return mr_text_add(out, "%d", (int)(i % 10));
}

static void map_over_ranks(mr_comm *c, uint64_t bad)
{
    enum { N = 4000 };
    mr_mapped v = {0};
    mr_status st = mr_map_ranks(c, N, 3, map_piece, NULL, &bad, &v);
    MR_ASSERT(st == (bad < N ? MR_EINPUT : MR_OK));
    MR_ASSERT(bad < N || v.offs[N] == N);
    mr_mapped_fini(&v);
}

int main(int argc, char **argv)
{
    mr_comm *c;
    mr_log_init(0, MR_QUIET);
    MR_ASSERT(mr_comm_start(&argc, &argv, &c) == MR_OK);
    run_mill(ITEMS);
    for (long at = 0; at < ITEMS; at += ITEMS / 10) run_mill(at);
    share_a_crew();
    end_crews_in_the_middle();
    if (mr_comm_threads(c)) {
        serve_lanes(c, 500, UINT64_MAX);
        serve_lanes(c, UINT64_MAX / 2, 50);
    }
    map_over_ranks(c, UINT64_MAX);
    map_over_ranks(c, 2000);
    if (mr_comm_rank(c) == 0) printf("par_stress: ok on %d ranks\n", mr_comm_size(c));
    mr_comm_stop(c);
    return 0;
}
