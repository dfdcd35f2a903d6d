/* plan/odds.c: see odds.h. */
#include "plan/odds.h"
#include <string.h>

bool mr_odd_is_fact(const mr_odd *o)
{
    switch (o->kind) {
    case MR_ODD_RATE:
    case MR_ODD_STAMP:
    case MR_ODD_CLOCK:
    case MR_ODD_PLACE:
    case MR_ODD_VALUE:
    case MR_ODD_LEFT_OUT:
    case MR_ODD_LAYOUT: return true;
    default: return false;
    }
}

const mr_odd *mr_odds_first(const mr_spans *s)
{
    for (size_t i = 0; i < s->n_odd; i++)
        if (mr_odd_is_fact(&s->odd[i])) return &s->odd[i];
    return NULL;
}

size_t mr_odds_count(const mr_spans *s, mr_odd_kind_count out[3])
{
    mr_odd_kind_count all[MR_ODD_N] = {{0}};
    size_t n = 0;
    for (size_t i = 0; i < s->n_odd; i++) {
        const mr_odd *o = &s->odd[i];
        if (!mr_odd_is_fact(o)) continue;
        if (!all[o->kind].n++) all[o->kind].first = o;
    }
    for (; n < 3; n++) {
        size_t most = 0;
        for (size_t k = 1; k < MR_ODD_N; k++)
            if (all[k].n > all[most].n) most = k;
        if (!all[most].n) break;
        out[n] = all[most];
        out[n].kind = (mr_odd_kind)most;
        all[most].n = 0;
    }
    return n;
}

mr_status mr_odds_lines(const mr_spans *s, const mr_catalog *c, mr_text *t)
{
    mr_status st = MR_OK;
    mr_odd_kind_count k[3];
    const size_t n = mr_odds_count(s, k);
    for (size_t i = 0; i < n; i++)
        MR_TRY(mr_text_add(t, "odd:        %zu %s, the first in %s: %s\n", k[i].n,
                           mr_odd_name(k[i].kind),
                           mr_base_name(mr_catalog_path(c, k[i].first->file)), k[i].first->note));
out:
    return st;
}
