/* out/lane/xdas.c: time as CF tie points, as xdas reads it: time_indices and time_values are the
 * ends of straight stretches, linear in between to within 2 ns. `time` itself is exact. */
#include "out/lane/layout.h"
#include <math.h>
#include <stdlib.h>

enum { DIM_TIE = 2 };
/* Times rounded to 1 ns lie within 1 ns of a line through any of them, so 2 ns never cuts a
 * straight stretch: for k < i the bound from k leaves at least (2 - 1)/k ns per row, the slope to i
 * needs 1/i. */
#define TIE_TOLERANCE_NS 2.0

/** Ends of straight stretches of t[n], first and last included: their number, and into index[]
 * unless that is NULL. */
static size_t tie_points(const int64_t *t, uint64_t n, int64_t *index)
{
    size_t k = 1;
    uint64_t a = 0;                       /* where the stretch began */
    double lo = -INFINITY, hi = INFINITY; /* slopes that keep every row since a within tolerance */
    if (index) index[0] = 0;
    for (uint64_t i = 1; i < n; i++) {
        double d = (double)(t[i] - t[a]), rows = (double)(i - a);
        if (d / rows < lo || d / rows > hi) { /* row i - 1 was the last that fits */
            a = i - 1;
            if (index) index[k] = (int64_t)a;
            k++;
            d = (double)(t[i] - t[a]);
            rows = 1;
            lo = -INFINITY;
            hi = INFINITY;
        }
        lo = fmax(lo, (d - TIE_TOLERANCE_NS) / rows);
        hi = fmin(hi, (d + TIE_TOLERANCE_NS) / rows);
    }
    if (n > 1 && index) index[k] = (int64_t)(n - 1);
    return n > 1 ? k + 1 : k;
}

void mr_lane_xdas(mr_h5w *w, const mr_lane_spec *s, hid_t array)
{
    const double none = NAN;
    const mr_h5w_how filled = {.usual = true, .fill = &none};
    int64_t *index = NULL, *value = NULL;
    int32_t dimid = DIM_TIE;
    hid_t obj[4];
    if (w->st != MR_OK) return;
    hsize_t n = tie_points(s->time_ns, s->rows, NULL);
    if ((w->st = mr_alloc(n, sizeof *index, "tie points", &index)) != MR_OK ||
        (w->st = mr_alloc(n, sizeof *value, "tie points", &value)) != MR_OK)
        goto out;
    tie_points(s->time_ns, s->rows, index);
    for (size_t i = 0; i < n; i++) value[i] = s->time_ns[index[i]];
    mr_h5w_text(w, array, "coordinate_interpolation", "time: time_indices time_values");
    obj[0] = mr_h5w_dataset(w, w->file, "time_interpolation", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 0,
                            NULL, &none, &filled);
    mr_h5w_f64(w, obj[0], "_FillValue", none);
    mr_h5w_text(w, obj[0], "interpolation_name", "linear");
    mr_h5w_text(w, obj[0], "tie_points_mapping", "time_points: time_indices time_values");
    obj[1] = mr_h5w_bare_dim(w, w->file, "time_points", n, DIM_TIE);
    obj[2] = mr_h5w_dataset(w, w->file, "time_indices", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &n,
                            index, NULL);
    obj[3] = mr_h5w_dataset(w, w->file, "time_values", H5T_STD_I64LE, H5T_NATIVE_INT64, 1, &n,
                            value, NULL);
    mr_h5w_text(w, obj[3], "units", MR_CF_TIME_UNITS);
    mr_h5w_text(w, obj[3], "calendar", MR_CF_CALENDAR);
    for (int i = 2; i < 4; i++) {
        mr_h5w_attach(w, obj[i], obj[1], 0);
        mr_h5w_i32(w, obj[i], "_Netcdf4Dimid", &dimid, 0);
    }
    for (int i = 0; i < 4; i++) mr_h5w_done(w, obj[i]);
out:
    free(value);
    free(index);
}
