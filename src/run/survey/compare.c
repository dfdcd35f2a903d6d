/* run/survey/compare.c: where two files hold the same time, do they hold the same samples? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "par/map.h"
#include "run/told/stop.h"
#include "run/survey/survey.h"

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

/** Are rows of one file and of another the same values? Each as its file stores them, packed. */
static mr_status same_values(const mr_file_info *fa, const char *a, const mr_file_info *fb,
                             const char *b, uint64_t nt, int8_t *equal)
{
    mr_status st = MR_OK;
    const size_t nc = fa->nc, sa = fa->store.dtype.size, sb = fb->store.dtype.size;
    double *x = NULL;
    MR_TRY(mr_alloc_f64(2 * nc, "an overlap", &x));
    for (uint64_t t = 0; t < nt && *equal; t++) {
        mr_load_values(fa, 1, a + t * nc * sa, nc * sa, 1, nc, x, nc);
        mr_load_values(fb, 1, b + t * nc * sb, nc * sb, 1, nc, x + nc, nc);
        for (size_t c = 0; c < nc; c++)
            if (x[c] != x[nc + c] && !(isnan(x[c]) && isnan(x[nc + c]))) *equal = 0;
    }
out:
    free(x);
    return st;
}

static bool stored_alike(const mr_file_info *a, const mr_file_info *b)
{
    return a->store.dtype.kind == b->store.dtype.kind &&
           a->store.dtype.size == b->store.dtype.size &&
           memcmp(&a->packing, &b->packing, sizeof a->packing) == 0;
}

/** The time from one row of a recording to the next, by its own stamps. */
static double step_ns(const mr_row *r, double rate_hz)
{
    const double by_stamps = r->nt > 1 ? (double)(r->t1_ns - r->t0_ns) / (double)(r->nt - 1) : 0;
    return by_stamps > 0 ? by_stamps : 1e9 / rate_hz;
}

/** *equal: 1 or 0 for the rows that both recordings have, -1 where there is none; MR_EINPUT when
 *  one cannot be read. */
static mr_status same_samples(const mr_catalog *cat, const mr_odd *o, double rate_hz, int8_t *equal)
{
    mr_status st = MR_OK;
    side a = {0}, b = {0};
    mr_file_info info, its;
    mr_catalog_info(cat, o->file, &info);
    mr_catalog_info(cat, o->other, &its);
    const mr_row *other = &cat->rows[o->other];
    const size_t row_bytes = info.nc * info.store.dtype.size;
    const size_t its_bytes = its.nc * its.store.dtype.size;
    const double at = (double)(cat->rows[o->file].t0_ns - other->t0_ns) / step_ns(other, rate_hz);
    const uint64_t from = (uint64_t)llround(fmax(at, 0.0));
    const uint64_t n = MR_MIN(o->skip, other->nt > from ? other->nt - from : 0);
    const uint64_t most = MR_MAX((uint64_t)(4 << 20) / row_bytes, (uint64_t)1);
    const uint64_t step = MR_MAX(MR_MIN(n, most), (uint64_t)1);
    const mr_chsel sel = {0, 1, info.nc};
    MR_TRY(side_open(cat, o->file, 0, step * row_bytes, &a));
    MR_TRY(side_open(cat, o->other, from, step * its_bytes, &b));
    *equal = n ? 1 : -1;
    for (uint64_t t = 0; t < n && *equal == 1; t += step) {
        const uint64_t k = MR_MIN(step, n - t);
        MR_TRY(mr_raw_read(a.raw, a.row + t, k, &sel, a.buf, row_bytes, NULL, NULL));
        MR_TRY(mr_raw_read(b.raw, b.row + t, k, &sel, b.buf, its_bytes, NULL, NULL));
        if (stored_alike(&info, &its))
            *equal = memcmp(a.buf, b.buf, k * row_bytes) == 0;
        else
            MR_TRY(same_values(&info, a.buf, &its, b.buf, k, equal));
    }
out:
    side_close(&a);
    side_close(&b);
    return st;
}

/** The rows of the ledger that name two files. */
typedef struct seams {
    const mr_plan *p;
    size_t *odd;
    size_t n;
} seams;

static bool is_seam(const mr_odd *o)
{
    return o->kind == MR_ODD_OVERLAP || o->kind == MR_ODD_DUPLICATE;
}

/** Seam i: one byte, 1 equal, 0 different, -1 when one could not be read, which reading it for the
 *  run will tell. */
static mr_status compare_one(void *arg, uint64_t i, mr_text *out)
{
    const seams *s = arg;
    const mr_odd *o = &s->p->spans.odd[s->odd[i]];
    const uint32_t g = mr_catalog_group_of(s->p->cat, o->file);
    int8_t equal = -1;
    if (same_samples(s->p->cat, o, mr_catalog_group(s->p->cat, g)->rate_hz, &equal) != MR_OK) {
        mr_error_clear();
        equal = -1;
    }
    return mr_text_add_bytes(out, &equal, 1);
}

static mr_status may_go_on(void *arg, uint64_t i, const char *bytes, size_t n)
{
    (void)arg, (void)i, (void)bytes, (void)n;
    return mr_stop_wanted() ? MR_RAISE(MR_STOPPED, "stopped while comparing files") : MR_OK;
}

mr_status mr_survey_compare(mr_comm *c, mr_plan *p)
{
    mr_status st = MR_OK;
    mr_mapped found = {0};
    seams s = {.p = p};
    for (size_t i = 0; i < p->spans.n_odd; i++) s.n += is_seam(&p->spans.odd[i]);
    if (!s.n) return MR_OK; /* on all ranks: they made the same plan */
    st = mr_alloc(s.n, sizeof *s.odd, "the ledger", &s.odd);
    for (size_t i = 0, k = 0; st == MR_OK && i < p->spans.n_odd; i++)
        if (is_seam(&p->spans.odd[i])) s.odd[k++] = i;
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_map_ranks(c, s.n, p->cfg->io_threads, compare_one, may_go_on, &s, &found));
    for (size_t i = 0; i < s.n; i++) {
        mr_odd *o = &p->spans.odd[s.odd[i]];
        o->equal = (int8_t)found.bytes[found.offs[i]];
        snprintf(o->note, sizeof o->note, "%llu samples stand in %.80s already: %s",
                 (unsigned long long)o->skip, mr_base_name(mr_catalog_path(p->cat, o->other)),
                 o->equal > 0    ? "equal"
                 : o->equal == 0 ? "DIFFERENT"
                                 : "not compared");
    }
out:
    mr_mapped_fini(&found);
    free(s.odd);
    return st;
}
