/* ops/list/op_quality.c: is a channel alive? Figures of each UTC interval and channel: how much is
 * there, lost, clipped or without change, extremes, moments, power in three bands. One look at each
 * sample. `millrace quality` runs it alone over an archive (cli/quality/). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ops/kernels/simd.h"
#include "ops/ops.h"

enum { N_BANDS = 3, SEGMENT = 256, WIDE = 32, STRIPE = 256 };

/* Rows of a channel's sums. Moments are taken about the first sample, so that an offset costs no
 * digits; `fill` is that of all channels, in the first one's place. */
enum {
    LOST,
    OVER,
    STILL,
    SHIFT,
    S1,
    S2,
    S3,
    S4,
    LO,
    HI,
    AT_LO,
    AT_HI,
    TWICE_LO,
    TWICE_HI,
    LAST,
    RUN,
    FILL,
    SEGMENTS,
    POWER,
    HELD = POWER + N_BANDS, /* samples of a segment that is not full yet */
    N_SUMS = HELD + SEGMENT
};

enum { N_PLAIN = 11, N_FIGURES = N_PLAIN + N_BANDS };
static const char *const plain[N_PLAIN] = {"n",    "nan", "clipped", "constant", "min",     "max",
                                           "mean", "rms", "std",     "skewness", "kurtosis"};

typedef struct quality {
    int64_t interval_ns;
    double limit;
    /* bind's own */
    bool limited; /* lo, hi: samples there or beyond are clipped */
    double lo, hi;
    double still;              /* so many in a row without change are told */
    int band[SEGMENT / 2 + 1]; /* of a bin; -1: none */
    double scale;              /* |X|^2 of a bin -> power */
    mr_fft fft;
    double *window; /* [SEGMENT] Hann */
    char name[N_BANDS][32];
    const char *label[N_FIGURES];
} quality;

static const mr_param quality_params[] = {
    {"interval", MR_NS, offsetof(quality, interval_ns), .min = 1e-3, .max = 7 * 86400,
     .def = "1 min", .doc = "length of the intervals, from multiples of it in UTC on"},
    {"limit", MR_F64, offsetof(quality, limit), .def = "",
     .doc = "magnitude from which on a sample is clipped; default: what the stored integers hold; "
            "of others a highest or lowest value that comes three times, and twice in a row"},
    {0}};

/* Bands end at a 50th, a fifth and half of the rate. */
static mr_status design(quality *s, double rate)
{
    mr_status st = MR_OK;
    const double edge[N_BANDS + 1] = {0, rate / 50, rate / 5, rate / 2};
    double weight2 = 0;
    MR_TRY(mr_fft_init(&s->fft, SEGMENT));
    MR_TRY(mr_alloc_f64(SEGMENT, "a window", &s->window));
    for (size_t i = 0; i < SEGMENT; i++) {
        s->window[i] = 0.5 - 0.5 * cos(2 * 3.14159265358979323846 * (double)i / SEGMENT);
        weight2 += s->window[i] * s->window[i];
    }
    s->scale = 2 / (weight2 * SEGMENT); /* Parseval: the sum over bins is the mean square */
    s->band[0] = -1;
    for (int i = 1; i <= SEGMENT / 2; i++) {
        const double hz = i * rate / SEGMENT;
        s->band[i] = hz < edge[1] ? 0 : hz < edge[2] ? 1 : 2;
    }
    for (int i = 0; i < N_PLAIN; i++) s->label[i] = plain[i];
    for (int b = 0; b < N_BANDS; b++) {
        snprintf(s->name[b], sizeof s->name[b], "power_%.4g_%.4g_hz", edge[b], edge[b + 1]);
        s->label[N_PLAIN + b] = s->name[b];
    }
out:
    return st;
}

static mr_status quality_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    quality *s = self;
    if ((double)s->interval_ns * 1e-9 * in->rate_hz < 2)
        return MR_RAISE(MR_ECONFIG, "interval: %g s is under two samples at %g Hz",
                        (double)s->interval_ns * 1e-9, in->rate_hz);
    if (s->limit < 0)
        return MR_RAISE(MR_ECONFIG, "limit: %g is below 0; it is a magnitude", s->limit);
    const mr_status st = design(s, in->rate_hz);
    if (st != MR_OK) return st;
    s->limited = s->limit > 0 || in->limits.highest > in->limits.lowest;
    s->lo = s->limit > 0 ? -s->limit : in->limits.lowest;
    s->hi = s->limit > 0 ? s->limit : in->limits.highest;
    s->still = fmax(ceil(in->rate_hz), 100);
    out->rate_hz = 1e9 / (double)s->interval_ns;
    out->quantity = "quality";
    out->axis[0] = (mr_axis){.name = "statistic",
                             .unit = "",
                             .doc = "what it is",
                             .n = N_FIGURES,
                             .label = s->label,
                             .choice = true};
    out->n_axes = 1;
    needs->items = (mr_items){.hop = 1, .len = 1, .least = 1};
    needs->row_ns = s->interval_ns;
    needs->partial = true;
    needs->state = N_SUMS;
    needs->scratch = mr_fft_buffer(&s->fft) + MR_FFT_LANES * mr_fft_bins(&s->fft);
    needs->stripe = STRIPE;
    return MR_OK;
}

/* The type's limits are no setting, but change what comes out. */
static mr_status quality_describe(const void *self, mr_text *t)
{
    const quality *s = self;
    return s->limited ? mr_text_add(t, " clipped %a %a", s->lo, s->hi) : MR_OK;
}

static void quality_release(void *self)
{
    quality *s = self;
    mr_fft_fini(&s->fft);
    free(s->window);
}

/* --- taking in ------------------------------------------------------------------------------- */

/* Channels [c, c + w) begin with the row x. */
static void begin(const mr_fold *f, const double *x, size_t c, size_t w)
{
    for (size_t i = c; i < c + w; i++) {
        if (f->count[i] > 0) continue;
        f->acc[SHIFT * f->stride + i] = f->acc[LO * f->stride + i] = f->acc[HI * f->stride + i] =
            x[i - c];
        f->acc[LAST * f->stride + i] = NAN;
    }
}

/* n good rows of w <= WIDE channels into the sums at acc; all begun. */
static inline __attribute__((always_inline)) void add_rows(const quality *s,
                                                           const double *restrict x, size_t stride,
                                                           size_t n, size_t w, double *restrict acc,
                                                           size_t wide)
{
    const double lo_limit = s->limited ? s->lo : -INFINITY,
                 hi_limit = s->limited ? s->hi : INFINITY;
    const double need = s->still;
    for (size_t t = 0; t < n; t++) {
        const double *restrict v = x + t * stride;
        for (size_t c = 0; c < w; c++) {
            double *restrict a = acc + c;
            const double y = v[c], d = y - a[SHIFT * wide], d2 = d * d;
            const double lo = a[LO * wide], hi = a[HI * wide], last = a[LAST * wide];
            const double at_lo = y == lo ? 1 : 0, at_hi = y == hi ? 1 : 0;
            const double same = y == last ? 1 : 0, run = same > 0 ? a[RUN * wide] + 1 : 1;
            a[S1 * wide] += d;
            a[S2 * wide] += d2;
            a[S3 * wide] += d2 * d;
            a[S4 * wide] += d2 * d2;
            a[AT_LO * wide] = y < lo ? 1 : a[AT_LO * wide] + at_lo;
            a[AT_HI * wide] = y > hi ? 1 : a[AT_HI * wide] + at_hi;
            a[TWICE_LO * wide] = y < lo ? 0 : a[TWICE_LO * wide] + at_lo * same;
            a[TWICE_HI * wide] = y > hi ? 0 : a[TWICE_HI * wide] + at_hi * same;
            a[LO * wide] = y < lo ? y : lo;
            a[HI * wide] = y > hi ? y : hi;
            a[OVER * wide] += (y <= lo_limit ? 1.0 : 0.0) + (y >= hi_limit ? 1.0 : 0.0);
            a[STILL * wide] += run == need ? need : run > need ? 1 : 0;
            a[RUN * wide] = run;
            a[LAST * wide] = y;
        }
    }
}

MR_CLONES static void count_rows(const quality *s, const double *x, size_t stride, size_t n,
                                 size_t w, double *acc, size_t wide)
{
    if (w == WIDE && wide == WIDE)
        add_rows(s, x, stride, n, WIDE, acc, WIDE);
    else
        add_rows(s, x, stride, n, w, acc, wide);
}

/* One segment of up to eight channels into their powers; those that are not finite are left out. */
static void segment(const quality *s, const mr_fold *f, const double *x, size_t stride, size_t c)
{
    const mr_kernels *simd = mr_simd();
    const size_t bins = mr_fft_bins(&s->fft);
    double *z = f->scratch, *power = z + mr_fft_buffer(&s->fft), mean[MR_FFT_LANES];
    mr_fft_in in = {.x = x, .stride = stride, .n_rows = SEGMENT, .window = s->window};
    const size_t n = MR_MIN((size_t)MR_FFT_LANES, f->x->nc - c);
    in.lanes = (1u << n) - 1;
    mr_fft_mean(&in, mean);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(mean[i])) in.lanes &= ~(1u << i);
    in.mean = mean;
    memset(power, 0, bins * MR_FFT_LANES * sizeof *power);
    simd->fft_load(&s->fft, &in, z);
    simd->fft(&s->fft, z);
    simd->fft_power(&s->fft, z, power, MR_FFT_LANES);
    for (size_t i = 0; i < n; i++) {
        if (!(in.lanes >> i & 1)) continue;
        f->acc[SEGMENTS * f->stride + c + i]++;
        for (size_t k = 1; k < bins; k++)
            f->acc[(size_t)(POWER + s->band[k]) * f->stride + c + i] +=
                power[k * MR_FFT_LANES + i] * s->scale * (k + 1 == bins ? 0.5 : 1);
    }
}

/* Rows for the segments: held until one is full, or looked at where they are. */
static void hold(const quality *s, const mr_fold *f, mr_slab items)
{
    const size_t nc = f->x->nc;
    double *held = f->acc + HELD * f->stride, *fill = f->acc + FILL * f->stride;
    for (int64_t k = items.a, end; k < items.b; k = end) {
        const double *x = mr_at(f->x, (size_t)(k - f->x0), 0);
        const size_t n = MR_MIN((size_t)(items.b - k), SEGMENT - (size_t)*fill);
        end = k + (int64_t)n;
        if (n == SEGMENT && !f->bad) {
            for (size_t c = 0; c < nc; c += MR_FFT_LANES) segment(s, f, x + c, f->x->stride, c);
            continue;
        }
        for (size_t t = 0; t < n; t++) {
            double *row = held + ((size_t)*fill + t) * f->stride;
            memcpy(row, x + t * f->x->stride, nc * sizeof *row);
            for (size_t c = 0; f->bad && c < nc; c++)
                if (mr_fold_bad(f, k + (int64_t)t, c)) row[c] = NAN;
        }
        *fill += (double)n;
        if ((size_t)*fill < SEGMENT) continue;
        for (size_t c = 0; c < nc; c += MR_FFT_LANES) segment(s, f, held + c, f->stride, c);
        *fill = 0;
    }
}

static void quality_take(const void *self, const mr_fold *f, mr_slab items)
{
    const quality *s = self;
    const size_t n = (size_t)(items.b - items.a), nc = f->x->nc, stride = f->x->stride;
    const double *x = mr_at(f->x, (size_t)(items.a - f->x0), 0);
    for (size_t c = 0; c < nc && !f->bad; c += WIDE) {
        const size_t w = MR_MIN((size_t)WIDE, nc - c);
        begin(f, x + c, c, w);
        count_rows(s, x + c, stride, n, w, f->acc + c, f->stride);
        for (size_t i = c; i < c + w; i++) f->count[i] += (double)n;
    }
    for (size_t c = 0; c < nc && f->bad; c++)
        for (size_t t = 0; t < n; t++) {
            if (mr_fold_bad(f, items.a + (int64_t)t, c)) {
                f->acc[LOST * f->stride + c]++;
                f->acc[LAST * f->stride + c] = NAN;
                continue;
            }
            begin(f, x + t * stride + c, c, 1);
            count_rows(s, x + t * stride + c, stride, 1, 1, f->acc + c, f->stride);
            f->count[c]++;
        }
    hold(s, f, items);
}

/* --- what it comes to ------------------------------------------------------------------------ */

/* Where no limit is known, a value that is the highest (or lowest) again and again is one. */
static double clipped(const quality *s, const double *a, size_t stride)
{
    if (s->limited) return a[OVER * stride];
    if (!(a[HI * stride] > a[LO * stride])) return 0; /* does not change at all */
    const bool lo = a[AT_LO * stride] >= 3 && a[TWICE_LO * stride] >= 1;
    const bool hi = a[AT_HI * stride] >= 3 && a[TWICE_HI * stride] >= 1;
    return (lo ? a[AT_LO * stride] : 0) + (hi ? a[AT_HI * stride] : 0);
}

static void figures(const quality *s, const double *a, double n, size_t stride, double v[N_FIGURES])
{
    const double all = n + a[LOST * stride];
    for (size_t i = 0; i < N_FIGURES; i++) v[i] = NAN;
    v[0] = all;
    if (!(all > 0)) return;
    v[1] = a[LOST * stride] / all;
    v[2] = v[3] = 0;
    if (!(n > 0)) return;
    const double m = a[S1 * stride] / n, r2 = a[S2 * stride] / n, r3 = a[S3 * stride] / n,
                 m2 = fmax(r2 - m * m, 0), m3 = r3 - 3 * m * r2 + 2 * m * m * m,
                 m4 = a[S4 * stride] / n - 4 * m * r3 + 6 * m * m * r2 - 3 * m * m * m * m;
    v[2] = clipped(s, a, stride) / all;
    v[3] = a[STILL * stride] / all;
    v[4] = a[LO * stride];
    v[5] = a[HI * stride];
    v[6] = a[SHIFT * stride] + m;
    v[7] = sqrt(v[6] * v[6] + m2);
    v[8] = sqrt(m2);
    if (m2 > 0) v[9] = m3 / (m2 * v[8]);
    if (m2 > 0) v[10] = m4 / (m2 * m2) - 3;
    for (size_t b = 0; b < N_BANDS && a[SEGMENTS * stride] > 0; b++)
        v[N_PLAIN + b] = a[(POWER + b) * stride] / a[SEGMENTS * stride];
}

static void quality_give(const void *self, const double *acc, const double *count, size_t stride,
                         MR_UNUSED double *scratch, mr_view *y)
{
    for (size_t c = 0; c < y->nc; c++) {
        double v[N_FIGURES];
        figures(self, acc + c, count[c], stride, v);
        for (size_t k = 0; k < N_FIGURES; k++) *mr_at(y, k, c) = v[k];
    }
}

const mr_op mr_op_quality = {
    .name = "quality",
    .example = "interval: 10 s",
    .doc = "figures of each interval that say whether a channel is alive",
    .ref = "numpy: share of NaN, of limits, of runs without change for 1 s and 100 samples, min, "
           "max, mean, rms, std, scipy.stats.skew and kurtosis; welch in segments of 256, Hann, "
           "summed up to a 50th, a fifth, half of the rate",
    .size = sizeof(quality),
    .params = quality_params,
    .bind = quality_bind,
    .describe = quality_describe,
    .release = quality_release,
    .fold = &(const mr_reducer){.take = quality_take, .give = quality_give}};
