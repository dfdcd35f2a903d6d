/* base/quantity.c: numbers with units. One row a unit; the decimal part of a unit goes into the
 * number's exponent before it is converted, so that "0.1 ms" is the double nearest to 1e-4. */
#include "base/quantity.h"
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct unit_row { /* 1 of it = factor * 10^exp10 of the dimension's own unit */
    const char *name;
    mr_dim dim;
    int exp10;
    double factor;
} unit_row;
static const unit_row units[] = {
    {"ns", MR_DIM_TIME, -9, 1},
    {"us", MR_DIM_TIME, -6, 1},
    {"ms", MR_DIM_TIME, -3, 1},
    {"s", MR_DIM_TIME, 0, 1},
    {"min", MR_DIM_TIME, 0, 60},
    {"h", MR_DIM_TIME, 0, 3600},
    {"d", MR_DIM_TIME, 0, 86400},
    {"mHz", MR_DIM_FREQ, -3, 1},
    {"Hz", MR_DIM_FREQ, 0, 1},
    {"kHz", MR_DIM_FREQ, 3, 1},
    {"mm", MR_DIM_LENGTH, -3, 1},
    {"m", MR_DIM_LENGTH, 0, 1},
    {"km", MR_DIM_LENGTH, 3, 1},
    {"m/s", MR_DIM_SPEED, 0, 1},
    {"km/s", MR_DIM_SPEED, 3, 1},
    {"B", MR_DIM_BYTES, 0, 1},
    {"KiB", MR_DIM_BYTES, 0, 1024},
    {"MiB", MR_DIM_BYTES, 0, 1048576},
    {"GiB", MR_DIM_BYTES, 0, 1073741824.0},
    {"%", MR_DIM_PERCENT, -2, 1},
};
enum { N_UNITS = sizeof units / sizeof units[0] };

/* Per dimension: own unit, what a user should write, the list for messages. */
static const struct {
    const char *unit, *kind, *all;
} dims[] = {
    [MR_DIM_NONE] = {"", "a number without unit", ""},
    [MR_DIM_TIME] = {"s", "a time", "ns us ms s min h d"},
    [MR_DIM_FREQ] = {"Hz", "a frequency", "mHz Hz kHz"},
    [MR_DIM_LENGTH] = {"m", "a length", "mm m km"},
    [MR_DIM_SPEED] = {"m/s", "a velocity", "m/s km/s"},
    [MR_DIM_BYTES] = {"B", "a size", "B KiB MiB GiB"},
    [MR_DIM_PERCENT] = {"%", "a share", "%"},
};

const char *mr_dim_unit(mr_dim dim)
{
    return dims[dim].unit;
}

/* --- reading --------------------------------------------------------------------------------- */

typedef struct number { /* places inside the text: digits (with sign and point) and exponent */
    const char *text;
    size_t len; /* of the digits */
    int exp10;
} number;
enum { SHOWN = 72, UNIT_MAX = 16 };

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\t') p++;
    return p;
}

/* A decimal number at p, which stops before "..". Returns where it ends, NULL if there is none. */
static const char *scan_number(const char *p, number *out)
{
    const char *q = p;
    size_t digits = 0;
    *out = (number){.text = p};
    if (*q == '+' || *q == '-') q++;
    for (; isdigit((unsigned char)*q); q++) digits++;
    if (*q == '.' && q[1] != '.')
        for (q++; isdigit((unsigned char)*q); q++) digits++;
    if (digits == 0) return NULL;
    out->len = (size_t)(q - p);
    const char *e = q;
    if (*e == 'e' || *e == 'E') {
        int sign = 1, v = 0;
        e++;
        if (*e == '+' || *e == '-') sign = *e++ == '-' ? -1 : 1;
        if (isdigit((unsigned char)*e)) {
            for (; isdigit((unsigned char)*e); e++) v = MR_MIN(v * 10 + (*e - '0'), 99999);
            out->exp10 = sign * v;
            q = e;
        }
    }
    return q;
}

static bool number_value(const number *n, const unit_row *u, double *out)
{
    char buf[352];
    if (n->len > 320) return false; /* more digits than any double needs to be told */
    snprintf(buf, sizeof buf, "%.*se%d", (int)n->len, n->text, n->exp10 + (u ? u->exp10 : 0));
    double v = strtod(buf, NULL) * (u ? u->factor : 1);
    if (!isfinite(v)) return false;
    *out = v;
    return true;
}

/* What people write for our units elsewhere. */
static const struct {
    const char *word, *unit;
} habits[] = {
    {"sec", "s"},       {"secs", "s"},    {"second", "s"},  {"seconds", "s"}, {"minute", "min"},
    {"minutes", "min"}, {"mins", "min"},  {"hr", "h"},      {"hour", "h"},    {"hours", "h"},
    {"day", "d"},       {"days", "d"},    {"millis", "ms"}, {"k", "KiB"},     {"kb", "KiB"},
    {"mb", "MiB"},      {"m", "MiB"},     {"gb", "GiB"},    {"g", "GiB"},     {"byte", "B"},
    {"bytes", "B"},     {"hertz", "Hz"},  {"meter", "m"},   {"meters", "m"},  {"metre", "m"},
    {"metres", "m"},    {"percent", "%"},
};

/* The unit of that dimension that `word` was meant to be, or NULL. */
static const char *nearest_unit(const char *word, mr_dim dim)
{
    const char *own[N_UNITS];
    size_t n = 0;
    for (size_t i = 0; i < N_UNITS; i++)
        if (units[i].dim == dim) own[n++] = units[i].name;
    for (size_t k = 0; k < sizeof habits / sizeof habits[0]; k++)
        for (size_t i = 0; i < n && strcasecmp(word, habits[k].word) == 0; i++)
            if (strcmp(own[i], habits[k].unit) == 0) return own[i];
    return mr_nearest(word, own, n, sizeof own[0]);
}

/* The unit at *p, NULL in *u if there is none. before: its number, for the hint. */
static mr_status scan_unit(const char **p, mr_dim dim, const char *shown, const number *before,
                           const unit_row **u)
{
    const char *q = *p;
    char word[UNIT_MAX];
    if (*q == '%')
        q++;
    else
        while (isalpha((unsigned char)*q) || (unsigned char)*q >= 0x80 ||
               (*q == '/' && q > *p && isalpha((unsigned char)q[1])))
            q++;
    size_t n = (size_t)(q - *p);
    *u = NULL;
    if (n == 0) return MR_OK;
    snprintf(word, sizeof word, "%.*s", (int)MR_MIN(n, sizeof word - 1), *p);
    for (size_t i = 0; i < N_UNITS && n < sizeof word; i++)
        if (strcmp(units[i].name, word) == 0) *u = &units[i];
    if (*u && (*u)->dim == dim) {
        *p = q;
        return MR_OK;
    }
    if (dim == MR_DIM_NONE && *u)
        return MR_RAISE(MR_ECONFIG, "'%s': this is a number without unit, not %s", shown,
                        dims[(*u)->dim].kind);
    if (*u)
        return MR_RAISE(MR_ECONFIG, "'%s' is %s; %s is needed (units: %s)", shown,
                        dims[(*u)->dim].kind, dims[dim].kind, dims[dim].all);
    char printable[4 * UNIT_MAX + 1];
    mr_printable(word, printable, sizeof printable);
    if (dim == MR_DIM_NONE)
        return MR_RAISE(MR_ECONFIG, "'%s': a number without unit is needed, '%s' is too much",
                        shown, printable);
    const char *near = nearest_unit(word, dim);
    return MR_RAISE(MR_ECONFIG, "'%s': unit '%s' is not known%s%.*s%s%s%s (units: %s)", shown,
                    printable, near ? "; did you mean " : "",
                    near && before ? (int)MR_MIN(before->len, 24u) : 0, before ? before->text : "",
                    near && before ? " " : "", near ? near : "", near ? "?" : "", dims[dim].all);
}

static mr_status raise_no_number(const char *shown, mr_dim dim)
{
    if (dim == MR_DIM_NONE) return MR_RAISE(MR_ECONFIG, "'%s' is not a number", shown);
    return MR_RAISE(MR_ECONFIG, "'%s' is not %s: a number and a unit are needed (units: %s)", shown,
                    dims[dim].kind, dims[dim].all);
}

/* What somebody meant who wrote a bare number of bytes. */
static const char *likely_unit(mr_dim dim, double v)
{
    if (dim != MR_DIM_BYTES) return dims[dim].unit;
    return v < 128 ? "GiB" : v < 131072 ? "MiB" : "B";
}

static mr_status raise_bare(const char *shown, mr_dim dim, const number *n)
{
    double v = 0;
    number_value(n, NULL, &v);
    return MR_RAISE(MR_ECONFIG, "'%s' has no unit: did you mean %s %s? (units: %s)", shown, shown,
                    likely_unit(dim, v), dims[dim].all);
}

static mr_status raise_junk(const char *shown, const char *rest)
{
    char junk[24];
    mr_printable(rest, junk, sizeof junk);
    return MR_RAISE(MR_ECONFIG, "'%s': '%s' is left over", shown, junk);
}

/* A number and its unit at the start and end of a text; [take] nothing. */
static mr_status scan_quantity(const char *text, mr_dim dim, number *n, const unit_row **u)
{
    mr_status st = MR_OK;
    char shown[SHOWN];
    mr_printable(text, shown, sizeof shown);
    const char *p = skip_space(text), *end = scan_number(p, n);
    if (!end) return raise_no_number(shown, dim);
    p = skip_space(end);
    MR_TRY(scan_unit(&p, dim, shown, n, u));
    if (!*u && dim != MR_DIM_NONE && *p == '\0') return raise_bare(shown, dim, n);
    p = skip_space(p);
    if (*p) return raise_junk(shown, p);
out:
    return st;
}

mr_status mr_quantity_parse(const char *text, mr_dim dim, double *out)
{
    mr_status st = MR_OK;
    number n;
    const unit_row *u = NULL;
    MR_TRY(scan_quantity(text, dim, &n, &u));
    if (!number_value(&n, u, out)) {
        char shown[SHOWN];
        mr_printable(text, shown, sizeof shown);
        st = MR_RAISE(MR_ECONFIG, "'%s' is beyond the range of numbers", shown);
    }
out:
    return st;
}

/* Both ends of a range are read: check them and give them out. */
static mr_status finish_range(const char *shown, mr_dim dim, const number n[2],
                              const unit_row *const u[2], double *lo, double *hi)
{
    double a, b;
    if (!number_value(&n[0], u[0], &a) || !number_value(&n[1], u[1], &b))
        return MR_RAISE(MR_ECONFIG, "'%s' is beyond the range of numbers", shown);
    if (a == b) return MR_RAISE(MR_ECONFIG, "'%s' is empty: both ends are the same", shown);
    if (a > b) {
        const char *unit = dim == MR_DIM_NONE ? "" : u[1]->name, *gap = *unit ? " " : "";
        if (u[0] != u[1])
            return MR_RAISE(MR_ECONFIG, "'%s' runs backwards: the smaller end comes first", shown);
        return MR_RAISE(MR_ECONFIG, "'%s' runs backwards: did you mean %.*s..%.*s%s%s?", shown,
                        (int)MR_MIN(n[1].len, 24u), n[1].text, (int)MR_MIN(n[0].len, 24u),
                        n[0].text, gap, unit);
    }
    *lo = a;
    *hi = b;
    return MR_OK;
}

/* The unit of that dimension behind a number, else the plain one. */
static const char *unit_behind(const number *n, mr_dim dim)
{
    number again;
    const char *p = skip_space(scan_number(n->text, &again));
    for (size_t i = 0; i < N_UNITS; i++)
        if (units[i].dim == dim && strcmp(units[i].name, p) == 0) return units[i].name;
    return dims[dim].unit;
}

/* "1-30 Hz", "1 to 30", "1:30", "1, 30 Hz": two numbers that a range was meant by. */
static bool like_range(const char *text, mr_dim dim, number n[2])
{
    static const char *const between[] = {"-", "to", ":", ",", "\xe2\x80\x93", "...", "~"};
    const char *p = scan_number(skip_space(text), &n[0]), *end;
    if (!p) return false;
    p = skip_space(p);
    for (size_t i = 0; i < N_UNITS; i++) { /* "1Hz-30Hz" */
        const size_t len = strlen(units[i].name);
        if (units[i].dim == dim && strncmp(p, units[i].name, len) == 0 &&
            !isalpha((unsigned char)p[len])) {
            p = skip_space(p + len);
            break;
        }
    }
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        const size_t len = strlen(between[i]);
        if (strncmp(p, between[i], len) != 0) continue;
        end = scan_number(skip_space(p + len), &n[1]);
        if (end) return true;
    }
    return false;
}

mr_status mr_range_parse(const char *text, mr_dim dim, double *lo, double *hi)
{
    mr_status st = MR_OK;
    char shown[SHOWN];
    number n[2] = {0};
    const unit_row *u[2] = {NULL, NULL};
    mr_printable(text, shown, sizeof shown);
    if ((!strstr(text, "..") || strstr(text, "...")) && like_range(text, dim, n))
        return MR_RAISE(MR_ECONFIG, "'%s' is no range: did you mean %.*s..%.*s%s%s?", shown,
                        (int)MR_MIN(n[0].len, 24u), n[0].text, (int)MR_MIN(n[1].len, 24u),
                        n[1].text, dim == MR_DIM_NONE ? "" : " ", unit_behind(&n[1], dim));
    const char *p = scan_number(skip_space(text), &n[0]);
    if (!p) goto no_range;
    p = skip_space(p);
    MR_TRY(scan_unit(&p, dim, shown, NULL, &u[0]));
    p = skip_space(p);
    if (p[0] != '.' || p[1] != '.' || p[2] == '.') goto no_range;
    p = scan_number(skip_space(p + 2), &n[1]);
    if (!p) goto no_range;
    p = skip_space(p);
    MR_TRY(scan_unit(&p, dim, shown, NULL, &u[1]));
    if (*skip_space(p)) return raise_junk(shown, skip_space(p));
    if (!u[1] && dim != MR_DIM_NONE) {
        const char *unit = u[0] ? u[0]->name : dims[dim].unit;
        return MR_RAISE(MR_ECONFIG, "'%s' has no unit at its end: did you mean %.*s..%.*s %s?",
                        shown, (int)MR_MIN(n[0].len, 24u), n[0].text, (int)MR_MIN(n[1].len, 24u),
                        n[1].text, unit);
    }
    if (!u[0]) u[0] = u[1];
    return finish_range(shown, dim, n, u, lo, hi);
no_range:
    st = MR_RAISE(MR_ECONFIG, "'%s' is no range: write 1..45%s%s", shown,
                  dim == MR_DIM_NONE ? "" : " ", dims[dim].unit);
out:
    return st;
}

/* digits * 10^exp10 * factor as a whole number; false if it is none or does not fit 2^62. */
static bool whole_value(const number *n, int exp10, int64_t factor, int64_t *out)
{
    __int128 v = 0;
    const __int128 limit = (__int128)1 << 100;
    bool point = false, minus = n->text[0] == '-';
    for (size_t i = 0; i < n->len; i++) {
        char c = n->text[i];
        if (c == '.') point = true;
        if (!isdigit((unsigned char)c)) continue;
        if (v > limit) return false;
        v = v * 10 + (c - '0');
        exp10 -= point;
    }
    if (v == 0) exp10 = 0;
    v *= factor;
    for (; exp10 > 0; exp10--) {
        if (v > limit) return false;
        v *= 10;
    }
    for (; exp10 < 0; exp10++) {
        if (v % 10) return false;
        v /= 10;
    }
    if (v >= (__int128)1 << 62) return false;
    *out = (int64_t)(minus ? -v : v);
    return true;
}

mr_status mr_duration_parse(const char *text, int64_t *ns)
{
    mr_status st = MR_OK;
    number n;
    const unit_row *u = NULL;
    MR_TRY(scan_quantity(text, MR_DIM_TIME, &n, &u));
    if (!whole_value(&n, n.exp10 + u->exp10 + 9, (int64_t)u->factor, ns)) {
        char shown[SHOWN];
        mr_printable(text, shown, sizeof shown);
        st = MR_RAISE(MR_ECONFIG, "'%s' is not a whole number of nanoseconds below 53375 d", shown);
    }
out:
    return st;
}

mr_status mr_int_parse(const char *text, int64_t *out)
{
    const char *p = text;
    int64_t v = 0;
    char shown[SHOWN];
    mr_printable(text, shown, sizeof shown);
    if (*p == '\0') return MR_RAISE(MR_ECONFIG, "'' is not a whole number");
    for (; *p; p++) {
        if (!isdigit((unsigned char)*p))
            return MR_RAISE(MR_ECONFIG, "'%s' is not a whole number from 0 up", shown);
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
            return MR_RAISE(MR_ECONFIG, "'%s' is beyond %" PRId64, shown, INT64_MAX);
    }
    *out = v;
    return MR_OK;
}

/* --- writing --------------------------------------------------------------------------------- */

const char *mr_fmt_bytes(double bytes, char *buf)
{
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t i = 0;
    for (; fabs(bytes) >= 999.5 && i + 1 < sizeof names / sizeof names[0]; i++) bytes /= 1024;
    snprintf(buf, 32, i == 0 || fabs(bytes) >= 99.95 ? "%.0f %s" : "%.1f %s", bytes, names[i]);
    return buf;
}

const char *mr_fmt_hms(double seconds, char *buf)
{
    double s = !(seconds > 0) ? 0 : seconds > 3.5e9 ? 3.5e9 : seconds;
    long long v = llround(s);
    snprintf(buf, 32, "%02lld:%02lld:%02lld", v / 3600, v / 60 % 60, v % 60);
    return buf;
}
