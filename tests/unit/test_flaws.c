/* tests/unit/test_flaws.c: what samples of a lane showed, as lines of its file and back. */
#include "plan_rig.h"
#include "run/piece/quality.h"

/* Among the lines of 200,000 inputs (16 MB): looking for the end of all of it at each line would
 * take minutes. */
static void lines_are_found_in_a_long_text(void **state)
{
    mr_text t = {0};
    mr_flaws found = {0};
    const mr_flaw one = {
        .kind = MR_FLAW_STILL, .c0 = 3, .c1 = 5, .raw = {-7, 900}, .count = 907, .value = -0.1};
    const mr_flaws all = {.v = (mr_flaw *)(uintptr_t)&one, .n = 1};
    (void)state;
    for (int i = 0; i < 200000; i++)
        MUST(mr_text_add(
            &t, "0 10 0 1 1 15c8e9bb8c8496a3e3f6e2c2b40ce00a 176732%07d000000 a_%d.h5\n", i, i));
    MUST(mr_flaws_print(&all, &t));
    MUST(mr_text_add(&t, "seen 0 4 4 1 2 3 0x1p+0\nseen\n")); /* no channel; nothing */
    MUST(mr_flaws_parse(t.s, &found));
    assert_int_equal(found.n, 1);
    assert_int_equal(found.v[0].c0, 3);
    assert_int_equal(found.v[0].raw.a, -7);
    assert_int_equal(found.v[0].raw.b, 900);
    assert_int_equal(found.v[0].count, 907);
    assert_true(found.v[0].value == -0.1);
    free(found.v);
    mr_text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_are_found_in_a_long_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
