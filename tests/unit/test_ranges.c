/* Indices through chains: output spans, positions, the ranges of a block, what is spoilt and blank.
 * Numbers follow from the definitions in millrace/op.h, worked out beside them. */
#include "../ops/cut.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static mr_chain *make(const char *text)
{
    mr_geom g = {.rate_hz = 100, .nc = 8, .unit = "counts", .quantity = "counts"};
    mr_node list = cut_settings(text);
    mr_chain *c = NULL;
    mr_status st = mr_chain_new(&list, &g, &c);
    mr_node_fini(&list);
    if (st != MR_OK) fail_msg("%s: %s", text, mr_error());
    return c;
}

static void check_slab(mr_slab s, int64_t a, int64_t b)
{
    assert_int_equal(s.a, a);
    assert_int_equal(s.b, b);
}

static void decimation_keeps_multiples_of_the_factor(void **state)
{
    mr_chain *c = make("decimate factor=5");
    int64_t num, den;
    (void)state;
    check_slab(mr_chain_out_span(c, (mr_slab){11, 31}), 3, 7);  /* 15, 20, 25, 30 */
    check_slab(mr_chain_out_span(c, (mr_slab){10, 30}), 2, 6);  /* 10 .. 25 */
    check_slab(mr_chain_out_span(c, (mr_slab){-11, 1}), -2, 1); /* -10, -5, 0 */
    check_slab(mr_chain_out_span(c, (mr_slab){11, 14}), 3, 3);  /* none */
    mr_chain_position(c, (mr_slab){11, 31}, 4, &num, &den);
    assert_true(num == 20 && den == 1);
    mr_chain_free(c);
    c = make("decimate factor=5 align=span");
    check_slab(mr_chain_out_span(c, (mr_slab){11, 31}), 2, 6); /* 11, 16, 21, 26 */
    mr_chain_position(c, (mr_slab){11, 31}, 3, &num, &den);
    assert_true(num == 16 && den == 1);
    mr_chain_free(c);
}

static void resampling_gives_fractional_positions(void **state)
{
    mr_chain *c = make("resample rate=40Hz"); /* every 2.5 samples */
    int64_t num, den;
    (void)state;
    check_slab(mr_chain_out_span(c, (mr_slab){11, 31}), 5, 13); /* 12.5 .. 30 */
    mr_chain_position(c, (mr_slab){11, 31}, 5, &num, &den);
    assert_true(num == 25 && den == 2);
    mr_chain_position(c, (mr_slab){11, 31}, 6, &num, &den);
    assert_true(num == 15 && den == 1);
    mr_chain_free(c);
}

static void ranges_add_contexts_backwards(void **state)
{
    /* fir of factor 5: 50 samples on each side; two of them: 50 + 5 * 50 of the input */
    mr_chain *c = make("decimate factor=5 | decimate factor=5");
    mr_block_ranges r;
    double before, after;
    (void)state;
    mr_chain_ranges(c, (mr_slab){0, 100000}, (mr_slab){1000, 1100}, true, (mr_slab){1100, 1200},
                    &r);
    check_slab(r.in[1], 1000 * 5 - 50, 1099 * 5 + 1 + 50);
    check_slab(r.in[0], r.in[1].a * 5 - 50, (r.in[1].b - 1) * 5 + 1 + 50);
    check_slab(r.raw, r.in[0].a, r.in[0].b);
    mr_chain_ranges(c, (mr_slab){0, 100000}, (mr_slab){0, 4000}, true, (mr_slab){0, 0}, &r);
    check_slab(r.raw, 0, 100000); /* clipped */
    mr_chain_context(c, &before, &after);
    assert_true(fabs(before - 3.0) < 1e-12 && fabs(after - 3.0) < 1e-12); /* 50/100 + 50/20 s */
    mr_chain_free(c);
}

static void carried_states_save_the_fade(void **state)
{
    mr_chain *c = make("lowpass corner=20Hz phase=causal");
    const int64_t fade = (int64_t)mr_chain_needs(c, 0)->fade;
    mr_block_ranges r;
    (void)state;
    assert_in_range(fade, 10, 100);
    mr_chain_ranges(c, (mr_slab){0, 9000}, (mr_slab){1000, 2000}, true, (mr_slab){2000, 3000}, &r);
    check_slab(r.raw, 1000 - fade, 2000);
    assert_int_equal(r.snap[0], 2000);
    mr_chain_ranges(c, (mr_slab){0, 9000}, (mr_slab){2000, 3000}, false, (mr_slab){0, 0}, &r);
    check_slab(r.raw, 2000, 3000);
    assert_true(r.snap[0] == INT64_MAX);
    mr_chain_free(c);
}

static void every_state_is_saved_where_the_next_block_starts(void **state)
{
    mr_chain *c = make("bandpass band=5..20Hz | decimate factor=5 kind=iir | rms window=1s | "
                       "resample rate=30Hz | lowpass corner=5Hz phase=causal");
    const mr_slab span = {1234, 91234}, out = mr_chain_out_span(c, span);
    mr_block_ranges r, next;
    (void)state;
    for (int64_t a = out.a; a < out.b; a += 977) {
        mr_slab w = {a, MR_MIN(a + 977, out.b)}, n = {w.b, MR_MIN(w.b + 977, out.b)};
        mr_chain_ranges(c, span, w, a == out.a, n, &r);
        if (n.b <= n.a) break;
        mr_chain_ranges(c, span, n, false, (mr_slab){0, 0}, &next);
        for (size_t i = 0; i < r.n; i++) {
            assert_int_equal(r.snap[i], next.in[i].a);
            assert_true(r.snap[i] >= r.in[i].a && r.snap[i] <= r.in[i].b);
            assert_true(r.in[i].a >= r.span[i].a && r.in[i].b <= r.span[i].b);
        }
    }
    mr_chain_free(c);
}

static void windows_are_read_whole(void **state)
{
    mr_chain *c = make("detrend window=8s"); /* 800 samples */
    mr_block_ranges r;
    (void)state;
    mr_chain_ranges(c, (mr_slab){100, 99999}, (mr_slab){1000, 1700}, true, (mr_slab){0, 0}, &r);
    check_slab(r.raw, 800, 2400);
    mr_chain_ranges(c, (mr_slab){100, 99999}, (mr_slab){100, 200}, true, (mr_slab){0, 0}, &r);
    check_slab(r.raw, 100, 800);
    mr_chain_free(c);
}

static void windows_of_awkward_rates_tile_the_axis(void **state)
{
    /* 300 ms at 33 Hz: windows of 9.9 samples: 10, 10, ... and sometimes 9, without gap, from -90
     * on */
    int64_t at = mr_window_at(-90, 300000000, 33).a, nines = 0;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        mr_slab w = mr_window_at(at, 300000000, 33);
        assert_true(w.a == at && (w.b - w.a == 10 || w.b - w.a == 9));
        nines += w.b - w.a == 9;
        check_slab(mr_window_at(w.b - 1, 300000000, 33), w.a, w.b);
        at = w.b;
    }
    assert_int_equal(nines, 100);
}

static void what_is_whole_span_says_who(void **state)
{
    const char *why = NULL;
    double before, after;
    mr_chain *c = make("abs | integrate window=span");
    (void)state;
    assert_true(mr_chain_whole_span(c, &why));
    assert_string_equal(why, "integrate");
    mr_chain_context(c, &before, &after);
    assert_true(isinf(before));
    mr_chain_free(c);
    c = make("abs | integrate");
    assert_false(mr_chain_whole_span(c, &why));
    mr_chain_free(c);
}

static void steps_are_cut_at_coupling_operators(void **state)
{
    static const mr_step want[] = {{0, 1, MR_FROM_RAW, MR_TO_BLOCK, MR_BY_TILE, 32},
                                   {1, 1, MR_FROM_BLOCK, MR_TO_BLOCK, MR_BY_SLICE, 32},
                                   {2, 1, MR_FROM_BLOCK, MR_TO_BLOCK, MR_BY_SLICE, 32},
                                   {3, 2, MR_FROM_BLOCK, MR_TO_ROWS, MR_BY_TILE, 32}};
    mr_chain *c = make("abs | common_mode | common_mode | abs | abs");
    const mr_program *p = mr_chain_program(c);
    mr_text t = {0};
    (void)state;
    assert_int_equal(p->n, 4);
    for (size_t i = 0; i < 4; i++) assert_memory_equal(&p->v[i], &want[i], sizeof *want);
    assert_int_equal(mr_program_print(c, &t), MR_OK);
    assert_non_null(strstr(t.s, "4. block -> rows by tile: abs, abs\n"));
    mr_text_fini(&t);
    mr_chain_free(c);
    c = make("common_mode | stats interval=1s | abs");
    p = mr_chain_program(c);
    assert_int_equal(p->n, 3); /* load, couple, fold */
    assert_true(p->v[0].n == 0 && p->v[0].from == MR_FROM_RAW && p->v[0].to == MR_TO_BLOCK);
    assert_true(p->v[2].n == 0 && p->v[2].from == MR_FROM_BLOCK && p->v[2].to == MR_TO_FOLD);
    mr_chain_free(c);
    c = make("abs | correlate sources=1 window=5s max_lag=1s");
    p = mr_chain_program(c);
    assert_int_equal(p->n, 2);
    assert_true(p->v[0].to == MR_TO_SOURCES && p->v[1].to == MR_TO_FOLD && p->v[1].n == 1);
    mr_chain_free(c);
    c = make("");
    assert_int_equal(mr_chain_program(c)->n, 1); /* the one that copies */
    assert_int_equal(mr_chain_program(c)->v[0].n, 0);
    mr_chain_free(c);
}

static void spoils_reach_as_far_as_the_context(void **state)
{
    mr_chain *c = make("differentiate rule=diff");
    const mr_slab span = {0, 1000};
    (void)state;
    check_slab(mr_chain_spoils(c, 0, mr_chain_n(c), span, (mr_slab){10, 12}), 10, 13);
    mr_chain_free(c);
    c = make("rms window=100ms"); /* 10 samples */
    check_slab(mr_chain_spoils(c, 0, mr_chain_n(c), span, (mr_slab){10, 12}), 10, 21);
    mr_chain_free(c);
    c = make("decimate factor=5"); /* outputs 5 m with 5 m - 50 <= 11, 5 m + 50 >= 110 */
    check_slab(mr_chain_spoils(c, 0, mr_chain_n(c), span, (mr_slab){110, 112}), 12, 33);
    mr_chain_free(c);
    c = make("demean window=1s | differentiate rule=diff");
    check_slab(mr_chain_spoils(c, 0, mr_chain_n(c), span, (mr_slab){110, 112}), 100, 201);
    mr_chain_free(c);
    c = make("integrate window=span");
    check_slab(mr_chain_spoils(c, 0, mr_chain_n(c), span, (mr_slab){110, 112}), 110, 1000);
    mr_chain_free(c);
}

static void blanks_grow_through_the_chain(void **state)
{
    mr_slab head, tail;
    mr_chain *c = make("rms window=100ms | decimate factor=5 | differentiate rule=diff");
    (void)state;
    /* rms: [0, 9) blank; decimate: 5 m - 50 <= 8: m < 12; difference: one more */
    mr_chain_blanks(c, mr_chain_n(c), (mr_slab){0, 1000}, &head, &tail);
    check_slab(head, 0, 13);
    check_slab(tail, 200, 200);
    mr_chain_free(c);
    c = make("demean window=1s"); /* [30, 100) is used, [300, 340) is less than half */
    mr_chain_blanks(c, mr_chain_n(c), (mr_slab){30, 340}, &head, &tail);
    check_slab(head, 30, 30);
    check_slab(tail, 300, 340);
    mr_chain_blanks(c, mr_chain_n(c), (mr_slab){10, 40}, &head,
                    &tail); /* one window, a third of it */
    check_slab(head, 10, 40);
    check_slab(tail, 40, 40);
    mr_chain_free(c);
}

static void texts_name_every_setting(void **state)
{
    mr_text brief = {0}, full = {0};
    mr_chain *c = make("bandpass band=5..20Hz | decimate factor=20 | integrate");
    (void)state;
    assert_int_equal(mr_chain_brief(c, &brief), MR_OK);
    assert_string_equal(brief.s, "bandpass band=5..20 Hz order=4 phase=zero\n"
                                 "decimate factor=5 kind=fir phase=zero align=utc\n"
                                 "decimate factor=4 kind=fir phase=zero align=utc\n"
                                 "integrate above=0.1 Hz rule=trapezoid\n");
    assert_int_equal(mr_chain_describe(c, &full), MR_OK);
    assert_non_null(strstr(full.s, "bandpass rate=0x1.9p+6 band=0x1.4p+2..0x1.4p+4 Hz"));
    assert_non_null(strstr(full.s, "taps=["));
    mr_text_fini(&brief);
    mr_text_fini(&full);
    mr_chain_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimation_keeps_multiples_of_the_factor),
        cmocka_unit_test(resampling_gives_fractional_positions),
        cmocka_unit_test(ranges_add_contexts_backwards),
        cmocka_unit_test(carried_states_save_the_fade),
        cmocka_unit_test(every_state_is_saved_where_the_next_block_starts),
        cmocka_unit_test(windows_are_read_whole),
        cmocka_unit_test(windows_of_awkward_rates_tile_the_axis),
        cmocka_unit_test(what_is_whole_span_says_who),
        cmocka_unit_test(steps_are_cut_at_coupling_operators),
        cmocka_unit_test(spoils_reach_as_far_as_the_context),
        cmocka_unit_test(blanks_grow_through_the_chain),
        cmocka_unit_test(texts_name_every_setting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
