/* in/clock/line.c: see line.h. Most stamps lie on one line: that is seen in one pass over them. The
 * others are cut where they leave it. */
#include "in/clock/line.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CLEAN 0.25      /* steps off the chord: no jump of half a step can hide below */
#define JUMP 0.5        /* steps off the line: another line, or a bad stamp */
#define N_SLOPES 257    /* that a median is taken of */
#define OWN_SLOPE 64    /* ties of a piece from which on it has a slope of its own */
#define EXACT_NS 1000.0 /* stamps that lie on their line to this are taken as they are */
#define MOST_BENDS 64   /* of one stretch */

void mr_line_fini(mr_line *l)
{
    free(l->piece);
    *l = (mr_line){0};
}

/** Is v a whole number as far as can be told, and no other one? */
static bool is_whole(double v, double slack)
{
    return round(v) > 0 && fabs(v / round(v) - 1) <= slack && slack * v < 0.5;
}

double mr_line_rate(double step_ns, double span_ns, double slack_ns)
{
    const double rate = 1e9 / step_ns, slack = fmin(2 * slack_ns / span_ns, 1e-3);
    if (!(step_ns > 0) || !(span_ns > 0)) return rate;
    if (is_whole(rate, slack)) return round(rate);
    if (is_whole(step_ns / 1e3, slack)) return 1e6 / round(step_ns / 1e3);
    if (is_whole(step_ns, slack)) return 1e9 / round(step_ns);
    return rate;
}

double mr_line_step(const mr_line *l, double *span_ns)
{
    double step = l->step_ns;
    uint64_t most = 0;
    for (size_t i = 0, from = 0; i < l->n_pieces; i++) {
        const mr_piece *p = &l->piece[i], *q = p + 1;
        if (i + 1 < l->n_pieces && fabs(q->t0_ns - p->t1_ns - l->step_ns) <= JUMP * l->step_ns)
            continue;
        const mr_piece *first = &l->piece[from];
        const uint64_t rows = p->row + p->nt - first->row;
        if (rows > most && rows > 1) {
            most = rows;
            *span_ns = p->t1_ns - first->t0_ns;
            step = from == i ? p->step_ns : *span_ns / (double)(rows - 1);
        }
        from = i + 1;
    }
    return step;
}

static int rising(const void *pa, const void *pb)
{
    const double a = *(const double *)pa, b = *(const double *)pb;
    return (a > b) - (a < b);
}

/** Of those that are numbers; NaN when none is. Sorts v. */
static double median(double *v, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(v[i])) v[kept++] = v[i];
    if (!kept) return NAN;
    qsort(v, kept, sizeof *v, rising);
    return kept % 2 ? v[kept / 2] : 0.5 * (v[kept / 2 - 1] + v[kept / 2]);
}

/** Largest distance from the chord; INFINITY if some stamp is not a number. */
MR_CLONES static double off_chord(const double *t, size_t n, double step)
{
    double most[8] = {0}, sum[8] = {0}, all = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++) {
            const double e = fabs(t[i + k] - t[0] - (double)(i + k) * step);
            most[k] = e > most[k] ? e : most[k];
            sum[k] += e;
        }
    for (; i < n; i++) {
        const double e = fabs(t[i] - t[0] - (double)i * step);
        most[0] = e > most[0] ? e : most[0];
        sum[0] += e;
    }
    for (size_t k = 0; k < 8; k++) {
        most[0] = fmax(most[0], most[k]);
        all += sum[k];
    }
    return isfinite(all) ? most[0] : INFINITY;
}

static mr_status add_piece(mr_line *l, mr_piece p)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&l->piece, &l->cap_pieces, l->n_pieces + 1, sizeof p, "recordings"));
    l->piece[l->n_pieces++] = p;
out:
    return st;
}

/* --- stamps that do not lie on one line ------------------------------------------------------ */

/** Rows that have a stamp of their own: k[i] has t[i]. */
typedef struct ties {
    double *k, *t, *e; /* [n]; e: scratch */
    size_t n;
    uint64_t rows; /* of all */
} ties;

/** All rows; where many share a stamp, the first of those that do. */
static void find_ties(const double *t, size_t n, ties *out, uint64_t *packets)
{
    size_t runs = 0;
    for (size_t i = 0; i < n; i++) runs += i == 0 || t[i] != t[i - 1];
    const bool shared = 2 * runs <= n + 1;
    *packets = shared && runs ? (n + runs / 2) / runs : 0;
    for (size_t i = out->n = 0; i < n; i++)
        if (!shared || i == 0 || t[i] != t[i - 1]) {
            out->k[out->n] = (double)i;
            out->t[out->n++] = t[i];
        }
    /* whose stamps are cut to a coarse unit begins inside of one: its first tells nothing */
    if (shared && out->n > 3 && 2 * out->k[1] < (double)*packets) {
        out->n--;
        memmove(out->k, out->k + 1, out->n * sizeof *out->k);
        memmove(out->t, out->t + 1, out->n * sizeof *out->t);
    }
}

/** Median of slopes between ties `lag` apart, of v or, where that is NULL, of their times. */
static double slope(const ties *s, const double *v, size_t a, size_t b, size_t lag)
{
    double m[N_SLOPES] = {0};
    const size_t n = b - a - lag, want = MR_MIN(n, (size_t)N_SLOPES);
    if (!v) v = s->t;
    for (size_t i = 0; i < want; i++) {
        const size_t j = a + (want > 1 ? i * (n - 1) / (want - 1) : 0);
        m[i] = (v[j + lag] - v[j]) / (s->k[j + lag] - s->k[j]);
    }
    return median(m, want);
}

/** A step by neighbours not too near, then, jumps taken out, by those far apart: a hole, a coarse
 *  or a trembling stamp moves it little. */
static double robust_step(const ties *s)
{
    double step = slope(s, NULL, 0, s->n, MR_MIN((size_t)16, (s->n - 1 + 1) / 2));
    for (int again = 0; again < 3 && step > 0; again++) {
        double jumps = 0;
        for (size_t i = 0; i < s->n; i++) {
            const double d = i ? s->t[i] - s->t[i - 1] - (s->k[i] - s->k[i - 1]) * step : 0;
            if (!(fabs(d) <= JUMP * step)) jumps += isfinite(d) ? d : 0;
            s->e[i] = s->t[i] - s->k[i] * step - jumps;
        }
        const double more = slope(s, s->e, 0, s->n, s->n / 2);
        if (isfinite(more)) step += more;
    }
    return step;
}

/** How far the ties [a, b) lie from the line of `step` through them, by their middle. */
static double offset(const ties *s, size_t a, size_t b, double step)
{
    double m[N_SLOPES] = {0};
    const size_t n = b - a, want = MR_MIN(n, (size_t)N_SLOPES);
    for (size_t i = 0; i < want; i++) {
        const size_t j = a + (want > 1 ? i * (n - 1) / (want - 1) : 0);
        m[i] = s->t[j] - s->k[j] * step;
    }
    return median(m, want);
}

static double off_line(const ties *s, size_t i, double step, double at)
{
    return fabs(s->t[i] - s->k[i] * step - at);
}

/** Is the line far from the middle of the ties at some place? Then it is bent. */
static bool bent(const ties *s, size_t a, size_t b, double step, double at)
{
    if (b - a < 8 * OWN_SLOPE) return false;
    for (size_t i = 0; i < 8; i++) {
        const size_t from = a + i * (b - a) / 8;
        if (fabs(offset(s, from, from + (b - a) / 8, step) - at) > 0.5 * CLEAN * step) return true;
    }
    return false;
}

/** The piece of ties [a, b), for rows [row, end). It begins and ends with its own stamps, unless
 *  they are off its line. */
static mr_status fit(const ties *s, size_t a, size_t b, uint64_t row, uint64_t end, double res,
                     int bends, mr_line *l)
{
    mr_status st = MR_OK;
    const size_t n = b - a;
    double step = n >= OWN_SLOPE ? slope(s, NULL, a, b, n / 2) : l->step_ns;
    double at = offset(s, a, b, step), noise = 0;
    const size_t mid = a + n / 2;
    if (bends > 1 && bent(s, a, b, step, at)) {
        MR_TRY(fit(s, a, mid, row, (uint64_t)s->k[mid], res, bends / 2, l));
        MR_TRY(fit(s, mid, b, (uint64_t)s->k[mid], end, res, bends / 2, l));
        goto out;
    }
    for (size_t i = a; i < b; i++) {
        const double e = off_line(s, i, step, at);
        if (e <= JUMP * step) noise = fmax(noise, e);
    }
    mr_piece p = {.row = row,
                  .nt = end - row,
                  .t0_ns = at + (double)row * step,
                  .t1_ns = at + (double)(end - 1) * step,
                  .step_ns = step};
    if (s->k[a] == (double)row && off_line(s, a, step, at) <= 0.5 * CLEAN * step) p.t0_ns = s->t[a];
    if (s->k[b - 1] + 1 == (double)end && off_line(s, b - 1, step, at) <= 0.5 * CLEAN * step)
        p.t1_ns = s->t[b - 1];
    if (noise <= fmax(2 * res, EXACT_NS) && p.nt > 1)
        p.step_ns = (p.t1_ns - p.t0_ns) / (double)(p.nt - 1);
    l->noise_ns = fmax(l->noise_ns, noise);
    MR_TRY(add_piece(l, p));
out:
    return st;
}

/** Do the next two agree with tie i, on a line through it? */
static bool leads(const ties *s, size_t i, double step, double most)
{
    const double at = s->t[i] - s->k[i] * step;
    return i + 2 < s->n && off_line(s, i + 1, step, at) <= most &&
           off_line(s, i + 2, step, at) <= most;
}

/** Where the line begins: the middle of the first three, of which one may be bad. */
static double begin_at(const ties *s, size_t i, double step)
{
    double m[3] = {0};
    const size_t n = MR_MIN(s->n - i, (size_t)3);
    for (size_t k = 0; k < n; k++) m[k] = s->t[i + k] - s->k[i + k] * step;
    return median(m, n);
}

/** Along the ties: a line follows them slowly, is left by bad ones, and ends where others lead. */
static mr_status walk(const ties *s, double res, mr_line *l)
{
    mr_status st = MR_OK;
    const double step = l->step_ns, most = JUMP * step + res;
    size_t from = 0, seen = 0;
    uint64_t row = 0;
    double at = begin_at(s, 0, step);
    for (size_t i = 0; i < s->n; i++) {
        const double e = s->t[i] - s->k[i] * step - at;
        if (fabs(e) <= most) {
            at += e / (double)MR_MIN(++seen + 2, (size_t)64);
        } else if (leads(s, i, step, most) && i > from) {
            MR_TRY(fit(s, from, i, row, (uint64_t)s->k[i], res, MOST_BENDS, l));
            from = i;
            seen = 0;
            row = (uint64_t)s->k[i];
            at = begin_at(s, i, step);
        } else {
            l->n_bad++;
        }
    }
    MR_TRY(fit(s, from, s->n, row, s->rows, res, MOST_BENDS, l));
out:
    return st;
}

/** Is there no tie whose steps to both sides are alike? */
static bool none_holds(const ties *s)
{
    bool any = s->n < 5;
    for (size_t i = 1; !any && i + 1 < s->n; i++) {
        const double a = (s->t[i] - s->t[i - 1]) / (s->k[i] - s->k[i - 1]),
                     b = (s->t[i + 1] - s->t[i]) / (s->k[i + 1] - s->k[i]);
        any = fabs(b - a) <= JUMP * fmin(fabs(a), fabs(b));
    }
    return !any;
}

static mr_status cut(const double *t, size_t n, double res, mr_line *l)
{
    mr_status st = MR_OK;
    ties s = {.rows = n};
    double *scratch = NULL;
    MR_TRY(mr_alloc(3 * n, sizeof *scratch, "time stamps", &scratch));
    s.k = scratch;
    s.t = scratch + n;
    s.e = scratch + 2 * n;
    find_ties(t, n, &s, &l->packets);
    if (s.n < 2) {
        l->fault = MR_LINE_CONSTANT;
        goto out;
    }
    l->step_ns = robust_step(&s);
    if (!(l->step_ns > 0)) {
        l->fault = MR_LINE_FALLING;
        goto out;
    }
    MR_TRY(walk(&s, l->packets ? fmax(res, CLEAN * l->step_ns) : res, l));
    if ((s.n > 8 && 4 * (l->n_bad + l->n_pieces) > s.n) || none_holds(&s))
        l->fault = MR_LINE_IRREGULAR;
out:
    free(scratch);
    return st;
}

mr_status mr_line_of(const double *t, size_t n, double res_ns, mr_line *out)
{
    mr_status st = MR_OK;
    const double step = n > 1 ? (t[n - 1] - t[0]) / (double)(n - 1) : 0;
    const double off = step > 0 ? off_chord(t, n, step) : INFINITY;
    const bool exact = off <= fmax(2 * res_ns, EXACT_NS) && off <= CLEAN * step;
    *out = (mr_line){.step_ns = step, .noise_ns = off};
    if (n == 1)
        MR_TRY(add_piece(out, (mr_piece){0, 1, t[0], t[0], 0}));
    else if (exact)
        MR_TRY(add_piece(out, (mr_piece){0, n, t[0], t[n - 1], step}));
    else {
        *out = (mr_line){0};
        MR_TRY(cut(t, n, res_ns, out));
    }
out:
    if (st != MR_OK) mr_line_fini(out);
    return st;
}

/* --- blocks of stamps ------------------------------------------------------------------------ */

mr_status mr_line_join(mr_line *all, const mr_line *next, double res_ns)
{
    mr_status st = MR_OK;
    const uint64_t rows =
        all->n_pieces ? all->piece[all->n_pieces - 1].row + all->piece[all->n_pieces - 1].nt : 0;
    if (next->fault) all->fault = next->fault;
    for (size_t i = 0; i < next->n_pieces; i++) {
        mr_piece p = next->piece[i], *last = all->n_pieces ? &all->piece[all->n_pieces - 1] : NULL;
        p.row += rows;
        const double step = last && last->nt > 1
                                ? (last->t1_ns - last->t0_ns) / (double)(last->nt - 1)
                                : next->step_ns;
        const double slack = fmax(fmax(2 * res_ns, EXACT_NS), all->noise_ns);
        if (last && i == 0 && fabs(p.t0_ns - last->t1_ns - step) <= slack &&
            fabs(p.t1_ns - last->t1_ns - (double)p.nt * step) <= slack) {
            last->nt += p.nt;
            last->t1_ns = p.t1_ns;
            last->step_ns = (p.t1_ns - last->t0_ns) / (double)(last->nt - 1);
        } else {
            MR_TRY(add_piece(all, p));
        }
    }
    if (!(all->step_ns > 0)) all->step_ns = next->step_ns;
    all->noise_ns = fmax(all->noise_ns, next->noise_ns);
    all->n_bad += next->n_bad;
    all->packets = MR_MAX(all->packets, next->packets);
out:
    return st;
}
