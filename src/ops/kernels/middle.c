/* ops/kernels/middle.c: see middle.h; the medians are those of ops/kernels/simd_middle.h. */
#include "ops/kernels/middle.h"
#include <string.h>
#include "ops/kernels/simd.h"

enum { LANES = MR_MIDDLE_LANES };
_Static_assert((int)MR_MIDDLE_LANES == (int)MR_LANES, "one and the same width");

void mr_middle(double (*v)[LANES], size_t n, double out[LANES])
{
    MR_ASSERT(n % 2 == 1 && n <= MR_MIDDLE_MOST);
    mr_simd()->middle(v[0], n, out);
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
        for (int64_t j = -w->hc; j <= w->hc && inside; j++, k++)
            memcpy(v[k], row + (c + j - (int64_t)p->xc0), sizeof *v);
        for (int64_t j = -w->hc; j <= w->hc && !inside; j++, k++)
            for (int64_t l = 0; l < LANES; l++) {
                const int64_t at = mirrored(MR_MIN(c + l, last) + j, 0, nc);
                v[k][l] = row[at - (int64_t)p->xc0];
            }
    }
}
