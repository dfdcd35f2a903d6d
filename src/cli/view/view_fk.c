/* cli/view/view_fk.c: the f-k spectrum of a window of samples: segments of half a window's overlap
 * under Hann windows in time and along the fibre, transformed both ways, their powers averaged.
 * Positive wavenumbers are waves towards larger distances. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "cli/common/samples.h"
#include "cli/view/view.h"
#include "ops/kernels/simd.h"

enum { LANES = MR_FFT_LANES, CELL = MR_FFT_CELL, LONGEST = 1024, SHORTEST = 32, LINES = 4 };
#define MOST_BYTES ((uint64_t)1 << 30) /* of the window's samples */

typedef struct spectrum {
    float *x; /* [nt][nc] the window; NaN: nothing there */
    size_t nt, nc, c0;
    int64_t t0_ns;
    double dt_s, dx_m;
    mr_fft time, space;      /* real of n samples; complex of space.m channels */
    size_t n, j0, j1;        /* samples of a segment; bins of frequency */
    double *hann_t, *hann_x; /* [n], [nc] */
    double *bins;            /* [j1 - j0][space.m][2]: a segment, by frequency */
    double *power;           /* [space.m][j1 - j0]: the sum */
    size_t segments;
} spectrum;

static void spectrum_fini(spectrum *s)
{
    free(s->x);
    mr_fft_fini(&s->time);
    mr_fft_fini(&s->space);
    free(s->hann_t);
    free(s->hann_x);
    free(s->bins);
    free(s->power);
}

static mr_status take(void *self, int64_t t_ns, double dt_ns, uint64_t first, const mr_view *rows)
{
    spectrum *s = self;
    for (size_t t = 0; t < rows->nt; t++) {
        const double at = ((double)(t_ns - s->t0_ns) + (double)t * dt_ns) * 1e-9 / s->dt_s;
        const double row = floor(at + 0.5);
        if (!(row >= 0 && row < (double)s->nt)) continue;
        float *to = s->x + (size_t)row * s->nc + (first - s->c0);
        for (size_t c = 0; c < rows->nc; c++) to[c] = (float)*mr_at(rows, t, c);
    }
    return MR_OK;
}

static mr_status hann(size_t n, double **out)
{
    const mr_status st = mr_alloc_f64(n, "a window", out);
    for (size_t i = 0; st == MR_OK && i < n; i++)
        (*out)[i] = 0.5 - 0.5 * cos(2 * M_PI * ((double)i + 0.5) / (double)n);
    return st;
}

/* The longest power of two with some segments in the window. */
static size_t segment_of(size_t nt)
{
    size_t n = SHORTEST;
    while (2 * n <= LONGEST && 4 * n <= nt) n *= 2;
    return n;
}

static mr_status set_up(spectrum *s, const mr_view_ask *q)
{
    mr_status st = MR_OK;
    s->n = segment_of(s->nt);
    MR_TRY(mr_fft_init(&s->time, s->n));
    MR_TRY(mr_fft_init(&s->space, 2 * mr_fft_cheapest(s->nc)));
    MR_TRY(hann(s->n, &s->hann_t));
    MR_TRY(hann(s->nc, &s->hann_x));
    const double df = 1 / (s->dt_s * (double)s->n);
    s->j1 = mr_fft_bins(&s->time);
    if (q->band_hz[1] > 0) {
        s->j0 = MR_MIN((size_t)floor(q->band_hz[0] / df), s->j1 - 1);
        s->j1 = MR_MIN((size_t)ceil(q->band_hz[1] / df) + 1, s->j1);
    }
    if (s->j1 < s->j0 + 2)
        MR_TRY(MR_RAISE(MR_ECONFIG,
                        "--band %g..%g Hz: there are frequencies up to %g Hz, %.3g Hz apart",
                        q->band_hz[0], q->band_hz[1], 0.5 / s->dt_s, df));
    MR_TRY(mr_alloc_f64((s->j1 - s->j0) * s->space.m * 2, "a spectrum", &s->bins));
    MR_TRY(mr_alloc_f64((s->j1 - s->j0) * s->space.m, "a spectrum", &s->power));
out:
    return st;
}

/* Eight channels of a segment along time, less their mean: into the bins. What is NaN is 0 then. */
static void along_time(spectrum *s, size_t row, size_t c, double *x, double *z, double *out)
{
    const size_t w = MR_MIN((size_t)LANES, s->nc - c);
    memset(x, 0, s->n * LANES * sizeof *x);
    for (size_t k = 0; k < w; k++) {
        double sum = 0;
        size_t some = 0;
        for (size_t t = 0; t < s->n; t++) {
            const double v = (double)s->x[(row + t) * s->nc + c + k];
            if (isfinite(v)) sum += v, some++;
        }
        for (size_t t = 0; t < s->n; t++) {
            const double v = (double)s->x[(row + t) * s->nc + c + k];
            x[t * LANES + k] = isfinite(v) ? v - sum / (double)some : 0;
        }
    }
    const mr_fft_in in = {
        .x = x, .stride = LANES, .n_rows = s->n, .window = s->hann_t, .lanes = 0xff};
    mr_simd()->fft_load(&s->time, &in, z);
    mr_simd()->fft(&s->time, z);
    mr_simd()->fft_bins(&s->time, z, s->j0, s->j1, out);
    for (size_t j = 0; j < s->j1 - s->j0; j++)
        for (size_t k = 0; k < w; k++) {
            double *to = s->bins + (j * s->space.m + c + k) * 2;
            to[0] = out[j * CELL + k] * s->hann_x[c + k];
            to[1] = out[j * CELL + LANES + k] * s->hann_x[c + k];
        }
}

/* Eight frequencies along the fibre: their powers are added. */
static void along_fibre(spectrum *s, size_t j, double *z)
{
    const size_t m = s->space.m, n = s->j1 - s->j0, w = MR_MIN((size_t)LANES, n - j);
    memset(z, 0, m * CELL * sizeof *z);
    for (size_t c = 0; c < s->nc; c++)
        for (size_t k = 0; k < w; k++) {
            const double *from = s->bins + ((j + k) * m + c) * 2;
            double *to = z + s->space.pos[c] * (size_t)CELL;
            to[k] = from[0];
            to[LANES + k] = from[1];
        }
    mr_simd()->fft(&s->space, z);
    for (size_t i = 0; i < m; i++)
        for (size_t k = 0; k < w; k++) {
            const double re = z[i * CELL + k], im = z[i * CELL + LANES + k];
            s->power[i * n + j + k] += re * re + im * im;
        }
}

/* Segments that overlap by half; one in which nothing is is left out. */
static mr_status add_up(spectrum *s)
{
    mr_status st = MR_OK;
    double *x = NULL, *z = NULL, *out = NULL;
    MR_TRY(mr_alloc_f64(s->n * LANES, "a segment", &x));
    MR_TRY(mr_alloc_f64(MR_MAX(s->time.m, s->space.m) * CELL, "a transform", &z));
    MR_TRY(mr_alloc_f64((s->j1 - s->j0) * CELL, "a transform", &out));
    for (size_t row = 0; row + s->n <= s->nt; row += s->n / 2) {
        bool any = false;
        for (size_t i = 0; i < s->n * s->nc && !any; i++) any = isfinite(s->x[row * s->nc + i]);
        if (!any) continue;
        for (size_t c = 0; c < s->nc; c += LANES) along_time(s, row, c, x, z, out);
        for (size_t j = 0; j < s->j1 - s->j0; j += LANES) along_fibre(s, j, z);
        s->segments++;
    }
out:
    free(x);
    free(z);
    free(out);
    return st;
}

/* Sums into densities, in decibels, column by column from the most negative wavenumber up. */
static mr_status pour(const spectrum *s, mr_cells *cells)
{
    mr_status st = MR_OK;
    const size_t m = s->space.m, n = s->j1 - s->j0;
    const double df = 1 / (s->dt_s * (double)s->n), dk = 1 / ((double)m * s->dx_m);
    double *v = NULL, wt = 0, wx = 0;
    mr_along along = {.label = "wavenumber, 1/m", .a = -0.5 / s->dx_m, .b = 0.5 / s->dx_m};
    MR_TRY(mr_alloc_f64(n, "a column", &v));
    MR_TRY(mr_cells_init_along(cells, &along, n, (double)s->j0 * df, df));
    mr_cells_up(cells, "frequency, Hz");
    cells->no_zero = cells->peaks = cells->tall = true;
    for (size_t t = 0; t < s->n; t++) wt += s->hann_t[t] * s->hann_t[t];
    for (size_t c = 0; c < s->nc; c++) wx += s->hann_x[c] * s->hann_x[c];
    const double scale = 2 * s->dt_s * s->dx_m / (wt * wx * (double)s->segments);
    for (size_t i = 0; i < m; i++) {
        /* a wave f(t - x / v) lies at -f / v of the transform */
        const int64_t k = i > m / 2 ? (int64_t)(m - i) : -(int64_t)i;
        for (size_t j = 0; j < n; j++) {
            const bool once = s->j0 + j == 0 || 2 * (s->j0 + j) == s->n; /* of one sign only */
            v[j] = 10 * log10(s->power[i * n + j] * scale * (once ? 0.5 : 1));
            if (!isfinite(v[j])) v[j] = NAN;
        }
        mr_cells_column(cells, ((double)k - 0.5) * dk, ((double)k + 0.5) * dk, 0, v, n);
        if (2 * i == m) /* stands at both ends */
            mr_cells_column(cells, ((double)m / 2 - 0.5) * dk, (double)m / 2 * dk, 0, v, n);
    }
out:
    free(v);
    return st;
}

/* Round velocities whose lines are neither flat nor steep, to both sides. */
static mr_status lines(const mr_cells *c, double df, mr_marks *out)
{
    mr_status st = MR_OK;
    static const double round[] = {1, 2, 5};
    const double f0 = c->x0_m - df / 2, high = (double)(c->ny * c->per_cell) * df, k1 = c->along.b;
    const double diagonal = (f0 + high) / k1;
    int n = 0;
    for (double decade = pow(10, floor(log10(diagonal / 8))); n < LINES; decade *= 10)
        for (int i = 0; i < 3 && n < LINES; i++) {
            const double v = round[i] * decade;
            if (v < diagonal / 8) continue;
            for (int side = -1; side <= 1; side += 2) {
                const double k = MR_MIN((f0 + high) / v, k1); /* where it leaves the panel */
                mr_mark m = {.x0 = 0.5,
                             .y0 = (0 - f0) / high,
                             .x1 = 0.5 + 0.5 * side * k / k1,
                             .y1 = (k * v - f0) / high,
                             .kind = MR_MARK_VELOCITY};
                snprintf(m.label, sizeof m.label, "%s%.6g m/s", side < 0 ? "\xe2\x88\x92" : "", v);
                MR_TRY(mr_marks_add(out, &m));
            }
            n++;
        }
out:
    return st;
}

static mr_status refuse(const mr_source *s, const char *arg, const mr_view_ask *q)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].info.places)
            return MR_RAISE(MR_EINPUT, "--fk: the channels of %s do not lie evenly", s->v[i].path);
    if (!(fabs(s->dx_m) > 0))
        return MR_RAISE(MR_EINPUT,
                        "--fk: %s does not say how far apart its channels lie; --config FILE with "
                        "input.map.spacing does",
                        arg);
    if (q->c1 - q->c0 < 3)
        return MR_RAISE(MR_ECONFIG, "--fk: %llu channels are too few for waves along them",
                        (unsigned long long)(q->c1 - q->c0));
    return MR_OK;
}

mr_status mr_view_fk(mr_source *s, const char *arg, const mr_view_ask *q, mr_cells *cells,
                     mr_view_words *words)
{
    mr_status st = MR_OK;
    spectrum w = {.t0_ns = s->t0_ns,
                  .dt_s = 1e-9 * s->dt_ns,
                  .dx_m = fabs(s->dx_m),
                  .nc = (size_t)(q->c1 - q->c0),
                  .c0 = (size_t)q->c0};
    const double rows = floor((double)(s->t1_ns - s->t0_ns) / s->dt_ns + 0.5);
    char size[32];
    MR_TRY(refuse(s, arg, q));
    if (rows < SHORTEST)
        MR_TRY(MR_RAISE(MR_ECONFIG, "--fk: a window of %.0f samples is too short: at least %d",
                        rows, SHORTEST));
    if (rows * (double)w.nc * sizeof *w.x > (double)MOST_BYTES)
        MR_TRY(MR_RAISE(MR_ECONFIG,
                        "--fk: that window would take %s: choose a shorter one by --time A..B, or "
                        "fewer --channels",
                        mr_fmt_bytes(rows * (double)w.nc * sizeof *w.x, size)));
    w.nt = (size_t)rows;
    MR_TRY(mr_alloc(w.nt * w.nc, sizeof *w.x, "a window", &w.x));
    for (size_t i = 0; i < w.nt * w.nc; i++) w.x[i] = NAN;
    MR_TRY(set_up(&w, q));
    for (size_t i = 0; i < s->n; i++)
        MR_TRY(mr_source_read(s, i, q->c0, q->c1, s->t0_ns, s->t1_ns, take, &w));
    MR_TRY(add_up(&w));
    if (!w.segments) MR_TRY(MR_RAISE(MR_ECONFIG, "%s: nothing to view, all samples are NaN", arg));
    MR_TRY(pour(&w, cells));
    MR_TRY(lines(cells, cells->dx_m, &words->marks));
    words->note = "Positive wavenumbers: towards larger distances.";
out:
    spectrum_fini(&w);
    return st;
}

mr_status mr_view_fk_unit(mr_text *unit)
{
    mr_status st = MR_OK;
    char of[96];
    const char *comma = unit->s ? strstr(unit->s, ", ") : NULL;
    snprintf(of, sizeof of, "%s", comma ? comma + 2 : unit->s ? unit->s : "1");
    unit->len = 0;
    MR_TRY(mr_text_add(unit, "dB re (%s)2 Hz-1 m", of));
out:
    return st;
}
