/* ops/list/op_spectrogram.c: power spectral density of single windows on the UTC grid, a row a
 * window: how spectra change with time, and a fold with an axis of its own in one file. */
#include "ops/kernels/simd.h"
#include "ops/ops.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct spectrogram {
    int64_t segment, step_ns;
    /* bind's own */
    mr_items items;
    mr_fft fft;
    double *w;         /* [segment] */
    double *frequency; /* [bins] */
    double scale;      /* of a bin that stands for both signs */
    char unit[96];
} spectrogram;

static const mr_param spectrogram_params[] = {
    {"segment", MR_INT, offsetof(spectrogram, segment), .min = 4, .max = 1 << 20, .def = "256",
     .doc = "samples of a window; no prime factor above 31"},
    {"step", MR_NS, offsetof(spectrogram, step_ns), .min = 1e-3, .max = 86400, .def = "1 s",
     .doc = "from window to window; they start at multiples of it in UTC"},
    {0}};

/* Periodic Hann weights and the scale of a density. */
static mr_status spectrogram_design(spectrogram *s, double rate)
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
        const long double turn = 2 * 3.14159265358979323846264338327950288L * (long double)t / n;
        s->w[t] = (double)(0.5L - 0.5L * cosl(turn));
        power += s->w[t] * s->w[t];
    }
    s->scale = 2 / (rate * power);
    for (size_t k = 0; k < mr_fft_bins(&s->fft); k++)
        s->frequency[k] = (double)k * rate / (double)n;
out:
    return st;
}

static mr_status spectrogram_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    spectrogram *s = self;
    const double step = (double)s->step_ns * 1e-9 * in->rate_hz;
    if (step < 1)
        return MR_RAISE(MR_ECONFIG, "step: %g s is under one sample at %g Hz",
                        (double)s->step_ns * 1e-9, in->rate_hz);
    const mr_status st = spectrogram_design(s, in->rate_hz);
    if (st != MR_OK) return st;
    s->items = (mr_items){.window_ns = s->step_ns,
                          .n = 1,
                          .hop = (int64_t)ceil(step),
                          .len = s->segment,
                          .least = s->segment};
    needs->items = s->items;
    needs->row_ns = s->step_ns;
    needs->no_level = true;
    needs->state = mr_fft_bins(&s->fft);
    needs->scratch = mr_fft_buffer(&s->fft);
    needs->stripe = (size_t)MR_MAX(INT64_C(4096), s->segment + 3 * s->items.hop);
    out->rate_hz = 1e9 / (double)s->step_ns;
    out->quantity = "spectrogram";
    snprintf(s->unit, sizeof s->unit, "(%.80s)2 Hz-1", in->unit && *in->unit ? in->unit : "1");
    out->unit = s->unit;
    out->power = true;
    out->n_axes = 1;
    out->axis[0] = (mr_axis){.name = "frequency",
                             .unit = "Hz",
                             .doc = "frequency",
                             .n = mr_fft_bins(&s->fft),
                             .v = s->frequency,
                             .log = true};
    return MR_OK;
}

/* One window of up to eight channels: without its mean, weighted, transformed, squared. */
static void take_one(const spectrogram *s, const mr_fold *f, int64_t k, size_t c)
{
    const mr_kernels *simd = mr_simd();
    const int64_t at = mr_item(&s->items, k, f->span, f->rate_hz).a;
    double mean[MR_FFT_LANES];
    mr_fft_in in = {.x = mr_at(f->x, (size_t)(at - f->x0), c),
                    .stride = f->x->stride,
                    .n_rows = (size_t)s->segment,
                    .window = s->w};
    for (size_t i = 0; i < MR_FFT_LANES && c + i < f->x->nc; i++)
        if (!mr_fold_bad(f, k, c + i)) {
            in.lanes |= 1u << i;
            f->count[c + i]++;
        }
    mr_fft_mean(&in, mean);
    in.mean = mean;
    simd->fft_load(&s->fft, &in, f->scratch);
    simd->fft(&s->fft, f->scratch);
    simd->fft_power(&s->fft, f->scratch, f->acc + c, f->stride);
}

static void spectrogram_take(const void *self, const mr_fold *f, mr_slab items)
{
    for (int64_t k = items.a; k < items.b; k++)
        for (size_t c = 0; c < f->x->nc; c += MR_FFT_LANES) take_one(self, f, k, c);
}

static void spectrogram_give(const void *self, const double *acc, MR_UNUSED const double *count,
                             size_t stride, MR_UNUSED double *scratch, mr_view *y)
{
    const spectrogram *s = self;
    for (size_t k = 0; k < y->nt; k++) {
        const bool once = k == 0 || (s->segment % 2 == 0 && k + 1 == y->nt); /* of one sign only */
        for (size_t c = 0; c < y->nc; c++)
            *mr_at(y, k, c) = (once ? s->scale / 2 : s->scale) * acc[k * stride + c];
    }
}

static void spectrogram_release(void *self)
{
    spectrogram *s = self;
    mr_fft_fini(&s->fft);
    free(s->w);
    free(s->frequency);
}

const mr_op mr_op_spectrogram = {
    .name = "spectrogram",
    .example = "segment: 128, step: 500 ms",
    .doc = "power spectral density of each window, over time",
    .ref = "scipy.signal.spectrogram (density, hann, constant)",
    .size = sizeof(spectrogram),
    .params = spectrogram_params,
    .bind = spectrogram_bind,
    .release = spectrogram_release,
    .fold = &(const mr_reducer){.take = spectrogram_take, .give = spectrogram_give}};
