/* cli/view/view_time.c: --time of `view`. */
#include "cli/view/view.h"
#include <stdio.h>
#include <string.h>
#include "base/quantity.h"
#include "base/utc.h"

/* One end of --time: a UTC time, or a time after the first sample. */
static mr_status parse_end(const char *text, int64_t t0_ns, int64_t *out)
{
    int64_t ns = 0;
    if (mr_utc_parse(text, &ns) == MR_OK) {
        *out = ns;
    } else if (mr_duration_parse(text, &ns) == MR_OK) {
        *out = t0_ns + ns;
    } else {
        return MR_RAISE(MR_ECONFIG, "--time: '%s' is neither a UTC time nor a time like 60s", text);
    }
    mr_error_clear();
    return MR_OK;
}

static void trim(char *s)
{
    size_t n = strlen(s), a = strspn(s, " ");
    while (n > a && s[n - 1] == ' ') n--;
    s[n] = 0;
    memmove(s, s + a, n - a + 1);
}

mr_status mr_view_time(const char *text, int64_t *t0_ns, int64_t *t1_ns)
{
    mr_status st = MR_OK;
    char a[64], b[64];
    const char *dots = strstr(text, "..");
    const int64_t t0 = *t0_ns;
    if (!dots || (size_t)(dots - text) >= sizeof a || strlen(dots + 2) >= sizeof b)
        return MR_RAISE(MR_ECONFIG, "--time: '%s' is not A..B", text);
    snprintf(a, sizeof a, "%.*s", (int)(dots - text), text);
    snprintf(b, sizeof b, "%s", dots + 2);
    trim(a);
    trim(b);
    MR_TRY(parse_end(a, t0, t0_ns));
    MR_TRY(parse_end(b, t0, t1_ns));
    if (*t1_ns <= *t0_ns) MR_TRY(MR_RAISE(MR_ECONFIG, "--time: '%s' ends before it begins", text));
out:
    return st;
}
