/* cli/inspect/inspect_json.c: what `inspect` found, as one JSON object. */
#include "base/utc.h"
#include "cli/inspect/inspect.h"
#include "cli/inspect/show.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *positions_of(const mr_file_info *f)
{
    if (f->dx_m != 0) return f->dx_m > 0 ? "even" : "falling";
    return f->places ? "uneven" : "unknown";
}

static json_t *text(const char *s)
{
    json_t *j = json_string(s);
    char safe[4096];
    if (j) return j;
    mr_printable(s, safe, sizeof safe); /* a path need not be UTF-8 */
    return json_string(safe);
}

static json_t *number(double v)
{
    return v > 0 || v < 0 ? json_real(v) : json_null();
}

static json_t *text_or_null(const char *s)
{
    return s[0] ? text(s) : json_null();
}

static json_t *storage(const mr_store *s)
{
    json_t *filters = json_array();
    for (unsigned i = 0; i < s->n_filters; i++)
        json_array_append_new(filters, json_string(mr_show_filter(s->filters[i])));
    json_t *chunk = s->storage == MR_ST_CHUNKED
                        ? json_pack("[I,I]", (json_int_t)(s->time_first ? s->chunk_t : s->chunk_c),
                                    (json_int_t)(s->time_first ? s->chunk_c : s->chunk_t))
                        : json_null();
    return json_pack("{s:o s:s s:o}", "chunk", chunk, "axes",
                     s->time_first ? "time, channel" : "channel, time", "filters", filters);
}

/** Remarks one by one. */
static json_t *remarks(const char *s)
{
    json_t *all = json_array();
    char one[MR_ODD_MAX];
    for (const char *end; *s; s = *end ? end + 2 : end) {
        end = strstr(s, "; ");
        if (!end) end = s + strlen(s);
        snprintf(one, sizeof one, "%.*s", (int)(end - s), s);
        json_array_append_new(all, text(one));
    }
    return all;
}

static json_t *recording(const mr_file_info *f)
{
    char t0[40];
    const json_int_t a = (json_int_t)f->store.row0;
    if (f->state != MR_OK) return json_pack("{s:o}", "refused", text(f->reason));
    return json_pack("{s:o s:[I,I] s:s s:I s:f s:b s:I s:I s:o s:s s:o}", "dataset",
                     text(f->dataset), "rows", a, a + (json_int_t)f->nt, "t0",
                     mr_utc_iso(f->t0_ns, t0), "t0_ns", (json_int_t)f->t0_ns, "rate_hz", f->rate_hz,
                     "irregular", (int)f->uneven, "samples", (json_int_t)f->nt, "channels",
                     (json_int_t)f->nc, "spacing_m", number(f->dx_m), "positions", positions_of(f),
                     "odd", remarks(f->odd));
}

static json_t *recordings(const mr_probed *p)
{
    json_t *all = json_array();
    for (size_t i = 0; i < p->n;) {
        mr_file_info r = p->rec[i];
        size_t k = i + 1;
        for (; k < p->n && mr_recording_goes_on(&p->rec[k - 1], &p->rec[k]); k++)
            r.nt += p->rec[k].nt;
        json_array_append_new(all, recording(&r));
        i = k;
    }
    return all;
}

/** What all recordings of a file hold together. */
static void whole(const mr_probed *p, json_int_t *nt, int64_t *t1_ns)
{
    *nt = 0;
    *t1_ns = INT64_MIN;
    for (size_t i = 0; i < p->n; i++) {
        if (p->rec[i].state != MR_OK) continue;
        *nt += (json_int_t)p->rec[i].nt;
        *t1_ns = MR_MAX(*t1_ns, p->rec[i].t1_ns);
    }
}

static json_t *file(const char *path, const mr_probed *p, const char *product)
{
    const mr_file_info *f = mr_found_main(p);
    json_int_t nt;
    int64_t t1_ns;
    whole(p, &nt, &t1_ns);
    char type[40], t0[40], t1[40];
    if (product)
        return json_pack("{s:o s:s s:o}", "path", text(path), "state", "product", "product",
                         text(product));
    if (f->state != MR_OK)
        return json_pack("{s:o s:s s:o}", "path", text(path), "state", "refused", "reason",
                         text(f->reason));
    mr_dtype_name(f->store.dtype, type, sizeof type);
    json_t *j =
        json_pack("{s:o s:s s:s s:o s:s s:I s:I s:o}", "path", text(path), "state", "usable",
                  "layout", f->layout, "dataset", text(f->dataset), "type", type, "samples", nt,
                  "channels", (json_int_t)f->nc, "stored", storage(&f->store));
    json_t *more = json_pack(
        "{s:s s:s s:I s:f s:o s:f s:o s:o s:o s:o s:o s:o s:o s:I s:o s:o}", "t0",
        mr_utc_iso(f->t0_ns, t0), "t1", mr_utc_iso(t1_ns, t1), "t0_ns", (json_int_t)f->t0_ns,
        "rate_hz", f->rate_hz, "spacing_m", number(f->dx_m), "first_m", f->x0_m, "gauge_length_m",
        number(f->gauge_m), "quantity", text(f->quantity), "unit", text(f->unit), "to_native",
        number(f->to_native), "native_unit", text_or_null(f->native_unit), "to_strain_rate",
        number(f->to_strain_rate), "to_strain", number(f->to_strain), "bytes", (json_int_t)f->size,
        "assumed", text_or_null(f->assumed), "odd", text_or_null(f->odd));
    if (!j || !more || json_object_update(j, more) != 0 ||
        json_object_set_new(j, "recordings", recordings(p)) != 0) {
        json_decref(j);
        j = NULL;
    }
    json_decref(more);
    return j;
}

static json_t *spans(const mr_found *f)
{
    json_t *all = json_array();
    char t0[40], t1[40];
    for (size_t i = 0; i < f->spans.n_spans; i++) {
        const mr_span *s = &f->spans.span[i];
        const int64_t end = mr_span_time(&f->spans, s, s->index0 + s->n, 1);
        json_array_append_new(
            all, json_pack("{s:s s:s s:I s:f s:I s:I}", "t0", mr_utc_iso(s->t0_ns, t0), "t1",
                           mr_utc_iso(end, t1), "samples", (json_int_t)s->n, "rate_hz", s->rate_hz,
                           "channels", (json_int_t)mr_catalog_group(f->cat, s->group)->nc, "files",
                           (json_int_t)s->n_legs));
    }
    return all;
}

static json_t *ledger(const mr_found *f)
{
    json_t *all = json_array();
    char t0[40], t1[40];
    for (size_t i = 0; i < f->spans.n_odd; i++) {
        const mr_odd *o = &f->spans.odd[i];
        json_array_append_new(
            all,
            json_pack("{s:s s:o s:s s:s s:o s:I}", "kind", mr_odd_name(o->kind), "path",
                      o->file == SIZE_MAX ? json_null() : text(mr_catalog_path(f->cat, o->file)),
                      "t0", mr_utc_iso(o->t0_ns, t0), "t1", mr_utc_iso(o->t1_ns, t1), "note",
                      text(o->note), "count", (json_int_t)o->count));
    }
    return all;
}

mr_status mr_found_json(const mr_found *f)
{
    json_t *files = json_array();
    for (size_t i = 0; i < f->paths.n; i++)
        json_array_append_new(files, file(f->paths.v[i], &f->file[i], f->product[i]));
    json_t *j =
        json_pack("{s:i s:s s:I s:o s:o s:o}", "schema", 1, "version", MR_VERSION, "refused",
                  (json_int_t)f->n_refused, "files", files, "spans", spans(f), "ledger", ledger(f));
    if (!j) return MR_RAISE(MR_EMEM, "no memory for the JSON");
    const int rc = json_dumpf(j, stdout, JSON_INDENT(1));
    json_decref(j);
    if (rc != 0) return MR_RAISE(MR_EOUTPUT, "cannot write the JSON");
    printf("\n");
    return MR_OK;
}
