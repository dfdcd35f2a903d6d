/* ops/list/op_fk.c: waves by their velocity along the fibre: a fan of the frequency-wavenumber
 * plane.
 *
 * One two-dimensional transform of a block depends on the block. This is a finite response in time:
 * for each wavenumber of the array, its channels padded with zeros to no less than twice their
 * number, the mask over frequency is brought to time, cut to +-context by a Hann window, and that
 * is the filter; what a sample looks at is known, and no block leaves a seam. Run by overlap-save:
 * transforms of eight channels along time, of eight frequencies along the fibre, the smoothed mask,
 * and back. */
#include "ops/kernels/simd.h"
#include "ops/ops.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct fk {
    double velocity[2], edge, band[2];
    int64_t context_ns;
    int direction;
    size_t nc, context; /* channels; samples on each side */
    mr_fft time, space; /* real of n samples; complex of `space.m` channels */
    mr_fft whole;       /* complex of time.n samples, for bind() */
    size_t j0, j1;      /* bins of `time` whose mask is not nothing */
    double *mask;       /* owned: [bundles of 8 bins][space.m][8] */
    double dx_m, rate_hz;
} fk;

enum { BOTH, UP, DOWN };
static const char *const directions[] = {"both", "up", "down", NULL};
enum { LANES = MR_FFT_LANES, CELL = MR_FFT_CELL };
static const double NOTHING = 1e-9; /* of a mask of 1 */
enum { MOST_NAN = 10 };             /* one of so many channels may be NaN */

static const mr_param fk_params[] = {
    {"velocity", MR_RANGE, offsetof(fk, velocity), .unit = "m/s", .min = 1e-3, .max = 1e7,
     .doc = "apparent velocities along the fibre that pass"},
    {"band", MR_RANGE, offsetof(fk, band), .unit = "Hz", .min = 1e-6, .max = 1e7,
     .doc = "frequencies that pass; the lowest decides how long the context is"},
    {"edge", MR_F64, offsetof(fk, edge), .unit = "%", .min = 1e-3, .max = 0.9, .def = "20 %",
     .doc = "width of the quarter waves beside the fan (in slowness) and the band, of each limit"},
    {"direction", MR_ENUM, offsetof(fk, direction), .def = "both", .names = directions,
     .doc = "up: towards higher channel numbers; down; both"},
    {"context", MR_NS, offsetof(fk, context_ns), .min = 1e-6, .max = 600, .def = "",
     .doc = "what an output looks at on each side; eight periods of the lowest frequency, at most "
            "30 s, "
            "if left out"},
    {0}};

/* A quarter wave: 1 from lo to hi, rising from lo (1 - edge), falling to hi (1 + edge). */
static double pass(double v, double lo, double hi, double edge)
{
    if (v < lo)
        return v <= lo * (1 - edge) ? 0 : sin(M_PI / 2 * (v - lo * (1 - edge)) / (lo * edge));
    if (v > hi) return v >= hi * (1 + edge) ? 0 : cos(M_PI / 2 * (v - hi) / (hi * edge));
    return 1;
}

/* The mask at frequency f > 0 and wavenumber number k of m, -m / 2 .. m / 2 (of numpy's sign: a
 * wave g(t - x / v) lies at -f / v). Half a turn a channel goes either way: half of it is up, half
 * down. */
static double mask_at(const fk *s, double f, int64_t k)
{
    const int64_t m = (int64_t)s->space.m;
    const double wide = pass(fabs((double)k) / ((double)m * s->dx_m) / f, 1 / s->velocity[1],
                             1 / s->velocity[0], s->edge) *
                        pass(f, s->band[0], s->band[1], s->edge);
    if (s->direction == BOTH) return wide;
    if (2 * k == m || 2 * k == -m) return wide / 2;
    return (s->direction == UP) == (k < 0) ? wide : 0;
}

static double *element(double *z, const mr_fft *f, size_t i)
{
    return z + f->pos[i] * (size_t)CELL;
}

/* The real and imaginary parts of all elements exchanged: forth becomes back. */
static void exchange(double *z, size_t m)
{
    for (size_t i = 0; i < m * CELL; i += CELL)
        for (size_t c = 0; c < LANES; c++) {
            const double re = z[i + c];
            z[i + c] = z[i + LANES + c];
            z[i + LANES + c] = re;
        }
}

/* The smoothed masks of wavenumbers k0 .. k0 + 7 over the frequencies of `whole`: to z[n][2][8],
 * real parts. room: as large as z. */
static void smooth(const fk *s, size_t k0, double *room, double *z)
{
    const size_t n = s->whole.m, half = s->space.m / 2;
    memset(z, 0, n * CELL * sizeof *z);
    for (size_t j = 1; j < (n + 1) / 2; j++)
        for (size_t c = 0; c < LANES && k0 + c <= half; c++) {
            const double f = (double)j * s->rate_hz / (double)n;
            const int64_t k = (int64_t)(k0 + c);
            /* as imaginary parts: the transform below is one back, of parts exchanged */
            element(z, &s->whole, j)[LANES + c] = mask_at(s, f, k);
            element(z, &s->whole, n - j)[LANES + c] = mask_at(s, f, -k);
        }
    mr_simd()->fft(&s->whole, z);
    exchange(z, n);
    memset(room, 0, n * CELL * sizeof *room);
    for (size_t t = 0; t <= s->context; t++) {
        const double hann = 0.5 + 0.5 * cos(M_PI * (double)t / (double)(s->context + 1));
        for (size_t c = 0; c < CELL; c++) {
            element(room, &s->whole, t)[c] = hann / (double)n * z[t * CELL + c];
            if (t) element(room, &s->whole, n - t)[c] = hann / (double)n * z[(n - t) * CELL + c];
        }
    }
    mr_simd()->fft(&s->whole, room);
    memcpy(z, room, n * CELL * sizeof *z);
}

static double *mask_of(const fk *s, size_t j, size_t k)
{
    return s->mask + ((j - s->j0) / LANES * s->space.m + k) * LANES + (j - s->j0) % LANES;
}

/* The masks of all wavenumbers, first to find which bins count, then to keep them. */
static mr_status make_mask(fk *s)
{
    mr_status st = MR_OK;
    const size_t n = s->whole.m, m = s->space.m;
    double *z = NULL, *room = NULL, *peak = NULL;
    MR_TRY(mr_alloc_f64(n * CELL, "a mask", &z));
    MR_TRY(mr_alloc_f64(n * CELL, "a mask", &room));
    MR_TRY(mr_alloc_f64(n / 2 + 1, "a mask", &peak));
    for (size_t k0 = 0; k0 <= m / 2; k0 += LANES) {
        smooth(s, k0, room, z);
        for (size_t j = 0; j <= n / 2; j++)
            for (size_t c = 0; c < LANES; c++)
                peak[j] =
                    fmax(peak[j], fmax(fabs(z[j * CELL + c]), fabs(z[(n - j) % n * CELL + c])));
    }
    for (s->j0 = 0; s->j0 < n / 2 && peak[s->j0] < NOTHING; s->j0++) {
    }
    for (s->j1 = n / 2 + 1; s->j1 > s->j0 + 1 && peak[s->j1 - 1] < NOTHING; s->j1--) {
    }
    MR_TRY(mr_alloc_f64((s->j1 - s->j0 + LANES - 1) / LANES * LANES * m, "a mask", &s->mask));
    for (size_t k0 = 0; k0 <= m / 2; k0 += LANES) {
        smooth(s, k0, room, z);
        for (size_t j = s->j0; j < s->j1; j++)
            for (size_t c = 0; c < LANES && k0 + c <= m / 2; c++) {
                const size_t k = k0 + c;
                *mask_of(s, j, k) = z[j * CELL + c];
                /* at (f, -k) what stands at (-f, k) */
                if (k && 2 * k != m) *mask_of(s, j, m - k) = z[(n - j) % n * CELL + c];
            }
    }
out:
    free(z);
    free(room);
    free(peak);
    return st;
}

static mr_status check(fk *s, const mr_geom *in)
{
    if (in->nc < 3)
        return MR_RAISE(MR_ECONFIG, "%zu channels are too few for waves along them", in->nc);
    if (!(fabs(in->dx_m) > 0))
        return MR_RAISE(MR_ECONFIG,
                        "channels must lie evenly along the fibre, and their spacing be known: "
                        "choose some by input.channels, or say input.map.spacing");
    if (s->band[1] >= in->rate_hz / 2)
        return MR_RAISE(MR_ECONFIG, "band: %g Hz is not below half the sampling rate (%g Hz)",
                        s->band[1], in->rate_hz / 2);
    const double context_s =
        s->context_ns ? (double)s->context_ns * 1e-9 : fmin(8 / s->band[0], 30);
    s->context = (size_t)llround(context_s * in->rate_hz);
    if (s->context < 2)
        return MR_RAISE(MR_ECONFIG, "context: %g s is under two samples at %g Hz", context_s,
                        in->rate_hz);
    s->nc = in->nc;
    s->dx_m = fabs(in->dx_m); /* channel numbers say what is up, wherever the fibre goes */
    s->rate_hz = in->rate_hz;
    return MR_OK;
}

static size_t bundles_of(const fk *s)
{
    return (s->j1 - s->j0 + LANES - 1) / LANES;
}

static mr_status fk_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out, mr_needs *needs)
{
    fk *s = self;
    mr_status st = MR_OK;
    MR_TRY(check(s, in));
    const size_t n = mr_fft_cheapest(4 * s->context + 4);
    MR_TRY(mr_fft_init(&s->time, n));
    MR_TRY(mr_fft_init(&s->whole, 2 * n)); /* n complex elements */
    MR_TRY(mr_fft_init(&s->space, 2 * mr_fft_cheapest(2 * s->nc - 1)));
    MR_TRY(make_mask(s));
    mr_fft_fini(&s->whole);
    needs->couples = needs->rounds = true;
    needs->before = needs->after = s->context;
    needs->stripe = n - 2 * s->context;
    needs->scratch = bundles_of(s) * s->nc * CELL + MR_MAX(s->time.m, s->space.m) * CELL +
                     MR_MAX((s->j1 - s->j0) * CELL, s->space.m * CELL);
out:
    return st;
}

/* Eight bins of a channel in the spectra: [bundles][nc][2][8]. */
static double *cell(double *spectra, const fk *s, size_t j, size_t c)
{
    return spectra + ((j - s->j0) / LANES * s->nc + c) * CELL;
}

/* Rows of eight channels (or `w`) along time: into the spectra, by frequency. at: index of row 0.
 */
static void forward(const fk *s, const mr_piece *p, int64_t at, size_t c, double *z, double *bins,
                    double *spectra)
{
    const size_t w = MR_MIN((size_t)LANES, s->nc - c), n = s->time.n;
    const mr_slab rows = {MR_MAX(at, p->x0), MR_MIN(at + (int64_t)n, p->x0 + (int64_t)p->x->nt)};
    memset(z, 0, s->time.m * CELL * sizeof *z);
    for (int64_t i = rows.a; i < rows.b; i++) {
        const size_t t = (size_t)(i - at), r = (size_t)(i - p->x0);
        double *to = element(z, &s->time, s->time.packed ? t / 2 : t) + (t % 2 ? LANES : 0);
        const double *x = mr_at(p->x, r, c);
        const uint8_t *bad = p->bad ? p->bad + r * p->bad_stride + c : NULL;
        for (size_t k = 0; k < w; k++) to[k] = bad && bad[k] ? 0 : x[k];
    }
    mr_simd()->fft(&s->time, z);
    mr_simd()->fft_bins(&s->time, z, s->j0, s->j1, bins);
    for (size_t j = s->j0; j < s->j1; j++)
        for (size_t k = 0; k < w; k++) {
            double *to = cell(spectra, s, j, c + k) + (j - s->j0) % LANES;
            to[0] = bins[(j - s->j0) * CELL + k];
            to[LANES] = bins[(j - s->j0) * CELL + LANES + k];
        }
}

/* Eight frequencies along the fibre, there and back through the mask. */
static void across(const fk *s, size_t g, double *z, double *room, double *spectra)
{
    const size_t m = s->space.m;
    double *x = spectra + g * s->nc * CELL;
    const double *mask = s->mask + g * m * LANES;
    for (size_t c = 0; c < m; c++) {
        double *to = element(z, &s->space, c);
        if (c < s->nc)
            memcpy(to, x + c * CELL, CELL * sizeof *to);
        else
            memset(to, 0, CELL * sizeof *to);
    }
    mr_simd()->fft(&s->space, z);
    for (size_t k = 0; k < m; k++) {
        double *to = element(room, &s->space, k);
        for (size_t j = 0; j < LANES; j++) {
            const double by = mask[k * LANES + j] / (double)m;
            to[j] = by * z[k * CELL + LANES + j];
            to[LANES + j] = by * z[k * CELL + j];
        }
    }
    mr_simd()->fft(&s->space, room);
    for (size_t c = 0; c < s->nc; c++)
        for (size_t j = 0; j < LANES; j++) {
            x[c * CELL + j] = room[c * CELL + LANES + j];
            x[c * CELL + LANES + j] = room[c * CELL + j];
        }
}

/* Eight channels back to time: output rows [t, t + n) of the piece, which is sample `context` on.
 */
static void backward(const fk *s, const mr_piece *p, size_t t, size_t n, size_t c, double *z,
                     double *bins, double *spectra)
{
    const size_t w = MR_MIN((size_t)LANES, s->nc - c);
    memset(bins, 0, (s->j1 - s->j0) * CELL * sizeof *bins);
    for (size_t j = s->j0; j < s->j1; j++)
        for (size_t k = 0; k < w; k++) {
            const double *from = cell(spectra, s, j, c + k) + (j - s->j0) % LANES;
            bins[(j - s->j0) * CELL + k] = from[0];
            bins[(j - s->j0) * CELL + LANES + k] = from[LANES];
        }
    mr_fft_inverse(&s->time, bins, s->j0, s->j1, z);
    for (size_t i = 0; i < n; i++) {
        const double *from = mr_fft_sample(&s->time, z, s->context + i);
        double *y = mr_at(p->y, t + i, c);
        for (size_t k = 0; k < w; k++) y[k] = from[k] * mr_fft_unit(&s->time);
    }
}

static void fk_apply(const void *self, const mr_piece *p)
{
    const fk *s = self;
    const size_t most = s->time.n - 2 * s->context;
    double *spectra = p->scratch, *z = spectra + bundles_of(s) * s->nc * CELL;
    double *room = z + MR_MAX(s->time.m, s->space.m) * CELL;
    for (size_t t = 0; t < p->y->nt; t += most) {
        const size_t n = MR_MIN(most, p->y->nt - t);
        const int64_t at = p->y0 + (int64_t)t - (int64_t)s->context;
        memset(spectra, 0, bundles_of(s) * s->nc * CELL * sizeof *spectra);
        for (size_t c = 0; c < s->nc; c += LANES) forward(s, p, at, c, z, room, spectra);
        for (size_t g = 0; g < bundles_of(s); g++) across(s, g, z, room, spectra);
        for (size_t c = 0; c < s->nc; c += LANES) backward(s, p, t, n, c, z, room, spectra);
    }
}

/* NaN enter as 0. A few of them leave the others as they are, but for what they would have added:
 * only they themselves are NaN then. More are a hole in the array: all that looks at it is NaN. */
static void fk_nan(const void *self, MR_UNUSED mr_slab span, mr_marks *in, mr_marks *out)
{
    const fk *s = self;
    const int64_t c = (int64_t)s->context;
    for (size_t t = 0; t < in->nt; t++) {
        uint8_t *m = in->d + t * in->nc;
        const int64_t at = in->t0 + (int64_t)t, y = at - out->t0;
        size_t n = 0;
        for (size_t k = 0; k < in->nc; k++) n += m[k] != 0;
        if (n * MOST_NAN > s->nc) {
            const int64_t a = MR_MAX(y - c, (int64_t)0);
            const int64_t b = MR_MIN(y + c + 1, (int64_t)out->nt);
            if (b > a) memset(out->d + (size_t)a * out->nc, MR_NAN, (size_t)(b - a) * out->nc);
            continue;
        }
        for (size_t k = 0; k < in->nc && n; k++) {
            if (!m[k]) continue;
            m[k] = MR_NAN_TAKEN;
            if (y >= 0 && y < (int64_t)out->nt) out->d[(size_t)y * out->nc + k] = MR_NAN;
        }
    }
}

static void fk_release(void *self)
{
    fk *s = self;
    mr_fft_fini(&s->time);
    mr_fft_fini(&s->space);
    mr_fft_fini(&s->whole);
    free(s->mask);
}

static mr_status fk_describe(const void *self, mr_text *t)
{
    const fk *s = self;
    return mr_text_add(t, " channels=%zu spacing=%a length=%zu wide=%zu", s->nc, s->dx_m, s->time.n,
                       s->space.m);
}

const mr_op mr_op_fk = {
    .name = "fk",
    .example = "velocity: 300..3000 m/s, band: 5..20 Hz",
    .doc = "waves by their velocity along the fibre (f-k fan)",
    .ref = "fan mask over frequency and wavenumber (Embree et al. 1963), as a finite "
           "response: its inverse transform in time under a Hann window",
    .on_nan = "a sample that is NaN enters as 0, is counted in the ledger, and is NaN at its own "
              "time and channel only; where more than 10 % of the channels are NaN at a time, all "
              "are NaN within the context of it",
    .size = sizeof(fk),
    .params = fk_params,
    .bind = fk_bind,
    .map = fk_apply,
    .nan = fk_nan,
    .release = fk_release,
    .describe = fk_describe};
