/* in/layouts/bare.c: an array and its time stamps, nothing else. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** The only one of some names that is there; NULL if none or several. */
static const char *only_one(const mr_h5 *h, const char *const *names, size_t n)
{
    const char *found = NULL;
    for (size_t i = 0; i < n; i++)
        if (mr_h5_has(h, names[i])) {
            if (found) return NULL;
            found = names[i];
        }
    return found;
}

static const char *const data_names[] = {"raw", "data"};
static const char *const time_names[] = {"timestamp", "timestamps", "time"};

static bool is_bare(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    const char *t = only_one(h, time_names, 3);
    char where[32];
    if (!(mr_h5_has(h, data_names[0]) || mr_h5_has(h, data_names[1])) || !t || !mr_h5_count(h, t))
        return false;
    snprintf(where, sizeof where, "%s@units", t);
    return !mr_h5_is_int(h, t) || mr_h5_has(h, where);
}

/** Seconds since 1970, unless the vector says what it counts as CF does. */
static mr_status read_time(const mr_h5 *h, mr_find *f, const char *time)
{
    mr_status st = MR_OK;
    char where[40], units[80] = "", calendar[40] = "";
    mr_clock_stamps(&f->clock, time, 1e9);
    snprintf(where, sizeof where, "%s@units", time);
    mr_h5_text(h, where, 0, units, sizeof units);
    snprintf(where, sizeof where, "%s@calendar", time);
    mr_h5_text(h, where, 0, calendar, sizeof calendar);
    if (*units && strcmp(units, "s") != 0)
        MR_TRY(mr_clock_cf(units, calendar, &f->clock.stamps.ns_per, &f->clock.stamps.epoch_ns));
    else
        mr_assume(f, "%s: seconds since 1970 UTC", time);
out:
    return st;
}

/** A 2-D dataset, one of whose extents is n. */
static bool fits(const mr_h5 *h, const char *name, uint64_t n)
{
    hid_t d = -1;
    unsigned rank = 0;
    uint64_t dims[2] = {0};
    bool yes = !mr_h5_is_group(h, name) && mr_h5_dataset(h, name, &d) == MR_OK &&
               mr_h5_shape(d, 2, &rank, dims) == MR_OK && rank == 2;
    if (d >= 0) H5Oclose(d);
    mr_error_clear();
    return yes && (dims[0] == n || dims[1] == n);
}

/** `raw` and `data` first, then what else the stamps are of. */
static size_t list_data(const mr_infile *src, size_t max, char **v)
{
    const mr_h5 *h = src->h5;
    const uint64_t rows = mr_h5_count(h, only_one(h, time_names, 3));
    const size_t n = mr_h5_members(h, "/", max, v);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        char *name = v[i];
        const bool usual = strcmp(name, data_names[0]) == 0 || strcmp(name, data_names[1]) == 0;
        if (!usual && !fits(h, name, rows)) {
            free(name);
            continue;
        }
        v[kept++] = name;
        if (!usual) continue;
        memmove(v + 1, v, (kept - 1) * sizeof *v); /* `raw` comes last and is the first then */
        v[0] = name;
    }
    return kept;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    const char *time = only_one(h, time_names, 3);
    MR_TRY(mr_find_data(h, f, f->want));
    uint64_t n = mr_h5_count(h, time);
    if ((f->dims[0] == n) == (f->dims[1] == n))
        return MR_RAISE(MR_EINPUT, "%llu time stamps do not tell the axes of %llu x %llu samples",
                        (unsigned long long)n, (unsigned long long)f->dims[0],
                        (unsigned long long)f->dims[1]);
    f->time_first = f->dims[0] == n;
    MR_TRY(read_time(h, f, time));
    uint64_t nc = f->dims[f->time_first ? 1 : 0];
    if (mr_h5_count(h, "distance") == nc) mr_set_positions(h, f, "distance", nc, 1);
    mr_set_unit(f, "", 1);
    mr_assume(f, "samples: counts");
out:
    return st;
}

const mr_layout mr_layout_bare = {
    "bare", "bare HDF5", .hdf5 = true, .recognise = is_bare, .read = read_file, .list = list_data};
