/* ops/list/op_decimate.c: keep every factor-th sample after an anti-alias filter:
 * scipy.signal.decimate over the whole span. Factors above 13 become a cascade. */
#include "millrace/op_fast.h"
#include "ops/design/design.h"
#include "ops/kernels/fir.h"
#include "ops/ops.h"
#include "ops/kernels/sos.h"

typedef struct decimate {
    int64_t factor;
    int kind;  /* 0 fir, 1 iir */
    int phase; /* mr_phase */
    int align; /* 0 utc, 1 span */
    mr_fir fir;
    mr_sos sos;
} decimate;

static const char *const kinds[] = {"fir", "iir", NULL};
static const char *const phases[] = {"zero", "causal", NULL};
static const char *const aligns[] = {"utc", "span", NULL};

static const mr_param decimate_params[] = {
    {"factor", MR_INT, offsetof(decimate, factor), .min = 2, .max = 10000,
     .doc = "keep one sample of that many; above 13 in several steps"},
    {"kind", MR_ENUM, offsetof(decimate, kind), .def = "fir", .names = kinds,
     .doc = "anti-alias filter: fir: 20 factor + 1 taps, Hamming; iir: Chebyshev order 8, 0.05 dB"},
    {"phase", MR_ENUM, offsetof(decimate, phase), .def = "zero", .names = phases,
     .doc = "zero: no delay; causal: only past samples"},
    {"align", MR_ENUM, offsetof(decimate, align), .def = "utc", .names = aligns,
     .doc = "which samples stay: utc: those on the grid of the new rate; span: from its first on"},
    {0}};

enum { MAX_STEP = 13, MAX_STEPS = 16 };

/* The fewest steps <= 13 whose product is q, larger first, the most even of those. 0 if a prime
 * factor is above 13. Depth first over the first (largest) step. */
static size_t split(int64_t q, int64_t limit, int64_t *steps)
{
    size_t best = 0;
    if (q <= limit) {
        steps[0] = q;
        return 1;
    }
    for (int64_t s = 2; s <= limit; s++) { /* small largest steps are the most even: first wins */
        int64_t rest[MAX_STEPS] = {0};
        if (q % s != 0) continue;
        size_t n = split(q / s, s, rest);
        if (n == 0 || n >= MAX_STEPS || (best != 0 && n + 1 >= best)) continue;
        best = n + 1;
        steps[0] = s;
        for (size_t i = 0; i < n; i++) steps[i + 1] = rest[i];
    }
    return best;
}

static size_t decimate_expand(const void *self, size_t k, void *part)
{
    const decimate *d = self;
    int64_t steps[MAX_STEPS] = {0};
    size_t n = split(d->factor, MAX_STEP, steps);
    if (n == 0) return 1; /* bind refuses it */
    if (part) {
        decimate *p = part;
        *p = *d;
        p->factor = steps[k];
    }
    return n;
}

static mr_status decimate_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    decimate *d = self;
    mr_status st = MR_OK;
    size_t q = (size_t)d->factor;
    if (q > MAX_STEP) {
        int64_t lo = d->factor, hi = lo + 1, s[MAX_STEPS];
        while (split(lo, MAX_STEP, s) == 0) lo--;
        while (split(hi, MAX_STEP, s) == 0) hi++;
        return MR_RAISE(MR_ECONFIG,
                        "factor %lld has a prime factor above 13; the nearest that work are %lld "
                        "and %lld (or use resample)",
                        (long long)d->factor, (long long)lo, (long long)hi);
    }
    if (d->kind == 0) {
        MR_TRY(mr_fir_init(&d->fir, 20 * q + 1, 1, q, d->phase == MR_PHASE_ZERO ? 10 * q : 0));
        mr_design_firwin(d->fir.n, 1.0 / (double)q, MR_HAMMING, d->fir.h);
        MR_TRY(mr_fir_ready(&d->fir));
        mr_fir_needs(&d->fir, needs);
    } else {
        MR_TRY(mr_design_cheby1(8, 0.05, 0.8 / (double)q, &d->sos));
        mr_sos_needs(&d->sos, (mr_phase)d->phase, needs);
        /* the next block's first row follows this block's last output */
        needs->before = MR_MAX(needs->before, q - 1);
    }
    needs->up = 1;
    needs->down = q;
    needs->align_span = d->align == 1;
    out->rate_hz = in->rate_hz / (double)q;
out:
    return st;
}

static void decimate_apply(const void *self, const mr_piece *p)
{
    const decimate *d = self;
    const int64_t q = d->factor;
    int64_t phase = d->align == 1 ? p->span.a - mr_div_floor(p->span.a, q) * q : 0;
    if (d->kind == 0) {
        mr_fir_run(&d->fir, phase, p);
        return;
    }
    mr_piece all = *p; /* filter every sample where it lies, then pick */
    mr_view y = *p->x;
    all.y = &y;
    all.y0 = p->x0;
    mr_sos_run(&d->sos, (mr_phase)d->phase, &all);
    for (size_t t = 0; t < p->y->nt; t++) {
        size_t row = (size_t)((p->y0 + (int64_t)t) * q + phase - p->x0);
        for (size_t c = 0; c < y.nc; c++) *mr_at(p->y, t, c) = *mr_at(&y, row, c);
    }
}

static void decimate_release(void *self)
{
    mr_fir_fini(&((decimate *)self)->fir);
}

static mr_status decimate_describe(const void *self, mr_text *t)
{
    const decimate *d = self;
    return d->kind == 0 ? mr_fir_describe(&d->fir, t) : mr_sos_describe(&d->sos, t);
}

static const mr_fir *decimate_finite(const void *self)
{
    const decimate *d = self;
    return d->kind == 0 ? &d->fir : NULL;
}

/* Of scipy's firwin(20 q + 1, 1/q) 0.912 for all q; of cheby1(8, 0.05, 0.8/q) both ways 0.82. */
static double decimate_clean(const void *self)
{
    return ((const decimate *)self)->kind == 0 ? 0.91 : 0.82;
}

const mr_op mr_op_decimate = {
    .name = "decimate",
    .example = "factor: 5",
    .doc = "anti-alias filter, then keep every factor-th sample",
    .ref = "scipy.signal.decimate",
    .size = sizeof(decimate),
    .params = decimate_params,
    .bind = decimate_bind,
    .map = decimate_apply,
    .release = decimate_release,
    .describe = decimate_describe,
    .fast = &(const mr_fast){.expand = decimate_expand, .finite = decimate_finite},
    .hints = &(const mr_hints){.clean = decimate_clean}};
