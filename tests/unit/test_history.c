/* test_history.c: rates over the whole time of a run in a bounded number of points. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "watch/history.h"

/** 3 MB/s and 2 million samples/s for so many seconds, noted every second. */
static void run_for(mr_history *h, int seconds)
{
    for (int t = 0; t <= seconds; t++)
        mr_history_note(h, 100.0 + t, 3000000ull * (uint64_t)t, 2000000ull * (uint64_t)t);
}

static double sum(const double *v, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++) s += v[i];
    return s;
}

static void nothing_is_lost_however_long_it_runs(void **state)
{
    static const int seconds[] = {1, 10, MR_HISTORY - 1, MR_HISTORY + 1, 10000};
    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        mr_history h = {0};
        run_for(&h, seconds[i]);
        assert_true(h.n <= MR_HISTORY);
        assert_true(fabs(sum(h.mb, h.n) - 3.0 * seconds[i]) < 1e-6 * seconds[i]);
        assert_true(fabs(sum(h.ms, h.n) - 2.0 * seconds[i]) < 1e-6 * seconds[i]);
        assert_true((double)h.n * h.every_s >= seconds[i]);
    }
}

static void points_are_rates(void **state)
{
    mr_history h = {0};
    mr_text t = {0};
    (void)state;
    run_for(&h, 2000); /* points of 8 s: 480 of 4 s were full at 1920 */
    assert_int_equal(mr_history_json(&h, &t), MR_OK);
    assert_non_null(strstr(t.s, "\"every_s\":8,\"mb_s\":[2.625,3,3,3,")); /* nothing at its start */
    assert_non_null(strstr(t.s, "\"msamples_s\":[1.75,2,2,2,"));
    mr_text_fini(&t);
}

static void counts_that_begin_anew_and_silence_are_no_negative_rates(void **state)
{
    mr_history h = {0};
    (void)state;
    mr_history_note(&h, 0, 0, 0);
    mr_history_note(&h, 1, 5000000, 0);
    mr_history_note(&h, 2, 1000000, 0);   /* another round: 1 MB of it */
    mr_history_note(&h, 1e5, 1000000, 0); /* a day of waiting */
    assert_true(h.n <= MR_HISTORY);
    assert_true(fabs(sum(h.mb, h.n) - 6.0) < 1e-9);
    for (size_t i = 0; i < h.n; i++) assert_true(h.mb[i] >= 0);
}

static void nothing_yet_is_an_empty_list(void **state)
{
    mr_history h = {0};
    mr_text t = {0};
    (void)state;
    assert_int_equal(mr_history_json(&h, &t), MR_OK);
    assert_string_equal(t.s, "{\"every_s\":0,\"mb_s\":[],\"msamples_s\":[]}");
    mr_text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_however_long_it_runs),
        cmocka_unit_test(points_are_rates),
        cmocka_unit_test(counts_that_begin_anew_and_silence_are_no_negative_rates),
        cmocka_unit_test(nothing_yet_is_an_empty_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
