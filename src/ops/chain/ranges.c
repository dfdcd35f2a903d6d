/* ops/chain/ranges.c: which indices go with which: forwards from a span to its output, backwards
 * from a block's output to what every operator must be given. */
#include "ops/chain/chain_priv.h"
#include <math.h>

int64_t mr_bound_phase(const mr_bound *b, mr_slab span)
{
    const int64_t down = (int64_t)b->needs.down;
    return b->needs.align_span ? span.a - mr_div_floor(span.a, down) * down : 0;
}

/* Indices since 1970 times parts of a ratio that may be as exact as two rates are. */
__extension__ typedef __int128 wide;

static wide floor_of(wide a, wide b)
{
    return a / b - (a % b < 0);
}

int64_t mr_bound_at(const mr_bound *b, mr_slab span, int64_t m)
{
    return (int64_t)floor_of((wide)m * (wide)b->needs.down + mr_bound_phase(b, span),
                             (wide)b->needs.up);
}

int64_t mr_bound_from(const mr_bound *b, mr_slab span, int64_t n)
{
    return (int64_t)-floor_of(mr_bound_phase(b, span) - (wide)n * (wide)b->needs.up,
                              (wide)b->needs.down);
}

mr_slab mr_bound_out(const mr_bound *b, mr_slab span)
{
    if (span.b <= span.a) span.b = span.a;
    if (b->needs.items.len) return mr_items_of(&b->needs.items, span, b->in.rate_hz);
    return (mr_slab){mr_bound_from(b, span, span.a), mr_bound_from(b, span, span.b)};
}

mr_slab mr_window_at(int64_t n, int64_t window_ns, double rate_hz)
{
    int64_t k =
        (int64_t)floorl((long double)n * 1e9L / (long double)rate_hz / (long double)window_ns);
    while (mr_index_ceil(k * window_ns, rate_hz) > n) k--;
    while (mr_index_ceil((k + 1) * window_ns, rate_hz) <= n) k++;
    return (mr_slab){mr_index_ceil(k * window_ns, rate_hz),
                     mr_index_ceil((k + 1) * window_ns, rate_hz)};
}

mr_slab mr_piece_window(const mr_piece *p, int64_t n, int64_t window_ns)
{
    if (window_ns == MR_WINDOW_SPAN) return p->span;
    mr_slab w = mr_window_at(n, window_ns, p->rate_hz);
    return (mr_slab){MR_MAX(w.a, p->span.a), MR_MIN(w.b, p->span.b)};
}

mr_slab mr_chain_out_span(const mr_chain *c, mr_slab span)
{
    for (size_t i = 0; i < c->n; i++) span = mr_bound_out(&c->v[i], span);
    return span;
}

mr_slab mr_chain_out_span_of(const mr_chain *c, size_t op, mr_slab span)
{
    return mr_bound_out(&c->v[op], span);
}

/* Sets spans[i] to the span at operator i's input, spans[n] to the output's. */
static void all_spans(const mr_chain *c, mr_slab span, mr_slab *spans)
{
    spans[0] = span;
    for (size_t i = 0; i < c->n; i++) spans[i + 1] = mr_bound_out(&c->v[i], spans[i]);
}

/* Without common factors; and so that both fit 62 bits, though it be a hair lower then: what a
 * sample's time is to the ns is far more. */
static void shorten(wide *p, wide *q)
{
    wide a = *p < 0 ? -*p : *p, b = *q;
    while (b) {
        const wide r = a % b;
        a = b;
        b = r;
    }
    if (a > 1) *p /= a, *q /= a;
    const wide most = (wide)1 << 62, whole = floor_of(*p, *q), size = whole < 0 ? -whole : whole;
    if (*q < most && *p<most && * p> - most) return;
    wide den = 1;
    while (den * 2 * (size + 1) < most) den *= 2;
    *p = whole * den + floor_of((*p - whole * *q) * den, *q);
    *q = den;
}

void mr_chain_position(const mr_chain *c, mr_slab span, int64_t m, int64_t *num, int64_t *den)
{
    mr_chain_position_at(c, c->n, span, m, num, den);
}

void mr_chain_position_at(const mr_chain *c, size_t n_ops, mr_slab span, int64_t m, int64_t *num,
                          int64_t *den)
{
    mr_slab spans[MR_MAX_OPS + 1];
    wide p = m, q = 1;
    all_spans(c, span, spans);
    for (size_t i = n_ops; i-- > 0;) {
        if (c->v[i].needs.items.len) {
            p = mr_item_start(&c->v[i].needs.items, (int64_t)p, c->v[i].in.rate_hz);
            continue;
        }
        p = p * (wide)c->v[i].needs.down + mr_bound_phase(&c->v[i], spans[i]) * q;
        q *= (wide)c->v[i].needs.up;
        shorten(&p, &q);
    }
    *num = (int64_t)p;
    *den = (int64_t)q;
}

mr_slab mr_bound_input(const mr_bound *b, mr_slab span, mr_slab o, bool fresh)
{
    const mr_needs *d = &b->needs;
    if (d->items.len) return mr_items_input(&d->items, o, span, b->in.rate_hz);
    int64_t lo = mr_bound_at(b, span, o.a);
    if (o.b <= o.a) {
        lo = MR_MIN(MR_MAX(lo, span.a), span.b);
        return (mr_slab){lo, lo};
    }
    int64_t hi = mr_bound_at(b, span, o.b - 1) + 1;
    if (d->window_ns == MR_WINDOW_SPAN) {
        lo = span.a;
        hi = span.b;
    } else if (d->window_ns > 0) {
        lo = mr_window_at(lo, d->window_ns, b->in.rate_hz).a;
        hi = mr_window_at(hi - 1, d->window_ns, b->in.rate_hz).b;
    }
    if (fresh && d->memory == MR_MEM_UNBOUNDED) lo = span.a;
    lo -= (int64_t)(d->before + (fresh ? d->fade : 0));
    hi += (int64_t)d->after;
    return (mr_slab){MR_MAX(lo, span.a), MR_MIN(hi, span.b)};
}

/* before: where the block before ended at each operator's input, or NULL: it was the first. */
static void backwards(const mr_chain *c, const mr_slab *spans, mr_slab want, const mr_slab *before,
                      bool fresh, mr_slab *in)
{
    for (size_t i = c->n; i-- > 0;) {
        in[i] = want = mr_bound_input(&c->v[i], spans[i], want, fresh);
        if (before && c->v[i].defer) /* it has held back what the rows before these came to */
            in[i] = want = (mr_slab){before[i].b, MR_MAX(before[i].b, want.b)};
    }
}

void mr_chain_ranges(const mr_chain *c, mr_slab span, mr_slab want, bool fresh, mr_slab next,
                     mr_block_ranges *r)
{
    mr_slab before[MR_MAX_OPS], ahead[MR_MAX_OPS];
    *r = (mr_block_ranges){.n = c->n, .out = want, .raw = want, .fresh = fresh};
    all_spans(c, span, r->span);
    mr_chain_channels(c, (mr_slab){0, (int64_t)c->out.nc}, r->ch);
    if (!fresh) backwards(c, r->span, (mr_slab){want.a - 1, want.a}, NULL, false, before);
    backwards(c, r->span, want, fresh ? NULL : before, fresh, r->in);
    if (c->n == 0) r->in[0] = want; /* an empty chain copies */
    r->raw = r->in[0];
    const bool last = next.b <= next.a;
    backwards(c, r->span, last ? want : next, last ? NULL : r->in, false, ahead);
    for (size_t i = 0; i < c->n; i++) r->snap[i] = last ? INT64_MAX : ahead[i].a;
}

size_t mr_chain_by_stamps(const mr_chain *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].needs.by_stamps) return c->v[i].needs.by_stamps;
    return 0;
}

static void context(const mr_chain *c, bool carried, double *before_s, double *after_s)
{
    double before = 0, after = 0;
    for (size_t i = 0; i < c->n; i++) {
        const mr_needs *d = &c->v[i].needs;
        double rate = c->v[i].in.rate_hz;
        bool all = d->window_ns == MR_WINDOW_SPAN;
        double w = all ? INFINITY : (double)d->window_ns * 1e-9;
        if (d->items.len) after += (double)MR_MAX(d->items.len - d->items.hop, (int64_t)0) / rate;
        before += w + (double)(d->before + (carried ? 0 : d->fade)) / rate;
        after += w + (carried && c->v[i].defer ? 0.0 : (double)d->after / rate);
        if (!carried && d->memory == MR_MEM_UNBOUNDED) before = INFINITY;
    }
    *before_s = before;
    *after_s = after;
}

void mr_chain_context(const mr_chain *c, double *before_s, double *after_s)
{
    context(c, false, before_s, after_s);
}

void mr_chain_context_carried(const mr_chain *c, double *before_s, double *after_s)
{
    context(c, true, before_s, after_s);
}

double mr_chain_deferred(const mr_chain *c)
{
    double deferred = 0;
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].defer)
            deferred = MR_MAX(deferred, (double)c->v[i].needs.after / c->v[i].in.rate_hz);
    return deferred;
}
