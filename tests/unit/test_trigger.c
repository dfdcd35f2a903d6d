/* tests/unit/test_trigger.c: picks over any cut of a lane into blocks, what is known of them when,
 * and the order in which a join gives its events. Whole runs: tests/e2e/test_events.py. */
#include "../ops/cut.h"
#include "ops/chain/chain.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 6000, CHANNELS = 11, RATE = 100 };
static const int64_t FIRST = 176722560047; /* not on a cell's edge */
static const char SETTINGS[] = "trigger on=10 off=4 min_length=50ms max_length=1500ms";

static mr_chain *chain_of(const char *text)
{
    const mr_geom in = {
        .rate_hz = RATE, .nc = CHANNELS, .dx_m = 5, .quantity = "data", .unit = "1"};
    mr_node list = cut_settings(text);
    mr_chain *c = NULL;
    if (mr_chain_new(&list, &in, &c) != MR_OK) fail_msg("%s", mr_error());
    mr_node_fini(&list);
    return c;
}

/* Noise below `off`, and every now and then something above `on` that may stay between them. */
static double *samples(uint8_t *bad)
{
    double *x = calloc((size_t)N * CHANNELS, sizeof *x);
    srand(5);
    for (int i = 0; i < N * CHANNELS; i++) x[i] = rand() % 400 * 0.01;
    for (int k = 0; k < 300; k++) {
        const int c = rand() % CHANNELS, a = rand() % N, n = 1 + rand() % (k % 10 ? 90 : 900);
        for (int t = a; t < a + n && t < N; t++)
            x[t * CHANNELS + c] = t == a ? 20 : 5 + rand() % 500 * 0.01 + (rand() % 200 == 0) * 9;
    }
    for (int k = 0; k < 30; k++) bad[rand() % (N * CHANNELS)] = 1;
    return x;
}

/* The picks of samples [a, b) of a lane, taken in pieces. Checks at every piece that what is said
 * to be known is. */
static mr_picks run(const mr_chain *c, double *x, const uint8_t *bad, int64_t a, int64_t b,
                    int64_t piece, const mr_picks *final)
{
    mr_picks out = {.most = 1 << 20, .channels = CHANNELS};
    double *state = calloc(mr_chain_state(c) * 16, sizeof *state);
    double *work = aligned_alloc(64, 64 * 1024);
    mr_fold_row now = {0};
    mr_block_ranges r = {.n = 1, .out = {a, b}};
    r.span[0] = r.span[1] = (mr_slab){FIRST, FIRST + N};
    for (int64_t k = a; k < b; k += piece) {
        const mr_slab items = {k, MR_MIN(k + piece, b)};
        const size_t at = (size_t)(k - FIRST) * CHANNELS;
        mr_view v = {x + at, (size_t)(items.b - items.a), CHANNELS, CHANNELS};
        const mr_fold_job f = {.r = &r,
                               .lane = {a, b},
                               .items = items,
                               .x = &v,
                               .x0 = k,
                               .bad = bad + at,
                               .bad0 = k,
                               .picks = &out,
                               .now = &now,
                               .state = state,
                               .width = 16,
                               .work = work};
        mr_chain_fold(c, &f);
        assert_int_equal(out.st, MR_OK);
        const int64_t known = mr_chain_picks_known(c, items.b);
        size_t have = 0, want = 0;
        for (size_t i = 0; i < out.n; i++) have += out.v[i].on < known;
        for (size_t i = 0; final && i < final->n; i++) want += final->v[i].on < known;
        if (final) assert_int_equal(have, want);
    }
    free(state);
    free(work);
    mr_picks_sort(out.v, out.n);
    return out;
}

static void same(const mr_pick *a, const mr_pick *b)
{
    assert_true(a->on == b->on && a->off == b->off && a->peak_at == b->peak_at &&
                a->peak == b->peak && a->channel == b->channel && a->flags == b->flags);
}

static void any_cut_into_blocks_gives_the_same_picks(void **state)
{
    (void)state;
    static const int64_t pieces[] = {1, 7, 149, 150, 151, 1000};
    uint8_t *bad = calloc((size_t)N * CHANNELS, 1);
    double *x = samples(bad);
    mr_chain *c = chain_of(SETTINGS);
    size_t flags[4] = {0};
    mr_picks whole = run(c, x, bad, FIRST, FIRST + N, N, NULL);
    for (size_t i = 0; i < whole.n; i++) flags[whole.v[i].flags]++;
    for (int k = 0; k < 4; k++) assert_true(flags[k] >= 3);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        mr_picks cut = run(c, x, bad, FIRST, FIRST + N, pieces[p], &whole);
        assert_int_equal(cut.n, whole.n);
        for (size_t i = 0; i < cut.n; i++) same(&cut.v[i], &whole.v[i]);
        free(cut.v);
    }
    free(whole.v);
    mr_chain_free(c);
    free(x);
    free(bad);
}

/* A lane looks as far as mr_chain_picks_reach says, and no further: its own picks are those of the
 * whole span. */
static void a_lane_knows_its_own_picks(void **state)
{
    (void)state;
    uint8_t *bad = calloc((size_t)N * CHANNELS, 1);
    double *x = samples(bad);
    mr_chain *c = chain_of(SETTINGS);
    mr_picks whole = run(c, x, bad, FIRST, FIRST + N, N, NULL);
    const mr_slab all = {FIRST, FIRST + N};
    size_t found = 0;
    for (int64_t a = FIRST; a < all.b; a += 317) {
        const mr_slab own = {a, MR_MIN(a + 317, all.b)};
        const mr_slab reach = mr_chain_picks_reach(c, own, all);
        assert_true(reach.a >= all.a && reach.b <= all.b && reach.a <= own.a && reach.b >= own.b);
        mr_picks lane = run(c, x, bad, reach.a, reach.b, 100, NULL);
        for (size_t i = 0; i < lane.n; i++) {
            if (lane.v[i].on < own.a || lane.v[i].on >= own.b) continue;
            assert_true(found < whole.n);
            same(&lane.v[i], &whole.v[found++]);
        }
        free(lane.v);
    }
    assert_int_equal(found, whole.n);
    free(whole.v);
    mr_chain_free(c);
    free(x);
    free(bad);
}

static void too_many_picks_are_said(void **state)
{
    (void)state;
    mr_picks p = {.most = 3, .channels = 2};
    for (int i = 0; i < 5; i++) mr_picks_add(&p, &(mr_pick){.on = i, .off = i + 1});
    assert_int_equal(p.st, MR_ECONFIG);
    assert_int_equal(p.n, 3);
    assert_non_null(strstr(mr_error(), "max_length"));
    free(p.v);
}

typedef struct got {
    mr_event v[8];
    size_t n;
} got;

static mr_status take(void *arg, const mr_event *e)
{
    got *g = arg;
    assert_true(g->n < 8);
    g->v[g->n++] = *e;
    return MR_OK;
}

/* Two fronts at 500 m/s and -1000 m/s, 5 m from channel to channel: 1 and -0.5 samples apart; the
 * second begins before the first is over, on other channels. */
static void fronts_become_events_in_order(void **state)
{
    (void)state;
    double x[CHANNELS];
    got g = {.n = 0};
    mr_join *j = NULL;
    mr_chain *c = chain_of("trigger on=10 off=4 max_length=1500ms | "
                           "coincidence channels=3 within=6m velocity=300..9000m/s");
    for (int k = 0; k < CHANNELS; k++) x[k] = 5.0 * k;
    const mr_joining in = {.nc = CHANNELS, .distance_m = x, .give = take, .arg = &g};
    assert_int_equal(mr_chain_join_begin(c, &in, &j), MR_OK);
    mr_pick p[10];
    size_t n = 0;
    for (uint32_t k = 0; k < 6; k++)
        p[n++] = (mr_pick){.on = FIRST + k,
                           .off = FIRST + 90,
                           .peak = 20 + k,
                           .channel = k,
                           .peak_at = FIRST + 10 + k};
    for (uint32_t k = 0; k < 4; k++)
        p[n++] = (mr_pick){.on = FIRST + 2 + k / 2,
                           .off = FIRST + 20,
                           .peak = 50,
                           .flags = MR_CUT,
                           .channel = 10 - k,
                           .peak_at = FIRST + 5};
    mr_picks_sort(p, n);
    for (size_t i = 0; i < n; i++) assert_int_equal(mr_chain_join_add(j, &p[i]), MR_OK);
    assert_int_equal(g.n, 0); /* both may still grow */
    assert_int_equal(mr_chain_join_end(j, false), MR_OK);
    assert_int_equal(g.n, 2);
    assert_true(g.v[0].on == FIRST && g.v[0].off == FIRST + 90 && g.v[0].n == 6);
    assert_true(g.v[0].channel[0] == 0 && g.v[0].channel[1] == 5 && g.v[0].peak == 25);
    assert_true(g.v[0].peak_channel == 5 && g.v[0].peak_at == FIRST + 15 && g.v[0].flags == 0);
    assert_true(fabs(g.v[0].velocity - 500) < 1e-9 && g.v[0].velocity_sd == 0);
    assert_true(g.v[1].on == FIRST + 2 && g.v[1].n == 4 && g.v[1].flags == MR_CUT);
    assert_true(isnan(g.v[1].velocity));                                  /* under five channels */
    assert_true(g.v[1].peak_channel == 9 && g.v[1].peak_at == FIRST + 5); /* the first of equals */
    mr_chain_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cut_into_blocks_gives_the_same_picks),
        cmocka_unit_test(a_lane_knows_its_own_picks),
        cmocka_unit_test(too_many_picks_are_said),
        cmocka_unit_test(fronts_become_events_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
