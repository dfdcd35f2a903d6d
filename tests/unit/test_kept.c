/* tests/unit/test_kept.c: lanes that stay: what a lane says of itself, the list of those whose
 * inputs are gone, a lane moved out of another's place. */
#include "out/digests.h"
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>

#define STEM "lanes/2026-01-01/20260101T000000.000000000Z_c00100-00140"
#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */

static const mr_series fibre = {
    .what = {"000102030405060708090a0b0c0d0e0f"}, .rate_hz = 500, .dx_m = 1.02, .gauge_m = 10};

static void series_are_told_apart_by_rate_and_kind(void **state)
{
    (void)state;
    mr_series s = fibre;
    s.rate_hz = 500.4; /* 0.08 %: a clock */
    assert_true(mr_series_same(&s, &fibre));
    s.rate_hz = 501; /* 0.2 %: another rate */
    assert_false(mr_series_same(&s, &fibre));
    s = fibre;
    s.what.hex[0] = 'f';
    assert_false(mr_series_same(&s, &fibre));
    assert_true(mr_series_near(&s, &fibre));
}

static void a_lane_says_which_it_is(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_digest d;
    bool adopted;
    mr_lane_self self;
    mr_text lines = {0};
    lane_sample *s = lane_sample_new(sample_folder(dir), STEM "_2.h5", T0);
    s->spec.series = fibre;
    assert_int_equal(lane_sample_write(s, 100, &d, &adopted), MR_OK);
    snprintf(path, sizeof path, "%s/" STEM "_2.h5", dir);
    assert_int_equal(mr_inputs_read(path, &self, &lines), MR_OK);
    assert_true(mr_series_same(&self.series, &fibre));
    assert_string_equal(self.stem, STEM);
    assert_string_equal(lines.s, "");
    assert_true(mr_lane_self_fits(&self, STEM ".h5"));
    assert_true(mr_lane_self_fits(&self, STEM "_17.h5"));
    assert_false(mr_lane_self_fits(&self, STEM "_x.h5"));
    assert_false(mr_lane_self_fits(&self, "lanes/20260101T000000.000000000Z_c00100-00140.h5"));
    mr_text_fini(&lines);
    sample_remove(dir);
    free(s);
}

static void a_file_that_says_nothing_is_no_lane(void **state)
{
    (void)state;
    char dir[64], path[100];
    mr_lane_self self;
    snprintf(path, sizeof path, "%s/x.h5", sample_folder(dir));
    assert_int_equal(mr_write_durably(path, "no lane", 7), MR_OK);
    assert_int_equal(mr_inputs_read(path, &self, NULL), MR_EVERIFY);
    sample_remove(dir);
}

static void the_list_comes_back_sorted_and_goes_when_empty(void **state)
{
    (void)state;
    char dir[64], path[100];
    mr_kept k = {0}, back = {0}, none = {0};
    struct stat sb;
    const mr_digest a = mr_digest_of("a", 1), b = mr_digest_of("b", 1);
    snprintf(path, sizeof path, "%s/.millrace", sample_folder(dir));
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(mr_kept_add(&k, "lanes/d/2.h5", &b), MR_OK);
    assert_int_equal(mr_kept_add(&k, "lanes/d/1.h5", &a), MR_OK);
    assert_int_equal(mr_kept_write(dir, &k), MR_OK);
    assert_int_equal(mr_kept_read(dir, &back), MR_OK);
    assert_int_equal(back.n, 2);
    assert_string_equal(back.v[0].rel, "lanes/d/1.h5");
    assert_string_equal(mr_kept_find(&back, "lanes/d/2.h5")->checksum.hex, b.hex);
    assert_null(mr_kept_find(&back, "lanes/d/3.h5"));
    assert_int_equal(mr_kept_write(dir, &none), MR_OK);
    snprintf(path, sizeof path, "%s/.millrace/kept.sum", dir);
    assert_int_not_equal(stat(path, &sb), 0);
    mr_kept_fini(&k);
    mr_kept_fini(&back);
    sample_remove(dir);
}

static void a_damaged_list_is_said(void **state)
{
    (void)state;
    static const char *const bad[] = {"x", "000102030405060708090a0b0c0d0e0f  lanes/d/1.h5",
                                      "000102030405060708090a0b0c0d0e0g  lanes/d/1.h5\n",
                                      "000102030405060708090a0b0c0d0e0f  report.json\n"};
    char dir[64], path[100];
    snprintf(path, sizeof path, "%s/.millrace", sample_folder(dir));
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/.millrace/kept.sum", dir);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mr_kept k = {0};
        assert_int_equal(mr_write_durably(path, bad[i], strlen(bad[i])), MR_OK);
        assert_int_equal(mr_kept_read(dir, &k), MR_EVERIFY);
        mr_kept_fini(&k);
    }
    sample_remove(dir);
}

static bool second(void *arg, const char *rel)
{
    (void)arg;
    return strcmp(rel, STEM "_2.h5") == 0;
}

static void a_lane_moves_to_a_free_name(void **state)
{
    (void)state;
    char dir[64], *now = NULL;
    mr_digest d;
    bool adopted;
    for (int i = 0; i < 2; i++) { /* _2 is claimed, _3 is free the first time */
        lane_sample *s = lane_sample_new(i ? dir : sample_folder(dir), STEM ".h5", T0);
        assert_int_equal(lane_sample_write(s, 100, &d, &adopted), MR_OK);
        assert_int_equal(mr_lane_aside(dir, STEM ".h5", second, NULL, &now), MR_OK);
        assert_string_equal(now, i ? STEM "_4.h5" : STEM "_3.h5");
        free(now);
        free(s);
    }
    assert_int_equal(mr_lane_aside(dir, STEM ".h5", second, NULL, &now), MR_EOUTPUT);
    sample_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_are_told_apart_by_rate_and_kind),
        cmocka_unit_test(a_lane_says_which_it_is),
        cmocka_unit_test(a_file_that_says_nothing_is_no_lane),
        cmocka_unit_test(the_list_comes_back_sorted_and_goes_when_empty),
        cmocka_unit_test(a_damaged_list_is_said),
        cmocka_unit_test(a_lane_moves_to_a_free_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
