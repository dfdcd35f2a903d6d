/* in/layouts/optodas.c: ASN OptoDAS, file versions 8 to 11: facts are datasets under /header. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_SENSITIVITIES 65536

static bool is_optodas(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_is_group(h, "acqSpec") && mr_h5_is_group(h, "header") &&
           mr_h5_is_group(h, "cableSpec") && mr_h5_has(h, "data") && mr_h5_has(h, "fileVersion");
}

/** One factor serves all channels, or none is known. */
static bool one_sensitivity(const mr_h5 *h, double *out)
{
    uint64_t n = mr_h5_count(h, "header/sensitivities");
    double v;
    if (n == 0 || n > MAX_SENSITIVITIES || !mr_h5_f64s(h, "header/sensitivities", 0, 1, out) ||
        !isfinite(*out) || *out == 0)
        return false;
    for (uint64_t i = 1; i < n; i++)
        if (!mr_h5_f64s(h, "header/sensitivities", i, 1, &v) || v != *out) return false;
    return true;
}

static void read_unit(const mr_h5 *h, mr_find *f)
{
    char unit[64] = "", per[64] = "", name[64] = "";
    double scale = 1, sens = 1;
    mr_h5_f64(h, "header/dataScale", &scale);
    mr_h5_text(h, "header/unit", 0, unit, sizeof unit);
    mr_h5_text(h, "header/sensitivityUnits", 0, per, sizeof per);
    mr_h5_text(h, "header/name", 0, name, sizeof name);
    if (*per && one_sensitivity(h, &sens)) {
        mr_set_unit(f, strstr(unit, "/s") ? "strain/s" : "strain", scale / sens);
    } else {
        if (*per) mr_odd(f, "sensitivities differ between channels and are not applied");
        mr_set_unit(f, unit, scale);
    }
    mr_set_quantity(f, name);
}

/** Both may say it, and not the same: distances of the channels before a decimation. */
static void compare_positions(const mr_h5 *h, mr_find *f, uint64_t nc)
{
    const char *const where = "cableSpec/sensorDistances";
    double first, last;
    if (nc < 2 || !f->x_m || mr_h5_count(h, where) != nc) return;
    if (!mr_h5_f64s(h, where, 0, 1, &first) || !mr_h5_f64s(h, where, nc - 1, 1, &last)) return;
    const double all = f->x_m[nc - 1] - f->x_m[0];
    if (!(fabs(last - first - all) <= fabs(all) / (double)(nc - 1)))
        mr_odd(f,
               "place: by sensorDistances %.6g to %.6g m, by header/channels %.6g to %.6g m, which "
               "count",
               first, last, f->x_m[0], f->x_m[nc - 1]);
}

static void read_positions(const mr_h5 *h, mr_find *f, uint64_t nc)
{
    double dx = 0;
    mr_h5_f64(h, "header/dx", &dx);
    if (mr_h5_count(h, "header/channels") == nc && dx > 0) {
        mr_set_positions(h, f, "header/channels", nc, dx);
        if (nc == 1) f->info->dx_m = dx;
        compare_positions(h, f, nc);
    } else if (mr_h5_count(h, "cableSpec/sensorDistances") == nc) {
        mr_set_positions(h, f, "cableSpec/sensorDistances", nc, 1);
    } else {
        mr_odd(f, "place: header/channels does not fit the data: positions unknown");
    }
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    char first[32] = "";
    double t = 0, dt = 0, skip = 0;
    int64_t t0;
    MR_TRY(mr_find_data(h, f, "data"));
    mr_h5_text(h, "header/dimensionNames", 0, first, sizeof first);
    f->time_first = strcmp(first, "distance") != 0;
    const bool have_t0 = mr_h5_f64(h, "header/time", &t) && mr_ns_of_s(t, &t0);
    if (!mr_h5_f64(h, "header/dt", &dt) || dt <= 0) return MR_RAISE(MR_EINPUT, "no header/dt");
    const char *range = f->time_first ? "header/dimensionRanges/dimension0/min"
                                      : "header/dimensionRanges/dimension1/min";
    if (!mr_h5_f64(h, range, &skip)) skip = 0;
    if (fabs(skip * dt) > 1e6) return MR_RAISE(MR_EINPUT, "first sample at index %g", skip);
    if (have_t0) mr_clock_start(&f->clock, "header/time", t0 + llround(skip * dt * 1e9));
    mr_clock_rate(&f->clock, "header/dt", 1 / dt);
    read_positions(h, f, f->dims[f->time_first ? 1 : 0]);
    mr_h5_f64(h, "header/gaugeLength", &o->gauge_m);
    read_unit(h, f);
    uint64_t drops = mr_h5_count(h, "header/missingSamples");
    if (drops) mr_odd(f, "header lists %llu missing samples", (unsigned long long)drops);
out:
    return st;
}

const mr_layout mr_layout_optodas = {"optodas", "OptoDAS", .hdf5 = true, .recognise = is_optodas,
                                     .read = read_file};
