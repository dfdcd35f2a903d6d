/* out/product/events.c: the table of events: events.h5, whose trailer binds the index and so every
 * lane, events.csv with the same columns, and QuakeML (quakeml.c). Rows come in streams, each in
 * order; they are merged once all are there, piece by piece: no number has to fit memory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "out/index.h"
#include "out/out.h"
#include "out/product/quakeml.h"
#include "out/product/table.h"

enum { PIECE_ROWS = 512, TEXT_PIECE = 1 << 18 };

#define COLUMN(struct_name, name, unit, type)                                                      \
    {                                                                                              \
#name, unit, type, offsetof(struct_name, name)                                             \
    }
#define P(name, unit, type) COLUMN(mr_pick_row, name, unit, type)
#define E(name, unit, type) COLUMN(mr_event_row, name, unit, type)
static const mr_column pick_columns[] = {
    P(start_ns, "ns since 1970-01-01 UTC", MR_COL_I64),
    P(end_ns, "ns since 1970-01-01 UTC", MR_COL_I64),
    P(peak_ns, "ns since 1970-01-01 UTC", MR_COL_I64),
    P(channel, "", MR_COL_I64),
    P(distance_m, "m", MR_COL_F64),
    P(peak, "", MR_COL_F64),
    P(on, "samples", MR_COL_I64),
    P(off, "samples", MR_COL_I64),
    P(peak_at, "samples", MR_COL_I64),
    P(flags, "", MR_COL_I32),
    P(column, "", MR_COL_I32),
};
static const mr_column event_columns[] = {
    E(start_ns, "ns since 1970-01-01 UTC", MR_COL_I64),
    E(end_ns, "ns since 1970-01-01 UTC", MR_COL_I64),
    E(channel_first, "", MR_COL_I64),
    E(channel_last, "", MR_COL_I64),
    E(distance_first_m, "m", MR_COL_F64),
    E(distance_last_m, "m", MR_COL_F64),
    E(peak, "", MR_COL_F64),
    E(peak_ns, "ns since 1970-01-01 UTC", MR_COL_I64),
    E(peak_channel, "", MR_COL_I64),
    E(n_channels, "", MR_COL_I64),
    E(velocity_m_s, "m s-1", MR_COL_F64),
    E(velocity_error_m_s, "m s-1", MR_COL_F64),
    E(score, "", MR_COL_F64),
    E(flags, "", MR_COL_I32),
    E(template, "", MR_COL_I32),
};
#define N(a) (sizeof(a) / sizeof *(a))
const mr_table mr_pick_table = {"picks", "when single channels were on; flags: 1 cut, 2 continued",
                                sizeof(mr_pick_row), pick_columns, N(pick_columns)};
const mr_table mr_event_table = {"events", "what happened; flags: 1 cut, 2 continued",
                                 sizeof(mr_event_row), event_columns, N(event_columns)};

struct mr_events {
    char *folder, *scratch;
    mr_spool **stream;
    size_t n;
};

mr_status mr_events_new(const char *folder, size_t streams, mr_events **out)
{
    mr_status st = MR_OK;
    mr_events *e = NULL;
    MR_TRY(mr_alloc(1, sizeof *e, "events", &e));
    MR_TRY(mr_strdup(folder, &e->folder));
    MR_TRY(mr_out_join(folder, ".millrace", &e->scratch));
    MR_TRY(mr_alloc(streams, sizeof(mr_spool *), "events", &e->stream));
    for (; e->n < streams; e->n++) MR_TRY(mr_spool_new(e->scratch, &e->stream[e->n]));
    *out = e;
    e = NULL;
out:
    mr_events_free(e);
    return st;
}

void mr_events_free(mr_events *e)
{
    if (!e) return;
    for (size_t i = 0; i < e->n; i++) mr_spool_free(e->stream[i]);
    free(e->stream);
    free(e->scratch);
    free(e->folder);
    free(e);
}

mr_status mr_events_add(mr_events *e, size_t stream, const mr_event_row *row)
{
    return mr_spool_add(e->stream[stream], row, sizeof *row);
}

uint64_t mr_events_count(const mr_events *e)
{
    uint64_t n = 0;
    for (size_t i = 0; i < e->n; i++) n += mr_spool_bytes(e->stream[i]) / sizeof(mr_event_row);
    return n;
}

/* --- all of them, in order ------------------------------------------------------------------- */

typedef struct cursor {
    uint64_t next, n;  /* row of the stream */
    size_t at, loaded; /* of the piece */
    mr_event_row *v;   /* [PIECE_ROWS] */
} cursor;

static bool before(const mr_event_row *a, const mr_event_row *b)
{
    if (a->start_ns != b->start_ns) return a->start_ns < b->start_ns;
    return a->channel_first < b->channel_first;
}

/** The cursor's row; NULL at the end. */
static mr_status look(const mr_spool *s, cursor *c, const mr_event_row **out)
{
    mr_status st = MR_OK;
    *out = NULL;
    if (c->at == c->loaded) {
        c->loaded = (size_t)MR_MIN((uint64_t)PIECE_ROWS, c->n - c->next);
        c->at = 0;
        if (!c->loaded) return MR_OK;
        MR_TRY(mr_spool_read(s, c->next * sizeof *c->v, c->loaded * sizeof *c->v, c->v));
        c->next += c->loaded;
    }
    *out = &c->v[c->at];
out:
    return st;
}

/** Calls f for every row. */
static mr_status for_all(const mr_events *e, mr_status (*f)(void *arg, const mr_event_row *row),
                         void *arg)
{
    mr_status st = MR_OK;
    cursor *c = NULL;
    MR_TRY(mr_alloc(e->n, sizeof *c, "events", &c));
    for (size_t i = 0; i < e->n; i++) {
        c[i].n = mr_spool_bytes(e->stream[i]) / sizeof(mr_event_row);
        MR_TRY(mr_alloc(PIECE_ROWS, sizeof *c->v, "events", &c[i].v));
    }
    for (;;) {
        const mr_event_row *row, *first = NULL;
        size_t which = 0;
        for (size_t i = 0; i < e->n; i++) {
            MR_TRY(look(e->stream[i], &c[i], &row));
            if (row && (!first || before(row, first))) {
                first = row;
                which = i;
            }
        }
        if (!first) break;
        MR_TRY(f(arg, first));
        c[which].at++;
    }
out:
    for (size_t i = 0; c && i < e->n; i++) free(c[i].v);
    free(c);
    return st;
}

/* --- files ----------------------------------------------------------------------------------- */

/** A file that grows at its end and is there under its name when it is whole. */
typedef struct growing {
    char *path;
    mr_text part, text;
    int fd;
    uint64_t at, number;
    const mr_digest *plan;        /* of QuakeML */
    const mr_events_words *words; /* the same */
} growing;

static mr_status growing_open(growing *g, const char *folder, const char *name, bool exists)
{
    mr_status st = MR_OK;
    MR_TRY(mr_out_join(folder, name, &g->path));
    MR_TRY(mr_text_add(&g->part, "%s.part", g->path));
    if (!exists && unlink(g->part.s) != 0 && errno != ENOENT) {
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", g->part.s, strerror(errno));
        goto out;
    }
    g->fd = open(g->part.s, O_WRONLY | O_CLOEXEC | (exists ? 0 : O_CREAT | O_EXCL), 0666);
    if (g->fd < 0) st = MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", g->part.s, strerror(errno));
out:
    return st;
}

static mr_status growing_flush(growing *g)
{
    const mr_status st = mr_out_pwrite(g->fd, g->text.s, g->text.len, g->at, g->part.s);
    g->at += g->text.len;
    g->text.len = 0;
    return st;
}

static mr_status growing_more(growing *g)
{
    return g->text.len >= TEXT_PIECE ? growing_flush(g) : MR_OK;
}

static mr_status growing_commit(growing *g)
{
    mr_status st = MR_OK;
    MR_TRY(growing_flush(g));
    MR_TRY(mr_out_sync_close(&g->fd, g->part.s));
    MR_TRY(mr_out_replace(g->part.s, g->path));
    free(g->path);
    g->path = NULL;
out:
    return st;
}

static void growing_fini(growing *g)
{
    if (g->fd >= 0) close(g->fd);
    if (g->path && g->part.len) unlink(g->part.s);
    free(g->path);
    mr_text_fini(&g->part);
    mr_text_fini(&g->text);
}

static mr_status add_h5(void *arg, const mr_event_row *row)
{
    growing *g = arg;
    const mr_status st = mr_text_add_bytes(&g->text, row, sizeof *row);
    return st == MR_OK ? growing_more(g) : st;
}

static mr_status add_number(mr_text *t, double v)
{
    return isnan(v) ? mr_text_add(t, "nan") : mr_text_add(t, "%.17g", v);
}

static mr_status add_csv(void *arg, const mr_event_row *row)
{
    mr_status st = MR_OK;
    growing *g = arg;
    for (size_t i = 0; i < mr_event_table.n; i++) {
        const mr_column *c = &mr_event_table.column[i];
        const char *at = (const char *)row + c->offset;
        int64_t i64;
        int32_t i32;
        double f64;
        if (i) MR_TRY(mr_text_add(&g->text, ","));
        switch (c->type) {
        case MR_COL_I64:
            memcpy(&i64, at, sizeof i64);
            MR_TRY(mr_text_add(&g->text, "%" PRId64, i64));
            break;
        case MR_COL_I32:
            memcpy(&i32, at, sizeof i32);
            MR_TRY(mr_text_add(&g->text, "%" PRId32, i32));
            break;
        case MR_COL_F64:
            memcpy(&f64, at, sizeof f64);
            MR_TRY(add_number(&g->text, f64));
            break;
        }
    }
    MR_TRY(mr_text_add(&g->text, "\n"));
    MR_TRY(growing_more(g));
out:
    return st;
}

static mr_status add_xml(void *arg, const mr_event_row *r)
{
    growing *g = arg;
    mr_spot at;
    const mr_events_words *w = g->words;
    const bool known = w->spot && w->spot(w->arg, mr_quakeml_first(r), &at);
    const mr_status st =
        mr_quakeml_event(&g->text, g->plan, ++g->number, r, w->unit, known ? &at : NULL);
    return st == MR_OK ? growing_more(g) : st;
}

static mr_status write_h5(mr_events *e, const mr_events_words *words, const mr_digest *plan,
                          const mr_digest *index)
{
    mr_status st = MR_OK;
    growing g = {.fd = -1};
    mr_h5w w = {.file = -1, .driver = -1};
    mr_text part = {0};
    uint64_t at = 0;
    mr_h5w_quiet();
    MR_TRY(mr_text_add(&part, "%s/%s.part", e->folder, MR_EVENTS_NAME));
    if (unlink(part.s) != 0 && errno != ENOENT) {
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", part.s, strerror(errno));
        goto out;
    }
    mr_h5w_create(&w, part.s, false);
    mr_h5w_text(&w, w.file, "Conventions", "CF-1.9");
    mr_h5w_text(&w, w.file, "title", words->title);
    mr_h5w_text(&w, w.file, "units", words->unit);
    mr_h5w_text(&w, w.file, "millrace_version", MR_VERSION);
    mr_h5w_text(&w, w.file, "chain", words->chain);
    mr_h5w_text(&w, w.file, "product", "table");
    mr_table_lay_out(&w, w.file, &mr_event_table, mr_events_count(e), &at);
    MR_TRY(mr_h5w_close(&w));
    MR_TRY(growing_open(&g, e->folder, MR_EVENTS_NAME, true));
    g.at = at;
    MR_TRY(for_all(e, add_h5, &g));
    MR_TRY(growing_flush(&g));
    MR_TRY(mr_out_sync_close(&g.fd, g.part.s));
    st = mr_seal(g.part.s, g.path, plan, index);
out:
    growing_fini(&g); /* after sealing there is no part any more */
    mr_text_fini(&part);
    return st;
}

static mr_status write_csv(mr_events *e)
{
    mr_status st = MR_OK;
    growing g = {.fd = -1};
    MR_TRY(growing_open(&g, e->folder, MR_EVENTS_CSV, false));
    for (size_t i = 0; i < mr_event_table.n; i++)
        MR_TRY(mr_text_add(&g.text, "%s%s", i ? "," : "", mr_event_table.column[i].name));
    MR_TRY(mr_text_add(&g.text, "\n"));
    MR_TRY(for_all(e, add_csv, &g));
    MR_TRY(growing_commit(&g));
out:
    growing_fini(&g);
    return st;
}

static mr_status write_xml(mr_events *e, const mr_events_words *words, const mr_digest *plan)
{
    mr_status st = MR_OK;
    growing g = {.fd = -1, .plan = plan, .words = words};
    MR_TRY(growing_open(&g, e->folder, MR_EVENTS_XML, false));
    MR_TRY(mr_quakeml_begin(&g.text, plan));
    MR_TRY(for_all(e, add_xml, &g));
    MR_TRY(mr_quakeml_end(&g.text));
    MR_TRY(growing_commit(&g));
out:
    growing_fini(&g);
    return st;
}

mr_status mr_events_write(mr_events *e, const mr_events_words *words, const mr_digest *plan,
                          const mr_digest *index)
{
    mr_status st = MR_OK;
    MR_TRY(write_csv(e));
    if (words->quakeml) MR_TRY(write_xml(e, words, plan));
    MR_TRY(write_h5(e, words, plan, index)); /* the last: its trailer says that all are there */
out:
    if (st != MR_OK) mr_note("writing the events");
    return st;
}
