/* cli/view/view_product.c: what `view` draws of products: spectra as frequency x distance in
 * decibels, correlations with one source as lag x distance (a virtual shot gather), both the mean
 * over the time asked for; one statistic as time x distance. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utc.h"
#include "cli/view/view.h"

/* channels of one lane, or of several lanes of the same channels: values and how many went in */
typedef struct strip {
    double x0_m, dx_m;
    size_t nc;
    double *sum, *n; /* [len][nc] along frequency or lag */
} strip;

/* a row of a statistic */
typedef struct row {
    int64_t t_ns;
    double x0_m;
    size_t nc;
    double *v; /* [nc], or of one channel [along.n] */
} row;

typedef struct work {
    const mr_view_ask *ask;
    char quantity[64], unit[96];
    mr_text what;              /* of several statistics or sources, which */
    mr_product_axis along;     /* frequency or lag; n 0: time */
    double *axis;              /* [along.n] */
    int64_t t0_ns, t1_ns;      /* asked for */
    int64_t first_ns, last_ns; /* found */
    double row_s;
    size_t n_rows, pick, depth; /* of a row: first slice of those wanted, slices in all */
    size_t step;                /* slices from one place along to the next */
    bool power;                 /* in decibels */
    bool result;
    char headline[256]; /* title of the first */
    strip *strip;
    size_t n_strips, cap_strips;
    row *row;
    size_t n, cap;
} work;

static void work_fini(work *w)
{
    for (size_t i = 0; i < w->n_strips; i++) {
        free(w->strip[i].sum);
        free(w->strip[i].n);
    }
    for (size_t i = 0; i < w->n; i++) free(w->row[i].v);
    free(w->strip);
    free(w->row);
    free(w->axis);
    mr_text_fini(&w->what);
}

/* --- which of a row's values ----------------------------------------------------------------- */

/* What is asked for along an axis: the text behind "NAME=", up to a comma; false: nothing. */
static bool asked(const mr_view_ask *q, const char *name, char *out, size_t size)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < MR_VIEW_PLACES; i++) {
        const char *s = q->at[i];
        while (s && *s) {
            const size_t len = strcspn(s, ",");
            if (len > n && strncmp(s, name, n) == 0 && s[n] == '=') {
                snprintf(out, size, "%.*s", (int)(len - n - 1), s + n + 1);
                return true;
            }
            s += len + (s[len] == ',');
        }
    }
    return false;
}

static mr_status no_such_place(const mr_product_axis *a, const char *want)
{
    mr_status st = MR_OK;
    mr_text names = {0};
    for (size_t i = 0; a->label && i < a->n && st == MR_OK; i++)
        st = mr_text_add(&names, "%s%s", i ? ", " : "", a->label[i]);
    if (st == MR_OK && a->label)
        st = MR_RAISE(MR_ECONFIG, "--%s: there is no '%s', but: %s", a->name, want, names.s);
    else if (st == MR_OK)
        st = MR_RAISE(MR_ECONFIG, "--%s: %s is no %s; the first of %zu is channel %.0f", a->name,
                      want, a->name, a->n, a->v[0]);
    mr_text_fini(&names);
    return st;
}

/* The place along an axis of which one is shown: by name, by number, or the nearest number. */
static mr_status pick(const mr_product_axis *a, const char *want, size_t *at)
{
    double v;
    *at = 0;
    if (!want) return MR_OK;
    for (size_t i = 0; a->label && i < a->n; i++)
        if (strcmp(a->label[i], want) == 0) {
            *at = i;
            return MR_OK;
        }
    if (a->label || sscanf(want, "%lf", &v) != 1) return no_such_place(a, want);
    for (size_t i = 1; i < a->n; i++)
        if (fabs(a->v[i] - v) < fabs(a->v[*at] - v)) *at = i;
    return a->choice && a->v[*at] != v ? no_such_place(a, want) : MR_OK;
}

static mr_status name_place(work *w, const mr_product_axis *a, size_t at)
{
    if (a->label) return mr_text_add(&w->what, ": %s", a->label[at]);
    if (!a->choice) return mr_text_add(&w->what, " at %s %.6g %s", a->name, a->v[at], a->unit);
    if (a->n == 1) return mr_text_add(&w->what, " with %s %.6g", a->doc, a->v[at]);
    return mr_text_add(&w->what, " with %s %.6g, %zu of %zu", a->doc, a->v[at], at + 1, a->n);
}

/* The first product says what is drawn; others must be like it. */
static mr_status choose(work *w, const mr_product *p)
{
    mr_status st = MR_OK;
    size_t at = 0, below = 1;
    char want[64];
    snprintf(w->quantity, sizeof w->quantity, "%s", p->quantity);
    snprintf(w->unit, sizeof w->unit, "%s", p->unit);
    w->depth = p->depth;
    w->result = p->result;
    w->row_s = p->row_s;
    w->power = p->power;
    for (size_t i = p->n_axes; i-- > 0; below *= p->axis[i].n) {
        const mr_product_axis *a = &p->axis[i];
        const bool fixed = asked(w->ask, a->name, want, sizeof want);
        if (a->choice || fixed || w->along.n) {
            MR_TRY(pick(a, fixed ? want : NULL, &at));
            MR_TRY(name_place(w, a, at));
            w->pick += at * below;
            continue;
        }
        w->along = *a;
        w->along.v = NULL;
        MR_TRY(mr_alloc_f64(a->n, "an axis", &w->axis));
        memcpy(w->axis, a->v, a->n * sizeof *a->v);
        w->step = below;
    }
out:
    return st;
}

static bool is_like(const work *w, const mr_product *p)
{
    return p->depth == w->depth && strcmp(p->quantity, w->quantity) == 0 &&
           strcmp(p->unit, w->unit) == 0;
}

/* --- adding up ------------------------------------------------------------------------------- */

static double spacing(const mr_product *p)
{
    return p->nc > 1 ? (p->distance_m[p->nc - 1] - p->distance_m[0]) / (double)(p->nc - 1) : 0;
}

static mr_status strip_of(work *w, const mr_product *p, strip **out)
{
    mr_status st = MR_OK;
    strip s = {.x0_m = p->distance_m[0], .dx_m = spacing(p), .nc = p->nc};
    for (size_t i = 0; i < w->n_strips; i++)
        if (w->strip[i].x0_m == s.x0_m && w->strip[i].nc == s.nc) {
            *out = &w->strip[i];
            return MR_OK;
        }
    MR_TRY(mr_grow(&w->strip, &w->cap_strips, w->n_strips + 1, sizeof s, "channels to view"));
    MR_TRY(mr_alloc(w->along.n * s.nc, sizeof *s.sum, "a mean", &s.sum));
    MR_TRY(mr_alloc(w->along.n * s.nc, sizeof *s.n, "a mean", &s.n));
    w->strip[w->n_strips] = s;
    *out = &w->strip[w->n_strips++];
    s.sum = s.n = NULL;
out:
    free(s.sum);
    free(s.n);
    return st;
}

/* A value as it is drawn. */
static double level(const work *w, double x)
{
    return !w->power ? x : x > 0 ? 10 * log10(x) : NAN;
}

static mr_status keep_row(work *w, const mr_product *p, int64_t t_ns, const double *v)
{
    mr_status st = MR_OK;
    row r = {.t_ns = t_ns, .x0_m = p->distance_m[0], .nc = p->nc};
    const size_t n = w->along.n ? w->along.n : p->nc;
    const double dx = w->strip[0].dx_m; /* lanes come in order: the first has channel 0 */
    const double at = dx > 0 ? (r.x0_m - w->strip[0].x0_m) / dx : 0;
    const int64_t c0 = w->along.n ? (int64_t)w->ask->c0 - llround(at) : 0;
    if (c0 < 0 || c0 >= (int64_t)p->nc) return MR_OK;
    MR_TRY(mr_grow(&w->row, &w->cap, w->n + 1, sizeof r, "rows to view"));
    MR_TRY(mr_alloc_f64(n, "a row", &r.v));
    for (size_t i = 0; i < n; i++)
        r.v[i] = level(w, w->along.n ? v[(w->pick + i * w->step) * p->nc + (size_t)c0]
                                     : v[w->pick * p->nc + i]);
    w->row[w->n++] = r;
out:
    return st;
}

static void add_slice(double *sum, double *n, const double *v, size_t nc)
{
    for (size_t c = 0; c < nc; c++)
        if (!isnan(v[c])) {
            sum[c] += v[c];
            n[c] += 1;
        }
}

static mr_status add_product(work *w, mr_product *p)
{
    mr_status st = MR_OK;
    double *v = NULL;
    strip *s = NULL;
    MR_TRY(strip_of(w, p, &s));
    MR_TRY(mr_alloc_f64(p->depth * p->nc, "a row", &v));
    for (size_t i = 0; i < p->rows; i++) {
        const int64_t t = p->time_ns ? p->time_ns[i] : p->t0_ns;
        if (!w->result && (t < w->t0_ns || t >= w->t1_ns)) continue;
        MR_TRY(mr_product_read(p, i, v));
        w->first_ns = MR_MIN(w->first_ns, t);
        w->last_ns = MR_MAX(w->last_ns, p->time_ns ? t : p->t1_ns);
        w->n_rows++;
        if (!w->along.n || w->ask->c1 - w->ask->c0 == 1) MR_TRY(keep_row(w, p, t, v));
        for (size_t k = 0; k < w->along.n; k++)
            add_slice(s->sum + k * p->nc, s->n + k * p->nc, v + (w->pick + k * w->step) * p->nc,
                      p->nc);
    }
out:
    free(v);
    return st;
}

/* --- into cells ------------------------------------------------------------------------------ */

/* where channels lie: first distance, spacing, how many */
static void extent(const work *w, double *x0, double *dx, uint64_t *nc)
{
    *x0 = INFINITY;
    *dx = 0;
    *nc = 0;
    for (size_t i = 0; i < w->n_strips; i++) {
        *x0 = MR_MIN(*x0, w->strip[i].x0_m);
        *dx = MR_MAX(*dx, w->strip[i].dx_m);
    }
    for (size_t i = 0; i < w->n_strips; i++) {
        const uint64_t at = *dx > 0 ? (uint64_t)llround((w->strip[i].x0_m - *x0) / *dx) : 0;
        *nc = MR_MAX(*nc, at + w->strip[i].nc);
    }
}

/* Values v[n] from distance x_m on, cut to the channels asked for: *first is counted from these. */
static size_t cut_channels(const mr_view_ask *q, double x_m, double x0, double dx, size_t n,
                           const double **v, uint64_t *first)
{
    const uint64_t at = dx > 0 ? (uint64_t)llround((x_m - x0) / dx) : 0;
    const uint64_t a = MR_MAX(at, q->c0), b = MR_MIN(at + n, q->c1);
    if (a >= b) return 0;
    *v += a - at;
    *first = a - q->c0;
    return (size_t)(b - a);
}

/* Means of one strip, column by column. */
static mr_status pour_strip(const work *w, const mr_view_ask *q, const strip *s, double x0,
                            double dx, mr_cells *cells)
{
    mr_status st = MR_OK;
    const double half = w->along.n > 1 ? (w->axis[1] - w->axis[0]) / 2 : 0.5;
    double *v = NULL;
    MR_TRY(mr_alloc_f64(s->nc, "a column", &v));
    for (size_t k = 0; k < w->along.n; k++) {
        const double *from = v;
        uint64_t first = 0;
        for (size_t c = 0; c < s->nc; c++) {
            const double x = s->sum[k * s->nc + c] / s->n[k * s->nc + c];
            v[c] = level(w, x);
        }
        const size_t n = cut_channels(q, s->x0_m, x0, dx, s->nc, &from, &first);
        mr_cells_column(cells, w->axis[k] - half, w->axis[k] + half, first, from, n);
    }
out:
    free(v);
    return st;
}

static mr_status pour_means(const work *w, const mr_view_ask *q, double x0, double dx,
                            mr_cells *cells)
{
    mr_status st = MR_OK;
    const size_t n = w->along.n;
    const double half = n > 1 ? (w->axis[1] - w->axis[0]) / 2 : 0.5;
    const double rim = w->along.log ? 0 : half; /* an axis of positive numbers ends at its ends */
    char label[64];
    snprintf(label, sizeof label, "%s, %s", w->along.name, w->along.unit);
    mr_along along = {.label = label,
                      .a = w->axis[0] - rim,
                      .b = w->axis[n - 1] + rim,
                      .log = w->along.log && !q->linear && n > 2};
    if (along.log && along.a <= 0) along.a = w->axis[1] - half; /* without the mean of all */
    MR_TRY(mr_cells_init_along(cells, &along, q->c1 - q->c0, x0 + (double)q->c0 * dx, dx));
    cells->no_zero = w->power;
    for (size_t i = 0; i < w->n_strips; i++) MR_TRY(pour_strip(w, q, &w->strip[i], x0, dx, cells));
out:
    return st;
}

static mr_status pour_rows(const work *w, const mr_view_ask *q, double x0, double dx,
                           mr_cells *cells)
{
    mr_status st = MR_OK;
    double step_ns = w->row_s > 0 ? 1e9 * w->row_s : 1e9;
    if (w->result) step_ns = MR_MAX((double)(w->last_ns - w->first_ns), 1.0);
    const int64_t end = w->result ? w->last_ns : w->last_ns + (int64_t)llround(step_ns);
    MR_TRY(mr_cells_init(cells, w->first_ns, MR_MAX(end, w->first_ns + 1), step_ns, q->c1 - q->c0,
                         x0 + (double)q->c0 * dx, dx));
    for (size_t i = 0; i < w->n; i++) {
        const row *r = &w->row[i];
        const double *v = r->v;
        uint64_t first = 0;
        const size_t n = cut_channels(q, r->x0_m, x0, dx, r->nc, &v, &first);
        const mr_view view = {.d = (double *)(uintptr_t)v, .nt = 1, .nc = n, .stride = n};
        if (n) mr_cells_add(cells, r->t_ns, step_ns, first, &view);
    }
out:
    return st;
}

/* One channel: its rows are profiles over time. */
static bool by_time(const work *w, const mr_view_ask *q)
{
    return w->along.n > 1 && w->n > 1 && !w->result && q->c1 - q->c0 == 1;
}

/* Time along, the axis upwards: a spectrogram, or correlations over time. */
static mr_status pour_profiles(const work *w, mr_cells *cells)
{
    mr_status st = MR_OK;
    const size_t n = w->along.n;
    const double step_ns = w->row_s > 0 ? 1e9 * w->row_s : 1e9;
    const double step = (w->axis[n - 1] - w->axis[0]) / (double)(n - 1);
    char label[64];
    snprintf(label, sizeof label, "%s, %s", w->along.name, w->along.unit);
    MR_TRY(mr_cells_init(cells, w->first_ns, w->last_ns + (int64_t)llround(step_ns), step_ns, n,
                         w->axis[0], step));
    mr_cells_up(cells, label);
    cells->no_zero = w->power;
    for (size_t i = 0; i < w->n; i++) {
        const mr_view view = {.d = w->row[i].v, .nt = 1, .nc = n, .stride = n};
        mr_cells_add(cells, w->row[i].t_ns, step_ns, 0, &view);
    }
out:
    return st;
}

/* --- words ----------------------------------------------------------------------------------- */

static mr_status words(const work *w, const mr_view_ask *q, const char *arg, uint64_t nc,
                       mr_view_words *out)
{
    mr_text *title = &out->title, *unit = &out->unit;
    mr_status st = MR_OK;
    char t0[40], t1[40];
    mr_utc_iso(w->first_ns, t0);
    mr_utc_iso(w->last_ns, t1);
    MR_TRY(mr_text_add(title, "%s:  %s%s, ", arg, w->quantity, w->what.s ? w->what.s : ""));
    if (q->c1 - q->c0 == 1 && nc > 1)
        MR_TRY(mr_text_add(title, "channel %llu", (unsigned long long)q->c0));
    else
        MR_TRY(mr_text_add(title, "%llu channels", (unsigned long long)nc));
    for (char *s = title->s; *s; s++)
        if (*s == '_') *s = ' ';
    if (by_time(w, q)) MR_TRY(mr_text_add(title, ", %zu rows", w->n_rows));
    const bool one_day = strncmp(t0, t1, 10) == 0;
    const char *until = one_day ? t1 + 11 : t1;
    if (w->result)
        MR_TRY(mr_text_add(title, ", mean of %.19s .. %.*s", t0, one_day ? 8 : 19, until));
    else if (w->along.n && !by_time(w, q))
        MR_TRY(mr_text_add(title, ", mean of %zu row%s, %.19s .. %.*s", w->n_rows,
                           w->n_rows == 1 ? "" : "s", t0, one_day ? 8 : 19, until));
    MR_TRY(mr_text_add(unit, "%s%s%s", w->power ? "dB re " : "",
                       w->power || strcmp(w->unit, "1") != 0 ? w->unit : w->quantity, ""));
    for (char *s = unit->s; *s; s++)
        if (*s == '_') *s = ' ';
out:
    return st;
}

/* One file more. Those that cannot be used are said and left out. */
static mr_status take(work *w, const char *path)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    st = mr_product_open(path, &p);
    if (st == MR_EINPUT || st == MR_EVERIFY) {
        mr_log(MR_WARN, "%s", mr_error());
        mr_error_clear();
        return MR_OK;
    }
    MR_TRY(st);
    if (!w->depth) {
        MR_TRY(choose(w, p));
        snprintf(w->headline, sizeof w->headline, "%s", p->title);
        w->t0_ns = p->t0_ns;
        w->t1_ns = INT64_MAX;
        if (w->ask->time) MR_TRY(mr_view_time(w->ask->time, &w->t0_ns, &w->t1_ns));
    }
    if (is_like(w, p))
        MR_TRY(add_product(w, p));
    else
        mr_log(MR_WARN, "%s: is of another kind than the first", path);
out:
    mr_product_close(p);
    return st;
}

mr_status mr_view_product(const char *arg, const mr_strs *files, const mr_view_ask *ask,
                          mr_cells *cells, mr_view_words *out)
{
    mr_status st = MR_OK;
    mr_view_ask q = *ask;
    work w = {.ask = ask, .first_ns = INT64_MAX, .last_ns = INT64_MIN};
    double x0, dx;
    uint64_t nc;
    for (size_t i = 0; i < files->n; i++) MR_TRY(take(&w, files->v[i]));
    if (!w.n_rows) {
        st = MR_RAISE(w.depth ? MR_ECONFIG : MR_EINPUT, "%s: nothing to view%s", arg,
                      w.depth ? " in that time" : "");
        goto out;
    }
    extent(&w, &x0, &dx, &nc);
    q.c1 = MR_MIN(q.c1, nc);
    if (q.c0 >= q.c1) {
        st = MR_RAISE(MR_ECONFIG, "--channels %s: there are %llu channels", q.channels,
                      (unsigned long long)nc);
        goto out;
    }
    if (by_time(&w, &q))
        MR_TRY(pour_profiles(&w, cells));
    else
        MR_TRY(w.along.n ? pour_means(&w, &q, x0, dx, cells) : pour_rows(&w, &q, x0, dx, cells));
    snprintf(out->headline, sizeof out->headline, "%s", w.headline);
    out->t0_ns = w.first_ns;
    out->t1_ns = w.last_ns + (w.result ? 0 : (int64_t)llround(1e9 * w.row_s));
    st = words(&w, &q, arg, nc, out);
out:
    work_fini(&w);
    return st;
}
