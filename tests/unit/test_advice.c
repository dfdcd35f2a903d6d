/* What is legal in a config but unwise, and what is neither. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "plan/advice.h"

/* One file of 10 s at 500 Hz, 4 channels. */
static mr_catalog *one_file(void)
{
    char *name[] = {(char[]){"a.h5"}};
    const mr_strs paths = {.v = name, .n = 1};
    mr_catalog *c = NULL;
    mr_file_info f = {
        .layout = "test",
        .store = {.dtype = {MR_DT_FLOAT, 4, 0, 0}, .time_first = 1, .nt = 5000, .nc = 4},
        .size = 80000,
        .t0_ns = INT64_C(1767225600) * 1000000000,
        .nt = 5000,
        .nc = 4,
        .rate_hz = 500,
        .dx_m = 10,
        .quantity = "data",
        .unit = "counts"};
    f.t1_ns = f.t0_ns + INT64_C(9998000000);
    assert_int_equal(mr_catalog_new(&paths, &c), MR_OK);
    assert_int_equal(mr_catalog_set(c, 0, &f, 0), MR_OK);
    return c;
}

/* The advice on a chain as one text, a line each; "" for none. */
static const char *advice(const char *chain, bool with_input)
{
    static char all[4096];
    char text[1024];
    mr_config *cfg = NULL;
    mr_catalog *cat = one_file();
    mr_plan *plan = NULL;
    mr_strs out = {0};
    snprintf(text, sizeof text, "input: {files: a*.h5}\noutput: {folder: o}\nchain:\n%s", chain);
    if (mr_config_parse("c.yaml", text, NULL, 0, &cfg) != MR_OK) fail_msg("%s", mr_error());
    if (mr_plan_new(cfg, cat, SIZE_MAX / 2, 0, 1, &plan) != MR_OK) fail_msg("%s", mr_error());
    assert_int_equal(mr_advise(cfg, with_input ? plan : NULL, &out), MR_OK);
    all[0] = '\0';
    for (size_t i = 0; i < out.n; i++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s\n", out.v[i]);
    mr_strs_fini(&out);
    mr_plan_free(plan);
    mr_catalog_free(cat);
    mr_config_free(cfg);
    return all;
}

static void wise_chains_pass_in_silence(void **state)
{
    (void)state;
    static const char *const wise[] = {
        "",
        "  - bandpass: {band: 1..45 Hz}\n  - decimate: {factor: 5}\n",
        "  - highpass: {corner: 1 Hz}\n  - detrend: {window: 10 s}\n",
        "  - detrend: {window: span}\n  - bandpass: {band: 1..45 Hz}\n",
        "  - bandpass: {band: 5..50 Hz}\n  - rms: {window: 10 s, step: 1 s}\n",
        "  - lowpass: {corner: 0.5 Hz}\n  - decimate: {factor: 10}\n  - resample: {rate: 2 Hz}\n"};
    for (size_t i = 0; i < sizeof wise / sizeof *wise; i++)
        assert_string_equal(advice(wise[i], true), "");
}

static void windowed_detrend_before_a_filter_is_told_without_input(void **state)
{
    (void)state;
    const char *s =
        advice("  - detrend: {window: 10 s}\n  - abs\n  - bandpass: {band: 1..45 Hz}\n", false);
    assert_non_null(strstr(s, "c.yaml:4:5: detrend in windows of 10 s"));
    assert_non_null(strstr(s, "leave it out"));
    s = advice("  - demean: {window: 1 min}\n  - lowpass: {corner: 5 Hz}\n", false);
    assert_non_null(strstr(s, "after the filter"));
}

/* 500 Hz / 8 = 62.5 Hz; of half of that, 31.25 Hz, 0.91 pass: 28.4 Hz */
static void band_that_decimation_cuts_is_told(void **state)
{
    (void)state;
    const char *s = advice("  - bandpass: {band: 1..30 Hz}\n  - decimate: {factor: 8}\n", true);
    assert_non_null(strstr(s, "c.yaml:5:5: decimate to 62.5 Hz passes only up to 28.44 Hz"));
    assert_string_equal(advice("  - bandpass: {band: 1..28 Hz}\n  - decimate: {factor: 8}\n", true),
                        "");
    assert_string_equal(
        advice("  - bandpass: {band: 1..30 Hz}\n  - decimate: {factor: 8}\n", false), "");
    /* iir: 0.82 x 31.25 Hz = 25.6 Hz */
    s = advice("  - lowpass: {corner: 28 Hz}\n  - decimate: {factor: 8, kind: iir}\n", true);
    assert_non_null(strstr(s, "25.62 Hz"));
    s = advice("  - decimate: {factor: 5}\n  - lowpass: {corner: 48 Hz}\n", true); /* 0.91 x 50 */
    assert_non_null(strstr(s, "c.yaml:5:5: lowpass keeps up to 48 Hz"));
    s = advice("  - highpass: {corner: 40 Hz}\n  - decimate: {factor: 10}\n", true);
    assert_non_null(strstr(s, "little is left"));
    /* 100 = 10 x 10: the cascade is one step for the user, told once */
    s = advice("  - lowpass: {corner: 2.4 Hz}\n  - decimate: {factor: 100}\n", true);
    assert_ptr_equal(strstr(s, "decimate to 5 Hz"), strstr(s, "decimate"));
    assert_ptr_equal(strchr(s, '\n')[1] ? s : NULL, NULL);
}

/* Order-4 low-passes at 0.0004 Hz and 0.0002 Hz need some 12 h and 24 h; lanes are a day at most.
 */
static void context_against_the_lane_is_told(void **state)
{
    (void)state;
    assert_non_null(strstr(advice("  - lowpass: {corner: 0.0004 Hz}\n", true), "add up to"));
    assert_non_null(
        strstr(advice("  - detrend: {window: 2 d}\n", true), "more than its lane of 24:00:00"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wise_chains_pass_in_silence),
        cmocka_unit_test(windowed_detrend_before_a_filter_is_told_without_input),
        cmocka_unit_test(band_that_decimation_cuts_is_told),
        cmocka_unit_test(context_against_the_lane_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
