/* test_meeting.c: threads that meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/thread.h"

enum { THREADS = 4, ROUNDS = 200 };

typedef struct table {
    mr_meeting *m;
    atomic_int arrived, early;
} table;

/* At each meeting's end all of its round have arrived, and none of the next but one. */
static mr_status sit(void *arg, MR_UNUSED mr_future *self)
{
    table *t = arg;
    for (int round = 1; round <= ROUNDS; round++) {
        atomic_fetch_add(&t->arrived, 1);
        mr_meet(t->m, THREADS);
        const int n = atomic_load(&t->arrived);
        if (n < round * THREADS || n >= (round + 1) * THREADS) atomic_fetch_add(&t->early, 1);
    }
    return MR_OK;
}

static void nobody_goes_on_before_all_are_there(MR_UNUSED void **state)
{
    table t = {0};
    mr_crew *c = NULL;
    mr_future *f[THREADS];
    assert_int_equal(mr_meeting_new("t", &t.m), MR_OK);
    assert_int_equal(mr_crew_new("sit", THREADS, &c), MR_OK);
    for (int i = 0; i < THREADS; i++) assert_int_equal(mr_crew_submit(c, sit, &t, &f[i]), MR_OK);
    assert_int_equal(mr_wait_all(f, THREADS, 20), MR_OK);
    assert_int_equal(atomic_load(&t.early), 0);
    assert_int_equal(atomic_load(&t.arrived), THREADS * ROUNDS);
    mr_crew_free(c, false);
    for (int i = 0; i < THREADS; i++) mr_future_free(f[i]);
    mr_meeting_free(t.m);
}

static void alone_nobody_waits(MR_UNUSED void **state)
{
    mr_meeting *m = NULL;
    assert_int_equal(mr_meeting_new("t", &m), MR_OK);
    for (int i = 0; i < 3; i++) mr_meet(m, 1);
    mr_meeting_free(m);
    mr_meeting_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_goes_on_before_all_are_there),
                                       cmocka_unit_test(alone_nobody_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
