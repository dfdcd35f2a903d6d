/* test_server.c: the lane server, for any number of ranks; tests/e2e/test_par.py runs it under
 * mpirun, also with MILLRACE_MPI_THREADS=funneled, where lanes are dealt. */
#include "ranks.h"
#include "par/thread.h"
#include <stdlib.h>
#include <string.h>

enum { LANES = 200 };
static int me, n;

static mr_server *server_for(uint64_t lanes, bool *dynamic)
{
    mr_server *s = NULL;
    assert_int_equal(mr_server_start(world, lanes, &s, dynamic), MR_OK);
    assert_int_equal(*dynamic, mr_comm_threads(world));
    return s;
}

static void every_lane_goes_to_exactly_one_rank(void **state)
{
    (void)state;
    bool dynamic;
    double got[LANES] = {0};
    uint64_t lane, before = 0, k = 0;
    mr_server *s = server_for(LANES, &dynamic);
    while (mr_server_claim(s, &lane) == MR_OK) {
        assert_true(lane < LANES);
        assert_true(k == 0 || lane > before); /* in order */
        if (!dynamic) assert_int_equal(lane, (uint64_t)me + k * (uint64_t)n);
        before = lane;
        got[lane] += 1;
        k++;
    }
    assert_int_equal(mr_server_claim(s, &lane), MR_ECLOSED); /* and stays so */
    mr_server_end(s);
    mr_sum_f64(world, got, LANES);
    for (int i = 0; i < LANES; i++) assert_true(got[i] == 1);
}

static void no_lanes_is_fine(void **state)
{
    (void)state;
    bool dynamic;
    uint64_t lane = 77;
    mr_server *s = server_for(0, &dynamic);
    assert_int_equal(mr_server_claim(s, &lane), MR_ECLOSED);
    assert_int_equal(lane, 77);
    mr_server_end(s);
    mr_server_end(NULL);
}

/** Poll until stop, at most 10 s. */
static bool stopped(mr_server *s, bool want)
{
    mr_tally t = {0};
    bool stop = false;
    for (double end = mr_now() + 10; !stop && mr_now() < end;)
        assert_int_equal(mr_server_poll(s, &t, want, &stop), MR_OK);
    return stop;
}

static void one_ranks_wish_stops_all(void **state)
{
    (void)state;
    for (int who = 0; who < n; who++) {
        bool dynamic, stop = true;
        uint64_t lane;
        mr_tally t = {0};
        mr_server *s = server_for(1000000, &dynamic);
        assert_int_equal(mr_server_claim(s, &lane), MR_OK);
        assert_int_equal(mr_server_poll(s, &t, false, &stop), MR_OK);
        if (me == who) assert_false(stop);
        mr_barrier(world);
        if (me == who) assert_false(mr_server_stopping(s));
        assert_true(stopped(s, me == who));
        assert_true(mr_server_stopping(s)); /* a claim now comes to nothing for that reason */
        assert_int_equal(mr_server_claim(s, &lane), MR_ECLOSED); /* lanes are left */
        assert_true(stopped(s, false));                          /* it cannot be taken back */
        mr_server_end(s);
    }
}

static void all_may_wish_at_once(void **state)
{
    (void)state;
    bool dynamic;
    mr_server *s = server_for(10, &dynamic);
    assert_true(stopped(s, true));
    mr_server_end(s);
}

/** Every rank claims two of the lanes and says that it has done one. */
static void the_map_of_lanes_follows_claims_and_ends(void **state)
{
    (void)state;
    bool dynamic, stop;
    enum { MORE = 3 };
    char map[2 * 16 + MORE + 1] = "";
    const size_t lanes = 2 * (size_t)n + MORE;
    mr_server *s = server_for(lanes, &dynamic);
    mr_tally mine = {.lanes = 1};
    uint64_t lane;
    assert_true(n <= 16);
    for (int i = 0; i < 2; i++) assert_int_equal(mr_server_claim(s, &lane), MR_OK);
    assert_int_equal(mr_server_poll(s, &mine, false, &stop), MR_OK);
    mr_barrier(world);
    if (me == 0 && dynamic) {
        size_t done = 0, hand = 0, left = 0;
        for (double end = mr_now() + 10; done < (size_t)n && mr_now() < end;) {
            mr_server_lanes(s, map, lanes);
            done = hand = left = 0;
            for (size_t i = 0; i < lanes; i++) {
                done += map[i] == '#';
                hand += map[i] == '>';
                left += map[i] == '.';
            }
        }
        assert_int_equal(done, n);
        assert_int_equal(hand, n);
        assert_int_equal(left, MORE);
        assert_int_equal(map[0], '#');
        for (size_t i = 2 * (size_t)n; i < lanes; i++) assert_int_equal(map[i], '.');
    }
    mr_server_end(s);
}

static void tallies_are_added_up(void **state)
{
    (void)state;
    bool dynamic, stop;
    mr_server *s = server_for(1, &dynamic);
    mr_tally sum, mine = {.blocks = (uint64_t)me + 1,
                          .lanes = 2,
                          .bytes = 3,
                          .samples = 4,
                          .losses = 5,
                          .wait_read_s = 0.5,
                          .wait_compute_s = 0.25,
                          .wait_write_s = 1};
    assert_int_equal(mr_server_poll(s, &mine, false, &stop),
                     MR_OK); /* the first one talks at once */
    mr_barrier(world);
    if (me == 0 && dynamic) {
        uint64_t all = (uint64_t)n * (uint64_t)(n + 1) / 2; /* 1 + 2 + ... + n */
        double end = mr_now() + 10;
        do mr_server_total(s, &sum);
        while (sum.blocks < all && mr_now() < end);
        assert_int_equal(sum.blocks, all);
        assert_int_equal(sum.lanes, 2 * n);
        assert_int_equal(sum.bytes, 3 * n);
        assert_int_equal(sum.samples, 4 * n);
        assert_int_equal(sum.losses, 5 * n);
        assert_true(sum.wait_read_s == 0.5 * n);
        assert_true(sum.wait_compute_s == 0.25 * n);
        assert_true(sum.wait_write_s == n);
    } else {
        mr_server_total(s, &sum);
        assert_memory_equal(&sum, &mine, sizeof sum);
    }
    mr_server_end(s);
}

typedef struct {
    mr_server *s;
    uint64_t n;
} claimer;

static mr_status claim_all(void *arg, mr_future *self)
{
    claimer *c = arg;
    mr_status st;
    (void)self;
    for (uint64_t lane; (st = mr_server_claim(c->s, &lane)) == MR_OK;) c->n++;
    return st == MR_ECLOSED ? MR_OK : st;
}

static void one_thread_claims_while_another_polls(void **state)
{
    (void)state;
    if (!mr_comm_threads(world)) return; /* then only the main thread talks */
    bool dynamic, stop;
    mr_server *s = server_for(LANES, &dynamic);
    claimer c = {s, 0};
    mr_tally t = {0};
    mr_crew *crew = NULL;
    mr_future *f = NULL;
    assert_int_equal(mr_crew_new("claim", 1, &crew), MR_OK);
    assert_int_equal(mr_crew_submit(crew, claim_all, &c, &f), MR_OK);
    while (!mr_future_done(f)) assert_int_equal(mr_server_poll(s, &t, false, &stop), MR_OK);
    assert_int_equal(mr_future_wait(f, -1), MR_OK);
    mr_future_free(f);
    mr_crew_free(crew, false);
    mr_server_end(s);
    double all = (double)c.n;
    mr_sum_f64(world, &all, 1);
    assert_true(all == LANES);
}

/** Poll until the rank knows, at most 10 s. */
static void becomes(mr_server *s, bool paused)
{
    mr_tally t = {0};
    bool stop = false;
    for (double end = mr_now() + 10; mr_server_paused(s) != paused && mr_now() < end;)
        assert_int_equal(mr_server_poll(s, &t, false, &stop), MR_OK);
    assert_true(mr_server_paused(s) == paused);
    assert_false(stop);
}

static void a_pause_reaches_all_and_ends_for_all(void **state)
{
    (void)state;
    bool dynamic;
    uint64_t lane;
    mr_server *s = server_for(LANES, &dynamic);
    for (int round = 0; round < 3 && (dynamic || n == 1); round++)
        for (int on = 1; on >= 0; on--) {
            if (me == 0) assert_true(mr_server_pause(s, on));
            becomes(s, on);
            mr_barrier(world);
        }
    if (!dynamic && n > 1 && me == 0) assert_false(mr_server_pause(s, true));
    if (dynamic && me == 0) assert_true(mr_server_pause(s, true)); /* ranks may end meanwhile */
    while (mr_server_claim(s, &lane) == MR_OK) continue;
    mr_server_end(s);
}

int main(int argc, char **argv)
{
    start_ranks(&argc, &argv);
    me = mr_comm_rank(world);
    n = mr_comm_size(world);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_lane_goes_to_exactly_one_rank),
        cmocka_unit_test(no_lanes_is_fine),
        cmocka_unit_test(one_ranks_wish_stops_all),
        cmocka_unit_test(all_may_wish_at_once),
        cmocka_unit_test(tallies_are_added_up),
        cmocka_unit_test(the_map_of_lanes_follows_claims_and_ends),
        cmocka_unit_test(one_thread_claims_while_another_polls),
        cmocka_unit_test(a_pause_reaches_all_and_ends_for_all),
    };
    return end_if_failed(tests, sizeof tests / sizeof *tests, "server");
}
