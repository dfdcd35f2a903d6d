/* report/progress.c: one line on a terminal, drawn over itself; a line every 30 s in a log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/quantity.h"
#include "report/report.h"

#define FIRST_S 2.0 /* nobody should wonder for longer whether anything happens */

mr_status mr_progress_init(const char *how, uint64_t blocks, mr_progress *p)
{
    *p = (mr_progress){.terminal = isatty(STDERR_FILENO) == 1, .blocks = blocks, .t0 = mr_now()};
    if (!how || strcmp(how, "auto") == 0) {
        p->every_s = p->terminal ? 0.2 : 30.0;
    } else if (strcmp(how, "never") != 0) {
        char *end;
        p->every_s = strtod(how, &end);
        if (*end || !(p->every_s > 0))
            return MR_RAISE(MR_ECONFIG, "--progress takes auto, never or seconds, not \"%s\"", how);
    }
    p->next = p->t0 + MR_MIN(p->every_s, FIRST_S);
    return MR_OK;
}

static void draw(mr_progress *p, const char *line, int n)
{
    if (p->terminal)
        fprintf(stderr, "\r%-*s", MR_MAX(p->drawn, n), line);
    else
        fprintf(stderr, "%s\n", line);
    fflush(stderr);
    p->drawn = n;
}

void mr_progress_survey(mr_progress *p, uint64_t seen, uint64_t files)
{
    const double now = mr_now();
    char line[128];
    if (p->every_s <= 0 || now < p->next) return;
    p->next = now + p->every_s;
    draw(p, line,
         snprintf(line, sizeof line, "millrace: looking at files: about %llu of %llu",
                  (unsigned long long)seen, (unsigned long long)files));
}

void mr_progress_start(mr_progress *p)
{
    char line[128];
    if (p->every_s > 0 && p->terminal && p->blocks)
        draw(p, line,
             snprintf(line, sizeof line, "millrace: 0/%llu blocks", (unsigned long long)p->blocks));
}

void mr_progress_tick(mr_progress *p, const mr_tally *sum, int ranks)
{
    const double now = mr_now(), took = now - p->t0;
    char eta[32], line[256];
    if (p->every_s <= 0 || now < p->next || took <= 0) return;
    p->next = now + p->every_s;
    const double left = sum->blocks ? took * (double)(p->blocks - MR_MIN(sum->blocks, p->blocks)) /
                                          (double)sum->blocks
                                    : 0;
    const int n =
        snprintf(line, sizeof line,
                 "millrace: %llu/%llu blocks, %.0f MB/s, %.0f Ms/s, ETA %s, waits: disk %.0f %%, "
                 "output %.0f %%",
                 (unsigned long long)sum->blocks, (unsigned long long)p->blocks,
                 1e-6 * (double)sum->bytes / took, 1e-6 * (double)sum->samples / took,
                 sum->blocks ? mr_fmt_hms(left, eta) : "?", 100 * sum->wait_read_s / took / ranks,
                 100 * sum->wait_write_s / took / ranks);
    draw(p, line, n);
}

void mr_progress_end(mr_progress *p)
{
    if (p->terminal && p->drawn) fprintf(stderr, "\r%*s\r", p->drawn, "");
    p->drawn = 0;
}
