/* in/layouts/known.c: layouts that are recognised so that they are refused by their name and not
 * misread as something else. */
#include "in/layout.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool mr_is_jld2(const mr_h5 *h)
{
    static const char text[] = "HDF5-based Julia Data Format";
    char b[sizeof text - 1];
    return pread(h->fd, b, sizeof b, 0) == (ssize_t)sizeof b && memcmp(b, text, sizeof b) == 0;
}

bool mr_is_ph5(const mr_h5 *h)
{
    return mr_h5_is_group(h, "Experiment_g");
}

bool mr_is_uptech(const mr_h5 *h)
{
    return mr_h5_has(h, "Acquisition/StrainRate") && mr_h5_has(h, "Acquisition/Time");
}

bool mr_is_porotomo(const mr_h5 *h)
{
    char s[64];
    uint64_t n = mr_h5_count(h, "@Conventions");
    for (uint64_t i = 0; i < n && i < 16; i++)
        if (mr_h5_text(h, "@Conventions", i, s, sizeof s) && strstr(s, "DAS-HDF5")) return true;
    return false;
}

bool mr_is_neubrex(const mr_h5 *h)
{
    return mr_h5_has(h, "Acoustic@NEUBRESCOPE.DAS.Model");
}

bool mr_is_febus_a1(const mr_h5 *h)
{
    char *top[8], where[300];
    size_t n = mr_h5_members(h, "/", 8, top);
    bool yes = false;
    for (size_t i = 0; i < n; i++) {
        snprintf(where, sizeof where, "%.200s/Source1@WholeExtent", top[i]);
        yes = yes || mr_h5_has(h, where);
        free(top[i]);
    }
    return yes;
}

bool mr_is_febus_t1(const mr_h5 *h)
{
    return mr_h5_has(h, "Data/Temperature") && mr_h5_has(h, "Data/Distance");
}

bool mr_is_febus_g1(const mr_h5 *h)
{
    return mr_h5_has(h, "distances") && mr_h5_has(h, "start_times") &&
           (mr_h5_has(h, "bsl_data") || mr_h5_has(h, "mtx"));
}

bool mr_is_neubrex_rfs(const mr_h5 *h)
{
    return mr_h5_has(h, "data") && mr_h5_has(h, "depth") && mr_h5_has(h, "stamps_unix");
}

bool mr_is_carina(const mr_h5 *h)
{
    return mr_h5_has(h, "Fiber") && mr_h5_has(h, "ChannelMap");
}

bool mr_is_odh4(const mr_h5 *h)
{
    return mr_h5_has(h, "raw_data") && mr_h5_has(h, "@channel spacing m");
}

bool mr_is_odh3(const mr_h5 *h)
{
    return mr_h5_has(h, "data") && mr_h5_has(h, "x_axis") && mr_h5_has(h, "t_axis");
}

bool mr_is_hdas(const mr_h5 *h)
{
    return mr_h5_has(h, "HDAS_DATA") || (mr_h5_has(h, "data") && mr_h5_has(h, "hdas_header"));
}

bool mr_is_ai4eps(const mr_h5 *h)
{
    return mr_h5_has(h, "data@dx_m") && mr_h5_has(h, "data@dt_s");
}

bool mr_is_nec(const mr_h5 *h)
{
    return mr_h5_has(h, "data@Interval of monitor point");
}

bool mr_is_puniu(const mr_h5 *h)
{
    return mr_h5_has(h, "default@row_major_order");
}

bool mr_is_t8(const mr_h5 *h)
{
    return mr_h5_is_group(h, "ProcessedData");
}

bool mr_is_jamstec(const mr_h5 *h)
{
    return mr_h5_has(h, "DAS_record") && mr_h5_has(h, "Sampling_interval_in_time");
}

bool mr_is_apsensing_old(const mr_h5 *h)
{
    return mr_h5_has(h, "strain") && mr_h5_has(h, "spatialsampling") &&
           mr_h5_has(h, "RepetitionFrequency");
}
