/* par/map.c: pieces of work over ranks and threads: handfuls from the lane server, run by a crew,
 * their results gathered in order. */
#include "par/map.h"
#include "par/thread.h"
#include <stdlib.h>
#include <string.h>

enum { MAX_HANDFUL = 64, HANDFULS_EACH = 16 };
#define LOOK_S                                                                                     \
    0.05 /* how often a rank that waits for its threads looks whether others have stopped */

/** Pieces [a, b) and what they came to. */
typedef struct handful {
    struct map *map;
    uint64_t a, b;
    size_t end[MAX_HANDFUL]; /* of piece a + k in text */
    mr_text text;
    struct handful *next;
} handful;

typedef struct map {
    mr_comm *comm;
    uint64_t n, per_handful;
    mr_map_fn fn;
    mr_map_each each;
    void *arg;
    mr_server *server;
    mr_crew *crew;
    /* slots in flight: as many as threads and one ahead */
    size_t slots, busy;
    mr_future **future;
    handful **work;
    handful *finished;
    mr_tally tally;
    bool stop; /* somebody wants it */
} map;

/** One row of what a rank tells the others before the bytes. */
typedef struct {
    uint64_t i, n;
} row;

static void handful_free(handful *b)
{
    if (!b) return;
    mr_text_fini(&b->text);
    free(b);
}

static mr_status run_handful(void *arg, mr_future *self)
{
    mr_status st = MR_OK;
    handful *b = arg;
    for (uint64_t i = b->a; i < b->b; i++) {
        if (mr_task_cancelled(self)) return MR_ECANCEL;
        MR_TRY(b->map->fn(b->map->arg, i, &b->text));
        b->end[i - b->a] = b->text.len;
    }
out:
    return st;
}

/** Fill free slots. MR_OK also when there is nothing more to claim. */
static mr_status submit(map *m)
{
    mr_status st = MR_OK;
    handful *b = NULL;
    uint64_t number;
    while (m->busy < m->slots) {
        st = mr_server_claim(m->server, &number);
        if (st == MR_ECLOSED) return MR_OK;
        MR_TRY(st);
        MR_TRY(mr_alloc(1, sizeof *b, "a handful of work", &b));
        b->map = m;
        b->a = number * m->per_handful;
        b->b = MR_MIN(b->a + m->per_handful, m->n);
        MR_TRY(mr_crew_submit(m->crew, run_handful, b, &m->future[m->busy]));
        m->work[m->busy++] = b;
        b = NULL;
    }
out:
    handful_free(b);
    return st;
}

/** Take slot i out. [give] its handful if it went well. */
static mr_status collect(map *m, size_t i, handful **out)
{
    handful *b = m->work[i];
    mr_status st = mr_future_wait(m->future[i], -1);
    mr_future_free(m->future[i]);
    m->busy--;
    m->future[i] = m->future[m->busy];
    m->work[i] = m->work[m->busy];
    if (st == MR_OK)
        *out = b;
    else
        handful_free(b);
    return st;
}

static mr_status tell_each(map *m, const handful *b)
{
    mr_status st = MR_OK;
    for (uint64_t i = b->a, k = 0; m->each && i < b->b; i++, k++) {
        size_t from = k ? b->end[k - 1] : 0;
        MR_TRY(m->each(m->arg, i, b->text.s ? b->text.s + from : "", b->end[k] - from));
    }
out:
    return st;
}

/** This rank's part, until there is nothing to claim, something fails, or another rank stops. */
static mr_status work_on(map *m)
{
    mr_status st = MR_OK;
    size_t i;
    while (!m->stop) {
        MR_TRY(submit(m));
        if (m->busy == 0) break;

        st = mr_wait_first(m->future, m->busy, LOOK_S, &i);
        if (st == MR_OK) {
            handful *b;
            MR_TRY(collect(m, i, &b));
            b->next = m->finished;
            m->finished = b;
            m->tally.lanes += b->b - b->a;
            MR_TRY(tell_each(m, b));
        } else if (st != MR_ETIMEOUT) {
            goto out;
        }
        MR_TRY(mr_server_poll(m->server, &m->tally, false, &m->stop));
    }
    st = MR_OK;
out:
    return st;
}

/** End what is in flight; with a failure the other ranks are told. */
static void wind_up(map *m, mr_status st)
{
    handful *b;
    for (size_t i = 0; i < m->busy; i++) mr_future_cancel(m->future[i]);
    char *why = st == MR_OK ? NULL : strdup(mr_error());
    if (st != MR_OK) (void)mr_server_poll(m->server, &m->tally, true, &m->stop);
    while (m->busy)
        if (collect(m, m->busy - 1, &b) == MR_OK) handful_free(b);
    if (why) mr_error_set(why);
    free(why);
}

/* --- gathering -------------------------------------------------------------------------------- */

static mr_status pack(const map *m, mr_text *rows, mr_text *bytes)
{
    mr_status st = MR_OK;
    for (const handful *b = m->finished; b; b = b->next) {
        size_t from = 0;
        for (uint64_t i = b->a; i < b->b; i++) {
            row r = {i, b->end[i - b->a] - from};
            from += r.n;
            MR_TRY(mr_text_add_bytes(rows, &r, sizeof r));
        }
        if (from) MR_TRY(mr_text_add_bytes(bytes, b->text.s, from));
    }
out:
    return st;
}

/** Rows and bytes of all ranks, in the same order as each other, into the order of i. */
static mr_status in_order(uint64_t n, const row *r, size_t n_rows, const char *bytes,
                          mr_mapped *out)
{
    mr_status st = MR_OK;
    mr_mapped v = {0};
    MR_ASSERT(n_rows == n);
    MR_TRY(mr_alloc(n + 1, sizeof *v.offs, "offsets of results", &v.offs));
    for (size_t k = 0; k < n_rows; k++) v.offs[r[k].i + 1] = r[k].n;
    for (uint64_t i = 0; i < n; i++) v.offs[i + 1] += v.offs[i];
    MR_TRY(mr_alloc(v.offs[n], 1, "results", &v.bytes));
    for (size_t k = 0; k < n_rows; bytes += r[k++].n)
        if (r[k].n) memcpy(v.bytes + v.offs[r[k].i], bytes, r[k].n);
    *out = v;
    v = (mr_mapped){0};
out:
    mr_mapped_fini(&v);
    return st;
}

static mr_status gather(map *m, mr_mapped *out)
{
    mr_text rows = {0}, bytes = {0};
    void *all_rows = NULL, *all_bytes = NULL;
    size_t *row_offs = NULL, *byte_offs = NULL, size = (size_t)mr_comm_size(m->comm);
    mr_status st = pack(m, &rows, &bytes);
    MR_TRY(mr_agree(m->comm, st));
    MR_TRY(mr_allgather(m->comm, rows.s, rows.len, &all_rows, &row_offs));
    mr_text_fini(&rows);
    MR_TRY(mr_allgather(m->comm, bytes.s, bytes.len, &all_bytes, &byte_offs));
    mr_text_fini(&bytes);
    st = in_order(m->n, all_rows, row_offs[size] / sizeof(row), all_bytes, out);
    st = mr_agree(m->comm, st); /* *out is not given when another rank could not */
    if (st != MR_OK) mr_mapped_fini(out);
out:
    mr_text_fini(&rows);
    mr_text_fini(&bytes);
    free(all_rows);
    free(all_bytes);
    free(row_offs);
    free(byte_offs);
    return st;
}

void mr_mapped_fini(mr_mapped *m)
{
    free(m->bytes);
    free(m->offs);
    *m = (mr_mapped){0};
}

/* --- the call --------------------------------------------------------------------------------- */

static mr_status prepare(map *m, int threads)
{
    mr_status st = MR_OK;
    uint64_t shares = (uint64_t)mr_comm_size(m->comm) * (uint64_t)threads * HANDFULS_EACH;
    m->per_handful = MR_MAX(MR_MIN(m->n / shares, (uint64_t)MAX_HANDFUL), (uint64_t)1);
    m->slots = (size_t)threads + 1;
    MR_TRY(mr_alloc(m->slots, sizeof(mr_future *), "work in flight", &m->future));
    MR_TRY(mr_alloc(m->slots, sizeof(handful *), "work in flight", &m->work));
    MR_TRY(mr_crew_new("map", threads, &m->crew));
out:
    return st;
}

mr_status mr_map_ranks(mr_comm *c, uint64_t n, int threads, mr_map_fn fn, mr_map_each each,
                       void *arg, mr_mapped *out)
{
    bool dynamic;
    mr_mapped v = {0};
    map m = {.comm = c, .n = n, .fn = fn, .each = each, .arg = arg};
    MR_ASSERT(threads > 0);
    mr_status st = prepare(&m, threads);
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_server_start(c, (n + m.per_handful - 1) / m.per_handful, &m.server, &dynamic));
    st = work_on(&m);
    wind_up(&m, st);
    st = mr_agree(c, st);
    mr_server_end(m.server);
    if (st == MR_OK) st = gather(&m, &v);
    if (st == MR_OK) *out = v;
out:
    mr_crew_free(m.crew, true);
    for (handful *b = m.finished; b; b = m.finished) {
        m.finished = b->next;
        handful_free(b);
    }
    free(m.future);
    free(m.work);
    return st;
}
