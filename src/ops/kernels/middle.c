/* ops/kernels/middle.c: see middle.h. A median is found by forgetting: of any half of the values
 * and two more, neither the least nor the greatest is the middle one; both go, one more comes in.
 * Only minima and maxima are taken, so that eight channels run as one. */
#include "ops/kernels/middle.h"
#include <string.h>

enum { LANES = MR_MIDDLE_LANES };

/* The lesser of both to a, the greater to b. */
static inline void order(double *a, double *b)
{
    for (size_t c = 0; c < LANES; c++) {
        const double x = a[c], y = b[c];
        a[c] = y < x ? y : x;
        b[c] = y < x ? x : y;
    }
}

/* The least of v[k] to the front, the greatest to the back. */
static inline void ends(double (*v)[LANES], size_t k)
{
    for (size_t i = 0; i < k / 2; i++) order(v[i], v[k - 1 - i]);
    for (size_t i = 1; i < (k + 1) / 2; i++) order(v[0], v[i]);
    for (size_t i = k / 2; i + 1 < k; i++) order(v[i], v[k - 1]);
}

MR_CLONES static void middle(double (*v)[LANES], size_t n, double out[LANES])
{
    size_t k = n / 2 + 2, next = k;
    double(*at)[LANES] = v;
    MR_ASSERT(n % 2 == 1 && n <= MR_MIDDLE_MOST);
    if (k > n) k = next = n; /* one value, or three */
    while (k > 1) {
        ends(at, k);
        at++; /* the least is forgotten */
        k -= 2;
        if (next == n) continue;
        memcpy(at[k], v[next++], sizeof *v); /* in the place of the greatest */
        k++;
    }
    memcpy(out, at[0], LANES * sizeof *out);
}

void mr_middle(double (*v)[LANES], size_t n, double out[LANES])
{
    MR_ASSERT(n % 2 == 1 && n <= MR_MIDDLE_MOST);
    middle(v, n, out);
}

void mr_window2_needs(const mr_window2 *w, mr_needs *needs)
{
    needs->before = needs->after = (size_t)w->ht;
    needs->ch_before = needs->ch_after = (size_t)w->hc;
}

size_t mr_window2_n(const mr_window2 *w)
{
    return (size_t)((2 * w->ht + 1) * (2 * w->hc + 1));
}

/* i mirrored into [a, b): -1 is 0, -2 is 1; again and again where there is little of it. */
static int64_t mirrored(int64_t i, int64_t a, int64_t b)
{
    while (i < a || i >= b) i = i < a ? 2 * a - 1 - i : 2 * b - 1 - i;
    return i;
}

void mr_window2_take(const mr_window2 *w, const mr_piece *p, int64_t t, int64_t c, size_t n,
                     double (*v)[LANES])
{
    const int64_t nc = (int64_t)p->nc, last = c + (int64_t)n - 1;
    const bool inside = n == LANES && c >= w->hc && last + w->hc < nc;
    size_t k = 0;
    for (int64_t i = t - w->ht; i <= t + w->ht; i++) {
        const double *row = mr_at(p->x, (size_t)(mirrored(i, p->span.a, p->span.b) - p->x0), 0);
        for (int64_t j = -w->hc; j <= w->hc; j++, k++)
            for (int64_t l = 0; l < LANES; l++) {
                const int64_t at = inside ? c + l + j : mirrored(MR_MIN(c + l, last) + j, 0, nc);
                v[k][l] = row[at - (int64_t)p->xc0];
            }
    }
}
