/* The signal of made-up archives: its known answers, and that no sample depends on how it is cut.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "synth/exact.h"
#include "synth/synth.h"

static mr_synth *make(uint64_t seed, double rate_hz, uint64_t nc, double dx_m)
{
    mr_synth_spec spec = {.seed = seed, .rate_hz = rate_hz, .nc = nc, .dx_m = dx_m};
    mr_synth *s = NULL;
    assert_int_equal(mr_synth_new(&spec, &s), MR_OK);
    return s;
}

static float *rows(mr_synth *s, int64_t n0, size_t nt, size_t nc)
{
    float *v = malloc(nt * nc * sizeof *v);
    assert_non_null(v);
    assert_int_equal(mr_synth_rows(s, n0, nt, v), MR_OK);
    return v;
}

static void sine_is_right_everywhere(void **state)
{
    (void)state;
    for (int i = -4000; i <= 4000; i++) {
        double turns = i * 0.00137;
        assert_true(fabs(mr_synth_sin(turns) - sin(2 * 3.14159265358979323846 * turns)) < 1e-8);
    }
    assert_true(mr_synth_sin(0.25) == 1.0 || fabs(mr_synth_sin(0.25) - 1) < 1e-11);
    assert_true(mr_synth_sin(0.0) == 0.0);
    assert_true(fabs(mr_synth_sin(1e6 + 0.125) - sqrt(0.5)) < 1e-8);
}

static void samples_do_not_depend_on_the_cut(void **state)
{
    (void)state;
    enum { NC = 37, NT = 900 };
    mr_synth *a = make(5, 50, NC, 10), *b = make(5, 50, NC, 10);
    float *whole = rows(a, 500, NT, NC); /* 10 s .. 28 s: the quake at 12 s and a vehicle */
    static const size_t cut[] = {0, 1, 64, 65, 333, NT};
    for (size_t i = 0; i + 1 < sizeof cut / sizeof *cut; i++) {
        size_t n = cut[i + 1] - cut[i];
        float *part = rows(b, 500 + (int64_t)cut[i], n, NC);
        assert_memory_equal(part, whole + cut[i] * NC, n * NC * sizeof *part);
        free(part);
    }
    free(whole);
    mr_synth_free(a);
    mr_synth_free(b);
}

static void seed_alone_decides_the_samples(void **state)
{
    (void)state;
    mr_synth *a = make(1, 100, 8, 10), *b = make(1, 100, 8, 10), *c = make(2, 100, 8, 10);
    float *x = rows(a, 0, 50, 8), *y = rows(b, 0, 50, 8), *z = rows(c, 0, 50, 8);
    assert_memory_equal(x, y, 50 * 8 * sizeof *x);
    assert_int_not_equal(memcmp(x, z, 50 * 8 * sizeof *x), 0);
    free(x);
    free(y);
    free(z);
    mr_synth_free(a);
    mr_synth_free(b);
    mr_synth_free(c);
}

static void noise_has_the_stated_size(void **state)
{
    /* Difference of neighbouring rows removes what is slow (drift: under 0.002 a sample at 1 kHz);
     * channel 37 is badly coupled: 6 times the noise. 4000 samples give 1.1 % each, so 6 % is safe.
     */
    (void)state;
    enum { NC = 40, NT = 4000 };
    mr_synth *s = make(3, 1000, NC, 10);
    float *v = rows(s, 0, NT, NC);
    double sum = 0;
    for (size_t t = 1; t < NT; t++) {
        double d = v[t * NC + 37] - v[(t - 1) * NC + 37];
        sum += d * d;
    }
    double std = sqrt(sum / (NT - 1) / 2), stated = mr_synth_noise_std(s, 37);
    assert_true(stated > 4.7 && stated < 7.3);
    assert_true(fabs(std / stated - 1) < 0.06);
    free(v);
    mr_synth_free(s);
}

static void drift_is_its_formula(void **state)
{
    (void)state; /* at t = 75 s, x = 625 m: 40 (0.6 + 0.4) (1 + 0.5 sin(2 pi (75/97 + 0.3))) */
    mr_synth *s = make(1, 100, 100, 6.25);
    double expected = 40 * (1 + 0.5 * sin(2 * 3.14159265358979323846 * (75.0 / 97 + 0.3)));
    assert_true(fabs(mr_synth_drift(s, 75, 100) - expected) < 1e-6);
    mr_synth_free(s);
}

static void events_stand_where_they_are_stated(void **state)
{
    (void)state;
    mr_synth *s = make(1, 100, 400, 10);
    for (uint64_t k = 0; k < 20; k++) {
        mr_synth_vehicle v;
        mr_synth_quake q;
        mr_synth_vehicle_at(s, k, &v);
        mr_synth_quake_at(s, k, &q);
        assert_true(fabs(v.speed_m_s) >= 18 && fabs(v.speed_m_s) <= 30);
        assert_true(v.enter_s == 2 + 90.0 * (double)k);
        assert_true(v.speed_m_s > 0 ? v.x0_m == 0 : v.x0_m == 4000);
        assert_true(q.origin_s == 12 + 600.0 * (double)k);
        assert_true(q.x_m >= 0.2 * 4000 && q.x_m <= 0.8 * 4000);
        assert_true(q.depth_m >= 3000 && q.depth_m <= 7000);
    }
    mr_synth_free(s);
}

static void impossible_requests_are_refused(void **state)
{
    (void)state;
    static const struct {
        double rate_hz;
        uint64_t nc;
        double dx_m;
    } bad[] = {{0, 4, 10},  {1e9, 4, 10},      {100, 0, 10},  {100, 4, -1},
               {100, 4, 0}, {100, 2000000, 1}, {NAN, 4, 1.0}, {1e5, 10000, 1e6}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mr_synth *s = NULL;
        const mr_synth_spec spec = {
            .seed = 1, .rate_hz = bad[i].rate_hz, .nc = bad[i].nc, .dx_m = bad[i].dx_m};
        assert_int_equal(mr_synth_new(&spec, &s), MR_ECONFIG);
        assert_null(s);
    }
}

static void times_are_exact_for_whole_rates(void **state)
{
    (void)state; /* sample 3e9 at 3 Hz lies 1e9 s later; the third of a second rounds to the ns */
    mr_synth_spec spec = {.seed = 1, .rate_hz = 3, .nc = 1, .dx_m = 1};
    assert_int_equal(mr_synth_time_ns(&spec, 5, 3000000000), 1000000000000000005);
    assert_int_equal(mr_synth_time_ns(&spec, 0, 2), 666666667);
    spec.rate_hz = 0.5;
    assert_int_equal(mr_synth_time_ns(&spec, 0, 3), 6000000000);
}

static void bad_file_requests_are_refused(void **state)
{
    (void)state;
    mr_synth_spec spec = {.seed = 1, .rate_hz = 100, .nc = 4, .dx_m = 10};
    mr_synth_file how = {.layout = "nonsense", .dtype = {MR_DT_FLOAT, 4, 0, 0}};
    mr_synth *s = make(1, 100, 4, 10);
    assert_int_equal(mr_synth_write(s, &spec, &how, "/tmp/never.h5", 0, 10), MR_ECONFIG);
    how.layout = "prodml";
    assert_int_equal(mr_synth_write(s, &spec, &how, "/tmp/never.h5", 0, 1), MR_ECONFIG);
    assert_int_equal(mr_synth_write(s, &spec, &how, "/nowhere/at/all.h5", 0, 10), MR_EOUTPUT);
    assert_non_null(strstr(mr_error(), "/nowhere/at/all.h5"));
    assert_int_not_equal(access("/tmp/never.h5", F_OK), 0);
    mr_synth_free(s);
}

static void counts_are_scaled_and_shifted(void **state)
{
    (void)state;
    double k, b;
    mr_synth_scale((mr_dtype){MR_DT_INT, 2, 0, 0}, &k, &b);
    assert_true(k == 100 && b == 0);
    mr_synth_scale((mr_dtype){MR_DT_UINT, 1, 0, 0}, &k, &b);
    assert_true(k == 0.5 && b == 128);
    mr_synth_scale((mr_dtype){MR_DT_FLOAT, 8, 0, 0}, &k, &b);
    assert_true(k == 1 && b == 0);
    assert_string_equal(mr_synth_layouts()[0], "prodml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sine_is_right_everywhere),
        cmocka_unit_test(samples_do_not_depend_on_the_cut),
        cmocka_unit_test(seed_alone_decides_the_samples),
        cmocka_unit_test(noise_has_the_stated_size),
        cmocka_unit_test(drift_is_its_formula),
        cmocka_unit_test(events_stand_where_they_are_stated),
        cmocka_unit_test(impossible_requests_are_refused),
        cmocka_unit_test(times_are_exact_for_whole_rates),
        cmocka_unit_test(bad_file_requests_are_refused),
        cmocka_unit_test(counts_are_scaled_and_shifted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
