/* par/server.c: hands lane numbers to ranks, carries their progress to rank 0 and the wish to stop
 * to all. A thread on rank 0 answers point to point on a communicator of its own (one-sided MPI
 * fails over plain TCP); rank 0's own calls go through memory. Where threads may not call MPI,
 * lanes are dealt cyclically and only the main thread carries the wish to stop.
 *
 * Messages: rank r sends CLAIM and gets LANE; it sends TELL now and then, and BYE as its last.
 * Every rank but 0 gets words: PAUSE and RESUME as often as these are wanted, then exactly one last
 * one: when somebody wants to stop, or as the answer to its BYE. */
#include "par/start.h"
#include "par/world.h"
#include <stdlib.h>
#include <string.h>

enum { TAG_CLAIM = 1, TAG_LANE, TAG_TELL, TAG_BYE, TAG_STOP };
enum { WORD_END, WORD_STOP, WORD_PAUSE, WORD_RESUME }; /* the first two are last words */
#define NO_LANE UINT64_MAX
#define TELL_EVERY_S 0.2
/** The server's naps between looks grow from the first to the last while nobody asks: an answer
 * takes at most IDLE_NAP_S longer, and a wake-up costs 5 to 20 us. */
#define BUSY_NAP_S 50e-6
#define IDLE_NAP_S 8e-3

typedef struct {
    mr_tally tally;
    uint64_t stop;
} news;

struct mr_server {
    mr_comm *comm;
    MPI_Comm link;
    uint64_t n_lanes, next;
    int32_t
        *owner;  /* [n_lanes] the rank that got each of the first `next`; rank 0 of a served one */
    bool served; /* by rank 0's thread; else dealt */
    bool linked; /* there are other ranks */
    atomic_bool stop; /* on every rank: known here that somebody wants to stop */
    atomic_bool paused;
    mr_mutex *m; /* guards next and heard */
    news *heard; /* [size]; on rank 0 all ranks', elsewhere only its own */
    /* rank 0 */
    bool *told_stop; /* [size], the server thread's own */
    bool told_pause; /* likewise */
    bool running;
    pthread_t thread;
    /* the other ranks, and every rank where lanes are dealt */
    news mine;
    double told_at;
    bool wished; /* this rank's wish was passed on */
    int stop_word;
    MPI_Request stop_req; /* MPI_REQUEST_NULL once it has come */
};

static uint64_t next_lane(mr_server *s, int rank)
{
    uint64_t lane = NO_LANE;
    mr_mutex_lock(s->m);
    if (!atomic_load(&s->stop) && s->next < s->n_lanes) {
        lane = s->next++;
        s->owner[lane] = rank;
    }
    mr_mutex_unlock(s->m);
    return lane;
}

static void hear(mr_server *s, int rank, const news *n)
{
    mr_mutex_lock(s->m);
    s->heard[rank] = *n;
    mr_mutex_unlock(s->m);
    if (n->stop) atomic_store(&s->stop, true);
}

/* --- the server's thread ---------------------------------------------------------------------- */

static void send_stop(mr_server *s, int rank, int word)
{
    if (s->told_stop[rank]) return;
    MPI_Send(&word, 1, MPI_INT, rank, TAG_STOP, s->link);
    s->told_stop[rank] = true;
}

/** Answer one message. True when it was its sender's last. */
static bool answer(mr_server *s, const MPI_Status *what)
{
    int from = what->MPI_SOURCE, tag = what->MPI_TAG;
    news n;
    if (tag == TAG_CLAIM) {
        MPI_Recv(NULL, 0, MPI_BYTE, from, tag, s->link, MPI_STATUS_IGNORE);
        uint64_t lane = next_lane(s, from);
        MPI_Send(&lane, 1, MPI_UINT64_T, from, TAG_LANE, s->link);
        return false;
    }
    MPI_Recv(&n, (int)sizeof n, MPI_BYTE, from, tag, s->link, MPI_STATUS_IGNORE);
    hear(s, from, &n);
    if (tag == TAG_BYE) send_stop(s, from, WORD_END);
    return tag == TAG_BYE;
}

static void carry_pause(mr_server *s)
{
    const bool now = atomic_load(&s->paused);
    const int word = now ? WORD_PAUSE : WORD_RESUME;
    if (now == s->told_pause) return;
    for (int r = 1; r < s->comm->size; r++)
        if (!s->told_stop[r]) MPI_Send(&word, 1, MPI_INT, r, TAG_STOP, s->link);
    s->told_pause = now;
}

static void *serve(void *arg)
{
    mr_server *s = arg;
    int byes = 0;
    bool carried = false;
    double nap = IDLE_NAP_S;
    while (byes < s->comm->size - 1) {
        int there = 0;
        MPI_Status what;
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, s->link, &there, &what);
        if (there) {
            byes += answer(s, &what);
            if (what.MPI_TAG == TAG_CLAIM) nap = BUSY_NAP_S; /* more may follow */
        }
        if (!carried && atomic_load(&s->stop)) {
            for (int r = 1; r < s->comm->size; r++) send_stop(s, r, WORD_STOP);
            carried = true;
        }
        carry_pause(s);
        if (!there) {
            mr_nap(nap);
            nap = MR_MIN(nap * 1.2, IDLE_NAP_S);
        }
    }
    return NULL;
}

/* --- start ------------------------------------------------------------------------------------ */

static void await_word(mr_server *s)
{
    MPI_Irecv(&s->stop_word, 1, MPI_INT, 0, TAG_STOP, s->link, &s->stop_req);
}

static mr_status server_alloc(mr_comm *c, uint64_t n_lanes, mr_server **out)
{
    mr_status st = MR_OK;
    mr_server *s = NULL;
    size_t size = (size_t)c->size;
    MR_TRY(mr_alloc(1, sizeof *s, "the lane server", &s));
    s->comm = c;
    s->n_lanes = n_lanes;
    s->stop_req = MPI_REQUEST_NULL;
    s->served = mr_comm_threads(c);
    s->next = s->served ? 0 : (uint64_t)c->rank;
    atomic_init(&s->stop, false);
    atomic_init(&s->paused, false);
    MR_TRY(mr_mutex_new("lane server", &s->m));
    MR_TRY(mr_alloc(size, sizeof *s->heard, "the lane server", &s->heard));
    MR_TRY(mr_alloc(size, sizeof *s->told_stop, "the lane server", &s->told_stop));
    if (s->served && c->rank == 0)
        MR_TRY(mr_alloc(n_lanes, sizeof *s->owner, "the lane server", &s->owner));
    *out = s;
    s = NULL;
out:
    if (s) mr_mutex_free(s->m);
    if (s) free(s->heard);
    if (s) free(s->told_stop);
    free(s);
    return st;
}

static void server_free(mr_server *s)
{
    if (!s) return;
    if (s->linked) MPI_Comm_free(&s->link);
    mr_mutex_free(s->m);
    free(s->heard);
    free(s->told_stop);
    free(s->owner);
    free(s);
}

mr_status mr_server_start(mr_comm *c, uint64_t n_lanes, mr_server **out, bool *dynamic)
{
    mr_server *s = NULL;
    mr_status st = server_alloc(c, n_lanes, &s);
    MR_TRY(mr_agree(c, st));
    if (c->size > 1) {
        MPI_Comm_dup(c->world, &s->link);
        s->linked = true;
    }
    if (s->linked && s->served && c->rank == 0) {
        st = mr_thread_start("mr-lanes", serve, s, &s->thread);
        s->running = st == MR_OK;
    }
    MR_TRY(mr_agree(c, st));
    if (s->linked && s->served && c->rank > 0) await_word(s);
    *out = s;
    *dynamic = s->served;
    s = NULL;
out:
    server_free(s); /* no thread runs: rank 0's was the only one that could fail to start */
    return st;
}

/* --- the ranks' side -------------------------------------------------------------------------- */

static bool asks_by_message(const mr_server *s)
{
    return s->linked && s->served && s->comm->rank > 0;
}

/** A word has come: the last one, or another will. */
static void take_word(mr_server *s)
{
    if (s->stop_word == WORD_STOP) atomic_store(&s->stop, true);
    if (s->stop_word < WORD_PAUSE) return;
    atomic_store(&s->paused, s->stop_word == WORD_PAUSE);
    await_word(s);
}

static void look_for_stop(mr_server *s)
{
    int there = 1;
    while (there && s->stop_req != MPI_REQUEST_NULL) {
        MPI_Test(&s->stop_req, &there, MPI_STATUS_IGNORE);
        if (there) take_word(s);
    }
}

mr_status mr_server_claim(mr_server *s, uint64_t *lane)
{
    uint64_t got = NO_LANE;
    if (atomic_load(&s->stop)) return MR_ECLOSED;
    if (asks_by_message(s)) {
        MPI_Request req;
        MPI_Irecv(&got, 1, MPI_UINT64_T, 0, TAG_LANE, s->link, &req);
        MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_CLAIM, s->link);
        mr_await(&req);
    } else if (s->served) {
        got = next_lane(s, s->comm->rank);
    } else if (s->next < s->n_lanes) {
        got = s->next;
        s->next += (uint64_t)s->comm->size;
    }
    if (got == NO_LANE) return MR_ECLOSED;
    *lane = got;
    return MR_OK;
}

bool mr_server_stopping(const mr_server *s)
{
    return atomic_load(&s->stop);
}

bool mr_server_pause(mr_server *s, bool on)
{
    if (s->linked && !s->served) return false;
    atomic_store(&s->paused, on);
    return true;
}

bool mr_server_paused(const mr_server *s)
{
    return atomic_load(&s->paused);
}

/** Where lanes are dealt: the main thread tells everybody itself. */
static void carry_stop_dealt(mr_server *s)
{
    int main_thread = 0, there = 0;
    if (!s->linked) return;
    MPI_Is_thread_main(&main_thread);
    if (!main_thread) return;
    if (s->mine.stop && !s->wished) {
        for (int r = 0; r < s->comm->size; r++)
            if (r != s->comm->rank) MPI_Send(NULL, 0, MPI_BYTE, r, TAG_STOP, s->link);
        s->wished = true;
    }
    MPI_Iprobe(MPI_ANY_SOURCE, TAG_STOP, s->link, &there, MPI_STATUS_IGNORE);
    if (there) atomic_store(&s->stop, true); /* stays where it is until mr_server_end */
}

mr_status mr_server_poll(mr_server *s, const mr_tally *mine, bool want_stop, bool *stop)
{
    s->mine.tally = *mine;
    if (want_stop) s->mine.stop = 1;
    hear(s, s->comm->rank, &s->mine);
    if (asks_by_message(s)) {
        bool fresh = s->mine.stop && !s->wished;
        double now = mr_now();
        if (fresh || now - s->told_at >= TELL_EVERY_S) {
            MPI_Send(&s->mine, (int)sizeof s->mine, MPI_BYTE, 0, TAG_TELL, s->link);
            s->told_at = now;
            s->wished = s->mine.stop;
        }
        look_for_stop(s);
    } else if (!s->served) {
        carry_stop_dealt(s);
    }
    *stop = atomic_load(&s->stop);
    return MR_OK;
}

void mr_server_total(mr_server *s, mr_tally *sum)
{
    mr_tally t = {0};
    bool all = s->served && s->comm->rank == 0;
    mr_mutex_lock(s->m);
    if (!all) t = s->heard[s->comm->rank].tally;
    for (int r = 0; all && r < s->comm->size; r++) {
        const mr_tally *h = &s->heard[r].tally;
        t.blocks += h->blocks;
        t.lanes += h->lanes;
        t.bytes += h->bytes;
        t.samples += h->samples;
        t.losses += h->losses;
        t.wait_read_s += h->wait_read_s;
        t.wait_compute_s += h->wait_compute_s;
        t.wait_write_s += h->wait_write_s;
    }
    mr_mutex_unlock(s->m);
    *sum = t;
}

uint64_t mr_server_rank(mr_server *s, int rank, mr_tally *tally)
{
    mr_mutex_lock(s->m);
    const uint64_t given = s->served ? s->next : s->heard[rank].tally.lanes;
    *tally = s->heard[rank].tally;
    mr_mutex_unlock(s->m);
    return given;
}

void mr_server_lanes(mr_server *s, char *state, size_t n)
{
    uint64_t *done = NULL;
    const size_t ranks = (size_t)s->comm->size;
    memset(state, '.', n);
    if (mr_alloc(ranks, sizeof *done, "the ranks", &done) != MR_OK) {
        mr_error_clear();
        return;
    }
    mr_mutex_lock(s->m);
    for (size_t r = 0; r < ranks; r++) done[r] = s->heard[r].tally.lanes;
    const uint64_t given = s->owner ? s->next : s->n_lanes;
    for (uint64_t i = 0; i < MR_MIN(given, (uint64_t)n); i++) {
        uint64_t *left = &done[s->owner ? (size_t)s->owner[i] : i % ranks];
        if (s->owner || *left)
            state[i] = *left ? '#' : '>'; /* each works through its own in order */
        if (*left) --*left;
    }
    mr_mutex_unlock(s->m);
    free(done);
}

/* --- end -------------------------------------------------------------------------------------- */

/** Dealt lanes: take in the wishes that nobody has received, so that the communicator ends empty.
 */
static void drain_dealt(mr_server *s)
{
    for (int r = 0; r < s->comm->size; r++) {
        int wished = s->wished;
        MPI_Bcast(&wished, 1, MPI_INT, r, s->link);
        if (wished && r != s->comm->rank)
            MPI_Recv(NULL, 0, MPI_BYTE, r, TAG_STOP, s->link, MPI_STATUS_IGNORE);
    }
}

void mr_server_end(mr_server *s)
{
    if (!s) return;
    if (asks_by_message(s)) {
        MPI_Send(&s->mine, (int)sizeof s->mine, MPI_BYTE, 0, TAG_BYE, s->link);
        while (s->stop_req != MPI_REQUEST_NULL) {
            mr_await(&s->stop_req);
            take_word(s);
        }
    }
    if (s->running) pthread_join(s->thread, NULL);
    if (s->linked) mr_barrier_on(s->link);
    if (s->linked && !s->served) drain_dealt(s);
    server_free(s);
}
