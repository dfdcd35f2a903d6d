/* base/utc.h: time as integer nanoseconds since 1970-01-01 UTC, and as text. Proleptic Gregorian,
 * no leap seconds; valid for |t| < 2^62 ns. */
#ifndef MR_UTC_H
#define MR_UTC_H
#include "base/base.h"

/** "2026-01-01T00:00:00[.fraction][Z|+hh:mm]" (also a space for T, no seconds, date alone) -> ns.
 * Zone absent = UTC. A fraction beyond nine digits is rounded. MR_ECONFIG if malformed or out of
 * range. */
mr_status mr_utc_parse(const char *text, int64_t *ns);
/** By a strftime-like pattern found anywhere inside `name`: %Y %y (1970..2069) %m %b (Jan) %d %j %H
 * %M %S %f (fraction digits) %z (Z, +hhmm, +hh:mm) %s (epoch seconds, 9 or 10 digits) %Q (epoch
 * milliseconds, 12 or 13) %%; other characters must match. It matches the whole of the digits it
 * asks for, between non-digits. MR_ECONFIG for a bad pattern, MR_EINPUT if the name does not hold
 * it, or two that differ, or a zone behind it that the pattern leaves out. */
mr_status mr_utc_scan(const char *name, const char *pattern, int64_t *ns);
/** The same in as many last parts of a path as the pattern has. */
mr_status mr_utc_scan_path(const char *path, const char *pattern, int64_t *ns);
/** "+02:00", "-0330", "Z" -> ns east of UTC. MR_ECONFIG if it is none. */
mr_status mr_utc_zone_parse(const char *text, int64_t *ns);
/** Check a pattern alone: only known fields, each once, enough of them for a day. */
mr_status mr_utc_pattern_check(const char *pattern);
/** "2026-01-01T00:05:00.000000000Z" into buf (>= 40 bytes); gives buf back. */
const char *mr_utc_iso(int64_t ns, char *buf);
/** "20260101T000500.000000000Z" into buf (>= 40). */
const char *mr_utc_compact(int64_t ns, char *buf);
/** "2026-01-01" into buf (>= 16). */
const char *mr_utc_date(int64_t ns, char *buf);
#endif
