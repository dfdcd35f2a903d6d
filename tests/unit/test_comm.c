/* test_comm.c: agreement and collectives, for any number of ranks; tests/e2e/test_par.py runs it
 * under mpirun. Expected numbers are closed forms in the number of ranks n. */
#include "ranks.h"
#include "par/world.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int me, n;

static void world_is_as_launched(void **state)
{
    (void)state;
    const char *ompi = getenv("OMPI_COMM_WORLD_SIZE"), *ranks = ompi ? ompi : getenv("PMI_SIZE");
    assert_int_equal(n, ranks ? atoi(ranks) : 1);
    assert_int_equal(mr_comm_mpi(world), ranks != NULL);
    assert_in_range(me, 0, n - 1);
    assert_in_range(mr_comm_node_rank(world), 0, mr_comm_node_size(world) - 1);
    assert_true(mr_comm_node_size(world) <= n);
    assert_int_equal(mr_comm_nodes(world), 1); /* tests/slurm counts several */
    assert_true(mr_comm_node_cpus(world) >= 1);
    assert_true(strlen(mr_comm_library()) > 0);
}

/** Everybody gives its row's status and text; all must get `want` and its text. */
static void agree_on(const mr_status *st, mr_status want, int from)
{
    char mine[32], text[64];
    snprintf(mine, sizeof mine, "text of %d", me);
    mr_error_set(mine);
    if (from > 0)
        snprintf(text, sizeof text, "rank %d: text of %d", from, from);
    else
        snprintf(text, sizeof text, "text of 0");
    assert_int_equal(mr_agree(world, st[me]), want);
    assert_string_equal(mr_error(), want == MR_OK ? mine : text);
    assert_int_equal(mr_agree(world, want), want); /* again, further out: the same text */
    assert_string_equal(mr_error(), want == MR_OK ? mine : text);
}

static void worst_status_wins(void **state)
{
    (void)state;
    enum { MANY = 64 };
    mr_status st[MANY] = {MR_OK};
    int last = n - 1;
    agree_on(st, MR_OK, 0);
    st[last] = MR_LOSSES;
    agree_on(st, MR_LOSSES, last);
    st[0] = MR_STOPPED;
    agree_on(st, MR_STOPPED, 0);
    st[last] = MR_ECANCEL; /* a consequence */
    agree_on(st, MR_ECANCEL, last);
    st[0] = MR_EINPUT;
    agree_on(st, MR_EINPUT, 0);
    st[last] = MR_EMEM; /* both are errors: the lower rank's */
    agree_on(st, n > 1 ? MR_EINPUT : MR_EMEM, 0);
}

static void broadcast_reaches_all(void **state)
{
    (void)state;
    char *text = me == 0 ? strdup("from rank 0") : NULL;
    void *p = text;
    size_t len = me == 0 ? strlen(text) + 1 : 0;
    assert_int_equal(mr_bcast(world, &p, &len), MR_OK);
    assert_int_equal(len, 12);
    assert_string_equal(p, "from rank 0");
    free(p);
    p = NULL;
    len = 0;
    assert_int_equal(mr_bcast(world, &p, &len), MR_OK); /* nothing is also something */
    assert_int_equal(len, 0);
    free(p);
}

static void gather_is_in_rank_order(void **state)
{
    (void)state;
    unsigned char mine[64];
    size_t *offs = NULL;
    void *all = NULL;
    memset(mine, me + 1, sizeof mine);
    assert_int_equal(mr_allgather(world, mine, (size_t)me, &all, &offs), MR_OK);
    for (int r = 0; r <= n; r++) assert_int_equal(offs[r], r * (r - 1) / 2); /* 0 + 1 + ... */
    for (int r = 0; r < n; r++)
        for (size_t i = offs[r]; i < offs[r + 1]; i++)
            assert_int_equal(((unsigned char *)all)[i], r + 1);
    free(all);
    free(offs);
}

/** More than one call can count: in rounds, of parts that end in different ones, some empty. */
static void gather_of_much_goes_in_rounds(void **state)
{
    (void)state;
    const size_t mine_n = me % 3 == 1 ? 0 : 100 + 37 * (size_t)me;
    unsigned char mine[4096];
    assert_true(mine_n <= sizeof mine);
    for (size_t i = 0; i < mine_n; i++) mine[i] = (unsigned char)((size_t)me * 31 + i);
    for (size_t most = 1; most < 4000; most = most * 3 + 1) {
        size_t *offs = NULL, at = 0;
        void *all = NULL;
        assert_int_equal(mr_allgather_most(world, mine, mine_n, most, &all, &offs), MR_OK);
        for (int r = 0; r < n; r++) {
            const size_t k = r % 3 == 1 ? 0 : 100 + 37 * (size_t)r;
            assert_int_equal(offs[r], at);
            for (size_t i = 0; i < k; i++)
                assert_int_equal(((unsigned char *)all)[at + i],
                                 (unsigned char)((size_t)r * 31 + i));
            at += k;
        }
        assert_int_equal(offs[n], at);
        free(all);
        free(offs);
    }
}

static void sum_is_taken_in_rank_order(void **state)
{
    (void)state;
    enum { N = 25000 }; /* more than one piece */
    double *v = calloc(N, sizeof *v), want = 0;
    for (int i = 0; i < N; i++) v[i] = i + 0.1 * (me + 1);
    for (int r = 0; r < n; r++) want = r == 0 ? 0.1 : want + 0.1 * (r + 1);
    mr_sum_f64(world, v, N);
    assert_true(v[0] == want); /* bit for bit: the order is part of the contract */
    for (int i = 0; i < N; i++) assert_true(fabs(v[i] - (i * (double)n + want)) < 1e-9);
    v[0] = -me;
    v[1] = me;
    mr_max_f64(world, v, 2);
    assert_true(v[0] == 0 && v[1] == n - 1);
    free(v);
}

static void node_memory_shows_what_its_first_rank_wrote(void **state)
{
    (void)state;
    enum { BYTES = 100000 };
    mr_shared *s = NULL;
    assert_int_equal(mr_shared_new(world, BYTES, &s), MR_OK);
    unsigned char *p = mr_shared_data(s);
    assert_int_equal(p[BYTES - 1], 0);
    mr_barrier(world);
    if (mr_comm_node_rank(world) == 0) memset(p, 7, BYTES);
    mr_shared_ready(world, s);
    for (int i = 0; i < BYTES; i++) assert_int_equal(p[i], 7);
    mr_shared_free(world, s);
    assert_int_equal(mr_shared_new(world, 0, &s), MR_OK);
    mr_shared_free(world, s);
    mr_shared_free(world, NULL);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void whoever_waits_for_others_may_do_something_meanwhile(void **state)
{
    (void)state;
    int calls = 0;
    const int last = mr_comm_size(world) - 1;
    if (mr_comm_rank(world) == last) /* the others wait until this one has lost some time */
        for (double end = mr_now() + 0.1; mr_now() < end;) {
        }
    mr_barrier_meanwhile(world, 0.01, count, &calls);
    if (mr_comm_rank(world) != last) assert_true(calls > 1);
    if (mr_comm_size(world) == 1) assert_int_equal(calls, 0);
}

static void memory_that_does_not_exist_is_refused_by_all(void **state)
{
    (void)state;
    mr_shared *s = NULL;
    assert_int_equal(mr_shared_new(world, SIZE_MAX / 4, &s), MR_EMEM);
    assert_null(s);
}

int main(int argc, char **argv)
{
    start_ranks(&argc, &argv);
    me = mr_comm_rank(world);
    n = mr_comm_size(world);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(world_is_as_launched),
        cmocka_unit_test(worst_status_wins),
        cmocka_unit_test(broadcast_reaches_all),
        cmocka_unit_test(gather_is_in_rank_order),
        cmocka_unit_test(gather_of_much_goes_in_rounds),
        cmocka_unit_test(sum_is_taken_in_rank_order),
        cmocka_unit_test(node_memory_shows_what_its_first_rank_wrote),
        cmocka_unit_test(whoever_waits_for_others_may_do_something_meanwhile),
        cmocka_unit_test(memory_that_does_not_exist_is_refused_by_all),
    };
    return end_if_failed(tests, sizeof tests / sizeof *tests, "comm");
}
