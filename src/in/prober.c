/* in/prober.c: a pool of workers that look at files. Any thread may probe without a lock: the free
 * workers' numbers lie in a pipe; who takes one out has that worker to himself, and who finds the
 * pipe empty waits. */
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
    if (p->map.len && !request(w->fd, MR_WIRE_MAP, p->map.s, p->map.len)) {
        end_worker(w);
        st = MR_RAISE(MR_STOPPED, "a new worker was ended before it could look at a file");
    }
out:
    return st;
}

static void refuse_by_end(mr_file_info *info, talk how, int status)
{
    if (how == TALK_LATE)
        mr_info_refuse(info, "the header took longer than %d s to read", MR_WORKER_WALL_S);
    else if (status >= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
        mr_info_refuse(info, "the header took more than %d s of processor time", MR_WORKER_CPU_S);
    else if (status >= 0 && WIFSIGNALED(status))
        mr_info_refuse(info, "the header crashed the HDF5 library (signal %d)", WTERMSIG(status));
    else
        mr_info_refuse(info, "the worker that read the header ended (status %d)",
                       status >= 0 ? WEXITSTATUS(status) : -1);
}

/** The reply, checked. A worker that was fed with a hostile file is not believed. */
static talk take_reply(worker *w, mr_file_info *info, mr_chunk **chunks, mr_status *st)
{
    mr_wire_reply r;
    mr_chunk *v = NULL;
    double left_s = MR_WORKER_WALL_S;
    talk how = receive(w->fd, &r, sizeof r, &left_s);
    if (how != TALK_OK) return how;
    if (r.magic != MR_WIRE_MAGIC) return TALK_CLOSED;
    mr_info_check(&r.info, NULL, 0);
    bool table = r.info.state == MR_OK && r.info.store.storage == MR_ST_CHUNKED;
    if (r.n_chunks != (table ? r.info.store.n_chunks : 0)) return TALK_CLOSED;
    if (table) {
        if ((*st = mr_alloc((size_t)r.n_chunks, sizeof *v, "chunk table", &v)) != MR_OK)
            return TALK_CLOSED;
        how = receive(w->fd, v, (size_t)r.n_chunks * sizeof *v, &left_s);
        if (how == TALK_OK) mr_info_check(&r.info, v, r.n_chunks);
    }
    if (how == TALK_OK) {
        if (r.peak_bytes > w->peak_bytes) w->peak_bytes = r.peak_bytes;
        *info = r.info;
        if (r.want_memory)
            mr_info_refuse(info, "its header needs more memory than a worker may have");
        if (chunks && info->state == MR_OK) {
            *chunks = v;
            v = NULL;
        }
    }
    free(v);
    return how;
}

/** One try; *killed: somebody killed the worker, or the zygote and so all workers, which need not
 *  be the file's fault. */
static mr_status ask_once(const mr_prober *p, worker *w, const char *path, mr_file_info *info,
                          mr_chunk **chunks, bool *killed)
{
    mr_status st = MR_OK;
    *killed = false;
    bool fresh = w->fd < 0;
    MR_TRY(make_ready(p, w));
    bool sent = request(w->fd, MR_WIRE_PROBE, path, strlen(path) + 1);
    if (!sent && !fresh) { /* it died since its last file: not this file's fault */
        end_worker(w);
        MR_TRY(make_ready(p, w));
        sent = request(w->fd, MR_WIRE_PROBE, path, strlen(path) + 1);
    }
    talk how = sent ? take_reply(w, info, chunks, &st) : TALK_CLOSED;
    w->files++;
    if (how != TALK_OK) {
        int status = end_worker(w);
        MR_TRY(st);
        *killed = how == TALK_CLOSED &&
                  (status < 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
        refuse_by_end(info, how, status);
    }
out:
    return st;
}

/** A worker that was killed from outside (the system was short of memory, a user) gets a successor.
 */
static mr_status ask(const mr_prober *p, worker *w, const char *path, mr_file_info *info,
                     mr_chunk **chunks)
{
    bool killed;
    mr_status st = ask_once(p, w, path, info, chunks, &killed);
    if (st != MR_OK || !killed) return st;
    memset(info, 0, sizeof *info);
    return ask_once(p, w, path, info, chunks, &killed);
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

mr_status mr_probe(mr_prober *p, const char *path, mr_file_info *info, mr_chunk **chunks)
{
    mr_status st = MR_OK;
    char *full = NULL;
    int i = -1;
    memset(info, 0, sizeof *info);
    if (chunks) *chunks = NULL;
    MR_TRY(absolute(path, &full));
    if (!mr_read_full(p->free[0], &i, sizeof i)) {
        st = MR_RAISE(MR_EBUG, "the prober's pipe is closed");
        goto out;
    }
    st = ask(p, &p->w[i], full, info, chunks);
    mr_write_full(p->free[1], &i, sizeof i);
out:
    if (st != MR_OK) {
        mr_info_refuse(info, "%s", mr_error());
        mr_note("looking at %s", path);
    }
    free(full);
    return st;
}
