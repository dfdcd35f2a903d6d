/* out/lane/layout.c: a lane file as netCDF-4 with CF metadata: `time` and `distance` as
 * coordinates, the samples named by their quantity, the channel table beside them, the ledger in a
 * group. `time` is made first and creation order is tracked: some readers take the first link for
 * the kind of the file. */
#include "out/lane/layout.h"
#include "out/product/kinds.h"
#include "out/product/table.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define HDF5_BUILT TEXT(H5_VERS_MAJOR) "." TEXT(H5_VERS_MINOR) "." TEXT(H5_VERS_RELEASE)
enum { DIM_TIME, DIM_DISTANCE, DIM_LEDGER = 3, DIM_AXES }; /* 2: tie points, see xdas.c */
#define CHUNK_BYTES ((hsize_t)1 << 20)
#define CHUNK_COLUMNS ((hsize_t)4096)

const char *mr_array_name(const char *quantity, const mr_row_shape *shape)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    static const char *const taken[] = {
        "time",      "distance",    "latitude",     "longitude",   "elevation",          "ledger",
        "waveforms", "time_points", "time_indices", "time_values", "time_interpolation", "count"};
    size_t n = quantity ? strlen(quantity) : 0;
    if (n == 0 || n > 100 || strspn(quantity, letters) != n || strchr("0123456789_", quantity[0]))
        return "data";
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(quantity, taken[i]) == 0) return "data";
    for (size_t i = 0; i < shape->n_axes; i++)
        if (strcmp(quantity, shape->axis[i].name) == 0) return "data";
    return quantity;
}

const char *mr_lane_array_name(const char *quantity, const mr_row_shape *shape, char buf[128])
{
    const char *name = mr_array_name(quantity, shape);
    if (!mr_product_of(shape)->sums) return name;
    snprintf(buf, 128, "%.100s" MR_SUMS_SUFFIX, name);
    return buf;
}

/** n in equal pieces of at most `most`: the length of one. */
static hsize_t piece(hsize_t n, hsize_t most)
{
    const hsize_t pieces = (n + most - 1) / most;
    return (n + pieces - 1) / pieces;
}

void mr_lane_chunk(const mr_lane_spec *spec, hsize_t chunk[MR_LANE_RANK])
{
    const size_t last = spec->shape.n_axes + 1;
    chunk[last] = piece(spec->nc, CHUNK_COLUMNS);
    hsize_t left = MR_MAX(CHUNK_BYTES / mr_shape_cell(&spec->shape) / chunk[last], (hsize_t)1);
    for (size_t i = last - 1; i > 0; i--) {
        chunk[i] = piece(spec->shape.axis[i - 1].n, left);
        left = MR_MAX(left / chunk[i], (hsize_t)1);
    }
    chunk[0] = MR_MIN(left, spec->rows);
}

void mr_cf_time(mr_h5w *w, hid_t time, int32_t dimid)
{
    mr_h5w_scale(w, time, "time", dimid);
    mr_h5w_text(w, time, "standard_name", "time");
    mr_h5w_text(w, time, "long_name", "time");
    mr_h5w_text(w, time, "units", MR_CF_TIME_UNITS);
    mr_h5w_text(w, time, "calendar", MR_CF_CALENDAR);
    mr_h5w_text(w, time, "axis", "T");
}

hid_t mr_cf_distance(mr_h5w *w, hid_t at, const double *distance_m, uint64_t nc, int32_t dimid)
{
    hsize_t n = nc;
    hid_t d = mr_h5w_dataset(w, at, "distance", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &n,
                             distance_m, NULL);
    mr_h5w_scale(w, d, "distance", dimid);
    mr_h5w_text(w, d, "long_name", "distance along the fibre");
    mr_h5w_text(w, d, "units", "m");
    return d;
}

hid_t mr_cf_axis(mr_h5w *w, hid_t at, const mr_axis *axis, int32_t dimid)
{
    const hsize_t n = axis->n;
    hid_t d = -1;
    if (axis->v) {
        d = mr_h5w_dataset(w, at, axis->name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1, &n, axis->v,
                           NULL);
    } else {
        hid_t text = H5Tcopy(H5T_C_S1);
        if (text < 0 || H5Tset_size(text, H5T_VARIABLE) < 0 || H5Tset_cset(text, H5T_CSET_UTF8) < 0)
            mr_h5w_fail(w, axis->name);
        d = mr_h5w_dataset(w, at, axis->name, text, text, 1, &n, axis->label,
                           &(mr_h5w_how){.usual = true});
        if (text >= 0) H5Tclose(text);
    }
    mr_h5w_scale(w, d, axis->name, dimid);
    mr_h5w_text(w, d, "long_name", axis->doc);
    if (axis->v) mr_h5w_text(w, d, "units", axis->unit);
    mr_h5w_text(w, d, MR_AXIS_ROLE, axis->choice ? "choice" : "along");
    if (!axis->choice) mr_h5w_text(w, d, MR_AXIS_SCALE, axis->log ? "log" : "linear");
    return d;
}

void mr_cf_product(mr_h5w *w, hid_t at, const mr_row_shape *s)
{
    const mr_product_row *row = mr_product_of(s);
    if (!row->plain) mr_h5w_text(w, at, MR_PRODUCT, row->name);
}

static void attach(mr_h5w *w, hid_t array, const mr_cf_dims *d)
{
    for (int i = 0; i < d->rank; i++) mr_h5w_attach(w, array, d->scale[i], (unsigned)i);
    mr_h5w_i32(w, array, "_Netcdf4Coordinates", d->id, (hsize_t)d->rank);
    mr_h5w_i32(w, array, "_Netcdf4Dimid", d->id, 0);
}

void mr_cf_array(mr_h5w *w, hid_t array, const char *quantity, const char *unit,
                 const mr_row_shape *s, const mr_cf_dims *d)
{
    mr_h5w_text(w, array, "long_name", quantity ? quantity : "data");
    mr_h5w_text(w, array, "units", unit ? unit : "");
    if (s->power) mr_h5w_text(w, array, MR_AXIS_SCALE, "decibel");
    attach(w, array, d);
}

mr_cf_dims mr_cf_count_dims(const mr_cf_dims *d, const mr_row_shape *s)
{
    mr_cf_dims c = {.rank = 1 + s->count_axes};
    for (int i = 0; i < c.rank; i++) {
        const int from = i + 1 == c.rank ? d->rank - 1 : i;
        c.n[i] = d->n[from];
        c.scale[i] = d->scale[from];
        c.id[i] = d->id[from];
    }
    return c;
}

void mr_cf_counts(mr_h5w *w, hid_t counts, const mr_cf_dims *d)
{
    mr_h5w_text(w, counts, "long_name", "segments or windows that went in");
    mr_h5w_text(w, counts, "units", "1");
    attach(w, counts, d);
}

size_t mr_shape_depth(const mr_row_shape *s)
{
    size_t n = 1;
    for (size_t i = 0; i < s->n_axes; i++) n *= s->axis[i].n;
    return n;
}

size_t mr_shape_counts(const mr_row_shape *s)
{
    return s->count_axes == 2 ? s->axis[0].n : (size_t)s->count_axes;
}

size_t mr_shape_bytes(const mr_row_shape *s, uint64_t nc)
{
    if (!mr_product_of(s)->counted) return s->table->size;
    return mr_shape_depth(s) * nc * mr_shape_cell(s);
}

size_t mr_shape_block(const mr_row_shape *s, uint64_t rows, uint64_t nc, size_t *counts_at)
{
    *counts_at = rows * mr_shape_bytes(s, nc);
    return *counts_at + rows * mr_shape_counts(s) * nc * sizeof(int32_t);
}

size_t mr_shape_cell(const mr_row_shape *s)
{
    return mr_product_of(s)->sums || s->f64 ? sizeof(double) : sizeof(float);
}

size_t mr_shape_result_cell(const mr_row_shape *s)
{
    return s->f64 ? sizeof(double) : sizeof(float);
}

/** latitude, longitude, elevation per channel; said in the array's `coordinates`. */
static void geometry(mr_h5w *w, const mr_lane_spec *s, hid_t array, hid_t distance)
{
    const struct {
        const char *name, *units, *standard;
        const double *v;
    } columns[] = {{"latitude", "degrees_north", "latitude", s->latitude},
                   {"longitude", "degrees_east", "longitude", s->longitude},
                   {"elevation", "m", "height_above_mean_sea_level", s->elevation}};
    mr_text names = {0};
    hsize_t n = s->nc;
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (!columns[i].v) continue;
        hid_t d = mr_h5w_dataset(w, w->file, columns[i].name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 1,
                                 &n, columns[i].v, NULL);
        mr_h5w_text(w, d, "standard_name", columns[i].standard);
        mr_h5w_text(w, d, "long_name", columns[i].name);
        mr_h5w_text(w, d, "units", columns[i].units);
        mr_h5w_attach(w, d, distance, 0);
        mr_h5w_done(w, d);
        mr_status st = mr_text_add(&names, "%s%s", names.len ? " " : "", columns[i].name);
        if (st != MR_OK && w->st == MR_OK) w->st = st;
    }
    if (names.len) mr_h5w_text(w, array, "coordinates", names.s);
    mr_text_fini(&names);
}

static void ledger(mr_h5w *w, const mr_lane_spec *s)
{
    hid_t g = mr_h5w_group(w, w->file, "ledger");
    mr_h5w_text(w, g, "long_name", "what was odd in the inputs of this file");
    mr_h5w_i64(w, g, "n_entries", (int64_t)s->n_ledger);
    if (s->n_ledger > 0 && w->st == MR_OK) {
        hsize_t n = s->n_ledger;
        hid_t text = H5Tcopy(H5T_C_S1);
        if (text < 0 || H5Tset_size(text, H5T_VARIABLE) < 0 || H5Tset_cset(text, H5T_CSET_UTF8) < 0)
            mr_h5w_fail(w, "ledger");
        hid_t dim = mr_h5w_bare_dim(w, g, "entry", n, DIM_LEDGER);
        hid_t d = mr_h5w_dataset(w, g, "entries", text, text, 1, &n, s->ledger,
                                 &(mr_h5w_how){.usual = true});
        mr_h5w_attach(w, d, dim, 0);
        mr_h5w_done(w, d);
        mr_h5w_done(w, dim);
        if (text >= 0) H5Tclose(text);
    }
    mr_h5w_done(w, g);
}

static void root_attributes(mr_h5w *w, const mr_lane_spec *s)
{
    hid_t root = w->file;
    mr_h5w_ascii(w, root, "_NCProperties", "version=2,millrace=" MR_VERSION ",hdf5=" HDF5_BUILT);
    mr_h5w_text(w, root, "Conventions", "CF-1.9");
    mr_h5w_text(w, root, "title", s->title ? s->title : "");
    mr_h5w_text(w, root, "units", s->unit ? s->unit : "");
    mr_h5w_f64(w, root, "sampling_rate_hz", s->rate_hz);
    mr_h5w_f64(w, root, "channel_spacing_m", s->dx_m != 0 ? s->dx_m : NAN);
    mr_h5w_f64(w, root, "gauge_length_m", s->gauge_m > 0 ? s->gauge_m : NAN);
    mr_h5w_text(w, root, "millrace_version", MR_VERSION);
    mr_h5w_text(w, root, "chain", s->chain ? s->chain : "");
    mr_h5w_text(w, root, "inputs", s->inputs ? s->inputs : "");
    mr_cf_product(w, root, &s->shape);
}

/** Where a contiguous dataset begins in the file. */
static uint64_t place_of(mr_h5w *w, hid_t d)
{
    const haddr_t at = w->st == MR_OK ? H5Dget_offset(d) : 0;
    if (w->st == MR_OK && (at == HADDR_UNDEF || at == 0)) mr_h5w_fail(w, "place of the samples");
    return w->st == MR_OK ? (uint64_t)at : 0;
}

/** A lane of a table: its rows, and the channels that they are of. */
static void lay_out_table(mr_h5w *w, const mr_lane_spec *s, uint64_t *offset)
{
    root_attributes(w, s);
    mr_table_lay_out(w, w->file, s->shape.table, s->rows, offset);
    hid_t distance = mr_cf_distance(w, w->file, s->distance_m, s->nc, DIM_DISTANCE);
    ledger(w, s);
    mr_h5w_done(w, distance);
}

void mr_lane_layout(mr_h5w *w, const mr_lane_spec *s, uint64_t *offset, uint64_t *counts_at)
{
    *counts_at = 0;
    if (!mr_product_of(&s->shape)->counted) {
        lay_out_table(w, s, offset);
        return;
    }
    const mr_row_shape *shape = &s->shape;
    const bool deflate = mr_lane_deflated(s);
    const int axes = (int)shape->n_axes, last = axes + 1;
    hsize_t chunk[MR_LANE_RANK];
    mr_cf_dims d = {.rank = axes + 2, .n = {s->rows}};
    char name[128];
    if (deflate) mr_lane_chunk(s, chunk);
    root_attributes(w, s);
    d.scale[0] = mr_h5w_dataset(w, w->file, "time", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, d.n,
                                s->time_ns, NULL);
    mr_cf_time(w, d.scale[0], DIM_TIME);
    d.n[last] = s->nc;
    d.id[last] = DIM_DISTANCE;
    d.scale[last] = mr_cf_distance(w, w->file, s->distance_m, s->nc, DIM_DISTANCE);
    for (int i = 0; i < axes; i++) {
        d.n[1 + i] = shape->axis[i].n;
        d.id[1 + i] = DIM_AXES + i;
        d.scale[1 + i] = mr_cf_axis(w, w->file, &shape->axis[i], DIM_AXES + i);
    }
    hid_t array = mr_h5w_dataset(
        w, w->file, mr_lane_array_name(s->quantity, shape, name),
        mr_shape_cell(shape) == sizeof(double) ? H5T_IEEE_F64LE : H5T_IEEE_F32LE, H5T_NATIVE_FLOAT,
        d.rank, d.n, NULL, &(mr_h5w_how){.chunk = deflate ? chunk : NULL});
    const bool sums = mr_product_of(shape)->sums;
    if (sums) /* a sum of spectra is in the unit of one */
        snprintf(name, sizeof name, "sum of %.60s; its mean is this over count", s->quantity);
    mr_cf_array(w, array, sums ? name : s->quantity, s->unit, shape, &d);
    mr_lane_xdas(w, s, array);
    geometry(w, s, array, d.scale[last]);
    ledger(w, s);
    mr_lane_dasdae(w, s, array);
    *offset = deflate ? 0 : place_of(w, array);
    if (shape->count_axes) {
        const mr_cf_dims c = mr_cf_count_dims(&d, shape);
        hid_t counts = mr_h5w_dataset(w, w->file, "count", H5T_STD_I32LE, H5T_NATIVE_INT32, c.rank,
                                      c.n, NULL, NULL);
        mr_cf_counts(w, counts, &c);
        *counts_at = place_of(w, counts);
        mr_h5w_done(w, counts);
    }
    mr_h5w_done(w, array);
    for (int i = 0; i < d.rank; i++) mr_h5w_done(w, d.scale[i]);
}
