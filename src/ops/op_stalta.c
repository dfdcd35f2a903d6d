/* ops/op_stalta.c: ratio of a short to a long mean of the squares, the classic trigger. The sums of
 * the classic kind run over cells, the greatest common divisor of both windows and the step: a
 * window is the tail of one stretch of cells plus the head of the next, stretches lying on
 * multiples of the window in UTC. No difference of large sums is taken, and the bits do not depend
 * on where blocks are cut. */
#include "ops/ops.h"
#include <float.h>
#include <math.h>
#include <string.h>

#define MR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))

typedef struct stalta {
    int64_t sta_ns, lta_ns, step_ns;
    int kind;
    int64_t n_sta, n_lta, step, cell; /* in samples */
} stalta;

enum { CLASSIC, RECURSIVE };
static const char *const stalta_kinds[] = {"classic", "recursive", NULL};

static const mr_param stalta_params[] = {
    {"sta", MR_NS, offsetof(stalta, sta_ns), .min = 1e-6, .max = 86400,
     .doc = "the short window, up to and with the output's time"},
    {"lta", MR_NS, offsetof(stalta, lta_ns), .min = 1e-6, .max = 86400,
     .doc = "the long window, up to and with the output's time"},
    {"kind", MR_ENUM, offsetof(stalta, kind), .def = "classic", .names = stalta_kinds,
     .doc = "means over the windows; or means that forget with the windows as time constants"},
    {"step", MR_NS, offsetof(stalta, step_ns), .min = 1e-6, .max = 86400, .def = "",
     .doc = "time between outputs; every sample if left out"},
    {0}};

static int64_t gcd(int64_t a, int64_t b)
{
    return b ? gcd(b, a % b) : a;
}

static mr_status stalta_lengths(stalta *s, double rate)
{
    const double step = (double)s->step_ns * 1e-9 * rate;
    s->n_sta = llround((double)s->sta_ns * 1e-9 * rate);
    s->n_lta = llround((double)s->lta_ns * 1e-9 * rate);
    s->step = s->step_ns ? llround(step) : 1;
    if (s->n_sta < 1)
        return MR_RAISE(MR_ECONFIG, "sta: %g s is under one sample at %g Hz",
                        (double)s->sta_ns * 1e-9, rate);
    if (s->n_lta <= s->n_sta)
        return MR_RAISE(MR_ECONFIG, "lta: %g s is not longer than sta: %g s",
                        (double)s->lta_ns * 1e-9, (double)s->sta_ns * 1e-9);
    if (s->step < 1 || (s->step_ns && fabs(step - (double)s->step) > 1e-6))
        return MR_RAISE(MR_ECONFIG, "step: %g s is not a whole number of samples at %g Hz; %g s is",
                        (double)s->step_ns * 1e-9, rate, (double)MR_MAX(s->step, 1) / rate);
    s->cell = gcd(gcd(s->n_sta, s->n_lta), s->step);
    return MR_OK;
}

static mr_status stalta_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    stalta *s = self;
    const mr_status st = stalta_lengths(s, in->rate_hz);
    if (st != MR_OK) return st;
    out->rate_hz = in->rate_hz / (double)s->step;
    out->quantity = "sta_lta";
    out->unit = "1";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
    needs->down = (size_t)s->step;
    if (s->kind == CLASSIC) {
        needs->before = (size_t)s->n_lta - 1;
        needs->scratch_rows = 2 * (size_t)((s->n_sta + s->n_lta) / s->cell) + 5;
        return MR_OK;
    }
    needs->before = (size_t)s->step - 1; /* what lies between two outputs is run through too */
    needs->memory = MR_MEM_FADING;
    needs->fade = (size_t)ceil(log(1e-9) / log1p(-1 / (double)s->n_lta));
    needs->ends = MR_ENDS_REST;
    needs->state = 2;
    needs->scratch_rows = 2;
    return MR_OK;
}

/* Sums of squares over n rows of w channels. */
MR_CLONES static void squares(const double *x, size_t stride, size_t n, size_t w, double *sum)
{
    size_t c = 0;
    for (; c + 32 <= w; c += 32) {
        double q[32] = {0};
        for (size_t t = 0; t < n; t++)
            for (size_t i = 0; i < 32; i++) {
                const double v = x[t * stride + c + i];
                q[i] += v * v;
            }
        memcpy(sum + c, q, sizeof q);
    }
    for (; c < w; c++) {
        double q = 0;
        for (size_t t = 0; t < n; t++) q += x[t * stride + c] * x[t * stride + c];
        sum[c] = q;
    }
}

/* --- sums over the last n cells -----------------------------------------------------------------
 */

typedef struct roll {
    size_t n, w;
    double *tail; /* [n][w] of the stretch before: sums from a cell to its end */
    double *now;  /* [n][w] cells of this stretch */
    double *head; /* [w] their sum so far */
    size_t first; /* first cell of this stretch that is there */
} roll;

static roll roll_at(size_t n, size_t w, int64_t cell, double **room)
{
    double *p = *room;
    *room = p + (2 * n + 1) * w;
    memset(p + 2 * n * w, 0, w * sizeof *p);
    return (roll){n,
                  w,
                  p,
                  p + n * w,
                  p + 2 * n * w,
                  (size_t)(cell - mr_div_floor(cell, (int64_t)n) * (int64_t)n)};
}

/* Adds cell number `cell`, whose sums are q. */
MR_CLONES static void roll_add(roll *r, int64_t cell, const double *restrict q)
{
    const size_t k = (size_t)(cell - mr_div_floor(cell, (int64_t)r->n) * (int64_t)r->n), w = r->w;
    double *restrict at = r->now + k * w, *restrict head = r->head;
    for (size_t c = 0; c < w; c++) {
        at[c] = q[c];
        head[c] += q[c];
    }
}

/* The stretch is over: its cells become tails. */
MR_CLONES static void roll_turn(roll *r)
{
    const size_t w = r->w;
    for (size_t k = r->n - 1; k-- > r->first;) {
        double *restrict v = r->now + k * w;
        const double *restrict next = v + w;
        for (size_t c = 0; c < w; c++) v[c] += next[c];
    }
    double *swap = r->tail;
    r->tail = r->now;
    r->now = swap;
    r->first = 0;
    memset(r->head, 0, w * sizeof *r->head);
}

/* The sum over the n cells that end with `cell`, the last one added. */
MR_CLONES static void roll_sum(const roll *r, int64_t cell, double *restrict sum)
{
    const size_t k = (size_t)(cell - mr_div_floor(cell, (int64_t)r->n) * (int64_t)r->n), w = r->w;
    const double *restrict head = r->head, *restrict tail = r->tail + (k + 1) * w;
    for (size_t c = 0; c < w; c++) sum[c] = k + 1 < r->n ? head[c] + tail[c] : head[c];
}

MR_CLONES static void ratio(const double *restrict s, const double *restrict l, double ns,
                            double nl, size_t w, double *restrict y)
{
    for (size_t c = 0; c < w; c++) {
        const double lta = l[c] / nl;
        y[c] = s[c] / ns / (lta < DBL_MIN ? DBL_MIN : lta);
    }
}

static void pull(const mr_piece *p, size_t rows)
{
    if (p->feed) p->feed->pull(p->feed->arg, MR_MIN(rows, p->x->nt));
}

/* Cell k holds the samples (k - 1) * cell < t <= k * cell. */
static void classic(const stalta *s, const mr_piece *p)
{
    const size_t w = p->x->nc;
    const int64_t g = s->cell, end = (p->y0 + (int64_t)p->y->nt - 1) * s->step;
    double *q = p->scratch, *sum[2] = {q + w, q + 2 * w}, *room = q + 3 * w;
    const int64_t first = mr_div_ceil(p->x0, g);
    roll sta = roll_at((size_t)(s->n_sta / g), w, first, &room);
    roll lta = roll_at((size_t)(s->n_lta / g), w, first, &room);
    size_t row = 0;
    int64_t m = p->y0;
    for (int64_t k = first; k * g <= end; k++) {
        const int64_t a = MR_MAX((k - 1) * g + 1, p->x0), b = k * g + 1;
        pull(p, (size_t)(b - p->x0));
        squares(mr_at(p->x, (size_t)(a - p->x0), 0), p->x->stride, (size_t)(b - a), w, q);
        roll_add(&sta, k, q);
        roll_add(&lta, k, q);
        if (k * g == m * s->step) {
            double *y = mr_at(p->y, row++, 0);
            if (m++ * s->step < p->span.a + s->n_lta - 1) {
                memset(y, 0, w * sizeof *y);
            } else {
                roll_sum(&sta, k, sum[0]);
                roll_sum(&lta, k, sum[1]);
                ratio(sum[0], sum[1], (double)s->n_sta, (double)s->n_lta, w, y);
            }
        }
        if ((k + 1) % (int64_t)sta.n == 0) roll_turn(&sta);
        if ((k + 1) % (int64_t)lta.n == 0) roll_turn(&lta);
    }
    pull(p, p->x->nt);
}

MR_CLONES static void forget(const double *restrict x, double cs, double cl, size_t w,
                             double *restrict sta, double *restrict lta)
{
    for (size_t c = 0; c < w; c++) {
        const double sq = x[c] * x[c], l = cl * sq + (1 - cl) * lta[c];
        sta[c] = cs * sq + (1 - cs) * sta[c];
        lta[c] = l < DBL_MIN ? DBL_MIN : l;
    }
}

static void recursive(const stalta *s, const mr_piece *p)
{
    const size_t w = p->x->nc, nt = p->x->nt;
    double *sta = p->scratch, *lta = sta + w;
    const double cs = 1 / (double)s->n_sta, cl = 1 / (double)s->n_lta;
    const bool start = p->fresh && p->x0 == p->span.a; /* from rest, without the first sample */
    int64_t m = p->y0;
    size_t row = 0;
    pull(p, 1);
    if (!p->fresh) memcpy(sta, p->state, 2 * w * sizeof *sta);
    for (size_t c = 0; p->fresh && c < w; c++) {
        const double v = *mr_at(p->x, 0, c);
        sta[c] = start ? 0 : v * v;
        lta[c] = start ? 1e-99 : MR_MAX(v * v, DBL_MIN);
    }
    for (size_t t = 0; t <= nt; t++) {
        const int64_t at = p->x0 + (int64_t)t;
        if (p->state && at == p->snap) memcpy(p->state, sta, 2 * w * sizeof *sta);
        if (t == nt) break;
        if (t % 64 == 0) pull(p, t + 64);
        if (!start || t > 0) forget(mr_at(p->x, t, 0), cs, cl, w, sta, lta);
        if (at != m * s->step || row == p->y->nt) continue;
        double *y = mr_at(p->y, row++, 0);
        if (m++ * s->step < p->span.a + s->n_lta)
            memset(y, 0, w * sizeof *y);
        else
            ratio(sta, lta, 1, 1, w, y);
    }
}

static void stalta_apply(const void *self, const mr_piece *p)
{
    const stalta *s = self;
    if (s->kind == CLASSIC)
        classic(s, p);
    else
        recursive(s, p);
}

const mr_op mr_op_stalta = {.name = "stalta",
                            .example = "sta: 200 ms, lta: 2 s, step: 100 ms",
                            .doc = "short-term over long-term mean of squares, for triggers",
                            .ref = "obspy.signal.trigger.classic_sta_lta, recursive_sta_lta",
                            .size = sizeof(stalta),
                            .params = stalta_params,
                            .bind = stalta_bind,
                            .apply = stalta_apply,
                            .streams = true};
