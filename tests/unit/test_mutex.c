/* test_mutex.c: the checked lock. Misuse ends the process, so each misuse happens in a child. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/thread.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static mr_mutex *lock_named(const char *name)
{
    mr_mutex *m = NULL;
    assert_int_equal(mr_mutex_new(name, &m), MR_OK);
    return m;
}

static void wait_times_out(void **state)
{
    (void)state;
    mr_mutex *m = lock_named("m");
    double t = mr_now();
    mr_mutex_lock(m);
    assert_false(mr_mutex_wait(m, 0));
    assert_false(mr_mutex_wait(m, 0.003));
    mr_mutex_unlock(m);
    assert_true(mr_now() - t >= 0.003);
    mr_mutex_free(m);
    mr_mutex_free(NULL);
}

typedef struct {
    mr_mutex *m;
    int turn;
} ball;

static void *play(void *arg) /* hits the ball back on odd turns */
{
    ball *b = arg;
    mr_mutex_lock(b->m);
    while (b->turn < 100) {
        if (b->turn % 2 == 0) {
            mr_mutex_wait(b->m, -1);
            continue;
        }
        b->turn++;
        mr_mutex_wake(b->m);
    }
    mr_mutex_unlock(b->m);
    return NULL;
}

static void waiters_are_woken(void **state)
{
    (void)state;
    ball b = {lock_named("ball"), 0};
    pthread_t t;
    pthread_create(&t, NULL, play, &b);
    mr_mutex_lock(b.m);
    while (b.turn < 100) {
        if (b.turn % 2) {
            mr_mutex_wait(b.m, 10);
            continue;
        }
        b.turn++;
        mr_mutex_wake(b.m);
    }
    mr_mutex_unlock(b.m);
    pthread_join(t, NULL);
    assert_int_equal(b.turn, 100);
    mr_mutex_free(b.m);
}

static void *lock_it(void *arg)
{
    mr_mutex_lock(arg);
    return NULL;
}

typedef struct {
    mr_mutex *m;
    bool inside; /* guarded by m: free again, it means that the thread waits */
} waiter;

static void *wait_for_it(void *arg)
{
    waiter *w = arg;
    mr_mutex_lock(w->m);
    w->inside = true;
    mr_mutex_wait(w->m, -1);
    return NULL;
}

static void lock_twice(mr_mutex *m)
{
    mr_mutex_lock(m);
    mr_mutex_lock(m);
}

static void unlock_free(mr_mutex *m)
{
    mr_mutex_unlock(m);
}

static void unlock_anothers(mr_mutex *m)
{
    pthread_t t;
    pthread_create(&t, NULL, lock_it, m);
    pthread_join(t, NULL);
    mr_mutex_unlock(m);
}

static void wait_without(mr_mutex *m)
{
    mr_mutex_wait(m, 0.001);
}

static void wake_without(mr_mutex *m)
{
    mr_mutex_wake(m);
}

static void free_locked(mr_mutex *m)
{
    mr_mutex_lock(m);
    mr_mutex_free(m);
}

static void free_awaited(mr_mutex *m)
{
    waiter w = {m, false};
    pthread_t t;
    pthread_create(&t, NULL, wait_for_it, &w);
    for (bool waits = false; !waits;) {
        mr_mutex_lock(m);
        waits = w.inside;
        mr_mutex_unlock(m);
    }
    mr_mutex_free(m);
}

/** Do it in a child: what it wrote to stderr before it aborted. */
static void abort_text(void (*misuse)(mr_mutex *), char *text, size_t cap)
{
    int pipefd[2], status;
    struct rlimit no_core = {0, 0};
    mr_mutex *m = lock_named("lanes");
    assert_int_equal(pipe(pipefd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        dup2(pipefd[1], 2);
        misuse(m);
        _exit(0);
    }
    close(pipefd[1]);
    ssize_t n = read(pipefd[0], text, cap - 1);
    text[n > 0 ? n : 0] = '\0';
    close(pipefd[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    mr_mutex_free(m);
}

static void misuse_aborts_and_names_the_lock(void **state)
{
    (void)state;
    static const struct {
        void (*misuse)(mr_mutex *);
        const char *says;
    } row[] = {{lock_twice, "locked twice"},
               {unlock_free, "does not hold it"},
               {unlock_anothers, "unlocked by"},
               {wait_without, "waited for"},
               {wake_without, "woken"},
               {free_locked, "freed while locked"},
               {free_awaited, "freed while somebody waits"}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        char text[300];
        abort_text(row[i].misuse, text, sizeof text);
        assert_non_null(strstr(text, row[i].says));
        assert_non_null(strstr(text, "'lanes'"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_times_out),
        cmocka_unit_test(waiters_are_woken),
        cmocka_unit_test(misuse_aborts_and_names_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
