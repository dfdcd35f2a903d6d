/* report/html/html.h: report.json as a page that a reader needs nothing else for: one file, no
 * script, nothing from outside, good on paper. `millrace report` and the end of a run make it. */
#ifndef MR_HTML_H
#define MR_HTML_H
#include <jansson.h>
#include "base/text.h"

/** A picture for the page. */
typedef struct mr_html_picture {
    const char *title; /* [borrow] */
    mr_text svg;       /* or a PNG */
} mr_html_picture;

/** The page of a report that was read from `folder`, appended. why: what to say where there are no
 *  pictures. MR_EINPUT: it is no report of ours. */
mr_status mr_html_page(const json_t *report, const char *folder, const mr_html_picture *pictures,
                       size_t n, const char *why, mr_text *out);

/** Where report.json of a folder is small enough to be read at once: report.html beside it, without
 *  pictures. What fails is said and costs nothing. */
void mr_html_beside(const char *folder);

/* --- inside report/html only ------------------------------------------------------------------ */

/** Text with what HTML takes for its own written out. Appended. */
mr_status mr_html_text(mr_text *t, const char *s);
/** Members of an object, or of an object in it ("timing.wall_s"); "" and 0 where they are not. */
const char *mr_html_string(const json_t *o, const char *path);
double mr_html_number(const json_t *o, const char *path);
/** "2026-01-01 00:00:00" of a time as reports hold it, into buf (>= 40). */
const char *mr_html_time(const char *iso, char *buf);
/** "1,234,567" into buf (>= 40). */
const char *mr_html_count(double v, char *buf);
/** Spans, gaps, losses and lanes over time, as a drawing. */
mr_status mr_html_timeline(const json_t *report, mr_text *t);
/** Where the time of the run went, as a drawing. */
mr_status mr_html_timing(const json_t *report, mr_text *t);
/** What was odd, by kind; what was refused, by reason. */
mr_status mr_html_ledger(const json_t *report, mr_text *t);
mr_status mr_html_inputs(const json_t *report, mr_text *t);
#endif
