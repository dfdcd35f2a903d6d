/* base/utc.h: time as integer nanoseconds since 1970-01-01 UTC, and as text. Proleptic Gregorian,
 * no leap seconds; valid for |t| < 2^62 ns. */
#ifndef MR_UTC_H
#define MR_UTC_H
#include "base/base.h"

/** "2026-01-01T00:00:00[.fraction][Z|+hh:mm]" (also a space for T, no seconds, date alone) -> ns.
 * Zone absent = UTC. A fraction beyond nine digits is rounded. MR_ECONFIG if malformed or out of
 * range. */
mr_status mr_utc_parse(const char *text, int64_t *ns);
/** By a strftime-like pattern found anywhere inside `name`: %Y %m %d %H %M %S %j %f (fraction
 * digits) %s (epoch seconds) %%; other characters must match. The first place that fits and is a
 * time counts. MR_ECONFIG for a bad pattern, MR_EINPUT if the name does not hold it. */
mr_status mr_utc_scan(const char *name, const char *pattern, int64_t *ns);
/** Check a pattern alone: only known fields, each once, enough of them for a day. */
mr_status mr_utc_pattern_check(const char *pattern);
/** "2026-01-01T00:05:00.000000000Z" into buf (>= 40 bytes); gives buf back. */
const char *mr_utc_iso(int64_t ns, char *buf);
/** "20260101T000500.000000000Z" into buf (>= 40). */
const char *mr_utc_compact(int64_t ns, char *buf);
/** "2026-01-01" into buf (>= 16). */
const char *mr_utc_date(int64_t ns, char *buf);
#endif
