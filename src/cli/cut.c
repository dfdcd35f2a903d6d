/* cli/cut.c: `millrace cut OUT/events.h5`: each event's window of the recordings as a lane file (so
 * also a DASDAE file) and as a picture. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "run/run.h"

enum { O_BEFORE, O_AFTER, O_LIMIT, O_ARCHIVE, O_OUT, O_PLAIN };
static const mr_opt table[] = {
    [O_BEFORE] = {"before", "TIME", "5s", "before an event's start"},
    [O_AFTER] = {"after", "TIME", "30s", "after it"},
    [O_LIMIT] = {"limit", "N", "100", "at most so many, the first; the rest is counted"},
    [O_ARCHIVE] = {"archive", "CONFIG", NULL, "whose input is cut (default: that of the events)"},
    [O_OUT] = {"output", "FOLDER", NULL, "where to (also -o; default: cut beside the events)"},
    [O_PLAIN] = {"no-pictures", NULL, NULL, "files alone"},
    {0}};

enum { BLOCK_BYTES = 4 << 20 };

typedef struct cutting {
    const mr_dry *d;
    const char *folder, *events; /* where to; the folder that the events are of */
    int64_t before_ns, after_ns;
    bool pictures;
    size_t made, nothing;
} cutting;

/* The rows of a span that lie in [t0, t1). */
static mr_slab rows_in(const mr_plan *p, const mr_span *sp, int64_t t0, int64_t t1)
{
    const int64_t end = sp->index0 + sp->n;
    mr_slab s = {sp->index0, end};
    for (int64_t hi = end; s.a < hi;) { /* the first at t0 or later */
        const int64_t mid = s.a + (hi - s.a) / 2;
        if (mr_span_time(&p->spans, sp, mid, 1) >= t0)
            hi = mid;
        else
            s.a = mid + 1;
    }
    s.b = s.a;
    for (int64_t hi = end; s.b < hi;) {
        const int64_t mid = s.b + (hi - s.b) / 2;
        if (mr_span_time(&p->spans, sp, mid, 1) >= t1)
            hi = mid;
        else
            s.b = mid + 1;
    }
    return s;
}

/* Rows [rows) of one leg of a span into the file, block by block. */
static mr_status append_leg(const mr_plan *p, const mr_span *sp, const mr_leg *leg, mr_slab rows,
                            mr_lane_file *to)
{
    mr_status st = MR_OK;
    const mr_array *a = &p->arrays[sp->array];
    mr_file_info info;
    mr_chunk *chunks = NULL;
    mr_raw *raw = NULL;
    char *stored = NULL;
    double *x = NULL;
    float *v = NULL;
    mr_catalog_info(p->cat, leg->file, &info);
    const size_t width = (size_t)a->sel.n, row = width * info.store.dtype.size;
    const uint64_t block = MR_MAX((uint64_t)BLOCK_BYTES / row, (uint64_t)1);
    MR_TRY(mr_catalog_chunks(p->cat, leg->file, &chunks));
    MR_TRY(mr_raw_open(mr_catalog_path(p->cat, leg->file), &info, chunks, &raw));
    MR_TRY(mr_alloc(block, row, "a window", &stored));
    MR_TRY(mr_alloc(block * width, sizeof *x, "a window", &x));
    MR_TRY(mr_alloc(block * a->nc, sizeof *v, "a window", &v));
    for (int64_t k = rows.a; k < rows.b; k += (int64_t)block) {
        const size_t n = (size_t)MR_MIN((int64_t)block, rows.b - k);
        const uint64_t at = (uint64_t)(k - sp->index0 - leg->k) + leg->skip;
        MR_TRY(mr_raw_read(raw, at, n, &a->sel, stored, row, NULL, NULL));
        mr_load_values(&info, 1, stored, row, n, width, x, width);
        for (size_t t = 0; t < n; t++)
            for (uint64_t c = 0; c < a->nc; c++)
                v[t * a->nc + c] = (float)x[t * width + (a->even ? c : a->chan[c] - a->chan[0])];
        MR_TRY(mr_lane_append(to, v, n));
    }
out:
    mr_raw_close(raw);
    free(chunks);
    free(stored);
    free(x);
    free(v);
    return st;
}

static mr_status append_span(const mr_plan *p, const mr_span *sp, mr_slab rows, mr_lane_file *to)
{
    mr_status st = MR_OK;
    size_t first, n;
    mr_span_legs(&p->spans, sp, rows.a - sp->index0, rows.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *q = &p->spans.leg[i];
        const mr_slab some = {MR_MAX(rows.a, sp->index0 + q->k),
                              MR_MIN(rows.b, sp->index0 + q->k + (int64_t)q->n)};
        MR_TRY(append_leg(p, sp, q, some, to));
    }
out:
    return st;
}

/* The file of a window: spans [v, v + n) of one array, and their rows. */
static mr_status write_window(const cutting *k, const mr_span *const *v, const mr_slab *rows,
                              size_t n, const mr_event_row *e, char rel[128])
{
    mr_status st = MR_OK;
    const mr_plan *p = k->d->plan;
    const mr_array *a = &p->arrays[v[0]->array];
    const mr_geom *g = mr_chain_out(a->chain);
    int64_t *time = NULL;
    uint64_t all = 0;
    mr_lane_file *f = NULL;
    mr_digest digest;
    bool adopted;
    char when[40];
    for (size_t i = 0; i < n; i++) all += (uint64_t)(rows[i].b - rows[i].a);
    MR_TRY(mr_alloc(all, sizeof *time, "a time axis", &time));
    for (size_t i = 0, at = 0; i < n; i++)
        for (int64_t m = rows[i].a; m < rows[i].b; m++)
            time[at++] = mr_span_time(&p->spans, v[i], m, 1);
    snprintf(rel, 128, "%s_c%05lld-%05lld.h5", mr_utc_compact(e->start_ns, when),
             (long long)e->channel_first, (long long)e->channel_last + 1);
    const mr_lane_spec spec = {.folder = k->folder,
                               .rel = rel,
                               .attempt = "cut",
                               .rows = all,
                               .nc = a->nc,
                               .time_ns = time,
                               .t0_ns = time[0],
                               .t1_ns = time[all - 1],
                               .from_ns = time[0],
                               .to_ns = time[all - 1],
                               .distance_m = a->distance_m,
                               .rate_hz = mr_array_out_rate(a),
                               .gauge_m = g->gauge_m,
                               .dx_m = g->dx_m,
                               .quantity = g->quantity,
                               .unit = g->unit,
                               .series = a->series,
                               .plan = p->digest,
                               .lane = mr_digest_of(rel, strlen(rel))};
    MR_TRY(mr_lane_create(&spec, &f));
    for (size_t i = 0; i < n; i++) MR_TRY(append_span(p, v[i], rows[i], f));
    st = mr_lane_commit(f, &digest, &adopted);
    f = NULL;
out:
    if (f) mr_lane_abort(f);
    free(time);
    return st;
}

static mr_status draw(const cutting *k, const char *rel)
{
    mr_text file = {0}, png = {0};
    mr_status st = mr_text_add(&file, "%s/%s", k->folder, rel);
    if (st == MR_OK) st = mr_text_add(&png, "%.*s.png", (int)file.len - 3, file.s);
    mr_text events = {0};
    if (st == MR_OK) st = mr_text_add(&events, "%s", k->events);
    char name[] = "view", out[] = "--output", quiet[] = "--quiet", marks[] = "--events";
    char *argv[] = {name, file.s, out, png.s, quiet, marks, events.s, NULL};
    if (st == MR_OK) st = (mr_status)mr_cli_view(7, argv);
    mr_text_fini(&events);
    mr_text_fini(&file);
    mr_text_fini(&png);
    return st;
}

/* Windows are of the first array that has something there. */
static mr_status cut_event(cutting *k, const mr_event_row *e)
{
    mr_status st = MR_OK;
    const mr_plan *p = k->d->plan;
    const mr_span **v = NULL;
    mr_slab *rows = NULL;
    size_t n = 0;
    char rel[128];
    MR_TRY(mr_alloc(p->spans.n_spans, sizeof *v, "spans", &v));
    MR_TRY(mr_alloc(p->spans.n_spans, sizeof *rows, "spans", &rows));
    for (size_t i = 0; i < p->spans.n_spans; i++) {
        const mr_span *sp = &p->spans.span[i];
        if (!p->arrays[sp->array].chain || (n && sp->group != v[0]->group)) continue;
        rows[n] = rows_in(p, sp, e->start_ns - k->before_ns, e->start_ns + k->after_ns);
        if (rows[n].b > rows[n].a) v[n++] = sp;
    }
    if (!n) {
        k->nothing++;
        goto out;
    }
    MR_TRY(write_window(k, v, rows, n, e, rel));
    if (k->pictures) MR_TRY(draw(k, rel));
    k->made++;
out:
    free(v);
    free(rows);
    return st;
}

/* This rank's share of the first `limit` events: every so-manieth. */
static mr_status cut_share(cutting *k, mr_comm *c, const char *path, uint64_t limit, uint64_t *all)
{
    mr_status st = MR_OK;
    mr_table_file *f = NULL;
    MR_TRY(mr_table_open(path, &mr_event_table, &f));
    *all = mr_table_rows(f);
    const uint64_t n = MR_MIN(*all, limit), step = (uint64_t)mr_comm_size(c);
    for (uint64_t i = (uint64_t)mr_comm_rank(c); i < n; i += step) {
        mr_event_row e;
        MR_TRY(mr_table_read(f, i, 1, &e));
        MR_TRY(cut_event(k, &e));
    }
out:
    mr_table_close(f);
    return st;
}

static mr_status cut_all(cutting *k, mr_comm *c, const char *path, uint64_t limit)
{
    mr_status st = MR_OK;
    uint64_t all = 0;
    if (mr_comm_rank(c) == 0) st = mr_mkdirs(k->folder);
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_agree(c, cut_share(k, c, path, limit, &all)));
    double n[] = {(double)k->made, (double)k->nothing};
    mr_sum_f64(c, n, 2);
    if (mr_comm_rank(c) != 0) goto out;
    printf("%s: %.0f windows of %llu events", k->folder, n[0], (unsigned long long)all);
    if (n[1] > 0) printf(", %.0f have no samples in the archive", n[1]);
    if (all > limit)
        printf(", %llu beyond --limit %llu", (unsigned long long)(all - limit),
               (unsigned long long)limit);
    printf("\n");
out:
    return st;
}

/* The settings of the run that made the events, from its report: JSON is YAML. */
static mr_status settings_of(const char *events, mr_text *text)
{
    mr_status st = MR_OK;
    mr_text report = {0};
    json_error_t why;
    const char *slash = strrchr(events, '/');
    MR_TRY(mr_text_add(&report, "%.*s/report.json", slash ? (int)(slash - events) : 1,
                       slash ? events : "."));
    json_t *j = json_load_file(report.s, 0, &why);
    const json_t *config = json_object_get(j, "config");
    char *s = json_is_object(config) ? json_dumps(config, 0) : NULL;
    st = s ? mr_text_add(text, "%s", s)
           : MR_RAISE(MR_ECONFIG, "%s: does not say what was run; name it: --archive CONFIG",
                      report.s);
    free(s);
    json_decref(j);
out:
    mr_text_fini(&report);
    return st;
}

static mr_status parse(const mr_opts *o, cutting *k, int64_t *limit)
{
    mr_status st = MR_OK;
    int at = O_BEFORE;
    MR_TRY(mr_duration_parse(o->val[at], &k->before_ns));
    at = O_AFTER;
    MR_TRY(mr_duration_parse(o->val[at], &k->after_ns));
    at = O_LIMIT;
    MR_TRY(mr_int_parse(o->val[at], limit));
    k->pictures = !o->val[O_PLAIN];
    if (k->before_ns + k->after_ns <= 0)
        return MR_RAISE(MR_ECONFIG, "--before and --after: the window is empty");
out:
    if (st != MR_OK) mr_note("in --%s", table[at].name);
    return st;
}

int mr_cli_cut(mr_comm *c, int argc, char **argv)
{
    mr_status st = MR_OK;
    static const char *const no_chain[] = {"chain=[]"};
    mr_opts o;
    mr_dry d = {0};
    cutting k = {.d = &d};
    mr_text folder = {0}, beside = {0}, own = {0};
    int64_t limit = 0;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0) argv[i] = (char *)"--output";
    MR_TRY(mr_opts_parse(table, argc, argv, 1, 1, &o));
    if (o.help) {
        if (mr_comm_rank(c) == 0)
            mr_opts_help("cut OUT/events.h5 [options]\n\nWrite each event's window of the "
                         "recordings, all channels, as one file, which DASCore and xdas open,\nand "
                         "one picture. Under mpirun the ranks share the events out.\n",
                         table);
        goto out;
    }
    MR_TRY(parse(&o, &k, &limit));
    const char *slash = strrchr(o.arg[0], '/');
    MR_TRY(
        mr_text_add(&beside, "%.*s", slash ? (int)(slash - o.arg[0]) : 1, slash ? o.arg[0] : "."));
    MR_TRY(mr_text_add(&folder, "%s/cut", beside.s));
    k.events = beside.s;
    k.folder = o.val[O_OUT] ? o.val[O_OUT] : folder.s;
    if (!o.val[O_ARCHIVE] && mr_comm_rank(c) == 0) st = settings_of(o.arg[0], &own);
    MR_TRY(mr_agree(c, st));
    const mr_run_opts run = {.config = o.val[O_ARCHIVE] ? o.val[O_ARCHIVE] : "report.json",
                             .text = own.s,
                             .overrides = no_chain,
                             .n_overrides = 1};
    MR_TRY(mr_run_dry(c, &run, &d));
    st = cut_all(&k, c, o.arg[0], (uint64_t)limit);
out:
    mr_dry_fini(&d);
    mr_text_fini(&own);
    mr_text_fini(&folder);
    mr_text_fini(&beside);
    return (int)st;
}
