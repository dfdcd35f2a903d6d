/* ops/chain/channels.c: which channels go with which: backwards from a lane's output to what every
 * operator must be given, forwards from a bad one to what it reaches; and where channels are. */
#include "ops/chain/chain_priv.h"
#include <math.h>
#include <stdlib.h>

bool mr_bound_fans(const mr_bound *b)
{
    const mr_needs *d = &b->needs;
    return !d->couples && (d->ch_before || d->ch_after || d->ch_down > 1 || b->out.nc != b->in.nc);
}

bool mr_bound_alone(const mr_bound *b)
{
    return b->needs.couples || mr_bound_fans(b) || b->op->nan;
}

mr_slab mr_bound_channels(const mr_bound *b, mr_slab out)
{
    const mr_needs *d = &b->needs;
    const int64_t down = (int64_t)d->ch_down, nc = (int64_t)b->in.nc;
    if (d->couples) return (mr_slab){0, nc};
    return (mr_slab){MR_MAX(out.a * down - (int64_t)d->ch_before, (int64_t)0),
                     MR_MIN((out.b - 1) * down + (int64_t)d->ch_after + 1, nc)};
}

/* The input channels that output channel j is made of, whether it sees more or not. */
static mr_slab made_of(const mr_bound *b, int64_t j)
{
    const mr_needs *d = &b->needs;
    const int64_t at = j * (int64_t)d->ch_down;
    return (mr_slab){MR_MAX(at - (int64_t)d->ch_before, (int64_t)0),
                     MR_MIN(at + (int64_t)d->ch_after + 1, (int64_t)b->in.nc)};
}

void mr_chain_channels(const mr_chain *c, mr_slab out, mr_slab *ch)
{
    ch[c->n] = out;
    for (size_t i = c->n; i-- > 0;) ch[i] = mr_bound_channels(&c->v[i], ch[i + 1]);
}

mr_slab mr_chain_reaches(const mr_chain *c, size_t from, size_t n_ops, mr_slab ch)
{
    for (size_t i = from; i < n_ops; i++) {
        const mr_needs *d = &c->v[i].needs;
        const int64_t down = (int64_t)d->ch_down;
        ch.a = mr_div_ceil(ch.a - (int64_t)d->ch_after, down);
        ch.b = mr_div_floor(ch.b - 1 + (int64_t)d->ch_before, down) + 1;
        ch = (mr_slab){MR_MAX(ch.a, (int64_t)0), MR_MIN(ch.b, (int64_t)c->v[i].out.nc)};
        if (ch.b <= ch.a) return (mr_slab){ch.a, ch.a};
    }
    return ch;
}

/* Something that input channels have -> what the output channels have of it. */
static void place(const mr_bound *b, const double *in, double *out)
{
    for (size_t j = 0; j < b->out.nc; j++) {
        const mr_slab of = made_of(b, (int64_t)j);
        double sum = 0;
        switch (b->needs.ch_place) {
        case MR_PLACE_OWN: out[j] = in[j * b->needs.ch_down]; break;
        case MR_PLACE_MIDDLE: out[j] = 0.5 * (in[of.a] + in[of.b - 1]); break;
        case MR_PLACE_MEAN:
            for (int64_t c = of.a; c < of.b; c++) sum += in[c];
            out[j] = sum / (double)(of.b - of.a);
            break;
        }
    }
}

/* Are the channels that come out others than those that went in? */
static bool moves(const mr_bound *b)
{
    return b->out.nc != b->in.nc || b->needs.ch_down > 1 || b->needs.ch_place != MR_PLACE_OWN;
}

mr_status mr_bound_place(mr_bound *b)
{
    mr_status st = MR_OK;
    if (!moves(b)) return MR_OK;
    if (b->in.x_m) {
        MR_TRY(mr_alloc_f64(b->out.nc, "places of channels", &b->x_m));
        place(b, b->in.x_m, b->x_m);
        b->out.x_m = b->x_m;
    }
    MR_TRY(mr_alloc(b->out.nc, sizeof *b->chan, "numbers of channels", &b->chan));
    for (size_t j = 0; j < b->out.nc; j++) {
        const size_t c = j * b->needs.ch_down;
        b->chan[j] = b->in.chan ? b->in.chan[c] : c;
    }
    b->out.chan = b->chan;
    b->out.dx_m = b->in.dx_m * (double)b->needs.ch_down;
out:
    return st;
}

mr_status mr_chain_place(const mr_chain *c, const double *in, double **out)
{
    mr_status st = MR_OK;
    double *now = NULL, *next = NULL;
    MR_TRY(mr_alloc_f64(c->in.nc, "places of channels", &now));
    for (size_t k = 0; k < c->in.nc; k++) now[k] = in[k];
    for (size_t i = 0; i < c->n; i++) {
        if (!moves(&c->v[i])) continue;
        MR_TRY(mr_alloc_f64(c->v[i].out.nc, "places of channels", &next));
        place(&c->v[i], now, next);
        free(now);
        now = next;
        next = NULL;
    }
    *out = now;
    now = NULL;
out:
    free(now);
    return st;
}
