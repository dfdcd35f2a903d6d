/* ops/list/op_calculus.c: integrate and differentiate in time. */
#include "millrace/op_fast.h"
#include "ops/ops.h"
#include "ops/kernels/sos.h"
#include <stdio.h>
#include <string.h>

/* --- integrate -------------------------------------------------------------------------------- */

typedef struct integrate {
    double above_hz;
    int64_t window_ns;
    int rule;
    mr_sos sos; /* of `above` */
    char unit[64];
} integrate;

enum { TRAPEZOID, SUM };
static const char *const integrate_rules[] = {"trapezoid", "sum", NULL};

static const mr_param integrate_params[] = {
    {"above", MR_F64, offsetof(integrate, above_hz), .unit = "Hz", .min = 1e-6, .max = 1e6,
     .def = "",
     .doc = "integrate only what is above: a causal Butterworth highpass of order 2 goes before; "
            "0.1 Hz unless a window is given"},
    {"window", MR_NS, offsetof(integrate, window_ns), .min = 1e-3, .max = 7 * 86400, .def = "",
     .span_ok = true, .doc = "instead: begin from zero at each multiple of this in UTC; or: span"},
    {"rule", MR_ENUM, offsetof(integrate, rule), .def = "trapezoid", .names = integrate_rules,
     .doc = "trapezoid: half of both neighbours; sum: samples times the step"},
    {0}};

/* strain s-1 <-> strain; elsewhere the unit gets a factor. */
static void integral_of(integrate *s, const mr_geom *in, mr_geom *out)
{
    const char *q = in->quantity ? in->quantity : "", *u = in->unit ? in->unit : "1";
    size_t n = strlen(u);
    if (strcmp(u, "s-1") == 0)
        snprintf(s->unit, sizeof s->unit, "1");
    else if (n > 4 && strcmp(u + n - 4, " s-1") == 0)
        snprintf(s->unit, sizeof s->unit, "%.*s", (int)MR_MIN(n - 4, sizeof s->unit - 1), u);
    else
        snprintf(s->unit, sizeof s->unit, "%.58s s", u);
    out->unit = s->unit;
    out->quantity = strcmp(q, "strain_rate") == 0 ? "strain"
                    : strcmp(q, "velocity") == 0  ? "displacement"
                                                  : "integral";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
}

/* Highpass times integrator: one zero of the highpass cancels the integrator's pole at 0 Hz. */
static mr_status design_above(integrate *s, double rate_hz)
{
    mr_status st = mr_design_butter(MR_HIGHPASS, 2, s->above_hz / (rate_hz / 2), 0, &s->sos);
    if (st != MR_OK) return st;
    mr_section *h = &s->sos.s[0]; /* b0 (1 - z)^2 with z one sample of delay */
    double g = s->rule == TRAPEZOID ? 0.5 * h->b0 / rate_hz : h->b0 / rate_hz;
    h->b1 = s->rule == TRAPEZOID ? 0 : -g;
    h->b2 = s->rule == TRAPEZOID ? -g : 0;
    h->b0 = g;
    return mr_sos_finish(&s->sos);
}

static mr_status integrate_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    integrate *s = self;
    mr_status st = MR_OK;
    if (s->above_hz > 0 && s->window_ns > 0)
        return MR_RAISE(MR_ECONFIG, "above and window exclude each other");
    if (s->window_ns == 0 && s->above_hz == 0) s->above_hz = 0.1;
    if (s->above_hz >= in->rate_hz / 2)
        return MR_RAISE(MR_ECONFIG, "above: %g Hz is not below half the sampling rate (%g Hz)",
                        s->above_hz, in->rate_hz / 2);
    if (s->above_hz > 0) {
        MR_TRY(design_above(s, in->rate_hz));
        needs->no_level = true;
        mr_sos_needs(&s->sos, MR_PHASE_STEADY, needs);
    } else if (s->window_ns == MR_WINDOW_SPAN) {
        needs->memory = MR_MEM_UNBOUNDED;
        needs->state = 2; /* the sum so far, the last sample */
    } else {
        needs->window_ns = s->window_ns;
    }
    needs->scratch_rows = 2;
    integral_of(s, in, out);
out:
    return st;
}

/* From row a on, with the sum and last sample of before it (NULL: a is the first). The rows that y
 * has are written; the state before row `cut` goes to state. */
static void accumulate(const integrate *s, const mr_piece *p, int64_t a, int64_t b, bool first)
{
    const size_t nc = p->x->nc;
    const double step = 1.0 / p->rate_hz, half = 0.5 * step;
    double *sum = p->scratch, *last = p->scratch + nc;
    for (int64_t n = a; n < b; n++) {
        const double *x = mr_at(p->x, (size_t)(n - p->x0), 0);
        const bool out = n >= p->y0 && n < p->y0 + (int64_t)p->y->nt;
        double *y = out ? mr_at(p->y, (size_t)(n - p->y0), 0) : NULL;
        if (n == p->snap && p->state) memcpy(p->state, sum, 2 * nc * sizeof *sum);
        for (size_t c = 0; c < nc; c++) {
            const double v = x[c];
            double add = s->rule == SUM ? step * v : half * (v + last[c]);
            if (first) add = s->rule == SUM ? step * v : 0;
            sum[c] = (first ? 0 : sum[c]) + add;
            last[c] = v;
            if (y) y[c] = sum[c];
        }
        first = false;
    }
    if (b == p->snap && p->state) memcpy(p->state, sum, 2 * nc * sizeof *sum);
}

static void integrate_apply(const void *self, const mr_piece *p)
{
    const integrate *s = self;
    const int64_t end = p->y0 + (int64_t)p->y->nt;
    if (s->above_hz > 0) {
        mr_sos_run(&s->sos, MR_PHASE_STEADY, p);
    } else if (s->window_ns == MR_WINDOW_SPAN) {
        if (!p->fresh) memcpy(p->scratch, p->state, 2 * p->x->nc * sizeof *p->state);
        accumulate(s, p, p->x0, p->x0 + (int64_t)p->x->nt, p->fresh);
    } else {
        for (int64_t n = p->y0; n < end;) {
            const mr_slab w = mr_piece_window(p, n, s->window_ns);
            n = MR_MIN(w.b, end);
            accumulate(s, p, w.a, n, true);
        }
    }
}

static mr_status integrate_describe(const void *self, mr_text *t)
{
    const integrate *s = self;
    return s->above_hz > 0 ? mr_sos_describe(&s->sos, t) : MR_OK;
}

const mr_op mr_op_integrate = {.name = "integrate",
                               .example = "above: 1 Hz",
                               .doc = "integral over time",
                               .ref = "scipy.integrate.cumulative_trapezoid, numpy.cumsum",
                               .size = sizeof(integrate),
                               .params = integrate_params,
                               .bind = integrate_bind,
                               .map = integrate_apply,
                               .describe = integrate_describe,
                               .fast = &(const mr_fast){.in_place = true}};

/* --- differentiate ---------------------------------------------------------------------------- */

typedef struct differentiate {
    int rule;
    char unit[64];
} differentiate;

enum { GRADIENT, DIFF };
static const char *const differentiate_rules[] = {"gradient", "diff", NULL};

static const mr_param differentiate_params[] = {
    {"rule", MR_ENUM, offsetof(differentiate, rule), .def = "gradient",
     .names = differentiate_rules,
     .doc =
         "gradient: over both neighbours, second order at the ends; diff: from the sample before "
         "(the span's first is NaN)"},
    {0}};

static mr_status differentiate_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    differentiate *s = self;
    const char *q = in->quantity ? in->quantity : "", *u = in->unit ? in->unit : "1";
    snprintf(s->unit, sizeof s->unit, strcmp(u, "1") == 0 ? "s-1" : "%.58s s-1", u);
    out->unit = s->unit;
    out->quantity = strcmp(q, "strain") == 0         ? "strain_rate"
                    : strcmp(q, "displacement") == 0 ? "velocity"
                                                     : "derivative";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
    needs->no_level = true;
    needs->before = s->rule == GRADIENT ? 2 : 1; /* two only at the ends */
    needs->after = s->rule == GRADIENT ? 2 : 0;
    needs->blank_head = s->rule == GRADIENT ? 0 : 1;
    return MR_OK;
}

static void differentiate_apply(const void *self, const mr_piece *p)
{
    const differentiate *s = self;
    const double rate = p->rate_hz;
    const ptrdiff_t up = (ptrdiff_t)p->x->stride;
    const int64_t rows = p->span.b - p->span.a;
    for (size_t t = 0; t < p->y->nt; t++) {
        const int64_t n = p->y0 + (int64_t)t;
        const double *x = mr_at(p->x, (size_t)(n - p->x0), 0);
        double *y = mr_at(p->y, t, 0);
        const bool head = n == p->span.a, tail = n == p->span.b - 1;
        const ptrdiff_t in = head ? up : -up; /* towards the inside */
        for (size_t c = 0; c < p->y->nc; c++, x++) {
            if (rows < 2 || (s->rule == DIFF && head))
                y[c] = 0;
            else if (s->rule == DIFF)
                y[c] = rate * (x[0] - x[-up]);
            else if (!head && !tail)
                y[c] = 0.5 * rate * (x[up] - x[-up]);
            else if (rows == 2)
                y[c] = (head ? 1 : -1) * rate * (x[in] - x[0]);
            else
                y[c] = (head ? 1 : -1) * rate * (2 * x[in] - 1.5 * x[0] - 0.5 * x[2 * in]);
        }
    }
}

const mr_op mr_op_differentiate = {.name = "differentiate",
                                   .example = "rule: gradient",
                                   .doc = "derivative in time",
                                   .ref = "numpy.gradient(edge_order=2), numpy.diff",
                                   .size = sizeof(differentiate),
                                   .params = differentiate_params,
                                   .bind = differentiate_bind,
                                   .map = differentiate_apply};
