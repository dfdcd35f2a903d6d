/* run/survey.c: probe the files of this rank's share, gather all, keep the survey file. */
#include "run/survey.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "io/output.h"
#include "par/thread.h"

/* The survey file: a header, then for every file a record, its path, its chunk table; at the end
 * the digest of all before it. Read only by the same build: sizes and version are in the header. */
typedef struct head {
    char magic[8];
    char version[16];
    uint64_t record_bytes, n;
    char map[40]; /* digest of input.map: another map, another survey */
} head;
typedef struct record {
    uint64_t index, path_bytes, n_chunks;
    mr_file_info info;
} record;

typedef struct known {
    const char *path;
    const record *rec; /* in the mapped bytes; its path and chunks behind it */
} known;

/** What is remembered from the last survey. */
typedef struct memory {
    mr_text text;
    known *v;
    size_t n;
} memory;

static const char *path_in(const record *r)
{
    return (const char *)(r + 1);
}

static size_t record_size(const record *r)
{
    return sizeof *r + (r->path_bytes + 7) / 8 * 8 + r->n_chunks * sizeof(mr_chunk);
}

static const mr_chunk *chunks_in(const record *r)
{
    return (const mr_chunk *)(path_in(r) + (r->path_bytes + 7) / 8 * 8);
}

static mr_status make_head(const mr_config *cfg, size_t n, head *h)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    *h = (head){.magic = "MRSURV1", .record_bytes = sizeof(record), .n = n};
    snprintf(h->version, sizeof h->version, "%s", MR_VERSION);
    if (cfg->map) {
        MR_TRY(mr_node_print(cfg->map, &t));
        snprintf(h->map, sizeof h->map, "%s", mr_digest_of(t.s, t.len).hex);
    }
out:
    mr_text_fini(&t);
    return st;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const known *)a)->path, ((const known *)b)->path);
}

/** A record that lies whole inside the bytes and ends its path? The file is ours, but may be cut.
 */
static bool sound(const char *at, const char *end)
{
    const record *r = (const record *)at;
    const size_t left = (size_t)(end - at);
    if (left < sizeof *r || r->path_bytes == 0 || r->path_bytes > 65536) return false;
    if (r->n_chunks > left / sizeof(mr_chunk) || record_size(r) > left) return false;
    return path_in(r)[r->path_bytes - 1] == '\0';
}

/** The last survey, if there is one that this build and map can use; silence otherwise. */
static mr_status remember(const char *path, const head *want, memory *m)
{
    mr_status st = MR_OK;
    head h;
    if (access(path, R_OK) != 0 || mr_read_text(path, (size_t)8 << 30, &m->text) != MR_OK) {
        mr_error_clear();
        return MR_OK;
    }
    const size_t len = m->text.len;
    if (len < sizeof h + sizeof(mr_digest) - 1) return MR_OK;
    memcpy(&h, m->text.s, sizeof h);
    const char *end = m->text.s + len - 32;
    if (memcmp(h.magic, want->magic, 8) || memcmp(h.version, want->version, 16) ||
        h.record_bytes != want->record_bytes || memcmp(h.map, want->map, sizeof h.map) ||
        memcmp(mr_digest_of(m->text.s, len - 32).hex, end, 32))
        return MR_OK;
    MR_TRY(mr_alloc(h.n, sizeof *m->v, "the last survey", &m->v));
    for (const char *at = m->text.s + sizeof h; m->n < h.n && sound(at, end);) {
        const record *r = (const record *)at;
        m->v[m->n++] = (known){path_in(r), r};
        at += record_size(r);
    }
    qsort(m->v, m->n, sizeof *m->v, by_path);
out:
    return st;
}

/** One rank's share of the work: files rank, rank + size, ... */
typedef struct share {
    const mr_strs *files;
    const memory *mem;
    mr_prober *prober;
    mr_file_info *info; /* [n], only ours are filled */
    mr_chunk **chunks;
    uint8_t *changed, *probed;
    size_t first, step; /* of this rank */
    int threads;
} share;
typedef struct share_task {
    share *s;
    size_t first, step;
} share_task;

static mr_status look(share *s, size_t i)
{
    mr_status st = MR_OK;
    const char *path = s->files->v[i];
    const known key = {path, NULL};
    const known *k = s->mem->n ? bsearch(&key, s->mem->v, s->mem->n, sizeof key, by_path) : NULL;
    struct stat sb;
    if (k && stat(path, &sb) == 0) {
        const mr_file_info *f = &k->rec->info;
        const int64_t mtime = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
        if (f->size == sb.st_size && f->mtime_ns == mtime && f->inode == (uint64_t)sb.st_ino) {
            s->info[i] = *f;
            if (!k->rec->n_chunks) return MR_OK;
            MR_TRY(mr_alloc(k->rec->n_chunks, sizeof(mr_chunk), "a chunk table", &s->chunks[i]));
            memcpy(s->chunks[i], chunks_in(k->rec), k->rec->n_chunks * sizeof(mr_chunk));
            return MR_OK;
        }
    }
    s->probed[i] = 1;
    s->changed[i] = k != NULL;
    MR_TRY(mr_probe(s->prober, path, &s->info[i], &s->chunks[i]));
out:
    return st;
}

static mr_status look_task(void *arg, mr_future *self)
{
    mr_status st = MR_OK;
    const share_task *t = arg;
    for (size_t i = t->first; i < t->s->files->n && !mr_task_cancelled(self); i += t->step)
        MR_TRY(look(t->s, i));
out:
    return st;
}

static mr_status look_all(share *s)
{
    mr_status st = MR_OK;
    mr_crew *crew = NULL;
    mr_future *f[64] = {0};
    share_task task[64];
    const size_t n = (size_t)MR_MIN(s->threads, 64);
    MR_TRY(mr_crew_new("survey", (int)n, &crew));
    for (size_t i = 0; i < n; i++) {
        task[i] = (share_task){s, s->first + i * s->step, s->step * n};
        MR_TRY(mr_crew_submit(crew, look_task, &task[i], &f[i]));
    }
    for (size_t i = 0; i < n; i++) {
        const mr_status one = mr_future_wait(f[i], -1);
        if (one != MR_OK && st == MR_OK) st = one;
    }
out:
    for (size_t i = 0; i < n; i++) mr_future_free(f[i]);
    if (crew) mr_crew_free(crew, true);
    return st;
}

/** This rank's records as bytes: n_chunks is 0 for files without a table. */
static mr_status pack(const share *s, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = s->first; i < s->files->n; i += s->step) {
        record r;
        memset(&r, 0, sizeof r); /* padding too: the bytes are compared */
        r.index = i | (uint64_t)s->changed[i] << 62 | (uint64_t)s->probed[i] << 61;
        r.path_bytes = strlen(s->files->v[i]) + 1;
        r.n_chunks = s->chunks[i] ? s->info[i].store.n_chunks : 0;
        memcpy(&r.info, &s->info[i], sizeof r.info);
        static const char zero[8];
        MR_TRY(mr_text_add_bytes(t, &r, sizeof r));
        MR_TRY(mr_text_add_bytes(t, s->files->v[i], r.path_bytes));
        MR_TRY(mr_text_add_bytes(t, zero, (8 - r.path_bytes % 8) % 8));
        if (r.n_chunks) MR_TRY(mr_text_add_bytes(t, s->chunks[i], r.n_chunks * sizeof(mr_chunk)));
    }
out:
    return st;
}

/** By time, then by name: which files lead a layout must not depend on the order they are listed
 * in. */
static int by_time(const void *pa, const void *pb)
{
    const record *a = *(const record *const *)pa, *b = *(const record *const *)pb;
    if (a->info.t0_ns != b->info.t0_ns) return a->info.t0_ns < b->info.t0_ns ? -1 : 1;
    const int d = strcmp(mr_base_name(path_in(a)), mr_base_name(path_in(b)));
    return d ? d : strcmp(path_in(a), path_in(b));
}

/** Everybody's records in the order of time: into the catalogue, and on rank 0 into the bytes of
 * the survey file. */
static mr_status unpack(const char *all, size_t n_all, const head *h, bool keep, mr_survey *out)
{
    mr_status st = MR_OK;
    const uint64_t mask = ((uint64_t)1 << 60) - 1;
    const record **rec = NULL;
    mr_text t = {0};
    MR_TRY(mr_alloc(h->n, sizeof *rec, "the survey", &rec));
    for (const char *at = all; at < all + n_all; at += record_size((const record *)at))
        rec[((const record *)at)->index & mask] = (const record *)at;
    qsort(rec, h->n, sizeof *rec, by_time);
    if (keep) MR_TRY(mr_text_add_bytes(&t, h, sizeof *h));
    uint64_t pos = sizeof *h;
    for (size_t k = 0; k < h->n; k++) {
        const record *r = rec[k];
        const size_t i = r->index & mask;
        const uint64_t table = pos + sizeof *r + (r->path_bytes + 7) / 8 * 8;
        MR_TRY(mr_catalog_set(out->cat, i, &r->info, table));
        out->changed[i] = r->index >> 62 & 1;
        out->n_probed += r->index >> 61 & 1;
        if (keep) MR_TRY(mr_text_add_bytes(&t, r, record_size(r)));
        pos += record_size(r);
    }
    if (keep) {
        MR_TRY(mr_text_add_bytes(&t, mr_digest_of(t.s, t.len).hex, 32));
        out->bytes = t.s;
        out->n_bytes = t.len;
        t = (mr_text){0};
    }
out:
    mr_text_fini(&t);
    free(rec);
    return st;
}

static void share_fini(share *s)
{
    for (size_t i = 0; s->chunks && i < s->files->n; i++) free(s->chunks[i]);
    free(s->chunks);
    free(s->info);
    free(s->changed);
    free(s->probed);
    mr_prober_free(s->prober);
}

mr_status mr_survey_files(mr_comm *c, const mr_config *cfg, const mr_strs *files,
                          const char *folder, mr_survey *out)
{
    mr_status st = MR_OK;
    head h;
    memory mem = {0};
    mr_text path = {0}, mine = {0};
    void *all = NULL;
    size_t *offs = NULL;
    share s = {.files = files,
               .mem = &mem,
               .first = (size_t)mr_comm_rank(c),
               .step = (size_t)mr_comm_size(c),
               .threads = cfg->io_threads};
    MR_TRY(make_head(cfg, files->n, &h));
    MR_TRY(mr_catalog_new(files, &out->cat));
    MR_TRY(mr_alloc(files->n, 1, "the survey", &out->changed));
    if (folder) {
        MR_TRY(mr_text_add(&path, "%s/.millrace/survey", folder));
        MR_TRY(mr_strdup(path.s, &out->cat->survey_path));
        MR_TRY(remember(path.s, &h, &mem));
    }
    MR_TRY(mr_alloc(files->n, sizeof *s.info, "the survey", &s.info));
    MR_TRY(mr_alloc(files->n, sizeof *s.chunks, "the survey", &s.chunks));
    MR_TRY(mr_alloc(files->n, 1, "the survey", &s.changed));
    MR_TRY(mr_alloc(files->n, 1, "the survey", &s.probed));
    MR_TRY(mr_prober_new(cfg->io_threads, cfg->map, &s.prober));
    MR_TRY(look_all(&s));
    MR_TRY(pack(&s, &mine));
out:
    st = mr_agree(c, st); /* nobody waits in the gathering for one that failed */
    if (st == MR_OK) st = mr_allgather(c, mine.s, mine.len, &all, &offs);
    if (st == MR_OK)
        st = unpack(all, offs[mr_comm_size(c)], &h, folder && mr_comm_rank(c) == 0, out);
    if (s.prober) out->worker_bytes = mr_prober_peak_bytes(s.prober);
    share_fini(&s);
    free(all);
    free(offs);
    free(mem.v);
    mr_text_fini(&mem.text);
    mr_text_fini(&path);
    mr_text_fini(&mine);
    return st;
}

mr_status mr_survey_save(mr_comm *c, mr_survey *s)
{
    mr_status st = MR_OK;
    if (s->bytes) st = mr_write_durably(s->cat->survey_path, s->bytes, s->n_bytes);
    free(s->bytes);
    s->bytes = NULL;
    return mr_agree(c, st);
}

void mr_survey_fini(mr_survey *s)
{
    mr_catalog_free(s->cat);
    free(s->changed);
    free(s->bytes);
    *s = (mr_survey){0};
}
