/* test_losses.c: samples that could not be had, each told once, in an order of their own; and times
 * that are added up by their names. */
#include "plan_rig.h"
#include "report/times.h"
#include "run/mill/losses.h"

static const mr_loss rows[] = {
    {.file = 1, .t0_ns = T0 + 5 * S, .t1_ns = T0 + 6 * S, .note = "x"},
    {.file = 0, .t0_ns = T0, .t1_ns = T0 + S, .again = true, .note = "y"},
    {.file = 1, .t0_ns = T0, .t1_ns = T0 + S, .note = "y"}};

static void a_loss_that_is_met_twice_is_one(void **state)
{
    (void)state;
    mr_losses l = {0};
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < 3; i++) MUST(mr_losses_add(&l, &rows[i]));
    assert_int_equal(l.n, 3);
    mr_loss other = rows[0];
    other.note[0] = 'z'; /* the same place for another reason */
    MUST(mr_losses_add(&l, &other));
    assert_int_equal(l.n, 4);
    free(l.v);
}

static void lines_do_not_depend_on_who_came_first(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000)};
    const char *const names[] = {"in/a.h5", "in/b.h5"};
    static const size_t order[][3] = {{0, 1, 2}, {2, 1, 0}, {1, 0, 2}};
    mr_catalog *c = catalog(f, names, 2);
    for (size_t k = 0; k < 3; k++) {
        mr_losses l = {0};
        mr_text t = {0};
        for (size_t i = 0; i < 3; i++) MUST(mr_losses_add(&l, &rows[order[k][i]]));
        MUST(mr_losses_print(c, &l, &t));
        assert_string_equal(t.s, "lost 1767225600000000000 1767225601000000000 1 a.h5 y\n"
                                 "lost 1767225600000000000 1767225601000000000 0 b.h5 y\n"
                                 "lost 1767225605000000000 1767225606000000000 0 b.h5 x\n");
        mr_text_fini(&t);
        free(l.v);
    }
    mr_catalog_free(c);
}

static void losses_stand_in_the_ledger(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000)};
    const char *const names[] = {"a.h5", "b.h5"};
    mr_catalog *c = catalog(f, names, 2);
    mr_spans s = {0};
    mr_losses l = {0};
    MUST(mr_spans_build(c, MR_JOIN, NULL, &s));
    assert_int_equal(s.n_odd, 0);
    for (size_t i = 0; i < 3; i++) MUST(mr_losses_add(&l, &rows[i]));
    MUST(mr_losses_note(&l, &s));
    assert_int_equal(s.n_odd, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(s.odd[i].kind, MR_ODD_BAD_CHUNK);
        assert_int_equal(s.odd[i].file, rows[i].file);
        assert_int_equal(s.odd[i].t0_ns, rows[i].t0_ns);
        assert_string_equal(s.odd[i].note, rows[i].note);
    }
    free(l.v);
    mr_spans_fini(&s);
    mr_catalog_free(c);
}

static void times_are_added_each_to_its_own(void **state)
{
    (void)state;
    mr_times sum = {.read_s = 1, .wait_done_s = 2};
    const mr_times t = {1, 2, 4, 8, 16, 32, 64, 128, 256};
    mr_times_add(&sum, &t);
    assert_true(sum.read_s == 2 && sum.compute_s == 2 && sum.write_s == 4);
    assert_true(sum.read_cpu_s == 8 && sum.write_cpu_s == 16);
    assert_true(sum.wait_read_s == 32 && sum.wait_out_s == 64);
    assert_true(sum.wait_intake_s == 128 && sum.wait_done_s == 258);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_that_is_met_twice_is_one),
        cmocka_unit_test(lines_do_not_depend_on_who_came_first),
        cmocka_unit_test(losses_stand_in_the_ledger),
        cmocka_unit_test(times_are_added_each_to_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
