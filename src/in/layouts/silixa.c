/* in/layouts/silixa.c: Silixa iDAS, HDF5 export of TDMS: every fact is a text attribute of
 * /Acoustic. What the facts mean serves the TDMS too (in/layouts/tdms.c). */
#include "base/utc.h"
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_silixa(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "Acoustic@SamplingFrequency[Hz]") &&
           mr_h5_has(h, "Acoustic@GPSTimeStamp") && mr_h5_has(h, "Acoustic@GaugeLength");
}

/* --- what their names mean, in whatever format they are kept ---------------------------------- */

static void read_time(const mr_facts *p, mr_find *f)
{
    mr_clock *c = &f->clock;
    int64_t gps, cpu;
    double rate = 0, precise = 0, dec = 0;
    const bool have_gps = p->time(p->arg, "GPSTimeStamp", &gps);
    const bool have_cpu = p->time(p->arg, "CPUTimeStamp", &cpu);
    if (have_gps)
        mr_clock_start(c, "GPSTimeStamp", gps);
    else if (have_cpu)
        mr_clock_start(c, "CPUTimeStamp", cpu);
    if (!have_gps && have_cpu) mr_assume(f, "time of the recorder's computer (no GPS stamp)");
    if (have_gps && have_cpu && llabs(gps - cpu) > 1000000000)
        mr_odd(f, "clock: GPS and computer clocks differ by %.3f s (GPS is used)",
               (double)(cpu - gps) / 1e9);
    if (p->number(p->arg, "SamplingFrequency[Hz]", &rate))
        mr_clock_rate(c, "SamplingFrequency[Hz]", rate);
    p->number(p->arg, "Precise Sampling Frequency (Hz)", &precise);
    p->number(p->arg, "Time Decimation", &dec);
    if (precise > 0 && dec > 0) c->precise_hz = precise / dec;
}

void mr_silixa_facts(const mr_facts *p, mr_find *f)
{
    mr_file_info *o = f->info;
    double res = 0, mult = 1, cal = 0;
    read_time(p, f);
    p->number(p->arg, "SpatialResolution[m]", &res);
    p->number(p->arg, "Fibre Length Multiplier", &mult);
    o->dx_m = res * mult;
    p->number(p->arg, "Start Distance (m)", &o->x0_m);
    p->number(p->arg, "GaugeLength", &o->gauge_m);
    const double last = o->x0_m + (double)(f->dims[f->time_first ? 1 : 0] - 1) * o->dx_m;
    double stop = 0;
    if (p->number(p->arg, "Stop Distance (m)", &stop) && !(fabs(stop - last) <= fabs(o->dx_m)))
        mr_odd(f, "place: Stop Distance %.6g m, by the spacing the last channel is at %.6g m", stop,
               last);
    if (p->number(p->arg, "Unit Calibration (nm)", &cal) && cal > 0 && o->gauge_m > 0) {
        mr_set_unit(f, "strain/s", cal * 1e-9 * f->clock.rate_hz / (o->gauge_m * 8192));
    } else {
        mr_set_unit(f, "", 1);
        mr_set_quantity(f, "strain rate");
    }
}

/* --- as attributes of /Acoustic --------------------------------------------------------------- */

static bool number(const void *h, const char *name, double *v)
{
    char where[100];
    snprintf(where, sizeof where, "Acoustic@%s", name);
    return mr_h5_f64(h, where, v);
}

/** "22/09/2023 18:29:26.158 (UTC)" */
static bool stamp(const void *h, const char *name, int64_t *ns)
{
    char where[100], s[64];
    snprintf(where, sizeof where, "Acoustic@%s", name);
    if (!mr_h5_text(h, where, 0, s, sizeof s)) return false;
    if (mr_utc_scan(s, "%d/%m/%Y %H:%M:%S.%f", ns) == MR_OK ||
        mr_utc_scan(s, "%d/%m/%Y %H:%M:%S", ns) == MR_OK)
        return true;
    mr_error_clear();
    return false;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    mr_status st = MR_OK;
    const mr_facts facts = {src->h5, number, stamp};
    MR_TRY(mr_find_data(src->h5, f, "Acoustic"));
    mr_silixa_facts(&facts, f);
out:
    return st;
}

const mr_layout mr_layout_silixa = {"silixa", "Silixa iDAS", .hdf5 = true, .recognise = is_silixa,
                                    .read = read_file};
