/* run/told/glance.c: see glance.h: lanes and ledger as JSON texts. */
#include "run/told/glance.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/utc.h"
#include "report/json.h"

enum { LANES = 20000, ROWS = 200 };

static size_t n_shown(const mr_run_state *r)
{
    return MR_MIN(r->plan->n_lanes, (size_t)LANES);
}

void mr_glance_lanes(mr_run_state *r)
{
    mr_text t = {0};
    mr_status st = mr_text_add(&t, "{\"total\":%zu,\"lanes\":[", r->plan->n_lanes);
    for (size_t i = 0; st == MR_OK && i < n_shown(r); i++) {
        const mr_lane *l = &r->plan->lanes[i];
        st = mr_text_add(&t, "%s[%.3f,%.3f,%llu,%llu]", i ? "," : "", 1e-9 * (double)l->t0_ns,
                         1e-9 * (double)l->t1_ns, (unsigned long long)l->c0,
                         (unsigned long long)l->c1);
    }
    if (st == MR_OK) st = mr_text_add(&t, "]}");
    if (st == MR_OK)
        mr_watch_show(r->watch, MR_SHOWN_LANES, t.s);
    else
        mr_text_fini(&t);
    if (st != MR_OK) mr_error_clear();
}

void mr_glance_states(mr_run_state *r)
{
    const size_t n = n_shown(r);
    char *text = NULL, *todo = NULL;
    mr_status st = mr_alloc(n + 3, 1, "the map of lanes", &text);
    if (st == MR_OK) st = mr_alloc(r->n_todo, 1, "the map of lanes", &todo);
    if (st == MR_OK) {
        char *s = text + 1;
        text[0] = '"';
        memset(s, '.', n);
        for (size_t i = 0; i < n; i++)
            if (r->resume.done && r->resume.done[i]) s[i] = '#';
        if (r->server)
            mr_server_lanes(r->server, todo, r->n_todo);
        else
            memset(todo, '#', r->n_todo); /* all were done before the phase that this is */
        for (size_t k = 0; k < r->n_todo; k++)
            if (r->todo[k] < n) s[r->todo[k]] = todo[k];
        s[n] = '"';
        mr_watch_show(r->watch, MR_SHOWN_STATES, text);
        text = NULL;
    }
    if (st != MR_OK) mr_error_clear();
    free(text);
    free(todo);
}

static json_t *row_json(const mr_plan *p, const mr_odd *o)
{
    char name[300], note[MR_NOTE_MAX], t0[40], t1[40];
    mr_printable(o->file < p->cat->n ? mr_base_name(mr_catalog_path(p->cat, o->file)) : "", name,
                 sizeof name);
    mr_printable(o->note, note, sizeof note);
    return json_pack("[sssss]", mr_odd_name(o->kind), mr_utc_iso(o->t0_ns, t0),
                     mr_utc_iso(o->t1_ns, t1), name, note);
}

/** Losses of this rank's lanes; the others' come when all is gathered. */
static void add_losses(mr_run_state *r, json_t *rows)
{
    mr_loss v[ROWS / 2];
    if (!r->mill || r->gathered) return;
    const size_t n = mr_mill_losses(r->mill, ROWS / 2, v);
    for (size_t i = 0; i < n; i++) {
        const mr_odd o = mr_loss_odd(&v[i]);
        json_array_append_new(rows, row_json(r->plan, &o));
    }
}

void mr_glance_ledger(mr_run_state *r, uint64_t lost)
{
    const mr_spans *s = &r->plan->spans;
    size_t n[MR_ODD_N] = {0}, refused = 0;
    json_t *kinds = json_object(), *rows = json_array();
    for (size_t i = 0; i < r->plan->cat->n_files; i++)
        refused += r->plan->cat->rows[i].form == MR_REFUSED;
    for (size_t i = 0; i < s->n_odd; i++) n[s->odd[i].kind]++;
    for (size_t k = 0; k < MR_ODD_N; k++)
        if (n[k])
            json_object_set_new(kinds, mr_odd_name((mr_odd_kind)k), json_integer((json_int_t)n[k]));
    for (size_t i = s->n_odd - MR_MIN(s->n_odd, (size_t)ROWS); i < s->n_odd; i++)
        json_array_append_new(rows, row_json(r->plan, &s->odd[i]));
    add_losses(r, rows);
    json_t *o = json_pack("{s:I s:I s:I s:I s:o s:o}", "total", (json_int_t)s->n_odd, "lost",
                          (json_int_t)lost, "refused", (json_int_t)refused, "files",
                          (json_int_t)r->plan->cat->n_files, "kinds", kinds, "rows", rows);
    char *text = mr_json_text(o, JSON_COMPACT);
    json_decref(o);
    if (text) mr_watch_show(r->watch, MR_SHOWN_LEDGER, text);
}
