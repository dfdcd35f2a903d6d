/* cli/quality/quality_sums.c: the sums of `quality`: one look at each sample. Moments are taken
 * about the first sample, so that an offset costs no digits. */
#include "cli/quality/quality.h"
#include "ops/kernels/simd.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

mr_status mr_weigher_init(mr_weigher *w, double rate_hz, double limit)
{
    mr_status st = MR_OK;
    const size_t n = MR_BAND_SEGMENT;
    double squares = 0;
    *w = (mr_weigher){.rate_hz = rate_hz, .limit = limit};
    w->still_rows = (uint64_t)fmax(ceil(rate_hz), 100); /* a second, and 100 samples */
    const double edge[MR_BANDS + 1] = {0, rate_hz / 50, rate_hz / 5, rate_hz / 2};
    for (int b = 0; b < MR_BANDS; b++) {
        w->band[b][0] = edge[b];
        w->band[b][1] = edge[b + 1];
    }
    MR_TRY(mr_fft_init(&w->fft, n));
    MR_TRY(mr_alloc_f64(n, "a window", &w->window));
    MR_TRY(mr_alloc_f64(mr_fft_buffer(&w->fft), "a transform", &w->z));
    MR_TRY(mr_alloc_f64(n * MR_FFT_LANES, "a segment", &w->x));
    MR_TRY(mr_alloc_f64(mr_fft_bins(&w->fft) * MR_FFT_LANES, "powers", &w->bins));
    for (size_t i = 0; i < n; i++) {
        w->window[i] = 0.5 - 0.5 * cos(2 * 3.14159265358979323846 * (double)i / (double)n);
        squares += w->window[i] * w->window[i];
    }
    w->scale = 2 / (squares * (double)n); /* Parseval: the sum over bins is the mean square */
out:
    return st;
}

void mr_weigher_fini(mr_weigher *w)
{
    mr_fft_fini(&w->fft);
    free(w->window);
    free(w->z);
    free(w->x);
    free(w->bins);
    *w = (mr_weigher){0};
}

static void add_one(const mr_weigher *w, mr_sums *s, mr_still *m, double x)
{
    if (!isfinite(x)) {
        s->nan++;
        m->run = 0;
        return;
    }
    if (!s->n++) {
        s->shift = s->lo = s->hi = x;
        s->at_lo = s->at_hi = 0;
    }
    const double d = x - s->shift, d2 = d * d;
    s->s1 += d;
    s->s2 += d2;
    s->s3 += d2 * d;
    s->s4 += d2 * d2;
    if (x < s->lo) {
        s->lo = x;
        s->at_lo = 0;
    }
    if (x > s->hi) {
        s->hi = x;
        s->at_hi = 0;
    }
    s->at_lo += x == s->lo;
    s->at_hi += x == s->hi;
    s->over += w->limit > 0 && fabs(x) >= w->limit;
    m->run = m->run && x == m->last ? m->run + 1 : 1;
    m->last = x;
    if (m->run == w->still_rows)
        s->still += MR_MIN(m->run, s->n); /* of this interval at most all */
    else if (m->run > w->still_rows)
        s->still++;
}

void mr_sums_add(const mr_weigher *w, mr_sums *sums, mr_still *still, const mr_view *rows)
{
    for (size_t t = 0; t < rows->nt; t++)
        for (size_t c = 0; c < rows->nc; c++) add_one(w, &sums[c], &still[c], *mr_at(rows, t, c));
}

/* A segment of up to eight channels; those with something that is not finite are left out. */
static void segment(const mr_weigher *w, mr_sums *sums, const mr_view *rows, size_t t, size_t c)
{
    const mr_kernels *simd = mr_simd();
    const size_t n = MR_BAND_SEGMENT, wide = MR_MIN((size_t)MR_FFT_LANES, rows->nc - c),
                 bins = mr_fft_bins(&w->fft);
    double mean[MR_FFT_LANES] = {0};
    unsigned lanes = 0;
    for (size_t k = 0; k < wide; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += w->x[i * MR_FFT_LANES + k] = *mr_at(rows, t + i, c + k);
        mean[k] = sum / (double)n;
        if (isfinite(mean[k])) lanes |= 1u << k;
    }
    const mr_fft_in in = {.x = w->x,
                          .stride = MR_FFT_LANES,
                          .n_rows = n,
                          .mean = mean,
                          .window = w->window,
                          .lanes = lanes};
    simd->fft_load(&w->fft, &in, w->z);
    simd->fft(&w->fft, w->z);
    memset(w->bins, 0, bins * MR_FFT_LANES * sizeof *w->bins);
    simd->fft_power(&w->fft, w->z, w->bins, MR_FFT_LANES);
    for (size_t k = 0; k < wide; k++) {
        if (!(lanes >> k & 1)) continue;
        sums[c + k].segments++;
        for (size_t i = 1; i < bins; i++) {
            const double hz = (double)i * w->rate_hz / (double)n;
            const double p = w->bins[i * MR_FFT_LANES + k] * w->scale * (i + 1 == bins ? 0.5 : 1);
            for (int b = 0; b < MR_BANDS; b++)
                if (hz >= w->band[b][0] && (hz < w->band[b][1] || b + 1 == MR_BANDS)) {
                    sums[c + k].power[b] += p;
                    break;
                }
        }
    }
}

void mr_sums_bands(const mr_weigher *w, mr_sums *sums, const mr_view *rows)
{
    for (size_t t = 0; t + MR_BAND_SEGMENT <= rows->nt; t += MR_BAND_SEGMENT)
        for (size_t c = 0; c < rows->nc; c += MR_FFT_LANES) segment(w, sums, rows, t, c);
}

/* Sums about another shift: the binomials of (d + k)^m. */
static void move(mr_sums *s, double shift)
{
    const double k = s->shift - shift, n = (double)s->n;
    const double k2 = k * k, s1 = s->s1, s2 = s->s2, s3 = s->s3;
    s->s4 += 4 * k * s3 + 6 * k2 * s2 + 4 * k2 * k * s1 + n * k2 * k2;
    s->s3 += 3 * k * s2 + 3 * k2 * s1 + n * k2 * k;
    s->s2 += 2 * k * s1 + n * k2;
    s->s1 += n * k;
    s->shift = shift;
}

void mr_sums_merge(mr_sums *a, const mr_sums *b)
{
    mr_sums s = *b;
    if (!a->n && b->n) {
        s.nan += a->nan;
        *a = s;
        return;
    }
    a->nan += s.nan;
    if (!s.n) return;
    move(&s, a->shift);
    a->n += s.n;
    a->still += s.still;
    a->over += s.over;
    a->s1 += s.s1;
    a->s2 += s.s2;
    a->s3 += s.s3;
    a->s4 += s.s4;
    a->at_lo = s.lo < a->lo ? s.at_lo : a->at_lo + (s.lo == a->lo ? s.at_lo : 0);
    a->at_hi = s.hi > a->hi ? s.at_hi : a->at_hi + (s.hi == a->hi ? s.at_hi : 0);
    a->lo = fmin(a->lo, s.lo);
    a->hi = fmax(a->hi, s.hi);
    a->segments += s.segments;
    for (int b2 = 0; b2 < MR_BANDS; b2++) a->power[b2] += s.power[b2];
}

/* Where no limit is known, a value that is the highest (or lowest) again and again is one. */
static uint64_t clipped(const mr_weigher *w, const mr_sums *s)
{
    if (w->limit > 0) return s->over;
    if (!(s->hi > s->lo)) return 0; /* does not change at all */
    return (s->at_lo >= 3 ? s->at_lo : 0) + (s->at_hi >= 3 ? s->at_hi : 0);
}

mr_figures mr_sums_figures(const mr_weigher *w, const mr_sums *s)
{
    mr_figures f = {.n = s->n, .lo = NAN, .hi = NAN, .mean = NAN, .rms = NAN, .std = NAN};
    const double n = (double)s->n, all = n + (double)s->nan;
    f.kurtosis = f.power[0] = f.power[1] = f.power[2] = NAN;
    if (all > 0) f.nan = (double)s->nan / all;
    if (!s->n) return f;
    f.clipped = (double)clipped(w, s) / all;
    f.still = (double)s->still / all;
    f.lo = s->lo;
    f.hi = s->hi;
    const double m = s->s1 / n, m2 = fmax(s->s2 / n - m * m, 0),
                 m4 = s->s4 / n - 4 * m * s->s3 / n + 6 * m * m * s->s2 / n - 3 * m * m * m * m;
    f.mean = s->shift + m;
    f.std = sqrt(m2);
    f.rms = sqrt(f.mean * f.mean + m2);
    if (m2 > 0) f.kurtosis = m4 / (m2 * m2) - 3;
    for (int b = 0; b < MR_BANDS && s->segments; b++)
        f.power[b] = s->power[b] / (double)s->segments;
    return f;
}
