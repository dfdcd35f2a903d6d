/* mr_load_f64: every type against values known in closed form. */
#include "io/input.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static void float32_is_exact_and_non_finite_is_seen(MR_UNUSED void **state)
{
    enum { NT = 3, NC = 37, SRC = 41, DST = 40 };
    float src[NT * SRC];
    double dst[NT * DST];
    mr_dtype f32 = {MR_DT_FLOAT, 4, 0, 0};
    for (int i = 0; i < NT * SRC; i++) src[i] = (float)(i * 0.1 - 3);
    src[5] = 0x1p-149f; /* least subnormal */
    src[6] = -0.0f;
    src[38] = NAN; /* between the rows: not part of them */
    for (int i = 0; i < NT * DST; i++) dst[i] = 77;
    assert_false(mr_load_f64(f32, src, SRC * 4, NT, NC, dst, DST));
    for (int t = 0; t < NT; t++) {
        for (int c = 0; c < NC; c++) assert_true(dst[t * DST + c] == (double)src[t * SRC + c]);
        for (int c = NC; c < DST; c++) assert_true(dst[t * DST + c] == 77);
    }
    assert_true(signbit(dst[6]));
    const float odd[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (int k = 0; k < 4; k++)
        for (int c = 0; c < NC; c++) {
            float keep = src[SRC + c];
            src[SRC + c] = odd[k];
            assert_true(mr_load_f64(f32, src, SRC * 4, NT, NC, dst, DST));
            assert_int_equal(isnan(dst[DST + c]), isnan(odd[k]));
            assert_true(isnan(odd[k]) || dst[DST + c] == (double)odd[k]);
            src[SRC + c] = keep;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_is_exact_and_non_finite_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
