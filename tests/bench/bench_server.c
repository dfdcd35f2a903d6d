/* bench_server.c: lane claims per second over all ranks, and what an idle server costs.
 *   mpirun -n 2 --bind-to none build/bench_server [SECONDS] */
#include "par/par.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void sleep_s(double s)
{
    struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
    nanosleep(&t, NULL);
}

int main(int argc, char **argv)
{
    mr_comm *c;
    mr_server *s;
    bool dynamic, stop;
    double span = argc > 1 ? atof(argv[1]) : 1.0, n[2] = {0};
    uint64_t lane, most = 0;
    mr_tally t = {0};
    if (mr_comm_start(&argc, &argv, &c) != MR_OK) return 1;
    int rank = mr_comm_rank(c);
    if (mr_server_start(c, UINT64_MAX / 2, &s, &dynamic) != MR_OK) mr_comm_abort(c, 1);
    mr_barrier(c);
    double begin = mr_now(), worst = 0;
    while (mr_now() - begin < span) {
        double a = mr_now();
        if (mr_server_claim(s, &lane) != MR_OK) mr_comm_abort(c, 1);
        worst = mr_now() - a > worst ? mr_now() - a : worst;
        most++;
        if (rank == 0) sleep_s(1e-3); /* its own claims go through memory and would only crowd */
    }
    n[rank > 0] = (double)most;
    mr_sum_f64(c, n, 2);
    mr_max_f64(c, &worst, 1);
    mr_barrier(c);
    sleep_s(0.1); /* the server calms down */
    double cpu = cpu_s();
    sleep_s(span);
    cpu = cpu_s() - cpu;
    if (mr_server_poll(s, &t, true, &stop) != MR_OK) mr_comm_abort(c, 1);
    mr_server_end(s);
    if (rank == 0)
        printf("ranks %d, %s: %.0f claims/s by message, worst %.2f ms; idle server %.2f %% of a "
               "core\n",
               mr_comm_size(c), dynamic ? "served" : "dealt", n[1] / span, worst * 1e3,
               100 * cpu / span);
    mr_comm_stop(c);
    return 0;
}
