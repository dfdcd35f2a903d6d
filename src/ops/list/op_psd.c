/* ops/list/op_psd.c: power spectral density by Welch's method: segments of each UTC interval, or of
 * everything on a grid of its own, without their mean, windowed, transformed, averaged; and what of
 * it lies in each of some bands. */
#include "ops/kernels/median.h"
#include "ops/ops.h"
#include "ops/kernels/simd.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct psd {
    int64_t segment, interval_ns;
    double overlap;
    int window, average, detrend;
    /* bind's own */
    mr_items items;
    mr_fft fft;
    double *w;         /* [segment] */
    double *frequency; /* [bins] */
    double scale;      /* of a bin that stands for both signs */
    char unit[96];
} psd;

enum { HANN, HAMMING, BLACKMAN, BOXCAR };
static const char *const psd_windows[] = {"hann", "hamming", "blackman", "boxcar", NULL};
enum { MEAN, MEDIAN };
static const char *const psd_averages[] = {"mean", "median", NULL};
enum { CONSTANT, NONE };
static const char *const psd_detrends[] = {"constant", "none", NULL};

static const mr_param psd_params[] = {
    {"segment", MR_INT, offsetof(psd, segment), .min = 4, .max = 1 << 22, .def = "1024",
     .doc = "samples of a segment; no prime factor above 31"},
    {"overlap", MR_F64, offsetof(psd, overlap), .unit = "%", .min = 0, .max = 0.95, .def = "50 %",
     .doc = "share of a segment that the next one has too"},
    {"window", MR_ENUM, offsetof(psd, window), .def = "hann", .names = psd_windows,
     .doc = "weights of a segment's samples, periodic"},
    {"interval", MR_NS, offsetof(psd, interval_ns), .min = 1e-3, .max = 7 * 86400, .def = "1 h",
     .all_ok = true, .doc = "one spectrum for each multiple of it in UTC; or: all, for everything"},
    {"average", MR_ENUM, offsetof(psd, average), .def = "mean", .names = psd_averages,
     .doc = "over segments; the median is divided by its bias"},
    {"detrend", MR_ENUM, offsetof(psd, detrend), .def = "constant", .names = psd_detrends,
     .doc = "constant: the mean is taken out of each segment"},
    {0}};

/* Weight t of a periodic window of n. */
static double weight(int window, size_t t, size_t n)
{
    static const long double terms[][3] = {
        {0.5L, 0.5L, 0}, {0.54L, 0.46L, 0}, {0.42L, 0.5L, 0.08L}, {1, 0, 0}};
    const long double a = 2 * 3.14159265358979323846264338327950288L * (long double)t / n;
    const long double *k = terms[window];
    return (double)(k[0] - k[1] * cosl(a) + k[2] * cosl(2 * a));
}

static mr_status psd_design(psd *s, double rate)
{
    mr_status st = MR_OK;
    const size_t n = (size_t)s->segment;
    double power = 0;
    if (!mr_fft_can(n))
        return MR_RAISE(MR_ECONFIG, "segment: %zu has a prime factor above %d; %zu has not", n,
                        MR_FFT_PRIME, mr_fft_length(n));
    MR_TRY(mr_fft_init(&s->fft, n));
    MR_TRY(mr_alloc_f64(n, "a window", &s->w));
    MR_TRY(mr_alloc_f64(mr_fft_bins(&s->fft), "frequencies", &s->frequency));
    for (size_t t = 0; t < n; t++) {
        s->w[t] = weight(s->window, t, n);
        power += s->w[t] * s->w[t];
    }
    s->scale = 2 / (rate * power);
    for (size_t k = 0; k < mr_fft_bins(&s->fft); k++)
        s->frequency[k] = (double)k * rate / (double)n;
out:
    return st;
}

/* Items, rows, state: whole segments only. */
static mr_status psd_needs(psd *s, const mr_geom *in, mr_needs *needs)
{
    const int64_t n = s->segment, hop = n - (int64_t)floor((double)n * s->overlap + 1e-9);
    const bool all = s->interval_ns == MR_ALL;
    const int64_t rows =
        all ? 0 : (int64_t)floor((double)s->interval_ns * 1e-9 * in->rate_hz + 1e-6);
    const size_t bins = mr_fft_bins(&s->fft);
    needs->items = (mr_items){.hop = hop, .len = n, .least = n};
    needs->row_ns = s->interval_ns;
    if (!all) {
        if (rows < n)
            return MR_RAISE(MR_ECONFIG, "interval: %g s at %g Hz is shorter than a segment of %lld",
                            (double)s->interval_ns * 1e-9, in->rate_hz, (long long)n);
        needs->items.window_ns = s->interval_ns;
        needs->items.n = (rows - n) / hop + 1;
    }
    s->items = needs->items;
    needs->mean = s->average == MEAN;
    needs->no_level = s->detrend == CONSTANT;
    needs->count_axes = 1;
    needs->state = bins;
    if (s->average == MEDIAN && all)
        return MR_RAISE(MR_ECONFIG,
                        "average: the median of everything cannot be made of the lanes' "
                        "medians; give an interval");
    if (s->average == MEDIAN) needs->state = ((size_t)needs->items.n * bins + 1) / 2;
    needs->scratch = mr_fft_buffer(&s->fft) + 2 * MR_FFT_LANES * bins + (size_t)needs->items.n;
    needs->stripe = (size_t)MR_MAX(INT64_C(4096), n + 3 * hop);
    return MR_OK;
}

static mr_status psd_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    psd *s = self;
    mr_status st = psd_design(s, in->rate_hz);
    if (st == MR_OK) st = psd_needs(s, in, needs);
    if (st != MR_OK) return st;
    out->rate_hz = s->interval_ns == MR_ALL ? 0 : 1e9 / (double)s->interval_ns;
    out->quantity = "psd";
    snprintf(s->unit, sizeof s->unit, "(%.80s)2 Hz-1", in->unit && *in->unit ? in->unit : "1");
    out->unit = s->unit;
    out->n_axes = 1;
    out->axis[0] = (mr_axis){.name = "frequency",
                             .unit = "Hz",
                             .doc = "frequency",
                             .n = mr_fft_bins(&s->fft),
                             .v = s->frequency,
                             .log = true};
    out->power = true;
    return MR_OK;
}

static void psd_release(void *self)
{
    psd *s = self;
    mr_fft_fini(&s->fft);
    free(s->w);
    free(s->frequency);
}

/* A median needs them all: [item of the row][bin][stride] as float32, negative: what is missing
 * stays +0. */
static void keep(const psd *s, const mr_fold *f, size_t item, size_t c, unsigned lanes,
                 const double *power)
{
    const size_t bins = mr_fft_bins(&s->fft);
    void *acc = f->acc;
    float *all = (float *)acc + item * bins * f->stride + c;
    for (size_t k = 0; k < bins; k++)
        for (size_t i = 0; i < MR_FFT_LANES; i++)
            if (lanes >> i & 1) all[k * f->stride + i] = -(float)power[k * MR_FFT_LANES + i];
}

/* One segment of up to eight channels. */
static void take_one(const psd *s, const mr_fold *f, int64_t k, size_t c)
{
    const mr_kernels *simd = mr_simd();
    const size_t bins = mr_fft_bins(&s->fft);
    const int64_t at = mr_item(&s->items, k, f->span, f->rate_hz).a;
    double *z = f->scratch, *power = z + mr_fft_buffer(&s->fft), mean[MR_FFT_LANES];
    mr_fft_in in = {.x = mr_at(f->x, (size_t)(at - f->x0), c),
                    .stride = f->x->stride,
                    .n_rows = (size_t)s->segment,
                    .window = s->w};
    for (size_t i = 0; i < MR_FFT_LANES && c + i < f->x->nc; i++)
        if (!mr_fold_bad(f, k, c + i)) {
            in.lanes |= 1u << i;
            f->count[c + i]++;
        }
    if (s->detrend == CONSTANT) {
        mr_fft_mean(&in, mean);
        in.mean = mean;
    }
    simd->fft_load(&s->fft, &in, z);
    simd->fft(&s->fft, z);
    if (s->average == MEAN) {
        simd->fft_power(&s->fft, z, f->acc + c, f->stride);
    } else {
        memset(power, 0, bins * MR_FFT_LANES * sizeof *power);
        simd->fft_power(&s->fft, z, power, MR_FFT_LANES);
        keep(s, f, (size_t)(k - mr_div_floor(k, s->items.n) * s->items.n), c, in.lanes, power);
    }
}

static void psd_take(const void *self, const mr_fold *f, mr_slab items)
{
    for (int64_t k = items.a; k < items.b; k++)
        for (size_t c = 0; c < f->x->nc; c += MR_FFT_LANES) take_one(self, f, k, c);
}

/* Expected median of n equal spectra over their mean (scipy's _median_bias). */
static double bias(size_t n)
{
    double b = 1;
    for (size_t i = 2; i <= (n - 1) / 2 * 2; i += 2) b += 1.0 / (double)(i + 1) - 1.0 / (double)i;
    return b;
}

static double median_of(const psd *s, const double *acc, size_t k, size_t c, size_t stride,
                        double *room)
{
    const void *kept = acc;
    const float *v = kept;
    size_t n = 0;
    for (size_t item = 0; item < (size_t)s->items.n; item++) {
        const float p = v[(item * mr_fft_bins(&s->fft) + k) * stride + c];
        if (signbit(p)) room[n++] = -(double)p;
    }
    return n ? mr_median(room, n) / bias(n) : NAN;
}

static void psd_give(const void *self, const double *acc, MR_UNUSED const double *count,
                     size_t stride, double *scratch, mr_view *y)
{
    const psd *s = self;
    for (size_t k = 0; k < y->nt; k++) {
        const bool once = k == 0 || (s->segment % 2 == 0 && k + 1 == y->nt); /* of one sign only */
        const double scale = once ? s->scale / 2 : s->scale;
        for (size_t c = 0; c < y->nc; c++)
            *mr_at(y, k, c) =
                scale * (s->average == MEAN ? acc[k * stride + c]
                                            : median_of(s, acc, k, c, stride, scratch));
    }
}

const mr_op mr_op_psd = {.name = "psd",
                         .example = "segment: 128, overlap: 50 %, interval: 10 s",
                         .doc = "power spectral density of each interval, by Welch's method",
                         .ref = "scipy.signal.welch",
                         .size = sizeof(psd),
                         .params = psd_params,
                         .bind = psd_bind,
                         .release = psd_release,
                         .fold = &(const mr_reducer){.take = psd_take, .give = psd_give}};

/* --- fbe -------------------------------------------------------------------------------------- */

typedef struct fbe {
    psd p; /* first: what it shares with psd works on that */
    mr_ranges bands;
    int kind;
    /* bind's own */
    size_t bin[MR_MAX_RANGES][2]; /* half-open */
    char name[MR_MAX_RANGES][40];
    const char *label[MR_MAX_RANGES];
    char unit[96];
} fbe;

enum { ENERGY, RMS };
static const char *const fbe_kinds[] = {"energy", "rms", NULL};

static const mr_param fbe_params[] = {
    {"bands", MR_RANGES, offsetof(fbe, bands), .unit = "Hz", .min = 0, .max = 1e7,
     .doc = "bands of frequencies, half-open; with a list the output has an axis of them"},
    {"interval", MR_NS, offsetof(fbe, p.interval_ns), .min = 1e-3, .max = 7 * 86400,
     .doc = "one row for each multiple of it in UTC"},
    {"segment", MR_INT, offsetof(fbe, p.segment), .min = 4, .max = 1 << 22, .def = "256",
     .doc = "samples of each transform, under a Hann window; no prime factor above 31"},
    {"overlap", MR_F64, offsetof(fbe, p.overlap), .unit = "%", .min = 0, .max = 0.95, .def = "50 %",
     .doc = "share of a segment that the next one has too"},
    {"kind", MR_ENUM, offsetof(fbe, kind), .def = "energy", .names = fbe_kinds,
     .doc = "energy: the mean square that a band has; rms: its root"},
    {0}};

/* Which bins each band has. */
static mr_status fbe_bins(fbe *s, double rate)
{
    const size_t bins = mr_fft_bins(&s->p.fft);
    for (size_t b = 0; b < s->bands.n; b++) {
        const double *hz = s->bands.v[b];
        size_t *bin = s->bin[b];
        if (hz[1] > rate / 2)
            return MR_RAISE(MR_ECONFIG, "bands: %g Hz is above half the sampling rate (%g Hz)",
                            hz[1], rate / 2);
        for (bin[0] = 0; bin[0] < bins && s->p.frequency[bin[0]] < hz[0]; bin[0]++) {
        }
        for (bin[1] = bin[0]; bin[1] < bins && s->p.frequency[bin[1]] < hz[1]; bin[1]++) {
        }
        if (bin[0] == bin[1])
            return MR_RAISE(MR_ECONFIG,
                            "bands: %g..%g Hz has none of the frequencies of a segment of %lld, "
                            "%g Hz apart: a longer one has",
                            hz[0], hz[1], (long long)s->p.segment, rate / (double)s->p.segment);
        snprintf(s->name[b], sizeof s->name[b], "%.6g..%.6g Hz", hz[0], hz[1]);
        s->label[b] = s->name[b];
    }
    return MR_OK;
}

static mr_status fbe_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    fbe *s = self;
    mr_status st = MR_OK;
    s->p.window = HANN;
    s->p.average = MEAN;
    s->p.detrend = CONSTANT;
    MR_TRY(psd_design(&s->p, in->rate_hz));
    MR_TRY(fbe_bins(s, in->rate_hz));
    MR_TRY(psd_needs(&s->p, in, needs));
    needs->mean = false; /* its root is not */
    out->rate_hz = 1e9 / (double)s->p.interval_ns;
    out->quantity = s->kind == RMS ? "band_rms" : "band_energy";
    if (s->kind == ENERGY) {
        snprintf(s->unit, sizeof s->unit, "(%.80s)2", in->unit && *in->unit ? in->unit : "1");
        out->unit = s->unit;
    }
    out->power = s->kind == ENERGY;
    out->n_axes = 1;
    out->axis[0] = (mr_axis){.name = "band",
                             .unit = "",
                             .doc = "band of frequencies",
                             .n = s->bands.n,
                             .label = s->label,
                             .choice = true};
out:
    return st;
}

static void fbe_take(const void *self, const mr_fold *f, mr_slab items)
{
    psd_take(&((const fbe *)self)->p, f, items);
}

static void fbe_give(const void *self, const double *acc, const double *count, size_t stride,
                     MR_UNUSED double *scratch, mr_view *y)
{
    const fbe *s = self;
    const size_t last = (size_t)s->p.segment / 2;
    const double width = s->p.frequency[1]; /* of a bin, Hz */
    for (size_t b = 0; b < y->nt; b++)
        for (size_t c = 0; c < y->nc; c++) {
            double sum = 0;
            for (size_t k = s->bin[b][0]; k < s->bin[b][1]; k++) {
                const bool once = k == 0 || (s->p.segment % 2 == 0 && k == last);
                sum += (once ? s->p.scale / 2 : s->p.scale) * acc[k * stride + c];
            }
            const double mean = count[c] > 0 ? sum * width / count[c] : NAN;
            *mr_at(y, b, c) = s->kind == RMS ? sqrt(mean) : mean;
        }
}

static void fbe_release(void *self)
{
    psd_release(&((fbe *)self)->p);
}

const mr_op mr_op_fbe = {
    .name = "fbe",
    .example = "bands: [1..5 Hz, 5..20 Hz], interval: 10 s, segment: 128",
    .doc = "frequency-band energy: what each band has of each interval's mean square",
    .ref = "scipy.signal.welch, summed over the frequencies of a band times their distance",
    .size = sizeof(fbe),
    .params = fbe_params,
    .bind = fbe_bind,
    .release = fbe_release,
    .fold = &(const mr_reducer){.take = fbe_take, .give = fbe_give}};
