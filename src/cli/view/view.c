/* cli/view/view.c: `millrace view FILE -o X.png`: a picture, time along and distance upwards, of
 * any input or output: a file, a folder of recordings, an output folder or its master.h5 (then all
 * its lanes). Two of them give two panels. Products are cli/view/view_product.c's. */
#include "cli/view/view.h"
#include "cli/cli.h"
#include "cli/common/opts.h"
#include "cli/common/samples.h"
#include "base/quantity.h"
#include "base/text.h"
#include "base/utc.h"
#include "in/input.h"
#include "plan/config/config.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    O_OUT,
    O_TIME,
    O_CHANNELS,
    O_SHARE,
    O_TITLE,
    O_SIZE,
    O_DPI,
    O_FREQUENCY,
    O_SOURCE,
    O_WHAT,
    O_AT,
    O_EVENTS,
    O_PLAIN,
    O_WIGGLE,
    O_FK,
    O_BAND,
    O_CONFIG,
    O_QUIET
};
static const mr_opt table[] = {
    [O_OUT] = {"output", "X.png", NULL, "the picture, by its name PNG, SVG or PDF (also -o)"},
    [O_TIME] = {"time", "A..B", NULL, "UTC times, or times after the first sample: 0s..60s"},
    [O_CHANNELS] = {"channels", "A..B", NULL, "half-open range of channels, or one"},
    [O_SHARE] = {"inside", "PERCENT", "98 %", "share of the values that the colours span"},
    [O_TITLE] = {"title", "TEXT", NULL, "headline (default: output.title of what is drawn)"},
    [O_SIZE] = {"size", "WxH mm", NULL, "of the page, as 180x120 mm; or WxH px"},
    [O_DPI] = {"dpi", "N", "192", "dots per inch; of SVG and PDF those of the image in them"},
    [O_FREQUENCY] = {"frequency", "log|linear", "log", "axis of spectra"},
    [O_SOURCE] = {"source", "N", NULL, "of correlations: source channel (default: the first)"},
    [O_WHAT] = {"statistic", "NAME", NULL, "of statistics: which (default: the first)"},
    [O_AT] = {"at", "AXIS=PLACE", NULL, "of products: over time, at one place along an axis"},
    [O_EVENTS] = {"events", "OUT", NULL, "mark its events and picks over the samples"},
    [O_PLAIN] = {"no-events", NULL, NULL, "leave the marks out where OUT is drawn beside them"},
    [O_WIGGLE] = {"wiggle", NULL, NULL, "samples as traces, not as colours"},
    [O_FK] = {"fk", NULL, NULL, "of samples: their spectrum over frequency and wavenumber"},
    [O_BAND] = {"band", "A..B Hz", NULL, "of --fk: the frequencies (default: up to half the rate)"},
    [O_CONFIG] = {"config", "FILE", NULL, "read recordings by its input.map"},
    [O_QUIET] = {"quiet", NULL, NULL, "print nothing but errors"},
    {0}};

enum { TRACES = 64 }; /* most that are drawn as such */

/* Rows go into the cells of a panel that begins with channel c0, every so-manieth. */
typedef struct into {
    mr_cells *cells;
    uint64_t c0, every;
} into;

static mr_status into_cells(void *self, int64_t t_ns, double dt_ns, uint64_t first,
                            const mr_view *rows)
{
    const into *to = self;
    if (to->every == 1) {
        mr_cells_add(to->cells, t_ns, dt_ns, first - to->c0, rows);
        return MR_OK;
    }
    const uint64_t a = (first - to->c0 + to->every - 1) / to->every * to->every + to->c0;
    for (uint64_t c = a; c < first + rows->nc; c += to->every) {
        const mr_view one = {
            .d = rows->d + (c - first), .nt = rows->nt, .nc = 1, .stride = rows->stride};
        mr_cells_add(to->cells, t_ns, dt_ns, (c - to->c0) / to->every, &one);
    }
    return MR_OK;
}

mr_status mr_view_cut(mr_source *s, const char *arg, mr_view_ask *q)
{
    mr_status st = MR_OK;
    const int64_t t0 = s->t0_ns, t1 = s->t1_ns;
    char a[40], b[40];
    q->c1 = MR_MIN(q->c1, s->nc);
    if (q->c0 >= q->c1)
        MR_TRY(MR_RAISE(MR_ECONFIG, "--channels %s: there are %llu channels", q->channels,
                        (unsigned long long)s->nc));
    if (q->time) MR_TRY(mr_view_time(q->time, &s->t0_ns, &s->t1_ns));
    if (q->within && s->t1_ns > t0 && s->t0_ns < t1) {
        s->t0_ns = MR_MAX(s->t0_ns, t0);
        s->t1_ns = MR_MIN(s->t1_ns, t1);
    }
    if (s->t1_ns <= t0 || s->t0_ns >= t1)
        st = MR_RAISE(MR_ECONFIG, "%s: nothing to view in that time: there is %.19sZ .. %.19sZ",
                      arg, mr_utc_iso(t0, a), mr_utc_iso(t1, b));
out:
    return st;
}

static mr_status pour(mr_source *s, const char *arg, const mr_view_ask *q, mr_cells *cells,
                      uint64_t *traces)
{
    mr_status st = MR_OK;
    const uint64_t n = q->c1 - q->c0, every = q->wiggle ? (n + TRACES - 1) / TRACES : 1;
    into to = {cells, q->c0, every};
    MR_TRY(mr_cells_init(cells, s->t0_ns, s->t1_ns, s->dt_ns, (n + every - 1) / every,
                         s->x0_m + (double)q->c0 * s->dx_m, (double)every * s->dx_m));
    for (size_t i = 0; i < s->n; i++)
        MR_TRY(mr_source_read(s, i, q->c0, q->c1, cells->t0_ns, cells->t1_ns, into_cells, &to));
    if (!cells->poured)
        st = MR_RAISE(MR_ECONFIG, "%s: nothing to view%s", arg,
                      q->time ? ": no samples in that time" : ", all samples are NaN");
    *traces = q->wiggle ? every : 0;
    cells->tall = q->wiggle && n > 1;
out:
    return st;
}

/* "data/demo: 400 channels, 500 Hz, float32, prodml, 6 files" */
static mr_status describe(const char *arg, const mr_source *s, const mr_output_words *own,
                          const mr_view_ask *q, mr_text *out)
{
    mr_status st = MR_OK;
    const mr_file_info *f = &s->v[0].info;
    char type[40];
    mr_dtype_name(f->store.dtype, type, sizeof type);
    MR_TRY(mr_text_add(out, "%s:  ", arg));
    if (q->c1 - q->c0 == 1 && s->nc > 1)
        MR_TRY(mr_text_add(out, "channel %llu", (unsigned long long)q->c0));
    else
        MR_TRY(mr_text_add(out, "%llu channels", (unsigned long long)s->nc));
    MR_TRY(mr_text_add(out, ", %.6g Hz, %s, %s", f->rate_hz, type,
                       own->quantity[0] ? "millrace" : f->layout));
    if (s->n > 1) MR_TRY(mr_text_add(out, ", %zu files", s->n));
out:
    return st;
}

/* "strain rate, nanostrain/s" */
static mr_status unit_text(const mr_source *s, const mr_output_words *own, mr_text *out)
{
    const mr_file_info *f = &s->v[0].info;
    const bool native = f->to_native > 0;
    const char *quantity = native ? f->native_quantity : f->quantity;
    const char *unit = native ? f->native_unit : own->unit[0] ? own->unit : f->unit;
    if (own->quantity[0]) quantity = own->quantity;
    mr_status st = *quantity && strcmp(quantity, unit) != 0 && strcmp(unit, "1") != 0
                       ? mr_text_add(out, "%s, %s", quantity, unit)
                       : mr_text_add(out, "%s", strcmp(unit, "1") != 0 ? unit : quantity);
    for (char *p = out->s; st == MR_OK && *p; p++)
        if (*p == '_') *p = ' ';
    return st;
}

mr_status mr_view_panel(mr_prober *prober, const char *arg, const mr_strs *files,
                        const mr_view_ask *q, mr_cells *cells, mr_view_words *words)
{
    mr_status st = MR_OK;
    mr_source s = {0};
    mr_output_words own = {0};
    MR_TRY(mr_source_open(prober, arg, files, &s));
    if (s.product && mr_is_events(files->v[0])) {
        st = mr_view_events(arg, files->v[0], q, cells, words);
        goto out;
    }
    if (s.product) {
        st = mr_view_product(arg, files, q, cells, words);
        goto out;
    }
    mr_view_ask ask = *q;
    if (mr_is_output(s.v[0].path)) MR_TRY(mr_output_words_of(s.v[0].path, &own));
    snprintf(words->headline, sizeof words->headline, "%s", own.title);
    MR_TRY(mr_view_cut(&s, arg, &ask));
    if (q->fk)
        MR_TRY(mr_view_fk(&s, arg, &ask, cells, words));
    else
        MR_TRY(pour(&s, arg, &ask, cells, &words->every));
    words->samples = !q->fk;
    MR_TRY(describe(arg, &s, &own, q, &words->title));
    MR_TRY(unit_text(&s, &own, &words->unit));
    if (q->fk) MR_TRY(mr_view_fk_unit(&words->unit));
    words->t0_ns = s.t0_ns;
    words->t1_ns = s.t1_ns;
out:
    mr_source_fini(&s);
    return st;
}

/* One panel of samples or of a product. */
static mr_status panel_of(mr_prober *prober, const char *arg, const mr_view_ask *q, mr_cells *cells,
                          mr_view_words *words)
{
    mr_strs files = {0};
    mr_status st = mr_view_files(arg, &files);
    if (st == MR_OK) st = mr_view_panel(prober, arg, &files, q, cells, words);
    mr_strs_fini(&files);
    return st;
}

void mr_view_words_fini(mr_view_words *w)
{
    mr_text_fini(&w->title);
    mr_text_fini(&w->unit);
    mr_marks_fini(&w->marks);
}

/* The output folder whose events are to be marked on a panel, or NULL. */
static const char *events_for(const mr_opts *o, const mr_view_words *first)
{
    if (!first->samples || o->val[O_PLAIN]) return NULL;
    if (o->val[O_EVENTS]) return o->val[O_EVENTS];
    return o->n_args == 2 && mr_has_events(o->arg[1]) ? o->arg[1] : NULL;
}

static mr_panel panel_from(const mr_cells *c, const mr_view_words *w)
{
    return (mr_panel){.cells = c,
                      .title = w->title.s,
                      .unit = w->unit.s,
                      .marks = &w->marks,
                      .wiggle = w->every,
                      .note = w->note};
}

static mr_status draw(const mr_opts *o, const mr_view_ask *q, const mr_page *given)
{
    mr_status st = MR_OK;
    mr_prober *prober = NULL;
    mr_config *cfg = NULL;
    mr_cells cells[2] = {0};
    mr_view_words words[2] = {0};
    mr_page page = *given;
    mr_panel panel[2] = {0};
    mr_text bytes = {0};
    mr_pen_kind kind;
    size_t w, h;
    MR_TRY(mr_pen_kind_of(o->val[O_OUT], &kind));
    if (o->val[O_CONFIG]) MR_TRY(mr_config_load(o->val[O_CONFIG], NULL, 0, &cfg));
    MR_TRY(mr_prober_new(1, cfg ? cfg->map : NULL, &prober));
    mr_prober_pick(prober, cfg ? cfg->dataset : NULL);
    for (int i = 0; i < o->n_args; i++) {
        mr_view_ask ask = *q;
        const char *marked = NULL;
        if (i && words[0].samples && mr_has_events(o->arg[i])) { /* beside what they are in */
            ask.t0_ns = words[0].t0_ns;
            ask.t1_ns = words[0].t1_ns;
            ask.c1 = MR_MIN(q->c1, q->c0 + cells[0].nc * MR_MAX(words[0].every, (uint64_t)1));
        }
        MR_TRY(mr_page_cells(&page, (size_t)o->n_args, &cells[i].most_x, &cells[i].most_y));
        MR_TRY(panel_of(prober, o->arg[i], &ask, &cells[i], &words[i]));
        if (i == 0 && (marked = events_for(o, &words[0])))
            MR_TRY(mr_view_marks(marked, &cells[0], &words[0].marks));
        panel[i] = panel_from(&cells[i], &words[i]);
        if (!page.title && words[i].headline[0]) page.title = words[i].headline;
    }
    MR_TRY(mr_picture_draw(panel, (size_t)o->n_args, &page, kind, &bytes, &w, &h));
    MR_TRY(mr_picture_write(o->val[O_OUT], &bytes));
    if (!o->val[O_QUIET])
        printf("%s: %zu x %zu %s\n", o->val[O_OUT], w, h, kind == MR_PEN_PNG ? "pixels" : "points");
out:
    mr_text_fini(&bytes);
    for (int i = 0; i < 2; i++) {
        mr_cells_fini(&cells[i]);
        mr_view_words_fini(&words[i]);
    }
    mr_prober_free(prober);
    mr_config_free(cfg);
    return st;
}

/* What is asked of products. */
static mr_status product_options(const mr_opts *o, mr_view_ask *q, mr_text words[2])
{
    mr_status st = MR_OK;
    q->linear = strcmp(o->val[O_FREQUENCY], "linear") == 0;
    if (!q->linear && strcmp(o->val[O_FREQUENCY], "log") != 0)
        return MR_RAISE(MR_ECONFIG, "--frequency: '%s' is neither log nor linear",
                        o->val[O_FREQUENCY]);
    static const int of[] = {O_SOURCE, O_WHAT}; /* options called like the axis */
    for (int i = 0; i < 2; i++) {
        if (!o->val[of[i]]) continue;
        MR_TRY(mr_text_add(&words[i], "%s=%s", table[of[i]].name, o->val[of[i]]));
        q->at[i] = words[i].s;
    }
    q->at[2] = o->val[O_AT];
    q->fk = o->val[O_FK] != NULL;
    q->wiggle = o->val[O_WIGGLE] != NULL;
    if (q->fk && q->wiggle) st = MR_RAISE(MR_ECONFIG, "--fk or --wiggle: only one of them");
    if (o->val[O_BAND])
        MR_TRY(mr_range_parse(o->val[O_BAND], MR_DIM_FREQ, &q->band_hz[0], &q->band_hz[1]));
out:
    return st;
}

/* "180x120 mm" or "1200x800 px" */
static mr_status parse_size(const char *text, mr_page *page)
{
    char unit[4] = "", rest[2] = "";
    double w = 0, h = 0;
    const int n = sscanf(text, "%lfx%lf %3[a-z]%1s", &w, &h, unit, rest);
    const bool mm = strcmp(unit, "mm") == 0, px = strcmp(unit, "px") == 0;
    if (n != 3 || !(mm || px) || !(w > 0 && h > 0))
        return MR_RAISE(MR_ECONFIG, "--size: '%s' is no size; write 180x120 mm or 1200x800 px",
                        text);
    const double k = mm ? 1 : 25.4 / page->dpi;
    page->w_mm = k * w;
    page->h_mm = k * h;
    if (page->w_mm > 2000 || page->h_mm > 2000)
        return MR_RAISE(MR_ECONFIG, "--size: '%s' is more than 2000 mm", text);
    return MR_OK;
}

static mr_status page_options(const mr_opts *o, mr_page *page)
{
    mr_status st = MR_OK;
    int64_t dpi = 0;
    if (mr_int_parse(o->val[O_DPI], &dpi) != MR_OK || dpi < 50 || dpi > 1200)
        return MR_RAISE(MR_ECONFIG, "--dpi: '%s' is not a whole number in 50..1200", o->val[O_DPI]);
    page->dpi = (double)dpi;
    page->title = o->val[O_TITLE];
    if (o->val[O_SIZE]) MR_TRY(parse_size(o->val[O_SIZE], page));
out:
    return st;
}

/** "37", or "37..38": half-open. */
static mr_status channels_of(mr_view_ask *q)
{
    mr_status st = MR_OK;
    double a = 0, b = 0;
    int64_t one;
    if (mr_int_parse(q->channels, &one) == MR_OK) {
        a = (double)one;
        b = a + 1;
    } else {
        mr_error_clear();
        a = -1;
        if (strstr(q->channels, "..")) MR_TRY(mr_range_parse(q->channels, MR_DIM_NONE, &a, &b));
    }
    if (a < 0 || b > 1e9 || a != floor(a) || b != floor(b))
        return MR_RAISE(MR_ECONFIG,
                        "--channels: '%s': write 37, or a half-open range of channels, 37..38",
                        q->channels);
    q->c0 = (uint64_t)a;
    q->c1 = (uint64_t)b;
out:
    return st;
}

int mr_cli_view(int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    mr_view_ask q = {.c1 = UINT64_MAX};
    mr_page page = {0};
    mr_text words[2] = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "-o") == 0) argv[i] = (char *)"--output";
    MR_TRY(mr_opts_parse(table, argc, argv, 0, 2, &o));
    if (o.help) {
        mr_opts_help("view FILE|FOLDER [FILE|FOLDER] -o X.png [options]\n\n"
                     "Draw recordings, lanes or an output folder: time along, distance upwards. "
                     "Spectra lie\nover frequency (in decibels) and correlations over lag, the "
                     "mean over the time asked for. Of\nan output folder with events: a map of "
                     "them; beside recordings (view RECORDINGS OUT) they are\nmarked there, too: "
                     "lines from channel to channel, diamonds at the peaks, bars for the picks.\n",
                     table);
        goto out;
    }
    if (!o.n_args)
        MR_TRY(MR_RAISE(MR_ECONFIG, "view: of what? millrace view FILE|FOLDER -o X.png"));
    if (!o.val[O_OUT]) MR_TRY(MR_RAISE(MR_ECONFIG, "view: -o X.png is missing"));
    MR_TRY(mr_quantity_parse(o.val[O_SHARE], MR_DIM_PERCENT, &page.share));
    if (!(page.share >= 0.5 && page.share <= 1))
        MR_TRY(MR_RAISE(MR_ECONFIG, "--inside %s is outside 50..100 %%", o.val[O_SHARE]));
    q.time = o.val[O_TIME];
    q.channels = o.val[O_CHANNELS];
    if (q.channels) MR_TRY(channels_of(&q));
    MR_TRY(product_options(&o, &q, words));
    MR_TRY(page_options(&o, &page));
    MR_TRY(draw(&o, &q, &page));
out:
    for (int i = 0; i < 2; i++) mr_text_fini(&words[i]);
    return (int)st;
}
