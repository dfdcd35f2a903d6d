/* report/fate.c: see fate.h. */
#include "report/fate.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/quantity.h"

/** What of each recording is used, added up for its file. A file whose recordings are all outside
 *  input.time is. */
static void by_legs(const mr_account *a, mr_fate *f)
{
    const mr_plan *p = a->plan;
    for (size_t i = 0; i < p->spans.n_legs; i++) {
        const mr_leg *q = &p->spans.leg[i];
        const mr_array *arr = &p->arrays[mr_catalog_group_of(a->cat, q->file)];
        const int64_t end = q->t_ns + (int64_t)((double)q->n / arr->facts.rate_hz * 1e9);
        mr_fate *g = &f[mr_catalog_file(a->cat, q->file)];
        if (!arr->chain) continue;
        const bool outside = end <= p->cfg->time_a || q->t_ns >= p->cfg->time_b;
        if (!outside) g->samples += q->n * arr->nc;
        if (g->state <= MR_FATE_OUTSIDE) g->state = g->samples ? MR_FATE_USED : MR_FATE_OUTSIDE;
    }
}

static void by_ledger(const mr_account *a, mr_fate *f)
{
    const mr_spans *s = &a->plan->spans;
    for (size_t i = 0; i < s->n_odd; i++) {
        const mr_odd *o = &s->odd[i];
        mr_fate *g = &f[mr_catalog_file(a->cat, o->file)];
        const bool seam = o->kind == MR_ODD_OVERLAP || o->kind == MR_ODD_DUPLICATE;
        if (!seam && o->kind != MR_ODD_BAD_CHUNK) continue;
        if (g->state >= MR_FATE_REFUSED) continue;
        g->state = MR_FATE_PARTLY;
        g->odd = (uint32_t)i;
        g->loss |= !seam || o->equal != 1;
    }
}

/** A recording that cannot be used, or that the chain does not fit; MR_FATE_USED otherwise. */
static mr_fate_state fate_of_row(const mr_account *a, size_t i)
{
    const uint32_t form = a->cat->rows[i].form;
    if (form == MR_REFUSED || (a->plan && a->plan->barred && a->plan->barred[form]))
        return MR_FATE_REFUSED;
    const bool fits = !a->plan || a->plan->arrays[mr_catalog_group_of(a->cat, i)].chain;
    return fits ? MR_FATE_USED : MR_FATE_MISFIT;
}

/** Recordings that cannot be used, of a file whose others can: it is partly used. */
static mr_fate fate_of_file(const mr_account *a, size_t i)
{
    mr_fate f = {.state = (uint8_t)fate_of_row(a, i), .row = (uint32_t)i};
    size_t first, n = mr_catalog_further(a->cat, i, &first), bad = f.state != MR_FATE_USED;
    for (size_t k = first; k < first + n; k++) {
        const mr_fate_state s = fate_of_row(a, k);
        if (s == MR_FATE_USED) continue;
        if (!bad++) f.row = (uint32_t)k;
    }
    f.loss = bad > 0;
    if (bad && bad <= n) f.state = MR_FATE_PARTLY;
    f.odd = UINT32_MAX;
    return f;
}

mr_status mr_fates(const mr_account *a, mr_fate **out)
{
    mr_status st = MR_OK;
    mr_fate *f = NULL;
    const mr_catalog *c = a->cat;
    MR_TRY(mr_alloc(c->n_files, sizeof *f, "the report", &f));
    for (size_t i = 0; i < c->n_files; i++) f[i] = fate_of_file(a, i);
    if (a->plan) by_legs(a, f);
    if (a->plan) by_ledger(a, f);
    *out = f;
out:
    return st;
}

const char *mr_fate_name(const mr_fate *f)
{
    return f->state >= MR_FATE_REFUSED ? "refused" : f->state == MR_FATE_PARTLY ? "partly" : "used";
}

/** Why row i cannot be used. */
static void reason_of_row(const mr_account *a, size_t i, char buf[MR_REASON_MAX])
{
    const char *note = mr_catalog_note(a->cat, i);
    char size[32];
    if (a->cat->rows[i].form == MR_REFUSED)
        snprintf(buf, MR_REASON_MAX, "%s", note ? note : "unknown");
    else if (a->plan->barred && a->plan->barred[a->cat->rows[i].form])
        snprintf(
            buf, MR_REASON_MAX,
            "a chunk of it is %s, and at most 200 MiB are decoded at once: rewrite it in "
            "smaller ones (h5repack -l CHUNK=...), or leave it out",
            mr_fmt_bytes((double)mr_chunk_bytes(&a->cat->facts[a->cat->rows[i].form].store), size));
    else
        snprintf(buf, MR_REASON_MAX, "the chain does not fit it: %.280s",
                 a->plan->arrays[mr_catalog_group_of(a->cat, i)].why);
}

const char *mr_fate_reason(const mr_account *a, const mr_fate *f, char buf[MR_REASON_MAX])
{
    const mr_odd *o;
    buf[0] = '\0';
    switch ((mr_fate_state)f->state) {
    case MR_FATE_USED: break;
    case MR_FATE_OUTSIDE: snprintf(buf, MR_REASON_MAX, "outside input.time"); break;
    case MR_FATE_PARTLY:
        if (f->odd == UINT32_MAX) {
            reason_of_row(a, f->row, buf);
            break;
        }
        o = &a->plan->spans.odd[f->odd];
        snprintf(buf, MR_REASON_MAX, "%s: %s", mr_odd_name(o->kind), o->note);
        break;
    case MR_FATE_REFUSED:
    case MR_FATE_MISFIT: reason_of_row(a, f->row, buf); break;
    }
    return buf;
}
