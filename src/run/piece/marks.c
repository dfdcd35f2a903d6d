/* run/piece/marks.c: where the input of an operator is NaN that is told, as marks of a whole block;
 * what it decides, as runs again, which spread from there on, and as entries for the ledger. */
#include <stdlib.h>
#include "run/piece/piece.h"

static size_t rows_of(mr_slab s)
{
    return s.b > s.a ? (size_t)(s.b - s.a) : 0;
}

static mr_status begin(mr_extent e, mr_marks *m)
{
    *m = (mr_marks){.t0 = e.t.a, .nt = rows_of(e.t), .c0 = (size_t)e.c.a, .nc = rows_of(e.c)};
    return mr_alloc(m->nt * m->nc + 1, 1, "marks of a block", &m->d);
}

typedef struct marking {
    mr_extent all;
    mr_marks *m;
} marking;

static mr_status mark(void *arg, mr_slab ch, mr_slab bad)
{
    marking *k = arg;
    mr_status st = MR_OK;
    mr_marks *m = k->m;
    if (!m->d) MR_TRY(begin(k->all, m));
    for (int64_t t = MR_MAX(k->all.t.a, bad.a); t < MR_MIN(k->all.t.b, bad.b); t++)
        for (int64_t c = ch.a; c < ch.b; c++)
            m->d[(size_t)(t - m->t0) * m->nc + (size_t)c - m->c0] = MR_NAN;
out:
    return st;
}

mr_status mr_marks_of(const mr_block *w, size_t op, mr_extent all, mr_marks *m)
{
    mr_status st = MR_OK;
    marking k = {all, m};
    *m = (mr_marks){0};
    MR_TRY(mr_spoils_reaching(w, op, all.c, NULL, mark, &k));
    if (!m->d && mr_chain_decides(w->chain, op) &&
        mr_chain_blank_in(w->chain, op, mr_lane_span(w->m->plan, w->j->lane), all.t))
        MR_TRY(begin(all, m));
out:
    return st;
}

/** The raw sample at or before sample n of the operator's input. */
static int64_t raw_of(const mr_block *w, size_t op, int64_t n)
{
    int64_t num, den;
    mr_chain_position_at(w->chain, op, mr_lane_span(w->m->plan, w->j->lane), n, &num, &den);
    return mr_div_floor(num, den);
}

/** Samples of channel c of the marks, of the rows `t`, that a value was taken for: by their raw
 * ones. */
static mr_status note_channel(const mr_block *w, size_t op, const mr_marks *in, mr_slab t, size_t c)
{
    mr_status st = MR_OK;
    mr_job *j = w->j;
    int64_t at = (int64_t)(in->c0 + c); /* of the array, where the chain begins */
    for (size_t k = op; k-- > 0;) at *= (int64_t)mr_chain_needs(w->chain, k)->ch_down;
    mr_flaw f = {.kind = MR_FLAW_TAKEN, .value = (double)op};
    for (int64_t n = t.a; n <= t.b; n++) {
        const bool taken = n < t.b && in->d[(size_t)(n - in->t0) * in->nc + c] == MR_NAN_TAKEN;
        const int64_t raw = taken ? raw_of(w, op, n) : 0;
        if (taken) {
            if (!f.count++) f.raw.a = raw;
            f.raw.b = raw + 1;
        } else if (f.count) {
            f.c0 = (uint32_t)at;
            f.c1 = f.c0 + 1;
            MR_TRY(mr_quality_note(&j->quality[c / MR_TILE % j->n_quality], &f));
            f.count = 0;
        }
    }
out:
    return st;
}

mr_status mr_marks_decide(const mr_block *w, size_t op, mr_extent out, mr_marks *in)
{
    mr_status st = MR_OK;
    mr_job *j = w->j;
    mr_marks m = {0};
    const mr_extent own = mr_lane_own_at(w->m->plan, j->lane, op + 1);
    const mr_slab t = {MR_MAX(MR_MAX(out.t.a, own.t.a), j->decided[op].to),
                       MR_MIN(out.t.b, own.t.b)};
    if (!in->d) return MR_OK;
    MR_TRY(begin(out, &m));
    mr_chain_decide(w->chain, op, mr_lane_span(w->m->plan, j->lane), in, &m);
    for (size_t c = 0; c < m.nc; c++)
        for (size_t i = 0, e; i < m.nt; i = e) {
            for (e = i; e < m.nt && m.d[e * m.nc + c]; e++) {
            }
            if (e > i)
                MR_TRY(mr_spoil_add(m.c0 + c, (mr_slab){m.t0 + (int64_t)i, m.t0 + (int64_t)e},
                                    &j->decided[op].nan));
            else
                e++;
        }
    for (int64_t c = MR_MAX(own.c.a, out.c.a); c < MR_MIN(own.c.b, out.c.b); c++)
        MR_TRY(note_channel(w, op, in, t, (size_t)c - in->c0));
    j->decided[op].to = MR_MAX(j->decided[op].to, out.t.b);
out:
    free(m.d);
    return st;
}
