/* tests/fuzz/text.c: quantities, ranges, durations and times as users and recorders write them.
 * What is printed from a time is read back as the same time. */
#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "base/utc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), buf[40];
    double a, b;
    int64_t ns, back;
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (int dim = MR_DIM_NONE; dim <= MR_DIM_PERCENT; dim++) {
        (void)mr_quantity_parse(text, (mr_dim)dim, &a);
        if (mr_range_parse(text, (mr_dim)dim, &a, &b) == MR_OK && !(a < b)) abort();
    }
    (void)mr_duration_parse(text, &ns);
    if (mr_int_parse(text, &ns) == MR_OK && ns < 0) abort();
    if (mr_utc_parse(text, &ns) == MR_OK) {
        if (mr_utc_parse(mr_utc_iso(ns, buf), &back) != MR_OK || back != ns) abort();
        mr_utc_compact(ns, buf);
        mr_utc_date(ns, buf);
    }
    const size_t n = strlen(text);
    const char *pattern = n < size ? text + n + 1 : "%Y%m%dT%H%M%S%f";
    if (mr_utc_pattern_check(pattern) == MR_OK) (void)mr_utc_scan(text, pattern, &ns);
    mr_printable(text, buf, sizeof buf);
    mr_error_clear();
    free(text);
    return 0;
}
