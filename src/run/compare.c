/* run/compare.c: where two files hold the same time, do they hold the same samples? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/survey.h"

/** One side of the comparison. */
typedef struct side {
    mr_raw *raw;
    mr_chunk *chunks;
    char *buf;
    uint64_t row;
} side;

static mr_status side_open(const mr_catalog *cat, size_t file, uint64_t row, size_t bytes, side *s)
{
    mr_status st = MR_OK;
    mr_file_info info;
    s->row = row;
    mr_catalog_info(cat, file, &info);
    MR_TRY(mr_catalog_chunks(cat, file, &s->chunks));
    MR_TRY(mr_raw_open(mr_catalog_path(cat, file), &info, s->chunks, &s->raw));
    MR_TRY(mr_alloc(bytes, 1, "an overlap", &s->buf));
out:
    return st;
}

static void side_close(side *s)
{
    mr_raw_close(s->raw);
    free(s->chunks);
    free(s->buf);
}

/** *equal: 1 or 0 for the rows that both files have; MR_EINPUT when one cannot be read. */
static mr_status same_samples(const mr_catalog *cat, const mr_odd *o, double rate_hz, int8_t *equal)
{
    mr_status st = MR_OK;
    side a = {0}, b = {0};
    mr_file_info info;
    mr_catalog_info(cat, o->file, &info);
    const mr_row *other = &cat->rows[o->other];
    const size_t row_bytes = info.nc * info.store.dtype.size;
    const uint64_t step = MR_MAX((uint64_t)(4 << 20) / row_bytes, (uint64_t)1);
    const double at = (double)(o->t0_ns - other->t0_ns) * 1e-9 * rate_hz;
    const uint64_t from = (uint64_t)llround(fmax(at, 0.0));
    const uint64_t n = MR_MIN(o->skip, other->nt > from ? other->nt - from : 0);
    const mr_chsel sel = {0, 1, info.nc};
    MR_TRY(side_open(cat, o->file, 0, step * row_bytes, &a));
    MR_TRY(side_open(cat, o->other, from, step * row_bytes, &b));
    *equal = 1;
    for (uint64_t t = 0; t < n && *equal; t += step) {
        const uint64_t k = MR_MIN(step, n - t);
        MR_TRY(mr_raw_read(a.raw, a.row + t, k, &sel, a.buf, row_bytes, NULL, NULL));
        MR_TRY(mr_raw_read(b.raw, b.row + t, k, &sel, b.buf, row_bytes, NULL, NULL));
        *equal = memcmp(a.buf, b.buf, k * row_bytes) == 0;
    }
out:
    side_close(&a);
    side_close(&b);
    return st;
}

mr_status mr_survey_compare(mr_comm *c, mr_plan *p)
{
    mr_status st = MR_OK;
    double *found = NULL;
    const size_t n = p->spans.n_odd, size = (size_t)mr_comm_size(c);
    if (!n) return MR_OK;
    MR_TRY(mr_alloc_f64(n, "the ledger", &found));
    for (size_t i = 0; i < n; i++) {
        mr_odd *o = &p->spans.odd[i];
        found[i] = -1;
        if (o->kind != MR_ODD_OVERLAP && o->kind != MR_ODD_DUPLICATE) continue;
        if (i % size != (size_t)mr_comm_rank(c)) continue;
        const uint32_t g = mr_catalog_group_of(p->cat, o->file);
        if (same_samples(p->cat, o, mr_catalog_group(p->cat, g)->rate_hz, &o->equal) == MR_OK)
            found[i] = o->equal;
        else
            mr_error_clear(); /* stays "not compared"; reading it for the run will tell */
    }
out:
    st = mr_agree(c, st);
    if (st == MR_OK) mr_max_f64(c, found, n);
    for (size_t i = 0; st == MR_OK && i < n; i++) {
        mr_odd *o = &p->spans.odd[i];
        if (o->kind != MR_ODD_OVERLAP && o->kind != MR_ODD_DUPLICATE) continue;
        o->equal = (int8_t)found[i];
        snprintf(o->note, sizeof o->note, "%llu samples stand in %.80s already: %s",
                 (unsigned long long)o->skip, mr_base_name(mr_catalog_path(p->cat, o->other)),
                 found[i] > 0    ? "equal"
                 : found[i] == 0 ? "DIFFERENT"
                                 : "not compared");
    }
    free(found);
    return st;
}
