/* ops/list/op_stalta.c: ratio of a short to a long mean of the squares, the classic trigger. The
 * sums of the classic kind run over cells, the greatest common divisor of both windows and the
 * step. */
#include "millrace/op_fast.h"
#include "ops/ops.h"
#include "ops/kernels/roll.h"
#include <float.h>
#include <math.h>
#include <string.h>

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
    s->cell = mr_gcd(mr_gcd(s->n_sta, s->n_lta), s->step);
    return MR_OK;
}

/* Rows of the classic kind's state: both rolls, and what is there of the cell at hand. */
static size_t classic_rows(const stalta *s)
{
    return mr_roll_rows((size_t)(s->n_sta / s->cell)) + mr_roll_rows((size_t)(s->n_lta / s->cell)) +
           1;
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
        mr_roll_needs((size_t)s->n_lta, classic_rows(s), needs);
        needs->scratch_rows += 2;
        return MR_OK;
    }
    needs->before = (size_t)s->step - 1; /* what lies between two outputs is run through too */
    needs->memory = MR_MEM_FADING;
    needs->fade = (size_t)ceil(log(1e-9) / log1p(-1 / (double)s->n_lta));
    needs->state = 2;
    needs->scratch_rows = 2;
    return MR_OK;
}

MR_CLONES static void ratio(const double *restrict s, const double *restrict l, double ns,
                            double nl, size_t w, double *restrict y)
{
    for (size_t c = 0; c < w; c++) {
        const double lta = l[c] / nl;
        y[c] = s[c] / ns / (lta < DBL_MIN ? DBL_MIN : lta);
    }
}

static void classic(const stalta *s, const mr_piece *p)
{
    const size_t w = p->x->nc, ns = (size_t)(s->n_sta / s->cell), nl = (size_t)(s->n_lta / s->cell);
    mr_rolling r;
    mr_rolling_begin(&r, p, s->cell, classic_rows(s));
    double *sta = r.state, *lta = sta + mr_roll_rows(ns) * w, *part = lta + mr_roll_rows(nl) * w;
    double *sum[2] = {p->scratch + classic_rows(s) * w, p->scratch + (classic_rows(s) + 1) * w};
    size_t row = 0;
    while (mr_rolling_cell(&r, part)) {
        mr_roll_add(sta, ns, w, r.cell, part);
        mr_roll_add(lta, nl, w, r.cell, part);
        memset(part, 0, w * sizeof *part);
        const int64_t at = (p->y0 + (int64_t)row) * s->step;
        if (r.cell * s->cell != at || row == p->y->nt) continue;
        double *y = mr_at(p->y, row++, 0);
        if (at < p->span.a + s->n_lta - 1) {
            memset(y, 0, w * sizeof *y);
            continue;
        }
        mr_roll_sum(sta, ns, w, r.cell, sum[0]);
        mr_roll_sum(lta, nl, w, r.cell, sum[1]);
        ratio(sum[0], sum[1], (double)s->n_sta, (double)s->n_lta, w, y);
    }
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
    const double *x = NULL;
    enum { ASKED = 64 };
    int64_t m = p->y0;
    size_t row = 0;
    if (!p->fresh) memcpy(sta, p->state, 2 * w * sizeof *sta);
    for (size_t t = 0; t <= nt; t++, x += p->x->stride) {
        const int64_t at = p->x0 + (int64_t)t;
        if (p->state && at == p->snap) memcpy(p->state, sta, 2 * w * sizeof *sta);
        if (t == nt) break;
        if (t % ASKED == 0) x = mr_piece_next(p, t, MR_MIN(nt - t, (size_t)ASKED));
        for (size_t c = 0; p->fresh && t == 0 && c < w; c++) {
            sta[c] = start ? 0 : x[c] * x[c];
            lta[c] = start ? 1e-99 : MR_MAX(x[c] * x[c], DBL_MIN);
        }
        if (!start || t > 0) forget(x, cs, cl, w, sta, lta);
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
                            .map = stalta_apply,
                            .fast = &(const mr_fast){.once = true},
                            .hints = &(const mr_hints){.bends = true}};
