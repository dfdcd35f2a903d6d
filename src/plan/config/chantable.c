/* plan/config/chantable.c: input.geometry, a CSV table of channel, distance, latitude, longitude,
 * elevation. The header line names the columns in any order; run/ looks channels up in it. */
#include "plan/config/config.h"
#include "plan/config/tree.h"
#include "base/quantity.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX ((size_t)64 << 20) /* bytes of a table */
enum { N_COLS = 5, MAX_FIELDS = 64 };
static const struct {
    const char *name, *unit;
    double min, max;
} cols[N_COLS] = {
    {"channel", "", 0, 1e12},           {"distance", " m", -1e9, 1e9},
    {"latitude", " degrees", -90, 90},  {"longitude", " degrees", -180, 360},
    {"elevation", " m", -12000, 10000},
};

typedef struct table {
    const char *path;
    int line;
    int col_of[MAX_FIELDS]; /* which of cols a field is, -1 = none of ours */
    size_t n_fields, cap[N_COLS];
    mr_chantable t;
} table;

#define REFUSE(tb, where, ...)                                                                     \
    mr_raise_at(MR_ECONFIG,                                                                        \
                &(mr_node){.file = (char *)(uintptr_t)(tb)->path,                                  \
                           .line = (tb)->line,                                                     \
                           .col = (int)(where)},                                                   \
                false, __FILE__, __LINE__, __VA_ARGS__)

void mr_chantable_fini(mr_chantable *t)
{
    if (!t) return;
    free(t->channel);
    free(t->distance);
    free(t->latitude);
    free(t->longitude);
    free(t->elevation);
    *t = (mr_chantable){0};
}

/* Cut spaces and a pair of quotes around a field. */
static char *trim(char *s)
{
    while (*s == ' ' || *s == '\t') s++;
    size_t n = strlen(s);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t')) n--;
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
        s++;
        n -= 2;
    }
    s[n] = '\0';
    return s;
}

static double *column_of(mr_chantable *t, int k)
{
    double *const own[N_COLS] = {NULL, t->distance, t->latitude, t->longitude, t->elevation};
    return own[k];
}

static mr_status read_header(table *tb, char *line)
{
    bool seen[N_COLS] = {false};
    char shown[64];
    for (char *p = line, *next; p; p = next) {
        size_t at = (size_t)(p - line) + 1;
        next = strchr(p, ',');
        if (next) *next++ = '\0';
        const char *name = trim(p);
        mr_printable(name, shown, sizeof shown);
        if (tb->n_fields == MAX_FIELDS) return REFUSE(tb, at, "more than %d columns", MAX_FIELDS);
        int own = -1;
        for (int k = 0; k < N_COLS; k++)
            if (strcasecmp(cols[k].name, name) == 0) own = k;
        const char *near = mr_nearest(name, &cols[0].name, N_COLS, sizeof cols[0]);
        if (own < 0 && near)
            return REFUSE(tb, at, "column '%s' is not known; did you mean %s?", shown, near);
        if (own >= 0 && seen[own]) return REFUSE(tb, at, "column '%s' stands here twice", shown);
        if (own >= 0) seen[own] = true;
        tb->col_of[tb->n_fields++] = own;
    }
    if (!seen[0])
        return REFUSE(tb, 1,
                      "the first line must name the columns: channel, distance, latitude, "
                      "longitude, elevation; 'channel' is missing");
    return MR_OK;
}

static mr_status grow_row(table *tb)
{
    mr_status st = MR_OK;
    mr_chantable *t = &tb->t;
    const char what[] = "the channel table";
    MR_TRY(mr_grow(&t->channel, &tb->cap[0], t->n + 1, sizeof *t->channel, what));
    MR_TRY(mr_grow(&t->distance, &tb->cap[1], t->n + 1, sizeof(double), what));
    MR_TRY(mr_grow(&t->latitude, &tb->cap[2], t->n + 1, sizeof(double), what));
    MR_TRY(mr_grow(&t->longitude, &tb->cap[3], t->n + 1, sizeof(double), what));
    MR_TRY(mr_grow(&t->elevation, &tb->cap[4], t->n + 1, sizeof(double), what));
    for (int k = 1; k < N_COLS; k++) column_of(t, k)[t->n] = NAN;
    t->channel[t->n] = -1;
out:
    return st;
}

static mr_status read_field(table *tb, int k, const char *s, size_t at)
{
    mr_chantable *t = &tb->t;
    char shown[64];
    double v = 0;
    mr_printable(s, shown, sizeof shown);
    if (k == 0) {
        if (mr_int_parse(s, &t->channel[t->n]) != MR_OK || t->channel[t->n] > (int64_t)1e12)
            return REFUSE(tb, at, "channel: '%s' is not a whole number from 0 up", shown);
        return MR_OK;
    }
    if (*s == '\0' || strcasecmp(s, "nan") == 0) return MR_OK; /* not known: stays NaN */
    if (mr_quantity_parse(s, MR_DIM_NONE, &v) != MR_OK)
        return REFUSE(tb, at, "%s: '%s' is not a number", cols[k].name, shown);
    if (!(v >= cols[k].min && v <= cols[k].max))
        return REFUSE(tb, at, "%s: %g is outside %g..%g%s", cols[k].name, v, cols[k].min,
                      cols[k].max, cols[k].unit);
    column_of(t, k)[t->n] = v;
    return MR_OK;
}

static mr_status read_row(table *tb, char *line)
{
    mr_status st = MR_OK;
    size_t f = 0;
    MR_TRY(grow_row(tb));
    for (char *p = line, *next; p; p = next, f++) {
        size_t at = (size_t)(p - line) + 1;
        next = strchr(p, ',');
        if (next) *next++ = '\0';
        if (f >= tb->n_fields)
            return REFUSE(tb, at, "more fields than the %zu columns of the first line",
                          tb->n_fields);
        if (tb->col_of[f] >= 0) MR_TRY(read_field(tb, tb->col_of[f], trim(p), at));
    }
    if (f < tb->n_fields)
        return REFUSE(tb, 1, "%zu fields where the first line names %zu columns", f, tb->n_fields);
    tb->t.n++;
out:
    return st;
}

typedef struct order {
    int64_t channel;
    size_t row;
} order;

static int by_channel(const void *a, const void *b)
{
    const order *x = a, *y = b;
    return (x->channel > y->channel) - (x->channel < y->channel);
}

/* Rows in the order of their channels, each channel once. */
static mr_status sort_rows(table *tb)
{
    mr_status st = MR_OK;
    mr_chantable *t = &tb->t;
    order *o = NULL;
    double *tmp = NULL;
    MR_TRY(mr_alloc(t->n, sizeof *o, "the channel table", &o));
    MR_TRY(mr_alloc(t->n, sizeof *tmp, "the channel table", &tmp));
    for (size_t i = 0; i < t->n; i++) o[i] = (order){t->channel[i], i};
    qsort(o, t->n, sizeof *o, by_channel);
    for (size_t i = 1; i < t->n; i++)
        if (o[i].channel == o[i - 1].channel) {
            st = MR_RAISE(MR_ECONFIG, "%s: channel %" PRId64 " stands there twice", tb->path,
                          o[i].channel);
            goto out;
        }
    for (size_t i = 0; i < t->n; i++) t->channel[i] = o[i].channel;
    for (int k = 1; k < N_COLS; k++) {
        double *v = column_of(t, k);
        for (size_t i = 0; i < t->n; i++) tmp[i] = v[o[i].row];
        memcpy(v, tmp, t->n * sizeof *v);
    }
out:
    free(o);
    free(tmp);
    return st;
}

static mr_status read_lines(table *tb, char *text)
{
    mr_status st = MR_OK;
    for (char *p = text, *next; p; p = next) {
        next = strchr(p, '\n');
        if (next) *next++ = '\0';
        tb->line++;
        size_t n = strlen(p);
        if (n && p[n - 1] == '\r') p[n - 1] = '\0';
        if (p[strspn(p, " \t")] == '\0' || *p == '#') continue;
        MR_TRY(tb->n_fields ? read_row(tb, p) : read_header(tb, p));
    }
    if (tb->t.n == 0) st = MR_RAISE(MR_ECONFIG, "%s: the table holds no channels", tb->path);
out:
    return st;
}

mr_status mr_chantable_load(const char *path, mr_chantable *out)
{
    mr_status st = MR_OK;
    mr_text text = {0};
    table tb = {.path = path};
    MR_TRY(mr_read_text(path, TABLE_MAX, &text));
    if (strlen(text.s) != text.len) {
        st = MR_RAISE(MR_ECONFIG, "%s: holds NUL bytes; it is not a CSV table", path);
        goto out;
    }
    bool bom = strncmp(text.s, "\xef\xbb\xbf", 3) == 0;
    MR_TRY(read_lines(&tb, text.s + (bom ? 3 : 0)));
    MR_TRY(sort_rows(&tb));
    *out = tb.t;
    tb.t = (mr_chantable){0}; /* given away */
out:
    mr_text_fini(&text);
    mr_chantable_fini(&tb.t);
    return st;
}
