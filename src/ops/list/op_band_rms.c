/* ops/list/op_band_rms.c: how much there is of a band of frequencies: a band-pass filter, then the
 * root mean square over a trailing window. A compound. */
#include "ops/ops.h"
#include <stdio.h>

typedef struct band_rms {
    double band_hz[2];
    int64_t window_ns, step_ns;
} band_rms;

static const mr_param band_rms_params[] = {
    {"band", MR_RANGE, offsetof(band_rms, band_hz), .unit = "Hz", .min = 1e-6, .max = 1e6,
     .doc = "frequencies that count; filtered as bandpass does it, without delay"},
    {"window", MR_NS, offsetof(band_rms, window_ns), .min = 1e-6, .max = 86400,
     .doc = "the samples up to and with the output's time that are averaged"},
    {"step", MR_NS, offsetof(band_rms, step_ns), .min = 1e-6, .max = 86400, .def = "",
     .doc = "time between outputs; every sample if left out"},
    {0}};

static mr_status band_rms_compound(const void *self, mr_compound *p)
{
    mr_status st = MR_OK;
    const band_rms *s = self;
    char band[64], window[32], step[32];
    snprintf(band, sizeof band, "%.17g..%.17g Hz", s->band_hz[0], s->band_hz[1]);
    snprintf(window, sizeof window, "%lld ns", (long long)s->window_ns);
    snprintf(step, sizeof step, "%lld ns", (long long)s->step_ns);
    MR_TRY(mr_compound_add(p, "bandpass", "band", band, (char *)NULL));
    if (!s->step_ns) return mr_compound_add(p, "rms", "window", window, (char *)NULL);
    MR_TRY(mr_compound_add(p, "rms", "window", window, "step", step, (char *)NULL));
out:
    return st;
}

const mr_op mr_op_band_rms = {.name = "band_rms",
                              .example = "band: 5..20 Hz, window: 2 s, step: 500 ms",
                              .doc = "root mean square of a band of frequencies",
                              .ref = "scipy.signal.sosfiltfilt, then sqrt of the rolling mean of "
                                     "squares",
                              .size = sizeof(band_rms),
                              .params = band_rms_params,
                              .compound = band_rms_compound};
