/* plan/span.c: sort the files of each group by time, join what joins, note what does not. */
#include "plan/span.h"
#include "plan/config/config.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *mr_odd_name(mr_odd_kind k)
{
    static const char *const names[MR_ODD_N] = {
        "gap",        "overlap", "duplicate", "drift", "bad_chunk", "rate",
        "layout",     "window",  "stamp",     "clock", "place",     "value",
        "not_finite", "masked",  "left_out",  "late",  "filled"};
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
    const uint32_t ga = c->group[ra->form], gb = c->group[rb->form];
    if (ga != gb) return ga < gb ? -1 : 1;
    const int d = mr_catalog_order(c, a, b);
    return d ? d : strcmp(c->facts[ra->form].dataset, c->facts[rb->form].dataset);
}

mr_status mr_spans_note(mr_spans *s, const mr_odd *row)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&s->odd, &s->cap_odd, s->n_odd + 1, sizeof *s->odd, "the ledger"));
    s->odd[s->n_odd++] = *row;
out:
    return st;
}

static mr_status add_leg(mr_spans *s, mr_leg leg)
{
    mr_status st = MR_OK;
    mr_span *sp = &s->span[s->n_spans - 1];
    MR_TRY(mr_grow(&s->leg, &s->cap_legs, s->n_legs + 1, sizeof *s->leg, "the legs"));
    leg.k = sp->n;
    s->leg[s->n_legs++] = leg;
    sp->n_legs++;
    sp->n += (int64_t)leg.n;
out:
    return st;
}

/** The grid index of a span's first sample: round(t * rate). Of a rate a hair off a whole one
 *  nobody can count the samples since 1970: its are counted from the whole second before, so that
 *  the first sample of a second is the first of that second's windows. */
static int64_t first_index(int64_t t0_ns, double rate_hz)
{
    const double off = fabs(rate_hz / round(rate_hz) - 1);
    if (!(off > 0 && off <= 1e-4)) return mr_index_at(t0_ns, rate_hz);
    const int64_t s_ns = 1000000000, second = mr_div_floor(t0_ns, s_ns) * s_ns;
    return mr_index_ceil(second, rate_hz) + mr_index_at(t0_ns - second, rate_hz);
}

static mr_status begin_span(mr_spans *s, uint32_t group, const mr_file_info *lead, int64_t t0_ns)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&s->span, &s->cap_spans, s->n_spans + 1, sizeof *s->span, "the spans"));
    s->span[s->n_spans++] = (mr_span){.group = group,
                                      .array = group,
                                      .leg0 = s->n_legs,
                                      .index0 = first_index(t0_ns, lead->rate_hz),
                                      .t0_ns = t0_ns,
                                      .rate_hz = lead->rate_hz,
                                      .axis = lead->uneven ? MR_AXIS_ROWS : MR_AXIS_EVEN};
out:
    return st;
}

/** Where a recording's clock is off the nominal rate by more than this over all of it, its own step
 *  counts: 1 us, as stamps are good to. */
#define SLACK_NS 1000.0

/** What the last recording of the span so far says. */
typedef struct tail {
    bool any;
    size_t file;
    int64_t end_ns; /* time of the sample after its last */
} tail;

static int64_t steps_ns(double rate_hz, int64_t n)
{
    return (int64_t)llroundl((long double)n * 1e9L / (long double)rate_hz);
}

/** How far the last stamp of a recording is from where the nominal rate has it, ns. */
static double drift_of(const mr_row *r, double rate_hz)
{
    return (double)(r->t1_ns - r->t0_ns - steps_ns(rate_hz, (int64_t)r->nt - 1));
}

/** Its measured step; the nominal one where it has no other. */
static double step_of(const mr_row *r, double rate_hz)
{
    if (r->nt < 2 || fabs(drift_of(r, rate_hz)) <= SLACK_NS) return 1e9 / rate_hz;
    return (double)(r->t1_ns - r->t0_ns) / ((double)r->nt - 1);
}

/** A file's own stamps against its nominal rate: the ledger gets a row beyond 0.1 %, or 1 us. */
static mr_status note_rate(mr_spans *s, const mr_catalog *c, uint32_t f, double rate_hz)
{
    const mr_row *r = &c->rows[f];
    const double off = drift_of(r, rate_hz), nominal = (double)(r->t1_ns - r->t0_ns) - off;
    if (r->nt < 2 || fabs(off) <= SLACK_NS) return MR_OK;
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

/** What the probe found odd: remarks joined by "; ", each with its kind (in/input.h). */
static mr_status note_remarks(mr_spans *s, const mr_catalog *c, uint32_t f)
{
    mr_status st = MR_OK;
    const char *p = mr_catalog_note(c, f), *end;
    for (; p && *p; p = *end ? end + 2 : end) {
        mr_odd row = {.kind = MR_ODD_LAYOUT,
                      .file = f,
                      .other = SIZE_MAX,
                      .t0_ns = c->rows[f].t0_ns,
                      .t1_ns = c->rows[f].t1_ns,
                      .equal = -1};
        end = strstr(p, "; ");
        if (!end) end = p + strlen(p);
        const char *text = p;
        for (int k = MR_ODD_STAMP; k < MR_ODD_N; k++) {
            const char *name = mr_odd_name((mr_odd_kind)k), *q = p + strlen(name);
            unsigned long long count = 0;
            int used = 0;
            if (strncmp(p, name, strlen(name)) != 0) continue;
            if (*q == '(' && sscanf(q, "(%llu)%n", &count, &used) == 1) q += used;
            if (strncmp(q, ": ", 2) != 0) continue;
            row.kind = (mr_odd_kind)k;
            row.count = count;
            text = q + 2;
        }
        snprintf(row.note, sizeof row.note, "%.*s", (int)(end - text), text);
        MR_TRY(mr_spans_note(s, &row));
    }
out:
    return st;
}

/** What lies between the end of the recording before and the start of f, `off` ns later, to the
 *  ledger. *skip: f's first samples that the one before has too. */
static mr_status note_seam(mr_spans *s, const mr_catalog *c, uint32_t f, const tail *last,
                           double join_ns, double step_ns, uint64_t *skip)
{
    const mr_row *r = &c->rows[f];
    const double off = (double)(r->t0_ns - last->end_ns);
    mr_odd row = {
        .file = f, .other = last->file, .t0_ns = last->end_ns, .t1_ns = r->t0_ns, .equal = -1};
    const bool same = mr_catalog_file(c, f) == mr_catalog_file(c, last->file);
    if (off > join_ns) {
        row.kind = MR_ODD_GAP;
        snprintf(row.note, sizeof row.note, "%.6g s without samples%s", 1e-9 * off,
                 same ? ", inside the file" : "");
        if (same && fabs(off - 1e9) < step_ns)
            snprintf(row.note, sizeof row.note,
                     "%.6g s without samples, inside the file: its "
                     "clock may have been set (a leap second?)",
                     1e-9 * off);
    } else if (off < -MR_JOIN * step_ns) {
        const uint64_t both = (uint64_t)llround(-off / step_ns);
        *skip = MR_MIN(both, (uint64_t)r->nt);
        row.kind = both >= r->nt ? MR_ODD_DUPLICATE : MR_ODD_OVERLAP;
        row.t0_ns = r->t0_ns;
        row.t1_ns = both >= r->nt ? r->t1_ns + llround(step_ns) : last->end_ns;
        row.skip = row.count = *skip;
    } else if (fabs(off) > SLACK_NS) {
        row.kind = MR_ODD_DRIFT;
        snprintf(row.note, sizeof row.note, "starts %+.3f us from the end of the %s before",
                 1e-3 * off, same ? "stretch" : "file");
    } else {
        return MR_OK;
    }
    return mr_spans_note(s, &row);
}

/** The same of irregular rows: they go on while the next is no hole away; what overlaps is left out
 *  as a whole. */
static mr_status place_uneven(mr_spans *s, const mr_catalog *c, uint32_t f, tail *last)
{
    mr_status st = MR_OK;
    const mr_row *r = &c->rows[f];
    const uint32_t group = c->group[r->form];
    const mr_file_info *lead = mr_catalog_group(c, group);
    const double off = last->any ? (double)(r->t0_ns - last->end_ns) : 0;
    const bool hole = off > MR_UNEVEN_HOLE * 1e9 / lead->rate_hz;
    mr_odd row = {.kind = MR_ODD_GAP,
                  .file = f,
                  .other = last->file,
                  .t0_ns = last->end_ns,
                  .t1_ns = r->t0_ns,
                  .equal = -1};
    MR_TRY(note_remarks(s, c, f));
    if (last->any && off <= 0) {
        const mr_row *o = &c->rows[last->file];
        const bool twice = r->t0_ns == o->t0_ns && r->t1_ns == o->t1_ns && r->nt == o->nt;
        row.kind = twice ? MR_ODD_DUPLICATE : MR_ODD_LEFT_OUT;
        row.t0_ns = r->t0_ns;
        row.t1_ns = r->t1_ns;
        row.count = row.skip = r->nt;
        snprintf(row.note, sizeof row.note,
                 "its irregular rows begin before those of %.60s end: all of it is left out",
                 mr_base_name(mr_catalog_path(c, last->file)));
        return mr_spans_note(s, &row);
    }
    if (last->any && hole) {
        snprintf(row.note, sizeof row.note, "%.6g s without samples", 1e-9 * off);
        MR_TRY(mr_spans_note(s, &row));
    }
    if (!last->any || hole) MR_TRY(begin_span(s, group, lead, r->t0_ns));
    MR_TRY(add_leg(s, (mr_leg){.file = f,
                               .rows = r->nt,
                               .n = r->nt,
                               .t_ns = r->t0_ns,
                               .step_ns = (double)(r->t1_ns - r->t0_ns) / ((double)r->nt - 1)}));
    *last = (tail){true, f, r->t1_ns};
out:
    return st;
}

/** Join recording f to the open span, or begin a new one. */
static mr_status place(mr_spans *s, const mr_catalog *c, uint32_t f, double join, tail *last)
{
    mr_status st = MR_OK;
    const mr_row *r = &c->rows[f];
    const uint32_t group = c->group[r->form];
    const double rate = mr_catalog_group(c, group)->rate_hz, step = step_of(r, rate);
    const bool own = step != 1e9 / rate;
    const double join_ns = join * step;
    const bool gap = last->any && (double)(r->t0_ns - last->end_ns) > join_ns;
    uint64_t skip = 0;
    MR_TRY(note_remarks(s, c, f));
    MR_TRY(note_rate(s, c, f, rate));
    if (last->any) MR_TRY(note_seam(s, c, f, last, join_ns, step, &skip));
    if (skip >= r->nt) goto out;
    const int64_t t =
        r->t0_ns + (own ? (int64_t)llround((double)skip * step) : steps_ns(rate, (int64_t)skip));
    if (!last->any || gap) MR_TRY(begin_span(s, group, mr_catalog_group(c, group), t));
    MR_TRY(add_leg(
        s, (mr_leg){
               .file = f, .skip = skip, .n = r->nt - skip, .t_ns = t, .step_ns = own ? step : 0}));
    *last =
        (tail){true, f, own ? r->t1_ns + (int64_t)llround(step) : r->t0_ns + steps_ns(rate, r->nt)};
out:
    return st;
}

/* --- the ledger by time ---------------------------------------------------------------------- */

static int by_t0(const void *pa, const void *pb, void *arg)
{
    const mr_odd *odd = arg;
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    if (odd[a].t0_ns != odd[b].t0_ns) return odd[a].t0_ns < odd[b].t0_ns ? -1 : 1;
    return (a > b) - (a < b);
}

static mr_status sort_ledger(mr_spans *s)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc(s->n_odd, sizeof *s->odd_by_t0, "the ledger", &s->odd_by_t0));
    MR_TRY(mr_alloc(s->n_odd, sizeof *s->odd_latest, "the ledger", &s->odd_latest));
    s->n_found = s->n_odd;
    for (size_t i = 0; i < s->n_odd; i++) s->odd_by_t0[i] = (uint32_t)i;
    if (s->n_odd) qsort_r(s->odd_by_t0, s->n_odd, sizeof *s->odd_by_t0, by_t0, s->odd);
    for (size_t i = 0; i < s->n_odd; i++) {
        const int64_t end = s->odd[s->odd_by_t0[i]].t1_ns;
        s->odd_latest[i] = i ? MR_MAX(end, s->odd_latest[i - 1]) : end;
    }
out:
    return st;
}

static int by_number(const void *pa, const void *pb)
{
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return (a > b) - (a < b);
}

mr_status mr_spans_odds_in(const mr_spans *s, int64_t t0_ns, int64_t t1_ns, mr_odd_list *out)
{
    mr_status st = MR_OK;
    size_t a = 0, b = s->n_found;
    while (a < b) { /* the first that starts after t1 */
        const size_t mid = a + (b - a) / 2;
        if (s->odd[s->odd_by_t0[mid]].t0_ns > t1_ns)
            b = mid;
        else
            a = mid + 1;
    }
    out->n = 0;
    while (a-- > 0 && s->odd_latest[a] >= t0_ns) {
        if (s->odd[s->odd_by_t0[a]].t1_ns < t0_ns) continue;
        MR_TRY(mr_grow(&out->v, &out->cap, out->n + 1, sizeof *out->v, "the ledger"));
        out->v[out->n++] = s->odd_by_t0[a];
    }
    if (out->n) qsort(out->v, out->n, sizeof *out->v, by_number);
out:
    return st;
}

/* --- all of it ------------------------------------------------------------------------------- */

/** "; FACT A, not B" onto a note, as long as there is room. */
static void differs(char note[MR_NOTE_MAX], const char *fmt, ...) MR_PRINTF(2, 3);
static void differs(char note[MR_NOTE_MAX], const char *fmt, ...)
{
    char one[MR_NOTE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(one, sizeof one, fmt, ap);
    va_end(ap);
    const size_t n = strlen(note);
    snprintf(note + n, MR_NOTE_MAX - n, "%s%s",
             n ? ", " : "not in one span with the first files: ", one);
}

/** Every fact in which b is not a, with both values. */
static void name_facts(const mr_file_info *a, const mr_file_info *b, char note[MR_NOTE_MAX])
{
    if (b->uneven != a->uneven)
        differs(note, "%s rows (%s)", b->uneven ? "irregular" : "even",
                a->uneven ? "irregular" : "even");
    if (b->rate_hz != a->rate_hz && !b->uneven && !a->uneven)
        differs(note, "%.9g Hz (%.9g Hz)", b->rate_hz, a->rate_hz);
    if (b->nc != a->nc)
        differs(note, "%llu channels (%llu)", (unsigned long long)b->nc, (unsigned long long)a->nc);
    if (b->dx_m != a->dx_m) differs(note, "%.9g m apart (%.9g m)", b->dx_m, a->dx_m);
    if (b->x0_m != a->x0_m) differs(note, "from %.9g m on (%.9g m)", b->x0_m, a->x0_m);
    if (b->places != a->places && b->dx_m == a->dx_m && b->x0_m == a->x0_m)
        differs(note, "other positions of channels between the ends");
    if (b->gauge_m != a->gauge_m) differs(note, "gauge %.9g m (%.9g m)", b->gauge_m, a->gauge_m);
    if (strcmp(b->quantity, a->quantity)) differs(note, "%s (%s)", b->quantity, a->quantity);
    if (strcmp(b->unit, a->unit)) differs(note, "unit %s (%s)", b->unit, a->unit);
    if (strcmp(b->native_unit, a->native_unit))
        differs(note, "native unit %s (%s)", b->native_unit, a->native_unit);
    if (b->to_native != a->to_native)
        differs(note, "scale %.9g (%.9g)", b->to_native, a->to_native);
}

/** A group of its own beside the first: the ledger says once how it differs. */
static mr_status note_group(mr_spans *s, const mr_catalog *c, uint32_t f, uint32_t g)
{
    const mr_file_info *a = mr_catalog_group(c, 0), *b = mr_catalog_group(c, g);
    const bool rate = a->rate_hz != b->rate_hz;
    const bool place =
        a->nc == b->nc && (a->dx_m != b->dx_m || a->x0_m != b->x0_m || a->places != b->places);
    mr_odd row = {.kind = rate    ? MR_ODD_RATE
                          : place ? MR_ODD_PLACE
                                  : MR_ODD_LAYOUT,
                  .file = f,
                  .other = SIZE_MAX,
                  .equal = -1,
                  .t0_ns = c->rows[f].t0_ns,
                  .t1_ns = c->rows[f].t1_ns};
    name_facts(a, b, row.note);
    return mr_spans_note(s, &row);
}

mr_status mr_spans_build(const mr_catalog *c, double join, const uint8_t *barred, mr_spans *out)
{
    mr_status st = MR_OK;
    uint32_t *file = NULL;
    size_t n = 0;
    tail last = {0};
    MR_TRY(mr_alloc(c->n, sizeof *file, "the order of files", &file));
    for (size_t i = 0; i < c->n; i++)
        if (c->rows[i].form != MR_REFUSED && !(barred && barred[c->rows[i].form]))
            file[n++] = (uint32_t)i;
    qsort_r(file, n, sizeof *file, by_group_time_name, (void *)(uintptr_t)c);
    for (size_t i = 0; i < n; i++) {
        const uint32_t g = mr_catalog_group_of(c, file[i]);
        if (i && g != mr_catalog_group_of(c, file[i - 1])) last = (tail){0};
        if (!last.any && g > 0) MR_TRY(note_group(out, c, file[i], g));
        if (mr_catalog_group(c, g)->uneven)
            MR_TRY(place_uneven(out, c, file[i], &last));
        else
            MR_TRY(place(out, c, file[i], join, &last));
    }
    MR_TRY(sort_ledger(out));
out:
    free(file);
    return st;
}

void mr_spans_fini(mr_spans *s)
{
    for (size_t i = 0; s->stamp && i < s->n_legs; i++) free(s->stamp[i]);
    free(s->stamp);
    free(s->span);
    free(s->leg);
    free(s->odd);
    free(s->odd_by_t0);
    free(s->odd_latest);
    *s = (mr_spans){0};
}
