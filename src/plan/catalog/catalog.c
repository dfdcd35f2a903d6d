/* plan/catalog/catalog.c: rows of the surveyed files, growing or as a view of a packed block. */
#include "plan/catalog/catalog.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/** What grows while files are entered; the catalogue's pointers look into it. */
typedef struct mr_maker {
    mr_forms forms;
    mr_text text;
    size_t cap_group, cap_lead, cap_rows, cap_path, cap_note, cap_of;
} mr_maker;

/* --- making ---------------------------------------------------------------------------------- */

static mr_status add_text(mr_catalog *c, const char *s, uint32_t *at)
{
    mr_status st = MR_OK;
    mr_text *t = &c->maker->text;
    const size_t from = t->len;
    MR_TRY(mr_text_add_bytes(t, s, strlen(s) + 1));
    c->text = t->s;
    if (t->len > UINT32_MAX) return MR_RAISE(MR_EMEM, "the paths of the input exceed 4 GiB");
    *at = (uint32_t)from;
out:
    return st;
}

mr_status mr_catalog_new(const mr_strs *paths, mr_catalog **out)
{
    mr_status st = MR_OK;
    mr_catalog *c = NULL;
    uint32_t none;
    MR_TRY(mr_alloc(1, sizeof *c, "the catalogue", &c));
    MR_TRY(mr_alloc(1, sizeof *c->maker, "the catalogue", &c->maker));
    MR_TRY(mr_alloc(paths->n, sizeof *c->rows, "the catalogue", &c->rows));
    MR_TRY(mr_alloc(paths->n, sizeof *c->path_at, "the catalogue", &c->path_at));
    MR_TRY(mr_alloc(paths->n, sizeof *c->note_at, "the catalogue", &c->note_at));
    c->n = c->n_files = paths->n;
    c->maker->cap_rows = c->maker->cap_path = c->maker->cap_note = paths->n;
    MR_TRY(add_text(c, "", &none)); /* place 0 is the empty text */
    for (size_t i = 0; i < c->n; i++) {
        MR_TRY(add_text(c, paths->v[i], &c->path_at[i]));
        c->rows[i].form = MR_REFUSED;
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
    if (c->maker) {
        mr_forms_fini(&c->maker->forms);
        mr_text_fini(&c->maker->text);
        free(c->rows);
        free(c->of);
        free(c->path_at);
        free(c->note_at);
        free(c->group);
        free(c->lead);
    }
    free(c->maker);
    free(c->tables);
    free(c);
}

static mr_series numbers(const mr_file_info *f)
{
    return (mr_series){.rate_hz = f->uneven ? 0 : f->rate_hz,
                       .dx_m = f->dx_m,
                       .x0_m = f->x0_m,
                       .gauge_m = f->gauge_m};
}

double mr_catalog_factor(mr_quantity_join by, const mr_file_info *lead, const mr_file_info *f)
{
    const bool same = lead->to_native == f->to_native &&
                      lead->to_strain_rate == f->to_strain_rate &&
                      lead->to_strain == f->to_strain && strcmp(lead->quantity, f->quantity) == 0 &&
                      strcmp(lead->unit, f->unit) == 0;
    const bool native = strcmp(lead->native_quantity, f->native_quantity) == 0 &&
                        strcmp(lead->native_unit, f->native_unit) == 0;
    double a = 0, b = 0;
    if (same && native) return 1;
    if (by == MR_JOIN_NATIVE && native) a = lead->to_native, b = f->to_native;
    if (by == MR_JOIN_STRAIN_RATE) a = lead->to_strain_rate, b = f->to_strain_rate;
    if (by == MR_JOIN_STRAIN) a = lead->to_strain, b = f->to_strain;
    return a != 0 && b != 0 ? b / a : 0;
}

/** May files of these facts stand in one span? How they are stored does not matter, what they hold
 *  does. mr_catalog_series says the same. */
static bool same_group(const mr_catalog *c, const mr_file_info *a, const mr_file_info *b)
{
    const mr_series x = numbers(a), y = numbers(b);
    return a->nc == b->nc && a->uneven == b->uneven && mr_series_near(&x, &y) &&
           mr_catalog_factor((mr_quantity_join)c->join_by, a, b) != 0;
}

mr_status mr_catalog_series(const mr_file_info *f, mr_series *out)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    mr_series s = numbers(f);
    MR_TRY(mr_text_add(&t, "%llu %llx %a %a %a\n%s\n%s\n%s\n%s\n", (unsigned long long)f->nc,
                       (unsigned long long)f->places, f->to_native, f->to_strain_rate, f->to_strain,
                       f->quantity, f->unit, f->native_quantity, f->native_unit));
    s.what = mr_digest_of(t.s, t.len);
    *out = s;
out:
    mr_text_fini(&t);
    return st;
}

/** The group of form k, founded by it if it fits none. */
static mr_status find_group(mr_catalog *c, uint32_t k)
{
    mr_status st = MR_OK;
    uint32_t g = 0;
    while (g < c->n_groups && !same_group(c, &c->facts[c->lead[g]], &c->facts[k])) g++;
    if (g == c->n_groups) {
        MR_TRY(mr_grow(&c->lead, &c->maker->cap_lead, g + 1u, sizeof *c->lead, "the catalogue"));
        c->lead[c->n_groups++] = k;
    }
    c->group[k] = g;
out:
    return st;
}

mr_status mr_catalog_form(mr_catalog *c, const mr_file_info *facts, uint32_t *out)
{
    mr_status st = MR_OK;
    mr_maker *m = c->maker;
    MR_TRY(mr_forms_add(&m->forms, facts, out));
    c->facts = m->forms.v;
    if (*out < c->n_forms) return MR_OK;
    MR_TRY(mr_grow(&c->group, &m->cap_group, *out + 1u, sizeof *c->group, "the catalogue"));
    MR_TRY(find_group(c, *out));
    c->n_forms = m->forms.n;
out:
    return st;
}

bool mr_row_of(const mr_file_info *info, uint64_t table_pos, mr_row *row, const char **note)
{
    const mr_store *s = &info->store;
    *row = (mr_row){.t0_ns = info->t0_ns,
                    .t1_ns = info->t1_ns,
                    .nt = (uint32_t)info->nt,
                    .nt_stored = (uint32_t)s->nt,
                    .size = info->size,
                    .mtime_ns = info->mtime_ns,
                    .inode = info->inode,
                    .form = MR_REFUSED,
                    .row0 = (uint32_t)s->row0};
    *note = info->state != MR_OK ? info->reason : info->odd;
    if (info->state != MR_OK) return false;
    if (s->nt > UINT32_MAX || s->row0 + info->nt > s->nt) {
        *note = "its extents are beyond what can be read";
        return false;
    }
    row->where = s->storage == MR_ST_CHUNKED ? table_pos : s->offset;
    return true;
}

mr_status mr_catalog_put(mr_catalog *c, size_t i, const mr_row *row, const char *note)
{
    c->rows[i] = *row;
    c->note_at[i] = 0;
    return *note ? add_text(c, note, &c->note_at[i]) : MR_OK;
}

mr_status mr_catalog_more(mr_catalog *c, size_t i, const mr_row *row, const char *note)
{
    mr_status st = MR_OK;
    mr_maker *m = c->maker;
    const size_t n = c->n, k = n - c->n_files;
    MR_ASSERT(i < c->n_files && (k == 0 || c->of[k - 1] <= i));
    MR_TRY(mr_grow(&c->rows, &m->cap_rows, n + 1, sizeof *c->rows, "the catalogue"));
    MR_TRY(mr_grow(&c->path_at, &m->cap_path, n + 1, sizeof *c->path_at, "the catalogue"));
    MR_TRY(mr_grow(&c->note_at, &m->cap_note, n + 1, sizeof *c->note_at, "the catalogue"));
    MR_TRY(mr_grow(&c->of, &m->cap_of, k + 1, sizeof *c->of, "the catalogue"));
    c->of[k] = (uint32_t)i;
    c->path_at[n] = c->path_at[i];
    c->n++;
    MR_TRY(mr_catalog_put(c, n, row, note));
out:
    return st;
}

mr_status mr_catalog_set_all(mr_catalog *c, size_t i, const mr_probed *p)
{
    mr_status st = MR_OK;
    for (size_t k = 0; k < p->n; k++) {
        mr_row row;
        const char *note;
        if (mr_row_of(&p->rec[k], 0, &row, &note))
            MR_TRY(mr_catalog_form(c, &p->rec[k], &row.form));
        MR_TRY(k ? mr_catalog_more(c, i, &row, note) : mr_catalog_put(c, i, &row, note));
    }
out:
    return st;
}

mr_status mr_catalog_set(mr_catalog *c, size_t i, const mr_file_info *info, uint64_t table_pos)
{
    mr_status st = MR_OK;
    mr_row row;
    const char *note;
    if (mr_row_of(info, table_pos, &row, &note)) MR_TRY(mr_catalog_form(c, info, &row.form));
    MR_TRY(mr_catalog_put(c, i, &row, note));
out:
    return st;
}

/* --- settling -------------------------------------------------------------------------------- */

static bool earlier(const mr_catalog *c, size_t a, size_t b)
{
    return mr_catalog_order(c, a, b) < 0;
}

typedef struct first_of {
    uint32_t form;
    size_t file; /* the earliest of this form; n: none */
} first_of;

static int by_first(const void *pa, const void *pb, void *arg)
{
    const mr_catalog *c = arg;
    const first_of *a = pa, *b = pb;
    if (a->file == b->file) return (a->form > b->form) - (a->form < b->form); /* none, both */
    if (a->file == c->n || b->file == c->n) return a->file == c->n ? 1 : -1;
    return earlier(c, a->file, b->file) ? -1 : 1;
}

mr_status mr_catalog_settle(mr_catalog *c)
{
    mr_status st = MR_OK;
    first_of *f = NULL;
    MR_TRY(mr_alloc(c->n_forms, sizeof *f, "the catalogue", &f));
    for (uint32_t k = 0; k < c->n_forms; k++) f[k] = (first_of){k, c->n};
    for (size_t i = 0; i < c->n; i++) {
        if (c->rows[i].form == MR_REFUSED) continue;
        first_of *g = &f[c->rows[i].form];
        if (g->file == c->n || earlier(c, i, g->file)) g->file = i;
    }
    if (c->n_forms) qsort_r(f, c->n_forms, sizeof *f, by_first, c);
    c->n_groups = 0;
    for (size_t k = 0; k < c->n_forms; k++) MR_TRY(find_group(c, f[k].form));
out:
    free(f);
    return st;
}

/* --- packing --------------------------------------------------------------------------------- */

typedef struct block {
    uint64_t n, n_files, n_forms, n_groups, text_bytes;
} block;

/** Where the arrays of such a block lie, in bytes from its start; the last is its size. */
typedef struct places {
    size_t rows, facts, group, lead, of, path_at, note_at, text, end;
} places;

static bool locate(const block *b, places *p)
{
    const uint64_t most = UINT32_MAX; /* so that no product below is too large */
    if (b->n > most || b->n_files > b->n || b->n_forms > most || b->n_groups > b->n_forms ||
        b->text_bytes > most)
        return false;
    p->rows = sizeof *b;
    p->facts = p->rows + (size_t)b->n * sizeof(mr_row);
    p->group = p->facts + (size_t)b->n_forms * sizeof(mr_file_info);
    p->lead = p->group + (size_t)b->n_forms * sizeof(uint32_t);
    p->of = p->lead + (size_t)b->n_groups * sizeof(uint32_t);
    p->path_at = p->of + (size_t)(b->n - b->n_files) * sizeof(uint32_t);
    p->note_at = p->path_at + (size_t)b->n * sizeof(uint32_t);
    p->text = p->note_at + (size_t)b->n * sizeof(uint32_t);
    p->end = (p->text + (size_t)b->text_bytes + 7) / 8 * 8;
    return true;
}

static block block_of(const mr_catalog *c)
{
    size_t text = 0;
    for (size_t i = 0; i < c->n; i++)
        text += (i < c->n_files ? strlen(mr_catalog_path(c, i)) + 1 : 0) +
                (c->note_at[i] ? strlen(c->text + c->note_at[i]) + 1 : 0);
    return (block){c->n, c->n_files, c->n_forms, c->n_groups, text + 1};
}

size_t mr_catalog_bytes(const mr_catalog *c)
{
    places p = {0};
    const block b = block_of(c);
    MR_ASSERT(locate(&b, &p));
    return p.end;
}

static void copy(void *to, const void *from, size_t n)
{
    if (n) memcpy(to, from, n);
}

void mr_catalog_pack(const mr_catalog *c, void *to)
{
    places p = {0};
    const block b = block_of(c);
    char *s = to;
    MR_ASSERT(locate(&b, &p));
    memset(s + p.text, 0, p.end - p.text);
    memcpy(s, &b, sizeof b);
    copy(s + p.rows, c->rows, c->n * sizeof *c->rows);
    copy(s + p.facts, c->facts, c->n_forms * sizeof *c->facts);
    copy(s + p.group, c->group, c->n_forms * sizeof *c->group);
    copy(s + p.lead, c->lead, c->n_groups * sizeof *c->lead);
    copy(s + p.of, c->of, (c->n - c->n_files) * sizeof *c->of);
    uint32_t *path_at = (uint32_t *)(void *)(s + p.path_at);
    uint32_t *note_at = (uint32_t *)(void *)(s + p.note_at);
    size_t at = 1;
    for (size_t i = 0; i < c->n; i++) { /* one behind the other, what was replaced left out */
        const char *text[] = {mr_catalog_path(c, i), mr_catalog_note(c, i)};
        uint32_t *place[] = {&path_at[i], &note_at[i]};
        const size_t further = i >= c->n_files; /* its path stands there already */
        if (further) path_at[i] = path_at[c->of[i - c->n_files]];
        for (size_t k = further; k < 2; k++) {
            *place[k] = text[k] ? (uint32_t)at : 0;
            if (!text[k]) continue;
            const size_t n = strlen(text[k]) + 1;
            memcpy(s + p.text + at, text[k], n);
            at += n;
        }
    }
}

static bool ends(const char *s, size_t size)
{
    return memchr(s, '\0', size) != NULL;
}

/** Facts that can be used without reading beyond them; what they say is checked by who reads. */
static bool sound_facts(const mr_file_info *f)
{
    const mr_store *s = &f->store;
    return ends(f->reason, sizeof f->reason) && ends(f->layout, sizeof f->layout) &&
           ends(f->dataset, sizeof f->dataset) && ends(f->quantity, sizeof f->quantity) &&
           ends(f->unit, sizeof f->unit) && ends(f->native_quantity, sizeof f->native_quantity) &&
           ends(f->native_unit, sizeof f->native_unit) && ends(f->assumed, sizeof f->assumed) &&
           ends(f->odd, sizeof f->odd) &&
           (s->storage != MR_ST_CHUNKED || (s->chunk_t > 0 && s->chunk_c > 0));
}

/** Every number inside the block points to something in it. */
static bool sound(const mr_catalog *c, size_t text_bytes)
{
    bool ok = text_bytes > 0 && c->text[text_bytes - 1] == '\0' && c->text[0] == '\0';
    for (size_t i = 0; i < c->n; i++)
        ok &= c->path_at[i] < text_bytes && c->note_at[i] < text_bytes &&
              (c->rows[i].form == MR_REFUSED || c->rows[i].form < c->n_forms);
    for (size_t i = 0; i < c->n - c->n_files; i++)
        ok &= c->of[i] < c->n_files && (i == 0 || c->of[i - 1] <= c->of[i]);
    for (size_t k = 0; k < c->n_forms; k++)
        ok &= c->group[k] < c->n_groups && sound_facts(&c->facts[k]);
    for (size_t g = 0; g < c->n_groups; g++) ok &= c->lead[g] < c->n_forms;
    return ok;
}

mr_status mr_catalog_view(const void *from, size_t bytes, mr_catalog **out)
{
    mr_status st = MR_OK;
    mr_catalog *c = NULL;
    places p;
    block b;
    if (bytes < sizeof b) return MR_RAISE(MR_EINPUT, "no catalogue");
    memcpy(&b, from, sizeof b);
    if (!locate(&b, &p) || p.end != bytes) return MR_RAISE(MR_EINPUT, "no catalogue");
    MR_TRY(mr_alloc(1, sizeof *c, "the catalogue", &c));
    char *s = (char *)(uintptr_t)from; /* looked at only */
    *c = (mr_catalog){.n = (size_t)b.n,
                      .n_files = (size_t)b.n_files,
                      .n_forms = (size_t)b.n_forms,
                      .n_groups = (uint32_t)b.n_groups,
                      .rows = (mr_row *)(void *)(s + p.rows),
                      .facts = (mr_file_info *)(void *)(s + p.facts),
                      .group = (uint32_t *)(void *)(s + p.group),
                      .lead = (uint32_t *)(void *)(s + p.lead),
                      .of = (uint32_t *)(void *)(s + p.of),
                      .path_at = (uint32_t *)(void *)(s + p.path_at),
                      .note_at = (uint32_t *)(void *)(s + p.note_at),
                      .text = s + p.text};
    if (!sound(c, (size_t)b.text_bytes)) {
        st = MR_RAISE(MR_EINPUT, "a damaged catalogue");
        goto out;
    }
    *out = c;
    c = NULL;
out:
    mr_catalog_free(c);
    return st;
}
