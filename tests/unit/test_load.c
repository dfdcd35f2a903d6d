/* mr_load_f64: every type against values known in closed form. */
#include "in/input.h"
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

/* Every half there is, by its definition: sign, 2^(e - 15) (1 + m / 1024), 2^-14 m / 1024. */
static void float16_is_exact(MR_UNUSED void **state)
{
    const mr_dtype f16 = {MR_DT_FLOAT, 2, 0, 0};
    static uint16_t src[65536];
    static double dst[65536];
    for (int i = 0; i < 65536; i++) src[i] = (uint16_t)i;
    assert_true(mr_load_f64(f16, src, 131072, 1, 65536, dst, 65536));
    for (int i = 0; i < 65536; i++) {
        int e = i >> 10 & 31, m = i & 1023;
        double want = e ? ldexp(1 + m / 1024.0, e - 15) : ldexp(m / 1024.0, -14);
        if (e == 31) want = m ? NAN : INFINITY;
        if (isnan(want)) {
            assert_true(isnan(dst[i]));
            continue;
        }
        assert_true(dst[i] == (i >> 15 ? -want : want));
        assert_int_equal(signbit(dst[i]) != 0, i >> 15);
    }
    assert_false(mr_load_f64(f16, src, 62, 1, 0x7c00, dst, 0)); /* all finite ones */
    assert_true(mr_load_f64(f16, src + 0x7c00, 2, 1, 1, dst, 1));
    assert_true(mr_load_f64(f16, src + 0xfc01, 2, 1, 1, dst, 1));
    assert_false(mr_load_f64(f16, src + 0x8000, 2, 1, 0x7c00, dst, 0));
}

static void float64_is_copied_and_non_finite_is_seen(MR_UNUSED void **state)
{
    const mr_dtype f64 = {MR_DT_FLOAT, 8, 0, 0};
    const double src[2][5] = {{0x1p-1074, -0.0, 1e308, -1.7976931348623157e308, 3.5}, {0}};
    double dst[12], odd[3] = {1, 2, 3};
    assert_false(mr_load_f64(f64, src, sizeof src[0], 2, 5, dst, 6));
    assert_memory_equal(dst, src[0], sizeof src[0]);
    assert_memory_equal(dst + 6, src[1], sizeof src[1]);
    for (int c = 0; c < 3; c++) {
        odd[c] = -NAN;
        assert_true(mr_load_f64(f64, odd, 24, 1, 3, dst, 3));
        assert_true(isnan(dst[c]));
        odd[c] = -INFINITY;
        assert_true(mr_load_f64(f64, odd, 24, 1, 3, dst, 3));
        odd[c] = 4;
    }
}

/* Values about the ends of each type, 37 channels so that vectors and rests both see them. */
static void integers_are_exact(MR_UNUSED void **state)
{
    enum { NC = 37 };
    uint8_t src[2 * NC * 8];
    double dst[2 * NC];
    for (uint8_t size = 1; size <= 8; size *= 2)
        for (uint8_t kind = MR_DT_INT; kind <= MR_DT_UINT; kind++) {
            const mr_dtype dt = {kind, size, 0, 0};
            const int bits = 8 * size;
            double want[2 * NC];
            for (int i = 0; i < 2 * NC; i++) {
                /* 2^k - 1 or 2^k for a k that float64 holds exactly, by its low bytes */
                int k = i % MR_MIN(bits, 53);
                uint64_t v = ((uint64_t)1 << k) - (uint64_t)(i & 1);
                if (kind == MR_DT_INT && i % 3 == 0) v = ~v;
                memcpy(src + i * size, &v, size); /* this machine is little-endian */
                want[i] = ldexp(1, k) - (i & 1);
                if (kind == MR_DT_INT && i % 3 == 0) want[i] = -want[i] - 1;
                if (kind == MR_DT_INT && k == bits - 1 && !(i & 1)) /* 2^k wraps round */
                    want[i] -= (i % 3 == 0 ? -1 : 1) * ldexp(1, bits);
            }
            memset(dst, 0, sizeof dst);
            assert_false(mr_load_f64(dt, src, (size_t)NC * size, 2, NC, dst, NC));
            for (int i = 0; i < 2 * NC; i++)
                if (dst[i] != want[i])
                    fail_msg("%d bits, kind %d, %d: %g for %g", bits, kind, i, dst[i], want[i]);
        }
}

static void integers_beyond_2_to_53_round_to_nearest(MR_UNUSED void **state)
{
    const int64_t i[4] = {INT64_MIN, INT64_MAX, 9007199254740993, -9007199254740995};
    const uint64_t u[3] = {UINT64_MAX, 9007199254740993, 1u};
    double x[4];
    assert_false(mr_load_f64((mr_dtype){MR_DT_INT, 8, 0, 0}, i, 32, 1, 4, x, 4));
    assert_true(x[0] == -0x1p63 && x[1] == 0x1p63);
    assert_true(x[2] == 9007199254740992.0 && x[3] == -9007199254740996.0); /* ties to even */
    assert_false(mr_load_f64((mr_dtype){MR_DT_UINT, 8, 0, 0}, u, 24, 1, 3, x, 4));
    assert_true(x[0] == 0x1p64 && x[1] == 9007199254740992.0 && x[2] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float32_is_exact_and_non_finite_is_seen),
        cmocka_unit_test(float16_is_exact),
        cmocka_unit_test(float64_is_copied_and_non_finite_is_seen),
        cmocka_unit_test(integers_are_exact),
        cmocka_unit_test(integers_beyond_2_to_53_round_to_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
