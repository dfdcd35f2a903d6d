/* What the figures of a channel's intervals come to together, and which channels are bad. */
#include "cli/quality/quality.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The figures of x[n] by their definitions; what is NaN is left out. */
static mr_figures of(const double *x, size_t n)
{
    mr_figures f = {0};
    double some = 0, sum = 0, m[5] = {0}, lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        some++;
        sum += x[i];
        lo = fmin(lo, x[i]);
        hi = fmax(hi, x[i]);
    }
    const double mean = sum / some;
    for (size_t i = 0; i < n; i++)
        for (int k = 2; k < 5 && !isnan(x[i]); k++) m[k] += pow(x[i] - mean, k) / some;
    f.v[MR_Q_N] = (double)n;
    f.v[MR_Q_NAN] = 1 - some / (double)n;
    f.v[MR_Q_MIN] = some > 0 ? lo : NAN;
    f.v[MR_Q_MAX] = some > 0 ? hi : NAN;
    f.v[MR_Q_MEAN] = mean;
    f.v[MR_Q_RMS] = sqrt(mean * mean + m[2]);
    f.v[MR_Q_STD] = sqrt(m[2]);
    f.v[MR_Q_SKEWNESS] = m[3] / pow(m[2], 1.5);
    f.v[MR_Q_KURTOSIS] = m[4] / (m[2] * m[2]) - 3;
    for (int k = MR_Q_POWER; k < MR_Q_FIGURES; k++) f.v[k] = some > 0 ? m[2] : NAN;
    return f;
}

static void near(const mr_figures *a, const mr_figures *b, int last)
{
    for (int k = 0; k < last; k++)
        if (!(fabs(a->v[k] - b->v[k]) <= 1e-9 * (1 + fabs(b->v[k]))) &&
            !(isnan(a->v[k]) && isnan(b->v[k])))
            fail_msg("figure %d: %g, not %g", k, a->v[k], b->v[k]);
}

/* In two, in three, with an interval that is lost, in either order: as if there were one. */
static void intervals_together_are_as_one(void **state)
{
    enum { N = 60 };
    double x[N];
    (void)state;
    for (int i = 0; i < N; i++) x[i] = 100 + (i * 37 % 17) * (i % 5 == 0 ? -3.0 : 1.0);
    for (int i = 20; i < 30; i++) x[i] = NAN;
    x[45] = NAN;
    const size_t cut[][2] = {{0, 60}, {13, 60}, {20, 30}, {25, 50}, {1, 59}};
    const mr_figures want = of(x, N);
    for (size_t k = 0; k < sizeof cut / sizeof *cut; k++) {
        mr_figures parts[] = {of(x, cut[k][0]), of(x + cut[k][0], cut[k][1] - cut[k][0]),
                              of(x + cut[k][1], N - cut[k][1])};
        mr_figures there = {0}, back = {0};
        for (int i = 0; i < 3; i++) {
            if (!(parts[i].v[MR_Q_N] > 0)) parts[i] = (mr_figures){0};
            mr_figures_merge(&there, &parts[i]);
        }
        for (int i = 2; i >= 0; i--) mr_figures_merge(&back, &parts[i]);
        near(&there, &want, MR_Q_POWER);
        near(&back, &want, MR_Q_POWER);
    }
}

/* Shares are weighed by all samples, powers by those that are finite. */
static void shares_and_powers_are_weighed(void **state)
{
    mr_figures a = {.v = {[MR_Q_N] = 100, [MR_Q_CLIPPED] = 0.1, [MR_Q_POWER] = 4, [MR_Q_STD] = 1}};
    const mr_figures b = {.v = {[MR_Q_N] = 400,
                                [MR_Q_NAN] = 0.25,
                                [MR_Q_CONSTANT] = 0.5,
                                [MR_Q_POWER] = 8,
                                [MR_Q_STD] = 1}};
    (void)state;
    mr_figures_merge(&a, &b);
    assert_true(a.v[MR_Q_N] == 500);
    assert_true(fabs(a.v[MR_Q_NAN] - 0.2) < 1e-12);      /* 100 of 500 */
    assert_true(fabs(a.v[MR_Q_CLIPPED] - 0.02) < 1e-12); /* 10 of 500 */
    assert_true(fabs(a.v[MR_Q_CONSTANT] - 0.4) < 1e-12); /* 200 of 500 */
    assert_true(fabs(a.v[MR_Q_POWER] - 7) < 1e-12);      /* 100 of 4, 300 of 8 */
}

static mr_channel sound(void)
{
    return (mr_channel){.f = {{[MR_Q_N] = 1000, [MR_Q_STD] = 1, [MR_Q_KURTOSIS] = 0.1}}};
}

static void each_fault_has_its_word(void **state)
{
    enum { N = 12 };
    mr_channel c[N];
    size_t n = 0;
    (void)state;
    for (int i = 0; i < N; i++) c[i] = sound();
    c[0].f = (mr_figures){0};      /* not there */
    c[1].f.v[MR_Q_NAN] = 0.5;      /* half */
    c[2].f.v[MR_Q_CONSTANT] = 0.5; /* half */
    c[3].f.v[MR_Q_STD] = 0.01;     /* a hundredth of the median */
    c[4].f.v[MR_Q_STD] = 10;       /* ten times */
    c[5].f.v[MR_Q_CLIPPED] = 0.001;
    c[6].f.v[MR_Q_KURTOSIS] = 30;
    c[7].f.v[MR_Q_STD] = 9.9;
    c[8].f.v[MR_Q_CLIPPED] = 0.0009;
    c[9].f.v[MR_Q_NAN] = 0.49;
    assert_int_equal(mr_channels_judge(c, N, &n), MR_OK);
    static const char *const want[N] = {"missing", "missing", "dead", "dead",
                                        "noisy",   "clipped", "spiky"};
    for (int i = 0; i < N; i++) {
        if (want[i])
            assert_string_equal(c[i].why, want[i]);
        else
            assert_null(c[i].why);
    }
    assert_int_equal(n, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_together_are_as_one),
        cmocka_unit_test(shares_and_powers_are_weighed),
        cmocka_unit_test(each_fault_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
