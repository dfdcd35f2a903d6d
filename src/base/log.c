/* base/log.c: talk on stderr, one write a line, by one rank; and the clock. */
#include "base/base.h"
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    int rank;
    mr_level level;
} talk = {0, MR_INFO}; /* set once before threads start, then read only */

void mr_log_init(int rank, mr_level level)
{
    talk.rank = rank;
    talk.level = level;
}

void mr_log(mr_level level, const char *fmt, ...)
{
    if (level > talk.level || (level >= MR_INFO && talk.rank != 0 && level != MR_DEBUG)) return;
    char text[3072], line[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t n =
        (size_t)snprintf(line, sizeof line, talk.rank ? "millrace[%d]: " : "millrace: ", talk.rank);
    for (const unsigned char *p = (const unsigned char *)text; *p && n + 6 < sizeof line; p++) {
        if (*p < 0x20 || *p == 0x7f)
            n += (size_t)snprintf(line + n, 5, "\\x%02x", *p);
        else
            line[n++] = (char)*p;
    }
    line[n++] = '\n';
    if (write(STDERR_FILENO, line, n) < 0) return; /* nobody listens: nothing to be done */
}

static double clock_s(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double mr_now(void)
{
    return clock_s(CLOCK_MONOTONIC);
}

double mr_now_cpu(void)
{
    return clock_s(CLOCK_THREAD_CPUTIME_ID);
}
