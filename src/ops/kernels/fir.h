/* ops/kernels/fir.h: finite impulse responses with a rational change of rate: only the outputs are
 * computed. */
#ifndef MR_FIR_H
#define MR_FIR_H
#include "millrace/op.h"

/** Output m = sum over k of h[m * down + phase + centre - k * up] * x[k], samples outside the span
 *  taken as zero (scipy upfirdn and resample_poly). */
typedef struct mr_fir {
    size_t n;     /* taps */
    double *h;    /* owned */
    double *rows; /* owned: h by phase, reversed: what one output of each phase multiplies */
    size_t row_n; /* longest row */
    size_t up, down, centre;
} mr_fir;

/** Makes room for n taps in f->h; the caller fills them, then calls mr_fir_ready. */
mr_status mr_fir_init(mr_fir *f, size_t n, size_t up, size_t down, size_t centre);
mr_status mr_fir_ready(mr_fir *f);
void mr_fir_fini(mr_fir *f);
void mr_fir_needs(const mr_fir *f, mr_needs *needs);
/** phase as in op.h's "Indices" (0 unless aligned to the span). */
void mr_fir_run(const mr_fir *f, int64_t phase, const mr_piece *p);
mr_status mr_fir_describe(const mr_fir *f, mr_text *t);
#endif
