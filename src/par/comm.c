/* par/comm.c: the ranks: start and end, agreement, and the few collectives that millrace needs.
 * Each begins with a polled barrier: MPI's own waiting burns a core that OpenMP threads could use.
 */
#include "par/start.h"
#include "par/thread.h"
#include "par/world.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRAIL = 2048 };
#define PIECE ((size_t)1 << 30) /* bytes of one call: its count is an int */

/** Did mpirun or srun start this process? A shell inside an allocation has SLURM_ variables too, so
 *  only those of the process managers count. */
static bool launched(void)
{
    static const char *const signs[] = {"OMPI_COMM_WORLD_SIZE",
                                        "PMIX_NAMESPACE",
                                        "PMIX_RANK",
                                        "PMI_RANK",
                                        "PMI_FD",
                                        "PMI_JOBID",
                                        "MPI_LOCALNRANKS",
                                        "MV2_COMM_WORLD_SIZE"};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (getenv(signs[i])) return true;
    return false;
}

/** srun without an MPI plugin starts strangers that would all do the same work. */
static void warn_if_strangers(void)
{
    const char *n = getenv("SLURM_STEP_NUM_TASKS");
    if (n && getenv("SLURM_STEP_ID") && atoi(n) > 1)
        mr_log(MR_WARN, "srun started %s tasks that cannot see each other; use srun --mpi=pmix", n);
}

/** Numbers that rank 0 can hold of all ranks while it adds them up. */
static size_t sums_room(const mr_comm *c)
{
    return MR_MAX((size_t)c->size, (size_t)8192);
}

static mr_status start_mpi(mr_comm *c, int *argc, char ***argv)
{
    const char *asked = getenv("MILLRACE_MPI_THREADS");
    int level = asked && !strcmp(asked, "funneled") ? MPI_THREAD_FUNNELED : MPI_THREAD_MULTIPLE;
    int got = MPI_THREAD_SINGLE;
    if (MPI_Init_thread(argc, argv, level, &got) != MPI_SUCCESS)
        return MR_RAISE(MR_ECONFIG, "MPI does not start");
    c->mpi = true;
    c->threads = level == MPI_THREAD_MULTIPLE && got >= level;
    MPI_Comm_dup(MPI_COMM_WORLD, &c->world);
    MPI_Comm_rank(c->world, &c->rank);
    MPI_Comm_size(c->world, &c->size);
    MPI_Comm_split_type(c->world, MPI_COMM_TYPE_SHARED, c->rank, MPI_INFO_NULL, &c->node);
    MPI_Comm_rank(c->node, &c->node_rank);
    MPI_Comm_size(c->node, &c->node_size);
    c->nodes = c->node_rank == 0;
    MPI_Allreduce(MPI_IN_PLACE, &c->nodes, 1, MPI_INT, MPI_SUM, c->world);
    mr_status st = MR_OK;
    if (c->rank == 0)
        st = mr_alloc(sums_room(c), sizeof *c->sums, "numbers of the ranks", &c->sums);
    return mr_agree(c, st);
}

mr_status mr_comm_start(int *argc, char ***argv, mr_comm **out)
{
    mr_comm *c;
    mr_cpu_set cpus;
    mr_status st = mr_alloc(1, sizeof *c, "the communicator", &c);
    if (st != MR_OK) return st;
    c->size = c->node_size = c->nodes = 1;
    if (launched())
        st = start_mpi(c, argc, argv);
    else
        warn_if_strangers();
    if (st != MR_OK) {
        free(c);
        return st;
    }
    mr_cpu_set_get(&cpus);
    if (c->mpi)
        MPI_Allreduce(MPI_IN_PLACE, cpus.bits, (int)sizeof cpus.bits, MPI_BYTE, MPI_BOR, c->node);
    c->node_cpus = mr_cpu_set_count(&cpus);
    *out = c;
    return MR_OK;
}

void mr_comm_stop(mr_comm *c)
{
    if (!c) return;
    if (c->mpi) {
        mr_barrier(c);
        MPI_Comm_free(&c->node);
        MPI_Comm_free(&c->world);
        MPI_Finalize();
    }
    free(c->sums);
    free(c);
}

void mr_comm_abort(mr_comm *c, int st)
{
    if (st == 0) st = MR_EBUG;
    fflush(stdout);
    if (c && c->mpi) MPI_Abort(MPI_COMM_WORLD, st);
    _exit(st);
}

int mr_comm_rank(const mr_comm *c)
{
    return c->rank;
}

int mr_comm_size(const mr_comm *c)
{
    return c->size;
}

int mr_comm_node_size(const mr_comm *c)
{
    return c->node_size;
}

int mr_comm_node_rank(const mr_comm *c)
{
    return c->node_rank;
}

int mr_comm_nodes(const mr_comm *c)
{
    return c->nodes;
}

int mr_comm_node_cpus(const mr_comm *c)
{
    return c->node_cpus;
}

bool mr_comm_mpi(const mr_comm *c)
{
    return c->mpi;
}

bool mr_comm_threads(const mr_comm *c)
{
    return c->threads || !c->mpi;
}

const char *mr_comm_library(void)
{
    static _Thread_local char name[MPI_MAX_LIBRARY_VERSION_STRING];
    int n = 0;
    if (MPI_Get_library_version(name, &n) != MPI_SUCCESS || n <= 0) return "none";
    name[strcspn(name, ",\n")] = '\0'; /* Open MPI goes on with its packager and date */
    return name;
}

/* --- waiting ---------------------------------------------------------------------------------- */

void mr_await(MPI_Request *req)
{
    double nap = 20e-6;
    int done = 0;
    for (int i = 0; !done && i < 200; i++) MPI_Test(req, &done, MPI_STATUS_IGNORE);
    while (!done) {
        mr_nap(nap);
        nap = MR_MIN(nap * 1.5, 1e-3);
        MPI_Test(req, &done, MPI_STATUS_IGNORE);
    }
}

void mr_barrier_on(MPI_Comm comm)
{
    MPI_Request req;
    MPI_Ibarrier(comm, &req);
    mr_await(&req);
}

void mr_barrier(mr_comm *c)
{
    if (c->mpi) mr_barrier_on(c->world);
}

void mr_barrier_meanwhile(mr_comm *c, double every_s, void (*fn)(void *arg), void *arg)
{
    MPI_Request req;
    int done = 0;
    if (c->size == 1) return;
    MPI_Ibarrier(c->world, &req);
    for (double next = mr_now(); !done; mr_nap(1e-3)) {
        if (mr_now() >= next) {
            fn(arg);
            next = mr_now() + every_s;
        }
        MPI_Test(&req, &done, MPI_STATUS_IGNORE);
    }
}

/* --- collectives ------------------------------------------------------------------------------ */

void mr_bcast_bytes(MPI_Comm comm, int root, void *data, size_t n)
{
    for (size_t at = 0; at < n; at += PIECE) {
        size_t k = MR_MIN(PIECE, n - at);
        MPI_Bcast((char *)data + at, (int)k, MPI_BYTE, root, comm);
    }
}

/** How bad a status is. The internal ones are consequences: a real error explains more. */
static int severity(mr_status st)
{
    if (st == MR_OK) return 0;
    if (st == MR_LOSSES) return 1;
    if (st == MR_STOPPED) return 2;
    return st >= MR_ETIMEOUT ? 3 : 4;
}

mr_status mr_agree(mr_comm *c, mr_status st)
{
    if (c->size == 1) return st;
    char text[TRAIL + 32], prefix[32];
    int word[2] = {severity(st), -c->rank}; /* worst first, then the lowest rank */
    int worst[2];
    mr_barrier(c);
    MPI_Allreduce(&word[0], &worst[0], 1, MPI_INT, MPI_MAX, c->world);
    if (worst[0] == 0) return st;
    if (word[0] < worst[0]) word[1] = -c->size;
    MPI_Allreduce(&word[1], &worst[1], 1, MPI_INT, MPI_MAX, c->world);
    int from = -worst[1], code = (int)st;
    MPI_Bcast(&code, 1, MPI_INT, from, c->world);
    snprintf(prefix, sizeof prefix, "rank %d: ", from);
    const char *trail = mr_error();
    bool prefixed = !strncmp(trail, "rank ", 5) && strstr(trail, ": ");
    bool plain = from == 0 || prefixed || !*trail; /* rank 0 speaks for all */
    snprintf(text, sizeof text, "%s%s", plain ? "" : prefix, trail);
    MPI_Bcast(text, sizeof text, MPI_CHAR, from, c->world);
    mr_error_set(text);
    return (mr_status)code;
}

mr_status mr_bcast(mr_comm *c, void **data, size_t *n)
{
    if (c->size == 1) return MR_OK;
    mr_status st = MR_OK;
    void *mine = NULL;
    uint64_t bytes = c->rank == 0 ? *n : 0;
    mr_barrier(c);
    MPI_Bcast(&bytes, 1, MPI_UINT64_T, 0, c->world);
    if (c->rank > 0) st = mr_alloc(bytes, 1, "what rank 0 tells", &mine);
    MR_TRY(mr_agree(c, st));
    mr_bcast_bytes(c->world, 0, c->rank ? mine : *data, bytes);
    if (c->rank > 0) {
        *data = mine;
        *n = bytes;
        mine = NULL;
    }
out:
    free(mine);
    return st;
}

/** What does not fit one call goes in rounds through `room`, a slice of each rank's bytes at a
 *  time. */
static void gather_in_rounds(mr_comm *c, const size_t *at, size_t slice, char *room, int *counts,
                             int *places, char *buf)
{
    const size_t me = (size_t)c->rank, n = (size_t)c->size;
    size_t longest = 0;
    for (size_t r = 0; r < n; r++) longest = MR_MAX(longest, at[r + 1] - at[r]);
    for (size_t from = 0; from < longest; from += slice) {
        int to = 0;
        for (size_t r = 0; r < n; r++) {
            const size_t all = at[r + 1] - at[r];
            counts[r] = (int)(all > from ? MR_MIN(slice, all - from) : 0);
            places[r] = to;
            to += counts[r];
        }
        MPI_Allgatherv(buf + at[me] + (counts[me] ? from : 0), counts[me], MPI_BYTE, room, counts,
                       places, MPI_BYTE, c->world);
        for (size_t r = 0; r < n; r++)
            if (counts[r]) memcpy(buf + at[r] + from, room + places[r], (size_t)counts[r]);
    }
}

static mr_status gather(mr_comm *c, const size_t *at, size_t most, char *buf)
{
    const size_t n = (size_t)c->size, slice = MR_MAX(most / n, (size_t)1);
    const bool whole = at[n] <= most;
    mr_status st = MR_OK;
    char *room = NULL;
    int *counts = NULL;
    st = mr_alloc(2 * n, sizeof *counts, "counts of the ranks", &counts);
    if (st == MR_OK && !whole) st = mr_alloc(n, slice, "what all ranks tell at a time", &room);
    MR_TRY(mr_agree(c, st));
    int *places = counts + n;
    if (whole) {
        for (size_t r = 0; r < n; r++) {
            counts[r] = (int)(at[r + 1] - at[r]);
            places[r] = (int)at[r];
        }
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_BYTE, buf, counts, places, MPI_BYTE, c->world);
    } else {
        gather_in_rounds(c, at, slice, room, counts, places, buf);
    }
out:
    free(room);
    free(counts);
    return st;
}

mr_status mr_allgather_most(mr_comm *c, const void *mine, size_t n, size_t most, void **all,
                            size_t **offs)
{
    mr_status st = MR_OK;
    char *buf = NULL;
    size_t *at = NULL, size = (size_t)c->size;
    uint64_t mine_n = n;
    st = mr_alloc(size + 1, sizeof *at, "offsets of the ranks", &at);
    MR_TRY(mr_agree(c, st));
    if (c->mpi)
        MPI_Allgather(&mine_n, 1, MPI_UINT64_T, at + 1, 1, MPI_UINT64_T, c->world);
    else
        at[1] = n;
    for (size_t r = 0; r < size; r++) at[r + 1] += at[r];
    st = mr_alloc(at[size], 1, "what all ranks tell", &buf);
    MR_TRY(mr_agree(c, st));
    if (n) memcpy(buf + at[c->rank], mine, n);
    if (c->mpi) MR_TRY(gather(c, at, most, buf));
    *all = buf;
    *offs = at;
    buf = NULL;
    at = NULL;
out:
    free(buf);
    free(at);
    return st;
}

mr_status mr_allgather(mr_comm *c, const void *mine, size_t n, void **all, size_t **offs)
{
    return mr_allgather_most(c, mine, n, PIECE, all, offs);
}

/** Gathered and added by rank 0 as ((v0 + v1) + v2) + ..., whatever MPI's reductions would do: as
 *  many numbers of each rank at a time as there is room for. */
void mr_sum_f64(mr_comm *c, double *v, size_t n)
{
    if (c->size == 1) return;
    const size_t size = (size_t)c->size, most = sums_room(c) / size;
    mr_barrier(c);
    for (size_t at = 0; at < n; at += most) {
        const size_t k = MR_MIN(most, n - at);
        MPI_Gather(v + at, (int)k, MPI_DOUBLE, c->sums, (int)k, MPI_DOUBLE, 0, c->world);
        for (size_t i = 0; c->rank == 0 && i < k; i++) {
            double sum = c->sums[i];
            for (size_t r = 1; r < size; r++) sum += c->sums[r * k + i];
            v[at + i] = sum;
        }
    }
    for (size_t at = 0; at < n; at += PIECE / 8)
        MPI_Bcast(v + at, (int)MR_MIN(PIECE / 8, n - at), MPI_DOUBLE, 0, c->world);
}

void mr_max_f64(mr_comm *c, double *v, size_t n)
{
    if (c->size == 1) return;
    mr_barrier(c);
    for (size_t at = 0; at < n; at += PIECE / 8)
        MPI_Allreduce(MPI_IN_PLACE, v + at, (int)MR_MIN(PIECE / 8, n - at), MPI_DOUBLE, MPI_MAX,
                      c->world);
}
