/* in/layouts/silixa.c: Silixa iDAS, HDF5 export of TDMS: every fact is a text attribute of
 * /Acoustic. */
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

/** "22/09/2023 18:29:26.158 (UTC)" */
static bool stamp(const mr_h5 *h, const char *where, int64_t *ns)
{
    char s[64];
    if (!mr_h5_text(h, where, 0, s, sizeof s)) return false;
    if (mr_utc_scan(s, "%d/%m/%Y %H:%M:%S.%f", ns) == MR_OK ||
        mr_utc_scan(s, "%d/%m/%Y %H:%M:%S", ns) == MR_OK)
        return true;
    mr_error_clear();
    return false;
}

static void read_time(const mr_h5 *h, mr_find *f)
{
    mr_clock *c = &f->clock;
    int64_t gps, cpu;
    double rate = 0, precise = 0, dec = 0;
    bool have_gps = stamp(h, "Acoustic@GPSTimeStamp", &gps);
    bool have_cpu = stamp(h, "Acoustic@CPUTimeStamp", &cpu);
    if (have_gps)
        mr_clock_start(c, "GPSTimeStamp", gps);
    else if (have_cpu)
        mr_clock_start(c, "CPUTimeStamp", cpu);
    if (!have_gps && have_cpu) mr_assume(f, "time of the recorder's computer (no GPS stamp)");
    if (have_gps && have_cpu && llabs(gps - cpu) > 1000000000)
        mr_odd(f, "clock: GPS and computer clocks differ by %.3f s (GPS is used)",
               (double)(cpu - gps) / 1e9);
    if (mr_h5_f64(h, "Acoustic@SamplingFrequency[Hz]", &rate))
        mr_clock_rate(c, "SamplingFrequency[Hz]", rate);
    mr_h5_f64(h, "Acoustic@Precise Sampling Frequency (Hz)", &precise);
    mr_h5_f64(h, "Acoustic@Time Decimation", &dec);
    if (precise > 0 && dec > 0) c->precise_hz = precise / dec;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    double res = 0, mult = 1, cal = 0;
    MR_TRY(mr_find_data(h, f, "Acoustic"));
    read_time(h, f);
    mr_h5_f64(h, "Acoustic@SpatialResolution[m]", &res);
    mr_h5_f64(h, "Acoustic@Fibre Length Multiplier", &mult);
    o->dx_m = res * mult;
    mr_h5_f64(h, "Acoustic@Start Distance (m)", &o->x0_m);
    mr_h5_f64(h, "Acoustic@GaugeLength", &o->gauge_m);
    if (mr_h5_f64(h, "Acoustic@Unit Calibration (nm)", &cal) && cal > 0 && o->gauge_m > 0) {
        mr_set_unit(f, "strain/s", cal * 1e-9 * f->clock.rate_hz / (o->gauge_m * 8192));
    } else {
        mr_set_unit(f, "", 1);
        mr_set_quantity(f, "strain rate");
    }
out:
    return st;
}

const mr_layout mr_layout_silixa = {"silixa", "Silixa iDAS", .hdf5 = true, .recognise = is_silixa,
                                    .read = read_file};
