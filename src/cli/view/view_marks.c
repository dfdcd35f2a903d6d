/* cli/view/view_marks.c: events and picks of an output folder, where they are on a panel of time x
 * distance. */
#include <math.h>
#include <stdlib.h>
#include "cli/view/view.h"

enum { PIECE = 1024 };

typedef struct marking {
    const mr_cells *cells;
    mr_marks *to;
    uint8_t *seen; /* [ny][nx] a pick is there */
} marking;

static double along(const mr_cells *c, double t_ns)
{
    return (t_ns - (double)c->t0_ns) / (double)(c->t1_ns - c->t0_ns);
}

/* Each channel lies in the middle of its row. */
static double up(const mr_cells *c, double distance_m, int64_t channel)
{
    const double at = c->dx_m != 0 ? (distance_m - c->x0_m) / c->dx_m : (double)channel;
    return (at + 0.5) / (double)(c->ny * c->per_cell);
}

static mr_status mark_pick(void *arg, const void *row)
{
    const marking *k = arg;
    const mr_pick_row *r = row;
    const mr_cells *c = k->cells;
    const double x = along(c, (double)r->start_ns), y = up(c, r->distance_m, r->channel);
    if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return MR_OK;
    uint8_t *seen = &k->seen[(size_t)(y * (double)c->ny) * c->nx + (size_t)(x * (double)c->nx)];
    if (*seen) return MR_OK;
    *seen = 1;
    const mr_mark m = {
        .x0 = x, .y0 = y, .x1 = along(c, (double)r->end_ns), .y1 = y, .kind = MR_MARK_PICK};
    return mr_marks_add(k->to, &m);
}

/* What does not move along the fibre: a box from its start to its end. */
static mr_status mark_still(const marking *k, const mr_event_row *r, double first, double last)
{
    mr_status st = MR_OK;
    const double a = along(k->cells, (double)r->start_ns), b = along(k->cells, (double)r->end_ns);
    const double half = 0.5 / (double)(k->cells->ny * k->cells->per_cell);
    const double y0 = fmin(first, last) - half, y1 = fmax(first, last) + half;
    const double side[4][4] = {{a, y0, a, y1}, {b, y0, b, y1}, {a, y0, b, y0}, {a, y1, b, y1}};
    for (int i = 0; i < 4; i++)
        MR_TRY(mr_marks_add(k->to, &(mr_mark){.x0 = side[i][0],
                                              .y0 = side[i][1],
                                              .x1 = side[i][2],
                                              .y1 = side[i][3],
                                              .kind = MR_MARK_EVENT}));
out:
    return st;
}

/* From its first channel to its last, as its velocity has it. */
static mr_status mark_event(void *arg, const void *row)
{
    const marking *k = arg;
    const mr_event_row *r = row;
    const mr_cells *c = k->cells;
    const double first = up(c, r->distance_first_m, r->channel_first),
                 last = up(c, r->distance_last_m, r->channel_last);
    const double x = along(c, (double)r->start_ns);
    double late = 0; /* at the other end */
    if (isfinite(r->velocity_m_s) && r->velocity_m_s != 0)
        late = 1e9 * fabs((r->distance_last_m - r->distance_first_m) / r->velocity_m_s);
    const double end = along(c, (double)r->start_ns + late);
    const bool down = r->velocity_m_s < 0;
    const mr_mark m = {
        .x0 = down ? end : x, .y0 = first, .x1 = down ? x : end, .y1 = last, .kind = MR_MARK_EVENT};
    if (fmin(m.x0, m.x1) > 1 || fmax(m.x0, m.x1) < 0) return MR_OK;
    const mr_status st =
        isfinite(r->velocity_m_s) ? mr_marks_add(k->to, &m) : mark_still(k, r, first, last);
    if (st != MR_OK) return st;
    const double part = r->channel_last > r->channel_first
                            ? (double)(r->peak_channel - r->channel_first) /
                                  (double)(r->channel_last - r->channel_first)
                            : 0;
    const mr_mark peak = {.x0 = along(c, (double)r->peak_ns),
                          .y0 = first + part * (last - first),
                          .x1 = along(c, (double)r->peak_ns),
                          .y1 = first + part * (last - first),
                          .kind = MR_MARK_PEAK};
    return mr_marks_add(k->to, &peak);
}

/* Calls f for every row of a file's table. */
static mr_status each(const char *path, const mr_table *of,
                      mr_status (*f)(void *arg, const void *row), void *arg)
{
    mr_status st = MR_OK;
    mr_table_file *file = NULL;
    char *v = NULL;
    MR_TRY(mr_table_open(path, of, &file));
    MR_TRY(mr_alloc(PIECE, of->size, "a table", &v));
    const uint64_t all = mr_table_rows(file);
    for (uint64_t i = 0; i < all; i += PIECE) {
        const size_t n = (size_t)MR_MIN((uint64_t)PIECE, all - i);
        MR_TRY(mr_table_read(file, i, n, v));
        for (size_t k = 0; k < n; k++) MR_TRY(f(arg, v + k * of->size));
    }
out:
    mr_table_close(file);
    free(v);
    return st;
}

mr_status mr_view_marks(const char *folder, const mr_cells *cells, mr_marks *out)
{
    mr_status st = MR_OK;
    mr_strs lanes = {0};
    mr_text path = {0};
    marking k = {.cells = cells, .to = out};
    if (!mr_has_events(folder)) {
        st = MR_RAISE(MR_EINPUT, "--events %s: it is no output folder with events.h5", folder);
        goto out;
    }
    MR_TRY(mr_alloc(cells->nx * cells->ny, 1, "marks of a picture", &k.seen));
    MR_TRY(mr_view_lanes(folder, &lanes));
    for (size_t i = 0; i < lanes.n; i++) MR_TRY(each(lanes.v[i], &mr_pick_table, mark_pick, &k));
    MR_TRY(mr_text_add(&path, "%s/events.h5", folder));
    MR_TRY(each(path.s, &mr_event_table, mark_event, &k));
out:
    mr_strs_fini(&lanes);
    mr_text_fini(&path);
    free(k.seen);
    return st;
}
