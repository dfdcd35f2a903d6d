/* in/place.c: where channels are. Positions are carried as they are: rising, falling, uneven or
 * folded; a spacing is stated only where all steps agree. For all layouts. Workers only. */
#include "in/layout.h"
#include "in/packing.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGREE 1e-3  /* steps of one spacing */
#define SAME_M 1e-3 /* positions that are the same place */

double mr_metres_per(const char *unit)
{
    static const struct {
        const char *name;
        double m;
    } rows[] = {{"m", 1},
                {"meter", 1},
                {"meters", 1},
                {"metre", 1},
                {"metres", 1},
                {"km", 1000},
                {"kilometer", 1000},
                {"kilometers", 1000},
                {"kilometre", 1000},
                {"kilometres", 1000},
                {"cm", 0.01},
                {"centimeter", 0.01},
                {"centimeters", 0.01},
                {"centimetre", 0.01},
                {"centimetres", 0.01},
                {"mm", 0.001},
                {"millimeter", 0.001},
                {"millimeters", 0.001},
                {"millimetre", 0.001},
                {"millimetres", 0.001},
                {"ft", 0.3048},
                {"foot", 0.3048},
                {"feet", 0.3048}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(unit, rows[i].name) == 0) return rows[i].m;
    return 0;
}

/** A number that is the same for positions that are less than a millimetre apart, mostly, and is
 *  never 0. */
static uint64_t mark_of(const double *x, uint64_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < n; i++) {
        const double v = floor((x[i] + 0.000137) / SAME_M);
        const int64_t k = isfinite(v) && fabs(v) < 1e18 ? (int64_t)v : INT64_MIN;
        h = (h ^ (uint64_t)k) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return h ? h : 1;
}

/** The spacing that all steps agree on; 0: none. */
static double spacing_of(const double *x, uint64_t n)
{
    const double dx = (x[n - 1] - x[0]) / (double)(n - 1);
    if (!isfinite(dx) || dx == 0) return 0;
    for (uint64_t i = 1; i < n; i++)
        if (!(fabs(x[i] - x[i - 1] - dx) <= AGREE * fabs(dx))) return 0;
    return dx;
}

static void remark(mr_find *f, const double *x, uint64_t n)
{
    double lo = INFINITY, hi = -INFINITY;
    uint64_t none = !isfinite(x[0]);
    for (uint64_t i = 1; i < n; i++) {
        none += !isfinite(x[i]);
        if (!isfinite(x[i]) || !isfinite(x[i - 1])) continue;
        lo = fmin(lo, x[i] - x[i - 1]);
        hi = fmax(hi, x[i] - x[i - 1]);
    }
    if (none)
        mr_odd(f, "place(%llu): %llu of %llu channels have no position", (unsigned long long)none,
               (unsigned long long)none, (unsigned long long)n);
    if (hi >= lo)
        mr_odd(f, "place: channels are not evenly spaced, steps of %.6g to %.6g m", lo, hi);
}

void mr_set_places(mr_find *f, double *x, uint64_t n)
{
    mr_file_info *o = f->info;
    bool exact = true;
    free(f->x_m);
    f->x_m = x;
    o->dx_m = n > 1 ? spacing_of(x, n) : 0;
    o->x0_m = 0;
    for (uint64_t i = n; i-- > 0;)
        if (isfinite(x[i])) o->x0_m = x[i];
    for (uint64_t i = 0; i < n; i++) exact &= x[i] == o->x0_m + (double)i * o->dx_m;
    o->places = exact ? 0 : mark_of(x, n);
    if (n > 1 && o->dx_m == 0) remark(f, x, n);
}

void mr_set_positions(const mr_h5 *h, mr_find *f, const char *where, uint64_t n, double per_m)
{
    char units[64] = "", at[600];
    double *x = NULL, to_m = per_m;
    mr_packing p;
    if (n == 0 || mr_alloc_f64(n, "positions", &x) != MR_OK) {
        mr_error_clear();
        return;
    }
    if (!mr_h5_f64s(h, where, 0, n, x)) {
        free(x);
        return;
    }
    snprintf(at, sizeof at, "%s@units", where);
    if (mr_h5_text(h, at, 0, units, sizeof units) && *units) {
        const double m = mr_metres_per(units);
        if (m == 0) mr_odd(f, "place: positions in '%.30s', taken for metres", units);
        if (m != 0) to_m *= m;
    }
    if (mr_packing_of(h, where, &p)) mr_unpack(&p, 1, n, 1, x, 1);
    for (uint64_t i = 0; to_m != 1 && i < n; i++) x[i] *= to_m;
    mr_set_places(f, x, n);
}
