/* ops/kernels/roll.c: see roll.h. A roll is [n] sums from a cell to its stretch's end for stretches
 * of even number, [n] for those of odd number, and the sum of the stretch's cells so far. The
 * stretch at hand holds plain cells until it ends. */
#include "ops/kernels/roll.h"
#include "millrace/op_fast.h"
#include <string.h>

static size_t place(int64_t cell, size_t n, size_t *odd)
{
    const int64_t stretch = mr_div_floor(cell, (int64_t)n);
    *odd = (size_t)(stretch & 1);
    return (size_t)(cell - stretch * (int64_t)n);
}

/* Cell k of the stretch `now`; the last one turns its cells into tails. */
MR_CLONES static void add(double *now, double *restrict head, size_t n, size_t w, size_t k,
                          const double *restrict q)
{
    double *restrict at = now + k * w;
    for (size_t c = 0; c < w; c++) {
        at[c] = q[c];
        head[c] += q[c];
    }
    for (size_t i = k + 1 == n ? k : 0; i-- > 0;) {
        double *restrict v = now + i * w;
        const double *restrict next = v + w;
        for (size_t c = 0; c < w; c++) v[c] += next[c];
    }
}

void mr_roll_add(double *roll, size_t n, size_t w, int64_t cell, const double *q)
{
    size_t odd;
    const size_t k = place(cell, n, &odd);
    double *head = roll + 2 * n * w;
    if (k == 0) memset(head, 0, w * sizeof *head);
    add(roll + odd * n * w, head, n, w, k, q);
}

void mr_roll_sum(const double *roll, size_t n, size_t w, int64_t cell, double *sum)
{
    size_t odd;
    const size_t k = place(cell, n, &odd);
    const double *head = roll + 2 * n * w, *tail = roll + (1 - odd) * n * w + (k + 1) * w;
    memcpy(sum, head, w * sizeof *sum);
    for (size_t c = 0; k + 1 < n && c < w; c++) sum[c] += tail[c];
}

/* sum[w] += squares of n rows of w columns, in the order of rows. */
#define WIDE 32
MR_CLONES static void squares(const double *x, size_t stride, size_t n, size_t w, double *sum)
{
    size_t c = 0;
    for (; c + WIDE <= w; c += WIDE) { /* sums stay in registers */
        double q[WIDE];
        memcpy(q, sum + c, sizeof q);
        for (size_t t = 0; t < n; t++)
            for (size_t i = 0; i < WIDE; i++) {
                const double v = x[t * stride + c + i];
                q[i] += v * v;
            }
        memcpy(sum + c, q, sizeof q);
    }
    for (size_t t = 0; t < n; t++)
        for (size_t i = c; i < w; i++) {
            const double v = x[t * stride + i];
            sum[i] += v * v;
        }
}

void mr_roll_needs(size_t window, size_t rows, mr_needs *needs)
{
    needs->scratch_rows = rows;
    if (4 * rows > window) {
        needs->before = window - 1;
        return;
    }
    needs->before = needs->down - 1; /* what lies between two outputs is gone through too */
    needs->memory = MR_MEM_FADING;
    needs->fade = window - 1;
    needs->state = rows;
}

void mr_rolling_begin(mr_rolling *r, const mr_piece *p, int64_t g, size_t rows)
{
    const int64_t end = p->x0 + (int64_t)p->x->nt;
    const size_t bytes = rows * p->x->nc * sizeof(double);
    const bool here = p->state && (p->snap == end || p->snap == INT64_MAX);
    *r = (mr_rolling){.p = p, .g = g, .rows = rows, .state = here ? p->state : p->scratch};
    if (p->fresh || !p->state)
        memset(r->state, 0, bytes);
    else if (!here)
        memcpy(r->state, p->state, bytes);
}

/* Rows that are at hand from r->t on, up to the next cell's end or the place of the snapshot. */
static size_t at_hand(mr_rolling *r, size_t end)
{
    enum { ASKED = 64 }; /* rows asked for at once: they stay in the first cache */
    const mr_piece *p = r->p;
    if (r->t == r->lent_b) {
        r->lent_a = r->t;
        r->lent_b = MR_MIN(r->t + ASKED, p->x->nt);
        r->lent = mr_piece_next(p, r->t, r->lent_b - r->lent_a);
    }
    end = MR_MIN(end, r->lent_b);
    if (p->snap > p->x0 + (int64_t)r->t) end = (size_t)MR_MIN((int64_t)end, p->snap - p->x0);
    return end - r->t;
}

bool mr_rolling_cell(mr_rolling *r, double *part)
{
    const mr_piece *p = r->p;
    const size_t w = p->x->nc;
    const int64_t k = mr_div_ceil(p->x0 + (int64_t)r->t, r->g);
    const size_t end = (size_t)(k * r->g + 1 - p->x0);
    do {
        if (p->snap == p->x0 + (int64_t)r->t && p->state && r->state != p->state)
            memcpy(p->state, r->state, r->rows * w * sizeof *part);
        if (r->t == p->x->nt) return false;
        const size_t n = at_hand(r, end);
        squares(r->lent + (r->t - r->lent_a) * p->x->stride, p->x->stride, n, w, part);
        r->t += n;
    } while (r->t < end);
    r->cell = k;
    return true;
}
