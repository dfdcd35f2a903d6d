/* io/prober.c: a pool of workers that look at files. Any thread may probe, so this one file of the
 * room holds a lock: <threads.h>'s mutex and condition around the table of workers, never while
 * talking to one. */
#include "io/probe.h"
#include "io/zygote.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#define FILES_PER_WORKER 1000

typedef struct worker {
    int fd; /* -1: not running */
    pid_t pid;
    unsigned files;
    bool busy;
    uint64_t last_peak_bytes, peak_bytes; /* of this file; of all that had this place */
} worker;

struct mr_prober {
    mtx_t lock;
    cnd_t freed;
    int n;
    worker *w;
    mr_text map; /* packed; empty without */
};

mr_status mr_prober_new(int n, const mr_node *map, mr_prober **out)
{
    mr_status st = MR_OK;
    mr_prober *p = NULL;
    MR_TRY(mr_alloc(1, sizeof *p, "prober", &p));
    p->n = MR_MAX(n, 1);
    MR_TRY(mr_alloc((size_t)p->n, sizeof *p->w, "prober", &p->w));
    for (int i = 0; i < p->n; i++) p->w[i].fd = -1;
    if (map) MR_TRY(mr_node_pack(map, &p->map));
    if (mtx_init(&p->lock, mtx_plain) != thrd_success) {
        st = MR_RAISE(MR_EMEM, "no lock for the prober");
        goto out;
    }
    if (cnd_init(&p->freed) != thrd_success) {
        mtx_destroy(&p->lock);
        st = MR_RAISE(MR_EMEM, "no lock for the prober");
        goto out;
    }
    *out = p;
    p = NULL;
out:
    if (p) {
        free(p->w);
        mr_text_fini(&p->map);
        free(p);
    }
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
    for (int i = 0; i < p->n; i++) end_worker(&p->w[i]);
    cnd_destroy(&p->freed);
    mtx_destroy(&p->lock);
    mr_text_fini(&p->map);
    free(p->w);
    free(p);
}

size_t mr_prober_peak_bytes(const mr_prober *p)
{
    size_t sum = 0;
    mtx_t *lock = (mtx_t *)(uintptr_t)&p->lock;
    mtx_lock(lock);
    for (int i = 0; i < p->n; i++) sum += (size_t)p->w[i].peak_bytes;
    mtx_unlock(lock);
    return sum;
}

/* --- talking to one worker, without the lock ----------------------------------------------------
 */

typedef enum talk { TALK_OK, TALK_CLOSED, TALK_LATE } talk;

static talk receive(int fd, void *p, size_t n, double deadline)
{
    for (size_t done = 0; done < n;) {
        double left = deadline - mr_now();
        struct pollfd pf = {.fd = fd, .events = POLLIN};
        if (left <= 0) return TALK_LATE;
        int r = poll(&pf, 1, (int)(left * 1000) + 1);
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
        st = MR_RAISE(MR_EBUG, "a new worker does not listen");
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
    double deadline = mr_now() + MR_WORKER_WALL_S;
    talk how = receive(w->fd, &r, sizeof r, deadline);
    if (how != TALK_OK) return how;
    if (r.magic != MR_WIRE_MAGIC) return TALK_CLOSED;
    mr_info_check(&r.info, NULL, 0);
    bool table = r.info.state == MR_OK && r.info.store.storage == MR_ST_CHUNKED;
    if (r.n_chunks != (table ? r.info.store.n_chunks : 0)) return TALK_CLOSED;
    if (table) {
        if ((*st = mr_alloc((size_t)r.n_chunks, sizeof *v, "chunk table", &v)) != MR_OK)
            return TALK_CLOSED;
        how = receive(w->fd, v, (size_t)r.n_chunks * sizeof *v, deadline);
        if (how == TALK_OK) mr_info_check(&r.info, v, r.n_chunks);
    }
    if (how == TALK_OK) {
        w->last_peak_bytes = r.peak_bytes;
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

static mr_status ask(const mr_prober *p, worker *w, const char *path, mr_file_info *info,
                     mr_chunk **chunks)
{
    mr_status st = MR_OK;
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
        refuse_by_end(info, how, status);
    }
out:
    return st;
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

static worker *borrow_worker(mr_prober *p)
{
    worker *w = NULL;
    mtx_lock(&p->lock);
    for (;;) {
        for (int i = 0; i < p->n; i++) /* a running one before a new one */
            if (!p->w[i].busy && (!w || (w->fd < 0 && p->w[i].fd >= 0))) w = &p->w[i];
        if (w) break;
        cnd_wait(&p->freed, &p->lock);
    }
    w->busy = true;
    mtx_unlock(&p->lock);
    return w;
}

static void return_worker(mr_prober *p, worker *w)
{
    mtx_lock(&p->lock);
    w->busy = false;
    w->peak_bytes = MR_MAX(w->peak_bytes, w->last_peak_bytes);
    cnd_signal(&p->freed);
    mtx_unlock(&p->lock);
}

mr_status mr_probe(mr_prober *p, const char *path, mr_file_info *info, mr_chunk **chunks)
{
    mr_status st = MR_OK;
    char *full = NULL;
    worker *w = NULL;
    memset(info, 0, sizeof *info);
    if (chunks) *chunks = NULL;
    MR_TRY(absolute(path, &full));
    w = borrow_worker(p);
    st = ask(p, w, full, info, chunks);
    return_worker(p, w);
out:
    if (st != MR_OK) {
        mr_info_refuse(info, "%s", mr_error());
        mr_note("looking at %s", path);
    }
    free(full);
    return st;
}
