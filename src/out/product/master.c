/* out/product/master.c: master.h5, one virtual dataset over all lane files of a part (one rate and
 * layout), with `time` virtual as well: the file stays small for any archive. Gaps are not filled,
 * they show in `time`. Where a channel strip has no lane the samples read as NaN. Written by rank 0
 * at the end. */
#include "out/index.h"
#include "out/lane/layout.h"
#include "out/out.h"
#include "out/product/kinds.h"
#include "out/product/part.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/** Map a box of the virtual dataset onto the whole of a lane file's dataset. */
static void map_box(mr_h5w *w, hid_t dcpl, hid_t space, int rank, const hsize_t *start,
                    const hsize_t *count, const char *file, const char *dataset)
{
    if (w->st != MR_OK) return;
    hid_t src = H5Screate_simple(rank, count, NULL);
    if (src < 0 || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Pset_virtual(dcpl, space, file, dataset, src) < 0)
        mr_h5w_fail(w, "virtual mapping");
    if (src >= 0) H5Sclose(src);
}

/** What a virtual dataset maps. */
typedef enum kind { TIMES, VALUES, COUNTS } kind;

static bool fill_nothing(hid_t dcpl, kind k)
{
    const float nan_f = NAN;
    const int64_t not_a_time = INT64_MIN;
    const int32_t none = 0;
    switch (k) {
    case TIMES: return H5Pset_fill_value(dcpl, H5T_NATIVE_INT64, &not_a_time) >= 0;
    case VALUES: return H5Pset_fill_value(dcpl, H5T_NATIVE_FLOAT, &nan_f) >= 0;
    case COUNTS: break;
    }
    return H5Pset_fill_value(dcpl, H5T_NATIVE_INT32, &none) >= 0;
}

/** A virtual dataset of the part over these dimensions, of which time is the first and, but for
 *  `time` itself, channels the last. */
static hid_t virtual_set(mr_h5w *w, hid_t at, const mr_lane_part *p, kind k, const mr_cf_dims *dims,
                         const char *name)
{
    const int rank = dims->rank;
    hsize_t row = 0, start[2 + MR_MAX_AXES] = {0}, count[2 + MR_MAX_AXES];
    hid_t d = -1, dcpl = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(rank, dims->n, NULL);
    if (dcpl < 0 || space < 0) {
        mr_h5w_fail(w, name);
        return -1;
    }
    if (!fill_nothing(dcpl, k)) mr_h5w_fail(w, name);
    for (size_t i = 0; i < p->n; i++) {
        const mr_lane_entry *e = p->v[i];
        if (i > 0 && mr_part_begins(p, i)) row += p->v[i - 1]->rows;
        if (k == TIMES && !mr_part_begins(p, i)) continue;
        memcpy(count, dims->n, sizeof count);
        start[0] = row;
        count[0] = e->rows;
        if (k != TIMES) {
            start[rank - 1] = e->c0 - p->c0;
            count[rank - 1] = e->c1 - e->c0;
        }
        map_box(w, dcpl, space, rank, start, count, e->rel, name);
    }
    d = mr_h5w_dataset(w, at, name,
                       k == TIMES           ? H5T_STD_I64LE
                       : k == COUNTS        ? H5T_STD_I32LE
                       : p->v[0]->shape.f64 ? H5T_IEEE_F64LE
                                            : H5T_IEEE_F32LE,
                       H5T_NATIVE_FLOAT, rank, dims->n, NULL, &(mr_h5w_how){.dcpl = dcpl});
    H5Sclose(space);
    H5Pclose(dcpl);
    return d;
}

static void lay_out_part(mr_h5w *w, hid_t at, const mr_lane_part *p, int32_t first_dimid)
{
    const mr_lane_entry *e = p->v[0];
    mr_h5w_text(w, at, "title", p->title);
    mr_h5w_text(w, at, "units", e->unit);
    mr_h5w_f64(w, at, "sampling_rate_hz", e->rate_hz);
    mr_h5w_f64(w, at, "channel_spacing_m", p->dx_m);
    mr_h5w_f64(w, at, "gauge_length_m", p->gauge_m);
    mr_h5w_text(w, at, "chain", p->chain);
    mr_h5w_i64(w, at, "n_lanes", (int64_t)p->n);
    const mr_row_shape *shape = &e->shape;
    mr_cf_product(w, at, shape);
    const int axes = (int)shape->n_axes;
    mr_cf_dims d = {.rank = axes + 2, .n = {p->rows}};
    for (int i = 0; i < axes; i++) d.n[1 + i] = shape->axis[i].n;
    d.n[axes + 1] = p->c1 - p->c0;
    for (int i = 0; i < d.rank; i++) d.id[i] = first_dimid + i;
    d.scale[0] = virtual_set(w, at, p, TIMES, &(mr_cf_dims){.rank = 1, .n = {p->rows}}, "time");
    mr_cf_time(w, d.scale[0], d.id[0]);
    for (int i = 0; i < axes; i++) d.scale[1 + i] = mr_cf_axis(w, at, &shape->axis[i], d.id[1 + i]);
    d.scale[axes + 1] = mr_cf_distance(w, at, p->distance, p->c1 - p->c0, d.id[axes + 1]);
    hid_t array = virtual_set(w, at, p, VALUES, &d, mr_array_name(e->quantity, shape));
    mr_cf_array(w, array, e->quantity, e->unit, shape, &d);
    mr_h5w_done(w, array);
    if (shape->count_axes) {
        const mr_cf_dims c = mr_cf_count_dims(&d, shape);
        hid_t counts = virtual_set(w, at, p, COUNTS, &c, "count");
        mr_cf_counts(w, counts, &c);
        mr_h5w_done(w, counts);
    }
    for (int i = d.rank; i-- > 0;) mr_h5w_done(w, d.scale[i]);
}

/** Part number i (from 0): into the root, or from the second on into its group. */
static mr_status write_part(mr_h5w *w, const mr_lane_entry *const *v, size_t n, int i,
                            const char *folder)
{
    mr_status st = MR_OK;
    char name[32];
    mr_lane_part p = {.v = v, .n = n};
    hid_t at = w->file;
    MR_TRY(mr_part_measure(&p));
    MR_TRY(mr_part_learn(&p, folder));
    if (i > 0) {
        snprintf(name, sizeof name, "part%d", i + 1);
        at = mr_h5w_group(w, w->file, name);
    }
    lay_out_part(w, at, &p, i * (int32_t)(2 + v[0]->shape.n_axes));
    if (at != w->file) mr_h5w_done(w, at);
    st = w->st;
out:
    mr_part_fini(&p);
    return st;
}

/** All parts into the open file. */
static mr_status write_parts(mr_h5w *w, const mr_lane_entry *const *v, size_t n, const char *folder)
{
    mr_h5w_text(w, w->file, "Conventions", "CF-1.9");
    mr_h5w_text(w, w->file, "millrace_version", MR_VERSION);
    int i = 0; /* parts that have no lane do not count */
    for (size_t a = 0, b; a < n && w->st == MR_OK; a = b) {
        for (b = a + 1; b < n && v[b]->part == v[a]->part;) b++;
        mr_status st = write_part(w, v + a, b - a, i++, folder);
        if (st != MR_OK) return st;
    }
    return w->st;
}

mr_status mr_master_write(const char *folder, const mr_lane_entry *lanes, size_t n,
                          const mr_digest *plan)
{
    mr_status st = MR_OK, closed;
    const mr_lane_entry **v = NULL;
    char *path = NULL;
    mr_text part_name = {0}, index = {0};
    mr_h5w w = {.file = -1, .driver = -1};
    MR_TRY(mr_out_join(folder, MR_MASTER_NAME, &path));
    MR_TRY(mr_text_add(&part_name, "%s.part", path));
    MR_TRY(mr_lanes_sorted(lanes, n, &v));
    MR_TRY(mr_index_text(lanes, n, &index));
    if (unlink(part_name.s) != 0 && errno != ENOENT) {
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", part_name.s, strerror(errno));
        goto out;
    }
    mr_h5w_create(&w, part_name.s, true);
    st = w.st != MR_OK ? w.st : write_parts(&w, v, n, folder);
    closed = mr_h5w_close(&w);
    if (st == MR_OK) st = closed;
    if (st != MR_OK) {
        unlink(part_name.s);
        goto out;
    }
    mr_digest id = mr_digest_of(index.s, index.len); /* binds the index and so every lane to it */
    MR_TRY(mr_seal(part_name.s, path, plan, &id));
out:
    if (st != MR_OK) mr_note("writing %s", MR_MASTER_NAME);
    mr_text_fini(&index);
    mr_text_fini(&part_name);
    free(v);
    free(path);
    return st;
}

static mr_status remove_durably(const char *folder, const char *name)
{
    char *path = NULL;
    mr_status st = mr_out_join(folder, name, &path);
    if (st == MR_OK && unlink(path) == 0)
        st = mr_out_sync_folder_of(path);
    else if (st == MR_OK && errno != ENOENT)
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", path, strerror(errno));
    free(path);
    return st;
}

mr_status mr_master_remove(const char *folder)
{
    mr_status st = MR_OK;
    MR_TRY(mr_unfinished_mark(folder));
    MR_TRY(remove_durably(folder, MR_INDEX_NAME)); /* which says that the others are whole */
    for (size_t i = 0; i < MR_PRODUCT_KINDS; i++)
        for (size_t k = 0; mr_products[i].merged[k]; k++)
            MR_TRY(remove_durably(folder, mr_products[i].merged[k]));
    MR_TRY(remove_durably(folder, MR_PLAN_SUM_NAME));
out:
    return st;
}
