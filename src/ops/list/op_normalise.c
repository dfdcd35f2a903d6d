/* ops/list/op_normalise.c: amplitudes made alike: automatic gain, and the normalisations of ambient
 * noise work. Where the divisor is zero the samples are, and stay, zero. */
#include "millrace/op_fast.h"
#include "ops/kernels/trail.h"
#include "ops/names.h"
#include "ops/ops.h"
#include <math.h>
#include <string.h>

static double over(double x, double by)
{
    return by > 0 ? x / by : 0;
}

/* --- agc */

typedef struct agc {
    int64_t window_ns;
    int kind;
    mr_trail trail;
    mr_made made;
} agc;

enum { AGC_RMS, AGC_ABS };
static const char *const agc_kinds[] = {"rms", "abs", NULL};

static const mr_param agc_params[] = {
    {"window", MR_NS, offsetof(agc, window_ns), .min = 1e-6, .max = 86400,
     .doc = "around each sample; at the span's ends what is there of it"},
    {"kind", MR_ENUM, offsetof(agc, kind), .def = "rms", .names = agc_kinds,
     .doc = "what samples are divided by: root mean square, or mean magnitude"},
    {0}};

/* Samples of a window around one, an odd number. */
static mr_status around(int64_t window_ns, double rate_hz, int64_t *n)
{
    *n = llround((double)window_ns * 1e-9 * rate_hz) / 2 * 2 + 1;
    if (*n >= 3) return MR_OK;
    return MR_RAISE(MR_ECONFIG, "window: %g s is under two samples at %g Hz",
                    (double)window_ns * 1e-9, rate_hz);
}

static mr_status agc_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    agc *s = self;
    int64_t n = 0;
    const mr_status st = around(s->window_ns, in->rate_hz, &n);
    if (st != MR_OK) return st;
    s->trail = (mr_trail){
        .kind = s->kind == AGC_RMS ? MR_TRAIL_SQUARES : MR_TRAIL_ABS, .n = n, .before = n / 2};
    mr_trail_needs(&s->trail, 0, needs);
    mr_name_without_unit(&s->made, in, "normalised", out);
    return MR_OK;
}

static void agc_row(const void *self, const double *acc, int64_t n, const double *x, double *y,
                    size_t nc)
{
    const agc *s = self;
    for (size_t c = 0; c < nc; c++) {
        const double mean = acc[c] / (double)n;
        y[c] = over(x[c], s->kind == AGC_RMS ? sqrt(mean) : mean);
    }
}

static void agc_apply(const void *self, const mr_piece *p)
{
    const agc *s = self;
    mr_trail_run(&s->trail, 1, p, agc_row, s);
}

const mr_op mr_op_agc = {.name = "agc",
                         .example = "window: 500 ms",
                         .doc = "automatic gain: divide by the amplitude around each sample",
                         .ref = "x / sqrt(mean of x^2) over a centred window",
                         .size = sizeof(agc),
                         .params = agc_params,
                         .bind = agc_bind,
                         .map = agc_apply,
                         .hints = &(const mr_hints){.bends = true}};

/* --- normalise */

typedef struct normalise {
    int kind;
    int64_t window_ns;
    mr_trail trail; /* of ram */
    mr_made made;
} normalise;

enum { ONEBIT, PEAK, L2, Z, RAM };
static const char *const kinds[] = {"onebit", "max", "l2", "z", "ram", NULL};

static const mr_param normalise_params[] = {
    {"kind", MR_ENUM, offsetof(normalise, kind), .names = kinds,
     .doc =
         "onebit: the sign; of each window max: its peak is 1, l2: its energy is 1, z: its mean is "
         "0 and its deviation 1; ram: divided by the running mean of magnitudes"},
    {"window", MR_NS, offsetof(normalise, window_ns), .min = 1e-6, .max = 7 * 86400, .def = "",
     .span_ok = true,
     .doc = "max, l2, z: from multiples of it in UTC on, or: span; ram: around each sample; not "
            "looked at by onebit"},
    {0}};

static mr_status normalise_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    normalise *s = self;
    mr_name_without_unit(&s->made, in, "normalised", out);
    if (s->kind == ONEBIT) return MR_OK;
    if (!s->window_ns) return MR_RAISE(MR_ECONFIG, "window is needed for kind: %s", kinds[s->kind]);
    const double samples = (double)s->window_ns * 1e-9 * in->rate_hz;
    if (samples < 2)
        return MR_RAISE(MR_ECONFIG, "window: %g s is under two samples at %g Hz",
                        (double)s->window_ns * 1e-9, in->rate_hz);
    if (s->kind == RAM) {
        if (s->window_ns == MR_WINDOW_SPAN)
            return MR_RAISE(MR_ECONFIG, "window: span is for max, l2 and z; ram needs a length");
        const int64_t n = llround(samples); /* numpy.convolve "same": (n - 1) / 2 samples after */
        s->trail = (mr_trail){.kind = MR_TRAIL_ABS, .n = n, .before = n / 2, .replicate = true};
        mr_trail_needs(&s->trail, 0, needs);
        return MR_OK;
    }
    needs->window_ns = s->window_ns;
    needs->no_level = s->kind == Z;
    needs->scratch_rows = 2;
    return MR_OK;
}

/* Rows [a, b) of a window -> what is taken off and what the rest is divided by. */
static void measure(int kind, const mr_piece *p, mr_slab w, double *mean, double *by)
{
    const size_t nc = p->x->nc;
    const double n = (double)(w.b - w.a);
    memset(mean, 0, nc * sizeof *mean);
    memset(by, 0, nc * sizeof *by);
    for (int64_t i = w.a; kind == Z && i < w.b; i++)
        for (size_t c = 0; c < nc; c++) mean[c] += *mr_at(p->x, (size_t)(i - p->x0), c);
    for (size_t c = 0; c < nc; c++) mean[c] /= n;
    for (int64_t i = w.a; i < w.b; i++) {
        const double *x = mr_at(p->x, (size_t)(i - p->x0), 0);
        for (size_t c = 0; c < nc; c++) {
            const double d = x[c] - mean[c];
            by[c] = kind == PEAK ? (fabs(d) > by[c] ? fabs(d) : by[c]) : by[c] + d * d;
        }
    }
    for (size_t c = 0; kind != PEAK && c < nc; c++) by[c] = sqrt(kind == Z ? by[c] / n : by[c]);
}

static void ram_row(MR_UNUSED const void *self, const double *acc, int64_t n, const double *x,
                    double *y, size_t nc)
{
    for (size_t c = 0; c < nc; c++) y[c] = over(x[c], acc[c] / (double)n);
}

static void normalise_apply(const void *self, const mr_piece *p)
{
    const normalise *s = self;
    const size_t nc = p->x->nc;
    const int64_t end = p->y0 + (int64_t)p->y->nt;
    if (s->kind == RAM) {
        mr_trail_run(&s->trail, 1, p, ram_row, s);
        return;
    }
    for (int64_t n = p->y0; n < end;) {
        double *mean = p->scratch, *by = p->scratch + nc;
        const mr_slab w =
            s->kind == ONEBIT ? (mr_slab){n, end} : mr_piece_window(p, n, s->window_ns);
        if (s->kind != ONEBIT) measure(s->kind, p, w, mean, by);
        for (; n < MR_MIN(w.b, end); n++) {
            const double *x = mr_at(p->x, (size_t)(n - p->x0), 0);
            double *y = mr_at(p->y, (size_t)(n - p->y0), 0);
            for (size_t c = 0; c < nc; c++)
                y[c] = s->kind == ONEBIT ? (double)((x[c] > 0) - (x[c] < 0))
                                         : over(x[c] - mean[c], by[c]);
        }
    }
}

const mr_op mr_op_normalise = {
    .name = "normalise",
    .example = "kind: z, window: 4 s",
    .doc = "amplitudes made alike: one bit, or by each window's size",
    .ref = "numpy.sign; x / max|x|, x / |x|, (x - mean) / std of each window; "
           "Bensen et al. 2007, running absolute mean",
    .size = sizeof(normalise),
    .params = normalise_params,
    .bind = normalise_bind,
    .map = normalise_apply,
    .hints = &(const mr_hints){.bends = true}};
