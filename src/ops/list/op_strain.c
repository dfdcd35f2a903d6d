/* ops/list/op_strain.c: strain over a gauge: of optical phase, or the strain rate that particle
 * velocities at both of its ends make; and strain of strain rate, which is a compound: units, then
 * the integral over time. */
#include "ops/ops.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct strain {
    int from;
    double gauge_m, wavelength_m, index, zeta;
    double above_hz;
    int64_t window_ns;
    double factor;
    size_t n; /* channel steps of the gauge */
} strain;

enum { PHASE, VELOCITY, STRAIN_RATE };
static const char *const from_names[] = {"phase", "velocity", "strain_rate", NULL};

static const mr_param strain_params[] = {
    {"from", MR_ENUM, offsetof(strain, from), .names = from_names,
     .doc = "phase in rad: strain; velocity along the fibre in m/s: strain rate; strain_rate: "
            "strain, by "
            "the integral over time"},
    {"gauge", MR_F64, offsetof(strain, gauge_m), .unit = "m", .min = 1e-3, .max = 1e5, .def = "",
     .doc =
         "length over which it is measured; phase: the files' own if left out; velocity: a whole "
         "number of channel spacings, one if left out"},
    {"wavelength", MR_F64, offsetof(strain, wavelength_m), .unit = "m", .min = 1e-7, .max = 1e-5,
     .def = "1.55e-6 m", .doc = "of the laser in vacuum (phase)"},
    {"index", MR_F64, offsetof(strain, index), .min = 1, .max = 4, .def = "1.445",
     .doc = "refractive index of the fibre (phase)"},
    {"zeta", MR_F64, offsetof(strain, zeta), .min = 1e-3, .max = 2, .def = "0.79",
     .doc = "photoelastic scaling factor (phase)"},
    {"above", MR_F64, offsetof(strain, above_hz), .unit = "Hz", .min = 1e-6, .max = 1e6, .def = "",
     .doc = "only what is above is integrated, as integrate does it: 0.1 Hz unless a window is "
            "given (strain_rate)"},
    {"window", MR_NS, offsetof(strain, window_ns), .min = 1e-3, .max = 7 * 86400, .def = "",
     .span_ok = true,
     .doc = "instead: the integral begins from zero at each multiple of this in UTC; or: span "
            "(strain_rate)"},
    {0}};

static mr_status strain_compound(const void *self, mr_compound *p)
{
    mr_status st = MR_OK;
    const strain *s = self;
    char above[32], window[32] = "span";
    if (s->from != STRAIN_RATE && (s->above_hz > 0 || s->window_ns))
        return MR_RAISE(MR_ECONFIG, "%s goes with from: strain_rate, which is integrated",
                        s->above_hz > 0 ? "above" : "window");
    if (s->from != STRAIN_RATE) return MR_OK;
    snprintf(above, sizeof above, "%.17g Hz", s->above_hz);
    if (s->window_ns != MR_WINDOW_SPAN)
        snprintf(window, sizeof window, "%lld ns", (long long)s->window_ns);
    MR_TRY(mr_compound_add(p, "units", "to", "strain_rate", (char *)NULL));
    if (s->above_hz > 0 && s->window_ns)
        return mr_compound_add(p, "integrate", "above", above, "window", window, (char *)NULL);
    if (s->above_hz > 0) return mr_compound_add(p, "integrate", "above", above, (char *)NULL);
    if (s->window_ns) return mr_compound_add(p, "integrate", "window", window, (char *)NULL);
    MR_TRY(mr_compound_add(p, "integrate", (char *)NULL));
out:
    return st;
}

static mr_status phase_bind(strain *s, const mr_geom *in, mr_geom *out)
{
    const double gauge = s->gauge_m > 0 ? s->gauge_m : in->gauge_m;
    if (!(gauge > 0)) return MR_RAISE(MR_ECONFIG, "gauge is needed: the files do not say it");
    const char *unit = in->unit ? in->unit : "", *native = in->native_unit ? in->native_unit : "";
    const bool rad = strcmp(unit, "rad") == 0;
    if (!rad && !(strcmp(native, "rad") == 0 && in->to_native > 0))
        return MR_RAISE(MR_ECONFIG,
                        "from: phase takes samples in rad, these are in %s and their way to rad is "
                        "not known: scale {by, unit: rad} first",
                        *unit ? unit : "no unit");
    s->factor = s->wavelength_m / (4 * M_PI * s->index * gauge * s->zeta);
    if (!rad) s->factor *= in->to_native;
    out->gauge_m = gauge;
    out->quantity = "strain";
    out->unit = "1";
    return MR_OK;
}

static mr_status velocity_bind(strain *s, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    const double dx = fabs(in->dx_m), steps = s->gauge_m > 0 ? s->gauge_m / dx : 1;
    if (!(dx > 0))
        return MR_RAISE(MR_ECONFIG,
                        "channels must lie evenly along the fibre, and their spacing be known");
    s->n = (size_t)llround(steps);
    if (s->n < 1 || fabs(steps - (double)s->n) > 1e-3 * steps)
        return MR_RAISE(MR_ECONFIG, "gauge: %g m is no whole number of spacings of %g m; %g m is",
                        s->gauge_m, dx, dx * (double)MR_MAX(s->n, (size_t)1));
    if (s->n >= in->nc)
        return MR_RAISE(MR_ECONFIG, "gauge: %zu spacings, there are %zu channels", s->n, in->nc);
    s->factor = 1 / ((double)s->n * in->dx_m);
    out->nc = in->nc - s->n;
    out->gauge_m = (double)s->n * dx;
    out->quantity = "strain_rate";
    out->unit = "s-1";
    needs->ch_after = s->n;
    needs->ch_place = MR_PLACE_MIDDLE;
    return MR_OK;
}

static mr_status strain_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    strain *s = self;
    out->to_native = out->to_strain_rate = out->to_strain = 0;
    needs->lti = true;
    return s->from == PHASE ? phase_bind(s, in, out) : velocity_bind(s, in, out, needs);
}

static void strain_apply(const void *self, const mr_piece *p)
{
    const strain *s = self;
    for (size_t t = 0; t < p->y->nt; t++) {
        const double *x = mr_at(p->x, (size_t)(p->y0 - p->x0) + t, p->yc0 - p->xc0);
        double *y = mr_at(p->y, t, 0);
        for (size_t c = 0; c < p->y->nc; c++)
            y[c] = s->factor * (s->from == PHASE ? x[c] : x[c + s->n] - x[c]);
    }
}

static mr_status strain_describe(const void *self, mr_text *t)
{
    return mr_text_add(t, " factor=%a", ((const strain *)self)->factor);
}

const mr_op mr_op_strain = {.name = "strain",
                            .example = "from: velocity, gauge: 3 m",
                            .doc =
                                "strain of optical phase or strain rate, strain rate of velocities",
                            .ref = "phase * wavelength / (4 pi index gauge zeta); "
                                   "(v(x + gauge / 2) - v(x - gauge / 2)) / gauge",
                            .size = sizeof(strain),
                            .params = strain_params,
                            .compound = strain_compound,
                            .bind = strain_bind,
                            .map = strain_apply,
                            .describe = strain_describe};
