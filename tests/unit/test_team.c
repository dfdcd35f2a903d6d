/* test_team.c: the compute threads: each member does each piece of work once, and the lead goes on
 * when all are done. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "run/team.h"

enum { THREADS = 4, ROUNDS = 500 };

typedef struct bench {
    mr_team *team;
    atomic_int done[THREADS]; /* pieces of work that a member has done */
    int members, late;
    atomic_int next, items;
} bench;

static void piece(void *arg, int member)
{
    bench *b = arg;
    atomic_fetch_add(&b->done[member], 1);
    if (member % 2) sched_yield();
}

static void items(void *arg, MR_UNUSED int member)
{
    bench *b = arg;
    while (atomic_fetch_add(&b->next, 1) < 100) atomic_fetch_add(&b->items, 1);
}

static mr_status lead(void *arg)
{
    bench *b = arg;
    for (int round = 1; round <= ROUNDS; round++) {
        mr_team_do(b->team, piece, b);
        b->members = 0;
        for (int i = 0; i < THREADS; i++) {
            const int n = atomic_load(&b->done[i]);
            b->members += n > 0;
            b->late += n != 0 && n != round; /* OpenMP may give fewer members */
        }
    }
    mr_team_do(b->team, items, b);
    return MR_RAISE(MR_LOSSES, "what the lead says");
}

static void all_do_all(MR_UNUSED void **state)
{
    bench b = {0};
    assert_int_equal(mr_team_new("t", &b.team), MR_OK);
    for (int again = 0; again < 3; again++) {
        for (int i = 0; i < THREADS; i++) atomic_store(&b.done[i], 0);
        atomic_store(&b.next, 0);
        assert_int_equal(mr_team_lead(b.team, THREADS, lead, &b), MR_LOSSES);
        assert_string_equal(mr_error(), "what the lead says");
        assert_int_equal(b.members, THREADS);
        assert_int_equal(b.late, 0);
        assert_int_equal(atomic_load(&b.items), 100 * (again + 1));
    }
    mr_team_free(b.team);
}

static void alone_it_is_done_alone(MR_UNUSED void **state)
{
    bench b = {0};
    assert_int_equal(mr_team_new("t", &b.team), MR_OK);
    mr_team_do(b.team, piece, &b); /* without a lead */
    assert_int_equal(atomic_load(&b.done[0]), 1);
    atomic_store(&b.done[0], 0);
    assert_int_equal(mr_team_lead(b.team, 1, lead, &b), MR_LOSSES);
    assert_int_equal(atomic_load(&b.done[0]), ROUNDS);
    assert_int_equal(b.late, 0);
    mr_team_free(b.team);
    mr_team_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_do_all),
                                       cmocka_unit_test(alone_it_is_done_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
