/* cli/view/view_events.c: a map of a table of events: time along, channels upwards, each event
 * where it was on: by its velocity from channel to channel where that is known; colour: its peak.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/utc.h"
#include "cli/view/view.h"

enum { PIECE = 1024 };

typedef struct map {
    mr_table_file *file;
    mr_event_row *v; /* [PIECE] */
    int64_t t0_ns, t1_ns, c0, c1;
    double dx_m, x0_m; /* of a channel, and of channel 0 */
    uint64_t n;        /* events */
} map;

bool mr_is_events(const char *path)
{
    mr_table_file *f = NULL;
    const bool yes = mr_table_open(path, &mr_event_table, &f) == MR_OK;
    if (!yes) mr_error_clear();
    mr_table_close(f);
    return yes;
}

/* Calls f for every event. */
static mr_status each(map *m, void (*f)(map *m, const mr_event_row *e, void *arg), void *arg)
{
    mr_status st = MR_OK;
    const uint64_t all = mr_table_rows(m->file);
    for (uint64_t i = 0; i < all; i += PIECE) {
        const size_t n = (size_t)MR_MIN((uint64_t)PIECE, all - i);
        MR_TRY(mr_table_read(m->file, i, n, m->v));
        for (size_t k = 0; k < n; k++) f(m, &m->v[k], arg);
    }
out:
    return st;
}

static void measure(map *m, const mr_event_row *e, void *arg)
{
    (void)arg;
    m->t0_ns = MR_MIN(m->t0_ns, e->start_ns);
    m->t1_ns = MR_MAX(m->t1_ns, e->end_ns);
    m->c0 = MR_MIN(m->c0, e->channel_first);
    m->c1 = MR_MAX(m->c1, e->channel_last + 1);
    if (e->channel_last <= e->channel_first || m->dx_m > 0) return;
    m->dx_m =
        (e->distance_last_m - e->distance_first_m) / (double)(e->channel_last - e->channel_first);
    m->x0_m = e->distance_first_m - (double)e->channel_first * m->dx_m;
}

/* An event into the cells: at each of its channels for as long as a cell is. */
static void pour(map *m, const mr_event_row *e, void *arg)
{
    mr_cells *cells = arg;
    const double dt = (double)(cells->t1_ns - cells->t0_ns) / (double)cells->nx;
    const bool moves = isfinite(e->velocity_m_s) && m->dx_m > 0;
    const int64_t from = moves && e->velocity_m_s < 0 ? e->channel_last : e->channel_first;
    double peak = e->peak;
    const mr_view one = {.d = &peak, .nt = 1, .nc = 1, .stride = 1};
    if (e->end_ns < cells->t0_ns || e->start_ns >= cells->t1_ns) return;
    m->n++;
    for (int64_t c = MR_MAX(e->channel_first, m->c0); c < MR_MIN(e->channel_last + 1, m->c1); c++) {
        const double late = moves ? (double)(c - from) * m->dx_m / e->velocity_m_s : 0;
        const int64_t t = e->start_ns + (int64_t)(1e9 * late);
        /* wide enough to be seen; what does not move, as long as it was on */
        const double wide = moves ? 1 : fmax(1, (double)(e->end_ns - e->start_ns) / dt);
        for (double k = -1; k <= MR_MIN(wide, (double)cells->nx); k++)
            mr_cells_add(cells, t + (int64_t)(k * dt), dt, (uint64_t)(c - m->c0), &one);
    }
}

static mr_status words_of(const map *m, const char *arg, mr_view_words *w)
{
    mr_status st = MR_OK;
    char a[40], b[40];
    MR_TRY(mr_text_add(&w->title, "%s:  %llu event%s, %.19s .. %.19s", arg,
                       (unsigned long long)m->n, m->n == 1 ? "" : "s", mr_utc_iso(m->t0_ns, a),
                       mr_utc_iso(m->t1_ns, b)));
    MR_TRY(mr_text_add(&w->unit, "peak"));
    w->t0_ns = m->t0_ns;
    w->t1_ns = m->t1_ns;
out:
    return st;
}

mr_status mr_view_events(const char *arg, const char *path, const mr_view_ask *q, mr_cells *cells,
                         mr_view_words *words)
{
    mr_status st = MR_OK;
    map m = {.t0_ns = INT64_MAX, .t1_ns = INT64_MIN, .c0 = INT64_MAX};
    MR_TRY(mr_table_open(path, &mr_event_table, &m.file));
    MR_TRY(mr_alloc(PIECE, sizeof *m.v, "events", &m.v));
    MR_TRY(each(&m, measure, NULL));
    if (m.c1 <= m.c0) {
        st = MR_RAISE(MR_EINPUT, "%s: there is no event in it", arg);
        goto out;
    }
    if (q->t1_ns > q->t0_ns) {
        m.t0_ns = q->t0_ns;
        m.t1_ns = q->t1_ns;
        m.c0 = 0; /* all that is shown beside it */
        m.c1 = (int64_t)q->c1;
    } else if (q->time) {
        MR_TRY(mr_view_time(q->time, &m.t0_ns, &m.t1_ns));
    }
    if (q->channels || q->t1_ns > q->t0_ns) {
        m.c0 = MR_MAX(m.c0, (int64_t)q->c0);
        m.c1 = MR_MIN(m.c1, (int64_t)q->c1);
    }
    if (m.c0 >= m.c1) {
        st = MR_RAISE(MR_ECONFIG, "--channels %s: there is no event on them", q->channels);
        goto out;
    }
    const double least = (double)(m.t1_ns - m.t0_ns) / MR_PICTURE_NX;
    MR_TRY(mr_cells_init(cells, m.t0_ns, m.t1_ns, MR_MAX(least, 1.0), (uint64_t)(m.c1 - m.c0),
                         m.x0_m + (double)m.c0 * m.dx_m, m.dx_m));
    MR_TRY(each(&m, pour, cells));
    MR_TRY(words_of(&m, arg, words));
out:
    mr_table_close(m.file);
    free(m.v);
    return st;
}
