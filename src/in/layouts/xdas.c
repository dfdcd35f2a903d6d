/* in/layouts/xdas.c: xdas netCDF-4: coordinates by CF tie points, linear between them. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 320, MOST_DEEP = 3, MOST_SEEN = 1024 };

typedef struct axis { /* one coordinate: tie indices and tie values */
    char name[64], indices[NAME], values[NAME];
    uint64_t n;
    int64_t last_index;
} axis;

static bool has_ties(const mr_h5 *h, const char *path)
{
    char where[NAME + 40];
    snprintf(where, sizeof where, "%s@coordinate_interpolation", path);
    if (mr_h5_has(h, where)) return true;
    snprintf(where, sizeof where, "%s@coordinate_sampling", path);
    return mr_h5_has(h, where);
}

/** Variables with tie points, here and in the groups below, where a collection has its own. */
typedef struct search {
    const mr_h5 *h;
    size_t most, n, seen;
    char **found; /* [give] */
} search;

static void look_in(search *s, const char *group, int deep)
{
    char *v[256], path[NAME];
    const size_t n = mr_h5_members(s->h, *group ? group : "/", 256, v);
    for (size_t i = 0; i < n; i++) {
        const int w = snprintf(path, sizeof path, "%s%s%s", group, *group ? "/" : "", v[i]);
        free(v[i]);
        if (w >= 250 || s->n >= s->most || s->seen++ >= MOST_SEEN) continue;
        if (has_ties(s->h, path))
            s->n += (s->found[s->n] = strdup(path)) != NULL;
        else if (deep < MOST_DEEP && mr_h5_is_group(s->h, path))
            look_in(s, path, deep + 1);
    }
}

static size_t list_variables(const mr_infile *src, size_t max, char **v)
{
    search s = {.h = src->h5, .most = max, .found = v};
    look_in(&s, "", 0);
    return s.n;
}

static bool is_xdas(const mr_infile *src)
{
    char conv[64], *one[1] = {NULL};
    if (!mr_h5_text(src->h5, "@Conventions", 0, conv, sizeof conv) || strncmp(conv, "CF", 2) != 0)
        return false;
    const bool yes = list_variables(src, 1, one) == 1;
    free(one[0]);
    return yes;
}

/** A name that stands in an attribute of a variable is of the variable's own group. */
static void beside(const char *variable, const char *name, char out[NAME])
{
    const char *slash = strrchr(variable, '/');
    snprintf(out, NAME, "%.*s%.64s", slash ? (int)MR_MIN(slash - variable + 1, 250) : 0, variable,
             name);
}

/** "time: time_indices time_values distance: ..." */
static unsigned parse_axes(const mr_h5 *h, const char *variable, const char *text, axis a[2])
{
    unsigned n = 0;
    int used;
    char indices[64], values[64];
    while (n < 2 &&
           sscanf(text, " %63[^: ]: %63s %63s%n", a[n].name, indices, values, &used) == 3) {
        beside(variable, indices, a[n].indices);
        beside(variable, values, a[n].values);
        a[n].n = mr_h5_count(h, a[n].indices);
        if (a[n].n < 1 || a[n].n != mr_h5_count(h, a[n].values) ||
            !mr_h5_i64s(h, a[n].indices, a[n].n - 1, 1, &a[n].last_index))
            return 0;
        text += used;
        n++;
    }
    return n;
}

static mr_status time_units(const mr_h5 *h, const char *values, double *per, int64_t *epoch)
{
    char where[NAME + 20], units[80] = "", calendar[40] = "";
    snprintf(where, sizeof where, "%s@units", values);
    mr_h5_text(h, where, 0, units, sizeof units);
    snprintf(where, sizeof where, "%s@calendar", values);
    mr_h5_text(h, where, 0, calendar, sizeof calendar);
    return mr_clock_cf(units, calendar, per, epoch);
}

/** n times, ns since the epoch of their units. */
static mr_status read_values(const mr_h5 *h, const char *values, double per, size_t n, int64_t *t)
{
    mr_status st = MR_OK;
    double *d = NULL;
    bool ok = true;
    if (mr_h5_is_int(h, values)) {
        ok = mr_h5_i64s(h, values, 0, n, t);
        for (size_t i = 0; ok && i < n; i++)
            ok = !__builtin_mul_overflow(t[i], (int64_t)per, &t[i]);
    } else {
        MR_TRY(mr_alloc_f64(n, "tie points", &d));
        ok = mr_h5_f64s(h, values, 0, n, d);
        for (size_t i = 0; ok && i < n; i++) {
            ok = fabs(d[i] * per) < 4e18;
            if (ok) t[i] = llroundl((long double)d[i] * (long double)per);
        }
    }
    if (!ok) st = MR_RAISE(MR_EINPUT, "time tie points cannot be read");
out:
    free(d);
    return st;
}

static mr_status read_time(const mr_h5 *h, mr_find *f, const axis *a)
{
    mr_status st = MR_OK;
    mr_tie_points *t = &f->clock.ties;
    double per = 1;
    const size_t n = (size_t)a->n;
    int64_t last;
    MR_TRY(time_units(h, a->values, &per, &t->epoch_ns));
    MR_TRY(mr_alloc(n, sizeof *t->row, "tie points", &t->row));
    MR_TRY(mr_alloc(n, sizeof *t->t_ns, "tie points", &t->t_ns));
    if (!mr_h5_i64s(h, a->indices, 0, n, (int64_t *)t->row)) {
        st = MR_RAISE(MR_EINPUT, "time tie points cannot be read");
        goto out;
    }
    MR_TRY(read_values(h, a->values, per, n, t->t_ns));
    t->n = n;
    last = t->t_ns[n - 1];
    t->res_ns = mr_h5_is_int(h, a->values)
                    ? MR_MIN(per, 1e6)
                    : (nextafter((double)last / per, INFINITY) - (double)last / per) * per;
out:
    return st;
}

/** Newer xdas: stretches by their starts, lengths and one interval. */
static mr_status read_sampled(const mr_h5 *h, mr_find *f, const char *name, uint64_t *rows)
{
    mr_status st = MR_OK;
    mr_tie_points *t = &f->clock.ties;
    char where[NAME + 40], text[200] = "", unit[40] = "", name3[3][80];
    char sampling[NAME], values[NAME], lengths[NAME];
    double per = 1, step_ns = 0, interval;
    int64_t *start = NULL, *len = NULL;
    snprintf(where, sizeof where, "%s@coordinate_sampling", name);
    mr_h5_text(h, where, 0, text, sizeof text);
    if (sscanf(text, "%*[^: ]: %79s", name3[0]) != 1)
        return MR_RAISE(MR_EINPUT, "sampled coordinate '%s'", text);
    beside(name, name3[0], sampling);
    snprintf(where, sizeof where, "%s@tie_point_mapping", sampling);
    mr_h5_text(h, where, 0, text, sizeof text);
    const bool two = sscanf(text, "%*[^: ]: %79s %79s", name3[1], name3[2]) == 2;
    beside(name, two ? name3[1] : "", values);
    beside(name, two ? name3[2] : "", lengths);
    const size_t n = two ? (size_t)mr_h5_count(h, values) : 0;
    snprintf(where, sizeof where, "%s@units", sampling);
    mr_h5_text(h, where, 0, unit, sizeof unit);
    snprintf(text, sizeof text, "%s since 1970-01-01", *unit ? unit : "nanoseconds");
    if (!n || n > UINT32_MAX || n != mr_h5_count(h, lengths) || !mr_h5_f64(h, sampling, &interval))
        return MR_RAISE(MR_EINPUT, "a sampled coordinate that cannot be read");
    MR_TRY(mr_clock_cf(text, "", &step_ns, &t->epoch_ns));
    step_ns *= interval;
    MR_TRY(time_units(h, values, &per, &t->epoch_ns));
    MR_TRY(mr_alloc(n, sizeof *start, "tie points", &start));
    MR_TRY(mr_alloc(n, sizeof *len, "tie points", &len));
    MR_TRY(mr_alloc(2 * n, sizeof *t->row, "tie points", &t->row));
    MR_TRY(mr_alloc(2 * n, sizeof *t->t_ns, "tie points", &t->t_ns));
    MR_TRY(read_values(h, values, per, n, start));
    bool ok = mr_h5_i64s(h, lengths, 0, n, len) && step_ns > 0;
    for (size_t i = *rows = 0; ok && i < n; i++) {
        ok = len[i] > 0 && (uint64_t)len[i] < UINT32_MAX;
        for (int end = 0; ok && end < (len[i] > 1 ? 2 : 1); end++) {
            const int64_t k = end ? len[i] - 1 : 0;
            t->row[t->n] = *rows + (uint64_t)k;
            t->t_ns[t->n++] = start[i] + llround((double)k * step_ns);
        }
        if (ok) *rows += (uint64_t)len[i];
    }
    t->res_ns = 1;
    if (!ok) st = MR_RAISE(MR_EINPUT, "a sampled coordinate that cannot be read");
out:
    free(start);
    free(len);
    return st;
}

/** Positions between tie points are on the line through them. */
static void read_distance(const mr_h5 *h, mr_find *f, const axis *a)
{
    char at[600], units[64] = "";
    const uint64_t nc = (uint64_t)a->last_index + 1;
    double *v = NULL, *x = NULL, to_m = 1;
    int64_t *k = NULL;
    snprintf(at, sizeof at, "%s@units", a->values);
    if (mr_h5_text(h, at, 0, units, sizeof units) && *units) to_m = mr_metres_per(units);
    if (to_m == 0) mr_odd(f, "place: positions in '%.30s', taken for metres", units);
    if (to_m == 0) to_m = 1;
    if (a->last_index < 0 || nc != f->dims[f->time_first ? 1 : 0]) return;
    bool ok = mr_alloc_f64(a->n, "tie points", &v) == MR_OK &&
              mr_alloc(a->n, sizeof *k, "tie points", &k) == MR_OK &&
              mr_alloc_f64(nc, "positions", &x) == MR_OK && mr_h5_f64s(h, a->values, 0, a->n, v) &&
              mr_h5_i64s(h, a->indices, 0, a->n, k) && k[0] == 0;
    for (uint64_t i = 1; ok && i < a->n; i++) ok = k[i] > k[i - 1];
    for (uint64_t c = 0, i = 0; ok && c < nc; c++) {
        while (i + 2 < a->n && (int64_t)c > k[i + 1]) i++;
        const double step = a->n > 1 ? (v[i + 1] - v[i]) / (double)(k[i + 1] - k[i]) : 0;
        x[c] = to_m * (v[i] + (double)((int64_t)c - k[i]) * step);
        for (uint64_t t = i; t < i + 2 && t < a->n;
             t++) /* at a tie point its own, also beside none */
            if ((int64_t)c == k[t]) x[c] = to_m * v[t];
    }
    if (ok) mr_set_places(f, x, nc);
    if (!ok) free(x);
    if (!ok) mr_error_clear();
    free(v);
    free(k);
}

/** Time by tie points: which of the two axes it is. */
static mr_status by_ties(const mr_h5 *h, mr_find *f, const char *name, const char *text)
{
    mr_status st = MR_OK;
    axis a[2] = {0};
    if (parse_axes(h, name, text, a) != 2)
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
out:
    return st;
}

/** Time by sampled stretches, the other axis by tie points. */
static mr_status by_samples(const mr_h5 *h, mr_find *f, const char *name, const char *text)
{
    mr_status st = MR_OK;
    axis a[2] = {0};
    uint64_t rows = 0;
    MR_TRY(read_sampled(h, f, name, &rows));
    const unsigned n = parse_axes(h, name, text, a);
    const bool first = rows == f->dims[0], second = rows == f->dims[1];
    if (!first && !second) return MR_RAISE(MR_EINPUT, "sampled stretches do not fit the shape");
    f->time_first = first && !(second && n == 1 && (uint64_t)a[0].last_index + 1 == f->dims[0]);
    if (n == 1) read_distance(h, f, &a[0]);
out:
    return st;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    char where[NAME + 40], text[200] = "";
    const char *name = f->want ? f->want : "", *slash = strrchr(name, '/');
    MR_TRY(mr_find_data(h, f, name));
    snprintf(where, sizeof where, "%s@coordinate_interpolation", name);
    mr_h5_text(h, where, 0, text, sizeof text);
    snprintf(where, sizeof where, "%s@coordinate_sampling", name);
    MR_TRY(mr_h5_has(h, where) ? by_samples(h, f, name, text) : by_ties(h, f, name, text));
    snprintf(where, sizeof where, "%s@units", name);
    *text = 0;
    mr_h5_text(h, where, 0, text, sizeof text);
    mr_set_unit(f, text, 1);
    mr_set_quantity(f, slash ? slash + 1 : name);
out:
    return st;
}

const mr_layout mr_layout_xdas = {"xdas",
                                  "xdas netCDF",
                                  .hdf5 = true,
                                  .recognise = is_xdas,
                                  .read = read_file,
                                  .list = list_variables};
