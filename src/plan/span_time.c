/* plan/span_time.c: when a span's samples were taken, and which sample was taken when: on lines
 * from file to file, by their stamps. */
#include <math.h>
#include "plan/span.h"

/** The leg of the span that holds sample k (clamped to the ends). */
static size_t leg_at(const mr_spans *s, const mr_span *sp, int64_t k)
{
    size_t lo = sp->leg0, hi = sp->leg0 + sp->n_legs;
    while (hi - lo > 1) {
        const size_t mid = lo + (hi - lo) / 2;
        if (s->leg[mid].k <= k)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

bool mr_span_bends(const mr_spans *s, const mr_span *sp, size_t i)
{
    const mr_leg *p = &s->leg[i];
    if (i + 1 >= sp->leg0 + sp->n_legs || p[1].skip) return false; /* a clock that was set */
    const long double there = (long double)(p[1].t_ns - p->t_ns);
    return fabsl(there - (long double)p->n * 1e9L / (long double)sp->rate_hz) > 1000.0L;
}

/** Of irregular rows: row `at` of leg i, and between rows evenly. */
static int64_t own_time(const mr_spans *s, const mr_span *sp, size_t i, long double at)
{
    const int64_t *t = s->stamp[i];
    const uint32_t last = s->leg[i].rows - 1;
    const long double step = 1e9L / (long double)sp->rate_hz;
    if (at <= 0) return t[0] + (int64_t)llroundl(at * step);
    if (at >= last) return t[last] + (int64_t)llroundl((at - last) * step);
    const uint32_t k = (uint32_t)at;
    return t[k] + (int64_t)llroundl((at - k) * (long double)(t[k + 1] - t[k]));
}

/** Of the line that leg i's samples lie on. */
static long double line_step(const mr_spans *s, const mr_span *sp, size_t i)
{
    const mr_leg *p = &s->leg[i];
    const bool alone = i + 1 == sp->leg0 + sp->n_legs || p[1].skip; /* nothing bends it */
    if (mr_span_bends(s, sp, i)) return (long double)(p[1].t_ns - p->t_ns) / (long double)p->n;
    return alone && p->step_ns > 0 ? (long double)p->step_ns : 1e9L / (long double)sp->rate_hz;
}

void mr_span_place(const mr_spans *s, const mr_span *sp, int64_t t_ns, int64_t *n, double *frac)
{
    size_t i = leg_at(s, sp, mr_index_at(t_ns, sp->rate_hz) - sp->index0);
    while (i > sp->leg0 && t_ns < s->leg[i].t_ns) i--;
    while (i + 1 < sp->leg0 + sp->n_legs && t_ns >= s->leg[i + 1].t_ns) i++;
    const mr_leg *p = &s->leg[i];
    const long double at = (long double)(t_ns - p->t_ns) / line_step(s, sp, i), whole = floorl(at);
    *n = sp->index0 + p->k + (int64_t)whole;
    *frac = fmin((double)(at - whole), 1 - 0x1p-53);
}

double mr_span_off(const mr_spans *s, const mr_span *sp, double rate_hz, size_t *leg)
{
    double most = -1;
    for (size_t i = sp->leg0; i < sp->leg0 + sp->n_legs; i++) {
        const mr_leg *p = &s->leg[i];
        const long double step = 1e9L / (long double)rate_hz;
        const int64_t a = p->t_ns - mr_index_ns(sp->index0 + p->k, 1, rate_hz);
        const long double b = (long double)a + (line_step(s, sp, i) - step) * (long double)p->n;
        const double off = (double)(fmaxl(fabsl((long double)a), fabsl(b)) / step);
        if (off > most) *leg = i;
        most = fmax(most, off);
    }
    return most;
}

int64_t mr_span_time(const mr_spans *s, const mr_span *sp, int64_t num, int64_t den)
{
    const int64_t whole = mr_div_floor(num, den), k = whole - sp->index0;
    const size_t i = leg_at(s, sp, k);
    const mr_leg *p = &s->leg[i];
    const long double at = (long double)(k - p->k) + (long double)(num - whole * den) / den;
    if (sp->axis == MR_AXIS_ROWS && s->stamp) return own_time(s, sp, i, at);
    return p->t_ns + (int64_t)llroundl(at * line_step(s, sp, i));
}

void mr_span_legs(const mr_spans *s, const mr_span *sp, int64_t k0, int64_t k1, size_t *first,
                  size_t *n)
{
    *first = leg_at(s, sp, k0);
    *n = leg_at(s, sp, k1 - 1) - *first + 1;
}
