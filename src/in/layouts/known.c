/* in/layouts/known.c: layouts that are recognised so that they are refused by their name and not
 * misread as something else. */
#include "in/layout.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_jld2(const mr_infile *src)
{
    static const char text[] = "HDF5-based Julia Data Format";
    return mr_infile_begins(src, text, sizeof text - 1);
}

static bool is_ph5(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_is_group(h, "Experiment_g");
}

static bool is_uptech(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "Acquisition/StrainRate") && mr_h5_has(h, "Acquisition/Time");
}

static bool is_porotomo(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    char s[64];
    uint64_t n = mr_h5_count(h, "@Conventions");
    for (uint64_t i = 0; i < n && i < 16; i++)
        if (mr_h5_text(h, "@Conventions", i, s, sizeof s) && strstr(s, "DAS-HDF5")) return true;
    return false;
}

static bool is_neubrex(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "Acoustic@NEUBRESCOPE.DAS.Model");
}

static bool is_febus_t1(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "Data/Temperature") && mr_h5_has(h, "Data/Distance");
}

static bool is_febus_g1(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "distances") && mr_h5_has(h, "start_times") &&
           (mr_h5_has(h, "bsl_data") || mr_h5_has(h, "mtx"));
}

static bool is_neubrex_rfs(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "data") && mr_h5_has(h, "depth") && mr_h5_has(h, "stamps_unix");
}

static bool is_carina(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "Fiber") && mr_h5_has(h, "ChannelMap");
}

static bool is_odh4(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "raw_data") && mr_h5_has(h, "@channel spacing m");
}

static bool is_odh3(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "data") && mr_h5_has(h, "x_axis") && mr_h5_has(h, "t_axis");
}

static bool is_hdas(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "HDAS_DATA") || (mr_h5_has(h, "data") && mr_h5_has(h, "hdas_header"));
}

static bool is_ai4eps(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "data@dx_m") && mr_h5_has(h, "data@dt_s");
}

static bool is_nec(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "data@Interval of monitor point");
}

static bool is_puniu(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "default@row_major_order");
}

static bool is_t8(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_is_group(h, "ProcessedData");
}

static bool is_jamstec(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "DAS_record") && mr_h5_has(h, "Sampling_interval_in_time");
}

static bool is_apsensing_old(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "strain") && mr_h5_has(h, "spatialsampling") &&
           mr_h5_has(h, "RepetitionFrequency");
}

const mr_layout mr_layout_jld2 = {"jld2", "DASVader JLD2", .hdf5 = true, .recognise = is_jld2};
const mr_layout mr_layout_ph5 = {"ph5", "PH5", .hdf5 = true, .recognise = is_ph5};
const mr_layout mr_layout_uptech = {"uptech", "Uptech", .hdf5 = true, .recognise = is_uptech};
const mr_layout mr_layout_porotomo = {"porotomo", "PoroTomo DAS-HDF5", .hdf5 = true,
                                      .recognise = is_porotomo};
const mr_layout mr_layout_neubrex = {"neubrex", "Neubrex DAS", .hdf5 = true,
                                     .recognise = is_neubrex};
const mr_layout mr_layout_febus_t1 = {"febus-t1", "Febus T1", .hdf5 = true,
                                      .recognise = is_febus_t1};
const mr_layout mr_layout_febus_g1 = {"febus-g1", "Febus G1", .hdf5 = true,
                                      .recognise = is_febus_g1};
const mr_layout mr_layout_neubrex_rfs = {"neubrex-rfs", "Neubrex RFS", .hdf5 = true,
                                         .recognise = is_neubrex_rfs};
const mr_layout mr_layout_carina = {"carina", "Silixa Carina", .hdf5 = true,
                                    .recognise = is_carina};
const mr_layout mr_layout_odh4 = {"odh4", "ODH4", .hdf5 = true, .recognise = is_odh4};
const mr_layout mr_layout_odh3 = {"odh3", "ODH3", .hdf5 = true, .recognise = is_odh3};
const mr_layout mr_layout_hdas = {"hdas", "HDAS", .hdf5 = true, .recognise = is_hdas};
const mr_layout mr_layout_ai4eps = {"ai4eps", "AI4EPS", .hdf5 = true, .recognise = is_ai4eps};
const mr_layout mr_layout_nec = {"nec", "NEC", .hdf5 = true, .recognise = is_nec};
const mr_layout mr_layout_puniu = {"puniu", "Puniu", .hdf5 = true, .recognise = is_puniu};
const mr_layout mr_layout_t8 = {"t8", "T8", .hdf5 = true, .recognise = is_t8};
const mr_layout mr_layout_jamstec = {"jamstec", "JAMSTEC", .hdf5 = true, .recognise = is_jamstec};
const mr_layout mr_layout_apsensing_old = {"apsensing-old", "old AP Sensing", .hdf5 = true,
                                           .recognise = is_apsensing_old};
