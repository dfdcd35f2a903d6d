/* plan/span.c: sort the files of each group by time, join what joins, note what does not. */
#include "plan/span.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mr_odd_name(mr_odd_kind k)
{
    static const char *const names[] = {"gap",       "overlap", "duplicate", "drift",
                                        "bad_chunk", "rate",    "layout",    "window"};
    return names[k];
}

typedef struct order {
    const mr_catalog *c;
    uint32_t *file;
    size_t n;
} order;

static int by_group_time_name(const void *pa, const void *pb, void *arg)
{
    const mr_catalog *c = arg;
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    const mr_row *ra = &c->rows[a], *rb = &c->rows[b];
    const uint32_t ga = c->group[ra->kind], gb = c->group[rb->kind];
    if (ga != gb) return ga < gb ? -1 : 1;
    if (ra->t0_ns != rb->t0_ns) return ra->t0_ns < rb->t0_ns ? -1 : 1;
    const int d = strcmp(mr_base_name(mr_catalog_path(c, a)), mr_base_name(mr_catalog_path(c, b)));
    return d ? d : strcmp(mr_catalog_path(c, a), mr_catalog_path(c, b));
}

mr_status mr_spans_note(mr_spans *s, const mr_odd *row)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&s->odd, &s->cap_odd, s->n_odd + 1, sizeof *s->odd, "the ledger"));
    s->odd[s->n_odd++] = *row;
out:
    return st;
}

static mr_status add_part(mr_spans *s, uint32_t file, uint64_t skip, uint64_t n, int64_t t_ns)
{
    mr_status st = MR_OK;
    mr_span *sp = &s->span[s->n_spans - 1];
    MR_TRY(mr_grow(&s->part, &s->cap_parts, s->n_parts + 1, sizeof *s->part, "the parts"));
    s->part[s->n_parts++] = (mr_part){.file = file, .k = sp->n, .skip = skip, .n = n, .t_ns = t_ns};
    sp->n_parts++;
    sp->n += (int64_t)n;
out:
    return st;
}

static mr_status begin_span(mr_spans *s, uint32_t group, double rate_hz, int64_t t0_ns)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&s->span, &s->cap_spans, s->n_spans + 1, sizeof *s->span, "the spans"));
    s->span[s->n_spans++] = (mr_span){.group = group,
                                      .part0 = s->n_parts,
                                      .index0 = mr_index_at(t0_ns, rate_hz),
                                      .t0_ns = t0_ns,
                                      .rate_hz = rate_hz};
out:
    return st;
}

/** What the last file of the span so far says. */
typedef struct tail {
    bool any;
    size_t file;
    int64_t end_ns; /* time of the sample after its last */
} tail;

static int64_t steps_ns(double rate_hz, int64_t n)
{
    return (int64_t)llroundl((long double)n * 1e9L / (long double)rate_hz);
}

/** A file's own stamps against its nominal rate: the ledger gets a row beyond 0.1 %, or 1 us. */
static mr_status note_rate(mr_spans *s, const mr_catalog *c, uint32_t f, double rate_hz)
{
    const mr_row *r = &c->rows[f];
    const double nominal = (double)steps_ns(rate_hz, (int64_t)r->nt - 1);
    const double off = (double)(r->t1_ns - r->t0_ns) - nominal;
    if (r->nt < 2 || fabs(off) <= 1000.0) return MR_OK;
    mr_odd row = {.kind = fabs(off) > 1e-3 * nominal ? MR_ODD_RATE : MR_ODD_DRIFT,
                  .file = f,
                  .other = SIZE_MAX,
                  .t0_ns = r->t0_ns,
                  .t1_ns = r->t1_ns,
                  .equal = -1};
    snprintf(row.note, sizeof row.note,
             "its stamps span %.9g s, %u samples at %.9g Hz take %.9g s (%+.3g ppm)",
             1e-9 * (double)(r->t1_ns - r->t0_ns), r->nt, rate_hz, 1e-9 * nominal,
             1e6 * off / nominal);
    return mr_spans_note(s, &row);
}

/** Join file f to the open span, or begin a new one. */
static mr_status place(mr_spans *s, const mr_catalog *c, uint32_t f, tail *last)
{
    mr_status st = MR_OK;
    const mr_row *r = &c->rows[f];
    const uint32_t group = c->group[r->kind];
    const double rate = mr_catalog_group(c, group)->rate_hz, half = 0.5e9 / rate;
    const double off = last->any ? (double)(r->t0_ns - last->end_ns) : 0.0;
    uint64_t skip = 0;
    MR_TRY(note_rate(s, c, f, rate));
    if (!last->any) {
        MR_TRY(begin_span(s, group, rate, r->t0_ns));
    } else if (off > half) {
        mr_odd row = {.kind = MR_ODD_GAP,
                      .file = f,
                      .other = last->file,
                      .t0_ns = last->end_ns,
                      .t1_ns = r->t0_ns,
                      .equal = -1};
        snprintf(row.note, sizeof row.note, "%.6g s without samples", 1e-9 * off);
        MR_TRY(mr_spans_note(s, &row));
        MR_TRY(begin_span(s, group, rate, r->t0_ns));
    } else if (off < -half) {
        skip = (uint64_t)llround(-off * 1e-9 * rate);
        mr_odd row = {.kind = skip >= r->nt ? MR_ODD_DUPLICATE : MR_ODD_OVERLAP,
                      .file = f,
                      .other = last->file,
                      .t0_ns = r->t0_ns,
                      .t1_ns = last->end_ns,
                      .skip = MR_MIN(skip, (uint64_t)r->nt),
                      .equal = -1};
        if (skip >= r->nt) row.t1_ns = r->t0_ns + steps_ns(rate, r->nt);
        MR_TRY(mr_spans_note(s, &row));
        if (skip >= r->nt) goto out;
    } else if (fabs(off) > 1000.0) {
        mr_odd row = {.kind = MR_ODD_DRIFT,
                      .file = f,
                      .other = last->file,
                      .t0_ns = last->end_ns,
                      .t1_ns = r->t0_ns,
                      .equal = -1};
        snprintf(row.note, sizeof row.note, "starts %+.3f us from the end of the file before",
                 1e-3 * off);
        MR_TRY(mr_spans_note(s, &row));
    }
    const int64_t t = r->t0_ns + steps_ns(rate, (int64_t)skip);
    MR_TRY(add_part(s, f, skip, r->nt - skip, t));
    *last = (tail){true, f, r->t0_ns + steps_ns(rate, r->nt)};
out:
    return st;
}

mr_status mr_spans_build(const mr_catalog *c, mr_spans *out)
{
    mr_status st = MR_OK;
    uint32_t *file = NULL;
    size_t n = 0;
    tail last = {0};
    MR_TRY(mr_alloc(c->n, sizeof *file, "the order of files", &file));
    for (size_t i = 0; i < c->n; i++)
        if (c->rows[i].kind != MR_REFUSED) file[n++] = (uint32_t)i;
    qsort_r(file, n, sizeof *file, by_group_time_name, (void *)(uintptr_t)c);
    for (size_t i = 0; i < n; i++) {
        const uint32_t g = mr_catalog_group_of(c, file[i]);
        if (i && g != mr_catalog_group_of(c, file[i - 1])) last = (tail){0};
        if (!last.any && g > 0) {
            const mr_file_info *a = mr_catalog_group(c, 0), *b = mr_catalog_group(c, g);
            mr_odd row = {.kind = a->rate_hz != b->rate_hz ? MR_ODD_RATE : MR_ODD_LAYOUT,
                          .file = file[i],
                          .other = SIZE_MAX,
                          .equal = -1,
                          .t0_ns = c->rows[file[i]].t0_ns,
                          .t1_ns = c->rows[file[i]].t1_ns};
            snprintf(row.note, sizeof row.note,
                     "%.9g Hz, %llu channels, %s; the first files have %.9g Hz, %llu channels, %s",
                     b->rate_hz, (unsigned long long)b->nc, b->unit, a->rate_hz,
                     (unsigned long long)a->nc, a->unit);
            MR_TRY(mr_spans_note(out, &row));
        }
        MR_TRY(place(out, c, file[i], &last));
    }
out:
    free(file);
    return st;
}

void mr_spans_fini(mr_spans *s)
{
    free(s->span);
    free(s->part);
    free(s->odd);
    *s = (mr_spans){0};
}

/** The part of the span that holds sample k (clamped to the ends). */
static size_t part_at(const mr_spans *s, const mr_span *sp, int64_t k)
{
    size_t lo = sp->part0, hi = sp->part0 + sp->n_parts;
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if (s->part[mid].k <= k)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

int64_t mr_span_time(const mr_spans *s, const mr_span *sp, int64_t num, int64_t den)
{
    const int64_t whole = mr_div_floor(num, den), k = whole - sp->index0;
    const size_t i = part_at(s, sp, k);
    const mr_part *p = &s->part[i];
    const long double at = (long double)(k - p->k) + (long double)(num - whole * den) / den;
    long double step = 1e9L / (long double)sp->rate_hz;
    if (i + 1 <
        sp->part0 + sp->n_parts) { /* through the next file's stamp, if it tells otherwise */
        const mr_part *q = p + 1;
        const long double there = (long double)(q->t_ns - p->t_ns);
        if (fabsl(there - (long double)p->n * step) > 1000.0L) step = there / (long double)p->n;
    }
    return p->t_ns + (int64_t)llroundl(at * step);
}

void mr_span_parts(const mr_spans *s, const mr_span *sp, int64_t k0, int64_t k1, size_t *first,
                   size_t *n)
{
    *first = part_at(s, sp, k0);
    *n = part_at(s, sp, k1 - 1) - *first + 1;
}
