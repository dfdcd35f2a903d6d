/* test_team.c: the compute threads: each member does each piece of work once, and the lead goes on
 * when all are done. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "par/thread.h"
#include "run/mill/team.h"

enum { THREADS = 4, ROUNDS = 500 };

typedef struct bench {
    mr_team *team;
    atomic_int done[THREADS]; /* pieces of work that a member has done */
    int members, late;
    atomic_int next, items, looped;
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

/* A loop of OpenMP's in the work: its pieces are shared out among the members. */
static void loop(void *arg, MR_UNUSED int member)
{
    bench *b = arg;
#pragma omp for schedule(dynamic, 1) nowait
    for (int k = 0; k < 1000; k++) atomic_fetch_add(&b->looped, k);
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
    for (int round = 0; round < 3; round++) mr_team_do(b->team, loop, b);
    return MR_RAISE(MR_LOSSES, "what the lead says");
}

static void all_do_all(MR_UNUSED void **state)
{
    bench b = {0};
    assert_int_equal(mr_team_new("t", &b.team), MR_OK);
    for (int again = 0; again < 3; again++) {
        for (int i = 0; i < THREADS; i++) atomic_store(&b.done[i], 0);
        atomic_store(&b.next, 0);
        atomic_store(&b.looped, 0);
        assert_int_equal(mr_team_lead(b.team, THREADS, lead, &b), MR_LOSSES);
        assert_string_equal(mr_error(), "what the lead says");
        assert_int_equal(b.members, THREADS);
        assert_int_equal(b.late, 0);
        assert_int_equal(atomic_load(&b.items), 100 * (again + 1));
        assert_int_equal(atomic_load(&b.looped),
                         3 * 999 * 1000 / 2); /* each piece once, each round */
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

/* --- a core each */

typedef struct seats {
    mr_team *team;
    mr_cpu_set core[65]; /* of a member, while it works */
} seats;

static void sit(void *arg, int member)
{
    mr_cpu_set_get(&((seats *)arg)->core[member]);
}

static mr_status lead_seats(void *arg)
{
    mr_team_do(((seats *)arg)->team, sit, arg);
    return MR_OK;
}

static void each_has_its_core(MR_UNUSED void **state)
{
    static seats b;
    mr_cpu_set before, after, all = {0};
    const int n = MR_MIN(mr_cpus(), 64);
    mr_cpu_set_get(&before);
    if (n < 2 || n != mr_cpus()) skip(); /* with one core there is nothing to share out */
    assert_int_equal(mr_team_new("t", &b.team), MR_OK);
    assert_int_equal(mr_team_lead(b.team, n, lead_seats, &b), MR_OK);
    for (int i = 0; i < n; i++) {
        assert_int_equal(mr_cpu_set_count(&b.core[i]), 1);
        for (size_t k = 0; k < sizeof all.bits; k++) all.bits[k] |= b.core[i].bits[k];
    }
    assert_memory_equal(&all, &before, sizeof all); /* all of them, so each another */
    mr_cpu_set_get(&after);
    assert_memory_equal(&after, &before, sizeof after);
    assert_int_equal(mr_team_lead(b.team, n + 1, lead_seats, &b), MR_OK); /* too few: all may go */
    for (int i = 0; i <= n; i++) assert_int_equal(mr_cpu_set_count(&b.core[i]), n);
    mr_team_free(b.team);
}

/* --- where the user says: OpenMP reads its environment before main, so in a process of its own */

static int again(const char *bind, const char *places, const char *limit, const char *role)
{
    const pid_t pid = fork();
    int how = -1;
    if (pid == 0) {
        setenv("OMP_PROC_BIND", bind, 1);
        if (places) setenv("OMP_PLACES", places, 1);
        if (limit) setenv("OMP_THREAD_LIMIT", limit, 1);
        setenv("TEST_TEAM", role, 1);
        execl("/proc/self/exe", "test_team", (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static mr_status look(void *arg, MR_UNUSED mr_future *self)
{
    mr_cpu_set_get(arg);
    return MR_OK;
}

/** The other process: what is wrong, 0 nothing. */
static int child(const char *role)
{
    static seats b;
    mr_cpu_set all = {0}, other;
    mr_crew *crew = NULL;
    mr_future *f = NULL;
    mr_cpu_free_places();
    const int n = mr_cpus();
    const bool placed = strcmp(role, "placed") == 0, limited = strcmp(role, "limited") == 0;
    if (n < 2) return 1;
    if (mr_team_new("t", &b.team) != MR_OK || mr_crew_new("c", 1, &crew) != MR_OK) return 2;
    if (mr_crew_submit(crew, look, &other, &f) != MR_OK || mr_future_wait(f, -1) != MR_OK) return 3;
    if (mr_cpu_set_count(&other) != n) return 4; /* who waits is bound nowhere */
    if (mr_team_lead(b.team, n, lead_seats, &b) != MR_OK) return 5;
    if (mr_team_size(b.team) != (limited ? 1 : n)) return 6;
    if (strcmp(mr_team_where(b.team), placed ? "OpenMP's places" : "not bound") != 0) return 7;
    for (int i = 0; i < mr_team_size(b.team); i++) {
        if (mr_cpu_set_count(&b.core[i]) != (placed ? 1 : n)) return 8;
        for (size_t k = 0; k < sizeof all.bits; k++) all.bits[k] |= b.core[i].bits[k];
    }
    if (mr_cpu_set_count(&all) != n || mr_cpus() != n) return 9;
    mr_future_free(f);
    mr_crew_free(crew, false);
    mr_team_free(b.team);
    return 0;
}

static void who_says_where_is_obeyed(MR_UNUSED void **state)
{
    char places[64 * 8] = "";
    mr_cpu_set s;
    if (mr_cpus() < 2 || mr_cpus() > 64) skip();
    mr_cpu_set_get(&s); /* by number: names of places need /sys, which a container may lack */
    for (int k = 0, at = 0; k < (int)sizeof s.bits * 8; k++)
        if (s.bits[k / 8] >> (k % 8) & 1)
            at += snprintf(places + at, sizeof places - (size_t)at, at ? ",{%d}" : "{%d}", k);
    assert_int_equal(again("close", places, NULL, "placed"), 0);
    assert_int_equal(again("false", NULL, NULL, "free"), 0);
    assert_int_equal(again("false", NULL, "1", "limited"), 0);
}

int main(void)
{
    const char *role = getenv("TEST_TEAM");
    if (role) return child(role);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_do_all), cmocka_unit_test(alone_it_is_done_alone),
        cmocka_unit_test(each_has_its_core), cmocka_unit_test(who_says_where_is_obeyed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
