/* base/utc.c: calendar and nanoseconds, by the usual days-from-civil arithmetic. */
#include "base/utc.h"
#include "base/text.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define NS INT64_C(1000000000)
#define DAY_S INT64_C(86400)
static const int64_t utc_limit = INT64_C(1) << 62;

typedef struct moment { /* fields as written; -1 = not given */
    int64_t year, month, day, yday, hour, minute, second, ns, epoch;
    int64_t zone_s;
} moment;

/* Days since 1970-01-01 of a proleptic Gregorian date. Years begin in March, so that the leap day
 * is the last one. */
static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400, yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int64_t *m, int64_t *d)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

static int64_t days_of_month(int64_t y, int64_t m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[m - 1] + (m == 2 && ((y % 4 == 0 && y % 100 != 0) || y % 400 == 0));
}

/* Fields -> ns; false if they are no time or out of range. */
static bool moment_ns(const moment *t, int64_t *ns)
{
    int64_t s;
    if (t->epoch >= 0) {
        s = t->epoch;
    } else {
        int64_t days;
        if (t->yday >= 0) {
            if (t->yday < 1 || t->yday > 337 + days_of_month(t->year, 2)) return false;
            days = days_from_civil(t->year, 1, 1) + t->yday - 1;
        } else {
            if (t->month < 1 || t->month > 12) return false;
            if (t->day < 1 || t->day > days_of_month(t->year, t->month)) return false;
            days = days_from_civil(t->year, t->month, t->day);
        }
        if (t->hour > 23 || t->minute > 59 || t->second > 59) return false;
        s = days * DAY_S + t->hour * 3600 + t->minute * 60 + t->second;
    }
    int64_t v;
    s -= t->zone_s;
    if (__builtin_mul_overflow(s, NS, &v) || __builtin_add_overflow(v, t->ns, &v)) return false;
    if (v >= utc_limit || v <= -utc_limit) return false;
    *ns = v;
    return true;
}

/* Exactly n digits at *p, which moves behind them. */
static bool take_digits(const char **p, int n, int64_t *out)
{
    int64_t v = 0;
    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*p)[i])) return false;
        v = v * 10 + ((*p)[i] - '0');
    }
    *p += n;
    *out = v;
    return true;
}

/* Digits of a fraction of a second, rounded to ns where there are more than nine. */
static bool take_fraction(const char **p, int64_t *ns)
{
    int64_t v = 0, n = 0;
    if (!isdigit((unsigned char)**p)) return false;
    for (; isdigit((unsigned char)**p); ++*p, n++) {
        if (n < 9) v = v * 10 + (**p - '0');
        if (n == 9 && **p >= '5') v++;
    }
    for (; n < 9; n++) v *= 10;
    *ns = v;
    return true;
}

static bool take_zone(const char **p, int64_t *zone_s)
{
    int64_t h = 0, m = 0;
    if (**p == 'Z' || **p == 'z') {
        ++*p;
        return true;
    }
    if (**p != '+' && **p != '-') return **p == '\0';
    int64_t sign = **p == '-' ? -1 : 1;
    ++*p;
    if (!take_digits(p, 2, &h)) return false;
    bool colon = **p == ':';
    *p += colon;
    if ((colon || **p) && !take_digits(p, 2, &m)) return false;
    if (h > 23 || m > 59) return false;
    *zone_s = sign * (h * 3600 + m * 60);
    return true;
}

mr_status mr_utc_zone_parse(const char *text, int64_t *ns)
{
    int64_t s = 0;
    const char *p = text;
    char shown[64];
    if (*text && take_zone(&p, &s) && *p == '\0') {
        *ns = s * NS;
        return MR_OK;
    }
    mr_printable(text, shown, sizeof shown);
    return MR_RAISE(MR_ECONFIG, "'%s' is no zone: write +02:00", shown);
}

static bool parse_iso(const char *p, moment *t)
{
    if (!take_digits(&p, 4, &t->year) || *p++ != '-') return false;
    if (!take_digits(&p, 2, &t->month) || *p++ != '-') return false;
    if (!take_digits(&p, 2, &t->day)) return false;
    if (*p == '\0') return true;
    if (*p != 'T' && *p != 't' && *p != ' ') return false;
    p++;
    if (!take_digits(&p, 2, &t->hour) || *p++ != ':') return false;
    if (!take_digits(&p, 2, &t->minute)) return false;
    if (*p == ':') {
        p++;
        if (!take_digits(&p, 2, &t->second)) return false;
        if (*p == '.' || *p == ',') {
            p++;
            if (!take_fraction(&p, &t->ns)) return false;
        }
    }
    return take_zone(&p, &t->zone_s) && *p == '\0';
}

mr_status mr_utc_parse(const char *text, int64_t *ns)
{
    moment t = {.yday = -1, .epoch = -1};
    char shown[64];
    mr_printable(text, shown, sizeof shown);
    if (!parse_iso(text, &t))
        return MR_RAISE(MR_ECONFIG, "'%s' is no time: write 2026-01-31T12:00:00Z", shown);
    if (!moment_ns(&t, ns))
        return MR_RAISE(MR_ECONFIG,
                        "'%s' is not in the calendar (years 1824..2115, 00:00:00..23:59:59)",
                        shown);
    return MR_OK;
}

/* --- times inside names ---------------------------------------------------------------------- */

mr_status mr_utc_pattern_check(const char *pattern)
{
    char shown[64];
    char seen[128] = {0};
    mr_printable(pattern, shown, sizeof shown);
    for (const char *p = pattern; *p; p++) {
        if (*p != '%') continue;
        p++;
        if (*p == '\0' || !strchr("YymbdHMSjfzsQ%", *p))
            return MR_RAISE(MR_ECONFIG,
                            "'%s': %%%.1s is not known; there are %%Y %%y %%m %%b %%d %%j %%H %%M "
                            "%%S %%f (fraction) %%z (zone) %%s (epoch seconds) %%Q (epoch ms)",
                            shown, p);
        if (*p != '%' && seen[(unsigned char)*p]++)
            return MR_RAISE(MR_ECONFIG, "'%s': %%%c stands there twice", shown, *p);
    }
    const bool year = seen['Y'] || seen['y'], month = seen['m'] || seen['b'];
    const bool date = year && ((month && seen['d']) || seen['j']), epoch = seen['s'] || seen['Q'];
    if (seen['Y'] && seen['y'])
        return MR_RAISE(MR_ECONFIG, "'%s': %%Y and %%y; one will do", shown);
    if (epoch ? year || (seen['s'] && seen['Q']) : !date)
        return MR_RAISE(MR_ECONFIG, "'%s' gives no day: it needs %%Y%%m%%d, %%Y%%j, %%s or %%Q",
                        shown);
    return MR_OK;
}

static bool take_month(const char **s, int64_t *month)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (int m = 0; m < 12; m++)
        if (strncasecmp(*s, names + 3 * m, 3) == 0) {
            *s += 3;
            *month = m + 1;
            return true;
        }
    return false;
}

/* All digits at *s, if there are `least` of them or one more. */
static bool take_number(const char **s, int least, int64_t *v)
{
    int n = 0;
    while (isdigit((unsigned char)(*s)[n])) n++;
    return (n == least || n == least + 1) && take_digits(s, n, v);
}

/* A zone inside a name: Z, +hhmm, +hh:mm. */
static bool take_name_zone(const char **s, int64_t *zone_s)
{
    int64_t h, m;
    const char *p = *s + 1;
    if (**s == 'Z' || **s == 'z') {
        ++*s;
        return true;
    }
    if ((**s != '+' && **s != '-') || !take_digits(&p, 2, &h)) return false;
    p += *p == ':';
    if (!take_digits(&p, 2, &m) || h > 23 || m > 59) return false;
    *zone_s = (**s == '-' ? -1 : 1) * (h * 3600 + m * 60);
    *s = p;
    return true;
}

static bool scan_field(char what, const char **s, moment *t)
{
    switch (what) {
    case 'Y': return take_digits(s, 4, &t->year);
    case 'y':
        if (!take_digits(s, 2, &t->year)) return false;
        t->year += t->year < 70 ? 2000 : 1900;
        return true;
    case 'm': return take_digits(s, 2, &t->month);
    case 'b': return take_month(s, &t->month);
    case 'd': return take_digits(s, 2, &t->day);
    case 'H': return take_digits(s, 2, &t->hour);
    case 'M': return take_digits(s, 2, &t->minute);
    case 'S': return take_digits(s, 2, &t->second);
    case 'j': return take_digits(s, 3, &t->yday);
    case 'f': return take_fraction(s, &t->ns);
    case 'z': return take_name_zone(s, &t->zone_s);
    case 's': return take_number(s, 9, &t->epoch);
    case 'Q':
        if (!take_number(s, 12, &t->epoch)) return false;
        t->ns = t->epoch % 1000 * 1000000;
        t->epoch /= 1000;
        return true;
    default: return *(*s)++ == '%';
    }
}

/* *end: behind what matched. */
static bool scan_at(const char *s, const char *pattern, int64_t *ns, const char **end)
{
    moment t = {.yday = -1, .epoch = -1};
    for (const char *p = pattern; *p; p++) {
        if (*p == '%') {
            if (!scan_field(*++p, &s, &t)) return false;
        } else if (*s == '\0' || *s++ != *p) {
            return false;
        }
    }
    *end = s;
    return moment_ns(&t, ns);
}

/* A digit on both sides of this place: the number goes on. */
static bool inside_number(const char *name, const char *at)
{
    return at > name && isdigit((unsigned char)at[-1]) && isdigit((unsigned char)*at);
}

mr_status mr_utc_scan(const char *name, const char *pattern, int64_t *ns)
{
    mr_status st = mr_utc_pattern_check(pattern);
    char shown[128], want[64];
    bool found = false;
    int64_t other, zone;
    const char *end;
    if (st != MR_OK) return st;
    mr_printable(name, shown, sizeof shown);
    mr_printable(pattern, want, sizeof want);
    for (const char *s = name; *s; s++) {
        if (inside_number(name, s) || !scan_at(s, pattern, &other, &end) ||
            inside_number(name, end))
            continue;
        if (!strstr(pattern, "%z") && *end == '+' && take_name_zone(&end, &zone))
            return MR_RAISE(MR_EINPUT, "the name '%s' has a zone behind '%s': add %%z", shown,
                            want);
        if (found && other != *ns)
            return MR_RAISE(MR_EINPUT, "the name '%s' holds two times like '%s'", shown, want);
        found = true;
        *ns = other;
    }
    if (found) return MR_OK;
    return MR_RAISE(MR_EINPUT, "the name '%s' holds no time like '%s'", shown, want);
}

mr_status mr_utc_scan_path(const char *path, const char *pattern, int64_t *ns)
{
    const char *s = path + strlen(path);
    int parts = 1;
    for (const char *p = pattern; *p; p++) parts += *p == '/';
    while (s > path && !(s[-1] == '/' && --parts == 0)) s--;
    return mr_utc_scan(s, pattern, ns);
}

/* --- writing --------------------------------------------------------------------------------- */

/* A time as fields; year month day hour minute second ns. */
static void split(int64_t t_ns, int64_t f[7])
{
    int64_t s = t_ns / NS, ns = t_ns % NS;
    if (ns < 0) {
        ns += NS;
        s--;
    }
    int64_t day = (s >= 0 ? s : s - (DAY_S - 1)) / DAY_S, in = s - day * DAY_S;
    civil_from_days(day, &f[0], &f[1], &f[2]);
    f[3] = in / 3600;
    f[4] = in / 60 % 60;
    f[5] = in % 60;
    f[6] = ns;
}

/* v in decimal with leading zeros, then the character `after` unless it is 0. */
static char *put(char *p, int64_t v, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--, v /= 10) p[i] = (char)('0' + v % 10);
    p += digits;
    if (after) *p++ = after;
    *p = '\0';
    return p;
}

static const char *print_utc(int64_t ns, char *buf, char date, char time)
{
    int64_t f[7];
    split(ns, f);
    char *p = put(buf, f[0], 4, date);
    p = put(p, f[1], 2, date);
    p = put(p, f[2], 2, 'T');
    p = put(p, f[3], 2, time);
    p = put(p, f[4], 2, time);
    p = put(p, f[5], 2, '.');
    put(p, f[6], 9, 'Z');
    return buf;
}

const char *mr_utc_iso(int64_t ns, char *buf)
{
    return print_utc(ns, buf, '-', ':');
}

const char *mr_utc_compact(int64_t ns, char *buf)
{
    return print_utc(ns, buf, 0, 0);
}

const char *mr_utc_date(int64_t ns, char *buf)
{
    int64_t f[7];
    split(ns, f);
    put(put(put(buf, f[0], 4, '-'), f[1], 2, '-'), f[2], 2, 0);
    return buf;
}
