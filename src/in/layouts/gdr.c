/* in/layouts/gdr.c: GDR version 1 (DAS-RCN metadata): numbers are texts, "NaN" stands for missing.
 */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define ACQ "DasMetadata/Interrogator/Acquisition"

static bool is_gdr(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_is_group(h, ACQ) && mr_h5_has(h, "DasRawData/RawData") &&
           mr_h5_has(h, "DasRawData/DasTimeArray");
}

/** In the unit that is said; one that nobody knows is not guessed. */
static void length_fact(const mr_h5 *h, mr_find *f, const char *name, double *out)
{
    char where[120], unit[32] = "m";
    double v;
    snprintf(where, sizeof where, ACQ "@%s", name);
    if (!mr_h5_f64(h, where, &v)) return;
    snprintf(where, sizeof where, ACQ "@%sUnit", name);
    mr_h5_text(h, where, 0, unit, sizeof unit);
    const double m = mr_metres_per(unit);
    if (m != 0)
        *out = m == 1 ? v : v * m;
    else
        mr_odd(f, "place: %s in %.20s is not used", name, unit);
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    char first[32] = "", unit[64] = "";
    double nominal = 0;
    MR_TRY(mr_find_data(h, f, "DasRawData/RawData"));
    mr_h5_text(h, "DasRawData/RawData@DasDimensions", 0, first, sizeof first);
    f->time_first = strncmp(first, "locus", 5) != 0;
    int64_t t0;
    if (mr_h5_count(h, "DasRawData/DasTimeArray"))
        mr_clock_stamps(&f->clock, "DasRawData/DasTimeArray", 1);
    if (mr_time_fact(h, ACQ "@AcquisitionStartTime", &t0))
        mr_clock_start(&f->clock, "AcquisitionStartTime", t0);
    if (mr_h5_f64(h, ACQ "@AcquisitionSampleRate", &nominal) && nominal > 0)
        mr_clock_rate(&f->clock, "AcquisitionSampleRate", nominal);
    length_fact(h, f, "SpatialSamplingInterval", &o->dx_m);
    length_fact(h, f, "GaugeLength", &o->gauge_m);
    mr_h5_text(h, ACQ "@UnitOfMeasure", 0, unit, sizeof unit);
    mr_set_unit(f, unit, 1);
    mr_assume(f, "first channel at 0 m");
out:
    return st;
}

const mr_layout mr_layout_gdr = {"gdr", "GDR", .hdf5 = true, .recognise = is_gdr,
                                 .read = read_file};
