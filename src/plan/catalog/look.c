/* plan/catalog/look.c: what a catalogue says of files and their recordings. */
#include <stdlib.h>
#include <string.h>
#include "plan/catalog/catalog.h"
#include "plan/catalog/tables.h"

int mr_catalog_order(const mr_catalog *c, size_t a, size_t b)
{
    const mr_row *ra = &c->rows[a], *rb = &c->rows[b];
    if (ra->t0_ns != rb->t0_ns) return ra->t0_ns < rb->t0_ns ? -1 : 1;
    const char *pa = mr_catalog_path(c, a), *pb = mr_catalog_path(c, b);
    int d = strcmp(mr_base_name(pa), mr_base_name(pb));
    if (!d) d = strcmp(pa, pb);
    return d ? d : (ra->row0 > rb->row0) - (ra->row0 < rb->row0);
}

size_t mr_catalog_file(const mr_catalog *c, size_t i)
{
    return i < c->n_files ? i : c->of[i - c->n_files];
}

size_t mr_catalog_further(const mr_catalog *c, size_t i, size_t *first)
{
    size_t a = 0, b = c->n - c->n_files;
    while (a < b) {
        const size_t mid = a + (b - a) / 2;
        if (c->of[mid] < i)
            a = mid + 1;
        else
            b = mid;
    }
    *first = c->n_files + a;
    for (b = a; b < c->n - c->n_files && c->of[b] == i;) b++;
    return b - a;
}

uint32_t mr_catalog_row0(const mr_catalog *c, size_t i)
{
    size_t k = mr_catalog_file(c, i), first;
    const char *set = c->facts[c->rows[i].form].dataset;
    const size_t n = mr_catalog_further(c, k, &first);
    for (size_t j = 0; j <= n; j++) { /* recordings are in order of dataset and row */
        if (j) k = first + j - 1;
        const uint32_t form = c->rows[k].form;
        if (form != MR_REFUSED && strcmp(c->facts[form].dataset, set) == 0) break;
    }
    return c->rows[k].row0;
}

const char *mr_catalog_path(const mr_catalog *c, size_t i)
{
    return c->text + c->path_at[i];
}

const char *mr_catalog_note(const mr_catalog *c, size_t i)
{
    return c->note_at[i] ? c->text + c->note_at[i] : NULL;
}

uint32_t mr_catalog_group_of(const mr_catalog *c, size_t i)
{
    return c->group[c->rows[i].form];
}

const mr_file_info *mr_catalog_group(const mr_catalog *c, uint32_t group)
{
    return &c->facts[c->lead[group]];
}

void mr_catalog_info(const mr_catalog *c, size_t i, mr_file_info *info)
{
    const mr_row *r = &c->rows[i];
    const char *note = mr_catalog_note(c, i);
    *info = (mr_file_info){.state = MR_EINPUT};
    if (r->form == MR_REFUSED) {
        if (note) strncpy(info->reason, note, sizeof info->reason - 1);
        return;
    }
    *info = c->facts[r->form];
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
    mr_file_info info;
    mr_catalog_info(c, i, &info);
    if (info.store.storage != MR_ST_CHUNKED) return MR_OK;
    MR_ASSERT(c->tables);
    return mr_tables_read(c->tables, c->rows[i].where, info.store.n_chunks, out);
}

const char *mr_base_name(const char *path)
{
    const char *s = strrchr(path, '/');
    return s ? s + 1 : path;
}
