/* cli/inspect/show.c: see show.h. */
#include "cli/inspect/show.h"
#include "base/utc.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *mr_show_time(int64_t ns, char *buf)
{
    mr_utc_iso(ns, buf);
    char *end = buf + strlen(buf) - 1; /* the Z */
    while (end[-1] == '0' && strchr(buf, '.')) end--;
    if (end[-1] == '.') end--;
    strcpy(end, "Z");
    return buf;
}

const char *mr_show_length(double seconds, char *buf)
{
    const double minutes = round(seconds / 60);
    if (seconds < 600 || seconds >= 3.6e7)
        snprintf(buf, 40, "%.6g s", seconds);
    else if (seconds < 86400)
        snprintf(buf, 40, "%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
    else
        snprintf(buf, 40, "%.0f d %.3g h", floor(seconds / 86400), fmod(seconds, 86400) / 3600);
    return buf;
}

const char *mr_show_axes(const mr_store *s)
{
    return s->time_first ? "[time][channel]" : "[channel][time]";
}

const char *mr_show_filter(uint8_t filter)
{
    static const char *const names[] = {"none", "deflate", "shuffle", "fletcher32"};
    return names[filter <= MR_FI_FLETCHER32 ? filter : 0];
}

const char *mr_show_storage(const mr_store *s, char *buf)
{
    if (s->storage == MR_ST_CONTIGUOUS) return strcpy(buf, "contiguous");
    const uint64_t a = s->time_first ? s->chunk_t : s->chunk_c;
    const uint64_t b = s->time_first ? s->chunk_c : s->chunk_t;
    int n = snprintf(buf, MR_SHOW, "chunks of %llu x %llu", (unsigned long long)a,
                     (unsigned long long)b);
    for (unsigned i = 0; i < s->n_filters; i++)
        n += snprintf(buf + n, MR_SHOW - (size_t)n, "%s %s", i ? "" : ",",
                      mr_show_filter(s->filters[i]));
    return buf;
}

const char *mr_show_unit_stored(const mr_file_info *f, char *buf)
{
    const bool unit = f->unit[0] && strcmp(f->quantity, f->unit) != 0;
    snprintf(buf, MR_SHOW, "%s%s%s", f->quantity, unit ? " in " : "", unit ? f->unit : "");
    return buf;
}

const char *mr_show_unit(const mr_file_info *f, char *buf)
{
    const size_t n = strlen(mr_show_unit_stored(f, buf));
    if (f->to_native > 0 && f->native_unit[0] && strcmp(f->native_unit, f->unit) != 0)
        snprintf(buf + n, MR_SHOW - n, ", x %.9g = %s in %s", f->to_native, f->native_quantity,
                 f->native_unit);
    return buf;
}
