/* ops/list/op_fill.c: what is NaN gets a value: short gaps within a channel, and whole channels
 * that are known to be bad. Both decide themselves what stays NaN. */
#include "ops/ops.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- fill ------------------------------------------------------------------------------------- */

typedef struct fill {
    int64_t up_to_ns;
    int kind;
    int64_t most; /* samples */
} fill;

enum { LINEAR, ZERO };
static const char *const fill_kinds[] = {"linear", "zero", NULL};

static const mr_param fill_params[] = {
    {"up_to", MR_NS, offsetof(fill, up_to_ns), .min = 1e-6, .max = 600,
     .doc = "gaps of at most this are filled: NaN, masked or unread samples of a channel with good "
            "ones on both sides; longer ones stay as they are, as do gaps between recordings"},
    {"kind", MR_ENUM, offsetof(fill, kind), .def = "linear", .names = fill_kinds,
     .doc = "linear: a straight line between the good samples beside the gap; zero: 0"},
    {0}};

static mr_status fill_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out, mr_needs *needs)
{
    fill *s = self;
    s->most = (int64_t)floor((double)s->up_to_ns * 1e-9 * in->rate_hz + 1e-6);
    if (s->most < 1)
        return MR_RAISE(MR_ECONFIG, "up_to: %g s is under one sample at %g Hz",
                        (double)s->up_to_ns * 1e-9, in->rate_hz);
    /* of a gap that is filled all is within so many samples of each of its own, the good ones
     * beside it too; of a longer one that much of it is */
    needs->before = needs->after = (size_t)s->most;
    return MR_OK;
}

/* Rows [a, b) of a column that are not 0 from row t on, which is one of them. */
static mr_slab run_at(const uint8_t *m, size_t stride, size_t n, size_t t)
{
    size_t a = t, b = t;
    while (a > 0 && m[(a - 1) * stride]) a--;
    while (b < n && m[b * stride]) b++;
    return (mr_slab){(int64_t)a, (int64_t)b};
}

/* Is a run of rows [r) of n filled? What touches an end of them goes on, or the span ends there. */
static bool filled(const fill *s, mr_slab r, size_t n)
{
    return r.a > 0 && r.b < (int64_t)n && r.b - r.a <= s->most;
}

static void fill_nan(const void *self, MR_UNUSED mr_slab span, mr_marks *in, mr_marks *out)
{
    const fill *s = self;
    const size_t skip = (size_t)(out->t0 - in->t0), from = out->c0 - in->c0;
    for (size_t c = 0; c < out->nc; c++)
        for (size_t t = 0; t < out->nt; t++) {
            uint8_t *m = in->d + from + c;
            if (!m[(skip + t) * in->nc]) continue;
            const mr_slab r = run_at(m, in->nc, in->nt, skip + t);
            const bool good = filled(s, r, in->nt);
            for (; t < out->nt && (int64_t)(skip + t) < r.b; t++) {
                out->d[t * out->nc + c] = good ? 0 : MR_NAN;
                if (good) m[(skip + t) * in->nc] = MR_NAN_TAKEN;
            }
            t--;
        }
}

static void fill_apply(const void *self, const mr_piece *p)
{
    const fill *s = self;
    const size_t skip = (size_t)(p->y0 - p->x0), from = p->yc0 - p->xc0;
    for (size_t t = 0; t < p->y->nt; t++)
        memcpy(mr_at(p->y, t, 0), mr_at(p->x, skip + t, from), p->y->nc * sizeof *p->y->d);
    for (size_t c = 0; p->bad && c < p->y->nc; c++)
        for (size_t t = 0; t < p->y->nt; t++) {
            const uint8_t *m = p->bad + from + c;
            if (!m[(skip + t) * p->bad_stride]) continue;
            const mr_slab r = run_at(m, p->bad_stride, p->x->nt, skip + t);
            const bool good = filled(s, r, p->x->nt);
            for (; t < p->y->nt && (int64_t)(skip + t) < r.b; t++) {
                if (!good) continue;
                const double a = *mr_at(p->x, (size_t)r.a - 1, from + c);
                const double b = *mr_at(p->x, (size_t)r.b, from + c);
                const double at = (double)((int64_t)(skip + t) - r.a + 1);
                *mr_at(p->y, t, c) =
                    s->kind == ZERO ? 0 : a + (b - a) * (at / (double)(r.b - r.a + 1));
            }
            t--;
        }
}

const mr_op mr_op_fill = {.name = "fill",
                          .example = "up_to: 100 ms",
                          .doc = "short gaps of a channel filled, longer ones left NaN",
                          .ref = "numpy.interp between the good samples beside a gap",
                          .on_nan = "runs of at most up_to with good samples on both sides are "
                                    "filled, and counted in the ledger; others stay as they are",
                          .size = sizeof(fill),
                          .params = fill_params,
                          .bind = fill_bind,
                          .map = fill_apply,
                          .nan = fill_nan};

/* --- interpolate ------------------------------------------------------------------------------ */

/* A channel that is made of others. */
typedef struct made {
    size_t c, a, b; /* itself; of what it is made, twice the same at the array's ends */
    double w;       /* weight of b */
} made;

typedef struct interpolate {
    mr_list64 channels;
    made *v; /* owned: [n], in order of c */
    size_t n;
} interpolate;

static const mr_param interpolate_params[] = {
    {"channels", MR_LIST, offsetof(interpolate, channels), .min = 0, .max = 1e9,
     .doc =
         "numbers of the bad channels, as in the input; or a CSV table with a column channel, as "
         "quality writes it, of which those that are not selected are passed over"},
    {0}};

/* By places where these are known and go one way, else by numbers of channels. */
static double weight(const mr_geom *in, size_t a, size_t c, size_t b)
{
    if (a == b) return 0;
    if (in->x_m) {
        const double w = (in->x_m[c] - in->x_m[a]) / (in->x_m[b] - in->x_m[a]);
        if (w >= 0 && w <= 1) return w;
    }
    return (double)(c - a) / (double)(b - a);
}

static mr_status mark_listed(const interpolate *s, const mr_geom *in, uint8_t *bad)
{
    for (size_t i = 0; i < s->channels.n; i++) {
        const uint64_t number = (uint64_t)s->channels.v[i];
        size_t c = 0;
        while (c < in->nc && (in->chan ? in->chan[c] : c) != number) c++;
        if (c == in->nc && s->channels.table) continue;
        if (c == in->nc)
            return MR_RAISE(MR_ECONFIG, "channels: channel %llu is not among the selected ones",
                            (unsigned long long)number);
        bad[c] = 1;
    }
    return MR_OK;
}

static mr_status interpolate_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                                  mr_needs *needs)
{
    interpolate *s = self;
    mr_status st = MR_OK;
    uint8_t *bad = NULL;
    if (!s->channels.n) return MR_RAISE(MR_ECONFIG, "channels: the list is empty");
    MR_TRY(mr_alloc(in->nc, 1, "channels", &bad));
    MR_TRY(mr_alloc(s->channels.n, sizeof *s->v, "channels", &s->v));
    MR_TRY(mark_listed(s, in, bad));
    for (size_t c = 0; c < in->nc; c++) {
        size_t a = c, b = c;
        if (!bad[c]) continue;
        while (a > 0 && bad[a]) a--;
        while (b + 1 < in->nc && bad[b]) b++;
        if (bad[a] && bad[b]) {
            st = MR_RAISE(MR_ECONFIG, "channels: none of the selected ones is left to take from");
            goto out;
        }
        if (bad[a]) a = b;
        if (bad[b]) b = a;
        s->v[s->n++] = (made){c, a, b, weight(in, a, c, b)};
        needs->ch_before = MR_MAX(needs->ch_before, c > a ? c - a : 0);
        needs->ch_after = MR_MAX(needs->ch_after, b > c ? b - c : 0);
    }
out:
    free(bad);
    return st;
}

/* The first of those that are made from channel c on. */
static const made *made_from(const interpolate *s, size_t c)
{
    const made *m = s->v;
    while (m < s->v + s->n && m->c < c) m++;
    return m;
}

static void interpolate_nan(const void *self, MR_UNUSED mr_slab span, mr_marks *in, mr_marks *out)
{
    const interpolate *s = self;
    const size_t skip = (size_t)(out->t0 - in->t0), end = out->c0 + out->nc;
    for (size_t t = 0; t < out->nt; t++) {
        uint8_t *m = in->d + (skip + t) * in->nc, *y = out->d + t * out->nc;
        for (size_t c = 0; c < out->nc; c++) y[c] = m[out->c0 - in->c0 + c];
        for (const made *k = made_from(s, out->c0); k < s->v + s->n && k->c < end; k++) {
            y[k->c - out->c0] = m[k->a - in->c0] || m[k->b - in->c0] ? MR_NAN : 0;
            if (m[k->c - in->c0] && !y[k->c - out->c0]) m[k->c - in->c0] = MR_NAN_TAKEN;
        }
    }
}

static void interpolate_apply(const void *self, const mr_piece *p)
{
    const interpolate *s = self;
    const size_t skip = (size_t)(p->y0 - p->x0), end = p->yc0 + p->y->nc;
    for (size_t t = 0; t < p->y->nt; t++) {
        const double *x = mr_at(p->x, skip + t, 0);
        double *y = mr_at(p->y, t, 0);
        memcpy(y, x + (p->yc0 - p->xc0), p->y->nc * sizeof *y);
        for (const made *k = made_from(s, p->yc0); k < s->v + s->n && k->c < end; k++) {
            const double a = x[k->a - p->xc0], b = x[k->b - p->xc0];
            y[k->c - p->yc0] = a + (b - a) * k->w;
        }
    }
}

static void interpolate_release(void *self)
{
    free(((interpolate *)self)->v);
}

static mr_status interpolate_describe(const void *self, mr_text *t)
{
    mr_status st = MR_OK;
    const interpolate *s = self;
    for (size_t i = 0; i < s->n; i++)
        MR_TRY(mr_text_add(t, " %zu=%zu,%zu,%a", s->v[i].c, s->v[i].a, s->v[i].b, s->v[i].w));
out:
    return st;
}

const mr_op mr_op_interpolate = {
    .name = "interpolate",
    .example = "channels: [7, 8, 20]",
    .doc = "bad channels made of the nearest good ones on both sides",
    .ref = "numpy.interp over the places of channels",
    .on_nan = "a listed channel is NaN where one of those it is made of is; what was NaN in it and "
              "has a value now is counted in the ledger",
    .size = sizeof(interpolate),
    .params = interpolate_params,
    .bind = interpolate_bind,
    .map = interpolate_apply,
    .nan = interpolate_nan,
    .release = interpolate_release,
    .describe = interpolate_describe};
