/* Numbers with units: values exact, refusals say what to write instead. */
#include "base/quantity.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void has(const char *part)
{
    if (!strstr(mr_error(), part)) fail_msg("'%s' is not in: %s", part, mr_error());
}

static void gives(const char *text, mr_dim dim, double want)
{
    double v = -1;
    if (mr_quantity_parse(text, dim, &v) != MR_OK) fail_msg("%s: %s", text, mr_error());
    if (v != want) fail_msg("%s gives %.17g, not %.17g", text, v, want);
}

static void refused(const char *text, mr_dim dim, const char *part)
{
    double v = -7;
    mr_error_clear();
    assert_int_equal(mr_quantity_parse(text, dim, &v), MR_ECONFIG);
    assert_true(v == -7); /* untouched */
    has(part);
}

static void every_unit_gives_its_value(MR_UNUSED void **state)
{
    /* literals on the right are the correctly rounded doubles of the same decimals */
    gives("5 ns", MR_DIM_TIME, 5e-9);
    gives("0.1us", MR_DIM_TIME, 1e-7);
    gives("2.5 ms", MR_DIM_TIME, 2.5e-3);
    gives("0.3 ms", MR_DIM_TIME, 3e-4);
    gives(" 60 s ", MR_DIM_TIME, 60);
    gives("1.5 min", MR_DIM_TIME, 90);
    gives("2 h", MR_DIM_TIME, 7200);
    gives("1 d", MR_DIM_TIME, 86400);
    gives("100 mHz", MR_DIM_FREQ, 0.1);
    gives("45 Hz", MR_DIM_FREQ, 45);
    gives("1e-1kHz", MR_DIM_FREQ, 100);
    gives("5 mm", MR_DIM_LENGTH, 0.005);
    gives("-3 m", MR_DIM_LENGTH, -3);
    gives("1.2 km", MR_DIM_LENGTH, 1200);
    gives("512 B", MR_DIM_BYTES, 512);
    gives("3 KiB", MR_DIM_BYTES, 3072);
    gives("1 MiB", MR_DIM_BYTES, 1048576);
    gives("2 GiB", MR_DIM_BYTES, 2147483648.0);
    gives("50 %", MR_DIM_PERCENT, 0.5);
    gives("7%", MR_DIM_PERCENT, 0.07);
    gives("-1.25e3", MR_DIM_NONE, -1250);
    gives(".5", MR_DIM_NONE, 0.5);
}

static void refusals_say_what_to_write(MR_UNUSED void **state)
{
    refused("60", MR_DIM_TIME, "did you mean 60 s?");
    refused("45", MR_DIM_FREQ, "did you mean 45 Hz?");
    refused("2", MR_DIM_BYTES, "did you mean 2 GiB?");
    refused("512", MR_DIM_BYTES, "did you mean 512 MiB?");
    refused("10 sec", MR_DIM_TIME, "did you mean 10 s?");
    refused("10 hz", MR_DIM_FREQ, "did you mean 10 Hz?");
    refused("10 Hx", MR_DIM_FREQ, "did you mean 10 Hz?");
    refused("4 GB", MR_DIM_BYTES, "did you mean 4 GiB?");
    refused("4 lightyears", MR_DIM_LENGTH, "(units: mm m km)");
    refused("10 s", MR_DIM_FREQ, "'10 s' is a time; a frequency is needed (units: mHz Hz kHz)");
    refused("10 s", MR_DIM_NONE, "without unit");
    refused("10 apples", MR_DIM_NONE, "'apples' is too much");
    refused("", MR_DIM_TIME, "a number and a unit are needed");
    refused("", MR_DIM_NONE, "is not a number");
    refused("ten s", MR_DIM_TIME, "a number and a unit are needed");
    refused("10 s s", MR_DIM_TIME, "'s' is left over");
    refused("1..2 Hz", MR_DIM_FREQ, "left over");
    refused("0x10 s", MR_DIM_TIME, "unit 'x' is not known");
    refused("nan", MR_DIM_NONE, "is not a number");
    refused("inf Hz", MR_DIM_FREQ, "a number and a unit are needed");
    refused("1e999", MR_DIM_NONE, "beyond the range");
    refused("1e99999999999 s", MR_DIM_TIME, "beyond the range");
    refused("5 \xc2\xb5s", MR_DIM_TIME, "unit '\xc2\xb5s' is not known"); /* micro sign */
}

static void a_huge_text_is_refused_in_one_short_line(MR_UNUSED void **state)
{
    static char text[60001];
    memset(text, '9', 60000);
    refused(text, MR_DIM_NONE, "beyond the range");
    assert_true(strlen(mr_error()) < 200);
    memset(text, 'z', 60000);
    text[0] = '1';
    refused(text, MR_DIM_TIME, "is not known");
    assert_true(strlen(mr_error()) < 300);
}

static void range_is(const char *text, mr_dim dim, double a, double b)
{
    double lo = 0, hi = 0;
    if (mr_range_parse(text, dim, &lo, &hi) != MR_OK) fail_msg("%s: %s", text, mr_error());
    assert_true(lo == a && hi == b);
}

static void range_refused(const char *text, mr_dim dim, const char *part)
{
    double lo = -7, hi = -8;
    mr_error_clear();
    assert_int_equal(mr_range_parse(text, dim, &lo, &hi), MR_ECONFIG);
    assert_true(lo == -7 && hi == -8);
    has(part);
}

static void ranges_share_the_unit_at_their_end(MR_UNUSED void **state)
{
    range_is("1..45 Hz", MR_DIM_FREQ, 1, 45);
    range_is("1 Hz .. 2 kHz", MR_DIM_FREQ, 1, 2000);
    range_is("1.2..3.4 km", MR_DIM_LENGTH, 1200, 3400);
    range_is("300..10000 m/s", MR_DIM_SPEED, 300, 10000);
    range_is("0.3..6 km/s", MR_DIM_SPEED, 300, 6000);
    range_is("0.5 .. 1.5Hz", MR_DIM_FREQ, 0.5, 1.5);
    range_is("100..900", MR_DIM_NONE, 100, 900);
    range_is("-1..1", MR_DIM_NONE, -1, 1);
    range_refused("45..1 Hz", MR_DIM_FREQ, "did you mean 1..45 Hz?");
    range_refused("1 kHz..2 Hz", MR_DIM_FREQ, "runs backwards");
    range_refused("5..5 Hz", MR_DIM_FREQ, "is empty");
    range_refused("1..45", MR_DIM_FREQ, "did you mean 1..45 Hz?");
    range_refused("1 mHz..45", MR_DIM_FREQ, "did you mean 1..45 mHz?");
    range_refused("1..45 s", MR_DIM_FREQ, "is a time; a frequency is needed");
    range_refused("1-30 Hz", MR_DIM_FREQ, "is no range: did you mean 1..30 Hz?");
    range_refused("1 kHz to 2 kHz", MR_DIM_FREQ, "did you mean 1..2 kHz?");
    range_refused("1:30", MR_DIM_FREQ, "did you mean 1..30 Hz?");
    range_refused("100-900", MR_DIM_NONE, "did you mean 100..900?");
    range_refused("all", MR_DIM_FREQ, "is no range: write 1..45 Hz");
    range_refused("1...45 Hz", MR_DIM_FREQ, "is no range");
    range_refused("..45 Hz", MR_DIM_FREQ, "is no range");
    range_refused("1..", MR_DIM_NONE, "is no range: write 1..45");
    range_refused("1..2..3", MR_DIM_NONE, "left over");
    range_refused("1..1e999", MR_DIM_NONE, "beyond");
}

static void durations_are_exact_nanoseconds(MR_UNUSED void **state)
{
    int64_t ns = -1;
    assert_int_equal(mr_duration_parse("60 s", &ns), MR_OK);
    assert_int_equal(ns, INT64_C(60000000000));
    assert_int_equal(mr_duration_parse("0.1 s", &ns), MR_OK);
    assert_int_equal(ns, 100000000);
    assert_int_equal(mr_duration_parse("1.000000001 s", &ns), MR_OK);
    assert_int_equal(ns, 1000000001);
    assert_int_equal(mr_duration_parse("2.5 min", &ns), MR_OK);
    assert_int_equal(ns, INT64_C(150000000000));
    assert_int_equal(mr_duration_parse("0.25 h", &ns), MR_OK);
    assert_int_equal(ns, INT64_C(900000000000));
    assert_int_equal(mr_duration_parse("365 d", &ns), MR_OK);
    assert_int_equal(ns, INT64_C(365) * 86400 * 1000000000);
    assert_int_equal(mr_duration_parse("1e3 us", &ns), MR_OK);
    assert_int_equal(ns, 1000000);
    assert_int_equal(mr_duration_parse("-5 ns", &ns), MR_OK);
    assert_int_equal(ns, -5);
    assert_int_equal(mr_duration_parse("0.0 s", &ns), MR_OK);
    assert_int_equal(ns, 0);
    assert_int_equal(mr_duration_parse("60.000000000000 s", &ns), MR_OK);
    assert_int_equal(ns, INT64_C(60000000000));
    assert_int_equal(mr_duration_parse("0.5 ns", &ns), MR_ECONFIG);
    has("whole number of nanoseconds");
    assert_int_equal(mr_duration_parse("1e-99999 s", &ns), MR_ECONFIG);
    assert_int_equal(mr_duration_parse("1e99999 s", &ns), MR_ECONFIG);
    assert_int_equal(mr_duration_parse("99999 d", &ns), MR_ECONFIG);
    assert_int_equal(mr_duration_parse("60", &ns), MR_ECONFIG);
    has("did you mean 60 s?");
    assert_int_equal(ns, INT64_C(60000000000)); /* untouched by the refusals */
}

static void integers_are_whole_and_fit(MR_UNUSED void **state)
{
    int64_t v = -1;
    assert_int_equal(mr_int_parse("0", &v), MR_OK);
    assert_int_equal(v, 0);
    assert_int_equal(mr_int_parse("9223372036854775807", &v), MR_OK);
    assert_true(v == INT64_MAX);
    const char *const bad[] = {"", "-1", "1.5", "9223372036854775808", "1e3", "0x10", " 1", "one"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(mr_int_parse(bad[i], &v), MR_ECONFIG);
    assert_true(v == INT64_MAX);
}

static void sizes_and_times_print_short(MR_UNUSED void **state)
{
    char buf[32];
    assert_string_equal(mr_fmt_bytes(0, buf), "0 B");
    assert_string_equal(mr_fmt_bytes(512, buf), "512 B");
    assert_string_equal(mr_fmt_bytes(1536, buf), "1.5 KiB");
    assert_string_equal(mr_fmt_bytes(2147483648.0, buf), "2.0 GiB");
    assert_string_equal(mr_fmt_bytes(345.0 * 1048576, buf), "345 MiB");
    assert_string_equal(mr_fmt_hms(100, buf), "00:01:40");
    assert_string_equal(mr_fmt_hms(-1, buf), "00:00:00");
    assert_string_equal(mr_fmt_hms(360000, buf), "100:00:00");
    assert_true(strlen(mr_fmt_hms(1e300, buf)) < 32);
    assert_string_equal(mr_dim_unit(MR_DIM_FREQ), "Hz");
    assert_string_equal(mr_dim_unit(MR_DIM_NONE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unit_gives_its_value),
        cmocka_unit_test(refusals_say_what_to_write),
        cmocka_unit_test(a_huge_text_is_refused_in_one_short_line),
        cmocka_unit_test(ranges_share_the_unit_at_their_end),
        cmocka_unit_test(durations_are_exact_nanoseconds),
        cmocka_unit_test(integers_are_whole_and_fit),
        cmocka_unit_test(sizes_and_times_print_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
