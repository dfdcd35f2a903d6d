/* test_map_ranks.c: work over ranks and threads, for any number of ranks; tests/e2e/test_par.py
 * runs it under mpirun. */
#include "ranks.h"
#include "par/map.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    atomic_long calls;
    long each; /* results seen on the calling thread */
    uint64_t bad;
    mr_status st;
} probe;

/** Piece i's result: its number in decimal, i % 3 times (so some have none). */
static mr_status say_number(void *arg, uint64_t i, mr_text *out)
{
    mr_status st = MR_OK;
    probe *p = arg;
    atomic_fetch_add(&p->calls, 1);
    if (p->st != MR_OK && i == p->bad) return MR_RAISE(p->st, "piece %d is bad", (int)i);
    for (uint64_t k = 0; k < i % 3; k++) MR_TRY(mr_text_add(out, "%d,", (int)i));
out:
    return st;
}

static void expected(uint64_t i, char *text)
{
    *text = '\0';
    for (uint64_t k = 0; k < i % 3; k++) sprintf(text + strlen(text), "%d,", (int)i);
}

static mr_status check_each(void *arg, uint64_t i, const char *bytes, size_t n)
{
    char want[64];
    expected(i, want);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(bytes, want, n);
    ((probe *)arg)->each++;
    return MR_OK;
}

static void results_come_in_order_whoever_did_which(void **state)
{
    (void)state;
    static const uint64_t count[] = {0, 1, 7, 5000}; /* 5000: batches of more than one */
    for (size_t k = 0; k < sizeof count / sizeof *count; k++) {
        uint64_t n = count[k];
        for (int threads = 1; threads <= 3; threads += 2) {
            probe p = {0};
            mr_mapped v = {0};
            assert_int_equal(mr_map_ranks(world, n, threads, say_number, check_each, &p, &v),
                             MR_OK);
            for (uint64_t i = 0; i < n; i++) {
                char want[64];
                expected(i, want);
                assert_int_equal(v.offs[i + 1] - v.offs[i], strlen(want));
                assert_memory_equal(v.bytes + v.offs[i], want, strlen(want));
            }
            double calls[2] = {(double)atomic_load(&p.calls), (double)p.each};
            mr_sum_f64(world, calls, 2);
            assert_true(calls[0] == (double)n && calls[1] == (double)n); /* each once */
            mr_mapped_fini(&v);
            mr_mapped_fini(&v);
        }
    }
}

static void failure_of_one_ends_all_with_its_reason(void **state)
{
    (void)state;
    enum { N = 200000 }; /* far more than are done before the failure is known */
    probe p = {.bad = 3, .st = MR_EINPUT};
    mr_mapped v = {.bytes = (char *)&p};
    assert_int_equal(mr_map_ranks(world, N, 2, say_number, NULL, &p, &v), MR_EINPUT);
    assert_non_null(strstr(mr_error(), "piece 3 is bad"));
    assert_ptr_equal(v.bytes, &p); /* untouched */
}

static mr_status stop_at_once(void *arg, uint64_t i, const char *bytes, size_t n)
{
    (void)i, (void)bytes, (void)n;
    return ((probe *)arg)->each++ < 5 ? MR_OK : MR_RAISE(MR_STOPPED, "asked to stop");
}

static mr_status work_a_little(void *arg, uint64_t i, mr_text *out)
{
    double end = mr_now() + 20e-6;
    while (mr_now() < end) {
    }
    return say_number(arg, i, out);
}

static void stopping_cancels_what_has_not_begun(void **state)
{
    (void)state;
    enum { N = 1000000 }; /* 20 s of work for one thread */
    probe p = {0};
    mr_mapped v = {0};
    double t = mr_now();
    assert_int_equal(mr_map_ranks(world, N, 1, work_a_little, stop_at_once, &p, &v), MR_STOPPED);
    assert_true(mr_now() - t < 5);
    double calls = (double)atomic_load(&p.calls);
    mr_sum_f64(world, &calls, 1);
    assert_true(calls < N / 2.0);
}

int main(int argc, char **argv)
{
    start_ranks(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_come_in_order_whoever_did_which),
        cmocka_unit_test(failure_of_one_ends_all_with_its_reason),
        cmocka_unit_test(stopping_cancels_what_has_not_begun),
    };
    return end_if_failed(tests, sizeof tests / sizeof *tests, "map");
}
