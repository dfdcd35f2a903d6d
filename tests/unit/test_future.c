/* test_future.c: results, time-outs, cancelling, and waits over many futures. A gate holds tasks
 * back, so that the order of completion is the test's choice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/thread.h"

/** A task that waits for its gate, then gives st with a text of its own. */
typedef struct {
    mr_mutex *gate;
    bool open, begun;
    mr_status st;
    const char *text;
} job;

static mr_status do_job(void *arg, mr_future *self)
{
    (void)self;
    job *j = arg;
    mr_mutex_lock(j->gate);
    j->begun = true;
    mr_mutex_wake(j->gate);
    while (!j->open) mr_mutex_wait(j->gate, -1);
    mr_mutex_unlock(j->gate);
    return j->st == MR_OK ? MR_OK : MR_RAISE(j->st, "%s", j->text);
}

static void open_gate(job *j)
{
    mr_mutex_lock(j->gate);
    j->open = true;
    mr_mutex_wake(j->gate);
    mr_mutex_unlock(j->gate);
}

static void wait_begun(job *j)
{
    mr_mutex_lock(j->gate);
    while (!j->begun) mr_mutex_wait(j->gate, -1);
    mr_mutex_unlock(j->gate);
}

typedef struct {
    mr_crew *crew;
    job j[3];
    mr_future *f[3];
} fixture;

static void begin(fixture *x, int threads, const mr_status st[3])
{
    *x = (fixture){0};
    assert_int_equal(mr_crew_new("t", threads, &x->crew), MR_OK);
    for (int i = 0; i < 3; i++) {
        x->j[i] = (job){.st = st[i], .text = i == 0 ? "zero" : i == 1 ? "one" : "two"};
        assert_int_equal(mr_mutex_new("gate", &x->j[i].gate), MR_OK);
        assert_int_equal(mr_crew_submit(x->crew, do_job, &x->j[i], &x->f[i]), MR_OK);
    }
}

static void end(fixture *x)
{
    for (int i = 0; i < 3; i++) open_gate(&x->j[i]);
    for (int i = 0; i < 3; i++) mr_future_free(x->f[i]);
    mr_crew_free(x->crew, false);
    for (int i = 0; i < 3; i++) mr_mutex_free(x->j[i].gate);
}

static const mr_status all_well[3] = {MR_OK, MR_OK, MR_OK};
static const mr_status two_fail[3] = {MR_OK, MR_EINPUT, MR_EOUTPUT};

static void result_brings_its_trail(void **state)
{
    (void)state;
    fixture x;
    begin(&x, 1, two_fail);
    assert_int_equal(mr_future_wait(x.f[1], 0), MR_ETIMEOUT);
    assert_int_equal(mr_future_wait(x.f[1], 0.002), MR_ETIMEOUT);
    assert_false(mr_future_done(x.f[1]));
    open_gate(&x.j[0]);
    open_gate(&x.j[1]);
    mr_error_clear();
    assert_int_equal(mr_future_wait(x.f[0], -1), MR_OK);
    assert_string_equal(mr_error(), "");
    assert_int_equal(mr_future_wait(x.f[1], -1), MR_EINPUT);
    assert_string_equal(mr_error(), "one");
    assert_true(mr_future_done(x.f[1]));
    assert_int_equal(mr_future_wait(x.f[1], 0), MR_EINPUT); /* as often as one likes */
    end(&x);
}

static void cancelling_spares_what_has_not_begun(void **state)
{
    (void)state;
    fixture x;
    begin(&x, 1, all_well);
    wait_begun(&x.j[0]);
    mr_error_set("the first error");
    mr_future_cancel(x.f[1]); /* in the middle of the list */
    assert_int_equal(mr_future_wait(x.f[1], 0), MR_ECANCEL);
    assert_string_equal(mr_error(), "the first error");
    mr_future_cancel(x.f[0]); /* runs: only asked */
    assert_true(mr_task_cancelled(x.f[0]));
    assert_false(mr_future_done(x.f[0]));
    open_gate(&x.j[0]);
    open_gate(&x.j[2]);
    assert_int_equal(mr_future_wait(x.f[0], -1), MR_OK); /* it did not care */
    assert_int_equal(mr_future_wait(x.f[2], -1), MR_OK);
    mr_future_cancel(x.f[2]); /* over: no effect */
    assert_int_equal(mr_future_wait(x.f[2], 0), MR_OK);
    assert_false(x.j[1].begun);
    end(&x);
    mr_future_free(NULL);
}

static void waits_for_the_first(void **state)
{
    (void)state;
    fixture x;
    size_t i = 9;
    begin(&x, 3, all_well);
    assert_int_equal(mr_wait_first(x.f, 3, 0.001, &i), MR_ETIMEOUT);
    assert_int_equal(i, 9);
    open_gate(&x.j[2]);
    assert_int_equal(mr_wait_first(x.f, 3, -1, &i), MR_OK);
    assert_int_equal(i, 2);
    open_gate(&x.j[0]);
    assert_int_equal(mr_future_wait(x.f[0], -1), MR_OK);
    assert_int_equal(mr_wait_first(x.f, 3, -1, &i), MR_OK);
    assert_int_equal(i, 2); /* still the first that was done */
    assert_int_equal(mr_wait_first(x.f, 0, -1, &i), MR_ECLOSED);
    end(&x);
}

static void waits_for_all(void **state)
{
    (void)state;
    fixture x;
    begin(&x, 3, two_fail);
    open_gate(&x.j[2]);
    open_gate(&x.j[1]);
    assert_int_equal(mr_wait_all(x.f, 3, 0.001), MR_ETIMEOUT);
    open_gate(&x.j[0]);
    assert_int_equal(mr_wait_all(x.f, 3, -1), MR_EINPUT); /* the first in the array */
    assert_string_equal(mr_error(), "one");
    assert_int_equal(mr_wait_all(x.f, 1, -1), MR_OK);
    assert_int_equal(mr_wait_all(x.f, 0, -1), MR_OK);
    end(&x);
}

static void waits_for_the_first_failure(void **state)
{
    (void)state;
    fixture x;
    size_t i = 9;
    begin(&x, 3, two_fail);
    open_gate(&x.j[0]);
    assert_int_equal(mr_wait_failure(x.f, 3, 0.001, &i), MR_ETIMEOUT);
    open_gate(&x.j[2]);
    assert_int_equal(mr_wait_failure(x.f, 3, -1, &i), MR_EOUTPUT); /* although one still runs */
    assert_int_equal(i, 2);
    assert_string_equal(mr_error(), "two");
    i = 9;
    assert_int_equal(mr_wait_failure(x.f, 1, -1, &i), MR_OK);
    assert_int_equal(i, 9);
    end(&x);
}

static void a_tasks_own_time_out_is_a_result(void **state)
{
    (void)state;
    const mr_status st[3] = {MR_ETIMEOUT, MR_OK, MR_OK};
    fixture x;
    begin(&x, 3, st);
    open_gate(&x.j[0]);
    assert_int_equal(mr_future_wait(x.f[0], -1), MR_ETIMEOUT); /* returns */
    assert_true(mr_future_done(x.f[0]));
    assert_string_equal(mr_error(), "zero");
    end(&x);
}

static void gives_each_once_in_order_of_completion(void **state)
{
    (void)state;
    static const size_t order[3] = {1, 2, 0};
    bool seen[3] = {false};
    fixture x;
    size_t i = 9;
    begin(&x, 3, two_fail);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(mr_as_completed(x.f, 3, seen, 0, &i), MR_ETIMEOUT);
        open_gate(&x.j[order[k]]);
        assert_int_equal(mr_as_completed(x.f, 3, seen, -1, &i), MR_OK);
        assert_int_equal(i, order[k]);
        assert_int_equal(mr_future_wait(x.f[i], 0), two_fail[i]);
    }
    assert_int_equal(mr_as_completed(x.f, 3, seen, -1, &i), MR_ECLOSED);
    end(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(result_brings_its_trail),
        cmocka_unit_test(cancelling_spares_what_has_not_begun),
        cmocka_unit_test(waits_for_the_first),
        cmocka_unit_test(waits_for_all),
        cmocka_unit_test(waits_for_the_first_failure),
        cmocka_unit_test(a_tasks_own_time_out_is_a_result),
        cmocka_unit_test(gives_each_once_in_order_of_completion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
