/* test_pool.c: the pool of large buffers. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/thread.h"
#include <string.h>

enum { BYTES = 10000 };

static mr_pool *pool_of(size_t n)
{
    mr_pool *p = NULL;
    assert_int_equal(mr_pool_new("p", n, BYTES, &p), MR_OK);
    return p;
}

static void gives_each_buffer_to_one_borrower(void **state)
{
    (void)state;
    mr_pool *p = pool_of(2);
    void *a, *b, *c;
    assert_int_equal(mr_pool_take(p, &a, 0), MR_OK);
    assert_int_equal(mr_pool_take(p, &b, 0), MR_OK);
    assert_ptr_not_equal(a, b);
    memset(a, 1, BYTES);
    memset(b, 2, BYTES);
    assert_int_equal(((char *)a)[BYTES - 1], 1); /* they do not overlap */
    assert_int_equal(mr_pool_take(p, &c, 0.002), MR_ETIMEOUT);
    assert_true(mr_pool_waited(p) >= 0.002);
    mr_pool_give(p, a);
    assert_int_equal(mr_pool_take(p, &c, -1), MR_OK);
    assert_ptr_equal(c, a);
    mr_pool_give(p, b);
    mr_pool_give(p, c);
    mr_pool_free(p);
    mr_pool_free(NULL);
}

static void fails_and_closes_like_a_queue(void **state)
{
    (void)state;
    mr_pool *p = pool_of(1), *q = pool_of(1);
    void *b, *c;
    assert_int_equal(mr_pool_take(p, &b, 0), MR_OK);
    mr_pool_close(p);
    assert_int_equal(mr_pool_take(p, &c, -1), MR_ECLOSED);
    mr_pool_give(p, b); /* may still come back */
    mr_pool_fail(q, MR_EINPUT, "bad");
    assert_int_equal(mr_pool_take(q, &c, -1), MR_EINPUT);
    assert_string_equal(mr_error(), "bad");
    mr_pool_free(p);
    mr_pool_free(q);
}

static void refuses_what_no_machine_has(void **state)
{
    (void)state;
    mr_pool *p = NULL;
    assert_int_equal(mr_pool_new("huge", 2, SIZE_MAX / 4, &p), MR_EMEM);
    assert_null(p);
    assert_non_null(strstr(mr_error(), "huge"));
}

/* What was used last is used again: the pool's other buffers are not touched. */
static void the_warmest_comes_first(MR_UNUSED void **state)
{
    mr_pool *p = NULL;
    void *a, *b, *again;
    assert_int_equal(mr_pool_new("p", 3, 4096, &p), MR_OK);
    assert_int_equal(mr_pool_take(p, &a, 0), MR_OK);
    assert_int_equal(mr_pool_take(p, &b, 0), MR_OK);
    mr_pool_give(p, b);
    mr_pool_give(p, a);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mr_pool_take(p, &again, 0), MR_OK);
        assert_ptr_equal(again, a);
        mr_pool_give(p, again);
    }
    mr_pool_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_warmest_comes_first),
        cmocka_unit_test(gives_each_buffer_to_one_borrower),
        cmocka_unit_test(fails_and_closes_like_a_queue),
        cmocka_unit_test(refuses_what_no_machine_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
