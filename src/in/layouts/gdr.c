/* in/layouts/gdr.c: GDR version 1 (DAS-RCN metadata): numbers are texts, "NaN" stands for missing.
 */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ACQ "DasMetadata/Interrogator/Acquisition"

bool mr_is_gdr(const mr_h5 *h)
{
    return mr_h5_is_group(h, ACQ) && mr_h5_has(h, "DasRawData/RawData") &&
           mr_h5_has(h, "DasRawData/DasTimeArray");
}

/** Lengths are in metres, whatever the spelling; anything else is not guessed. */
static void length_fact(const mr_h5 *h, mr_find *f, const char *name, double *out)
{
    char where[120], unit[32] = "m";
    double v;
    snprintf(where, sizeof where, ACQ "@%s", name);
    if (!mr_h5_f64(h, where, &v)) return;
    snprintf(where, sizeof where, ACQ "@%sUnit", name);
    mr_h5_text(h, where, 0, unit, sizeof unit);
    if (unit[0] == 'm' && (!unit[1] || strncmp(unit, "met", 3) == 0))
        *out = v;
    else
        mr_odd(f, "%s in %s is not used", name, unit);
}

mr_status mr_read_gdr(const mr_h5 *h, mr_find *f)
{
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    char first[32] = "", unit[64] = "";
    double nominal = 0;
    MR_TRY(mr_find_data(h, f, "DasRawData/RawData"));
    mr_h5_text(h, "DasRawData/RawData@DasDimensions", 0, first, sizeof first);
    f->time_first = strncmp(first, "locus", 5) != 0;
    uint64_t n = f->dims[f->time_first ? 0 : 1];
    int64_t t[2] = {0, 0};
    if (mr_h5_count(h, "DasRawData/DasTimeArray") == n &&
        mr_h5_i64s(h, "DasRawData/DasTimeArray", 0, 1, &t[0]) &&
        mr_h5_i64s(h, "DasRawData/DasTimeArray", n - 1, 1, &t[1])) {
        f->have_t0 = true;
    } else {
        f->have_t0 = mr_time_fact(h, ACQ "@AcquisitionStartTime", &t[0]);
        mr_assume(f, "start from AcquisitionStartTime");
    }
    o->t0_ns = t[0];
    o->t1_ns = t[1];
    double measured = mr_rate_of(t[0], t[1], n);
    bool stated = mr_h5_f64(h, ACQ "@AcquisitionSampleRate", &nominal) && nominal > 0;
    o->rate_hz = stated ? nominal : mr_round_rate(measured, (double)(t[1] - t[0]) / 1e9, 2e-9);
    if (stated && measured > 0 && fabs(measured / nominal - 1) > 1e-3) {
        mr_odd(f, "AcquisitionSampleRate %g Hz, stamps give %.9g Hz", nominal, measured);
        o->rate_hz = measured;
    }
    length_fact(h, f, "SpatialSamplingInterval", &o->dx_m);
    length_fact(h, f, "GaugeLength", &o->gauge_m);
    mr_h5_text(h, ACQ "@UnitOfMeasure", 0, unit, sizeof unit);
    mr_set_unit(f, unit, 1);
    mr_assume(f, "first channel at 0 m");
out:
    return st;
}
