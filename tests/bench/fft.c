/* tests/bench/fft.c: transforms of many channels that lie side by side, float64: our own kernel
 * over eight channels against FFTW (estimate), after a blocked transpose and through its guru
 * interface. Prints million samples a second on one core, load and transform together, best of
 * several.
 *
 *   make build/tests/fft && build/tests/fft */
#include "ops/kernels/simd.h"
#include <fftw3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NC = 32, REPEAT = 7 };

static double *filled(size_t n)
{
    double *x = fftw_alloc_real(n);
    for (size_t i = 0; i < n; i++) x[i] = (double)(i * 2654435761u % 1000) * 1e-3 - 0.5;
    return x;
}

static double own(const double *x, size_t n, size_t times)
{
    mr_fft f;
    double best = 1e9, *z;
    if (mr_fft_init(&f, n) != MR_OK || mr_alloc_f64(mr_fft_buffer(&f), "z", &z) != MR_OK) exit(1);
    for (int r = 0; r < REPEAT; r++) {
        const double t0 = mr_now();
        for (size_t k = 0; k < times; k++)
            for (size_t c = 0; c < NC; c += 8) {
                const mr_fft_in in = {.x = x + c, .stride = NC, .n_rows = n, .lanes = 0xff};
                mr_simd()->fft_load(&f, &in, z);
                mr_simd()->fft(&f, z);
            }
        best = MR_MIN(best, mr_now() - t0);
    }
    free(z);
    mr_fft_fini(&f);
    return (double)(n * NC * times) / best * 1e-6;
}

static double transposed(const double *x, size_t n, size_t times)
{
    double best = 1e9, *in = fftw_alloc_real(n * 8);
    fftw_complex *out = fftw_alloc_complex((n / 2 + 1) * 8);
    const int len = (int)n;
    fftw_plan p = fftw_plan_many_dft_r2c(1, &len, 8, in, NULL, 1, len, out, NULL, 1, len / 2 + 1,
                                         FFTW_ESTIMATE);
    for (int r = 0; r < REPEAT; r++) {
        const double t0 = mr_now();
        for (size_t k = 0; k < times; k++)
            for (size_t c = 0; c < NC; c += 8) {
                for (size_t t = 0; t < n; t += 8)
                    for (size_t i = 0; i < 8; i++)
                        for (size_t j = 0; j < 8; j++) in[i * n + t + j] = x[(t + j) * NC + c + i];
                fftw_execute(p);
            }
        best = MR_MIN(best, mr_now() - t0);
    }
    fftw_destroy_plan(p);
    fftw_free(in);
    fftw_free(out);
    return (double)(n * NC * times) / best * 1e-6;
}

static double guru(double *x, size_t n, size_t times)
{
    double best = 1e9;
    fftw_complex *out = fftw_alloc_complex((n / 2 + 1) * NC);
    const fftw_iodim dim = {(int)n, NC, NC}, many = {NC, 1, 1};
    fftw_plan p =
        fftw_plan_guru_dft_r2c(1, &dim, 1, &many, x, out, FFTW_ESTIMATE | FFTW_PRESERVE_INPUT);
    for (int r = 0; r < REPEAT; r++) {
        const double t0 = mr_now();
        for (size_t k = 0; k < times; k++) fftw_execute(p);
        best = MR_MIN(best, mr_now() - t0);
    }
    fftw_destroy_plan(p);
    fftw_free(out);
    return (double)(n * NC * times) / best * 1e-6;
}

int main(void)
{
    static const size_t lengths[] = {256, 1024, 4096, 30000, 32768, 65536};
    printf("%8s %12s %20s %12s   Msamples/s\n", "length", "own", "FFTW + transpose", "FFTW guru");
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t n = lengths[i], times = MR_MAX((size_t)1, (size_t)400000 / n);
        double *x = filled(n * NC);
        printf("%8zu %12.0f %20.0f %12.0f\n", n, own(x, n, times), transposed(x, n, times),
               guru(x, n, times));
        fftw_free(x);
    }
    return 0;
}
