/* report/html/page.c: the page from top to bottom: what it is, what was asked, what came out, when,
 * what was odd, what was left out, where the time went, pictures, how to cite and to repeat. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/quantity.h"
#include "report/draw/picture.h"
#include "report/html/html.h"

#define BESIDE_BYTES ((size_t)1 << 19) /* of report.json, which takes ten times that in memory */

static const char head[] =
    "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n"
    "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src "
    "'unsafe-inline'; img-src data:\">\n"
    "<meta name='viewport' content='width=device-width, initial-scale=1'>\n<style>\n"
    "body{font:15px/1.5 system-ui,'DejaVu Sans',sans-serif;color:#20222a;max-width:1000px;"
    "margin:2em auto;padding:0 1.2em}\n"
    "h1{font-size:1.7em;margin:0 0 .2em}h2{font-size:1.15em;margin:1.8em 0 .5em;"
    "border-bottom:1px solid #d8dbe0;padding-bottom:.2em}\n"
    ".faint{color:#64686f;font-size:.9em;margin:.2em 0}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:.7em;"
    "margin:1.2em 0}\n"
    ".cards div{border:1px solid #d8dbe0;border-radius:6px;padding:.5em .8em}\n"
    ".cards b{display:block;font-size:1.25em;font-weight:600}\n"
    ".state{display:inline-block;border-radius:4px;padding:.1em .6em;color:#fff;font-weight:600}\n"
    "pre{background:#f5f6f8;border:1px solid #e2e5ea;border-radius:6px;padding:.7em 1em;"
    "overflow-x:auto;font-size:.88em;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "table{border-collapse:collapse;width:100%;font-size:.88em}\n"
    "th,td{text-align:left;padding:.2em .7em .2em 0;border-bottom:1px solid #e8eaee;"
    "vertical-align:top;overflow-wrap:anywhere}\n"
    "svg,img{width:100%;height:auto}summary{cursor:pointer;font-weight:600}\n"
    "figure{margin:0 0 1em}figcaption{font-size:.9em;color:#64686f}ul{margin:.3em 0}\n"
    "@media print{body{margin:0;max-width:none;font-size:10.5pt}h2{break-after:avoid}"
    "figure,svg,.cards,pre{break-inside:avoid}@page{margin:15mm}\n"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}\n</style>\n";

static mr_status section(mr_text *t, const char *title)
{
    return mr_text_add(t, "<h2>%s</h2>\n", title);
}

static mr_status card(mr_text *t, const char *value, const char *name)
{
    return mr_text_add(t, "<div><b>%s</b>%s</div>", value, name);
}

static size_t states(const json_t *inputs, const char *state)
{
    size_t i, n = 0;
    json_t *o;
    json_array_foreach(inputs, i, o) n += strcmp(mr_html_string(o, "state"), state) == 0;
    return n;
}

static const char *title_of(const json_t *report, const char *folder)
{
    const char *title = mr_html_string(report, "config.output.title");
    return *title ? title : folder;
}

static mr_status heading(const json_t *r, const char *folder, mr_text *t)
{
    mr_status st = MR_OK;
    char when[40];
    const int status = (int)mr_html_number(r, "status");
    const char *colour = status == 0                    ? "#2f8f5b"
                         : status == 10 || status == 75 ? "#b8860b"
                                                        : "#b3261e";
    MR_TRY(mr_text_add(t, "<title>"));
    MR_TRY(mr_html_text(t, title_of(r, folder)));
    MR_TRY(mr_text_add(t, "</title></head><body>\n<h1>"));
    MR_TRY(mr_html_text(t, title_of(r, folder)));
    MR_TRY(mr_text_add(t, "</h1>\n<p><span class='state' style='background:%s'>%s</span> ", colour,
                       mr_status_name((mr_status)status)));
    MR_TRY(mr_html_text(t, mr_html_string(r, "error")));
    MR_TRY(mr_text_add(t, "</p><p class='faint'>"));
    MR_TRY(mr_html_text(t, folder));
    MR_TRY(mr_text_add(t, ", millrace %s, finished %s UTC on ", mr_html_string(r, "version"),
                       mr_html_time(mr_html_string(r, "launch.finished"), when)));
    MR_TRY(mr_html_text(t, mr_html_string(r, "launch.host")));
    MR_TRY(mr_text_add(t, ", %.0f rank%s x %.0f threads</p>\n", mr_html_number(r, "launch.ranks"),
                       mr_html_number(r, "launch.ranks") == 1 ? "" : "s",
                       mr_html_number(r, "launch.threads")));
out:
    return st;
}

static mr_status cards(const json_t *r, mr_text *t)
{
    mr_status st = MR_OK;
    char b[40], what[96];
    const json_t *inputs = json_object_get(r, "inputs"), *spans = json_object_get(r, "spans"),
                 *lanes = json_object_get(r, "lanes");
    const size_t refused = states(inputs, "refused"), partly = states(inputs, "partly");
    double seconds = 0, rows = 0, wall = mr_html_number(r, "timing.wall_s");
    size_t i;
    json_t *o;
    json_array_foreach(spans, i, o) if (mr_html_number(o, "rate_hz") > 0) seconds +=
        mr_html_number(o, "samples") / mr_html_number(o, "rate_hz");
    json_array_foreach(lanes, i, o) rows += mr_html_number(o, "rows");
    MR_TRY(mr_text_add(t, "<div class='cards'>"));
    snprintf(what, sizeof what, "files: %zu refused, %zu partly", refused, partly);
    MR_TRY(card(t, mr_html_count((double)json_array_size(inputs), b), what));
    snprintf(what, sizeof what, "recorded, in %zu span%s", json_array_size(spans),
             json_array_size(spans) == 1 ? "" : "s");
    MR_TRY(card(t, mr_fmt_hms(seconds, b), what));
    snprintf(what, sizeof what, "lanes, %s rows", mr_html_count(rows, b));
    MR_TRY(card(t, mr_html_count((double)json_array_size(lanes), b), what));
    snprintf(what, sizeof what, "entries in the ledger");
    MR_TRY(card(t, mr_html_count((double)json_array_size(json_object_get(r, "ledger")), b), what));
    if (wall < 60)
        snprintf(b, sizeof b, "%.3g s", wall);
    else
        mr_fmt_hms(wall, b);
    MR_TRY(card(t, b, "took the run"));
    snprintf(what, sizeof what, "samples computed, %.3g million/s",
             wall > 0 ? 1e-6 * mr_html_number(r, "work.samples") / wall : 0);
    MR_TRY(card(t, mr_html_count(mr_html_number(r, "work.samples"), b), what));
    char planned[40];
    snprintf(what, sizeof what, "memory a rank, of %s planned",
             mr_fmt_bytes(mr_html_number(r, "memory.planned_bytes"), planned));
    MR_TRY(card(t, mr_fmt_bytes(mr_html_number(r, "memory.peak_bytes"), b), what));
    MR_TRY(mr_text_add(t, "</div>\n"));
out:
    return st;
}

/* In one line: {band: 1..45 Hz, order: 4} */
static mr_status flow(const json_t *o, mr_text *t)
{
    mr_status st = MR_OK;
    const char *key, *comma = "";
    json_t *v;
    size_t i;
    if (json_is_string(o)) return mr_html_text(t, json_string_value(o));
    MR_TRY(mr_text_add(t, json_is_object(o) ? "{" : "["));
    json_object_foreach((json_t *)(uintptr_t)o, key, v)
    {
        MR_TRY(mr_text_add(t, "%s", comma));
        MR_TRY(mr_html_text(t, key));
        MR_TRY(mr_text_add(t, ": "));
        MR_TRY(flow(v, t));
        comma = ", ";
    }
    json_array_foreach(o, i, v)
    {
        MR_TRY(mr_text_add(t, "%s", comma));
        MR_TRY(flow(v, t));
        comma = ", ";
    }
    MR_TRY(mr_text_add(t, json_is_object(o) ? "}" : "]"));
out:
    return st;
}

/* An operator of the chain: "bandpass: {band: 1..45 Hz}" */
static mr_status entry(const json_t *o, mr_text *t)
{
    mr_status st = MR_OK;
    const char *key = json_is_object(o) && json_object_size(o) == 1
                          ? json_object_iter_key(json_object_iter((json_t *)(uintptr_t)o))
                          : NULL;
    if (!key) return flow(o, t);
    MR_TRY(mr_html_text(t, key));
    MR_TRY(mr_text_add(t, ": "));
    MR_TRY(flow(json_object_get(o, key), t));
out:
    return st;
}

/* A tree of settings as YAML again. */
static mr_status yaml(const json_t *o, int depth, mr_text *t)
{
    mr_status st = MR_OK;
    const char *key;
    json_t *v;
    size_t i;
    if (json_is_object(o)) {
        json_object_foreach((json_t *)(uintptr_t)o, key, v)
        {
            MR_TRY(mr_text_add(t, "%*s", 2 * depth, ""));
            MR_TRY(mr_html_text(t, key));
            MR_TRY(mr_text_add(t, json_is_string(v) ? ": " : ":\n"));
            MR_TRY(yaml(v, depth + 1, t));
        }
    } else if (json_is_array(o)) {
        json_array_foreach(o, i, v)
        {
            MR_TRY(mr_text_add(t, "%*s- ", 2 * depth, ""));
            MR_TRY(entry(v, t));
            MR_TRY(mr_text_add(t, "\n"));
        }
    } else {
        const char *s = json_string_value(o);
        MR_TRY(mr_html_text(t, s ? s : ""));
        MR_TRY(mr_text_add(t, "\n"));
    }
out:
    return st;
}

static mr_status asked(const json_t *r, mr_text *t)
{
    mr_status st = MR_OK;
    MR_TRY(section(t, "What was asked"));
    MR_TRY(mr_text_add(t, "<pre>"));
    MR_TRY(yaml(json_object_get(r, "config"), 0, t));
    MR_TRY(mr_text_add(t, "</pre>\n"));
out:
    return st;
}

static mr_status lanes(const json_t *r, mr_text *t)
{
    mr_status st = MR_OK;
    const json_t *v = json_object_get(r, "lanes"), *kept = json_object_get(r, "kept"),
                 *strangers = json_object_get(r, "strangers");
    size_t i;
    json_t *o;
    MR_TRY(section(t, "What came out"));
    MR_TRY(mr_text_add(t,
                       "<details%s><summary>%zu lane files</summary><table><tr><th>file</th>"
                       "<th>rows</th><th>channels</th><th>checksum</th></tr>",
                       json_array_size(v) <= 12 ? " open" : "", json_array_size(v)));
    json_array_foreach(v, i, o)
    {
        if (i == 500) break;
        MR_TRY(mr_text_add(t, "<tr><td>"));
        MR_TRY(mr_html_text(t, mr_html_string(o, "file")));
        MR_TRY(mr_text_add(t, "</td><td>%.0f</td><td>%.0f</td><td>", mr_html_number(o, "rows"),
                           mr_html_number(o, "channels")));
        MR_TRY(mr_html_text(t, mr_html_string(o, "checksum")));
        MR_TRY(mr_text_add(t, "</td></tr>"));
    }
    MR_TRY(mr_text_add(t, "</table></details>\n"));
    if (json_array_size(v) > 500)
        MR_TRY(mr_text_add(t, "<p class='faint'>index.csv has the rest.</p>\n"));
    if (json_array_size(kept))
        MR_TRY(mr_text_add(t, "<p>%zu lanes are kept whose inputs have left the archive.</p>\n",
                           json_array_size(kept)));
    if (json_array_size(strangers))
        MR_TRY(mr_text_add(t, "<p>%zu files under lanes/ are not of this run.</p>\n",
                           json_array_size(strangers)));
out:
    return st;
}

static mr_status base64(const mr_text *in, mr_text *t)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    mr_status st = MR_OK;
    for (size_t i = 0; i < in->len && st == MR_OK; i += 3) {
        const size_t n = MR_MIN((size_t)3, in->len - i);
        uint32_t v = 0;
        for (size_t k = 0; k < 3; k++) v = v << 8 | (k < n ? (unsigned char)in->s[i + k] : 0);
        const char four[4] = {digit[v >> 18 & 63], digit[v >> 12 & 63],
                              n > 1 ? digit[v >> 6 & 63] : '=', n > 2 ? digit[v & 63] : '='};
        st = mr_text_add_bytes(t, four, 4);
    }
    return st;
}

static mr_status pictures(const mr_html_picture *p, size_t n, const char *why, mr_text *t)
{
    mr_status st = MR_OK;
    MR_TRY(section(t, "Before and after"));
    for (size_t i = 0; i < n; i++) {
        const bool png = p[i].svg.len > 4 && memcmp(p[i].svg.s, "\x89PNG", 4) == 0;
        MR_TRY(mr_text_add(t, "<figure><img alt='"));
        MR_TRY(mr_html_text(t, p[i].title));
        MR_TRY(mr_text_add(t, "' src='data:image/%s;base64,", png ? "png" : "svg+xml"));
        MR_TRY(base64(&p[i].svg, t));
        MR_TRY(mr_text_add(t, "'><figcaption>"));
        MR_TRY(mr_html_text(t, p[i].title));
        MR_TRY(mr_text_add(t, "</figcaption></figure>\n"));
    }
    if (!n) {
        MR_TRY(mr_text_add(t, "<p class='faint'>"));
        MR_TRY(mr_html_text(t, why));
        MR_TRY(mr_text_add(t, "</p>\n"));
    }
out:
    return st;
}

/* The folder comes last, quoted for a shell as '...'. */
static mr_status repeat(const json_t *r, const char *folder, mr_text *t)
{
    mr_status st = MR_OK;
    char when[40];
    MR_TRY(section(t, "To cite and to repeat"));
    MR_TRY(mr_text_add(t,
                       "<p>Processed with millrace %s on %.10s; settings as above, files and "
                       "checksums in index.csv and report.json beside this page.</p>\n<pre>cd ",
                       mr_html_string(r, "version"),
                       mr_html_time(mr_html_string(r, "launch.finished"), when)));
    MR_TRY(mr_html_text(t, mr_html_string(r, "launch.folder")));
    MR_TRY(mr_text_add(t, "\nmillrace run "));
    MR_TRY(mr_html_text(t, mr_html_string(r, "launch.config")));
    MR_TRY(mr_text_add(t, "\nmillrace verify "));
    MR_TRY(mr_html_text(t, folder));
    MR_TRY(mr_text_add(t, "</pre>\n"));
out:
    return st;
}

mr_status mr_html_page(const json_t *r, const char *folder, const mr_html_picture *p, size_t n,
                       const char *why, mr_text *out)
{
    mr_status st = MR_OK;
    if (!json_is_object(r) || !json_is_array(json_object_get(r, "inputs")))
        return MR_RAISE(MR_EINPUT, "%s: its report.json is no report of a run", folder);
    MR_TRY(mr_text_add(out, "%s", head));
    MR_TRY(heading(r, folder, out));
    MR_TRY(cards(r, out));
    MR_TRY(section(out, "When"));
    MR_TRY(mr_html_timeline(r, out));
    MR_TRY(pictures(p, n, why, out));
    MR_TRY(asked(r, out));
    MR_TRY(lanes(r, out));
    MR_TRY(section(out, "What was odd"));
    MR_TRY(mr_html_ledger(r, out));
    MR_TRY(section(out, "Files left out"));
    MR_TRY(mr_html_inputs(r, out));
    MR_TRY(section(out, "Where the time went"));
    MR_TRY(mr_html_timing(r, out));
    MR_TRY(repeat(r, folder, out));
    MR_TRY(mr_text_add(out, "</body></html>\n"));
out:
    return st;
}

void mr_html_beside(const char *folder)
{
    mr_status st = MR_OK;
    mr_text path = {0}, text = {0}, page = {0};
    json_t *r = NULL;
    MR_TRY(mr_text_add(&path, "%s/report.json", folder));
    if (mr_read_text(path.s, BESIDE_BYTES, &text) != MR_OK) {
        mr_log(MR_INFO, "millrace report %s makes the page of this long report", folder);
        mr_error_clear();
        goto out;
    }
    r = json_loadb(text.s, text.len, 0, NULL);
    MR_TRY(mr_html_page(r, folder, NULL, 0, "millrace report adds pictures of input and output.",
                        &page));
    path.len = 0;
    MR_TRY(mr_text_add(&path, "%s/report.html", folder));
    MR_TRY(mr_picture_write(path.s, &page));
out:
    if (st != MR_OK) {
        mr_log(MR_WARN, "no report.html: %s", mr_error());
        mr_error_clear();
    }
    json_decref(r);
    mr_text_fini(&path);
    mr_text_fini(&text);
    mr_text_fini(&page);
}
