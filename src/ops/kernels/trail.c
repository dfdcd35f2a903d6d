/* ops/kernels/trail.c: see trail.h. */
#include "ops/kernels/trail.h"
#include <math.h>
#include <string.h>

size_t mr_trail_size(mr_trail_kind kind)
{
    return kind == MR_TRAIL_MOMENTS4 ? 4 : kind == MR_TRAIL_MOMENTS2 ? 2 : 1;
}

/* Scratch: the tails of the stretch before [n][size][nc], the head of this one [size][nc], and the
 * two joined [size][nc]. */
static size_t own_rows(const mr_trail *t)
{
    return ((size_t)t->n + 2) * mr_trail_size(t->kind);
}

void mr_trail_needs(const mr_trail *t, size_t rows, mr_needs *needs)
{
    needs->before = (size_t)t->before;
    needs->after = (size_t)(t->n - 1 - t->before);
    needs->scratch_rows = own_rows(t) + rows;
}

double *mr_trail_scratch(const mr_trail *t, const mr_piece *p)
{
    return p->scratch + own_rows(t) * p->x->nc;
}

MR_CLONES static void add_sum(double *a, const double *x, size_t w)
{
    for (size_t c = 0; c < w; c++) a[c] += x[c];
}

MR_CLONES static void add_abs(double *a, const double *x, size_t w)
{
    for (size_t c = 0; c < w; c++) a[c] += fabs(x[c]);
}

MR_CLONES static void add_squares(double *a, const double *x, size_t w)
{
    for (size_t c = 0; c < w; c++) a[c] += x[c] * x[c];
}

MR_CLONES static void trail_min(double *a, const double *x, size_t w)
{
    for (size_t c = 0; c < w; c++) a[c] = x[c] < a[c] ? x[c] : a[c];
}

MR_CLONES static void trail_max(double *a, const double *x, size_t w)
{
    for (size_t c = 0; c < w; c++) a[c] = x[c] > a[c] ? x[c] : a[c];
}

/* Moments of na samples in a, of nb in b -> a (Chan, Golub and LeVeque 1983; Pebay 2008, equations
 * 2.1, 3.1). b has only a mean where nb is 1. */
MR_CLONES static void join2(double *a, const double *b, double na, double nb, size_t w)
{
    const double n = na + nb, f = nb / n, g = na * nb / n;
    for (size_t c = 0; c < w; c++) {
        const double d = b[c] - a[c], b2 = nb > 1 ? b[w + c] : 0;
        a[c] += f * d;
        a[w + c] += b2 + g * (d * d);
    }
}

MR_CLONES static void join4(double *a, const double *b, double na, double nb, size_t w)
{
    const double n = na + nb, fa = na / n, fb = nb / n, g = na * fb;
    for (size_t c = 0; c < w; c++) {
        const double d = b[c] - a[c], d2 = d * d;
        const double a2 = a[w + c], a3 = a[2 * w + c], a4 = a[3 * w + c];
        const double b2 = nb > 1 ? b[w + c] : 0, b3 = nb > 1 ? b[2 * w + c] : 0;
        const double b4 = nb > 1 ? b[3 * w + c] : 0;
        a[c] += fb * d;
        a[w + c] = a2 + b2 + g * d2;
        a[2 * w + c] = a3 + b3 + g * (fa - fb) * (d2 * d) + 3 * d * (fa * b2 - fb * a2);
        a[3 * w + c] = a4 + b4 + g * (fa * fa - fa * fb + fb * fb) * (d2 * d2) +
                       6 * d2 * (fa * fa * b2 + fb * fb * a2) + 4 * d * (fa * b3 - fb * a3);
    }
}

/* One accumulation of na samples and one of nb -> a. One sample: x itself, but of squares and
 * magnitudes, which are made by begin(). */
static void join(mr_trail_kind kind, double *a, const double *b, int64_t na, int64_t nb, size_t w)
{
    switch (kind) {
    case MR_TRAIL_SUM:
    case MR_TRAIL_ABS:
    case MR_TRAIL_SQUARES: add_sum(a, b, w); break;
    case MR_TRAIL_MIN: trail_min(a, b, w); break;
    case MR_TRAIL_MAX: trail_max(a, b, w); break;
    case MR_TRAIL_MOMENTS2: join2(a, b, (double)na, (double)nb, w); break;
    case MR_TRAIL_MOMENTS4: join4(a, b, (double)na, (double)nb, w); break;
    }
}

static void begin(mr_trail_kind kind, double *a, const double *x, size_t w)
{
    memset(a, 0, mr_trail_size(kind) * w * sizeof *a);
    if (kind == MR_TRAIL_ABS)
        add_abs(a, x, w);
    else if (kind == MR_TRAIL_SQUARES)
        add_squares(a, x, w);
    else
        memcpy(a, x, w * sizeof *a);
}

/* One sample more to the n that a holds. */
static void add(mr_trail_kind kind, double *a, int64_t n, const double *x, size_t w)
{
    if (n == 0)
        begin(kind, a, x, w);
    else if (kind == MR_TRAIL_ABS)
        add_abs(a, x, w);
    else if (kind == MR_TRAIL_SQUARES)
        add_squares(a, x, w);
    else
        join(kind, a, x, n, 1, w);
}

/* A run over one piece. */
typedef struct trail_run {
    const mr_trail *t;
    const mr_piece *p;
    size_t w, size;  /* channels; doubles of an accumulation: [size of the kind][w] */
    int64_t lo, hi;  /* the samples there are */
    int64_t stretch; /* whose head is at hand */
    int64_t tail_a;  /* first sample of the stretch before from which on tails are made */
    double *tails, *head, *both;
    int64_t head_n; /* samples in head, from its stretch's first (or lo) on */
} trail_run;

static const double *sample(const trail_run *r, int64_t i)
{
    const mr_slab s = r->p->span;
    if (i < s.a) i = s.a;
    if (i >= s.b) i = s.b - 1;
    return mr_at(r->p->x, (size_t)(i - r->p->x0), 0);
}

/* Tails of the stretch before number k: place j holds samples [j, its end). From `from` on. */
static void make_tails(trail_run *r, int64_t k, int64_t from)
{
    const int64_t n = r->t->n, a = (k - 1) * n, end = k * n;
    r->tail_a = MR_MAX(from, MR_MAX(a, r->lo));
    const double *before = NULL;
    const int64_t last = MR_MIN(end, r->hi); /* the stretch's samples that are there */
    for (int64_t j = last - 1; j >= r->tail_a; j--) {
        double *at = r->tails + (size_t)(j - a) * r->size;
        if (before) memcpy(at, before, r->size * sizeof *at);
        add(r->t->kind, at, last - 1 - j, sample(r, j), r->w);
        before = at;
    }
}

static void enter(trail_run *r, int64_t k, int64_t from)
{
    make_tails(r, k, from);
    r->stretch = k;
    r->head_n = 0;
}

/* The window [a, b), clipped to what there is -> both; how many samples. */
static int64_t window(trail_run *r, int64_t a, int64_t b)
{
    const int64_t n = r->t->n, k = mr_div_floor(b - 1, n), edge = k * n;
    if (k != r->stretch) enter(r, k, a);
    const int64_t head_a = MR_MAX(edge, r->lo), head_b = MR_MIN(b, r->hi);
    for (int64_t i = head_a + r->head_n; i < head_b; i++)
        add(r->t->kind, r->head, r->head_n++, sample(r, i), r->w);
    const int64_t tail_a = MR_MAX(a, r->lo), tail_b = MR_MIN(edge, r->hi);
    const int64_t n_tail = MR_MAX(tail_b - tail_a, (int64_t)0);
    if (n_tail == 0) {
        memcpy(r->both, r->head, r->size * sizeof *r->both);
        return r->head_n;
    }
    memcpy(r->both, r->tails + (size_t)(tail_a - (k - 1) * n) * r->size, r->size * sizeof *r->both);
    if (r->head_n > 0) join(r->t->kind, r->both, r->head, n_tail, r->head_n, r->w);
    return n_tail + r->head_n;
}

void mr_trail_run(const mr_trail *t, int64_t step, const mr_piece *p, mr_trail_row row,
                  const void *self)
{
    trail_run r = {.t = t,
                   .p = p,
                   .w = p->x->nc,
                   .size = mr_trail_size(t->kind) * p->x->nc,
                   .lo = p->span.a,
                   .hi = p->span.b,
                   .stretch = INT64_MIN};
    r.tails = p->scratch;
    r.head = r.tails + (size_t)t->n * r.size;
    r.both = r.head + r.size;
    if (t->replicate) r.lo = INT64_MIN / 2, r.hi = INT64_MAX / 2;
    for (size_t m = 0; m < p->y->nt; m++) {
        const int64_t i = (p->y0 + (int64_t)m) * step, a = i - t->before;
        const int64_t n = window(&r, a, a + t->n);
        row(self, r.both, n, mr_at(p->x, (size_t)(i - p->x0), 0), mr_at(p->y, m, 0), r.w);
    }
}
