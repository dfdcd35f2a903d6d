/* What the summary names as the bottleneck. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "report/report.h"

static void the_bottleneck_is_what_the_time_went_to(void **state)
{
    (void)state;
    static const struct {
        mr_account a;
        const char *want;
    } rows[] = {
        {{.wall_s = 10, .survey_s = 1, .finish_s = 1, .t = {.compute_s = 8}}, "computing"},
        {{.wall_s = 10, .survey_s = 6, .t = {.wait_read_s = 9}}, "surveying"},
        {{.wall_s = 10, .finish_s = 6, .t = {.wait_read_s = 9}}, "finishing"},
        {{.wall_s = 10, .survey_s = 5, .finish_s = 5, .t = {.compute_s = 1}}, "computing"},
        /* sums over ranks: more than the wall time; a fifth of computing matters */
        {{.wall_s = 10, .t = {.compute_s = 70, .wait_read_s = 13}}, "computing"},
        {{.wall_s = 10, .t = {.compute_s = 70, .wait_read_s = 14}}, "reading"},
        {{.wall_s = 10, .t = {.compute_s = 70, .wait_out_s = 14, .wait_read_s = 13}}, "writing"},
        {{.wall_s = 10, .t = {.compute_s = 40, .wait_out_s = 20, .wait_read_s = 20}}, "reading"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(mr_bottleneck(&rows[i].a), rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_bottleneck_is_what_the_time_went_to)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
