/* ranks.h: for tests that run alone and under mpirun: one communicator, only rank 0 prints. A rank
 * that fails says so on stderr; the test then ends all ranks, since the others wait for it. */
#ifndef RANKS_H
#define RANKS_H
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "par/par.h"
#include <stdio.h>

static mr_comm *world;

static int end_if_failed(const struct CMUnitTest *tests, size_t n, const char *name)
{
    int failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
    if (failed) mr_comm_abort(world, 1);
    mr_comm_stop(world);
    return 0;
}

static void start_ranks(int *argc, char ***argv)
{
    if (mr_comm_start(argc, argv, &world) != MR_OK) mr_comm_abort(NULL, 1);
    if (mr_comm_rank(world) > 0 && !freopen("/dev/null", "w", stdout)) mr_comm_abort(world, 1);
}
#endif
