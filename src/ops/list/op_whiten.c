/* ops/list/op_whiten.c: each UTC window's spectrum made white within a band, what lies outside
 * taken out. */
#include "ops/kernels/band.h"
#include "ops/names.h"
#include "ops/ops.h"
#include "ops/kernels/simd.h"
#include <math.h>
#include <stdlib.h>

typedef struct whiten {
    double band[2], edge, smooth;
    int kind;
    int64_t window_ns;
    /* bind's own */
    mr_fft fft;
    mr_band_of own;
    mr_made made;
} whiten;

enum { PHASE, SMOOTH };
static const char *const whiten_kinds[] = {"phase", "smooth", NULL};

static const mr_param whiten_params[] = {
    {"band", MR_RANGE, offsetof(whiten, band), .unit = "Hz", .min = 1e-6, .max = 1e6,
     .doc = "the frequencies that stay"},
    {"window", MR_NS, offsetof(whiten, window_ns), .min = 1e-3, .max = 86400,
     .doc = "length of the windows, from multiples of it in UTC on"},
    {"kind", MR_ENUM, offsetof(whiten, kind), .def = "phase", .names = whiten_kinds,
     .doc = "phase: every magnitude becomes 1; smooth: divided by its running mean in the band"},
    {"smooth", MR_F64, offsetof(whiten, smooth), .unit = "Hz", .min = 1e-6, .max = 1e6,
     .def = "0.5 Hz", .doc = "width of that running mean"},
    {"edge", MR_F64, offsetof(whiten, edge), .unit = "Hz", .min = 1e-6, .max = 1e6, .def = "",
     .doc = "width of squared cosines beside the band; sharp if left out"},
    {0}};

static mr_status whiten_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    whiten *s = self;
    const double rows = (double)s->window_ns * 1e-9 * in->rate_hz;
    mr_status st = MR_OK;
    if (rows < 16)
        return MR_RAISE(MR_ECONFIG, "window: %g s is under 16 samples at %g Hz",
                        (double)s->window_ns * 1e-9, in->rate_hz);
    MR_TRY(mr_fft_init(&s->fft, mr_fft_length((size_t)ceil(rows - 1e-6))));
    MR_TRY(mr_band_init(&s->own, s->band, s->edge, s->kind == SMOOTH ? s->smooth : 0, &s->fft,
                        in->rate_hz));
    if (s->kind == SMOOTH && !s->own.half)
        return MR_RAISE(MR_ECONFIG, "smooth: %g Hz is under three of a window's frequencies",
                        s->smooth);
    const size_t bins = s->own.k1 - s->own.k0;
    needs->window_ns = s->window_ns;
    needs->no_level = true;
    needs->scratch = mr_fft_buffer(&s->fft) + bins * MR_FFT_CELL + (bins + 1) * MR_FFT_LANES;
    mr_name_without_unit(&s->made, in, "whitened", out);
out:
    return st;
}

static void whiten_release(void *self)
{
    whiten *s = self;
    mr_fft_fini(&s->fft);
    mr_band_fini(&s->own);
}

/* Rows [a, b) of y from the window w, channels [c, c + 8). */
static void one_window(const whiten *s, const mr_piece *p, mr_slab w, int64_t a, int64_t b,
                       size_t c)
{
    const mr_kernels *simd = mr_simd();
    const size_t width = MR_MIN((size_t)MR_FFT_LANES, p->x->nc - c);
    double *z = p->scratch, *x = z + mr_fft_buffer(&s->fft), mean[MR_FFT_LANES];
    double *room = x + (s->own.k1 - s->own.k0) * MR_FFT_CELL;
    const double unit = mr_fft_unit(&s->fft);
    mr_fft_in in = {.x = mr_at(p->x, (size_t)(w.a - p->x0), c),
                    .stride = p->x->stride,
                    .n_rows = (size_t)(w.b - w.a),
                    .mean = mean,
                    .lanes = (1u << width) - 1};
    mr_fft_mean(&in, mean);
    simd->fft_load(&s->fft, &in, z);
    simd->fft(&s->fft, z);
    simd->fft_bins(&s->fft, z, s->own.k0, s->own.k1, x);
    mr_band_whiten(&s->own, x, room);
    mr_fft_inverse(&s->fft, x, s->own.k0, s->own.k1, z);
    for (int64_t t = a; t < b; t++) {
        const double *v = mr_fft_sample(&s->fft, z, (size_t)(t - w.a));
        double *y = mr_at(p->y, (size_t)(t - p->y0), c);
        for (size_t i = 0; i < width; i++) y[i] = unit * v[i];
    }
}

static void whiten_apply(const void *self, const mr_piece *p)
{
    const whiten *s = self;
    const int64_t end = p->y0 + (int64_t)p->y->nt;
    for (int64_t a = p->y0, b; a < end; a = b) {
        const mr_slab w = mr_piece_window(p, a, s->window_ns);
        b = MR_MIN(w.b, end);
        for (size_t c = 0; c < p->x->nc; c += MR_FFT_LANES) one_window(s, p, w, a, b, c);
    }
}

const mr_op mr_op_whiten = {.name = "whiten",
                            .example = "band: 5..20 Hz, window: 10 s",
                            .doc = "give all frequencies of a band the same weight",
                            .ref =
                                "irfft(X / abs(X)) of each window in the band (Bensen et al. 2007)",
                            .size = sizeof(whiten),
                            .params = whiten_params,
                            .bind = whiten_bind,
                            .map = whiten_apply,
                            .release = whiten_release};
