/* report/fate.c: see fate.h. */
#include "report/fate.h"
#include <stdio.h>
#include <stdlib.h>

/** Files of the spans: how much of each is used. */
static void by_parts(const mr_account *a, mr_fate *f)
{
    const mr_plan *p = a->plan;
    for (size_t i = 0; i < p->spans.n_parts; i++) {
        const mr_part *q = &p->spans.part[i];
        const mr_array *arr = &p->arrays[mr_catalog_group_of(a->cat, q->file)];
        const int64_t end = q->t_ns + (int64_t)((double)q->n / arr->facts.rate_hz * 1e9);
        if (!arr->chain) continue;
        if (end <= p->cfg->time_a || q->t_ns >= p->cfg->time_b)
            f[q->file].state = MR_FATE_OUTSIDE;
        else
            f[q->file].samples = q->n * arr->nc;
    }
}

static void by_ledger(const mr_account *a, mr_fate *f)
{
    const mr_spans *s = &a->plan->spans;
    for (size_t i = 0; i < s->n_odd; i++) {
        const mr_odd *o = &s->odd[i];
        mr_fate *g = &f[o->file];
        const bool seam = o->kind == MR_ODD_OVERLAP || o->kind == MR_ODD_DUPLICATE;
        if (!seam && o->kind != MR_ODD_BAD_CHUNK) continue;
        if (g->state >= MR_FATE_REFUSED) continue;
        g->state = MR_FATE_PARTLY;
        g->odd = (uint32_t)i;
        g->loss |= !seam || o->equal != 1;
    }
}

mr_status mr_fates(const mr_account *a, mr_fate **out)
{
    mr_status st = MR_OK;
    mr_fate *f = NULL;
    const mr_catalog *c = a->cat;
    const mr_plan *p = a->plan;
    MR_TRY(mr_alloc(c->n, sizeof *f, "the report", &f));
    for (size_t i = 0; i < c->n; i++) {
        if (c->rows[i].kind == MR_REFUSED)
            f[i] = (mr_fate){.state = MR_FATE_REFUSED, .loss = true};
        else if (p && !p->arrays[mr_catalog_group_of(c, i)].chain)
            f[i] = (mr_fate){.state = MR_FATE_MISFIT, .loss = true};
    }
    if (p) by_parts(a, f);
    if (p) by_ledger(a, f);
    *out = f;
out:
    return st;
}

const char *mr_fate_name(const mr_fate *f)
{
    return f->state >= MR_FATE_REFUSED ? "refused" : f->state == MR_FATE_PARTLY ? "partly" : "used";
}

const char *mr_fate_reason(const mr_account *a, const mr_fate *f, size_t i, char buf[MR_REASON_MAX])
{
    const char *note = mr_catalog_note(a->cat, i);
    const mr_odd *o;
    buf[0] = '\0';
    switch ((mr_fate_state)f->state) {
    case MR_FATE_USED: break;
    case MR_FATE_OUTSIDE: snprintf(buf, MR_REASON_MAX, "outside input.time"); break;
    case MR_FATE_PARTLY:
        o = &a->plan->spans.odd[f->odd];
        snprintf(buf, MR_REASON_MAX, "%s: %s", mr_odd_name(o->kind), o->note);
        break;
    case MR_FATE_REFUSED: snprintf(buf, MR_REASON_MAX, "%s", note ? note : "unknown"); break;
    case MR_FATE_MISFIT:
        snprintf(buf, MR_REASON_MAX, "the chain does not fit it: %.280s",
                 a->plan->arrays[mr_catalog_group_of(a->cat, i)].why);
        break;
    }
    return buf;
}
