/* in/info.c: what is said about a file is checked before it is believed: by the worker that found
 * it, and again by the process that asked, which does not trust workers. */
#include "in/probe.h"
#include "base/text.h"
#include "in/hdf5/store.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T_MAX (INT64_C(1) << 62)
#define MOST_PLACES (UINT64_C(1) << 24)
#define EXTENT_MAX (UINT64_C(1) << 48)

void mr_info_refuse(mr_file_info *info, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    info->state = MR_EINPUT;
    mr_printable(text, info->reason, sizeof info->reason);
}

static void tidy(char *s, size_t size)
{
    char t[MR_ODD_MAX * 4];
    s[size - 1] = 0;
    snprintf(t, sizeof t, "%s", s);
    mr_printable(t, s, size);
}

static bool good_number(double v, double lo, double hi)
{
    return isfinite(v) && v >= lo && v <= hi;
}

static const char *bad_store(const mr_file_info *i)
{
    const mr_store *s = &i->store;
    uint64_t bytes;
    bool size_ok =
        s->dtype.size == 1 || s->dtype.size == 2 || s->dtype.size == 4 || s->dtype.size == 8;
    if (!size_ok || s->dtype.kind > MR_DT_FLOAT || s->dtype.big_endian > 1 ||
        (s->dtype.kind == MR_DT_FLOAT && s->dtype.size == 1))
        return "sample type";
    if (s->storage > MR_ST_CHUNKED || s->time_first > 1 || s->n_filters > MR_MAX_FILTERS)
        return "storage";
    for (unsigned k = 0; k < s->n_filters; k++)
        if (s->filters[k] < MR_FI_DEFLATE || s->filters[k] > MR_FI_FLETCHER32) return "filter";
    if (!s->nt || !s->nc || s->nt > EXTENT_MAX || s->nc > EXTENT_MAX ||
        __builtin_mul_overflow(s->nt, s->nc, &bytes) ||
        __builtin_mul_overflow(bytes, (uint64_t)s->dtype.size, &bytes) || bytes > INT64_MAX)
        return "extents";
    const uint64_t rows = mr_store_rows(s);
    if (!i->nt || i->nc != s->nc || s->row0 > rows || i->nt > rows - s->row0) return "valid rows";
    if (s->ragged > 1 || (s->ragged && (s->storage != MR_ST_CHUNKED || s->n_filters)))
        return "last chunks";
    if (s->storage == MR_ST_CONTIGUOUS)
        return (uint64_t)i->size < s->offset || bytes > (uint64_t)i->size - s->offset
                   ? "place of the samples"
                   : NULL;
    if (!s->chunk_t || !s->chunk_c || s->chunk_t > EXTENT_MAX || s->chunk_c > EXTENT_MAX ||
        __builtin_mul_overflow(s->chunk_t, s->chunk_c, &bytes) ||
        bytes > MR_MAX_CHUNK_BYTES / s->dtype.size)
        return "chunk shape";
    return s->n_chunks != mr_store_n_chunks(s) || s->n_chunks > MR_MAX_CHUNKS ? "chunk count"
                                                                              : NULL;
}

static const char *bad_facts(const mr_file_info *i)
{
    if (!(i->rate_hz > 0) || !good_number(i->rate_hz, 0, 1e9)) return "rate";
    if (i->t0_ns <= -T_MAX || i->t0_ns >= T_MAX || i->t1_ns <= -T_MAX || i->t1_ns >= T_MAX ||
        i->t1_ns < i->t0_ns || i->uneven > 1 || (i->uneven && i->nt < 2))
        return "times";
    if ((i->places && i->nc > MOST_PLACES) || !good_number(i->dx_m, -1e9, 1e9) ||
        !good_number(i->x0_m, -1e12, 1e12) || !good_number(i->gauge_m, 0, 1e9))
        return "distances";
    if (!good_number(i->to_native, -1e300, 1e300) || !good_number(i->to_strain, -1e300, 1e300) ||
        !good_number(i->to_strain_rate, -1e300, 1e300))
        return "scale";
    return NULL;
}

void mr_probed_fini(mr_probed *p)
{
    for (size_t i = 0; i < p->n_tables; i++) free(p->table[i]);
    for (size_t i = 0; p->place && i < p->n_tables; i++) free(p->place[i]);
    for (size_t i = 0; p->stamp && i < p->n_tables; i++) free(p->stamp[i]);
    free(p->table);
    free(p->place);
    free(p->stamp);
    free(p->rec);
    *p = (mr_probed){0};
}

bool mr_recording_goes_on(const mr_file_info *a, const mr_file_info *b)
{
    const double step = 1e9 / a->rate_hz;
    return a->state == MR_OK && b->state == MR_OK && strcmp(a->dataset, b->dataset) == 0 &&
           a->store.row0 + a->nt == b->store.row0 &&
           fabs((double)(b->t0_ns - a->t1_ns) - step) <= 0.5 * step;
}

mr_status mr_probed_refuse(mr_probed *p, const char *reason)
{
    mr_status st = MR_OK;
    mr_file_info file = {0};
    if (p->n)
        file = (mr_file_info){.size = p->rec->size,
                              .mtime_ns = p->rec->mtime_ns,
                              .inode = p->rec->inode,
                              .device = p->rec->device};
    mr_info_refuse(&file, "%s", reason);
    mr_probed_fini(p);
    MR_TRY(mr_alloc(1, sizeof *p->rec, "a recording", &p->rec));
    *p->rec = file;
    p->n = 1;
out:
    return st;
}

void mr_probed_first(mr_probed *p, mr_file_info *info, mr_chunk **chunks)
{
    *info = p->rec[0];
    if (chunks && info->state == MR_OK && info->set < p->n_tables) {
        *chunks = p->table[info->set];
        p->table[info->set] = NULL;
    }
    mr_probed_fini(p);
}

/** Are two recordings of one set the same dataset? */
static bool same_store(const mr_file_info *a, const mr_file_info *b)
{
    const mr_store *x = &a->store, *y = &b->store;
    return strcmp(a->dataset, b->dataset) == 0 && a->nc == b->nc && x->nt == y->nt &&
           x->nc == y->nc && x->storage == y->storage && x->ragged == y->ragged &&
           x->pad == y->pad && x->lead == y->lead && x->keep == y->keep &&
           x->chunk_t == y->chunk_t && x->chunk_c == y->chunk_c && x->n_chunks == y->n_chunks;
}

void mr_probed_check(mr_probed *p)
{
    for (size_t i = 0; i < p->n; i++) {
        mr_file_info *r = &p->rec[i];
        const mr_file_info *first = r; /* of its dataset: the table is looked through once */
        for (size_t k = 0; k < i && first == r && r->state == MR_OK; k++)
            if (p->rec[k].state == MR_OK && p->rec[k].set == r->set) first = &p->rec[k];
        mr_chunk *table = r->state == MR_OK && r->set < p->n_tables ? p->table[r->set] : NULL;
        mr_info_check(r, first == r ? table : NULL, table ? r->store.n_chunks : 0);
        if (r->state == MR_OK && first != r && !same_store(first, r))
            mr_info_refuse(r, "the file's recordings disagree");
    }
}

void mr_info_check(mr_file_info *i, mr_chunk *chunks, uint64_t n_chunks)
{
    const char *bad;
    tidy(i->reason, sizeof i->reason);
    tidy(i->layout, sizeof i->layout);
    tidy(i->dataset, sizeof i->dataset);
    tidy(i->quantity, sizeof i->quantity);
    tidy(i->unit, sizeof i->unit);
    tidy(i->native_quantity, sizeof i->native_quantity);
    tidy(i->native_unit, sizeof i->native_unit);
    tidy(i->assumed, sizeof i->assumed);
    tidy(i->odd, sizeof i->odd);
    if (i->state != MR_OK) {
        i->state = MR_EINPUT;
        if (!*i->reason) mr_info_refuse(i, "refused without a reason");
        return;
    }
    if (i->size <= 0)
        bad = "file size";
    else if (!(bad = bad_store(i)))
        bad = bad_facts(i);
    if (!bad && chunks && n_chunks != i->store.n_chunks) bad = "chunk table";
    if (bad) {
        mr_info_refuse(i, "the file's %s make no sense", bad);
        return;
    }
    for (uint64_t k = 0; chunks && k < n_chunks; k++)
        if (chunks[k].offset > (uint64_t)i->size ||
            chunks[k].nbytes > (uint64_t)i->size - chunks[k].offset)
            chunks[k].offset = (uint64_t)i->size;
}
