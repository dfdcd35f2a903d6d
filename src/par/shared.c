/* par/shared.c: one copy of large read-only data per node. POSIX shared memory, unlinked as soon as
 * all have mapped it, so that a killed run leaves nothing behind; where ranks of a node cannot
 * share it (containers of their own, a small /dev/shm) each has a copy, and the data is sent around
 * instead. */
#include "par/start.h"
#include "par/world.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct mr_shared {
    void *data;
    size_t bytes;
    bool shared; /* with the node's other ranks; else a copy of one's own */
};

/** Node's rank 0: make it under a name nobody else has. -1 when it cannot be had in full. */
static int make(char *name, size_t cap, size_t bytes)
{
    for (int i = 0; i < 100; i++) {
        snprintf(name, cap, "/millrace-%ld-%d", (long)getpid(), i);
        int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 && errno == EEXIST) continue;
        if (fd < 0) break;
        if (posix_fallocate(fd, 0, (off_t)bytes) == 0) return fd; /* a hole would end in SIGBUS */
        close(fd);
        shm_unlink(name);
        break;
    }
    name[0] = '\0';
    return -1;
}

/** Map what rank 0 of the node has made. NULL where any rank of the node cannot. Collective over
 * it. */
static void *map_shared(mr_comm *c, size_t bytes)
{
    char name[64] = "";
    void *p = MAP_FAILED;
    int fd = c->node_rank == 0 ? make(name, sizeof name, bytes) : -1, good, all;
    mr_barrier_on(c->node);
    MPI_Bcast(name, sizeof name, MPI_CHAR, 0, c->node);
    if (c->node_rank > 0 && name[0]) fd = shm_open(name, O_RDWR | O_CLOEXEC, 0);
    if (fd >= 0) p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    good = p != MAP_FAILED;
    MPI_Allreduce(&good, &all, 1, MPI_INT, MPI_LAND, c->node);
    if (c->node_rank == 0 && name[0]) shm_unlink(name);
    if (good && !all) munmap(p, bytes);
    return all ? p : NULL;
}

mr_status mr_shared_new(mr_comm *c, size_t bytes, mr_shared **out)
{
    mr_status st = MR_OK;
    mr_shared *s = NULL;
    st = mr_alloc(1, sizeof *s, "shared memory", &s);
    MR_TRY(mr_agree(c, st));
    s->bytes = MR_MAX(bytes, (size_t)1);
    if (c->node_size > 1) s->data = map_shared(c, s->bytes);
    s->shared = s->data;
    if (!s->shared) st = mr_big_alloc(s->bytes, "memory shared by the ranks of a node", &s->data);
    MR_TRY(mr_agree(c, st));
    *out = s;
    s = NULL;
out:
    mr_shared_free(c, s);
    return st;
}

void *mr_shared_data(mr_shared *s)
{
    return s->data;
}

void mr_shared_ready(mr_comm *c, mr_shared *s)
{
    if (c->node_size == 1) return;
    atomic_thread_fence(memory_order_seq_cst);
    mr_barrier_on(c->node);
    if (!s->shared) mr_bcast_bytes(c->node, 0, s->data, s->bytes);
    atomic_thread_fence(memory_order_seq_cst);
}

void mr_shared_free(MR_UNUSED mr_comm *c, mr_shared *s)
{
    if (!s) return;
    if (s->shared)
        munmap(s->data, s->bytes);
    else
        mr_big_free(s->data, s->bytes);
    free(s);
}
