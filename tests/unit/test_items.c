/* Items and rows of reducers: which samples they take, at ends of spans and at rates that divide no
 * window. */
#include "../ops/cut.h"
#include "ops/chain/chain_priv.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Walk all items from far before to far after and check the ranges against the definition. */
static void check(const mr_items *it, mr_slab span, double rate)
{
    const mr_slab got = mr_items_of(it, span, rate);
    const double per = mr_items_rate(it, rate) / rate;
    const int64_t from = (int64_t)((double)(span.a - 3 * it->len) * per) - 3,
                  to = (int64_t)((double)(span.b + 3 * it->len) * per) + 3;
    int64_t n = 0;
    for (int64_t k = from; k < to; k++) {
        const mr_slab at = mr_item(it, k, span, rate);
        const bool in = at.b - at.a >= it->least;
        if (in != (k >= got.a && k < got.b)) fail_msg("item %lld", (long long)k);
        n += in;
        assert_true(mr_item_start(it, k, rate) <= mr_item_start(it, k + 1, rate));
        const mr_slab on = mr_items_on(it, (mr_slab){span.a, span.a + 3}, rate);
        const int64_t a = mr_item_start(it, k, rate);
        assert_int_equal(k >= on.a && k < on.b, a < span.a + 3 && a + it->len > span.a);
    }
    assert_int_equal(got.b - got.a, n);
    if (n == 0) return;
    const mr_slab in = mr_items_input(it, got, span, rate);
    assert_int_equal(in.a, mr_item(it, got.a, span, rate).a);
    assert_int_equal(in.b, mr_item(it, got.b - 1, span, rate).b);
}

static void items_are_found_from_their_samples(void **state)
{
    const mr_slab spans[] = {{1000, 2000}, {-777, 901}, {123456, 123460}, {5, 5}, {0, 60000}};
    const double rates[] = {100, 976.5625, 333.25};
    (void)state;
    for (size_t s = 0; s < sizeof spans / sizeof *spans; s++)
        for (size_t r = 0; r < 3; r++) {
            const int64_t w = (int64_t)(2 * rates[r]); /* windows of 2 s */
            const mr_items all[] = {
                {.hop = 1, .len = 1, .least = 1},
                {.hop = 64, .len = 128, .least = 128},
                {.window_ns = 2000000000,
                 .n = (w - 50) / 25 + 1,
                 .hop = 25,
                 .len = 50,
                 .least = 50},
                {.window_ns = 2000000000, .n = 1, .hop = w, .len = w, .least = (w + 1) / 2}};
            for (size_t i = 0; i < 4; i++) check(&all[i], spans[s], rates[r]);
        }
}

static mr_chain *chain_of(const char *text, double rate)
{
    const mr_geom g = {.rate_hz = rate, .nc = 4, .quantity = "data", .unit = "1"};
    mr_node list = cut_settings(text);
    mr_chain *c = NULL;
    if (mr_chain_new(&list, &g, &c) != MR_OK) fail_msg("%s", mr_error());
    mr_node_fini(&list);
    return c;
}

static void rows_are_windows_of_their_number(void **state)
{
    (void)state;
    mr_chain *c = chain_of("decimate factor=2 | psd segment=50 interval=5s", 100);
    /* 250 samples at 50 Hz: (250 - 50) / 25 + 1 = 9 segments; row 7 has items 63 .. 71 */
    assert_int_equal(mr_chain_row_first(c, 7), 63);
    const mr_slab rows = mr_chain_rows(c, (mr_slab){62, 64});
    assert_true(rows.a == 6 && rows.b == 8);
    assert_int_equal(mr_chain_nominal_ns(c, 65), INT64_C(35000000000));
    assert_int_equal(mr_chain_unit_ns(c), INT64_C(5000000000));
    assert_true(mr_chain_rate(c) == 9 / 5.0 && mr_chain_reducer_rate(c) == 50);
    /* rows are done when their last item is, or the lane ends */
    mr_slab done = mr_chain_rows_done(c, (mr_slab){54, 80}, (mr_slab){54, 63});
    assert_true(done.a == 6 && done.b == 7);
    done = mr_chain_rows_done(c, (mr_slab){54, 80}, (mr_slab){63, 71});
    assert_true(done.a == done.b);
    done = mr_chain_rows_done(c, (mr_slab){54, 80}, (mr_slab){71, 80});
    assert_true(done.a == 7 && done.b == 9);
    /* 35 .. 40 s are samples 1750 .. 2000; the span from 3600 / 2 = 1800 on has 200 of them */
    const mr_slab s = mr_chain_row_samples(c, (mr_slab){3600, 9000}, 7);
    assert_true(s.a == 1800 && s.b == 2000);
    int64_t num, den;
    mr_chain_position(c, (mr_slab){0, 9000}, 64, &num, &den); /* second segment of row 7 */
    assert_true(num == 2 * (1750 + 25) && den == 1);
    mr_chain_free(c);
}

static void everything_is_one_row(void **state)
{
    (void)state;
    mr_chain *c = chain_of("psd segment=50 interval=all", 100);
    const mr_slab lane = {100, 200};
    mr_slab done = mr_chain_rows_done(c, lane, (mr_slab){100, 150});
    assert_true(done.a == done.b);
    done = mr_chain_rows_done(c, lane, (mr_slab){150, 200});
    assert_true(done.a == 0 && done.b == 1);
    assert_int_equal(mr_chain_nominal_ns(c, 100), INT64_C(25000000000)); /* 100 x 25 samples */
    assert_int_equal(mr_chain_unit_ns(c), 0);
    mr_chain_free(c);
}

static mr_status made(const char *text, mr_chain **out)
{
    const mr_geom g = {.rate_hz = 100, .nc = 4, .quantity = "data", .unit = "1"};
    mr_node list = cut_settings(text);
    const mr_status st = mr_chain_new(&list, &g, out);
    mr_node_fini(&list);
    return st;
}

/* By hand: the largest magnitudes of two seconds, times -2, then their magnitudes again; a row that
 * is NaN stays so. */
static void rows_go_through_what_follows_the_reducer(void **state)
{
    enum { NT = 250, NC = 4 };
    mr_chain *c = NULL;
    double x[NT * NC];
    (void)state;
    for (size_t t = 0; t < NT; t++)
        for (size_t k = 0; k < NC; k++)
            x[t * NC + k] = (k % 2 ? -1.0 : 1.0) * (double)(t % 100 + 10 * k);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(made(again ? "stats interval=1s | scale by=-2 unit=m | abs"
                                    : "stats interval=1s | scale by=-2 unit=m",
                              &c),
                         MR_OK);
        assert_string_equal(mr_chain_out(c)->unit, "m");
        cut_job j = {.chain = c, .span = {0, NT}, .x = x, .nc = NC, .block = 70, .tile = 3};
        double *y = cut_run(&j);
        assert_int_equal(cut_out_rows(c, j.span), 3);
        for (size_t k = 0; k < 2 * NC; k++) {
            const double want = 2.0 * (double)(99 + 10 * (k % NC));
            assert_true(y[k] == (again ? want : -want));
        }
        for (size_t k = 0; k < NC; k++)
            assert_true(y[2 * NC + k] == (again ? 1 : -1) * 2.0 *
                                             (double)(49 + 10 * k)); /* half a second is there */
        free(y);
        mr_chain_free(c);
    }
}

static void what_needs_more_than_a_value_cannot_follow_a_reducer(void **state)
{
    mr_chain *c = NULL;
    (void)state;
    assert_int_equal(made("stats interval=1s | rms window=1s", &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "a value at a time"));
    assert_non_null(strstr(mr_error(), "rms"));
    assert_int_equal(made("psd segment=16 interval=all | abs", &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "until the run's end"));
    assert_int_equal(made("stats interval=1s | units to=strain", &c), MR_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_found_from_their_samples),
        cmocka_unit_test(rows_are_windows_of_their_number),
        cmocka_unit_test(everything_is_one_row),
        cmocka_unit_test(rows_go_through_what_follows_the_reducer),
        cmocka_unit_test(what_needs_more_than_a_value_cannot_follow_a_reducer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
