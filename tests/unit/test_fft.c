/* Transforms of eight channels side by side against the definition of the discrete Fourier
 * transform, summed in long double. */
#include "ops/kernels/simd.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const size_t lengths[] = {2,   3,   4,   5,   6,    7,    8,    9,    10,   12,
                                 15,  16,  18,  20,  22,   25,   26,   29,   31,   32,
                                 45,  60,  62,  64,  77,   100,  128,  135,  210,  243,
                                 256, 500, 512, 640, 1000, 1024, 1100, 2048, 3000, 4096};

static double *noise(size_t n, size_t stride)
{
    double *x = malloc(n * stride * sizeof *x);
    uint64_t s = 88172645463325252u;
    for (size_t i = 0; i < n * stride; i++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
        x[i] = (double)(s >> 11) * 0x1p-53 - 0.5;
    }
    return x;
}

/* Bin k of channel c. */
static void dft(const double *x, size_t stride, size_t n, size_t k, size_t c, long double y[2])
{
    const long double w = 2 * 3.14159265358979323846264338327950288L / (long double)n;
    y[0] = y[1] = 0;
    for (size_t t = 0; t < n; t++) {
        const long double a = w * (long double)(t * k % n);
        y[0] += (long double)x[t * stride + c] * cosl(a);
        y[1] -= (long double)x[t * stride + c] * sinl(a);
    }
}

/* All bins of 8 channels: [bins][2][8]. */
static double *bins_of(const mr_kernels *simd, const mr_fft *f, const mr_fft_in *in)
{
    double *z, *x = calloc(mr_fft_bins(f) * MR_FFT_CELL, sizeof *x);
    assert_int_equal(mr_alloc_f64(mr_fft_buffer(f), "z", &z), MR_OK);
    simd->fft_load(f, in, z);
    simd->fft(f, z);
    simd->fft_bins(f, z, 0, mr_fft_bins(f), x);
    free(z);
    return x;
}

static void every_length_is_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t n = lengths[i], stride = 11;
        double *x = noise(n, stride), *y;
        mr_fft f;
        assert_true(mr_fft_can(n));
        assert_int_equal(mr_fft_init(&f, n), MR_OK);
        y = bins_of(mr_simd(), &f,
                    &(mr_fft_in){.x = x, .stride = stride, .n_rows = n, .lanes = 0xff});
        const size_t step = n > 600 ? 37 : 1; /* the definition takes long */
        for (size_t k = 0; k <= n / 2; k += step)
            for (size_t c = 0; c < 8; c += 7) {
                long double ref[2];
                dft(x, stride, n, k, c, ref);
                /* errors of a transform grow as log n x 1e-16 x the norm, sqrt(n / 12) */
                const double tol = 2e-15 * sqrt((double)n);
                if (fabs(y[k * 16 + c] - (double)ref[0]) > tol ||
                    fabs(y[k * 16 + 8 + c] - (double)ref[1]) > tol)
                    fail_msg("length %zu, bin %zu, channel %zu", n, k, c);
            }
        free(x);
        free(y);
        mr_fft_fini(&f);
    }
}

static void all_vector_lengths_give_the_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t n = lengths[i];
        double *x = noise(n, 8), *w = noise(n, 1), mean[8];
        mr_fft f;
        mr_fft_in in = {.x = x, .stride = 8, .n_rows = n, .window = w, .mean = mean, .lanes = 0xff};
        assert_int_equal(mr_fft_init(&f, n), MR_OK);
        mr_fft_mean(&in, mean);
        double *a = bins_of(&mr_kernels_plain, &f, &in), *b = bins_of(mr_simd(), &f, &in);
        assert_memory_equal(a, b, mr_fft_bins(&f) * 16 * sizeof *a);
        in.lanes = 0x55; /* the others are zero, and change nothing */
        mr_fft_mean(&in, mean);
        double *c = bins_of(mr_simd(), &f, &in);
        for (size_t k = 0; k < mr_fft_bins(&f) * 16; k++) assert_true(c[k] == (k % 2 ? 0 : a[k]));
        free(a), free(b), free(c), free(x), free(w);
        mr_fft_fini(&f);
    }
}

static void power_is_the_sum_of_squares(void **state)
{
    (void)state;
    for (size_t n = 63; n <= 64; n++) {
        double *x = noise(n, 8), *z, *sum = calloc(33 * 8, sizeof *sum);
        mr_fft f;
        assert_int_equal(mr_fft_init(&f, n), MR_OK);
        const mr_fft_in in = {.x = x, .stride = 8, .n_rows = n, .lanes = 0xff};
        double *y = bins_of(mr_simd(), &f, &in);
        assert_int_equal(mr_alloc_f64(mr_fft_buffer(&f), "z", &z), MR_OK);
        mr_simd()->fft_load(&f, &in, z);
        mr_simd()->fft(&f, z);
        for (int twice = 0; twice < 2; twice++) mr_simd()->fft_power(&f, z, sum, 8);
        for (size_t k = 0; k < mr_fft_bins(&f); k++)
            for (size_t c = 0; c < 8; c++) {
                const double re = y[k * 16 + c], im = y[k * 16 + 8 + c];
                assert_true(fabs(sum[k * 8 + c] - 2 * (re * re + im * im)) < 1e-12);
            }
        free(x), free(y), free(z), free(sum);
        mr_fft_fini(&f);
    }
}

static void there_and_back_is_the_series(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t n = lengths[i];
        double *x = noise(n, 8), *z;
        mr_fft f;
        assert_int_equal(mr_fft_init(&f, n), MR_OK);
        assert_int_equal(mr_alloc_f64(mr_fft_buffer(&f), "z", &z), MR_OK);
        double *y =
            bins_of(mr_simd(), &f, &(mr_fft_in){.x = x, .stride = 8, .n_rows = n, .lanes = 0xff});
        mr_fft_inverse(&f, y, 0, mr_fft_bins(&f), z);
        for (size_t t = 0; t < n; t++)
            for (size_t c = 0; c < 8; c++)
                if (fabs(mr_fft_sample(&f, z, t)[c] * mr_fft_unit(&f) - x[t * 8 + c]) > 1e-14)
                    fail_msg("length %zu, sample %zu", n, t);
        free(x), free(y), free(z);
        mr_fft_fini(&f);
    }
}

static void phase_and_cross_are_what_they_say(void **state)
{
    (void)state;
    const mr_kernels *sets[] = {&mr_kernels_plain, mr_simd()};
    double *x = noise(10, 16), *s = noise(10, 2), w[10];
    for (size_t k = 0; k < 10; k++) w[k] = (double)k;
    for (size_t c = 0; c < 16; c++) x[5 * 16 + c] = 0;
    for (size_t set = 0; set < 2; set++) {
        double y[160], acc[20 * 8] = {0};
        memcpy(y, x, sizeof y);
        sets[set]->fft_phase(y, 10, w);
        sets[set]->fft_cross(x, 10, s, acc, 8);
        for (size_t k = 0; k < 10; k++)
            for (size_t c = 0; c < 8; c++) {
                const double re = x[k * 16 + c], im = x[k * 16 + 8 + c], size = hypot(re, im);
                assert_true(fabs(y[k * 16 + c] - (size > 0 ? re / size * w[k] : 0)) < 1e-14);
                assert_true(fabs(acc[2 * k * 8 + c] - (re * s[2 * k] + im * s[2 * k + 1])) < 1e-15);
                assert_true(fabs(acc[(2 * k + 1) * 8 + c] - (im * s[2 * k] - re * s[2 * k + 1])) <
                            1e-15);
            }
    }
    free(x), free(s);
}

static void lengths_without_small_factors_are_known(void **state)
{
    (void)state;
    assert_false(mr_fft_can(37));
    assert_false(mr_fft_can(2 * 1021));
    assert_false(mr_fft_can(1));
    assert_true(mr_fft_can(31 * 29 * 2));
    assert_int_equal(mr_fft_length(32500), 32768); /* as scipy.fft.next_fast_len(32500, True) */
    assert_int_equal(mr_fft_length(1000), 1000);
    assert_int_equal(mr_fft_length(1001), 1024);
    /* costs as in fft.c: 6561 = 3^8 is odd; 3375 elements 20 + 20 + 20 + 21 + 21 + 21 (123 a
     * piece), 3456 elements 14 + 14 + 20 + 20 + 20 + 20 (108), 3600 elements 14 + 14 + 20 + 20 + 21
     * + 21 (110); 3240: below. 3456 x 108 = 373,248 is the least */
    assert_int_equal(mr_fft_cheapest(6500), 6912);
    assert_int_equal(mr_fft_cheapest(32500), 32768);
    assert_int_equal(mr_fft_cheapest(1), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_is_the_definition),
        cmocka_unit_test(all_vector_lengths_give_the_same_bits),
        cmocka_unit_test(power_is_the_sum_of_squares),
        cmocka_unit_test(there_and_back_is_the_series),
        cmocka_unit_test(phase_and_cross_are_what_they_say),
        cmocka_unit_test(lengths_without_small_factors_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
