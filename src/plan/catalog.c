/* plan/catalog.c: rows and kinds of the surveyed files. */
#include "plan/catalog.h"
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

mr_status mr_catalog_new(const mr_strs *paths, mr_catalog **out)
{
    mr_status st = MR_OK;
    mr_catalog *c = NULL;
    MR_TRY(mr_alloc(1, sizeof *c, "the catalogue", &c));
    MR_TRY(mr_alloc(paths->n, sizeof *c->rows, "the catalogue", &c->rows));
    MR_TRY(mr_alloc(paths->n, sizeof *c->paths, "the catalogue", &c->paths));
    MR_TRY(mr_alloc(paths->n, sizeof *c->notes, "the catalogue", &c->notes));
    c->n = paths->n;
    for (size_t i = 0; i < c->n; i++) {
        MR_TRY(mr_strdup(paths->v[i], &c->paths[i]));
        c->rows[i].kind = MR_REFUSED;
    }
    *out = c;
    c = NULL;
out:
    mr_catalog_free(c);
    return st;
}

void mr_catalog_free(mr_catalog *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->n; i++) {
        if (c->paths) free(c->paths[i]);
        if (c->notes) free(c->notes[i]);
    }
    free(c->rows);
    free(c->paths);
    free(c->notes);
    free(c->kinds);
    free(c->survey_path);
    free(c);
}

/** The facts of a file that others may share: what is its own is cleared, text after NUL too. */
static mr_file_info facts_of(const mr_file_info *info)
{
    mr_file_info f = *info;
    f.size = f.mtime_ns = f.t0_ns = f.t1_ns = 0;
    f.inode = f.device = f.nt = 0;
    f.store.nt = f.store.row0 = f.store.offset = f.store.n_chunks = 0;
    memset(f.reason, 0, sizeof f.reason);
    memset(f.odd, 0, sizeof f.odd);
    memset(f.assumed, 0, sizeof f.assumed);
    return f;
}

static bool near_rel(double a, double b, double rel)
{
    return fabs(a - b) <= rel * fmax(fabs(a), fabs(b));
}

/** May files of these facts stand in one span? How they are stored does not matter, what they hold
 *  does. */
static bool same_group(const mr_file_info *a, const mr_file_info *b)
{
    return a->nc == b->nc && near_rel(a->rate_hz, b->rate_hz, 1e-3) &&
           near_rel(a->dx_m, b->dx_m, 1e-6) && near_rel(a->x0_m, b->x0_m, 1e-6) &&
           memcmp(&a->store.dtype, &b->store.dtype, 2) == 0 && a->to_native == b->to_native &&
           a->to_strain_rate == b->to_strain_rate && strcmp(a->quantity, b->quantity) == 0 &&
           strcmp(a->unit, b->unit) == 0;
}

static mr_status kind_of(mr_catalog *c, const mr_file_info *info, uint32_t *out)
{
    mr_status st = MR_OK;
    const mr_file_info f = facts_of(info);
    for (size_t k = c->n_kinds, near = 0; k-- > 0 && near < 64; near++) /* neighbours are alike */
        if (memcmp(&c->kinds[k].facts, &f, sizeof f) == 0) {
            *out = (uint32_t)k;
            return MR_OK;
        }
    MR_TRY(mr_grow(&c->kinds, &c->cap_kinds, c->n_kinds + 1, sizeof *c->kinds, "the catalogue"));
    uint32_t group = c->n_groups;
    for (size_t k = 0; k < c->n_kinds; k++)
        if (c->kinds[k].leads && same_group(&c->kinds[k].facts, &f)) {
            group = c->kinds[k].group;
            break;
        }
    const bool leads = group == c->n_groups;
    if (leads) c->n_groups++;
    c->kinds[c->n_kinds] = (mr_kind){.facts = f, .group = group, .leads = leads};
    *out = (uint32_t)c->n_kinds++;
out:
    return st;
}

mr_status mr_catalog_set(mr_catalog *c, size_t i, const mr_file_info *info, uint64_t table_pos)
{
    mr_status st = MR_OK;
    mr_row *r = &c->rows[i];
    *r = (mr_row){.t0_ns = info->t0_ns,
                  .t1_ns = info->t1_ns,
                  .nt = (uint32_t)info->nt,
                  .nt_stored = (uint32_t)info->store.nt,
                  .size = info->size,
                  .mtime_ns = info->mtime_ns,
                  .inode = info->inode,
                  .kind = MR_REFUSED,
                  .row0 = (uint32_t)info->store.row0};
    free(c->notes[i]);
    c->notes[i] = NULL;
    if (info->state != MR_OK) return mr_strdup(info->reason, &c->notes[i]);
    if (info->store.nt > UINT32_MAX || info->store.row0 + info->nt > info->store.nt)
        return mr_strdup("its extents are beyond what can be read", &c->notes[i]);
    if (info->odd[0]) MR_TRY(mr_strdup(info->odd, &c->notes[i]));
    MR_TRY(kind_of(c, info, &r->kind));
    r->where = info->store.storage == MR_ST_CHUNKED ? table_pos : info->store.offset;
out:
    return st;
}

void mr_catalog_info(const mr_catalog *c, size_t i, mr_file_info *info)
{
    const mr_row *r = &c->rows[i];
    *info = (mr_file_info){.state = MR_EINPUT};
    if (r->kind == MR_REFUSED) {
        if (c->notes[i]) strncpy(info->reason, c->notes[i], sizeof info->reason - 1);
        return;
    }
    *info = c->kinds[r->kind].facts;
    info->t0_ns = r->t0_ns;
    info->t1_ns = r->t1_ns;
    info->nt = r->nt;
    info->size = r->size;
    info->mtime_ns = r->mtime_ns;
    info->inode = r->inode;
    info->store.row0 = r->row0;
    info->store.nt = r->nt_stored;
    if (info->store.storage == MR_ST_CHUNKED) {
        const mr_store *s = &info->store;
        info->store.n_chunks =
            ((s->nt + s->chunk_t - 1) / s->chunk_t) * ((s->nc + s->chunk_c - 1) / s->chunk_c);
    } else {
        info->store.offset = r->where;
    }
}

mr_status mr_catalog_chunks(const mr_catalog *c, size_t i, mr_chunk **out)
{
    mr_status st = MR_OK;
    mr_chunk *t = NULL;
    int fd = -1;
    mr_file_info info;
    mr_catalog_info(c, i, &info);
    if (info.store.storage != MR_ST_CHUNKED) goto out;
    MR_TRY(mr_alloc(info.store.n_chunks, sizeof *t, "a chunk table", &t));
    fd = open(c->survey_path, O_RDONLY | O_CLOEXEC);
    const size_t want = info.store.n_chunks * sizeof *t;
    for (size_t got = 0; fd >= 0 && got < want;) {
        ssize_t n = pread(fd, (char *)t + got, want - got, (off_t)(c->rows[i].where + got));
        if (n <= 0) {
            st = MR_RAISE(MR_EOUTPUT, "%s: the survey cannot be read back", c->survey_path);
            goto out;
        }
        got += (size_t)n;
    }
    if (fd < 0) {
        st = MR_RAISE(MR_EOUTPUT, "%s: the survey cannot be opened", c->survey_path);
        goto out;
    }
    *out = t;
    t = NULL;
out:
    if (fd >= 0) close(fd);
    free(t);
    return st;
}

const mr_file_info *mr_catalog_group(const mr_catalog *c, uint32_t group)
{
    for (size_t k = 0; k < c->n_kinds; k++)
        if (c->kinds[k].leads && c->kinds[k].group == group) return &c->kinds[k].facts;
    return NULL;
}

const char *mr_base_name(const char *path)
{
    const char *s = strrchr(path, '/');
    return s ? s + 1 : path;
}
