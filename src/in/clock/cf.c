/* in/clock/cf.c: time axes as the CF conventions write them. */
#include "base/text.h"
#include "base/utc.h"
#include "in/clock/clock.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    double ns;
} unit[] = {{"nanosecond", 1}, {"ns", 1},          {"nanosec", 1},    {"microsecond", 1e3},
            {"us", 1e3},       {"\xC2\xB5s", 1e3}, {"microsec", 1e3}, {"millisecond", 1e6},
            {"ms", 1e6},       {"msec", 1e6},      {"millisec", 1e6}, {"second", 1e9},
            {"sec", 1e9},      {"s", 1e9},         {"minute", 6e10},  {"min", 6e10},
            {"hour", 3.6e12},  {"hr", 3.6e12},     {"h", 3.6e12},     {"day", 8.64e13},
            {"d", 8.64e13}};

static bool unit_ns(const char *s, size_t len, double *ns)
{
    for (size_t i = 0; i < sizeof unit / sizeof *unit; i++) {
        const size_t n = strlen(unit[i].name);
        const bool plural = len == n + 1 && s[n] == 's' && n > 1;
        if ((len == n || plural) && strncasecmp(unit[i].name, s, n) == 0) {
            *ns = unit[i].ns;
            return true;
        }
    }
    return false;
}

static int two(const char **p)
{
    int v = 0, n = 0;
    while (n < 2 && isdigit((unsigned char)**p)) {
        v = v * 10 + (*(*p)++ - '0');
        n++;
    }
    return n ? v : -1;
}

/** "2026-1-1 0:00:00.5 +2:00", "... UTC" as the text that mr_utc_parse takes. */
static bool iso_of(const char *s, char *out, size_t size)
{
    int year, used, month, day, at[3] = {0, 0, 0}, n = 0, zh = 0, zm = 0;
    char fraction[32] = "";
    if (sscanf(s, "%4d-%n", &year, &used) != 1) return false;
    const char *p = s + used;
    if ((month = two(&p)) < 0 || *p++ != '-' || (day = two(&p)) < 0) return false;
    if (*p == 'T' || *p == 't') p++;
    p += strspn(p, " ");
    while (n < 3 && isdigit((unsigned char)*p)) {
        if ((at[n++] = two(&p)) < 0) return false;
        if (*p != ':') break;
        p++;
    }
    if (n == 3 && *p == '.') {
        const size_t len = 1 + strspn(p + 1, "0123456789");
        if (len > 1) snprintf(fraction, sizeof fraction, "%.*s", (int)MR_MIN(len, (size_t)30), p);
        p += len;
    }
    p += strspn(p, " ");
    const char sign = *p == '-' ? '-' : '+';
    if (strcasecmp(p, "UTC") == 0 || strcasecmp(p, "GMT") == 0 || strcasecmp(p, "Z") == 0) {
        p += strlen(p);
    } else if (*p == '+' || *p == '-') {
        p++;
        if ((zh = two(&p)) < 0) return false;
        if (*p == ':') p++;
        if (*p && (zm = two(&p)) < 0) return false;
    }
    if (*p) return false;
    snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d%s%c%02d:%02d", year, month, day, at[0],
             at[1], at[2], fraction, sign, zh, zm);
    return true;
}

mr_status mr_clock_cf(const char *units, const char *calendar, double *ns_per, int64_t *epoch_ns)
{
    static const char *const known[] = {"", "standard", "gregorian", "proleptic_gregorian"};
    const char *since = strstr(units, " since ");
    char iso[160], shown[80]; /* iso: more than any six numbers take */
    bool ok = false;
    mr_printable(units, shown, sizeof shown);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ok |= strcasecmp(calendar, known[i]) == 0;
    if (!ok) return MR_RAISE(MR_EINPUT, "calendar '%.40s' of the time axis is not ours", calendar);
    if (!since || !unit_ns(units, (size_t)(since - units), ns_per))
        return MR_RAISE(MR_EINPUT, "time units '%s'", shown);
    since += strlen(" since ");
    if (!iso_of(since + strspn(since, " "), iso, sizeof iso) ||
        mr_utc_parse(iso, epoch_ns) != MR_OK)
        return MR_RAISE(MR_EINPUT, "time units '%s': no date that we know", shown);
    return MR_OK;
}
