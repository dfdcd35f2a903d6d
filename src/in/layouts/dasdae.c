/* in/layouts/dasdae.c: DASDAE version 1, the container of DASCore; our own output is one too. The
 * pickled _attrs_coords is never looked at. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_dasdae(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    char s[32];
    return mr_h5_text(h, "@__format__", 0, s, sizeof s) && strcmp(s, "DASDAE") == 0 &&
           mr_h5_is_group(h, "waveforms");
}

static size_t list_patches(const mr_infile *src, size_t max, char **v)
{
    const mr_h5 *h = src->h5;
    return mr_h5_members(h, "waveforms", max, v);
}

/** "distance,time" -> is time the first, and what is the other called. */
static mr_status find_axes(const mr_h5 *h, mr_find *f, const char *group, char *other, size_t size)
{
    char where[400], dims[64] = "";
    snprintf(where, sizeof where, "%s@_dims", group);
    mr_h5_text(h, where, 0, dims, sizeof dims);
    char *comma = strchr(dims, ',');
    if (!comma || strchr(comma + 1, ',')) return MR_RAISE(MR_EINPUT, "dimensions '%s'", dims);
    *comma = 0;
    bool first = strcmp(dims, "time") == 0, second = strcmp(comma + 1, "time") == 0;
    if (first == second) return MR_RAISE(MR_EINPUT, "no time among its two dimensions");
    f->time_first = first;
    snprintf(other, size, "%s", first ? comma + 1 : dims);
    return MR_OK;
}

static mr_status read_time(const mr_h5 *h, mr_find *f, const char *group, uint64_t n)
{
    char where[420];
    double is_time = 0, step;
    snprintf(where, sizeof where, "%s/_coord_time@is_datetime64", group);
    mr_h5_f64(h, where, &is_time);
    snprintf(where, sizeof where, "%s/_coord_time", group);
    if (mr_h5_count(h, where) != n || !mr_h5_is_int(h, where) || is_time != 1)
        return MR_RAISE(MR_EINPUT, "no _coord_time of dates for %llu samples",
                        (unsigned long long)n);
    mr_clock_stamps(&f->clock, where, 1);
    snprintf(where, sizeof where, "%s@_attrs_time_step", group);
    if (n == 1 && mr_h5_f64(h, where, &step) && step > 0) /* whole: ns, as numpy's; else seconds */
        mr_clock_rate(&f->clock, "time_step", (mr_h5_is_int(h, where) ? 1e9 : 1) / step);
    return MR_OK;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    char group[320], where[400], other[64], text[64] = "";
    if (!f->want) return MR_RAISE(MR_EINPUT, "no patch in /waveforms");
    snprintf(group, sizeof group, "waveforms/%.300s", f->want);
    snprintf(where, sizeof where, "%s/data", group);
    MR_TRY(mr_find_data(h, f, where));
    MR_TRY(find_axes(h, f, group, other, sizeof other));
    MR_TRY(read_time(h, f, group, f->dims[f->time_first ? 0 : 1]));
    uint64_t nc = f->dims[f->time_first ? 1 : 0];
    snprintf(where, sizeof where, "%s/_coord_distance", group);
    if (mr_h5_count(h, where) != nc) snprintf(where, sizeof where, "%s/_coord_%s", group, other);
    if (mr_h5_count(h, where) == nc) mr_set_positions(h, f, where, nc, 1);
    snprintf(where, sizeof where, "%s@_attrs_gauge_length", group);
    mr_h5_f64(h, where, &f->info->gauge_m);
    snprintf(where, sizeof where, "%s@_attrs_data_units", group);
    mr_h5_text(h, where, 0, text, sizeof text);
    mr_set_unit(f, text, 1);
    snprintf(where, sizeof where, "%s@_attrs_data_type", group);
    if (mr_h5_text(h, where, 0, text, sizeof text)) mr_set_quantity(f, text);
out:
    return st;
}

const mr_layout mr_layout_dasdae = {"dasdae",          "DASDAE",
                                    .hdf5 = true,      .recognise = is_dasdae,
                                    .read = read_file, .list = list_patches};
