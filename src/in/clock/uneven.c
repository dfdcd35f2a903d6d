/* in/clock/uneven.c: rows of which no step holds for three: a recording with an axis of stamps. */
#include "in/clock/uneven.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define YEAR_1990_NS (INT64_C(631152000) * 1000000000)

/** About the mean rate, to two digits: files of one archive then share it, mostly. */
static double about(double rate_hz)
{
    char s[32];
    snprintf(s, sizeof s, "%.1e", rate_hz);
    return strtod(s, NULL);
}

/** The shortest and the longest step; MR_EINPUT where times do not rise. */
static mr_status steps_of(const int64_t *t, uint64_t n, const char *name, int64_t step[2])
{
    step[0] = INT64_MAX;
    step[1] = 0;
    for (uint64_t i = 1; i < n; i++) {
        const int64_t d = t[i] - t[i - 1];
        if (d <= 0)
            return MR_RAISE(MR_EINPUT, "irregular rows: %s does not rise at row %llu", name,
                            (unsigned long long)i);
        step[0] = MR_MIN(step[0], d);
        step[1] = MR_MAX(step[1], d);
    }
    return MR_OK;
}

mr_status mr_clock_uneven(mr_find *f, int64_t *t, uint64_t n, const char *name)
{
    mr_status st = MR_OK;
    mr_clock *c = &f->clock;
    mr_file_info *o = f->info;
    int64_t step[2];
    free(f->stamp_ns);
    f->stamp_ns = t;
    MR_TRY(steps_of(t, n, name, step));
    const bool relative = c->have_start && t[0] < YEAR_1990_NS && c->start_ns >= YEAR_1990_NS;
    const int64_t shift = c->user_start || relative ? c->start_ns - t[0] : 0;
    if (shift && !c->user_start) mr_assume(f, "%s counts from %s", name, c->start_name);
    for (uint64_t i = 0; shift && i < n; i++) t[i] += shift;
    o->uneven = 1;
    o->t0_ns = t[0];
    o->t1_ns = t[n - 1];
    o->rate_hz = about((double)(n - 1) * 1e9 / (double)(t[n - 1] - t[0]));
    f->have_t0 = true;
    mr_odd(f, "clock: irregular rows, by %s %.6g to %.6g s apart: resample makes them even", name,
           1e-9 * (double)step[0], 1e-9 * (double)step[1]);
    if (c->rate_hz > 0)
        mr_odd(f, "clock: %s %.9g Hz does not fit them and is put aside", c->rate_name, c->rate_hz);
out:
    if (st != MR_OK) { /* nothing of it */
        free(f->stamp_ns);
        f->stamp_ns = NULL;
    }
    return st;
}
