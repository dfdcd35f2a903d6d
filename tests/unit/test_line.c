/* test_line.c: stamps of rows -> lines, against derivations by hand: holes, steps back, bad stamps,
 * coarse and trembling ones, packets, drift; and the round rates that they may stand for. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "in/clock/line.h"

#define MS 1e6
enum { MOST = 8000 };
static double t[MOST];

/** n stamps of a step of 10 ms. */
static void even(size_t n)
{
    for (size_t i = 0; i < n; i++) t[i] = (double)i * 10 * MS;
}

static mr_line line(size_t n, double res_ns)
{
    mr_line l;
    assert_int_equal(mr_line_of(t, n, res_ns, &l), MR_OK);
    return l;
}

static void piece(const mr_line *l, size_t i, uint64_t row, uint64_t nt, double t0, double t1)
{
    assert_true(i < l->n_pieces);
    const mr_piece *p = &l->piece[i];
    if (p->row != row || p->nt != nt)
        fail_msg("piece %zu: rows %d + %d", i, (int)p->row, (int)p->nt);
    if (fabs(p->t0_ns - t0) > 1 || fabs(p->t1_ns - t1) > 1)
        fail_msg("piece %zu: %.3f .. %.3f ns", i, p->t0_ns, p->t1_ns);
}

/** 0..1, the same on every machine. */
static double noise(size_t i)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)(x >> 40) / (double)(1 << 24);
}

static void even_stamps_are_one_line(void **s)
{
    (void)s;
    for (size_t n = 1; n < 12; n++) {
        even(n);
        mr_line l = line(n, 1);
        assert_int_equal(l.n_pieces, 1);
        piece(&l, 0, 0, n, 0, (double)(n - 1) * 10 * MS);
        assert_true(n == 1 || l.step_ns == 10 * MS);
        mr_line_fini(&l);
    }
}

/* from row 700 on 40 s later, 1 sample later, 0.6 samples later, 1 earlier, 1 s earlier */
static void a_step_of_more_than_half_a_sample_cuts(void **s)
{
    (void)s;
    static const double by[] = {40000, 10, 6, -10, -1000};
    for (size_t k = 0; k < 5; k++) {
        even(2000);
        for (size_t i = 700; i < 2000; i++) t[i] += by[k] * MS;
        mr_line l = line(2000, 1);
        assert_int_equal(l.n_pieces, 2);
        piece(&l, 0, 0, 700, 0, 6990 * MS);
        piece(&l, 1, 700, 1300, (7000 + by[k]) * MS, (19990 + by[k]) * MS);
        assert_true(l.n_bad == 0 && fabs(l.step_ns / (10 * MS) - 1) < 1e-9);
        mr_line_fini(&l);
    }
}

static void a_step_of_less_than_half_a_sample_does_not(void **s)
{
    (void)s;
    even(2000);
    for (size_t i = 700; i < 2000; i++) t[i] += 4 * MS;
    mr_line l = line(2000, 1);
    assert_true(l.n_bad == 0);
    for (size_t i = 1; i < l.n_pieces; i++) /* bent or not, it goes on within half a sample */
        assert_true(fabs(l.piece[i].t0_ns - l.piece[i - 1].t1_ns - 10 * MS) <= 5 * MS);
    mr_line_fini(&l);
}

/* many holes: every 50 rows one of a second; no pair of far rows is without one between */
static void many_holes_do_not_move_the_step(void **s)
{
    (void)s;
    even(3000);
    for (size_t i = 0; i < 3000; i++) t[i] += (double)(i / 50) * 1000 * MS;
    mr_line l = line(3000, 1);
    assert_int_equal(l.n_pieces, 60);
    assert_true(fabs(l.step_ns / (10 * MS) - 1) < 1e-9);
    piece(&l, 59, 2950, 50, 59000 * MS + 29500 * MS, 59000 * MS + 29990 * MS);
    mr_line_fini(&l);
}

/* one stamp off among others; none; the first; the last; the last two, which do not prove a line */
static void single_stamps_that_are_off_are_bad(void **s)
{
    (void)s;
    static const size_t bad[][2] = {{500, 500}, {0, 0}, {999, 999}, {998, 999}, {500, 502}};
    for (size_t k = 0; k < 5; k++) {
        even(1000);
        t[bad[k][0]] += 70 * MS;
        if (bad[k][1] != bad[k][0]) t[bad[k][1]] += k == 4 ? -90 * MS : 70 * MS;
        mr_line l = line(1000, 1);
        assert_int_equal(l.n_pieces, 1);
        piece(&l, 0, 0, 1000, 0, 9990 * MS);
        assert_int_equal(l.n_bad, bad[k][1] == bad[k][0] ? 1 : 2);
        mr_line_fini(&l);
    }
    even(1000);
    t[300] = NAN;
    mr_line l = line(1000, 1);
    piece(&l, 0, 0, 1000, 0, 9990 * MS);
    assert_int_equal(l.n_bad, 1);
    mr_line_fini(&l);
}

/* 300 Hz in whole ms: steps of 3, 3, 4 ms, whose median is no step */
static void coarse_stamps_keep_their_rate(void **s)
{
    (void)s;
    for (size_t i = 0; i < 1500; i++) t[i] = round((double)i / 0.3) * MS;
    mr_line l = line(1500, 1);
    assert_int_equal(l.n_pieces, 1);
    assert_true(l.n_bad == 0 && l.packets == 0);
    double span;
    const double step = mr_line_step(&l, &span);
    assert_true(fabs(step * 300e-9 - 1) < 1e-4);
    assert_true(mr_line_rate(step, span, l.noise_ns) == 300);
    mr_line_fini(&l);
}

/* +- 2 ms at 100 Hz: a fifth of a sample */
static void trembling_stamps_are_one_line(void **s)
{
    (void)s;
    even(3000);
    for (size_t i = 0; i < 3000; i++) t[i] += (4 * noise(i) - 2) * MS;
    mr_line l = line(3000, 1);
    assert_int_equal(l.n_pieces, 1);
    assert_true(l.n_bad == 0);
    assert_true(fabs(l.piece[0].t0_ns) < 2 * MS && fabs(l.piece[0].t1_ns - 29990 * MS) < 2 * MS);
    double span;
    const double step = mr_line_step(&l, &span);
    assert_true(mr_line_rate(step, span, l.noise_ns) == 100);
    mr_line_fini(&l);
}

/* a stamp for every 50 rows; and seconds, the first of which had begun 40 rows before */
static void packets_are_a_clock(void **s)
{
    (void)s;
    for (size_t i = 0; i < 3000; i++) t[i] = floor((double)i / 50) * 500 * MS;
    mr_line l = line(3000, 1);
    assert_int_equal(l.n_pieces, 1);
    assert_int_equal(l.packets, 50);
    piece(&l, 0, 0, 3000, 0, 29990 * MS);
    mr_line_fini(&l);
    for (size_t i = 0; i < 3000; i++) t[i] = floor((double)(i + 60) / 100) * 1000 * MS;
    l = line(3000, 1);
    piece(&l, 0, 0, 3000, 600 * MS, 600 * MS + 29990 * MS);
    mr_line_fini(&l);
}

/* the step grows from 10 ms by 1e-7 a row: 4 samples behind at the end, no line and no jump */
static void slow_drift_bends(void **s)
{
    (void)s;
    const size_t n = 8000;
    for (size_t i = 0; i < n; i++) t[i] = 10 * MS * (double)i * (1 + 0.5e-7 * (double)i);
    mr_line l = line(n, 1);
    assert_true(l.n_pieces > 1 && l.n_bad == 0);
    for (size_t i = 0; i < l.n_pieces; i++) {
        const mr_piece *p = &l.piece[i];
        const double mid = (double)(p->row + p->nt / 2);
        const double there = 10 * MS * mid * (1 + 0.5e-7 * mid);
        const double by =
            p->t0_ns + (p->t1_ns - p->t0_ns) * (double)(p->nt / 2) / (double)(p->nt - 1);
        assert_true(fabs(by - there) < 2.5 * MS); /* a quarter of a sample */
        if (i) assert_true(fabs(p->t0_ns - l.piece[i - 1].t1_ns - 10 * MS) < 2.5 * MS);
    }
    mr_line_fini(&l);
}

static void what_is_no_clock_is_told(void **s)
{
    (void)s;
    for (size_t i = 0; i < 1000; i++) t[i] = 5;
    mr_line l = line(1000, 1);
    assert_int_equal(l.fault, MR_LINE_CONSTANT);
    mr_line_fini(&l);
    for (size_t i = 0; i < 1000; i++) t[i] = -(double)i * 10 * MS;
    l = line(1000, 1);
    assert_int_equal(l.fault, MR_LINE_FALLING);
    mr_line_fini(&l);
    for (size_t i = 0, at = 0; i < 1000; i++, at += 1 + (size_t)(99 * noise(i)))
        t[i] = (double)at * 10 * MS;
    l = line(1000, 1);
    assert_int_equal(l.fault, MR_LINE_IRREGULAR);
    mr_line_fini(&l);
}

static void blocks_of_one_line_are_one_piece(void **s)
{
    (void)s;
    even(4000);
    for (size_t i = 2500; i < 4000; i++) t[i] += 30 * MS;
    mr_line all = {0}, next;
    for (size_t at = 0; at < 4000; at += 1000) {
        assert_int_equal(mr_line_of(t + at, 1000, 1, &next), MR_OK);
        assert_int_equal(mr_line_join(&all, &next, 1), MR_OK);
        mr_line_fini(&next);
    }
    assert_int_equal(all.n_pieces, 2);
    piece(&all, 0, 0, 2500, 0, 24990 * MS);
    piece(&all, 1, 2500, 1500, 25030 * MS, 40020 * MS);
    mr_line_fini(&all);
}

static void rates_are_as_round_as_the_stamps_allow(void **s)
{
    (void)s;
    /* 59.99 s in float32, good to 3.8 us at either end: 1.3e-7 */
    assert_true(mr_line_rate(59.99e9 * (1 + 5e-8) / 5999, 59.99e9, 3.8e3) == 100);
    /* ns stamps of 1,000,001 ns a sample tell it from 1,000 Hz: 5e-10 */
    assert_true(mr_line_rate(1000001, 4e9, 1) == 1e9 / 1000001);
    assert_true(mr_line_rate(1 / 0.3 * MS * (1 + 1e-12), 1e10, 1) == 300);
    /* of 3,999,948.5 ns, good to 0.24 us at either end of 0.796 s, the ns cannot be told */
    assert_true(mr_line_rate(3999948.5, 0.796e9, 238) == 1e9 / 3999948.5);
    assert_true(mr_line_rate(123456.5, 1e9, 1e-6) == 1e9 / 123456.5);
    assert_true(mr_line_rate(4000 * (1 + 1e-9), 1e9, 1) == 250000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(even_stamps_are_one_line),
        cmocka_unit_test(a_step_of_more_than_half_a_sample_cuts),
        cmocka_unit_test(a_step_of_less_than_half_a_sample_does_not),
        cmocka_unit_test(many_holes_do_not_move_the_step),
        cmocka_unit_test(single_stamps_that_are_off_are_bad),
        cmocka_unit_test(coarse_stamps_keep_their_rate),
        cmocka_unit_test(trembling_stamps_are_one_line),
        cmocka_unit_test(packets_are_a_clock),
        cmocka_unit_test(slow_drift_bends),
        cmocka_unit_test(what_is_no_clock_is_told),
        cmocka_unit_test(blocks_of_one_line_are_one_piece),
        cmocka_unit_test(rates_are_as_round_as_the_stamps_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
