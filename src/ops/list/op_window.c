/* ops/list/op_window.c: what is done to each window of the UTC grid on its own: detrend, demean,
 * taper. A window cut by the span's end is treated as the shorter window it is; the chain blanks
 * those less than half full. */
#include "millrace/op_fast.h"
#include "ops/ops.h"
#include <math.h>
#include <string.h>

#define WINDOW_ROW(type, default)                                                                  \
    {                                                                                              \
        "window", MR_NS, offsetof(type, window_ns),                                                \
            .min = 1e-3, .max = 7 * 86400, .def = default, .span_ok = true,                        \
            .doc = "length of the windows, from multiples of it in UTC on; or: span"               \
    }

/* --- detrend, demean: least squares per window ------------------------------------------------ */

typedef struct detrend {
    int kind; /* 0 linear, 1 constant */
    int64_t window_ns;
} detrend;

static const char *const detrend_kinds[] = {"linear", "constant", NULL};

static const mr_param detrend_params[] = {
    {"kind", MR_ENUM, offsetof(detrend, kind), .def = "linear", .names = detrend_kinds,
     .doc = "linear: take out the line of least squares; constant: the mean"},
    WINDOW_ROW(detrend, NULL),
    {0}};
static const mr_param demean_params[] = {WINDOW_ROW(detrend, NULL), {0}};

static mr_status detrend_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                              mr_needs *needs)
{
    const detrend *d = self;
    if (d->window_ns != MR_WINDOW_SPAN && (double)d->window_ns * 1e-9 * in->rate_hz < 3)
        return MR_RAISE(MR_ECONFIG, "window: %g s is under three samples at %g Hz",
                        (double)d->window_ns * 1e-9, in->rate_hz);
    needs->window_ns = d->window_ns;
    needs->no_level = true;
    needs->scratch_rows = 2;
    return MR_OK;
}

static mr_status demean_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    ((detrend *)self)->kind = 1;
    return detrend_bind(self, in, out, needs);
}

/* Mean and slope per channel over n rows; sums run in time, each channel for itself. */
static void fit(const double *x, size_t stride, size_t n, size_t nc, bool line, double *mean,
                double *slope)
{
    const double mid = 0.5 * (double)(n - 1);
    double norm = 0;
    memset(mean, 0, nc * sizeof *mean);
    memset(slope, 0, nc * sizeof *slope);
    for (size_t t = 0; t < n; t++)
        for (size_t c = 0; c < nc; c++) mean[c] += x[t * stride + c];
    for (size_t c = 0; c < nc; c++) mean[c] /= (double)n;
    if (!line || n < 2) return;
    for (size_t t = 0; t < n; t++) {
        const double k = (double)t - mid;
        norm += k * k;
        for (size_t c = 0; c < nc; c++) slope[c] += k * (x[t * stride + c] - mean[c]);
    }
    for (size_t c = 0; c < nc; c++) slope[c] /= norm;
}

static void detrend_apply(const void *self, const mr_piece *p)
{
    const detrend *d = self;
    const size_t nc = p->x->nc;
    double *mean = p->scratch, *slope = p->scratch + nc;
    const int64_t end = p->y0 + (int64_t)p->y->nt;
    for (int64_t n = p->y0; n < end;) {
        const mr_slab w = mr_piece_window(p, n, d->window_ns);
        const int64_t stop = MR_MIN(w.b, end);
        const double mid = 0.5 * (double)(w.b - w.a - 1);
        fit(mr_at(p->x, (size_t)(w.a - p->x0), 0), p->x->stride, (size_t)(w.b - w.a), nc,
            d->kind == 0, mean, slope);
        for (; n < stop; n++) {
            const double k = (double)(n - w.a) - mid, *x = mr_at(p->x, (size_t)(n - p->x0), 0);
            double *y = mr_at(p->y, (size_t)(n - p->y0), 0);
            for (size_t c = 0; c < nc; c++) y[c] = x[c] - mean[c] - k * slope[c];
        }
    }
}

const mr_op mr_op_detrend = {.name = "detrend",
                             .example = "window: 10 s",
                             .doc = "take the trend out of each window",
                             .ref = "scipy.signal.detrend",
                             .size = sizeof(detrend),
                             .params = detrend_params,
                             .bind = detrend_bind,
                             .map = detrend_apply,
                             .fast = &(const mr_fast){.in_place = true},
                             .hints = &(const mr_hints){.levels = true}};
const mr_op mr_op_demean = {.name = "demean",
                            .example = "window: 10 s",
                            .doc = "take the mean out of each window",
                            .ref = "scipy.signal.detrend(type=constant)",
                            .size = sizeof(detrend),
                            .params = demean_params,
                            .bind = demean_bind,
                            .map = detrend_apply,
                            .fast = &(const mr_fast){.in_place = true},
                            .hints = &(const mr_hints){.levels = true}};

/* --- taper ------------------------------------------------------------------------------------ */

typedef struct taper {
    double length_s, fraction;
    int kind;
    int64_t window_ns;
    double n; /* samples at each end, of length */
} taper;

enum { HANN_2N, HANN_2N1, TUKEY };
static const char *const taper_kinds[] = {"hann_2n", "hann_2n1", "tukey", NULL};

static const mr_param taper_params[] = {
    {"length", MR_F64, offsetof(taper, length_s), .unit = "s", .min = 1e-6, .max = 86400, .def = "",
     .doc = "how long each end rises or falls"},
    {"fraction", MR_F64, offsetof(taper, fraction), .unit = "%", .min = 1e-6, .max = 1, .def = "",
     .doc = "instead of length: both ends together, of the window"},
    {"kind", MR_ENUM, offsetof(taper, kind), .def = "hann_2n", .names = taper_kinds,
     .doc =
         "halves of a Hann window of 2n or 2n + 1 samples; or Tukey, that reaches 1 at sample n"},
    WINDOW_ROW(taper, "span"),
    {0}};

static mr_status taper_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                            MR_UNUSED mr_needs *needs)
{
    taper *s = self;
    if ((s->length_s > 0) == (s->fraction > 0))
        return MR_RAISE(MR_ECONFIG, "one of length and fraction is needed");
    s->n = round(s->length_s * in->rate_hz);
    if (s->length_s > 0 && s->n < 1)
        return MR_RAISE(MR_ECONFIG, "length: %g s is under one sample at %g Hz", s->length_s,
                        in->rate_hz);
    return MR_OK; /* the weight of a sample follows from its place: no context */
}

/* Weight of the sample that is k samples from the nearer end of a window of `rows`. */
static double taper_weight(const taper *s, int64_t k, int64_t rows)
{
    const bool tukey = s->kind == TUKEY;
    double n = s->n;
    if (!(n > 0))
        n = tukey ? s->fraction * (double)(rows - 1) / 2 : floor(s->fraction * (double)rows / 2);
    if ((double)k > n || (!tukey && (double)k >= n)) return 1;
    const double period = s->kind == HANN_2N ? 2 * n - 1 : 2 * n;
    return period > 0 ? 0.5 - 0.5 * cos(2 * M_PI * (double)k / period) : 1;
}

static void taper_apply(const void *self, const mr_piece *p)
{
    const taper *s = self;
    mr_slab w = {0, 0};
    for (size_t t = 0; t < p->y->nt; t++) {
        const int64_t n = p->y0 + (int64_t)t;
        if (n >= w.b || w.b == 0) w = mr_piece_window(p, n, s->window_ns);
        const double f = taper_weight(s, MR_MIN(n - w.a, w.b - 1 - n), w.b - w.a);
        const double *x = mr_at(p->x, (size_t)(n - p->x0), 0);
        double *y = mr_at(p->y, t, 0);
        for (size_t c = 0; c < p->y->nc; c++) y[c] = f * x[c];
    }
}

const mr_op mr_op_taper = {.name = "taper",
                           .example = "length: 2 s",
                           .doc = "bring each window's ends, or the span's, down to zero",
                           .ref = "scipy.signal.windows.hann, tukey",
                           .size = sizeof(taper),
                           .params = taper_params,
                           .bind = taper_bind,
                           .map = taper_apply,
                           .fast = &(const mr_fast){.in_place = true}};
