/* report/report.c: the account as JSON (by jansson), as warnings, as a summary. */
#include "report/report.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/quantity.h"
#include "base/utc.h"
#include "plan/odds.h"
#include "report/fate.h"
#include "report/json.h"

/** As much as can be printed; NULL: no memory. */
static json_t *text(const char *s)
{
    const size_t n = 4 * strlen(s ? s : "") + 1;
    char *safe = malloc(n);
    if (!safe) return NULL;
    mr_printable(s ? s : "", safe, n);
    json_t *o = json_string(safe);
    free(safe);
    return o;
}

/** Where a path that stands under a name cannot be printed, its bytes beside it in hex. */
static int add_bytes(json_t *o, const char *name, const char *path)
{
    char bytes[64];
    mr_text hex = {0};
    const char *shown = json_string_value(json_object_get(o, name));
    if (!shown || strcmp(shown, path) == 0) return shown ? 0 : -1;
    snprintf(bytes, sizeof bytes, "%s_bytes", name);
    int bad = 0;
    for (const char *p = path; *p && !bad; p++)
        bad = mr_text_add(&hex, "%02x", (unsigned)(unsigned char)*p) != MR_OK;
    bad = bad || json_object_set_new(o, bytes, json_string(hex.s)) != 0;
    mr_text_fini(&hex);
    return bad;
}

static json_t *when(int64_t t_ns)
{
    char b[40];
    return json_string(mr_utc_iso(t_ns, b));
}

/** The settings as they were used: the file with all overrides. NULL: no memory. */
static json_t *settings_json(const mr_node *n)
{
    if (n->kind == MR_NODE_SCALAR) return text(n->text);
    json_t *out = n->kind == MR_NODE_MAP ? json_object() : json_array();
    int bad = 0;
    for (size_t i = 0; i < n->n && !bad; i++) {
        json_t *value = settings_json(&n->entries[i]);
        bad = n->kind == MR_NODE_MAP ? json_object_set_new(out, n->entries[i].key, value)
                                     : json_array_append_new(out, value);
    }
    if (!bad) return out;
    json_decref(out);
    return NULL;
}

size_t mr_account_losses(const mr_account *a)
{
    mr_fate *f = NULL;
    size_t n = 0;
    if (!a->cat || mr_fates(a, &f) != MR_OK) return 0;
    for (size_t i = 0; i < a->cat->n_files; i++) n += f[i].loss;
    for (size_t i = 0; a->kept && i < a->kept->n; i++) n += a->kept->v[i].n_losses > 0;
    for (size_t i = 0; i < a->n_held; i++) n += a->held[i].n_losses > 0;
    n += a->shrunk ? a->shrunk->n : 0;
    free(f);
    return n;
}

const char *mr_bottleneck(const mr_account *a)
{
    const double busy_s = a->wall_s - a->idle_s;
    if (a->survey_s > 0.5 * busy_s) return "surveying";
    if (a->finish_s > 0.5 * busy_s) return "finishing";
    if (a->t.wait_read_s >= 0.2 * a->t.compute_s && a->t.wait_read_s >= a->t.wait_out_s)
        return "reading";
    if (a->t.wait_out_s >= 0.2 * a->t.compute_s) return "writing";
    return "computing";
}

/* --- report.json: its lists are written entry by entry, a line each, since they may be long; never
 * as a tree in memory ------------------------------------------------------------------------- */

/** One entry of a list. [take] o */
static mr_status add_entry(mr_text *t, bool first, json_t *o)
{
    char *s = mr_json_text(o, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    json_decref(o);
    if (!s) return MR_RAISE(MR_EMEM, "no memory for the report");
    const mr_status st = mr_text_add(t, "%s\n  %s", first ? "" : ",", s);
    free(s);
    return st;
}

/** First and last stamp over the recordings of file i that can be used; gives how many they are. */
static size_t times_of(const mr_catalog *c, size_t i, int64_t *t0, int64_t *t1)
{
    size_t first, n = mr_catalog_further(c, i, &first), used = 0;
    mr_file_info last = {.state = MR_EINPUT};
    *t0 = INT64_MAX;
    *t1 = INT64_MIN;
    for (size_t k = 0; k <= n; k++) {
        const mr_row *r = &c->rows[k ? first + k - 1 : i];
        if (r->form == MR_REFUSED) continue;
        mr_file_info info;
        mr_catalog_info(c, k ? first + k - 1 : i, &info);
        *t0 = MR_MIN(*t0, r->t0_ns);
        *t1 = MR_MAX(*t1, r->t1_ns);
        used += !used || !mr_recording_goes_on(&last, &info);
        last = info;
    }
    return used;
}

static mr_status add_inputs(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    mr_fate *f = NULL;
    char why[MR_REASON_MAX];
    const mr_catalog *c = a->cat;
    if (!c) return MR_OK;
    MR_TRY(mr_fates(a, &f));
    for (size_t i = 0; i < c->n_files; i++) {
        int64_t t0, t1;
        const size_t n = times_of(c, i, &t0, &t1);
        const bool known = c->rows[i].form != MR_REFUSED;
        const char *note = mr_catalog_note(c, i);
        json_t *o =
            json_pack("{s:o s:s s:o s:I s:I s:o s:o}", "path", text(mr_catalog_path(c, i)), "state",
                      mr_fate_name(&f[i]), "reason", text(mr_fate_reason(a, &f[i], why)), "samples",
                      (json_int_t)f[i].samples, "recordings", (json_int_t)n, "t0",
                      n ? when(t0) : json_null(), "t1", n ? when(t1) : json_null());
        if (add_bytes(o, "path", mr_catalog_path(c, i)) != 0 ||
            (known && note && json_object_set_new(o, "note", text(note)) != 0)) {
            json_decref(o);
            o = NULL;
        }
        MR_TRY(add_entry(t, i == 0, o));
    }
out:
    free(f);
    return st;
}

static mr_status add_spans(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    const mr_plan *p = a->plan;
    for (size_t i = 0; p && i < p->spans.n_spans; i++) {
        const mr_span *s = &p->spans.span[i];
        json_t *o = json_pack("{s:o s:o s:I s:I s:f s:I s:I}", "t0", when(s->t0_ns), "t1",
                              when(mr_span_time(&p->spans, s, s->index0 + s->n - 1, 1)), "samples",
                              (json_int_t)s->n, "channels",
                              (json_int_t)p->arrays[s->group].facts.nc, "rate_hz", s->rate_hz,
                              "files", (json_int_t)s->n_legs, "layout", (json_int_t)s->group);
        MR_TRY(add_entry(t, i == 0, o));
    }
out:
    return st;
}

static mr_status add_ledger(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    const mr_plan *p = a->plan;
    for (size_t i = 0; p && i < p->spans.n_odd; i++) {
        const mr_odd *o = &p->spans.odd[i];
        json_t *j = json_pack("{s:s s:o s:o s:o s:o s:I}", "kind", mr_odd_name(o->kind), "path",
                              text(mr_catalog_path(p->cat, o->file)), "t0", when(o->t0_ns), "t1",
                              when(o->t1_ns), "note", text(o->note), "count", (json_int_t)o->count);
        MR_TRY(add_entry(t, i == 0, j));
    }
out:
    return st;
}

static json_t *lane_json(const char *rel, uint64_t rows, uint64_t channels, const char *checksum)
{
    return json_pack("{s:s s:I s:I s:s}", "file", rel, "rows", (json_int_t)rows, "channels",
                     (json_int_t)channels, "checksum", checksum);
}

static mr_status add_lanes(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    bool first = true;
    const mr_held **held = NULL;
    if (!a->plan || !a->done) return MR_OK;
    MR_TRY(mr_alloc(a->plan->n_lanes, sizeof(void *), "the report", &held));
    for (size_t i = 0; i < a->n_held; i++) held[a->held[i].lane] = &a->held[i];
    for (size_t i = 0; i < a->plan->n_lanes; i++) {
        const mr_lane *l = &a->plan->lanes[i];
        const mr_held *h = held[i];
        if (!a->done[i] || (h && !h->first)) continue;
        MR_TRY(add_entry(t, first,
                         h ? lane_json(h->rel, h->rows, l->c1 - l->c0, h->digest.hex)
                           : lane_json(l->rel, (uint64_t)(l->rows.b - l->rows.a), l->c1 - l->c0,
                                       a->digest[i].hex)));
        first = false;
    }
out:
    free(held);
    return st;
}

/** Lanes that stay with more than the archive has now. */
static mr_status add_held(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    bool first = true;
    for (size_t i = 0; i < a->n_held; i++) {
        const mr_held *h = &a->held[i];
        if (!h->first) continue;
        MR_TRY(add_entry(t, first,
                         json_pack("{s:s s:o s:I}", "file", h->rel, "missing", text(h->missing),
                                   "losses", (json_int_t)h->n_losses)));
        first = false;
    }
out:
    return st;
}

static mr_status add_kept(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = 0; a->kept && i < a->kept->n; i++)
        MR_TRY(add_entry(t, i == 0,
                         json_pack("{s:s s:s s:I}", "file", a->kept->v[i].rel, "checksum",
                                   a->kept->v[i].checksum.hex, "losses",
                                   (json_int_t)a->kept->v[i].n_losses)));
out:
    return st;
}

static mr_status add_texts(const mr_strs *v, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < v->n; i++) MR_TRY(add_entry(t, i == 0, text(v->v[i])));
out:
    return st;
}

static mr_status add_strangers(const mr_account *a, mr_text *t)
{
    return a->strangers ? add_texts(a->strangers, t) : MR_OK;
}

static mr_status add_shrunk(const mr_account *a, mr_text *t)
{
    return a->shrunk ? add_texts(a->shrunk, t) : MR_OK;
}

static mr_status add_idle(const mr_account *a, mr_text *t)
{
    return a->listing ? add_texts(&a->listing->idle, t) : MR_OK;
}

static mr_status add_outputs(const mr_account *a, mr_text *t)
{
    return a->listing ? add_texts(&a->listing->outputs, t) : MR_OK;
}

static mr_status add_links(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    const mr_listing *l = a->listing;
    for (size_t i = 0; l && i < l->links.n; i++)
        MR_TRY(add_entry(t, i == 0,
                         json_pack("{s:o s:o}", "path", text(l->links.v[i]), "leads_to",
                                   text(l->targets.v[i]))));
out:
    return st;
}

/** Host, time and absolute paths stand here only. */
static json_t *launch_json(const mr_account *a)
{
    char host[256] = "", now[40], *cwd = getcwd(NULL, 0);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    gethostname(host, sizeof host - 1);
    json_t *o = json_pack("{s:i s:i s:s s:i s:i s:b s:o s:o s:s s:o}", "ranks", a->ranks, "threads",
                          a->threads, "cores", a->cores ? a->cores : "", "io_threads",
                          a->io_threads, "nodes", a->nodes, "lane_server", a->dynamic, "host",
                          text(host), "folder", text(cwd), "finished",
                          mr_utc_iso((int64_t)t.tv_sec * 1000000000 + t.tv_nsec, now), "config",
                          text(a->plan ? a->plan->cfg->name : ""));
    if (add_bytes(o, "folder", cwd ? cwd : "") != 0) {
        json_decref(o);
        o = NULL;
    }
    free(cwd);
    return o;
}

/** All that is short. NULL: no memory. */
static json_t *facts_json(const mr_account *a)
{
    json_t *o = json_pack("{s:i s:s s:i s:o}", "schema", 1, "version", MR_VERSION, "status",
                          (int)a->status, "error", text(a->error));
    int bad = json_object_set_new(o, "config", a->cfg ? settings_json(&a->cfg->root) : json_null());
    bad |= json_object_set_new(
        o, "timing",
        json_pack("{s:f s:f s:f s:f s:f s:f s:f s:f s:f s:{s:f s:f s:f s:f}}", "wall_s", a->wall_s,
                  "idle_s", a->idle_s, "survey_s", a->survey_s, "finish_s", a->finish_s, "read_s",
                  a->t.read_s, "compute_s", a->t.compute_s, "write_s", a->t.write_s, "read_cpu_s",
                  a->t.read_cpu_s, "write_cpu_s", a->t.write_cpu_s, "wait_s", "input",
                  a->t.wait_read_s, "output", a->t.wait_out_s, "reader_buffer", a->t.wait_intake_s,
                  "writer_work", a->t.wait_done_s));
    bad |= json_object_set_new(o, "bottleneck", json_string(mr_bottleneck(a)));
    bad |= json_object_set_new(o, "memory",
                               json_pack("{s:I s:I}", "planned_bytes",
                                         (json_int_t)(a->plan ? a->plan->mem.planned_bytes : 0),
                                         "peak_bytes", (json_int_t)a->peak_bytes));
    bad |= json_object_set_new(
        o, "work",
        json_pack("{s:I s:I s:I s:I s:I}", "raw_bytes", (json_int_t)a->raw_bytes, "samples",
                  (json_int_t)a->samples, "lanes_known", (json_int_t)a->n_known, "lanes_redone",
                  (json_int_t)a->n_redone, "files_probed", (json_int_t)a->n_probed));
    bad |= json_object_set_new(o, "launch", launch_json(a));
    if (!bad) return o;
    json_decref(o);
    return NULL;
}

static mr_status print_report(const mr_account *a, mr_text *t)
{
    mr_status st = MR_OK;
    static const struct {
        const char *name;
        mr_status (*add)(const mr_account *, mr_text *);
    } list[] = {{"inputs", add_inputs}, {"spans", add_spans},    {"ledger", add_ledger},
                {"lanes", add_lanes},   {"kept", add_kept},      {"strangers", add_strangers},
                {"held", add_held},     {"shrunk", add_shrunk},  {"idle", add_idle},
                {"links", add_links},   {"outputs", add_outputs}};
    json_t *o = facts_json(a);
    char *s = mr_json_text(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    if (!s) {
        st = MR_RAISE(MR_EMEM, "no memory for the report");
        goto out;
    }
    MR_TRY(mr_text_add_bytes(t, s, (size_t)(strrchr(s, '}') - s - 1))); /* its end is yet to come */
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        MR_TRY(mr_text_add(t, ",\n \"%s\": [", list[i].name));
        MR_TRY(list[i].add(a, t));
        MR_TRY(mr_text_add(t, "]"));
    }
out:
    json_decref(o);
    free(s);
    return st;
}

mr_status mr_report_write(const mr_account *a, const char *folder)
{
    mr_status st = MR_OK;
    mr_text path = {0}, t = {0};
    MR_TRY(print_report(a, &t));
    MR_TRY(mr_report_seal(&t, folder));
    MR_TRY(mr_text_add(&path, "%s/report.json", folder));
    MR_TRY(mr_write_durably(path.s, t.s, t.len));
out:
    mr_text_fini(&path);
    mr_text_fini(&t);
    return st;
}

/* --- talk ------------------------------------------------------------------------------------ */

/** What input.files did not give, or gave from elsewhere. */
static void warn_listing(const mr_listing *l)
{
    for (size_t i = 0; i < MR_MIN(l->idle.n, (size_t)50); i++)
        mr_log(MR_WARN, "input.files: %s: there is no file", l->idle.v[i]);
    for (size_t i = 0; i < MR_MIN(l->outputs.n, (size_t)50); i++)
        mr_log(MR_WARN, "input.files: %s is the output of a run and no recording", l->outputs.v[i]);
    if (l->links.n)
        mr_log(MR_WARN, "input.files: %zu links lead out of the folders; the first: %s to %s",
               l->links.n, l->links.v[0], l->targets.v[0]);
}

/** Files under lanes/ that this run neither made nor wants. */
static void warn_leftovers(const mr_account *a)
{
    const size_t kept = a->kept ? a->kept->n : 0, strange = a->strangers ? a->strangers->n : 0;
    for (size_t i = 0; i < MR_MIN(kept, (size_t)50); i++)
        mr_log(MR_WARN,
               "%s: its inputs are not in this archive; the lane is kept, but not in the "
               "index and the master file",
               a->kept->v[i].rel);
    for (size_t i = 0; i < MR_MIN(a->n_held, (size_t)50); i++)
        if (a->held[i].first)
            mr_log(MR_WARN,
                   "%s: %s, which it was made from, is gone; the lane stays as it is (remove it to "
                   "have it made of what is there)",
                   a->held[i].rel, a->held[i].missing);
    for (size_t i = 0; a->shrunk && i < MR_MIN(a->shrunk->n, (size_t)50); i++)
        mr_log(MR_WARN, "%s", a->shrunk->v[i]);
    for (size_t i = 0; i < MR_MIN(strange, (size_t)50); i++)
        mr_log(MR_WARN, "%s: no lane of this chain; it is left alone, and verify will complain",
               a->strangers->v[i]);
    if (kept > 50 || strange > 50)
        mr_log(MR_WARN, "... %zu lanes kept, %zu files left alone in all; report.json has them",
               kept, strange);
}

void mr_report_warn(const mr_account *a)
{
    mr_fate *f = NULL;
    size_t said[MR_ODD_N + 1] = {0};
    char t0[40], t1[40], why[MR_REASON_MAX];
    if (!a->cat || mr_fates(a, &f) != MR_OK) return;
    for (size_t i = 0; i < a->cat->n_files; i++)
        if (f[i].state >= MR_FATE_REFUSED && said[MR_ODD_N]++ < 50)
            mr_log(MR_WARN, "%s: refused: %s", mr_catalog_path(a->cat, i),
                   mr_fate_reason(a, &f[i], why));
    for (size_t i = 0; a->plan && i < a->plan->spans.n_odd; i++) {
        const mr_odd *o = &a->plan->spans.odd[i];
        if (said[o->kind]++ < 50)
            mr_log(MR_WARN, "%s: %s %s .. %s: %s", mr_catalog_path(a->cat, o->file),
                   mr_odd_name(o->kind), mr_utc_iso(o->t0_ns, t0), mr_utc_iso(o->t1_ns, t1),
                   o->note);
    }
    for (size_t k = 0; k <= MR_ODD_N; k++)
        if (said[k] > 50)
            mr_log(MR_WARN, "... and %zu more %s; report.json has all", said[k] - 50,
                   k == MR_ODD_N ? "refused files" : mr_odd_name((mr_odd_kind)k));
    free(f);
    if (a->listing) warn_listing(a->listing);
    warn_leftovers(a);
}

mr_status mr_report_summary(const mr_account *a, const char *folder)
{
    mr_status st = MR_OK;
    mr_fate *f = NULL;
    mr_text chain = {0}, odd = {0};
    char b0[32], b1[32], b2[32];
    const mr_plan *p = a->plan;
    size_t refused = 0, partly = 0, done = 0;
    uint64_t bytes = 0;
    if (!a->cat || !p) return MR_OK;
    MR_TRY(mr_fates(a, &f));
    for (size_t i = 0; i < a->cat->n_files; i++) {
        refused += f[i].state >= MR_FATE_REFUSED;
        partly += f[i].state == MR_FATE_PARTLY;
    }
    for (size_t i = 0; a->done && i < p->n_lanes; i++)
        if (a->done[i]) {
            bytes += mr_lane_bytes(p, &p->lanes[i]);
            done++;
        }
    for (size_t i = 0; i < p->n_arrays && !chain.s; i++)
        if (p->arrays[i].chain) MR_TRY(mr_chain_brief(p->arrays[i].chain, &chain));
    for (char *s = chain.s; s && *s; s++)
        if (*s == '\n') *s = s[1] ? ';' : '\0';
    printf("input:      %zu files in %zu spans: %zu refused, %zu partly used\n", a->cat->n_files,
           p->spans.n_spans, refused, partly);
    MR_TRY(mr_odds_lines(&p->spans, a->cat, &odd));
    if (odd.s) fputs(odd.s, stdout);
    printf("did:        %s\n", chain.s ? chain.s : "copied");
    printf("output:     %s: %zu of %zu lanes (%zu known, %zu redone), %s of samples\n", folder,
           done, p->n_lanes, a->n_known, a->n_redone, mr_fmt_bytes((double)bytes, b0));
    printf("speed:      %.2f s, %.0f MB/s, %.0f Msamples/s on %d ranks x %d threads\n", a->wall_s,
           1e-6 * (double)a->raw_bytes / a->wall_s, 1e-6 * (double)a->samples / a->wall_s, a->ranks,
           a->threads);
    printf(
        "time:       survey %.2f s; read %.2f s, compute %.2f s, write %.2f s; waited %.2f s for "
        "input, %.2f s for output; finish %.2f s\n",
        a->survey_s, a->t.read_s, a->t.compute_s, a->t.write_s, a->t.wait_read_s, a->t.wait_out_s,
        a->finish_s);
    printf("bottleneck: %s", mr_bottleneck(a));
    const size_t todo = p->n_lanes - a->n_known;
    if (todo && todo < (size_t)a->ranks)
        printf("; %zu lane%s for %d ranks: fewer ranks with more threads each would do", todo,
               todo > 1 ? "s" : "", a->ranks);
    putchar('\n');
    printf("memory:     %s of %s planned a rank\n", mr_fmt_bytes((double)a->peak_bytes, b1),
           mr_fmt_bytes((double)p->mem.planned_bytes, b2));
out:
    mr_text_fini(&chain);
    mr_text_fini(&odd);
    free(f);
    return st;
}
