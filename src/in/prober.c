/* in/prober.c: a pool of workers that look at files. Any thread may probe without a lock: the free
 * workers' numbers lie in a pipe; who takes one out has that worker to himself, and who finds the
 * pipe empty waits. */
#include "in/null.h"
#include "in/probe.h"
#include "in/zygote.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_PER_WORKER 1000
#define PATIENCE_S 0.5 /* longest single wait for a worker */

typedef struct worker {
    int fd; /* -1: not running */
    pid_t pid;
    unsigned files;
    _Atomic uint64_t peak_bytes; /* of all that had this place */
} worker;

struct mr_prober {
    int n;
    int free[2]; /* pipe of ints: numbers of workers nobody uses */
    worker *w;
    mr_text map; /* packed; empty without */
    const char *dataset;
};

mr_status mr_prober_new(int n, const mr_node *map, mr_prober **out)
{
    mr_status st = MR_OK;
    mr_prober *p = NULL;
    MR_TRY(mr_alloc(1, sizeof *p, "prober", &p));
    p->free[0] = p->free[1] = -1;
    p->n = MR_MAX(1, MR_MIN(n, (int)(PIPE_BUF / sizeof n))); /* never fills the pipe */
    MR_TRY(mr_alloc((size_t)p->n, sizeof *p->w, "prober", &p->w));
    for (int i = 0; i < p->n; i++) p->w[i].fd = -1;
    if (map) MR_TRY(mr_node_pack(map, &p->map));
    if (pipe2(p->free, O_CLOEXEC)) {
        p->free[0] = p->free[1] = -1;
        st = MR_RAISE(MR_EMEM, "no pipe for the prober: %s", strerror(errno));
        goto out;
    }
    for (int i = 0; i < p->n; i++) mr_write_full(p->free[1], &i, sizeof i);
    *out = p;
    p = NULL;
out:
    mr_prober_free(p);
    return st;
}

void mr_prober_pick(mr_prober *p, const char *dataset)
{
    p->dataset = dataset;
}

/** Status as waitpid gives it, -1 unknown. */
static int end_worker(worker *w)
{
    int status = -1;
    if (w->fd >= 0) {
        close(w->fd);
        status = mr_worker_end(w->pid);
    }
    w->fd = -1;
    w->files = 0;
    return status;
}

void mr_prober_free(mr_prober *p)
{
    if (!p) return;
    for (int i = 0; p->w && i < p->n; i++) end_worker(&p->w[i]);
    for (int i = 0; i < 2; i++)
        if (p->free[i] >= 0) close(p->free[i]);
    mr_text_fini(&p->map);
    free(p->w);
    free(p);
}

size_t mr_prober_peak_bytes(const mr_prober *p)
{
    size_t sum = 0;
    for (int i = 0; i < p->n; i++) sum += (size_t)atomic_load(&p->w[i].peak_bytes);
    return sum;
}

/* --- talking to one worker, without the lock ----------------------------------------------------
 */

typedef enum talk { TALK_OK, TALK_CLOSED, TALK_LATE } talk;

/** Take n bytes. *left_s is the time that the worker still has. It is spent in short waits, each of
 *  which counts for no more than it asked for: where all of us were suspended (Ctrl-Z, a paused
 *  machine), that is not the file's fault. What has come is read before the time is looked at. */
static talk receive(int fd, void *p, size_t n, double *left_s)
{
    for (size_t done = 0; done < n;) {
        const double wait_s = MR_MIN(MR_MAX(*left_s, 0.0), PATIENCE_S), t0 = mr_now();
        struct pollfd pf = {.fd = fd, .events = POLLIN};
        int r = poll(&pf, 1, (int)ceil(wait_s * 1000));
        *left_s -= MR_MIN(mr_now() - t0, PATIENCE_S);
        if (r == 0 && *left_s <= 0) return TALK_LATE;
        if (r <= 0) continue;
        ssize_t k = recv(fd, (char *)p + done, n - done, MSG_DONTWAIT);
        if (k < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (k <= 0) return TALK_CLOSED;
        done += (size_t)k;
    }
    return TALK_OK;
}

static bool send_all(int fd, const void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = send(fd, (const char *)p + done, n - done, MSG_NOSIGNAL);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        done += (size_t)k;
    }
    return true;
}

static bool request(int fd, mr_wire_kind kind, const void *p, size_t n)
{
    mr_wire_head h = {.magic = MR_WIRE_MAGIC, .kind = kind, .n = n};
    return send_all(fd, &h, sizeof h) && send_all(fd, p, n);
}

static mr_status make_ready(const mr_prober *p, worker *w)
{
    mr_status st = MR_OK;
    if (w->files >= FILES_PER_WORKER) end_worker(w);
    if (w->fd >= 0) return MR_OK;
    MR_TRY(mr_worker_start(&w->fd, &w->pid));
    const char *d = p->dataset;
    if ((p->map.len && !request(w->fd, MR_WIRE_MAP, p->map.s, p->map.len)) ||
        (d && !request(w->fd, MR_WIRE_DATASET, d, strlen(d) + 1))) {
        end_worker(w);
        st = MR_RAISE(MR_STOPPED, "a new worker was ended before it could look at a file");
    }
out:
    return st;
}

static mr_status refuse_by_end(mr_probed *out, talk how, int status)
{
    char why[MR_NOTE_MAX];
    if (how == TALK_LATE)
        snprintf(why, sizeof why, "the header took longer than %d s to read", MR_WORKER_WALL_S);
    else if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        snprintf(why, sizeof why, "the header took more than %d s of processor time",
                 MR_WORKER_CPU_S);
    else if (status >= 0 && WIFSIGNALED(status))
        snprintf(why, sizeof why, "the header crashed the HDF5 library (signal %d)",
                 WTERMSIG(status));
    else
        snprintf(why, sizeof why, "the worker that read the header ended (status %d)",
                 status >= 0 ? WEXITSTATUS(status) : -1);
    return mr_probed_refuse(out, why);
}

/** Where the reply's recordings say that tables follow: they are of a size that was checked. */
static talk take_tables(const worker *w, mr_probed *p, double *left_s, mr_status *st)
{
    talk how = TALK_OK;
    for (size_t i = 0; i < p->n && how == TALK_OK; i++) {
        const mr_file_info *r = &p->rec[i];
        if (r->state != MR_OK || r->store.storage != MR_ST_CHUNKED || p->table[r->set]) continue;
        const size_t n = (size_t)r->store.n_chunks;
        *st = mr_alloc(n, sizeof(mr_chunk), "chunk table", &p->table[r->set]);
        if (*st != MR_OK) return TALK_CLOSED;
        how = receive(w->fd, p->table[r->set], n * sizeof(mr_chunk), left_s);
    }
    return how;
}

/** And positions, of as many channels as was checked. */
static talk take_places(const worker *w, mr_probed *p, double *left_s, mr_status *st)
{
    talk how = TALK_OK;
    *st = mr_alloc(p->n_tables, sizeof *p->place, "positions", &p->place);
    for (size_t i = 0; *st == MR_OK && i < p->n && how == TALK_OK; i++) {
        const mr_file_info *r = &p->rec[i];
        if (r->state != MR_OK || !r->places || p->place[r->set]) continue;
        *st = mr_alloc_f64((size_t)r->nc, "positions", &p->place[r->set]);
        if (*st == MR_OK)
            how = receive(w->fd, p->place[r->set], (size_t)r->nc * sizeof(double), left_s);
    }
    return *st == MR_OK ? how : TALK_CLOSED;
}

/** Or times, which rise. */
static talk take_stamps(const worker *w, mr_probed *p, double *left_s, mr_status *st)
{
    talk how = TALK_OK;
    *st = mr_alloc(p->n_tables, sizeof *p->stamp, "times", &p->stamp);
    for (size_t i = 0; *st == MR_OK && i < p->n && how == TALK_OK; i++) {
        const mr_file_info *r = &p->rec[i];
        if (r->state != MR_OK || !r->uneven || p->stamp[r->set]) continue;
        *st = mr_alloc((size_t)r->nt, sizeof(int64_t), "times", &p->stamp[r->set]);
        if (*st != MR_OK) break;
        int64_t *t = p->stamp[r->set];
        how = receive(w->fd, t, (size_t)r->nt * sizeof *t, left_s);
        bool rise = how == TALK_OK && t[0] == r->t0_ns && t[r->nt - 1] == r->t1_ns;
        for (uint64_t k = 1; rise && k < r->nt; k++) rise = t[k] > t[k - 1];
        if (!rise && how == TALK_OK) how = TALK_CLOSED;
    }
    return *st == MR_OK ? how : TALK_CLOSED;
}

/** The reply, checked. A worker that was fed with a hostile file is not believed. */
static talk take_reply(worker *w, mr_wire_kind kind, mr_probed *out, mr_status *st)
{
    mr_wire_reply r;
    double left_s = MR_WORKER_WALL_S;
    talk how = receive(w->fd, &r, sizeof r, &left_s);
    if (how != TALK_OK) return how;
    if (r.magic != MR_WIRE_MAGIC || !r.n || r.n > MR_MAX_RECORDINGS || r.n_tables > MR_MAX_SETS)
        return TALK_CLOSED;
    if ((*st = mr_alloc((size_t)r.n, sizeof *out->rec, "recordings", &out->rec)) != MR_OK ||
        (*st = mr_alloc((size_t)r.n_tables, sizeof *out->table, "tables", &out->table)) != MR_OK)
        return TALK_CLOSED;
    out->n = (size_t)r.n;
    out->n_tables = (size_t)r.n_tables;
    how = receive(w->fd, out->rec, out->n * sizeof *out->rec, &left_s);
    if (how != TALK_OK) return how;
    mr_probed_check(out); /* with tables yet to come */
    for (size_t i = 0; i < out->n; i++)
        if (out->rec[i].state == MR_OK && out->rec[i].set >= out->n_tables) return TALK_CLOSED;
    if (kind == MR_WIRE_PLACES) how = take_places(w, out, &left_s, st);
    if (kind == MR_WIRE_STAMPS) how = take_stamps(w, out, &left_s, st);
    if (how != TALK_OK) return how;
    if (kind == MR_WIRE_TABLES) {
        how = take_tables(w, out, &left_s, st);
        if (how != TALK_OK) return how;
        mr_probed_check(out);
    }
    if (r.peak_bytes > w->peak_bytes) w->peak_bytes = r.peak_bytes;
    if (r.want_memory)
        *st = mr_probed_refuse(out, "its header needs more memory than a worker may have");
    return *st == MR_OK ? TALK_OK : TALK_CLOSED;
}

/** A file to look at. */
typedef struct asked {
    const char *path;
    mr_wire_kind kind;
} asked;

static bool send_asked(const worker *w, const asked *a)
{
    return request(w->fd, a->kind, a->path, strlen(a->path) + 1);
}

/** One try; *killed: somebody killed the worker, or the zygote and so all workers, which need not
 *  be the file's fault. */
static mr_status ask_once(const mr_prober *p, worker *w, const asked *a, mr_probed *out,
                          bool *killed)
{
    mr_status st = MR_OK;
    *killed = false;
    bool fresh = w->fd < 0;
    MR_TRY(make_ready(p, w));
    bool sent = send_asked(w, a);
    if (!sent && !fresh) { /* it died since its last file: not this file's fault */
        end_worker(w);
        MR_TRY(make_ready(p, w));
        sent = send_asked(w, a);
    }
    talk how = sent ? take_reply(w, a->kind, out, &st) : TALK_CLOSED;
    w->files++;
    if (how != TALK_OK) {
        int status = end_worker(w);
        mr_probed_fini(out);
        MR_TRY(st);
        *killed = how == TALK_CLOSED &&
                  (status < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        st = refuse_by_end(out, how, status);
    }
out:
    return st;
}

/** A worker that was killed from outside (the system was short of memory, a user) gets a successor.
 */
static mr_status ask(const mr_prober *p, worker *w, const asked *a, mr_probed *out)
{
    bool killed;
    mr_status st = ask_once(p, w, a, out, &killed);
    if (st != MR_OK || !killed) return st;
    mr_probed_fini(out);
    return ask_once(p, w, a, out, &killed);
}

/** Absolute, because workers keep the folder they were born in. [give] */
static mr_status absolute(const char *path, char **out)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    char *cwd = NULL;
    if (*path == '/') return mr_strdup(path, out);
    if (!(cwd = getcwd(NULL, 0))) return MR_RAISE(MR_EINPUT, "no working folder");
    MR_TRY(mr_text_add(&t, "%s/%s", cwd, path));
    *out = t.s;
    t = (mr_text){0};
out:
    free(cwd);
    mr_text_fini(&t);
    return st;
}

/** A recording that is not there needs no worker. */
static mr_status probe_null(const mr_file_info *info, mr_probed *out)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(1, sizeof *out->rec, "a recording", &out->rec));
    MR_TRY(mr_alloc(1, sizeof *out->table, "a table", &out->table));
    out->n = out->n_tables = 1;
    *out->rec = *info;
out:
    if (st != MR_OK) mr_probed_fini(out);
    return st;
}

static mr_status probe_as(mr_prober *p, const char *path, mr_wire_kind kind, mr_probed *out)
{
    mr_status st = MR_OK;
    asked a = {.kind = kind};
    char *full = NULL;
    int i = -1;
    mr_file_info none;
    memset(out, 0, sizeof *out);
    if (mr_null_probe(path, &none)) return probe_null(&none, out);
    MR_TRY(absolute(path, &full));
    a.path = full;
    if (!mr_read_full(p->free[0], &i, sizeof i)) {
        st = MR_RAISE(MR_EBUG, "the prober's pipe is closed");
        goto out;
    }
    st = ask(p, &p->w[i], &a, out);
    mr_write_full(p->free[1], &i, sizeof i);
out:
    if (st != MR_OK) {
        mr_probed_fini(out);
        mr_note("looking at %s", path);
    }
    free(full);
    return st;
}

mr_status mr_probe_file(mr_prober *p, const char *path, bool tables, mr_probed *out)
{
    return probe_as(p, path, tables ? MR_WIRE_TABLES : MR_WIRE_PROBE, out);
}

mr_status mr_probe_places(mr_prober *p, const char *path, const char *dataset, uint64_t nc,
                          double **x_m)
{
    mr_status st = MR_OK;
    mr_probed all;
    *x_m = NULL;
    MR_TRY(probe_as(p, path, MR_WIRE_PLACES, &all));
    for (size_t i = 0; i < all.n && !*x_m; i++) {
        const mr_file_info *r = &all.rec[i];
        if (r->state != MR_OK || r->nc != nc || strcmp(r->dataset, dataset) != 0 || !all.place)
            continue;
        *x_m = all.place[r->set];
        all.place[r->set] = NULL;
    }
    mr_probed_fini(&all);
    if (!*x_m) st = MR_RAISE(MR_EINPUT, "%s: the positions of its channels cannot be read", path);
out:
    return st;
}

mr_status mr_probe_stamps(mr_prober *p, const char *path, const char *dataset, uint64_t nt,
                          int64_t **t_ns)
{
    mr_status st = MR_OK;
    mr_probed all;
    *t_ns = NULL;
    MR_TRY(probe_as(p, path, MR_WIRE_STAMPS, &all));
    for (size_t i = 0; i < all.n && !*t_ns; i++) {
        const mr_file_info *r = &all.rec[i];
        if (r->state != MR_OK || r->nt != nt || strcmp(r->dataset, dataset) != 0 || !all.stamp)
            continue;
        *t_ns = all.stamp[r->set];
        all.stamp[r->set] = NULL;
    }
    mr_probed_fini(&all);
    if (!*t_ns) st = MR_RAISE(MR_EINPUT, "%s: the times of its rows cannot be read", path);
out:
    return st;
}

mr_status mr_probe(mr_prober *p, const char *path, mr_file_info *info, mr_chunk **chunks)
{
    mr_probed all;
    memset(info, 0, sizeof *info);
    if (chunks) *chunks = NULL;
    const mr_status st = mr_probe_file(p, path, chunks != NULL, &all);
    if (st == MR_OK)
        mr_probed_first(&all, info, chunks);
    else
        mr_info_refuse(info, "%s", mr_error());
    return st;
}
