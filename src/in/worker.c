/* in/worker.c: the life of a worker: it gets the map once, then paths, and answers with what each
 * file holds. Also the byte form of a node tree. */
#include "in/zygote.h"
#include <errno.h>
#include <hdf5.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_DEPTH 16

bool mr_read_full(int fd, void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = read(fd, (char *)p + done, n - done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        done += (size_t)k;
    }
    return true;
}

bool mr_write_full(int fd, const void *p, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = write(fd, (const char *)p + done, n - done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return false;
        done += (size_t)k;
    }
    return true;
}

/* --- node tree ----------------------------------------------------------------------------------
 */

static mr_status pack_text(mr_text *out, const char *s)
{
    uint32_t n = s ? (uint32_t)strlen(s) : UINT32_MAX;
    mr_status st = mr_text_add_bytes(out, &n, sizeof n);
    return st != MR_OK || !s ? st : mr_text_add_bytes(out, s, n);
}

mr_status mr_node_pack(const mr_node *n, mr_text *out)
{
    mr_status st = MR_OK;
    int32_t head[6] = {(int32_t)n->kind, n->quoted, n->line, n->col, n->key_line, n->key_col};
    uint64_t entries = n->n;
    MR_TRY(mr_text_add_bytes(out, head, sizeof head));
    MR_TRY(pack_text(out, n->key ? n->key : ""));
    MR_TRY(pack_text(out, n->text));
    MR_TRY(mr_text_add_bytes(out, &entries, sizeof entries));
    for (size_t i = 0; i < n->n; i++) MR_TRY(mr_node_pack(&n->entries[i], out));
out:
    return st;
}

typedef struct cursor {
    const char *p, *end;
} cursor;

static bool take(cursor *c, void *out, size_t n)
{
    if ((size_t)(c->end - c->p) < n) return false;
    memcpy(out, c->p, n);
    c->p += n;
    return true;
}

static bool take_text(cursor *c, char **out)
{
    uint32_t n;
    if (!take(c, &n, sizeof n)) return false;
    if (n == UINT32_MAX) return true;
    if ((size_t)(c->end - c->p) < n || !(*out = calloc((size_t)n + 1, 1))) return false;
    return take(c, *out, n);
}

static bool unpack(cursor *c, mr_node *n, int depth)
{
    int32_t h[6];
    uint64_t entries;
    if (depth > MAX_DEPTH || !take(c, h, sizeof h) || h[0] < 0 || h[0] > MR_NODE_MAP) return false;
    n->kind = (mr_node_kind)h[0];
    n->quoted = h[1] != 0;
    n->line = h[2];
    n->col = h[3];
    n->key_line = h[4];
    n->key_col = h[5];
    if (!take_text(c, &n->key) || !n->key || !take_text(c, &n->text) ||
        !take(c, &entries, sizeof entries) || entries > (size_t)(c->end - c->p) / sizeof h)
        return false;
    if (entries && !(n->entries = calloc((size_t)entries, sizeof *n->entries))) return false;
    for (n->n = 0; n->n < entries;)
        if (!unpack(c, &n->entries[n->n++], depth + 1)) return false;
    return true;
}

mr_status mr_node_unpack(const void *p, size_t len, mr_node *out)
{
    cursor c = {p, (const char *)p + len};
    *out = (mr_node){0};
    if (unpack(&c, out, 0) && c.p == c.end) return MR_OK;
    mr_node_fini(out);
    return MR_RAISE(MR_EBUG, "a map that cannot be read");
}

/* --- serving ------------------------------------------------------------------------------------
 */

/** The processor time limit counts from here. */
static void arm_cpu_limit(void)
{
    struct rusage u;
    struct rlimit rl;
    if (getrusage(RUSAGE_SELF, &u) || getrlimit(RLIMIT_CPU, &rl)) return;
    rlim_t used = (rlim_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1;
    if (rl.rlim_max == RLIM_INFINITY || used + MR_WORKER_CPU_S < rl.rlim_max)
        rl.rlim_cur = used + MR_WORKER_CPU_S;
    setrlimit(RLIMIT_CPU, &rl);
}

static bool send_probed(int fd, const mr_wire_reply *r, const mr_probed *p)
{
    bool ok = mr_write_full(fd, r, sizeof *r) && mr_write_full(fd, p->rec, p->n * sizeof *p->rec);
    for (size_t i = 0, next = 0; ok && i < p->n; i++) { /* in order of sets, each once */
        const mr_file_info *f = &p->rec[i];
        if (f->state != MR_OK || f->set < next || f->set >= p->n_tables) continue;
        next = f->set + 1u;
        if (p->table[f->set])
            ok = mr_write_full(fd, p->table[f->set], (size_t)f->store.n_chunks * sizeof **p->table);
    }
    return ok;
}

static bool send_places(int fd, const mr_probed *p)
{
    bool ok = true;
    for (size_t i = 0, next = 0; ok && i < p->n; i++) {
        const mr_file_info *f = &p->rec[i];
        if (f->state != MR_OK || !f->places || f->set < next || f->set >= p->n_tables) continue;
        next = f->set + 1u;
        ok = p->place[f->set] &&
             mr_write_full(fd, p->place[f->set], (size_t)f->nc * sizeof **p->place);
    }
    return ok;
}

static bool send_stamps(int fd, const mr_probed *p)
{
    bool ok = true;
    for (size_t i = 0, next = 0; ok && i < p->n; i++) {
        const mr_file_info *f = &p->rec[i];
        if (f->state != MR_OK || !f->uneven || f->set < next || f->set >= p->n_tables) continue;
        next = f->set + 1u;
        ok = p->stamp[f->set] &&
             mr_write_full(fd, p->stamp[f->set], (size_t)f->nt * sizeof **p->stamp);
    }
    return ok;
}

static bool serve_probe(int fd, const char *path, const mr_probe_opts *o, mr_wire_kind kind)
{
    struct rusage u = {0};
    mr_wire_reply r = {.magic = MR_WIRE_MAGIC};
    mr_probed p;
    arm_cpu_limit();
    r.want_memory = mr_probe_file_here(path, o, kind == MR_WIRE_TABLES, &p) == MR_EMEM;
    r.n = p.n;
    r.n_tables = p.n_tables;
    H5garbage_collect();
    getrusage(RUSAGE_SELF, &u);
    r.peak_bytes = (uint64_t)u.ru_maxrss * 1024;
    const bool ok = send_probed(fd, &r, &p) && (kind != MR_WIRE_PLACES || send_places(fd, &p)) &&
                    (kind != MR_WIRE_STAMPS || send_stamps(fd, &p));
    mr_probed_fini(&p);
    return ok;
}

void mr_worker_serve(int fd)
{
    mr_wire_head h;
    mr_node map = {0};
    mr_probe_opts o = {0};
    char *dataset = NULL;
    bool ok = true;
    while (ok && mr_read_full(fd, &h, sizeof h) && h.magic == MR_WIRE_MAGIC && h.n <= MR_WIRE_MAX) {
        char *p = calloc((size_t)h.n + 1, 1);
        ok = p && mr_read_full(fd, p, (size_t)h.n);
        if (ok && h.kind == MR_WIRE_MAP) {
            ok = mr_node_unpack(p, (size_t)h.n, &map) == MR_OK;
            o.map = ok ? &map : NULL;
        } else if (ok && h.kind == MR_WIRE_DATASET) {
            free(dataset);
            o.dataset = dataset = p;
            p = NULL;
        } else if (ok) {
            ok = serve_probe(fd, p, &o, (mr_wire_kind)h.kind);
        }
        free(p);
    }
    free(dataset);
    mr_node_fini(&map);
}
