/* run/piece/spoils.c: what is not finite in the input, kept beside the samples, and whom it
 * reaches: as far as the operators' contexts in time and in channels do. */
#include "run/piece/piece.h"

mr_status mr_spoil_add(uint64_t c, mr_slab bad, mr_spoils *sp)
{
    mr_status st = MR_OK;
    for (size_t i = sp->n; i-- > 0;) /* joins what the block before already knew */
        if (sp->v[i].c == c && sp->v[i].raw.a <= bad.b && bad.a <= sp->v[i].raw.b) {
            sp->v[i].raw.a = MR_MIN(sp->v[i].raw.a, bad.a);
            sp->v[i].raw.b = MR_MAX(sp->v[i].raw.b, bad.b);
            return MR_OK;
        }
    MR_TRY(mr_grow(&sp->v, &sp->cap, sp->n + 1, sizeof *sp->v, "spoiled ranges"));
    sp->v[sp->n++] = (mr_spoil){(uint32_t)c, bad};
out:
    return st;
}

static mr_slab reach(const mr_chain *c, size_t from, size_t n_ops, mr_slab ch, mr_slab at)
{
    const mr_slab s = mr_chain_reaches(c, from, n_ops, ch);
    return (mr_slab){MR_MAX(s.a, at.a), MR_MIN(s.b, at.b)};
}

/** Those at the input of operator `from`. */
static mr_status those_of(const mr_block *w, size_t from, size_t n_ops, mr_slab at,
                          const mr_spoils *sp, mr_spoil_fn f, void *arg)
{
    mr_status st = MR_OK;
    const mr_slab span = mr_lane_span(w->m->plan, w->j->lane);
    for (size_t i = 0; i < sp->n && st == MR_OK; i++) {
        const mr_slab one = {sp->v[i].c, sp->v[i].c + 1};
        const mr_slab ch = reach(w->chain, from, n_ops, one, at);
        if (ch.a < ch.b)
            st = f(arg, ch, mr_chain_spoils(w->chain, from, n_ops, span, sp->v[i].raw));
    }
    return st;
}

mr_status mr_spoils_reaching(const mr_block *w, size_t n_ops, mr_slab at, const mr_spoils *own,
                             mr_spoil_fn f, void *arg)
{
    mr_status st = MR_OK;
    const mr_program *p = mr_chain_program(w->chain);
    const mr_step *load = &p->v[p->v[0].by == MR_BY_SOURCE]; /* what loads tiles */
    const size_t from = mr_chain_spoils_from(w->chain, n_ops);
    if (from) return those_of(w, from, n_ops, at, &w->j->decided[from - 1].nan, f, arg);
    if (own) return those_of(w, 0, n_ops, at, own, f, arg);
    for (size_t t = 0; t < w->j->n_tiles && st == MR_OK; t++) {
        mr_extent in, out;
        if (!w->j->spoils[t].n) continue;
        mr_step_piece(w->chain, load, &w->r, t, &in, &out);
        const mr_slab some = reach(w->chain, 0, n_ops, in.c, at);
        if (some.a < some.b) st = those_of(w, 0, n_ops, at, &w->j->spoils[t], f, arg);
    }
    return st;
}
