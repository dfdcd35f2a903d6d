/* UTC in and out. Expected seconds are those of Python's datetime. */
#include "base/utc.h"
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#define S INT64_C(1000000000)

static void parses(const char *text, int64_t want)
{
    int64_t ns = -1;
    if (mr_utc_parse(text, &ns) != MR_OK) fail_msg("%s: %s", text, mr_error());
    if (ns != want) fail_msg("%s gives %lld", text, (long long)ns);
}

static void times_are_read(MR_UNUSED void **state)
{
    parses("1970-01-01", 0);
    parses("2026-01-01T00:00:00Z", 1767225600 * S);
    parses("2026-01-01 00:00:00", 1767225600 * S);
    parses("2026-01-01T00:00", 1767225600 * S);
    parses("2026-01-01T01:30:00+01:30", 1767225600 * S);
    parses("2025-12-31T19:00:00-0500", 1767225600 * S);
    parses("2025-12-31T19:00:00-05", 1767225600 * S);
    parses("2024-02-29T00:00:00Z", 1709164800 * S);
    parses("2000-02-29", 951782400 * S);
    parses("1900-03-01", -2203891200 * S);
    parses("1969-12-31T23:59:59.5Z", -S / 2);
    parses("2016-03-21T12:30:05.123456789Z", 1458563405 * S + 123456789);
    parses("2016-03-21T12:30:05.1234567894Z", 1458563405 * S + 123456789);
    parses("2016-03-21T12:30:05.1234567895Z", 1458563405 * S + 123456790);
    parses("2016-03-21T12:30:05.9999999999Z", 1458563406 * S); /* rounds into the next second */
}

static void what_is_no_time_is_refused(MR_UNUSED void **state)
{
    const char *const bad[] = {"",
                               "today",
                               "2026",
                               "2026-1-1",
                               "2026-13-01",
                               "2026-02-29",
                               "1900-02-29",
                               "2026-04-31",
                               "2026-01-00",
                               "2026-01-01T24:00:00Z",
                               "2026-01-01T00:60:00Z",
                               "2026-01-01T00:00:60Z",
                               "2026-01-01T00:00:00.Z",
                               "2026-01-01T00:00:00Zx",
                               "2026-01-01T00:00:00+25:00",
                               "2026-01-01T00:00:00+01:",
                               "2026-01-01T",
                               "2200-01-01",
                               "1700-01-01",
                               "0000-01-01",
                               "2026-01-01T00:00:00Z "};
    int64_t ns = -7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (mr_utc_parse(bad[i], &ns) != MR_ECONFIG) fail_msg("'%s' is accepted", bad[i]);
    assert_true(ns == -7);
    assert_int_equal(mr_utc_parse("2026-02-30", &ns), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "not in the calendar"));
    assert_int_equal(mr_utc_parse("noon", &ns), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "write 2026-01-31T12:00:00Z"));
}

static void scans(const char *name, const char *pattern, int64_t want)
{
    int64_t ns = -1;
    if (mr_utc_scan(name, pattern, &ns) != MR_OK) fail_msg("%s: %s", name, mr_error());
    if (ns != want) fail_msg("%s gives %lld", name, (long long)ns);
}

static void times_are_found_in_names(MR_UNUSED void **state)
{
    const int64_t t = 1458563405 * S; /* 2016-03-21T12:30:05Z, day 81 */
    scans("PoroTomo_iDAS_160321.h5_20160321T123005", "%Y%m%dT%H%M%S", t);
    scans("a_2016-03-21_12.30.05.25.h5", "%Y-%m-%d_%H.%M.%S.%f", t + S / 4);
    scans("x2016081T123005Z", "%Y%jT%H%M%S", t);
    scans("das.1458563405.h5", ".%s.", t);
    scans("99920160321_20160321.h5", "%Y%m%d", 1458518400 * S); /* not within a longer number */
    scans("r_160321_123005.h5", "%y%m%d_%H%M%S", t);
    scans("r_21Mar2016_123005.h5", "%d%b%Y_%H%M%S", t);
    scans("r_20160321T143005+0200.h5", "%Y%m%dT%H%M%S%z", t);
    scans("r_20160321T123005-xy.h5", "%Y%m%dT%H%M%S", t);
    scans("das_h5v2_1458563405_1.h5", "%s", t);
    scans("das_1458563405250.h5", "%Q", t + S / 4);
    int64_t path_ns;
    assert_int_equal(mr_utc_scan_path("/x/2016-03-21/12-30-05.h5", "%Y-%m-%d/%H-%M-%S", &path_ns),
                     MR_OK);
    assert_true(path_ns == t);
    assert_int_equal(mr_utc_scan_path("/2016-03-21/a.h5", "%Y-%m-%d", &path_ns), MR_EINPUT);
    scans("100%2016-03-21", "100%%%Y-%m-%d", 1458518400 * S);
    int64_t ns = -7;
    assert_int_equal(mr_utc_scan("nothing.h5", "%Y%m%d", &ns), MR_EINPUT);
    assert_int_equal(mr_utc_scan("", "%Y%m%d", &ns), MR_EINPUT);
    assert_int_equal(mr_utc_scan("99999999999999999999999999", "%s", &ns), MR_EINPUT);
    assert_int_equal(mr_utc_scan("2016", "%Y", &ns), MR_ECONFIG);
    assert_int_equal(mr_utc_scan("99920160321.h5", "%Y%m%d", &ns), MR_EINPUT);
    assert_int_equal(mr_utc_scan("a_14585634051.h5", "%s", &ns), MR_EINPUT); /* 11 digits */
    assert_int_equal(mr_utc_scan("20160321_20160322.h5", "%Y%m%d", &path_ns), MR_EINPUT);
    assert_non_null(strstr(mr_error(), "two times"));
    assert_int_equal(mr_utc_scan("20160321T123005+0100", "%Y%m%dT%H%M%S", &path_ns), MR_EINPUT);
    assert_non_null(strstr(mr_error(), "add %z"));
    assert_int_equal(mr_utc_zone_parse("-03:30", &path_ns), MR_OK);
    assert_true(path_ns == -(3 * 60 + 30) * 60 * S);
    assert_int_equal(mr_utc_zone_parse("Berlin", &path_ns), MR_ECONFIG);
    assert_int_equal(mr_utc_pattern_check("%Y%m%d%Q"), MR_ECONFIG);
    assert_int_equal(mr_utc_pattern_check("%Y%y%m%d"), MR_ECONFIG);
    assert_int_equal(mr_utc_pattern_check("%Y%m%d%"), MR_ECONFIG);
    assert_int_equal(mr_utc_pattern_check("%Y%m%d%Y"), MR_ECONFIG);
    assert_int_equal(mr_utc_pattern_check("%s%Y%m%d"), MR_ECONFIG);
    assert_int_equal(mr_utc_pattern_check("%Y%m%dT%H%M%S"), MR_OK);
    assert_true(ns == -7);
}

static void times_are_written(MR_UNUSED void **state)
{
    char buf[40];
    assert_string_equal(mr_utc_iso(0, buf), "1970-01-01T00:00:00.000000000Z");
    assert_string_equal(mr_utc_iso(-1, buf), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(mr_utc_iso(1767225600 * S + 300 * S, buf),
                        "2026-01-01T00:05:00.000000000Z");
    assert_string_equal(mr_utc_compact(1767225900 * S + 5, buf), "20260101T000500.000000005Z");
    assert_string_equal(mr_utc_date(1709164800 * S, buf), "2024-02-29");
    assert_string_equal(mr_utc_date(-2203891200 * S, buf), "1900-03-01");
    /* there and back over the whole range, every 1000 days and a bit */
    for (int64_t t = -4600000000 * S; t < 4600000000 * S; t += 86400007 * S + 12345) {
        int64_t back = 0;
        assert_int_equal(mr_utc_parse(mr_utc_iso(t, buf), &back), MR_OK);
        assert_true(back == t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(times_are_found_in_names),
        cmocka_unit_test(times_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
