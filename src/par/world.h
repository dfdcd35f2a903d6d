/* par/world.h: inside par/ only: the communicator's inside, and sends that wait without burning a
 * core. */
#ifndef MR_WORLD_H
#define MR_WORLD_H
#include "par/par.h"
#include <mpi.h>

struct mr_comm {
    int rank, size, node_rank, node_size, nodes, node_cpus;
    bool mpi;     /* launched under MPI; without it no MPI call is made */
    bool threads; /* MPI_THREAD_MULTIPLE */
    MPI_Comm world, node;
    double *sums; /* rank 0: what is being added up */
};

/** Wait for a request by testing, with sleeps that grow to a millisecond. */
void mr_await(MPI_Request *req);
void mr_barrier_on(MPI_Comm comm);
/** n bytes from root to all of comm, in pieces that MPI's int can count. */
void mr_bcast_bytes(MPI_Comm comm, int root, void *data, size_t n);
/** mr_allgather with at most `most` bytes (under INT_MAX) gathered by one call. */
mr_status mr_allgather_most(mr_comm *c, const void *mine, size_t n, size_t most, void **all,
                            size_t **offs);
#endif
