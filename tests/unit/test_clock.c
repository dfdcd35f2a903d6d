/* Wall and processor time of a thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/base.h"
#include <unistd.h>

static void work_takes_at_least_as_long_as_the_core_was_held(void **state)
{
    (void)state;
    const double t0 = mr_now(), c0 = mr_now_cpu();
    while (mr_now_cpu() - c0 < 0.002)
        ;
    const double cpu = mr_now_cpu() - c0, wall = mr_now() - t0;
    assert_true(wall >= 0.002 - 0.0001); /* both clocks tick in ns; 5 % for their slewing */
    assert_true(cpu >= 0.002);
}

static void waiting_holds_no_core(void **state)
{
    (void)state;
    const double t0 = mr_now(), c0 = mr_now_cpu();
    usleep(20000);
    const double cpu = mr_now_cpu() - c0, wall = mr_now() - t0;
    assert_true(wall >= 0.02);
    assert_true(cpu < 0.5 * wall); /* the call itself takes microseconds */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_takes_at_least_as_long_as_the_core_was_held),
        cmocka_unit_test(waiting_holds_no_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
