/* base/quantity.h: numbers with units as users write them, and as we write them back.
 * A quantity is a number, optional space, unit: ns us ms s min h d . mHz Hz kHz . mm m km .
 * m/s km/s . B KiB MiB GiB . %. */
#ifndef MR_QUANTITY_H
#define MR_QUANTITY_H
#include "base/base.h"
#include "base/text.h"

/** What a value measures; values are held in the unit in brackets. */
typedef enum mr_dim {
    MR_DIM_NONE,   /* a bare number [1] */
    MR_DIM_TIME,   /* [s] */
    MR_DIM_FREQ,   /* [Hz] */
    MR_DIM_LENGTH, /* [m] */
    MR_DIM_SPEED,  /* [m/s] */
    MR_DIM_BYTES,  /* [B] */
    MR_DIM_PERCENT /* [fraction: 50 % = 0.5] */
} mr_dim;

/** "2.5 s" -> 2.5 with MR_DIM_TIME. MR_ECONFIG with a message without position: unknown unit (names
 *  the nearest), wrong dimension, bare number where a unit is needed ("did you mean 60 s?"), junk,
 *  not finite. */
mr_status mr_quantity_parse(const char *text, mr_dim dim, double *out);
/** "1..45 Hz", "1 Hz .. 2 kHz", "100..900" -> lo, hi. A unit on the last serves both. lo < hi or
 *  MR_ECONFIG. */
mr_status mr_range_parse(const char *text, mr_dim dim, double *lo, double *hi);
/** A time span as whole nanoseconds: "60 s" -> 60000000000, exact for decimal input. */
mr_status mr_duration_parse(const char *text, int64_t *ns);
/** Non-negative decimal integer that fits int64. */
mr_status mr_int_parse(const char *text, int64_t *out);
/** "1.2 GiB", "345 MB/s"-style text into buf (>= 32 bytes); gives buf back. */
const char *mr_fmt_bytes(double bytes, char *buf);
/** "00:01:40". */
const char *mr_fmt_hms(double seconds, char *buf);
/** Default unit name of a dimension: "s", "Hz", "m", "B", "%", "". */
const char *mr_dim_unit(mr_dim dim);
#endif
