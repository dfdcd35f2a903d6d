/* io/lane_layout.c: a lane file as netCDF-4 with CF metadata: `time` and `distance` as coordinates,
 * the samples named by their quantity, the channel table beside them, the ledger in a group. `time`
 * is made first and creation order is tracked: some readers take the first link for the kind of the
 * file. */
#include "io/lane_layout.h"
#include <math.h>
#include <string.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define HDF5_BUILT TEXT(H5_VERS_MAJOR) "." TEXT(H5_VERS_MINOR) "." TEXT(H5_VERS_RELEASE)
enum { DIM_TIME, DIM_DISTANCE, DIM_LEDGER = 3 }; /* 2: tie points, see lane_xdas.c */
#define CHUNK_CELLS ((hsize_t)1 << 18)           /* float32: 1 MiB */
#define CHUNK_COLUMNS ((hsize_t)4096)

const char *mr_array_name(const char *quantity)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    static const char *const taken[] = {
        "time",      "distance",    "latitude",     "longitude",   "elevation",         "ledger",
        "waveforms", "time_points", "time_indices", "time_values", "time_interpolation"};
    size_t n = quantity ? strlen(quantity) : 0;
    if (n == 0 || n > 100 || strspn(quantity, letters) != n || strchr("0123456789_", quantity[0]))
        return "data";
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(quantity, taken[i]) == 0) return "data";
    return quantity;
}

void mr_lane_chunk(const mr_lane_spec *spec, hsize_t chunk[2])
{
    hsize_t pieces = (spec->nc + CHUNK_COLUMNS - 1) / CHUNK_COLUMNS;
    chunk[1] = (spec->nc + pieces - 1) / pieces;
    chunk[0] = MR_MIN(MR_MAX(CHUNK_CELLS / chunk[1], (hsize_t)1), spec->rows);
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

void mr_cf_array(mr_h5w *w, hid_t array, const char *quantity, const char *unit, hid_t time,
                 hid_t distance, int32_t first_dimid)
{
    mr_h5w_text(w, array, "long_name", quantity ? quantity : "data");
    mr_h5w_text(w, array, "units", unit ? unit : "");
    mr_h5w_attach(w, array, time, 0);
    mr_h5w_attach(w, array, distance, 1);
    mr_h5w_i32(w, array, "_Netcdf4Coordinates", (const int32_t[]){first_dimid, first_dimid + 1}, 2);
    mr_h5w_i32(w, array, "_Netcdf4Dimid", &first_dimid, 0);
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
    mr_h5w_f64(w, root, "channel_spacing_m", s->dx_m > 0 ? s->dx_m : NAN);
    mr_h5w_f64(w, root, "gauge_length_m", s->gauge_m > 0 ? s->gauge_m : NAN);
    mr_h5w_text(w, root, "millrace_version", MR_VERSION);
    mr_h5w_text(w, root, "chain", s->chain ? s->chain : "");
    mr_h5w_text(w, root, "inputs", s->inputs ? s->inputs : "");
}

void mr_lane_layout(mr_h5w *w, const mr_lane_spec *s, uint64_t *offset)
{
    hsize_t dims[2] = {s->rows, s->nc}, chunk[2];
    if (s->deflate) mr_lane_chunk(s, chunk);
    root_attributes(w, s);
    hid_t time = mr_h5w_dataset(w, w->file, "time", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, dims,
                                s->time_ns, NULL);
    mr_cf_time(w, time, DIM_TIME);
    hid_t distance = mr_cf_distance(w, w->file, s->distance_m, s->nc, DIM_DISTANCE);
    hid_t array =
        mr_h5w_dataset(w, w->file, mr_array_name(s->quantity), H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, 2,
                       dims, NULL, &(mr_h5w_how){.chunk = s->deflate ? chunk : NULL});
    mr_cf_array(w, array, s->quantity, s->unit, time, distance, DIM_TIME);
    mr_lane_xdas(w, s, array);
    geometry(w, s, array, distance);
    ledger(w, s);
    mr_lane_dasdae(w, s, array);
    *offset = 0;
    if (w->st == MR_OK && !s->deflate) {
        haddr_t at = H5Dget_offset(array);
        if (at == HADDR_UNDEF || at == 0) mr_h5w_fail(w, "place of the samples");
        *offset = (uint64_t)at;
    }
    mr_h5w_done(w, array);
    mr_h5w_done(w, distance);
    mr_h5w_done(w, time);
}
