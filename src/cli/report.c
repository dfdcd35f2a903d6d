/* cli/report.c: `millrace report OUT`: report.json as a page to read and print, with pictures of
 * the first output and of the input that it was made from, as far as that is there. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/utc.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "cli/view/view.h"
#include "plan/config/config.h"
#include "report/html/html.h"

enum { O_OUT, O_BARE, O_QUIET };
static const mr_opt table[] = {
    [O_OUT] = {"output", "X.html", NULL, "the page (also -o; default: OUT/report.html)"},
    [O_BARE] = {"no-pictures", NULL, NULL, "from report.json alone"},
    [O_QUIET] = {"quiet", NULL, NULL, "print nothing but errors"},
    {0}};
static const double MOST_SAMPLES = 1e8; /* of the input that are read for a picture */
static const double MOST_BYTES = 1e9;   /* of report.json */

/* A path of the report as it is found from here: as written, or from where the run was. */
static mr_status from_here(const json_t *r, const char *path, mr_text *out)
{
    const char *where = mr_html_string(r, "launch.folder");
    out->len = 0;
    if (*path == '/' || access(path, F_OK) == 0 || !*where) return mr_text_add(out, "%s", path);
    return mr_text_add(out, "%s/%s", where, path);
}

/* The config of the run, for its input.map; NULL where it is none that is known today. */
static mr_config *config_of(const json_t *r)
{
    mr_config *cfg = NULL;
    char *text = json_dumps(json_object_get(r, "config"), 0); /* JSON is YAML */
    if (!text || mr_config_parse("report.json", text, NULL, 0, &cfg) != MR_OK) mr_error_clear();
    free(text);
    return cfg;
}

/* Used inputs that hold something of [t0, t1). */
static mr_status inputs_of(const json_t *r, int64_t t0, int64_t t1, mr_strs *out)
{
    mr_status st = MR_OK;
    size_t i;
    json_t *o;
    mr_text path = {0};
    json_array_foreach(json_object_get(r, "inputs"), i, o)
    {
        int64_t a, b;
        if (mr_utc_parse(mr_html_string(o, "t0"), &a) != MR_OK ||
            mr_utc_parse(mr_html_string(o, "t1"), &b) != MR_OK || a >= t1 || b < t0)
            continue;
        MR_TRY(from_here(r, mr_html_string(o, "path"), &path));
        if (access(path.s, R_OK) == 0) MR_TRY(mr_strs_add(out, path.s));
    }
    mr_error_clear();
out:
    mr_text_fini(&path);
    return st;
}

/* How long a picture of the input may be: as many samples as are read in about a second. */
static double most_seconds(const json_t *r)
{
    const json_t *s = json_array_get(json_object_get(r, "spans"), 0);
    const double per_s = mr_html_number(s, "rate_hz") * mr_html_number(s, "channels");
    return per_s > 0 ? MOST_SAMPLES / per_s : 60;
}

static mr_status paint(mr_prober *prober, const char *label, const mr_strs *files,
                       const mr_view_ask *q, mr_view_words *words, mr_html_picture *out)
{
    mr_status st = MR_OK;
    mr_cells cells = {0};
    size_t w, h;
    const mr_page page = {.share = 0.98};
    MR_TRY(mr_view_panel(prober, label, files, q, &cells, words));
    const mr_panel panel = {.cells = &cells, .title = words->title.s, .unit = words->unit.s};
    MR_TRY(mr_picture_draw(&panel, 1, &page, MR_PEN_PNG, &out->svg, &w, &h));
out:
    mr_cells_fini(&cells);
    return st;
}

/* The output's first lane, and its input over the same time, before it. */
static mr_status pictures(const json_t *r, const char *folder, mr_html_picture v[2], size_t *n)
{
    mr_status st = MR_OK;
    mr_strs out = {0}, in = {0}, one = {0};
    mr_view_words after = {0}, before = {0};
    mr_prober *prober = NULL;
    mr_config *cfg = config_of(r);
    char range[96], a[40], b[40], first[64];
    mr_view_ask q = {.c1 = UINT64_MAX, .within = true};
    MR_TRY(mr_prober_new(1, NULL, &prober));
    MR_TRY(mr_view_files(folder, &out));
    if (!out.n) {
        st = MR_RAISE(MR_EINPUT, "%s holds no lane", folder);
        goto out;
    }
    MR_TRY(mr_strs_add(&one, out.v[0]));
    snprintf(first, sizeof first, "0s..%.0fs", fmax(ceil(most_seconds(r)), 1));
    mr_product *p = NULL;
    const bool product = mr_product_open(out.v[0], &p) == MR_OK;
    mr_product_close(p);
    mr_error_clear();
    if (!product) q.time = first;
    MR_TRY(paint(prober, folder, &one, &q, &after, &v[1]));
    v[1].title = "The first of the output";
    const double long_s = fmin(1e-9 * (double)(after.t1_ns - after.t0_ns), most_seconds(r));
    const int64_t t1 = after.t0_ns + (int64_t)(1e9 * long_s);
    mr_prober_free(prober);
    prober = NULL;
    MR_TRY(mr_prober_new(1, cfg ? cfg->map : NULL, &prober));
    mr_prober_pick(prober, cfg ? cfg->dataset : NULL);
    MR_TRY(inputs_of(r, after.t0_ns, t1, &in));
    *n = 2;
    if (in.n) {
        snprintf(range, sizeof range, "%s..%s", mr_utc_iso(after.t0_ns, a), mr_utc_iso(t1, b));
        q.time = range;
        if (paint(prober, "input", &in, &q, &before, &v[0]) == MR_OK)
            v[0].title = "The input over that time";
        else
            mr_error_clear();
    }
    if (!v[0].title) { /* gone, or not to be read any more */
        mr_text_fini(&v[0].svg);
        v[0] = v[1];
        v[1] = (mr_html_picture){0};
        *n = 1;
    }
out:
    mr_view_words_fini(&after);
    mr_view_words_fini(&before);
    mr_strs_fini(&out);
    mr_strs_fini(&in);
    mr_strs_fini(&one);
    mr_prober_free(prober);
    mr_config_free(cfg);
    return st;
}

static mr_status make(const char *folder, const mr_opts *o)
{
    mr_status st = MR_OK;
    mr_text path = {0}, text = {0}, page = {0};
    mr_html_picture v[2] = {0};
    const char *why = "No pictures were asked for.";
    size_t n = 0;
    json_t *r = NULL;
    json_error_t e;
    MR_TRY(mr_text_add(&path, "%s/report.json", folder));
    if (mr_read_text(path.s, (size_t)MOST_BYTES, &text) != MR_OK) {
        st = MR_RAISE(MR_EINPUT, "%s: is no output folder with a report.json", folder);
        goto out;
    }
    r = json_loadb(text.s, text.len, 0, &e);
    if (!r) {
        st = MR_RAISE(MR_EINPUT, "%s:%d: is no JSON: %s", path.s, e.line, e.text);
        goto out;
    }
    mr_text_fini(&text);
    if (!o->val[O_BARE] && pictures(r, folder, v, &n) != MR_OK) {
        mr_log(MR_WARN, "no pictures: %s", mr_error());
        mr_error_clear();
        why = "There is nothing to draw yet.";
    }
    MR_TRY(mr_html_page(r, folder, v, n, why, &page));
    path.len = 0;
    MR_TRY(o->val[O_OUT] ? mr_text_add(&path, "%s", o->val[O_OUT])
                         : mr_text_add(&path, "%s/report.html", folder));
    MR_TRY(mr_picture_write(path.s, &page));
    if (!o->val[O_QUIET]) printf("%s: %zu bytes, %zu pictures\n", path.s, page.len, n);
out:
    for (int i = 0; i < 2; i++) mr_text_fini(&v[i].svg);
    mr_text_fini(&path);
    mr_text_fini(&text);
    mr_text_fini(&page);
    json_decref(r);
    return st;
}

int mr_cli_report(int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0) argv[i] = (char *)"--output";
    MR_TRY(mr_opts_parse(table, argc, argv, 0, 1, &o));
    if (o.help)
        mr_opts_help(
            "report OUT [-o X.html] [options]\n\nThe report of an output folder as one page "
            "to read, send and print: what was asked, what came\nout, gaps and losses over "
            "time, files left out, where the time went, pictures. Any time.\n",
            table);
    else if (!o.n_args)
        st = MR_RAISE(MR_ECONFIG, "report: of which output folder? millrace report OUT");
    else
        st = make(o.arg[0], &o);
out:
    return (int)st;
}
