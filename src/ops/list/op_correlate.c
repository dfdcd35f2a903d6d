/* ops/list/op_correlate.c: cross-correlation of some channels, the virtual sources, with all
 * channels: windows of the UTC grid, stacked linearly. Spectra are summed and transformed back once
 * a row.
 *
 * A window of N samples goes without its mean, zero-padded, through a transform of the first length
 * with the factors 2, 3, 5 from N + max_lag on: lags up to max_lag do not wrap around. Bins times
 * the conjugate of the source's: y[lag] = sum over t of x[t + lag] s[t]. */
#include "millrace/op_fast.h"
#include "ops/kernels/band.h"
#include "ops/ops.h"
#include "ops/kernels/simd.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_SOURCES = 32,
    PART = 64,
    ROWS = 256
}; /* bins, rows that stay in the first-level cache */

typedef struct correlate {
    mr_list64 sources;
    int64_t window_ns, stack_ns;
    double max_lag, whiten[2], edge, ram_s;
    int normalise;
    /* bind's own */
    mr_items items;
    mr_fft fft;
    mr_band_of band;
    size_t n, lags, ram; /* samples of a window; lags to one side; samples of the running mean */
    size_t column[MAX_SOURCES];
    double number[MAX_SOURCES];
    double *lag_s; /* [2 lags + 1] */
    double *flat;  /* [bins][2] spectrum of a full window of ones */
    char unit[96];
} correlate;

enum { NONE, ONEBIT, RAM };
static const char *const normalisations[] = {"none", "onebit", "ram", NULL};

static const mr_param correlate_params[] = {
    {"sources", MR_LIST, offsetof(correlate, sources), .min = 0, .max = 1e9,
     .doc = "channels, by their number in the input, that all are correlated with"},
    {"window", MR_NS, offsetof(correlate, window_ns), .min = 1e-2, .max = 86400, .def = "60 s",
     .doc = "length of the windows, from multiples of it in UTC on"},
    {"max_lag", MR_F64, offsetof(correlate, max_lag), .unit = "s", .min = 1e-4, .max = 3600,
     .def = "5 s", .doc = "lags to both sides"},
    {"whiten", MR_RANGE, offsetof(correlate, whiten), .unit = "Hz", .min = 1e-6, .max = 1e6,
     .def = "",
     .doc =
         "every frequency of this band counts the same, others not at all; of windows with zeros "
         "up to a length that transforms fast"},
    {"edge", MR_F64, offsetof(correlate, edge), .unit = "Hz", .min = 1e-6, .max = 1e6, .def = "",
     .doc = "width of squared cosines beside that band; sharp if left out"},
    {"normalise", MR_ENUM, offsetof(correlate, normalise), .def = "none", .names = normalisations,
     .doc =
         "of a window's samples: none; the sign alone; divided by the running mean of magnitudes"},
    {"ram", MR_F64, offsetof(correlate, ram_s), .unit = "s", .min = 1e-4, .max = 3600, .def = "1 s",
     .doc = "length of that running mean"},
    {"stack", MR_NS, offsetof(correlate, stack_ns), .min = 1e-2, .max = 7 * 86400, .def = "all",
     .all_ok = true, .doc = "mean over the windows of each multiple of it in UTC; or: all"},
    {0}};

static mr_status find_sources(correlate *s, const mr_geom *in)
{
    if (s->sources.n == 0 || s->sources.n > MAX_SOURCES)
        return MR_RAISE(MR_ECONFIG, "sources: %zu of them; from 1 to %d are possible", s->sources.n,
                        MAX_SOURCES);
    for (size_t i = 0; i < s->sources.n; i++) {
        const uint64_t number = (uint64_t)s->sources.v[i];
        size_t c = 0;
        while (c < in->nc && (in->chan ? in->chan[c] : c) != number) c++;
        if (c == in->nc)
            return MR_RAISE(MR_ECONFIG, "sources: channel %llu is not among the selected ones",
                            (unsigned long long)number);
        s->column[i] = c;
        s->number[i] = (double)number;
    }
    return MR_OK;
}

static mr_status lengths(correlate *s, double rate)
{
    const double window_s = (double)s->window_ns * 1e-9;
    s->n = (size_t)floor(window_s * rate + 1e-6);
    s->lags = (size_t)llround(s->max_lag * rate);
    s->ram = (size_t)MR_MAX(llround(s->ram_s * rate), 1LL);
    if (s->n < 16)
        return MR_RAISE(MR_ECONFIG, "window: %g s is under 16 samples at %g Hz", window_s, rate);
    if (s->lags < 1 || s->lags >= s->n)
        return MR_RAISE(MR_ECONFIG,
                        "max_lag: %g s; from one sample to the window of %g s it can be",
                        s->max_lag, window_s);
    if (s->normalise == RAM && s->ram > s->n)
        return MR_RAISE(MR_ECONFIG, "ram: %g s is longer than the window", s->ram_s);
    if (s->stack_ns != MR_ALL && s->stack_ns % s->window_ns)
        return MR_RAISE(MR_ECONFIG, "stack: %g s is no multiple of the window of %g s",
                        (double)s->stack_ns * 1e-9, window_s);
    return MR_OK;
}

static size_t bins_of(const correlate *s)
{
    return s->band.k1 - s->band.k0;
}

/* sum over t < N of exp(-2 pi i k t / n) = exp(-pi i k (N - 1) / n) sin(pi k N / n) / sin(pi k /
 * n). */
static void flat_bin(size_t k, size_t rows, size_t n, double w[2])
{
    const long double pi = 3.14159265358979323846264338327950288L, x = pi * (long double)k / n;
    const long double size = k ? sinl(x * (long double)rows) / sinl(x) : (long double)rows;
    w[0] = (double)(size * cosl(x * (long double)(rows - 1)));
    w[1] = (double)(-size * sinl(x * (long double)(rows - 1)));
}

static mr_status design(correlate *s, double rate)
{
    mr_status st = MR_OK;
    MR_TRY(lengths(s, rate));
    MR_TRY(mr_fft_init(&s->fft, mr_fft_cheapest(s->n + s->lags)));
    if (s->whiten[1] > 0)
        MR_TRY(mr_band_init(&s->band, s->whiten, s->edge, 0, &s->fft, rate));
    else
        MR_TRY(mr_band_all(&s->band, &s->fft));
    MR_TRY(mr_alloc_f64(2 * s->lags + 1, "lags", &s->lag_s));
    MR_TRY(mr_alloc_f64(2 * bins_of(s), "a spectrum", &s->flat));
    for (size_t k = 0; k < bins_of(s); k++)
        flat_bin(s->band.k0 + k, s->n, s->fft.n, s->flat + 2 * k);
    for (size_t i = 0; i <= 2 * s->lags; i++) s->lag_s[i] = ((double)i - (double)s->lags) / rate;
out:
    return st;
}

static mr_status correlate_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    correlate *s = self;
    mr_status st = find_sources(s, in);
    if (st == MR_OK) st = design(s, in->rate_hz);
    if (st != MR_OK) return st;
    const bool pure = s->whiten[1] > 0 || s->normalise != NONE;
    snprintf(s->unit, sizeof s->unit, "(%.80s)2", in->unit && *in->unit ? in->unit : "1");
    out->rate_hz = s->stack_ns == MR_ALL ? 0 : 1e9 / (double)s->stack_ns;
    out->quantity = "correlation";
    out->unit = pure ? "1" : s->unit;
    out->n_axes = 2;
    out->axis[0] = (mr_axis){.name = "source",
                             .unit = "1",
                             .doc = "source channel",
                             .n = s->sources.n,
                             .v = s->number,
                             .choice = true};
    out->axis[1] =
        (mr_axis){.name = "lag", .unit = "s", .doc = "lag", .n = 2 * s->lags + 1, .v = s->lag_s};
    s->items = (mr_items){.window_ns = s->window_ns,
                          .n = 1,
                          .hop = (int64_t)s->n,
                          .len = (int64_t)s->n,
                          .least = (int64_t)(s->n + 1) / 2};
    needs->items = s->items;
    needs->row_ns = s->stack_ns;
    needs->mean = true;
    needs->no_level = true;
    needs->count_axes = 2;
    needs->state = s->sources.n * 2 * bins_of(s);
    needs->scratch = mr_fft_buffer(&s->fft) +
                     MR_MAX(2 * s->n * MR_FFT_LANES, bins_of(s) * (size_t)MR_FFT_CELL) +
                     PART * MR_FFT_CELL;
    needs->n_sources = s->sources.n;
    needs->source = s->column;
    needs->shared = s->sources.n * (1 + 2 * bins_of(s));
    needs->stripe = s->n;
    return MR_OK;
}

static void correlate_release(void *self)
{
    correlate *s = self;
    mr_fft_fini(&s->fft);
    mr_band_fini(&s->band);
    free(s->lag_s);
    free(s->flat);
}

/* Running mean of magnitudes over m samples about each, the ends repeated; a mean of 0 divides
 * by 1. x: [n][8], replaced; room: as large. */
static void running_mean(double *x, size_t n, size_t m, double *room)
{
    const ptrdiff_t after = (ptrdiff_t)(m - 1) / 2, before = (ptrdiff_t)m - 1 - after;
    for (size_t c = 0; c < MR_FFT_LANES; c++) {
        double sum = 0; /* of magnitudes, afresh every m samples: nothing is subtracted for long */
        for (size_t t = 0; t < n; t++) {
            const ptrdiff_t a = (ptrdiff_t)t - before, e = (ptrdiff_t)t + after,
                            last = (ptrdiff_t)n - 1;
            if (t % m == 0) {
                sum = 0;
                for (ptrdiff_t k = a; k <= e; k++)
                    sum +=
                        fabs(x[(size_t)MR_MIN(MR_MAX(k, (ptrdiff_t)0), last) * MR_FFT_LANES + c]);
            } else {
                sum += fabs(x[(size_t)MR_MIN(e, last) * MR_FFT_LANES + c]) -
                       fabs(x[(size_t)MR_MAX(a - 1, (ptrdiff_t)0) * MR_FFT_LANES + c]);
            }
            room[t * MR_FFT_LANES + c] = sum / (double)m;
        }
    }
    for (size_t i = 0; i < n * MR_FFT_LANES; i++) x[i] /= room[i] > 0 ? room[i] : 1;
}

/* How a window of eight channels stands after loading. */
typedef struct loaded {
    unsigned lanes;            /* that are good */
    double mean[MR_FFT_LANES]; /* that is still in the spectrum, of a full window */
    bool level;                /* there is one */
} loaded;

/* Rows [t, t + n) of a window that begins at `at`, eight channels from c on: where they lie. */
static const double *rows_of(const mr_fold *f, int64_t at, size_t t, size_t n, size_t c,
                             double *room, size_t *stride)
{
    const int64_t a = at + (int64_t)t;
    *stride = f->x->stride;
    if (!f->rows) return mr_at(f->x, (size_t)(a - f->x0), c);
    *stride = MR_FFT_LANES;
    f->rows->load(f->rows->arg, (mr_slab){a, a + (int64_t)n}, c,
                  MR_MIN((size_t)MR_FFT_LANES, f->x->nc - c), room);
    return room;
}

static unsigned good_lanes(const mr_fold *f, int64_t k, size_t c)
{
    const size_t n = MR_MIN((size_t)MR_FFT_LANES, f->x->nc - c);
    unsigned lanes = 0;
    if (f->rows) return f->rows->good(f->rows->arg, k, c, n);
    for (size_t i = 0; i < n; i++)
        if (!mr_fold_bad(f, k, c + i)) lanes |= 1u << i;
    return lanes;
}

/* A window as it is, less its first row, part by part while these are in the first-level cache;
 * what is left of the mean is taken out of the spectrum. */
static void load_plain(const correlate *s, const mr_fold *f, mr_slab at, size_t c, double *z,
                       double *mean)
{
    const size_t n = (size_t)(at.b - at.a), width = MR_MIN((size_t)MR_FFT_LANES, f->x->nc - c);
    double part[ROWS * MR_FFT_LANES] __attribute__((aligned(64))), sum[MR_FFT_LANES] = {0};
    double first[MR_FFT_LANES] = {0}, some[MR_FFT_LANES];
    mr_fft_in in = {.n_rows = n, .mean = first, .lanes = (1u << width) - 1};
    for (size_t t = 0; t < n; t = in.t1) {
        const size_t rows = MR_MIN((size_t)ROWS, n - t);
        in.x = rows_of(f, at.a, t, rows, c, part, &in.stride);
        if (t == 0) memcpy(first, in.x, width * sizeof *first);
        in.t0 = t;
        in.t1 = t + rows < n ? t + rows : s->fft.n;
        mr_simd()->fft_load(&s->fft, &in, z);
        mr_fft_mean(&(mr_fft_in){.x = in.x, .stride = in.stride, .n_rows = rows, .lanes = in.lanes},
                    some);
        for (size_t i = 0; i < width; i++) sum[i] += (some[i] - first[i]) * (double)rows;
    }
    for (size_t i = 0; i < MR_FFT_LANES; i++) mean[i] = sum[i] / (double)n;
}

/* A window normalised: without its mean, signs or over a running mean. */
static void load_normalised(const correlate *s, const mr_fold *f, mr_slab at, size_t c, double *z,
                            double *room)
{
    const size_t n = (size_t)(at.b - at.a), width = MR_MIN((size_t)MR_FFT_LANES, f->x->nc - c);
    double mean[MR_FFT_LANES], *x = room;
    mr_fft_in in = {.n_rows = n, .lanes = (1u << width) - 1};
    in.x = rows_of(f, at.a, 0, n, c, room + s->n * MR_FFT_LANES, &in.stride);
    mr_fft_mean(&in, mean);
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < MR_FFT_LANES; i++) {
            const double v = i < width ? in.x[t * in.stride + i] - mean[i] : 0;
            x[t * MR_FFT_LANES + i] = s->normalise == RAM ? v : (double)((v > 0) - (v < 0));
        }
    if (s->normalise == RAM) running_mean(x, n, s->ram, x + s->n * MR_FFT_LANES);
    in = (mr_fft_in){.x = x, .stride = MR_FFT_LANES, .n_rows = n, .lanes = 0xff};
    mr_simd()->fft_load(&s->fft, &in, z);
}

/* What is left of the mean out of a window cut short: `flat` knows full ones only. */
static void level_rows(const correlate *s, size_t n, const double *mean, double *z)
{
    for (size_t t = 0; t < n; t++) {
        const size_t j = s->fft.packed ? t / 2 : t;
        double *at = z + s->fft.pos[j] * (size_t)MR_FFT_CELL;
        if (s->fft.packed && t % 2) at += MR_FFT_LANES;
        for (size_t i = 0; i < MR_FFT_LANES; i++) at[i] -= mean[i];
    }
}

/* Window k of eight channels into z, transformed. */
static loaded transform(const correlate *s, const mr_fold *f, int64_t k, size_t c, double *z,
                        double *room)
{
    const mr_slab at = mr_item(&s->items, k, f->span, f->rate_hz);
    const size_t n = (size_t)(at.b - at.a);
    loaded l = {.level = s->normalise == NONE && n == s->n};
    if (s->normalise == NONE)
        load_plain(s, f, at, c, z, l.mean);
    else
        load_normalised(s, f, at, c, z, room);
    if (s->normalise == NONE && !l.level) level_rows(s, n, l.mean, z);
    mr_simd()->fft(&s->fft, z);
    l.lanes = good_lanes(f, k, c);
    return l;
}

/* What is left of the mean out of bins x[n][2][8], from bin a of the band on; lanes that are not
 * good become 0. */
MR_CLONES static void level(const double *flat, const loaded *l, size_t n, double *x)
{
    double mean[MR_FFT_LANES], keep[MR_FFT_LANES];
    for (size_t i = 0; i < MR_FFT_LANES; i++) {
        mean[i] = l->level ? l->mean[i] : 0;
        keep[i] = l->lanes >> i & 1 ? 1 : 0;
    }
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < MR_FFT_LANES; i++) {
            double *re = x + k * MR_FFT_CELL + i, *im = re + MR_FFT_LANES;
            *re = keep[i] * (*re - mean[i] * flat[2 * k]);
            *im = keep[i] * (*im - mean[i] * flat[2 * k + 1]);
        }
}

/* Bins [a, b) of the band, white if that is wanted. */
static void bins(const correlate *s, const loaded *l, const double *z, size_t a, size_t b,
                 double *x)
{
    const mr_kernels *simd = mr_simd();
    simd->fft_bins(&s->fft, z, s->band.k0 + a, s->band.k0 + b, x);
    level(s->flat + 2 * a, l, b - a, x);
    if (s->band.weight) simd->fft_phase(x, b - a, s->band.weight + a);
}

/* shared, per item: for each source whether it is good, then [source][bin][2]. */
static void correlate_prepare(const void *self, const mr_fold *f, mr_slab items, double *shared)
{
    const correlate *s = self;
    const size_t n = s->sources.n, n_bins = bins_of(s);
    double *z = f->scratch, *x = z + mr_fft_buffer(&s->fft);
    for (int64_t k = items.a; k < items.b; k++, shared += n * (1 + 2 * n_bins))
        for (size_t c = 0; c < n; c += MR_FFT_LANES) {
            const size_t width = MR_MIN((size_t)MR_FFT_LANES, n - c);
            const loaded l = transform(s, f, k, c, z, x);
            bins(s, &l, z, 0, n_bins, x);
            for (size_t i = 0; i < width; i++) {
                double *to = shared + n + (c + i) * 2 * n_bins;
                shared[c + i] = !mr_fold_bad(f, k, c + i);
                for (size_t b = 0; b < n_bins; b++) {
                    to[2 * b] = x[b * MR_FFT_CELL + i];
                    to[2 * b + 1] = x[b * MR_FFT_CELL + MR_FFT_LANES + i];
                }
            }
        }
}

/* One window of up to eight channels. */
static void take_one(const correlate *s, const mr_fold *f, int64_t k, size_t c)
{
    const mr_kernels *simd = mr_simd();
    const size_t n = s->sources.n, n_bins = bins_of(s);
    const double *shared = f->shared + (size_t)(k - f->shared0) * n * (1 + 2 * n_bins);
    double *z = f->scratch, *room = z + mr_fft_buffer(&s->fft);
    double part[PART * MR_FFT_CELL] __attribute__((aligned(64)));
    const loaded w = transform(s, f, k, c, z, room);
    for (size_t a = 0; a < n_bins; a += PART) {
        const size_t b = MR_MIN(a + PART, n_bins);
        bins(s, &w, z, a, b, part);
        for (size_t i = 0; i < n; i++)
            if (shared[i] > 0)
                simd->fft_cross(part, b - a, shared + n + (i * n_bins + a) * 2,
                                f->acc + (i * n_bins + a) * 2 * f->stride + c, f->stride);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < MR_FFT_LANES && c + l < f->x->nc; l++)
            if (shared[i] > 0 && w.lanes >> l & 1) f->count[i * f->stride + c + l]++;
}

static void correlate_take(const void *self, const mr_fold *f, mr_slab items)
{
    for (int64_t k = items.a; k < items.b; k++)
        for (size_t c = 0; c < f->x->nc; c += MR_FFT_LANES) take_one(self, f, k, c);
}

static void correlate_give(const void *self, const double *acc, MR_UNUSED const double *count,
                           size_t stride, double *scratch, mr_view *y)
{
    const correlate *s = self;
    const size_t n_bins = bins_of(s), lags = s->lags, rows = 2 * lags + 1;
    double *z = scratch, *x = z + mr_fft_buffer(&s->fft);
    const double unit = mr_fft_unit(&s->fft);
    for (size_t i = 0; i < s->sources.n; i++)
        for (size_t c = 0; c < y->nc; c += MR_FFT_LANES) {
            const size_t width = MR_MIN((size_t)MR_FFT_LANES, y->nc - c);
            for (size_t r = 0; r < 2 * n_bins; r++)
                memcpy(x + r * MR_FFT_LANES, acc + (i * 2 * n_bins + r) * stride + c,
                       MR_FFT_LANES * sizeof *x);
            mr_fft_inverse(&s->fft, x, s->band.k0, s->band.k1, z);
            for (size_t r = 0; r < rows; r++) {
                const size_t t = r >= lags ? r - lags : s->fft.n - (lags - r);
                const double *v = mr_fft_sample(&s->fft, z, t);
                for (size_t l = 0; l < width; l++) *mr_at(y, i * rows + r, c + l) = unit * v[l];
            }
        }
}

const mr_op mr_op_correlate = {
    .name = "correlate",
    .example = "sources: 3, window: 5 s, max_lag: 1 s, whiten: 5..20 Hz, stack: 10 s",
    .doc = "cross-correlation of chosen channels with all, stacked over windows",
    .ref = "scipy.signal.correlate; spectra stacked as in NoisePy",
    .size = sizeof(correlate),
    .params = correlate_params,
    .bind = correlate_bind,
    .release = correlate_release,
    .fold = &(const mr_reducer){.take = correlate_take,
                                .give = correlate_give,
                                .prepare = correlate_prepare},
    .fast = &(const mr_fast){.by_rows = true}};
