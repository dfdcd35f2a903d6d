/* test_crew.c: the crew of threads: runs every task once, in order of submission, ends in order. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/thread.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

static mr_crew *crew_of(int n)
{
    mr_crew *c = NULL;
    assert_int_equal(mr_crew_new("test", n, &c), MR_OK);
    return c;
}

static mr_status count(void *arg, mr_future *self)
{
    (void)self;
    atomic_fetch_add((atomic_int *)arg, 1);
    return MR_OK;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    atomic_int n = 0;
    for (int threads = 1; threads <= 3; threads++) {
        mr_crew *c = crew_of(threads);
        atomic_store(&n, 0);
        for (int i = 0; i < 500; i++) assert_int_equal(mr_crew_submit(c, count, &n, NULL), MR_OK);
        mr_crew_free(c, false); /* finishes what was submitted */
        assert_int_equal(atomic_load(&n), 500);
    }
    mr_crew_free(NULL, true);
}

typedef struct {
    int order[3], n;
} diary;

typedef struct {
    diary *d;
    int who;
} entry;

static mr_status write_down(void *arg, mr_future *self)
{
    (void)self;
    entry *e = arg;
    e->d->order[e->d->n++] = e->who; /* one thread in the crew: no lock */
    return MR_OK;
}

static void one_thread_keeps_the_order(void **state)
{
    (void)state;
    diary d = {0};
    entry e[3] = {{&d, 1}, {&d, 2}, {&d, 3}};
    mr_crew *c = crew_of(1);
    for (int i = 0; i < 3; i++) assert_int_equal(mr_crew_submit(c, write_down, &e[i], NULL), MR_OK);
    mr_crew_free(c, false);
    assert_int_equal(d.n, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(d.order[i], i + 1);
}

/** Runs until it is asked to stop; says that it has begun. */
static mr_status until_cancelled(void *arg, mr_future *self)
{
    atomic_store((atomic_int *)arg, 1);
    while (!mr_task_cancelled(self)) pthread_testcancel();
    return MR_ECANCEL;
}

static void freeing_with_cancel_drops_what_has_not_begun(void **state)
{
    (void)state;
    atomic_int begun = 0, n = 0;
    mr_future *running, *waiting;
    mr_crew *c = crew_of(1);
    assert_int_equal(mr_crew_submit(c, until_cancelled, &begun, &running), MR_OK);
    assert_int_equal(mr_crew_submit(c, count, &n, &waiting), MR_OK);
    assert_int_equal(mr_crew_submit(c, count, &n, NULL), MR_OK);
    while (!atomic_load(&begun)) {
    }
    mr_crew_free(c, true);
    assert_int_equal(atomic_load(&n), 0);
    assert_int_equal(mr_future_wait(running, 0), MR_ECANCEL); /* futures outlive the crew */
    assert_int_equal(mr_future_wait(waiting, 0), MR_ECANCEL);
    mr_future_free(running);
    mr_future_free(waiting);
}

static mr_status look_at_thread(void *arg, mr_future *self)
{
    (void)self;
    sigset_t set;
    char *name = arg;
    pthread_getname_np(pthread_self(), name, 16);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    bool ok = sigismember(&set, SIGUSR1) && sigismember(&set, SIGTERM) &&
              sigismember(&set, SIGINT) && !sigismember(&set, SIGSEGV);
    return ok ? MR_OK : MR_EBUG;
}

static void threads_are_named_and_leave_signals_to_the_main_thread(void **state)
{
    (void)state;
    char name[16] = "";
    mr_future *f;
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    mr_crew *c = crew_of(1);
    assert_int_equal(mr_crew_submit(c, look_at_thread, name, &f), MR_OK);
    assert_int_equal(mr_future_wait(f, -1), MR_OK);
    assert_string_equal(name, "test0");
    mr_future_free(f);
    mr_crew_free(c, false);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_int_equal(sigismember(&before, SIGUSR1), sigismember(&after, SIGUSR1));
}

static mr_status give_way(void *arg, mr_future *self)
{
    (void)self;
    const struct sched_param none = {0};
    bool *may = arg;
    *may = sched_setscheduler(0, SCHED_OTHER, &none) == 0;
    if (!*may) return MR_OK;
    bool ok = mr_thread_give_way(true) && sched_getscheduler(0) == SCHED_BATCH;
    ok = ok && !mr_thread_give_way(true); /* it does already */
    ok = ok && mr_thread_give_way(false) && sched_getscheduler(0) == SCHED_OTHER;
    ok = ok && sched_setscheduler(0, SCHED_IDLE, &none) == 0; /* as its user wants it */
    ok = ok && !mr_thread_give_way(true) && !mr_thread_give_way(false);
    return ok && sched_getscheduler(0) == SCHED_IDLE ? MR_OK : MR_EBUG;
}

static void a_thread_gives_way_and_comes_back(void **state)
{
    (void)state;
    bool may = false;
    mr_future *f;
    mr_crew *c = crew_of(1); /* a thread of its own: not all that it does can be undone */
    assert_int_equal(mr_crew_submit(c, give_way, &may, &f), MR_OK);
    const mr_status st = mr_future_wait(f, -1);
    mr_future_free(f);
    mr_crew_free(c, false);
    assert_int_equal(st, MR_OK);
    if (!may) skip(); /* a jail that forbids the call */
}

static void cores_are_counted(void **state)
{
    (void)state;
    mr_cpu_set s;
    mr_cpu_set_get(&s);
    assert_true(mr_cpus() >= 1);
    assert_int_equal(mr_cpu_set_count(&s), mr_cpus());
    memset(&s, 0, sizeof s);
    s.bits[0] = 5;
    s.bits[100] = 128;
    assert_int_equal(mr_cpu_set_count(&s), 3);
    assert_int_equal(mr_threads_allowed(4, 2), 1); /* more ranks than cores: one thread each */
    assert_int_equal(mr_threads_allowed(1, mr_cpus()), mr_cpus());
    assert_int_equal(mr_threads_allowed(1, 100000), mr_cpus()); /* bound to its own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(one_thread_keeps_the_order),
        cmocka_unit_test(freeing_with_cancel_drops_what_has_not_begun),
        cmocka_unit_test(threads_are_named_and_leave_signals_to_the_main_thread),
        cmocka_unit_test(a_thread_gives_way_and_comes_back),
        cmocka_unit_test(cores_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
