/* ops/fir.c: see fir.h. Two outputs of 32 channels are summed at once: eight independent chains of
 * fused multiply-adds, in the order of time. */
#include "ops/fir.h"
#include "ops/simd.h"
#include <stdlib.h>

enum { GROUP = 32, VECS = GROUP / 8 };

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
    needs->ends = MR_ENDS_ZERO;
    needs->lti = f->up == 1;
}

/** acc[w..] = sum over j < n of h[j] * x[j * stride + ...]: one output row of up to GROUP channels.
 */
typedef void fir_fn(const double *h, size_t n, const double *x, size_t stride, double *y);

MR_INLINE void fir_body(const double *h, size_t n, const double *x, size_t stride, double *y)
{
    mr_v8 acc[VECS];
#pragma GCC unroll 4
    for (int i = 0; i < VECS; i++) acc[i] = mr_v8_set(0);
    for (size_t j = 0; j < n; j++, x += stride) {
        mr_v8 c = mr_v8_set(h[j]);
#pragma GCC unroll 4
        for (int i = 0; i < VECS; i++) {
            mr_v8 v = mr_v8_load(x + 8 * i);
            mr_v8_fma(&acc[i], &c, &v, &acc[i]);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < VECS; i++) mr_v8_store(y + 8 * i, &acc[i]);
}

MR_TARGET_512 static void fir_512(const double *h, size_t n, const double *x, size_t stride,
                                  double *y)
{
    fir_body(h, n, x, stride, y);
}

MR_TARGET_FMA static void fir_fma(const double *h, size_t n, const double *x, size_t stride,
                                  double *y)
{
    fir_body(h, n, x, stride, y);
}

static void fir_plain(const double *h, size_t n, const double *x, size_t stride, double *y)
{
    fir_body(h, n, x, stride, y);
}

/* The same for a group with fewer channels: same operations, same bits. */
static void fir_narrow(const double *h, size_t n, const double *x, size_t stride, size_t w,
                       double *y)
{
    double acc[GROUP] = {0};
    for (size_t j = 0; j < n; j++, x += stride)
        for (size_t c = 0; c < w; c++) acc[c] = __builtin_fma(h[j], x[c], acc[c]);
    memcpy(y, acc, w * sizeof *y);
}

static fir_fn *pick_fir(void)
{
    switch (mr_simd_level()) {
    case MR_SIMD_512: return fir_512;
    case MR_SIMD_FMA: return fir_fma;
    default: return fir_plain;
    }
}

void mr_fir_run(const mr_fir *f, int64_t phase, const mr_piece *p)
{
    fir_fn *fir = pick_fir();
    const int64_t up = (int64_t)f->up, end = p->x0 + (int64_t)p->x->nt, n = (int64_t)f->row_n;
    for (size_t c = 0; c < p->x->nc; c += GROUP) {
        size_t w = MR_MIN((size_t)GROUP, p->x->nc - c);
        for (size_t t = 0; t < p->y->nt; t++) {
            int64_t pos = (p->y0 + (int64_t)t) * (int64_t)f->down + phase + (int64_t)f->centre;
            int64_t last = mr_div_floor(pos, up), first = last - n + 1;
            int64_t a = MR_MAX(first, p->x0), b = MR_MIN(last + 1, end);
            MR_ASSERT((a == first || a == p->span.a) && (b == last + 1 || b == p->span.b));
            const double *h = f->rows + (pos - last * up) * n + (a - first);
            const double *x = p->x->d + (size_t)(a - p->x0) * p->x->stride + c;
            double *y = p->y->d + t * p->y->stride + c;
            size_t m = b > a ? (size_t)(b - a) : 0;
            if (w == GROUP)
                fir(h, m, x, p->x->stride, y);
            else
                fir_narrow(h, m, x, p->x->stride, w, y);
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
