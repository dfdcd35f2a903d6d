/* par/world.h: inside par/ only: the communicator's inside, and sends that wait without burning a
 * core. */
#ifndef MR_WORLD_H
#define MR_WORLD_H
#include "par/par.h"
#include <mpi.h>

struct mr_comm {
    int rank, size, node_rank, node_size, node_cpus;
    bool mpi;     /* launched under MPI; without it no MPI call is made */
    bool threads; /* MPI_THREAD_MULTIPLE */
    MPI_Comm world, node;
};

/** Wait for a request by testing, with sleeps that grow to a millisecond. */
void mr_await(MPI_Request *req);
void mr_barrier_on(MPI_Comm comm);
/** n bytes from root to all of comm, in pieces that MPI's int can count. */
void mr_bcast_bytes(MPI_Comm comm, int root, void *data, size_t n);
#endif
