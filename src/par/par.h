/* par/par.h: the world of ranks: start, agreement, broadcast, shared memory. The only room that
 * sees <mpi.h>. A process that was not launched by mpirun or srun is a world of one without MPI. */
#ifndef MR_PAR_H
#define MR_PAR_H
#include "base/base.h"

typedef struct mr_comm mr_comm;
/** Start MPI if launched under it (environment tells), ask for MPI_THREAD_MULTIPLE. Main thread,
 *  once, collective. */
mr_status mr_comm_start(int *argc, char ***argv, mr_comm **out);
/** End MPI. Main thread, collective. */
void mr_comm_stop(mr_comm *c);
/** Last resort when the ranks cannot be brought together: ends all of them with exit status st
 * (never 0). Tests that fail call it; the program itself always brings its ranks together. */
_Noreturn void mr_comm_abort(mr_comm *c, int st);
int mr_comm_rank(const mr_comm *c);
int mr_comm_size(const mr_comm *c);
/** Ranks on this node, and this rank's number among them. */
int mr_comm_node_size(const mr_comm *c);
int mr_comm_node_rank(const mr_comm *c);
/** Nodes that the ranks are on, however unevenly. */
int mr_comm_nodes(const mr_comm *c);
/** Cores that the ranks of this node may use together. */
int mr_comm_node_cpus(const mr_comm *c);
/** True when launched under MPI. */
bool mr_comm_mpi(const mr_comm *c);
/** True where several threads may call par/'s communication (always in a world of one). Environment
 *  MILLRACE_MPI_THREADS=funneled gives it up, for MPI libraries whose threads are broken. */
bool mr_comm_threads(const mr_comm *c);
/** The library's name and version, "Open MPI v4.1.4"; also before mr_comm_start. [borrow] */
const char *mr_comm_library(void);

/** Collective: all ranks give their status, all get the worst (errors before MR_STOPPED before
 *  MR_LOSSES before MR_OK); every rank's error trail becomes that of the lowest rank with that
 *  status ("rank 3: ..." when it is not rank 0's). No rank leaves a collective alone: call this
 * before one. */
mr_status mr_agree(mr_comm *c, mr_status st);
/** Collective. Waits by polling with short sleeps, so that a waiting rank costs no core. */
void mr_barrier(mr_comm *c);
/** The same, with fn(arg) called on this thread about every `every_s` seconds until all are there.
 */
void mr_barrier_meanwhile(mr_comm *c, double every_s, void (*fn)(void *arg), void *arg);
/** Collective: rank 0's bytes to all. *data is allocated on the others [give], free() it. */
mr_status mr_bcast(mr_comm *c, void **data, size_t *n);
/** Collective: everybody's bytes to everybody, in rank order. [give] *all, offs[size + 1] [give].
 */
mr_status mr_allgather(mr_comm *c, const void *mine, size_t n, void **all, size_t **offs);
/** Collective: sum / max over ranks of n doubles, in rank order (sum is deterministic). */
void mr_sum_f64(mr_comm *c, double *v, size_t n);
void mr_max_f64(mr_comm *c, double *v, size_t n);

/** Memory that the ranks of one node share (where they cannot, each has its copy); a world of one
 * has plain memory. All are collective. After mr_shared_new (zeroed) the node's rank 0 fills it,
 * then mr_shared_ready makes it visible; nobody writes afterwards. */
typedef struct mr_shared mr_shared;
mr_status mr_shared_new(mr_comm *c, size_t bytes, mr_shared **out);
void *mr_shared_data(mr_shared *s);
void mr_shared_ready(mr_comm *c, mr_shared *s);
void mr_shared_free(mr_comm *c, mr_shared *s);

/* --- lane server: hands out lane numbers; carries stop and progress --------------------------- */

/** Progress of one rank, added up over ranks by the server. All counters only grow. */
typedef struct mr_tally {
    uint64_t blocks, lanes, bytes, samples; /* done by this rank */
    uint64_t losses;                        /* stretches of samples that it could not have */
    double wait_read_s, wait_compute_s, wait_write_s;
} mr_tally;

typedef struct mr_server mr_server;
/** Collective. Lanes 0..n-1 will be handed out in order. If threads may call MPI, rank 0 runs a
 *  server thread (Iprobe with naps of some milliseconds, so that it costs no core). Else lanes are
 *  dealt cyclically (rank, rank + size, ...), and mr_server_poll carries a stop to other ranks only
 *  when the main thread calls it. *dynamic says which. */
mr_status mr_server_start(mr_comm *c, uint64_t n_lanes, mr_server **out, bool *dynamic);
/** The next lane for this rank into *lane; MR_ECLOSED when there are no more or the run is
 * stopping. One thread of a rank at a time. */
mr_status mr_server_claim(mr_server *s, uint64_t *lane);
/** Does this rank know that somebody wants to stop? Tells a claim that came to nothing from the end
 * of the lanes. */
bool mr_server_stopping(const mr_server *s);
/** Tell the server this rank's tally and whether it wants to stop; *stop is set when any rank does.
 *  Never waits; talks at most every 200 ms unless want_stop is new. Once wanted, stop stays. Any
 *  thread, one at a time, also beside a claim. */
mr_status mr_server_poll(mr_server *s, const mr_tally *mine, bool want_stop, bool *stop);
/** Rank 0: all ranks are to pause, or go on; between two blocks each asks mr_server_paused. false
 *  where lanes are dealt over several ranks: they cannot be told. */
bool mr_server_pause(mr_server *s, bool on);
bool mr_server_paused(const mr_server *s);
/** Rank 0: what a rank told last; gives the number of lanes that were handed out to all. */
uint64_t mr_server_rank(mr_server *s, int rank, mr_tally *tally);
/** Rank 0: what has become of the first n lanes: '#' done, '>' in hand, '.' left, as last told.
 *  Where lanes are dealt it knows its own alone. */
void mr_server_lanes(mr_server *s, char *state, size_t n);
/** Rank 0 (others, and all where lanes are dealt, get their own): sum over ranks as last told. */
void mr_server_total(mr_server *s, mr_tally *sum);
/** Collective: waits until every rank is here, then ends the server. NULL is fine (on all ranks).
 */
void mr_server_end(mr_server *s);
#endif
