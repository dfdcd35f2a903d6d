/* ops/kernels/fir.c: see fir.h. Outputs are summed by twos, 32 channels at once, each in the order
 * of time.
 */
#include "ops/kernels/fir.h"
#include "ops/kernels/simd.h"
#include <stdlib.h>

mr_status mr_fir_init(mr_fir *f, size_t n, size_t up, size_t down, size_t centre)
{
    *f = (mr_fir){.n = n, .up = up, .down = down, .centre = centre};
    return mr_alloc_f64(n, "filter taps", &f->h);
}

/* Row r holds the taps of the outputs with (m * down + phase + centre) mod up = r, oldest sample
 * first: row[j] multiplies x[last - (row_n - 1) + j]. Short rows begin with zeros. */
mr_status mr_fir_ready(mr_fir *f)
{
    f->row_n = (f->n + f->up - 1) / f->up;
    mr_status st = mr_alloc_f64(f->row_n * f->up, "filter taps by phase", &f->rows);
    if (st != MR_OK) return st;
    for (size_t r = 0; r < f->up; r++)
        for (size_t j = 0; j < f->row_n; j++)
            if (r + j * f->up < f->n)
                f->rows[r * f->row_n + f->row_n - 1 - j] = f->h[r + j * f->up];
    return MR_OK;
}

void mr_fir_fini(mr_fir *f)
{
    free(f->h);
    free(f->rows);
    *f = (mr_fir){0};
}

void mr_fir_needs(const mr_fir *f, mr_needs *needs)
{
    needs->up = f->up;
    needs->down = f->down;
    needs->before = f->row_n - 1 - f->centre / f->up; /* of the floor of the position */
    needs->after = f->centre / f->up + (f->up > 1);
    needs->lti = f->up == 1;
}

/* One output on its way: what it is the sum of. */
typedef struct sum {
    const double *h, *x;
    double *y;
    size_t n; /* taps within the span */
} sum;

static sum sum_of(const mr_fir *f, int64_t phase, const mr_piece *p, size_t t, size_t c)
{
    const int64_t up = (int64_t)f->up, n = (int64_t)f->row_n, end = p->x0 + (int64_t)p->x->nt;
    const int64_t pos = (p->y0 + (int64_t)t) * (int64_t)f->down + phase + (int64_t)f->centre;
    const int64_t last = mr_div_floor(pos, up), first = last - n + 1;
    const int64_t a = MR_MAX(first, p->x0), b = MR_MIN(last + 1, end);
    MR_ASSERT((a == first || a == p->span.a) && (b == last + 1 || b == p->span.b));
    return (sum){.h = f->rows + (pos - last * up) * n + (a - first),
                 .x = p->x->d + (size_t)(a - p->x0) * p->x->stride + c,
                 .y = p->y->d + t * p->y->stride + c,
                 .n = b > a ? (size_t)(b - a) : 0};
}

/** Outputs t and t + 1 (if there is one) for channels [c, c + w); how many were done. */
static size_t run_two(const mr_fir *f, const mr_kernels *simd, int64_t phase, const mr_piece *p,
                      size_t t, size_t c, size_t w)
{
    const size_t stride = p->x->stride;
    const sum a = sum_of(f, phase, p, t, c);
    const sum b = t + 1 < p->y->nt ? sum_of(f, phase, p, t + 1, c) : (sum){0};
    if (a.n > 0 && a.n == b.n) { /* by twos where both have all taps */
        simd->fir2((const double *const[]){a.h, b.h}, a.n, (const double *const[]){a.x, b.x},
                   stride, (double *const[]){a.y, b.y}, w);
        return 2;
    }
    simd->fir(a.h, a.n, a.x, stride, a.y, w);
    return 1;
}

/** Outputs [t, t + 4) where all have all taps and only a rate is divided; how many channels were
 * done. */
static size_t run_four(const mr_fir *f, const mr_kernels *simd, int64_t phase, const mr_piece *p,
                       size_t t, size_t c, size_t w)
{
    if (f->up != 1 || t + 4 > p->y->nt) return 0;
    const sum a = sum_of(f, phase, p, t, c), d = sum_of(f, phase, p, t + 3, c);
    if (a.n != f->row_n || d.n != f->row_n) return 0;
    return simd->fir4(a.h, a.n, f->down, a.x, p->x->stride, a.y, p->y->stride, w);
}

void mr_fir_run(const mr_fir *f, int64_t phase, const mr_piece *p)
{
    const mr_kernels *simd = mr_simd();
    for (size_t c = 0; c < p->x->nc; c += MR_BUNDLE) {
        const size_t w = MR_MIN((size_t)MR_BUNDLE, p->x->nc - c);
        for (size_t t = 0; t < p->y->nt;) {
            const size_t did = run_four(f, simd, phase, p, t, c, w);
            if (did == w) {
                t += 4;
                continue;
            }
            const size_t end =
                did ? t + 4 : t + 1; /* the other channels of the four, or what comes */
            while (t < end) t += run_two(f, simd, phase, p, t, c + did, w - did);
        }
    }
}

mr_status mr_fir_describe(const mr_fir *f, mr_text *t)
{
    mr_status st = MR_OK;
    MR_TRY(mr_text_add(t, " taps=["));
    for (size_t i = 0; i < f->n; i++) MR_TRY(mr_text_add(t, "%s%a", i ? " " : "", f->h[i]));
    MR_TRY(mr_text_add(t, "]"));
out:
    return st;
}
