/* Medians of eight channels side by side against sorting, by every set of kernels, bit for bit. */
#include "ops/kernels/middle.h"
#include "ops/kernels/simd.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LANES = MR_MIDDLE_LANES };

static uint64_t state = 88172645463325252u;

static uint64_t draw(void)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static int by_value(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

static double sorted_middle(double (*v)[LANES], size_t n, size_t c)
{
    double one[MR_MIDDLE_MOST];
    for (size_t i = 0; i < n; i++) one[i] = v[i][c];
    qsort(one, n, sizeof *one, by_value);
    return one[n / 2];
}

/* kinds: 0 any values, 1 of five values, zeros of both signs among them, 2 all alike but one */
static double value(int kind, size_t i)
{
    if (kind == 0) return (double)(int64_t)draw();
    if (kind == 1) return ((double)(draw() % 5) - 2) * (draw() & 1 ? 1.0 : -1.0);
    return i == 3 ? 7.0 : -1.0;
}

static void try_sets(size_t n, int kind)
{
    const mr_kernels *sets[] = {&mr_kernels_plain, mr_simd()};
    static double v[MR_MIDDLE_MOST][LANES], w[MR_MIDDLE_MOST][LANES];
    double ref[LANES], first[LANES], got[LANES];
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < LANES; c++) v[i][c] = value(kind, i);
    for (size_t c = 0; c < LANES; c++) ref[c] = sorted_middle(v, n, c);
    for (size_t s = 0; s < 2; s++) {
        memcpy(w, v, n * sizeof *v);
        sets[s]->middle(w[0], n, got);
        for (size_t c = 0; c < LANES; c++) assert_true(got[c] == ref[c]);
        if (s == 0) memcpy(first, got, sizeof first);
        assert_memory_equal(first, got, sizeof got);
    }
    memcpy(w, v, n * sizeof *v);
    mr_middle(w, n, got);
    assert_memory_equal(first, got, sizeof got);
}

static void the_middle_is_that_of_sorting(void **unused)
{
    (void)unused;
    for (int kind = 0; kind < 3; kind++)
        for (size_t n = 1; n <= MR_MIDDLE_MOST; n += n < 65 ? 2 : 80)
            for (int i = 0; i < 20; i++) try_sets(n, kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_middle_is_that_of_sorting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
