/* in/layouts/xdas.c: xdas netCDF-4: coordinates by CF tie points, linear between them. */
#include "base/utc.h"
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct axis { /* one coordinate: tie indices and tie values */
    char name[64], indices[64], values[64];
    uint64_t n;
    int64_t last_index;
} axis;

/** The one root variable with tie points. */
static bool find_variable(const mr_h5 *h, char *name, size_t size)
{
    char *v[256], where[300];
    size_t n = mr_h5_members(h, "/", 256, v), found = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(where, sizeof where, "%.200s@coordinate_interpolation", v[i]);
        if (mr_h5_has(h, where) && found++ == 0) snprintf(name, size, "%s", v[i]);
        free(v[i]);
    }
    return found == 1;
}

bool mr_is_xdas(const mr_h5 *h)
{
    char conv[64], name[256];
    return mr_h5_text(h, "@Conventions", 0, conv, sizeof conv) && strncmp(conv, "CF", 2) == 0 &&
           find_variable(h, name, sizeof name);
}

/** "time: time_indices time_values distance: ..." */
static unsigned parse_axes(const mr_h5 *h, const char *text, axis a[2])
{
    unsigned n = 0;
    int used;
    while (n < 2 && sscanf(text, " %63[^: ]: %63s %63s%n", a[n].name, a[n].indices, a[n].values,
                           &used) == 3) {
        a[n].n = mr_h5_count(h, a[n].indices);
        if (a[n].n < 1 || a[n].n != mr_h5_count(h, a[n].values) ||
            !mr_h5_i64s(h, a[n].indices, a[n].n - 1, 1, &a[n].last_index))
            return 0;
        text += used;
        n++;
    }
    return n;
}

/** "milliseconds since 2023-01-01 00:00:00" */
static bool cf_units(const char *text, double *ns_per_unit, int64_t *epoch)
{
    static const struct {
        const char *name;
        double ns;
    } unit[] = {{"nanosecond", 1}, {"microsecond", 1e3}, {"millisecond", 1e6}, {"second", 1e9},
                {"ns", 1},         {"us", 1e3},          {"ms", 1e6},          {"s", 1e9},
                {"minute", 6e10},  {"hour", 3.6e12},     {"day", 8.64e13}};
    const char *since = strstr(text, " since ");
    if (!since) return false;
    size_t len = (size_t)(since - text);
    if (len > 2 && text[len - 1] == 's') len--;
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
        if (strlen(unit[i].name) == len && strncmp(unit[i].name, text, len) == 0) {
            *ns_per_unit = unit[i].ns;
            if (mr_utc_parse(since + 7, epoch) == MR_OK) return true;
            mr_error_clear();
        }
    return false;
}

static bool tie_time(const mr_h5 *h, const axis *a, uint64_t i, double ns_per_unit, int64_t epoch,
                     int64_t *out)
{
    int64_t v;
    double d;
    if (mr_h5_is_int(h, a->values) && mr_h5_i64s(h, a->values, i, 1, &v))
        return !__builtin_mul_overflow(v, (int64_t)ns_per_unit, &v) &&
               !__builtin_add_overflow(v, epoch, out);
    if (!mr_h5_f64s(h, a->values, i, 1, &d) || !(fabs(d * ns_per_unit) < 4e18)) return false;
    return !__builtin_add_overflow((int64_t)llroundl((long double)d * (long double)ns_per_unit),
                                   epoch, out);
}

static mr_status read_time(const mr_h5 *h, mr_find *f, const axis *a)
{
    mr_file_info *o = f->info;
    char where[80], units[64] = "";
    double per;
    int64_t epoch, t, first = 0;
    snprintf(where, sizeof where, "%s@units", a->values);
    mr_h5_text(h, where, 0, units, sizeof units);
    if (!cf_units(units, &per, &epoch)) return MR_RAISE(MR_EINPUT, "time units '%s'", units);
    if (!mr_h5_i64s(h, a->indices, 0, 1, &first) || first != 0 ||
        !tie_time(h, a, 0, per, epoch, &o->t0_ns) ||
        !tie_time(h, a, a->n - 1, per, epoch, &o->t1_ns))
        return MR_RAISE(MR_EINPUT, "time tie points cannot be read");
    f->have_t0 = true;
    double measured = mr_rate_of(o->t0_ns, o->t1_ns, (uint64_t)a->last_index + 1);
    o->rate_hz =
        mr_round_rate(measured, (double)(o->t1_ns - o->t0_ns) / 1e9, 2e-9 * MR_MIN(per, 1e6));
    for (uint64_t i = 1; i + 1 < a->n && i < 1000; i++) {
        int64_t k;
        if (!mr_h5_i64s(h, a->indices, i, 1, &k) || !tie_time(h, a, i, per, epoch, &t) ||
            fabs((double)(t - o->t0_ns) / 1e9 * o->rate_hz - (double)k) > 0.5) {
            mr_odd(f, "the time grid is not even (%llu tie points)", (unsigned long long)a->n);
            break;
        }
    }
    return MR_OK;
}

static void read_distance(const mr_h5 *h, mr_find *f, const axis *a)
{
    double v[2], mid;
    int64_t k;
    if (!mr_h5_f64s(h, a->values, 0, 1, &v[0]) || !mr_h5_f64s(h, a->values, a->n - 1, 1, &v[1]))
        return;
    f->info->x0_m = v[0];
    if (a->last_index <= 0) return;
    double dx = (v[1] - v[0]) / (double)a->last_index;
    f->info->dx_m = fabs(dx);
    if (dx < 0) mr_odd(f, "positions fall along the channels");
    if (a->n > 2 && mr_h5_f64s(h, a->values, a->n / 2, 1, &mid) &&
        mr_h5_i64s(h, a->indices, a->n / 2, 1, &k) &&
        fabs(mid - v[0] - dx * (double)k) > 0.5 * fabs(dx))
        mr_odd(f, "channels are not evenly spaced");
}

mr_status mr_read_xdas(const mr_h5 *h, mr_find *f)
{
    mr_status st = MR_OK;
    char name[256] = "", where[300], text[200] = "";
    axis a[2] = {0};
    find_variable(h, name, sizeof name);
    MR_TRY(mr_find_data(h, f, name));
    snprintf(where, sizeof where, "%s@coordinate_interpolation", name);
    mr_h5_text(h, where, 0, text, sizeof text);
    if (parse_axes(h, text, a) != 2)
        return MR_RAISE(MR_EINPUT, "tie points cannot be read: '%s'", text);
    unsigned t = strncmp(a[0].name, "time", 4) == 0 ? 0 : 1; /* the attribute is in axis order */
    if (strncmp(a[t].name, "time", 4) != 0) return MR_RAISE(MR_EINPUT, "no time coordinate");
    bool straight =
        (uint64_t)a[0].last_index + 1 == f->dims[0] && (uint64_t)a[1].last_index + 1 == f->dims[1];
    bool crossed =
        (uint64_t)a[1].last_index + 1 == f->dims[0] && (uint64_t)a[0].last_index + 1 == f->dims[1];
    if (!straight && !crossed) return MR_RAISE(MR_EINPUT, "tie points do not fit the shape");
    f->time_first = straight ? t == 0 : t == 1;
    MR_TRY(read_time(h, f, &a[t]));
    read_distance(h, f, &a[1 - t]);
    snprintf(where, sizeof where, "%s@units", name);
    *text = 0;
    mr_h5_text(h, where, 0, text, sizeof text);
    mr_set_unit(f, text, 1);
    mr_set_quantity(f, name);
out:
    return st;
}
