/* out/product/part.c: see part.h. */
#include "out/product/part.h"
#include "out/out.h"
#include <math.h>
#include <stdlib.h>

void mr_part_fini(mr_lane_part *p)
{
    free(p->distance);
    free(p->title);
    free(p->chain);
}

/** Does lane i begin a new stretch of time, or is it another strip of the one before? */
bool mr_part_begins(const mr_lane_part *p, size_t i)
{
    return i == 0 || p->v[i]->t0_ns != p->v[i - 1]->t0_ns;
}

/** Rows and channel range of the part; strips of one stretch must be equally long and apart. */
mr_status mr_part_measure(mr_lane_part *p)
{
    p->rows = 0;
    p->c0 = UINT64_MAX;
    p->c1 = 0;
    for (size_t i = 0; i < p->n; i++) {
        const mr_lane_entry *e = p->v[i];
        if (e->c0 >= e->c1 || e->rows == 0)
            return MR_RAISE(MR_EBUG, "lane %s has no rows or channels", e->rel);
        if (mr_part_begins(p, i))
            p->rows += e->rows;
        else if (e->rows != p->v[i - 1]->rows || e->c0 < p->v[i - 1]->c1)
            return MR_RAISE(MR_EBUG, "lanes %s and %s overlap", p->v[i - 1]->rel, e->rel);
        p->c0 = MR_MIN(p->c0, e->c0);
        p->c1 = MR_MAX(p->c1, e->c1);
    }
    return MR_OK;
}

static mr_status unreadable(const char *name)
{
    return MR_RAISE(MR_EOUTPUT, "attribute %s of a lane file cannot be read", name);
}

/** A variable-length text attribute of the root; "" if it is not there. */
static mr_status read_text(hid_t file, const char *name, char **out)
{
    mr_status st = MR_OK;
    char *s = NULL;
    hid_t a = -1, t = -1;
    const htri_t there = H5Aexists(file, name);
    htri_t text = -1;
    if (there > 0 && (a = H5Aopen(file, name, H5P_DEFAULT)) >= 0 && (t = H5Aget_type(a)) >= 0)
        text = H5Tis_variable_str(t);
    if (there != 0 && (text <= 0 || H5Aread(a, t, &s) < 0)) st = unreadable(name);
    if (st == MR_OK) st = mr_strdup(s ? s : "", out);
    if (s) H5free_memory(s);
    if (t >= 0) H5Tclose(t);
    if (a >= 0) H5Aclose(a);
    return st;
}

/** A number attribute of the root; NaN if it is not there. */
static mr_status read_number(hid_t file, const char *name, double *out)
{
    const htri_t there = H5Aexists(file, name);
    const hid_t a = there > 0 ? H5Aopen(file, name, H5P_DEFAULT) : -1;
    const bool got = a >= 0 && H5Aread(a, H5T_NATIVE_DOUBLE, out) >= 0;
    if (a >= 0) H5Aclose(a);
    if (there == 0) *out = NAN;
    return there == 0 || got ? MR_OK : unreadable(name);
}

/** distance[] of one lane file, whose length must be nc. */
static bool read_distance(hid_t file, hsize_t nc, double *distance)
{
    hsize_t n = 0;
    bool ok = false;
    hid_t d = H5Dopen2(file, "distance", H5P_DEFAULT), s = d >= 0 ? H5Dget_space(d) : -1;
    if (s >= 0 && H5Sget_simple_extent_ndims(s) == 1 && H5Sget_simple_extent_dims(s, &n, NULL) == 1)
        ok = n == nc && H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, distance) >= 0;
    if (s >= 0) H5Sclose(s);
    if (d >= 0) H5Dclose(d);
    return ok;
}

/** Take distance from lane i, and from the first one the words. */
static mr_status learn_from(mr_lane_part *p, size_t i, const char *folder)
{
    mr_status st = MR_OK;
    const mr_lane_entry *e = p->v[i];
    char *path = NULL;
    hid_t file = -1;
    MR_TRY(mr_out_join(folder, e->rel, &path));
    file = mr_h5w_open(path);
    if (file < 0) {
        st = MR_EOUTPUT;
        goto out;
    }
    if (!read_distance(file, e->c1 - e->c0, p->distance + (e->c0 - p->c0))) {
        st = MR_RAISE(MR_EOUTPUT, "%s: no distance for its %llu channels", path,
                      (unsigned long long)(e->c1 - e->c0));
        goto out;
    }
    if (!p->title) {
        MR_TRY(read_text(file, "title", &p->title));
        MR_TRY(read_text(file, "chain", &p->chain));
        MR_TRY(read_number(file, "gauge_length_m", &p->gauge_m));
        MR_TRY(read_number(file, "channel_spacing_m", &p->dx_m));
    }
out:
    if (st != MR_OK && path) mr_note("%s", path);
    if (file >= 0) H5Fclose(file);
    free(path);
    return st;
}

/** Distances from as few lane files as name every channel once. */
mr_status mr_part_learn(mr_lane_part *p, const char *folder)
{
    mr_status st = MR_OK;
    MR_TRY(mr_alloc_f64(p->c1 - p->c0, "distances", &p->distance));
    for (uint64_t c = 0; c < p->c1 - p->c0; c++) p->distance[c] = NAN;
    for (size_t i = 0; i < p->n; i++) {
        const mr_lane_entry *e = p->v[i];
        if (isnan(p->distance[e->c0 - p->c0]) || isnan(p->distance[e->c1 - 1 - p->c0]))
            MR_TRY(learn_from(p, i, folder));
    }
out:
    return st;
}
