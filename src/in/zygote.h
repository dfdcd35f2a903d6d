/* in/zygote.h: workers as the prober sees them. No locks: every request brings its own socket. */
#ifndef MR_IN_ZYGOTE_H
#define MR_IN_ZYGOTE_H
#include "base/base.h"
#include "base/text.h"
#include "base/node.h"
#include "in/input.h"
#include <sys/types.h>

#define MR_WORKER_AS_BYTES (1ull << 30) /* address space beyond its start */
#define MR_WORKER_KEEPS (16 << 20)      /* freed memory kept: a file's 1 MB comes without faults */
#define MR_WORKER_CPU_S 20              /* processor time a file */
#define MR_WORKER_WALL_S 30             /* wall time a file */

/** A new worker: its socket (close-on-exec) and process id. Any thread. MR_STOPPED when
 *  the zygote was killed, MR_EMEM when it cannot fork, MR_EBUG when there was none. */
mr_status mr_worker_start(int *fd, pid_t *pid);
/** End a worker (it may be dead already) and tell how it ended, as waitpid does; -1 if unknown. */
int mr_worker_end(pid_t pid);

/* --- what goes over a worker's socket --- */
typedef enum mr_wire_kind {
    MR_WIRE_MAP = 1, /* packed node */
    MR_WIRE_DATASET, /* text and a NUL */
    MR_WIRE_PROBE,   /* path and a NUL; the answer has no chunk tables */
    MR_WIRE_TABLES,  /* the same with them */
    MR_WIRE_PLACES,  /* the same with the positions of channels instead */
    MR_WIRE_STAMPS   /* the same with the times of uneven rows instead */
} mr_wire_kind;
typedef struct mr_wire_head { /* request: then n bytes */
    uint32_t magic, kind;
    uint64_t n;
} mr_wire_head;
typedef struct mr_wire_reply {   /* then n recordings, then the tables of the sets, in order */
    uint32_t magic, want_memory; /* want_memory: the worker could not allocate */
    uint64_t n, n_tables, peak_bytes;
} mr_wire_reply;
#define MR_WIRE_MAGIC 0x6d725732u
#define MR_WIRE_MAX (64u << 20) /* bytes of a request */

/** Serve requests until the socket closes. The worker's whole life; returns when it is over. */
void mr_worker_serve(int fd);

/** Node tree to bytes and back (places are kept, file names not). [give] out; fini it. */
mr_status mr_node_pack(const mr_node *n, mr_text *out);
mr_status mr_node_unpack(const void *p, size_t len, mr_node *out);
/** Read exactly n bytes from a blocking descriptor; false at its end. */
bool mr_read_full(int fd, void *p, size_t n);
bool mr_write_full(int fd, const void *p, size_t n);
#endif
