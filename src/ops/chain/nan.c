/* ops/chain/nan.c: which outputs a run of bad samples spoils, which are NaN by definition, and what
 * operators decide that are told. */
#include "ops/chain/chain_priv.h"
#include <string.h>

/* Outputs of one operator that depend on inputs [bad.a, bad.b). */
static mr_slab spoils_one(const mr_bound *b, mr_slab span, mr_slab bad)
{
    const mr_needs *d = &b->needs;
    const mr_slab out = mr_bound_out(b, span);
    /* the rows before a recursion that only serve its mirror at the span's end spoil nothing more
     * than its fade does */
    int64_t before = (int64_t)(d->fade > 0 ? d->fade : d->before);
    int64_t after = (int64_t)(d->fade > 0 ? MR_MIN(d->fade, d->after) : d->after);
    bad = (mr_slab){MR_MAX(bad.a, span.a), MR_MIN(bad.b, span.b)};
    if (bad.b <= bad.a) return (mr_slab){out.a, out.a};
    if (d->items.len) {
        const mr_slab on = mr_items_on(&d->items, bad, b->in.rate_hz);
        const mr_slab s = {MR_MAX(on.a, out.a), MR_MIN(on.b, out.b)};
        return s.b > s.a ? s : (mr_slab){out.a, out.a};
    }
    if (d->window_ns == MR_WINDOW_SPAN) return out;
    if (d->window_ns > 0) {
        bad.a = mr_window_at(bad.a, d->window_ns, b->in.rate_hz).a;
        bad.b = mr_window_at(bad.b - 1, d->window_ns, b->in.rate_hz).b;
    }
    if (d->memory == MR_MEM_UNBOUNDED) bad.b = span.b;
    mr_slab s = {mr_bound_from(b, span, bad.a - after), mr_bound_from(b, span, bad.b + before)};
    s = (mr_slab){MR_MAX(s.a, out.a), MR_MIN(s.b, out.b)};
    return s.b > s.a ? s : (mr_slab){out.a, out.a};
}

mr_slab mr_chain_spoils(const mr_chain *c, size_t from, size_t n_ops, mr_slab span, mr_slab bad)
{
    for (size_t i = 0; i < n_ops; i++) {
        if (i >= from) bad = spoils_one(&c->v[i], span, bad);
        span = mr_bound_out(&c->v[i], span);
    }
    return bad;
}

size_t mr_chain_spoils_from(const mr_chain *c, size_t n_ops)
{
    while (n_ops > 0 && !c->v[n_ops - 1].op->nan) n_ops--;
    return n_ops;
}

/* The part of [span.a, span.b) in the window of sample n, if that is less than half the window. */
static mr_slab stub(const mr_bound *b, mr_slab span, int64_t n)
{
    mr_slab w = mr_window_at(n, b->needs.window_ns, b->in.rate_hz);
    mr_slab s = {MR_MAX(w.a, span.a), MR_MIN(w.b, span.b)};
    return 2 * (s.b - s.a) < w.b - w.a ? s : (mr_slab){n, n};
}

void mr_chain_blanks(const mr_chain *c, size_t n_ops, mr_slab span, mr_slab *head, mr_slab *tail)
{
    int64_t h = span.a, t = span.b; /* blank: [span.a, h) and [t, span.b) */
    for (size_t i = 0; i < n_ops && span.b > span.a; i++) {
        const mr_bound *b = &c->v[i];
        if (b->op->nan) { /* keeps the indices, and its own marks of what came blank */
            h = span.a, t = span.b;
            continue;
        }
        const mr_slab out = mr_bound_out(b, span);
        int64_t h2 = out.a, t2 = out.b;
        if (h > span.a) h2 = spoils_one(b, span, (mr_slab){span.a, h}).b;
        if (t < span.b) t2 = spoils_one(b, span, (mr_slab){t, span.b}).a;
        if (b->needs.window_ns > 0 && b->needs.window_ns != MR_WINDOW_SPAN) {
            h2 = MR_MAX(h2, stub(b, span, span.a).b); /* such operators keep the rate */
            mr_slab s = stub(b, span, span.b - 1);
            if (s.b > s.a) t2 = MR_MIN(t2, s.a);
        }
        if (b->needs.blank_head > 0) {
            const int64_t m = mr_bound_from(b, span, span.a + (int64_t)b->needs.blank_head);
            h2 = MR_MAX(h2, MR_MIN(m, out.b));
        }
        span = out;
        h = MR_MAX(h2, span.a);
        t = MR_MIN(t2, span.b);
    }
    *head = (mr_slab){span.a, MR_MIN(h, span.b)};
    *tail = (mr_slab){MR_MAX(t, head->b), span.b};
}

bool mr_chain_decides(const mr_chain *c, size_t i)
{
    return i < c->n && c->v[i].op->nan;
}

static void mark_rows(mr_marks *m, mr_slab t)
{
    const mr_slab at = {MR_MAX(t.a, m->t0), MR_MIN(t.b, m->t0 + (int64_t)m->nt)};
    if (at.b > at.a)
        memset(m->d + (size_t)(at.a - m->t0) * m->nc, MR_NAN, (size_t)(at.b - at.a) * m->nc);
}

bool mr_chain_blank_in(const mr_chain *c, size_t i, mr_slab span, mr_slab t)
{
    mr_slab head, tail;
    mr_chain_blanks(c, i, span, &head, &tail);
    return (head.b > head.a && head.b > t.a) || (tail.b > tail.a && tail.a < t.b);
}

void mr_chain_decide(const mr_chain *c, size_t i, mr_slab span, mr_marks *in, mr_marks *out)
{
    mr_slab head, tail;
    mr_chain_blanks(c, i, span, &head, &tail);
    mark_rows(in, head);
    mark_rows(in, tail);
    for (size_t k = 0; k < i; k++) span = mr_bound_out(&c->v[k], span);
    c->v[i].op->nan(c->v[i].self, span, in, out);
}
