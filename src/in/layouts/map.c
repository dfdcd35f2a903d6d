/* in/layouts/map.c: input.map, the user's word on where things are in a file: a whole layout for
 * bare HDF5, or single facts over those of a known layout. */
#include "base/quantity.h"
#include "base/utc.h"
#include "in/layout.h"
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum map_kind {
    KIND_PATH,
    KIND_AXES,
    KIND_QUANTITY,
    KIND_NUMBER,
    KIND_START,
    KIND_TEXT,
    KIND_TIME, /* stamps or rate */
    KIND_ZONE
} map_kind;
typedef struct map_key {
    const char *name;
    map_kind kind;
    mr_dim dim;
} map_key;
static const map_key keys[] = {
    {"data", KIND_PATH, MR_DIM_NONE},          {"axes", KIND_AXES, MR_DIM_NONE},
    {"rate", KIND_QUANTITY, MR_DIM_FREQ},      {"start", KIND_START, MR_DIM_TIME},
    {"spacing", KIND_QUANTITY, MR_DIM_LENGTH}, {"first", KIND_QUANTITY, MR_DIM_LENGTH},
    {"gauge", KIND_QUANTITY, MR_DIM_LENGTH},   {"scale", KIND_NUMBER, MR_DIM_NONE},
    {"unit", KIND_TEXT, MR_DIM_NONE},          {"quantity", KIND_TEXT, MR_DIM_NONE},
    {"time", KIND_TIME, MR_DIM_NONE},          {"zone", KIND_ZONE, MR_DIM_NONE},
};
#define N_KEYS (sizeof keys / sizeof *keys)

/* --- checking, before anything runs ----------------------------------------------------------- */

static mr_status check_text(const mr_node *n, const char *what)
{
    if (n->kind != MR_NODE_SCALAR || !*n->text)
        return MR_RAISE_AT(MR_ECONFIG, n, "map: %s must be a text", what);
    return MR_OK;
}

/** What was raised, with the key that it is about before it. */
static mr_status of_key(const char *name)
{
    char why[512];
    snprintf(why, sizeof why, "%s", mr_error());
    return MR_RAISE(MR_ECONFIG, "map: %s: %s", name, why);
}

/** How many of unit `text` make one of the dimension's own: 0.001 for ms. */
static mr_status unit_factor(const char *text, mr_dim dim, double *out)
{
    char s[64];
    snprintf(s, sizeof s, "1 %.40s", text);
    return mr_quantity_parse(s, dim, out);
}

static mr_status check_unit(const mr_node *n, mr_dim dim)
{
    double v;
    mr_status st = check_text(n, "unit");
    if (st != MR_OK) return st;
    if (dim == MR_DIM_NONE)
        return MR_RAISE_AT(MR_ECONFIG, n, "map: a scale has no unit; use map key 'unit'");
    st = unit_factor(n->text, dim, &v);
    if (st != MR_OK && dim == MR_DIM_FREQ) st = unit_factor(n->text, MR_DIM_TIME, &v);
    return st == MR_OK ? st : mr_reraise_at(MR_ECONFIG, n);
}

/** {attr: /raw@fs, unit: Hz}, {dataset: /t, unit: us}, and for start {name: pattern}. */
static mr_status check_source(const mr_node *n, const map_key *k)
{
    static const char *const names[] = {"attr", "dataset", "unit", "name", "format"};
    mr_status st = MR_OK;
    size_t n_names = k->kind == KIND_START ? 5 : 3, sources = 0;
    for (size_t i = 0; i < n->n; i++) {
        const mr_node *c = &n->entries[i];
        size_t j = 0;
        while (j < n_names && strcmp(names[j], c->key) != 0) j++;
        if (j == n_names) {
            const char *near = mr_nearest(c->key, names, n_names, sizeof *names);
            return MR_RAISE_KEY(MR_ECONFIG, c, "map: unknown key '%s' in %s%s%s%s", c->key, k->name,
                                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        if (j == 2)
            MR_TRY(check_unit(c, k->dim));
        else
            MR_TRY(check_text(c, names[j]));
        if (j == 0 && !strchr(c->text, '@'))
            return MR_RAISE_AT(MR_ECONFIG, c, "map: an attribute is written /path@name");
        sources += j == 0 || j == 1 || j == 3;
    }
    if (sources != 1)
        st = MR_RAISE_AT(MR_ECONFIG, n, "map: %s needs one of attr, dataset%s", k->name,
                         k->kind == KIND_START ? ", name" : "");
    for (size_t i = 0; st == MR_OK && i < n->n; i++)
        if (strcmp(n->entries[i].key, "name") == 0 || strcmp(n->entries[i].key, "format") == 0) {
            st = mr_utc_pattern_check(n->entries[i].text);
            if (st != MR_OK) st = mr_reraise_at(MR_ECONFIG, &n->entries[i]);
        }
out:
    return st;
}

static mr_status check_axes(const mr_node *n)
{
    if (n->kind == MR_NODE_LIST && n->n == 2 && n->entries[0].text && n->entries[1].text) {
        bool t = strcmp(n->entries[0].text, "time") == 0;
        const char *a = n->entries[t ? 1 : 0].text, *b = n->entries[t ? 0 : 1].text;
        if (strcmp(a, "channel") == 0 && strcmp(b, "time") == 0) return MR_OK;
    }
    return MR_RAISE_AT(MR_ECONFIG, n, "map: axes is [time, channel] or [channel, time]");
}

static mr_status check_value(const mr_node *n, const map_key *k)
{
    double v;
    int64_t ns;
    char *end;
    mr_status st = MR_OK;
    switch (k->kind) {
    case KIND_PATH:
    case KIND_TEXT: return check_text(n, k->name);
    case KIND_AXES: return check_axes(n);
    case KIND_TIME:
        if (n->kind == MR_NODE_SCALAR &&
            (strcmp(n->text, "stamps") == 0 || strcmp(n->text, "rate") == 0))
            return MR_OK;
        return MR_RAISE_AT(MR_ECONFIG, n, "map: time is stamps or rate: which of them counts");
    case KIND_ZONE:
        MR_TRY(check_text(n, k->name));
        st = mr_utc_zone_parse(n->text, &ns);
        return st == MR_OK ? st : mr_reraise_at(MR_ECONFIG, n);
    default: break;
    }
    if (n->kind == MR_NODE_MAP) return check_source(n, k);
    if (n->kind != MR_NODE_SCALAR)
        return MR_RAISE_AT(MR_ECONFIG, n, "map: %s is a value or {attr: ...}", k->name);
    if (k->kind == KIND_NUMBER) {
        v = strtod(n->text, &end);
        if (!*n->text || *end || !isfinite(v) || v == 0)
            st =
                MR_RAISE(MR_ECONFIG, "map: %s '%s' is not a number other than 0", k->name, n->text);
    } else if (k->kind == KIND_START) {
        st = mr_utc_parse(n->text, &ns);
        if (st != MR_OK) st = of_key(k->name);
    } else {
        st = mr_quantity_parse(n->text, k->dim, &v);
        if (st != MR_OK) st = of_key(k->name);
        const bool spacing = strcmp(k->name, "spacing") == 0; /* negative: they fall */
        if (st == MR_OK && !spacing && strcmp(k->name, "first") != 0 && !(v > 0))
            st = MR_RAISE(MR_ECONFIG, "map: %s must be above 0", k->name);
        if (st == MR_OK && spacing && v == 0) st = MR_RAISE(MR_ECONFIG, "map: a spacing of 0");
    }
    if (st != MR_OK) st = mr_reraise_at(MR_ECONFIG, n);
out:
    return st;
}

mr_status mr_map_check(const mr_node *map)
{
    mr_status st = MR_OK;
    if (!map) return MR_OK;
    if (map->kind != MR_NODE_MAP || map->n == 0)
        return MR_RAISE_AT(MR_ECONFIG, map, "map: must be a map of facts (data, axes, rate, ...)");
    for (size_t i = 0; i < map->n; i++) {
        const mr_node *n = &map->entries[i];
        size_t k = 0;
        while (k < N_KEYS && strcmp(keys[k].name, n->key) != 0) k++;
        if (k == N_KEYS) {
            const char *near = mr_nearest(n->key, &keys[0].name, N_KEYS, sizeof *keys);
            return MR_RAISE_KEY(MR_ECONFIG, n, "map: unknown key '%s'%s%s%s", n->key,
                                near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        MR_TRY(check_value(n, &keys[k]));
    }
out:
    return st;
}

/* --- reading facts by it ---------------------------------------------------------------------- */

static const char *text_of(const mr_node *map, const char *key)
{
    const mr_node *n = mr_node_get(map, key);
    return n && n->kind == MR_NODE_SCALAR ? n->text : NULL;
}

/** Where {attr} or {dataset} points; NULL if it is neither. */
static const char *source_of(const mr_node *n)
{
    const char *a = text_of(n, "attr");
    return a ? a : text_of(n, "dataset");
}

/** A number in the unit of dim. Frequencies may be stored as intervals (unit: ms). */
static mr_status number(const mr_h5 *h, const mr_node *n, mr_dim dim, double *out)
{
    double v, k = 1;
    if (n->kind == MR_NODE_SCALAR) {
        if (dim != MR_DIM_NONE) return mr_quantity_parse(n->text, dim, out);
        *out = strtod(n->text, NULL);
        return MR_OK;
    }
    const char *where = source_of(n), *unit = text_of(n, "unit");
    if (!where || !mr_h5_f64(h, where, &v))
        return MR_RAISE(MR_EINPUT, "map: no number at %s", where ? where : "?");
    if (unit && unit_factor(unit, dim, &k) != MR_OK) {
        mr_error_clear();
        if (dim != MR_DIM_FREQ || unit_factor(unit, MR_DIM_TIME, &k) != MR_OK || v == 0)
            return MR_RAISE(MR_EINPUT, "map: unit of %s", where);
        *out = 1 / (v * k);
        return MR_OK;
    }
    *out = v * k;
    return MR_OK;
}

/** Element i of a fact as ns since 1970. */
static mr_status stamp(const mr_h5 *h, const mr_node *n, uint64_t i, int64_t *ns)
{
    const char *where = source_of(n), *unit = text_of(n, "unit"), *format = text_of(n, "format");
    char s[80];
    double k = 0, v;
    int64_t whole;
    if (mr_h5_text(h, where, i, s, sizeof s) && !unit)
        return format ? mr_utc_scan(s, format, ns) : mr_utc_parse(s, ns);
    if (!unit) return MR_RAISE(MR_EINPUT, "map: %s is a number: say its unit", where);
    if (unit_factor(unit, MR_DIM_TIME, &k) != MR_OK) return MR_EINPUT;
    if (mr_h5_is_int(h, where)) {
        if (mr_h5_i64s(h, where, i, 1, &whole) &&
            !__builtin_mul_overflow(whole, (int64_t)llround(k * 1e9), ns))
            return MR_OK;
    } else if ((i == 0 && mr_h5_f64(h, where, &v)) || mr_h5_f64s(h, where, i, 1, &v)) {
        long double t = (long double)v * (long double)k * 1e9L;
        if (fabsl(t) < 4.6e18L) {
            *ns = llroundl(t);
            return MR_OK;
        }
    }
    return MR_RAISE(MR_EINPUT, "map: no time at %s", where);
}

/** ns in the unit of a vector of numbers. */
static mr_status stamp_unit(const mr_node *n, double *ns)
{
    const char *unit = text_of(n, "unit");
    double k;
    if (!unit) return MR_RAISE(MR_EINPUT, "map: %s is a number: say its unit", source_of(n));
    if (unit_factor(unit, MR_DIM_TIME, &k) != MR_OK) return MR_EINPUT;
    *ns = k * 1e9;
    return MR_OK;
}

/** A vector of times, one a row: numbers are looked at one by one, of texts first and last. */
static mr_status apply_stamps(const mr_h5 *h, const mr_node *n, mr_find *f, uint64_t rows)
{
    mr_status st = MR_OK;
    mr_clock *c = &f->clock;
    int64_t t;
    double per = 1;
    c->stamps = (mr_stamps){0};
    c->have_start = c->have_end = false;
    if (mr_h5_number(h, source_of(n)).cls == MR_NUMBER_NONE) {
        MR_TRY(stamp(h, n, f->row0, &t));
        mr_clock_start(c, "input.map start", t);
        MR_TRY(stamp(h, n, f->row0 + rows - 1, &t));
        mr_clock_end(c, "its last", t);
    } else {
        MR_TRY(stamp_unit(n, &per));
        mr_clock_stamps(c, source_of(n), per);
        c->stamps.first = f->row0;
        c->stamps.n = rows;
    }
out:
    return st;
}

static uint64_t rows_of(const mr_find *f)
{
    const uint64_t all = f->dims[f->time_first ? 0 : 1];
    return f->nt ? f->nt : all - MR_MIN(all, f->row0);
}

/** Where a text or a name says no zone, the map's. */
static int64_t zone_ns(const mr_node *map)
{
    int64_t ns = 0;
    const char *zone = text_of(map, "zone");
    if (zone && mr_utc_zone_parse(zone, &ns) != MR_OK) mr_error_clear();
    return ns;
}

/** Has a text like 2026-01-01T00:00:00+01:00 a zone of its own? */
static bool has_zone(const char *text)
{
    return strlen(text) > 10 && strpbrk(text + 10, "zZ+-");
}

static mr_status apply_start(const mr_infile *src, const mr_node *map, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    const mr_node *n = mr_node_get(map, "start");
    mr_clock *c = &f->clock;
    const char *pattern = text_of(n, "name");
    const uint64_t rows = rows_of(f);
    char s[80];
    int64_t t = 0;
    if (n->kind == MR_NODE_SCALAR) {
        MR_TRY(mr_utc_parse(n->text, &t));
        if (!has_zone(n->text)) t -= zone_ns(map);
    } else if (pattern) {
        MR_TRY(mr_utc_scan_path(src->path, pattern, &t));
        if (!strstr(pattern, "%z") && !strstr(pattern, "%s") && !strstr(pattern, "%Q"))
            t -= zone_ns(map);
    } else if (rows > 1 && mr_h5_count(h, source_of(n)) == f->row0 + rows) {
        return apply_stamps(h, n, f, rows);
    } else {
        const uint64_t count = mr_h5_count(h, source_of(n));
        MR_TRY(stamp(h, n, count > f->row0 ? f->row0 : 0, &t));
        if (count > 1)
            mr_odd(f, "clock: %.60s has %llu stamps for %llu rows, of which the first counts",
                   source_of(n), (unsigned long long)count, (unsigned long long)rows);
        if (mr_h5_text(h, source_of(n), 0, s, sizeof s) && !text_of(n, "unit") && !has_zone(s))
            t -= zone_ns(map);
    }
    mr_clock_start(c, "input.map start", t);
    c->user_start = true;
    c->have_end = false;
out:
    return st;
}

/** A vector of times gives the rate; a number is compared with what the stamps say. */
static mr_status apply_rate(const mr_h5 *h, const mr_node *n, mr_find *f)
{
    mr_status st = MR_OK;
    mr_clock *c = &f->clock;
    double rate;
    c->precise_hz = 0;
    if (text_of(n, "dataset") && mr_h5_count(h, text_of(n, "dataset")) > 1) {
        c->rate_hz = 0;
        return apply_stamps(h, n, f, rows_of(f));
    }
    MR_TRY(number(h, n, MR_DIM_FREQ, &rate));
    mr_clock_rate(c, "input.map rate", rate);
out:
    return st;
}

static mr_status apply_units(const mr_h5 *h, const mr_node *map, mr_find *f)
{
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    const mr_node *scale = mr_node_get(map, "scale");
    const char *unit = text_of(map, "unit"), *quantity = text_of(map, "quantity");
    char native[sizeof o->native_unit];
    double k = 1;
    if (scale) MR_TRY(number(h, scale, MR_DIM_NONE, &k));
    memcpy(native, o->native_unit, sizeof native);
    if (scale || unit) mr_set_unit(f, unit ? unit : native, k);
    if (quantity) {
        snprintf(o->quantity, sizeof o->quantity, "%s", quantity);
        snprintf(o->native_quantity, sizeof o->native_quantity, "%s", quantity);
    }
out:
    return st;
}

mr_status mr_map_apply(const mr_infile *src, const mr_node *map, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    const mr_node *n;
    if ((n = mr_node_get(map, "axes"))) f->time_first = strcmp(n->entries[0].text, "time") == 0;
    const char *by = text_of(map, "time");
    if (by) f->clock.by = strcmp(by, "rate") == 0 ? MR_CLOCK_BY_RATE : MR_CLOCK_BY_STAMPS;
    if ((n = mr_node_get(map, "rate"))) MR_TRY(apply_rate(h, n, f));
    if (mr_node_get(map, "start")) MR_TRY(apply_start(src, map, f));
    if ((n = mr_node_get(map, "spacing"))) MR_TRY(number(h, n, MR_DIM_LENGTH, &o->dx_m));
    if ((n = mr_node_get(map, "first"))) MR_TRY(number(h, n, MR_DIM_LENGTH, &o->x0_m));
    if (mr_node_get(map, "spacing") || mr_node_get(map, "first")) o->places = 0;
    if ((n = mr_node_get(map, "gauge"))) MR_TRY(number(h, n, MR_DIM_LENGTH, &o->gauge_m));
    MR_TRY(apply_units(h, map, f));
out:
    if (st != MR_OK) {
        mr_note("input.map");
        st = st == MR_ECONFIG ? MR_EINPUT : st;
    }
    return st;
}

size_t mr_map_list(const mr_h5 *h, const mr_node *map, size_t max, char **v)
{
    const char *data = map ? text_of(map, "data") : NULL;
    char path[300];
    size_t kept = 0;
    if (!h || !data || !strpbrk(data, "*?[")) return 0;
    data += strspn(data, "/");
    const char *slash = strrchr(data, '/'), *last = slash ? slash + 1 : data;
    const int group = slash ? (int)(slash - data) : 0;
    if (group >= 200 || strcspn(data, "*?[") < (size_t)(last - data)) return 0;
    snprintf(path, sizeof path, "/%.*s", group, data);
    const size_t n = mr_h5_members(h, path, max, v);
    for (size_t i = 0; i < n; i++) {
        char *name = v[i];
        snprintf(path, sizeof path, "%.*s%s%.90s", group, data, group ? "/" : "", name);
        if (fnmatch(last, name, FNM_PERIOD) == 0 && !mr_h5_is_group(h, path))
            kept += (v[kept] = strdup(path)) != NULL;
        free(name);
    }
    return kept;
}

mr_status mr_map_read(const mr_infile *src, const mr_node *map, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    const mr_node *start = mr_node_get(map, "start");
    const char *times = start ? text_of(start, "dataset") : NULL;
    MR_TRY(mr_find_data(h, f, f->want ? f->want : text_of(map, "data")));
    f->time_first = true;
    if (!mr_node_get(map, "axes")) {
        uint64_t n = times ? mr_h5_count(h, times) : 0;
        if (n > 1 && n == f->dims[1] && n != f->dims[0]) f->time_first = false;
        mr_assume(f, "axes %s", f->time_first ? "[time, channel]" : "[channel, time]");
    }
    mr_set_unit(f, "", 1);
    MR_TRY(mr_map_apply(src, map, f));
out:
    return st;
}
