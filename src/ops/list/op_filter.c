/* ops/list/op_filter.c: recursive filters: Butterworth bandpass, bandstop, lowpass, highpass;
 * notch. Zero phase is scipy's sosfiltfilt over the whole span, causal its sosfilt from rest. */
#include "millrace/op_fast.h"
#include "ops/ops.h"
#include <math.h>
#include "ops/kernels/sos.h"

typedef struct filter {
    double band[2], corner, frequency, q;
    int64_t order;
    int phase; /* mr_phase */
    mr_sos sos;
} filter;

static const char *const phases[] = {"zero", "causal", NULL};

#define ORDER_ROW                                                                                  \
    {                                                                                              \
        "order", MR_INT, offsetof(filter, order), .min = 1, .max = 12, .def = "4",                 \
                                                  .doc = "order of the prototype"                  \
    }
#define PHASE_ROW                                                                                  \
    {                                                                                              \
        "phase", MR_ENUM, offsetof(filter, phase),                                                 \
            .def = "zero", .names = phases,                                                        \
            .doc = "zero: forward and backward, no delay; causal: forward only"                    \
    }

static const mr_param band_params[] = {{"band", MR_RANGE, offsetof(filter, band), .unit = "Hz",
                                        .min = 1e-6, .max = 1e6,
                                        .doc = "corner frequencies (-3 dB each run)"},
                                       ORDER_ROW,
                                       PHASE_ROW,
                                       {0}};
static const mr_param corner_params[] = {{"corner", MR_F64, offsetof(filter, corner), .unit = "Hz",
                                          .min = 1e-6, .max = 1e6,
                                          .doc = "corner frequency (-3 dB each run)"},
                                         ORDER_ROW,
                                         PHASE_ROW,
                                         {0}};
static const mr_param notch_params[] = {
    {"frequency", MR_F64, offsetof(filter, frequency), .unit = "Hz", .min = 1e-6, .max = 1e6,
     .doc = "frequency that is taken out"},
    {"q", MR_F64, offsetof(filter, q), .min = 0.5, .max = 1e4, .def = "30",
     .doc = "quality: frequency over the -3 dB width"},
    PHASE_ROW,
    {0}};

static mr_status below_nyquist(const char *what, double f_hz, const mr_geom *in)
{
    if (f_hz < in->rate_hz / 2) return MR_OK;
    return MR_RAISE(MR_ECONFIG, "%s %g Hz is not below half the sampling rate of %g Hz (%g Hz)",
                    what, f_hz, in->rate_hz, in->rate_hz / 2);
}

static mr_status bind_band(filter *f, mr_filter_shape shape, const mr_geom *in, mr_needs *needs)
{
    double nyquist = in->rate_hz / 2;
    mr_status st = below_nyquist("band: corner", f->band[1], in);
    if (st == MR_OK)
        st = mr_design_butter(shape, (int)f->order, f->band[0] / nyquist, f->band[1] / nyquist,
                              &f->sos);
    if (st == MR_OK) mr_sos_needs(&f->sos, (mr_phase)f->phase, needs);
    return st;
}

static mr_status bind_corner(filter *f, mr_filter_shape shape, const mr_geom *in, mr_needs *needs)
{
    mr_status st = below_nyquist("corner", f->corner, in);
    if (st == MR_OK)
        st = mr_design_butter(shape, (int)f->order, f->corner / (in->rate_hz / 2), 0, &f->sos);
    if (st == MR_OK) mr_sos_needs(&f->sos, (mr_phase)f->phase, needs);
    return st;
}

static mr_status bandpass_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                               mr_needs *needs)
{
    needs->no_level = true;
    return bind_band(self, MR_BANDPASS, in, needs);
}

static mr_status bandstop_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                               mr_needs *needs)
{
    return bind_band(self, MR_BANDSTOP, in, needs);
}

static mr_status lowpass_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                              mr_needs *needs)
{
    return bind_corner(self, MR_LOWPASS, in, needs);
}

static mr_status highpass_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                               mr_needs *needs)
{
    needs->no_level = true;
    return bind_corner(self, MR_HIGHPASS, in, needs);
}

static mr_status notch_bind(void *self, const mr_geom *in, MR_UNUSED mr_geom *out, mr_needs *needs)
{
    filter *f = self;
    mr_status st = below_nyquist("frequency", f->frequency, in);
    if (st == MR_OK) st = mr_design_notch(f->frequency / (in->rate_hz / 2), f->q, &f->sos);
    if (st == MR_OK) mr_sos_needs(&f->sos, (mr_phase)f->phase, needs);
    return st;
}

static void filter_apply(const void *self, const mr_piece *p)
{
    const filter *f = self;
    mr_sos_run(&f->sos, (mr_phase)f->phase, p);
}

static void filter_impulse(const void *self, double *h, size_t n)
{
    const filter *f = self;
    mr_sos_impulse(&f->sos, h, n);
}

static mr_status filter_describe(const void *self, mr_text *t)
{
    return mr_sos_describe(&((const filter *)self)->sos, t);
}

static const mr_sos *filter_zero_phase(const void *self)
{
    const filter *f = self;
    return f->phase == MR_PHASE_ZERO ? &f->sos : NULL;
}

static void band_keeps(const void *self, double band_hz[2])
{
    band_hz[0] = ((const filter *)self)->band[0];
    band_hz[1] = ((const filter *)self)->band[1];
}

static void all_keeps(MR_UNUSED const void *self, double band_hz[2])
{
    band_hz[0] = 0;
    band_hz[1] = INFINITY;
}

static void below_keeps(const void *self, double band_hz[2])
{
    band_hz[0] = 0;
    band_hz[1] = ((const filter *)self)->corner;
}

static void above_keeps(const void *self, double band_hz[2])
{
    band_hz[0] = ((const filter *)self)->corner;
    band_hz[1] = INFINITY;
}

static const mr_fast filter_fast = {
    .zero_phase = filter_zero_phase, .in_place = true, .streams = true};

#define FILTER_ROW                                                                                 \
    .size = sizeof(filter), .map = filter_apply, .describe = filter_describe,                      \
    .fast = &filter_fast, .ref = "scipy.signal.butter, sosfiltfilt, sosfilt"

const mr_op mr_op_bandpass = {
    .name = "bandpass",
    .example = "band: 5..20 Hz",
    .doc = "Butterworth: keep what is inside the band",
    .params = band_params,
    .bind = bandpass_bind,
    FILTER_ROW,
    .hints = &(const mr_hints){.keeps = band_keeps, .impulse = filter_impulse}};
const mr_op mr_op_bandstop = {.name = "bandstop",
                              .example = "band: 10..14 Hz",
                              .doc = "Butterworth: take out what is inside the band",
                              .params = band_params,
                              .bind = bandstop_bind,
                              FILTER_ROW,
                              .hints =
                                  &(const mr_hints){.keeps = all_keeps, .impulse = filter_impulse}};
const mr_op mr_op_lowpass = {
    .name = "lowpass",
    .example = "corner: 20 Hz",
    .doc = "Butterworth: keep what is below the corner",
    .params = corner_params,
    .bind = lowpass_bind,
    FILTER_ROW,
    .hints = &(const mr_hints){.keeps = below_keeps, .impulse = filter_impulse}};
const mr_op mr_op_highpass = {
    .name = "highpass",
    .example = "corner: 2 Hz",
    .doc = "Butterworth: keep what is above the corner",
    .params = corner_params,
    .bind = highpass_bind,
    FILTER_ROW,
    .hints = &(const mr_hints){.keeps = above_keeps, .impulse = filter_impulse}};
const mr_op mr_op_notch = {
    .name = "notch",
    .example = "frequency: 10 Hz, q: 10",
    .doc = "take one frequency out",
    .size = sizeof(filter),
    .params = notch_params,
    .bind = notch_bind,
    .map = filter_apply,
    .describe = filter_describe,
    .ref = "scipy.signal.iirnotch, filtfilt, lfilter",
    .fast = &(const mr_fast){.zero_phase = filter_zero_phase, .in_place = true, .streams = true},
    .hints = &(const mr_hints){.keeps = all_keeps, .impulse = filter_impulse}};
