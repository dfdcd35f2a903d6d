/* test_queue.c: the bounded queue: order, time-outs, closing, failing, joining, the account of
 * waits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/thread.h"
#include <pthread.h>

static int item[4];

static mr_queue *queue_of(size_t cap)
{
    mr_queue *q = NULL;
    assert_int_equal(mr_queue_new("q", cap, &q), MR_OK);
    return q;
}

static void first_in_first_out(void **state)
{
    (void)state;
    mr_queue *q = queue_of(3);
    void *p = NULL;
    for (int round = 0; round < 5; round++) { /* 5 x 2 of capacity 3: the ring wraps */
        assert_int_equal(mr_queue_push(q, &item[0], 0), MR_OK);
        assert_int_equal(mr_queue_push(q, &item[1], 0), MR_OK);
        assert_int_equal(mr_queue_len(q), 2);
        assert_int_equal(mr_queue_pop(q, &p, 0), MR_OK);
        assert_ptr_equal(p, &item[0]);
        assert_int_equal(mr_queue_pop(q, &p, 0), MR_OK);
        assert_ptr_equal(p, &item[1]);
    }
    mr_queue_free(q);
    mr_queue_free(NULL);
}

static void waits_end_in_time(void **state)
{
    (void)state;
    mr_queue *q = queue_of(1);
    void *p = &item[3];
    double t = mr_now(), push_s, pop_s;
    mr_error_set("the first error");
    assert_int_equal(mr_queue_pop(q, &p, 0), MR_ETIMEOUT);
    assert_int_equal(mr_queue_pop(q, &p, 0.003), MR_ETIMEOUT);
    assert_ptr_equal(p, &item[3]); /* untouched */
    assert_int_equal(mr_queue_push(q, &item[0], -1), MR_OK);
    assert_int_equal(mr_queue_push(q, &item[1], 0), MR_ETIMEOUT);
    assert_int_equal(mr_queue_push(q, &item[1], 0.002), MR_ETIMEOUT);
    assert_int_equal(mr_queue_join(q, 0.001), MR_ETIMEOUT);
    assert_string_equal(mr_error(), "the first error");
    double all = mr_now() - t;
    mr_queue_waited(q, &push_s, &pop_s);
    assert_true(pop_s >= 0.003 && push_s >= 0.002 && push_s + pop_s <= all);
    mr_queue_free(q);
}

static void closed_queue_gives_what_is_inside_first(void **state)
{
    (void)state;
    mr_queue *q = queue_of(2);
    void *p;
    assert_int_equal(mr_queue_push(q, &item[0], 0), MR_OK);
    mr_queue_close(q);
    assert_int_equal(mr_queue_push(q, &item[1], -1), MR_ECLOSED);
    assert_int_equal(mr_queue_pop(q, &p, -1), MR_OK);
    assert_ptr_equal(p, &item[0]);
    assert_int_equal(mr_queue_pop(q, &p, -1), MR_ECLOSED);
    mr_queue_free(q);
}

static void what_is_left_inside_goes_to_its_owner(void **state)
{
    (void)state;
    mr_queue *q = queue_of(2);
    void *p = &item[3];
    assert_false(mr_queue_left(q, &p));
    assert_ptr_equal(p, &item[3]); /* untouched */
    assert_int_equal(mr_queue_push(q, &item[0], 0), MR_OK);
    assert_int_equal(mr_queue_push(q, &item[1], 0), MR_OK);
    mr_queue_fail(q, MR_EMEM, "no memory");
    assert_int_equal(mr_queue_pop(q, &p, 0), MR_EMEM);
    assert_true(mr_queue_left(q, &p));
    assert_ptr_equal(p, &item[0]);
    assert_true(mr_queue_left(q, &p));
    assert_ptr_equal(p, &item[1]);
    assert_false(mr_queue_left(q, &p));
    mr_queue_free(q);
}

static void failed_queue_tells_the_first_reason(void **state)
{
    (void)state;
    mr_queue *q = queue_of(2);
    void *p;
    assert_int_equal(mr_queue_push(q, &item[0], 0), MR_OK);
    mr_error_set("disk full");
    mr_queue_fail(q, MR_EOUTPUT, NULL); /* this thread's trail */
    mr_queue_fail(q, MR_EMEM, "later");
    mr_error_clear();
    assert_int_equal(mr_queue_pop(q, &p, -1), MR_EOUTPUT); /* at once, though an item is inside */
    assert_string_equal(mr_error(), "disk full");
    mr_error_clear();
    assert_int_equal(mr_queue_push(q, &item[0], -1), MR_EOUTPUT);
    assert_string_equal(mr_error(), "disk full");
    assert_int_equal(mr_queue_join(q, -1), MR_EOUTPUT);
    mr_queue_free(q);
}

static void *pop_for_ever(void *arg)
{
    void *p;
    return (void *)(intptr_t)mr_queue_pop(arg, &p, -1);
}

static void wait_until_one_waits(mr_queue *q)
{
    double s = 0;
    while (s == 0) mr_queue_waited(q, NULL, &s); /* a wait that goes on counts already */
}

static void those_who_wait_are_woken(void **state)
{
    (void)state;
    static const mr_status want[] = {MR_ECLOSED, MR_EINPUT};
    for (int i = 0; i < 2; i++) {
        mr_queue *q = queue_of(1);
        pthread_t t;
        void *got;
        pthread_create(&t, NULL, pop_for_ever, q);
        wait_until_one_waits(q);
        if (want[i] == MR_ECLOSED)
            mr_queue_close(q);
        else
            mr_queue_fail(q, want[i], "x");
        pthread_join(t, &got);
        assert_int_equal((intptr_t)got, want[i]);
        mr_queue_free(q);
    }
}

typedef struct {
    mr_queue *q;
    long sum;
} adder;

static void *add_up(void *arg)
{
    adder *a = arg;
    void *p;
    while (mr_queue_pop(a->q, &p, -1) == MR_OK) {
        a->sum += (long)(intptr_t)p;
        mr_queue_done(a->q);
    }
    return NULL;
}

static void join_waits_for_every_acknowledgement(void **state)
{
    (void)state;
    enum { N = 1000 };
    mr_queue *q = queue_of(4);
    adder a[3] = {{q, 0}, {q, 0}, {q, 0}};
    pthread_t t[3];
    assert_int_equal(mr_queue_join(q, 0), MR_OK); /* nothing pushed, nothing to wait for */
    for (int i = 0; i < 3; i++) pthread_create(&t[i], NULL, add_up, &a[i]);
    for (intptr_t i = 1; i <= N; i++) assert_int_equal(mr_queue_push(q, (void *)i, -1), MR_OK);
    assert_int_equal(mr_queue_join(q, -1), MR_OK);
    assert_int_equal(mr_queue_len(q), 0);
    mr_queue_close(q);
    for (int i = 0; i < 3; i++) pthread_join(t[i], NULL);
    assert_int_equal(a[0].sum + a[1].sum + a[2].sum, N * (N + 1) / 2); /* each item once */
    mr_queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(waits_end_in_time),
        cmocka_unit_test(closed_queue_gives_what_is_inside_first),
        cmocka_unit_test(what_is_left_inside_goes_to_its_owner),
        cmocka_unit_test(failed_queue_tells_the_first_reason),
        cmocka_unit_test(those_who_wait_are_woken),
        cmocka_unit_test(join_waits_for_every_acknowledgement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
