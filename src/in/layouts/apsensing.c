/* in/layouts/apsensing.c: AP Sensing, file version 10: facts are one-element datasets. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool is_apsensing(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "@AppVersion") && mr_h5_has(h, "@FileVersion") &&
           mr_h5_has(h, "@OpticalChannelNumber") && mr_h5_is_group(h, "DAQ") &&
           mr_h5_is_group(h, "Metadata") && mr_h5_is_group(h, "ProcessingServer");
}

static mr_status read_time(const mr_h5 *h, mr_find *f)
{
    char zone[64] = "UTC";
    int64_t n = 0, t0;
    double rate;
    mr_h5_text(h, "Metadata/Timezone", 0, zone, sizeof zone);
    if (*zone && strcmp(zone, "UTC") != 0 && strcmp(zone, "Etc/UTC") != 0)
        return MR_RAISE(MR_EINPUT, "time zone %s, not UTC", zone);
    if (mr_time_fact(h, "Metadata/Timestamp", &t0)) mr_clock_start(&f->clock, "Timestamp", t0);
    if (mr_h5_f64(h, "ProcessingServer/DataRate", &rate))
        mr_clock_rate(&f->clock, "DataRate", rate);
    if (mr_h5_i64(h, "Metadata/TraceCount", &n) && n > 0 && (uint64_t)n != f->dims[0]) {
        mr_odd(f, "TraceCount %lld, %llu rows", (long long)n, (unsigned long long)f->dims[0]);
        if ((uint64_t)n < f->dims[0]) f->nt = (uint64_t)n;
    }
    return MR_OK;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    double end = 0;
    MR_TRY(mr_find_data(h, f, "DAS"));
    MR_TRY(read_time(h, f));
    mr_h5_f64(h, "DAQ/PositionStart", &o->x0_m);
    /* not (PositionEnd - PositionStart) / n: those are of the raw samples before the gauge window
     */
    mr_h5_f64(h, "ProcessingServer/SpatialSampling", &o->dx_m);
    if (mr_h5_f64(h, "DAQ/PositionEnd", &end)) {
        double by_ends = (end - o->x0_m) / (double)f->dims[1];
        if (o->dx_m > 0 && fabs(by_ends / o->dx_m - 1) > 1e-4)
            mr_odd(f, "place: spacing %.6g m, by the end positions %.6g m", o->dx_m, by_ends);
    }
    mr_h5_f64(h, "ProcessingServer/GaugeLength", &o->gauge_m);
    mr_set_unit(f, "", 1); /* the factor from count to radian is not in the file */
    mr_set_quantity(f, "phase");
out:
    return st;
}

const mr_layout mr_layout_apsensing = {"apsensing", "AP Sensing", .hdf5 = true,
                                       .recognise = is_apsensing, .read = read_file};
