/* Filter designs against scipy 1.10.1, whose numbers stand here as
 *   python3 -c "import scipy.signal as s; print(s.butter(4, [.004, .18], 'bandpass',
 * output='sos'))" and likewise prints them. Tolerance 1e-13 of a section's largest coefficient:
 * roots of order 8 taken by the same steps, in another order of rounding. */
#include "millrace/op_fast.h"
#include "ops/kernels/sos.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void check(const mr_sos *f, const double (*want)[6], size_t n)
{
    assert_int_equal(f->n, n);
    for (size_t i = 0; i < n; i++) {
        const mr_section *s = &f->s[i];
        const double got[6] = {s->b0, s->b1, s->b2, 1, s->a1, s->a2};
        for (size_t k = 0; k < 6; k++) assert_true(fabs(got[k] - want[i][k]) <= 1e-13 * 2);
    }
}

static void bandpass_pairs_as_scipy(void **state)
{
    /* s.butter(4, [.004, .18], 'bandpass', output='sos') */
    static const double want[4][6] = {{0.00311190360458602, 0.00622380720917204,
                                       0.00311190360458602, 1, -1.158330785155592,
                                       0.35502136783293253},
                                      {1, 2, 1, 1, -1.4141523601627697, 0.6715408960700892},
                                      {1, -2, 1, 1, -1.9761721268072325, 0.976340427836553},
                                      {1, -2, 1, 1, -1.9905665041390883, 0.9907255532798144}};
    mr_sos f;
    (void)state;
    assert_int_equal(mr_design_butter(MR_BANDPASS, 4, .004, .18, &f), MR_OK);
    check(&f, want, 4);
    assert_int_equal(f.pad, 27); /* 3 (2 * 4 + 1 - 0) */
}

static void odd_orders_have_a_first_order_section(void **state)
{
    /* s.butter(3, .3, 'lowpass', output='sos'); s.butter(5, .2, 'highpass', output='sos') */
    static const double low[2][6] = {
        {0.04953299635725318, 0.09906599271450636, 0.04953299635725318, 1, -0.32491969623290634, 0},
        {1, 1, 0, 1, -0.8369977874388261, 0.4239856889474126}};
    static const double high[3][6] = {
        {0.3541641810934297, -0.3541641810934297, 0, 1, -0.5095254494944288, 0},
        {1, -2, 1, 1, -1.0965794655679617, 0.3554467621723906},
        {1, -2, 1, 1, -1.3693171946832927, 0.6925691353878634}};
    mr_sos f;
    (void)state;
    assert_int_equal(mr_design_butter(MR_LOWPASS, 3, .3, 0, &f), MR_OK);
    check(&f, low, 2);
    assert_int_equal(f.pad, 12); /* 3 (2 * 2 + 1 - 1) */
    /* s.sosfilt_zi of it */
    const double zi[2][2] = {{0.2439609543970401, 0.04953299635725318},
                             {0.7065060492457067, -0.4239856889474127}};
    for (int i = 0; i < 4; i++) assert_true(fabs(f.zi[i / 2][i % 2] - zi[i / 2][i % 2]) < 1e-13);
    assert_int_equal(mr_design_butter(MR_HIGHPASS, 5, .2, 0, &f), MR_OK);
    check(&f, high, 3);
}

static void bandstop_cheby1_and_notch(void **state)
{
    /* s.butter(2, [.2, .3], 'bandstop', output='sos') */
    static const double stop[2][6] = {
        {0.8005924034645703, -1.1463217579649152, 0.8005924034645703, 1, -1.1174852513713567,
         0.7805219884829433},
        {1, -1.4318419123191755, 1, 1, -1.4319222143574684, 0.8216956697198522}};
    /* s.cheby1(8, .05, .8 / 5, output='sos') */
    static const double cheby[4][6] = {{7.4527951368086308e-07, 1.4905590273617262e-06,
                                        7.4527951368086308e-07, 1, -1.6471014277423515,
                                        0.68617936672133883},
                                       {1, 2, 1, 1, -1.6320963657472007, 0.73153342226572604},
                                       {1, 2, 1, 1, -1.6276356241089196, 0.81633192497468088},
                                       {1, 2, 1, 1, -1.6708125908956202, 0.93251989986920814}};
    /* s.iirnotch(.2, 30) */
    static const double notch[1][6] = {{0.9896361753628921, -1.6012649682336109, 0.9896361753628921,
                                        1, -1.6012649682336109, 0.9792723507257841}};
    mr_sos f;
    (void)state;
    assert_int_equal(mr_design_butter(MR_BANDSTOP, 2, .2, .3, &f), MR_OK);
    check(&f, stop, 2);
    assert_int_equal(mr_design_cheby1(8, .05, .8 / 5, &f), MR_OK);
    check(&f, cheby, 4);
    assert_int_equal(mr_design_notch(.2, 30, &f), MR_OK);
    check(&f, notch, 1);
    assert_int_equal(f.pad, 9); /* filtfilt: 3 max(len(a), len(b)) */
}

static void fade_is_where_a_billionth_of_the_response_is_left(void **state)
{
    /* h = abs(s.sosfilt(sos, impulse)); argmax(cumsum(h[::-1])[::-1] / h.sum() < 1e-9); one sample
     * either way for the rounding of the sums */
    mr_sos f;
    (void)state;
    assert_int_equal(mr_design_butter(MR_BANDPASS, 4, .004, .18, &f), MR_OK);
    assert_in_range(f.fade, 4284, 4286);
    assert_int_equal(mr_design_butter(MR_HIGHPASS, 4, .004, 0, &f), MR_OK);
    assert_in_range(f.fade, 4195, 4197);
    assert_int_equal(mr_design_butter(MR_LOWPASS, 3, .3, 0, &f), MR_OK);
    assert_in_range(f.fade, 49, 51);
}

static void a_filter_that_never_fades_is_refused(void **state)
{
    mr_sos f = {.n = 99};
    (void)state;
    assert_int_equal(mr_design_butter(MR_LOWPASS, 4, 1e-8, 0, &f), MR_ECONFIG);
    assert_int_equal(f.n, 99); /* untouched */
    f = (mr_sos){.n = 1, .s = {{1, 0, 0, -2, 1}}};
    assert_int_equal(mr_sos_finish(&f), MR_ECONFIG); /* a double pole on the unit circle */
}

static void firwin_is_scipys(void **state)
{
    /* s.firwin(41, .5)[[1, 19, 20]]; s.firwin(41, .5, window=('kaiser', 5.0))[[1, 19, 20]] */
    const double hamming[3] = {-1.4368267365517944e-03, 3.1688108866369052e-01,
                               5.0059067698518689e-01};
    const double kaiser[3] = {-1.0514587726751213e-03, 3.1670034568030075e-01,
                              5.0025873529803011e-01};
    const size_t at[3] = {1, 19, 20};
    double h[41], k[41];
    (void)state;
    mr_design_firwin(41, .5, MR_HAMMING, h);
    mr_design_firwin(41, .5, MR_KAISER5, k);
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(h[at[i]] - hamming[i]) < 1e-15);
        assert_true(fabs(k[at[i]] - kaiser[i]) < 1e-15);
        assert_true(h[at[i]] == h[40 - at[i]] || fabs(h[at[i]] - h[40 - at[i]]) < 1e-17);
    }
}

static void zeros_of_the_sinc_are_zero(void **state)
{
    /* sin(pi (i - 50) / 5) = 0 at every fifth tap but the centre: what rounding makes of it (1e-18)
     * would be multiplied with every sample */
    double h[101];
    (void)state;
    mr_design_firwin(101, 1.0 / 5, MR_HAMMING, h);
    for (int i = 0; i < 101; i++) assert_true((h[i] == 0) == (i % 5 == 0 && i != 50));
}

static void impulse_response_of_one_pole(void **state)
{
    /* y[t] = x[t] + 0.5 y[t - 1]: 1, 1/2, 1/4 ... exact in binary */
    mr_sos f = {.n = 1, .s = {{1, 0, 0, -0.5, 0}}};
    double h[5];
    (void)state;
    assert_int_equal(mr_sos_finish(&f), MR_OK);
    mr_sos_impulse(&f, h, 5);
    for (int t = 0; t < 5; t++) assert_true(h[t] == ldexp(1, -t));
    assert_true(fabs(f.zi[0][0] - 1) < 1e-15); /* gain 2: state is y - b0 x = 1 */
    assert_int_equal(f.fade, 30);              /* 2^-30 < 1e-9 < 2^-29 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bandpass_pairs_as_scipy),
        cmocka_unit_test(odd_orders_have_a_first_order_section),
        cmocka_unit_test(bandstop_cheby1_and_notch),
        cmocka_unit_test(fade_is_where_a_billionth_of_the_response_is_left),
        cmocka_unit_test(a_filter_that_never_fades_is_refused),
        cmocka_unit_test(firwin_is_scipys),
        cmocka_unit_test(zeros_of_the_sinc_are_zero),
        cmocka_unit_test(impulse_response_of_one_pole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
