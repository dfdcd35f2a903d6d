/* report/html/drawing.c: the page's own drawings as SVG: the timeline of what was recorded, what is
 * missing and what came out, and where the time went. As many strokes as a line has pixels, however
 * many spans and files there are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utc.h"
#include "millrace/grid.h"
#include "report/html/html.h"

enum { LEFT = 110, WIDE = 860, ROW = 26, BAR = 16, BINS = WIDE };

/* what one row of the timeline is made of: in each bin whether there is something */
typedef struct bins {
    uint8_t there[BINS];
} bins;

typedef struct extent {
    int64_t t0, t1;
} extent;

static bool time_of(const json_t *o, const char *name, int64_t *ns)
{
    const char *s = mr_html_string(o, name);
    if (*s && mr_utc_parse(s, ns) == MR_OK) return true;
    mr_error_clear();
    return false;
}

static void widen(extent *e, int64_t a, int64_t b)
{
    e->t0 = MR_MIN(e->t0, a);
    e->t1 = MR_MAX(e->t1, b);
}

/* [a, b] fills the bins that it touches; of whole spans only those (nearly) covered. */
static void fill(bins *b, const extent *e, int64_t t0, int64_t t1)
{
    const double k = BINS / fmax((double)(e->t1 - e->t0), 1);
    const double x0 = (double)(t0 - e->t0) * k, x1 = (double)(t1 - e->t0) * k;
    const int a = (int)fmax(floor(x0), 0), z = (int)fmin(fmax(ceil(x1), a + 1.0), BINS);
    for (int i = a; i < z; i++) b->there[i] = 1;
}

static mr_status draw_bins(const bins *b, double y, const char *colour, mr_text *t)
{
    mr_status st = MR_OK;
    for (int i = 0, k; i < BINS; i = k) {
        for (k = i; k < BINS && b->there[k] == b->there[i];) k++;
        if (b->there[i])
            MR_TRY(mr_text_add(t, "<rect x='%d' y='%g' width='%d' height='%d' fill='%s'/>",
                               LEFT + i, y, k - i, BAR, colour));
    }
out:
    return st;
}

/* The step of the axis: as in pictures, 1, 2, 5, ... of the units people count time in. */
static int64_t step_of(double span_ns)
{
    static const int64_t s[] = {1,    2,    5,    10,    15,    30,    60,     120,    300,   600,
                                1800, 3600, 7200, 21600, 43200, 86400, 172800, 432000, 864000};
    for (size_t i = 0; i < sizeof s / sizeof *s; i++)
        if ((double)s[i] * 1e9 >= span_ns / 7) return s[i] * 1000000000;
    return (int64_t)ceil(span_ns / 7 / 30 / 86400e9) * 30 * 86400000000000;
}

static mr_status axis(const extent *e, double y, mr_text *t)
{
    mr_status st = MR_OK;
    char iso[40];
    const double span = fmax((double)(e->t1 - e->t0), 1);
    const int64_t step = step_of(span);
    for (int64_t at = mr_div_ceil(e->t0, step) * step; at <= e->t1; at += step) {
        const double x = LEFT + WIDE * (double)(at - e->t0) / span;
        mr_utc_iso(at, iso);
        const bool day = step >= 86400000000000;
        MR_TRY(mr_text_add(t,
                           "<path d='M%.1f 8V%g' stroke='#d8dbe0' fill='none'/><text x='%.1f' "
                           "y='%g' text-anchor='middle'>%.*s</text>",
                           x, y, x, y + 15,
                           day                  ? 10
                           : step % 60000000000 ? 8
                                                : 5,
                           day ? iso : iso + 11));
    }
out:
    return st;
}

static mr_status row(const char *name, const bins *b, double *y, const char *colour, mr_text *t)
{
    mr_status st =
        mr_text_add(t, "<text x='%d' y='%g' text-anchor='end'>%s</text>", LEFT - 8, *y + 13, name);
    if (st == MR_OK) st = draw_bins(b, *y, colour, t);
    *y += ROW;
    return st;
}

static bool is_gap(const json_t *o)
{
    return strcmp(mr_html_string(o, "kind"), "gap") == 0;
}

/* Lanes are named by their start; each lasts to the next, or as its rows do. */
static void fill_lanes(const json_t *lanes, const extent *e, bins *b)
{
    size_t i;
    json_t *o;
    json_array_foreach(lanes, i, o)
    {
        int64_t t0;
        const char *name = strrchr(mr_html_string(o, "file"), '/');
        if (name && mr_utc_scan(name, "%Y%m%dT%H%M%S.%f", &t0) == MR_OK)
            fill(b, e, MR_MAX(t0, e->t0), MR_MAX(t0, e->t0));
        else
            mr_error_clear();
    }
}

mr_status mr_html_timeline(const json_t *report, mr_text *t)
{
    mr_status st = MR_OK;
    extent e = {INT64_MAX, INT64_MIN};
    bins *b = NULL; /* recorded, gaps, other remarks, starts of lanes */
    size_t i, n_gaps = 0, n_odd = 0;
    int64_t a, z;
    json_t *o;
    const json_t *spans = json_object_get(report, "spans"),
                 *ledger = json_object_get(report, "ledger");
    json_array_foreach(spans, i, o) if (time_of(o, "t0", &a) && time_of(o, "t1", &z))
        widen(&e, a, z);
    if (e.t0 > e.t1) return mr_text_add(t, "<p>Nothing was recorded.</p>");
    MR_TRY(mr_alloc(4, sizeof *b, "a timeline", &b));
    json_array_foreach(spans, i, o) if (time_of(o, "t0", &a) && time_of(o, "t1", &z))
        fill(&b[0], &e, a, z);
    json_array_foreach(ledger, i, o)
    {
        if (!time_of(o, "t0", &a) || !time_of(o, "t1", &z)) continue;
        fill(&b[is_gap(o) ? 1 : 2], &e, a, z);
        n_gaps += is_gap(o);
        n_odd += !is_gap(o);
    }
    fill_lanes(json_object_get(report, "lanes"), &e, &b[3]);
    double y = 10;
    const double tall = 10 + ROW * (2.0 + (n_gaps > 0) + (n_odd > 0));
    MR_TRY(mr_text_add(t,
                       "<svg viewBox='0 0 %d %g' role='img' aria-label='timeline'><g "
                       "font-size='12'>",
                       LEFT + WIDE + 30, tall + 20));
    MR_TRY(axis(&e, tall, t));
    MR_TRY(row("recorded", &b[0], &y, "#1c54a8", t));
    if (n_gaps) MR_TRY(row("gaps", &b[1], &y, "#d5642a", t));
    if (n_odd) MR_TRY(row("remarks", &b[2], &y, "#b8860b", t));
    MR_TRY(row("lanes begin", &b[3], &y, "#2f8f5b", t));
    char t0[40], t1[40], d0[40], d1[40];
    MR_TRY(mr_text_add(
        t, "</g></svg><p class='faint'>%s to %s UTC; a stroke is at least %.3g s wide.</p>",
        mr_html_time(mr_utc_iso(e.t0, d0), t0), mr_html_time(mr_utc_iso(e.t1, d1), t1),
        1e-9 * (double)(e.t1 - e.t0) / BINS));
out:
    free(b);
    return st;
}

/* --- where the time went --------------------------------------------------------------------- */

typedef struct share {
    const char *name, *colour;
    double s;
} share;

static mr_status bar(const char *name, const share *v, size_t n, double most, double *y, mr_text *t)
{
    mr_status st = MR_OK;
    double x = LEFT;
    MR_TRY(
        mr_text_add(t, "<text x='%d' y='%g' text-anchor='end'>%s</text>", LEFT - 8, *y + 13, name));
    for (size_t i = 0; i < n; i++) {
        const double w = most > 0 ? fmax(v[i].s, 0) / most * WIDE : 0;
        if (w < 0.5) continue;
        MR_TRY(mr_text_add(t,
                           "<rect x='%.1f' y='%g' width='%.1f' height='%d' "
                           "fill='%s'><title>%s: %.3g s</title></rect>",
                           x, *y, w, BAR, v[i].colour, v[i].name, v[i].s));
        if (w > 8 * (double)(strlen(v[i].name) + 9))
            MR_TRY(mr_text_add(t, "<text x='%.1f' y='%g' fill='#fff'>%s %.3g s</text>", x + 5,
                               *y + 12.5, v[i].name, v[i].s));
        x += w;
    }
    *y += ROW;
out:
    return st;
}

mr_status mr_html_timing(const json_t *report, mr_text *t)
{
    mr_status st = MR_OK;
    const double wall = mr_html_number(report, "timing.wall_s"),
                 survey = mr_html_number(report, "timing.survey_s"),
                 finish = mr_html_number(report, "timing.finish_s"),
                 idle = mr_html_number(report, "timing.idle_s"),
                 ranks = fmax(mr_html_number(report, "launch.ranks"), 1),
                 readers = ranks * fmax(mr_html_number(report, "launch.io_threads"), 1);
    const double lanes = fmax(wall - idle - survey - finish, 0);
    const share run[] = {{"looking at files", "#7a5cc2", survey},
                         {"lanes", "#1c54a8", lanes},
                         {"finishing", "#2f8f5b", finish},
                         {"waiting for files", "#9aa0a8", idle}};
    const share read[] = {
        {"reading", "#1c54a8", mr_html_number(report, "timing.read_s") / readers}};
    const share compute[] = {
        {"computing", "#1c54a8", mr_html_number(report, "timing.compute_s") / ranks},
        {"waits for input", "#d5642a", mr_html_number(report, "timing.wait_s.input") / ranks},
        {"waits for output", "#b8860b", mr_html_number(report, "timing.wait_s.output") / ranks}};
    const share write[] = {
        {"writing", "#1c54a8", mr_html_number(report, "timing.write_s") / ranks}};
    double y = 4;
    MR_TRY(mr_text_add(t,
                       "<svg viewBox='0 0 %d %d' role='img' aria-label='time'><g font-size='12'>",
                       LEFT + WIDE + 30, 4 * ROW + 4));
    MR_TRY(bar("run", run, 4, wall, &y, t));
    MR_TRY(bar("readers", read, 1, wall, &y, t));
    MR_TRY(bar("compute", compute, 3, wall, &y, t));
    MR_TRY(bar("writers", write, 1, wall, &y, t));
    MR_TRY(mr_text_add(t,
                       "</g></svg><p class='faint'>The whole width is %.3g s; of threads of a kind "
                       "the mean of all. Bound by: %s.</p>",
                       wall, mr_html_string(report, "bottleneck")));
out:
    return st;
}
