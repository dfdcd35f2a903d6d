/* run/told/glance_block.c: a block of the last lane before and after, small enough to be looked at
 * while the run goes on: at most some hundred columns of some dozen channels, of each column and
 * channel the value farthest from zero. It takes a few milliseconds, when somebody looks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "run/told/glance.h"
#include "out/product/kinds.h"
#include "run/mill/inside.h"
#include "run/piece/piece.h"

enum { COLUMNS = 320, CHANNELS = 96, FEWEST = 16, PIECE = 4096, MOST = 2 << 20 };
#define SHARE 0.98 /* of the cells within the colours */

typedef struct cells {
    size_t nx, ny, per, every; /* columns, channels; rows in a column; of so many channels one */
    float *v;                  /* [ny][nx] NaN: nothing there */
} cells;

static mr_status cells_new(uint64_t rows, uint64_t nc, cells *c)
{
    const uint64_t most = MR_MAX((uint64_t)MOST / MR_MAX(rows, (uint64_t)1), (uint64_t)FEWEST);
    const uint64_t ny = MR_MIN(MR_MIN(nc, (uint64_t)CHANNELS), most);
    *c = (cells){.per = (size_t)((rows + COLUMNS - 1) / COLUMNS),
                 .every = (size_t)((nc + ny - 1) / ny)};
    c->nx = (size_t)((rows + c->per - 1) / c->per);
    c->ny = (size_t)((nc + c->every - 1) / c->every);
    const mr_status st = mr_alloc(c->nx * c->ny, sizeof *c->v, "a picture", &c->v);
    for (size_t i = 0; st == MR_OK && i < c->nx * c->ny; i++) c->v[i] = NAN;
    return st;
}

static void pour(cells *c, size_t row, size_t y, double v)
{
    float *at = &c->v[y * c->nx + row / c->per];
    if (isfinite(v) && !(fabs(v) <= fabs((double)*at))) *at = (float)v;
}

/* --- before and after ------------------------------------------------------------------------- */

/** Raw rows that the block's output stands for, without their context. */
static mr_slab raw_of(const mr_block *b)
{
    const mr_plan *p = b->m->plan;
    const mr_lane *l = b->j->lane;
    const mr_span *sp = &p->spans.span[l->span];
    if (mr_chain_reduces(b->chain)) return b->r.raw;
    const double rate = p->arrays[l->array].in.rate_hz;
    const int64_t t = mr_span_time(&p->spans, sp, b->r.raw.a, 1);
    const double from = 1e-9 * (double)(mr_lane_time(p, l, b->r.out.a) - t);
    const double to = 1e-9 * (double)(mr_lane_time(p, l, b->r.out.b - 1) - t);
    const mr_slab all = b->r.raw;
    const mr_slab s = {all.a + llround(from * rate), all.a + llround(to * rate) + 1};
    return (mr_slab){MR_MAX(s.a, all.a), MR_MIN(MR_MAX(s.b, s.a + 1), all.b)};
}

static mr_status before(const mr_block *b, mr_slab raw, cells *c)
{
    mr_status st = MR_OK;
    double *buf = NULL;
    const mr_lane *l = b->j->lane;
    MR_TRY(cells_new((uint64_t)(raw.b - raw.a), (uint64_t)(l->read.b - l->read.a), c));
    MR_TRY(mr_alloc(PIECE, sizeof *buf, "a picture", &buf));
    for (int64_t t = raw.a; t < raw.b; t += PIECE)
        for (size_t y = 0; y < c->ny; y++) {
            const mr_slab some = {t, MR_MIN(t + PIECE, raw.b)};
            mr_view x = {buf, (size_t)(some.b - some.a), 1, 1};
            mr_tile_raw(b->m, b->j, some, (uint64_t)l->read.a + y * c->every, &x);
            for (size_t i = 0; i < x.nt; i++) pour(c, (size_t)(t - raw.a) + i, y, buf[i]);
        }
out:
    free(buf);
    return st;
}

static double value(const mr_block *b, bool f64, size_t i)
{
    return f64 ? ((const double *)b->out)[i] : (double)((const float *)b->out)[i];
}

/** Samples: time along. Rows with an axis: the last row, that axis along, the first place of any
 *  before it. */
static mr_status after(const mr_block *b, uint64_t rows, const mr_row_shape *shape, cells *c)
{
    mr_status st = MR_OK;
    const size_t nc = b->nc;
    const mr_axis *along = shape->n_axes ? &shape->axis[shape->n_axes - 1] : NULL;
    const size_t n = along ? along->n : (size_t)rows;
    const size_t from = along ? (size_t)(rows - 1) * mr_shape_depth(shape) * nc : 0;
    MR_TRY(cells_new(n, nc, c));
    for (size_t i = 0; i < n; i++)
        for (size_t y = 0; y < c->ny; y++) {
            const double v = value(b, shape->f64, from + i * nc + y * c->every);
            pour(c, i, y, shape->power && v > 0 ? 10 * log10(v) : shape->power ? NAN : v);
        }
out:
    return st;
}

/* --- as text ---------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/** Colours reach from lo to hi, so that SHARE of the cells are between. */
static mr_status scale_of(const cells *c, double *lo, double *hi)
{
    mr_status st = MR_OK;
    float *v = NULL;
    size_t n = 0, negative = 0;
    MR_TRY(mr_alloc(c->nx * c->ny, sizeof *v, "a picture", &v));
    for (size_t i = 0; i < c->nx * c->ny; i++)
        if (isfinite(c->v[i])) {
            negative += c->v[i] < 0;
            v[n++] = c->v[i];
        }
    const bool both = 100 * negative > n && 100 * (n - negative) > n;
    for (size_t i = 0; both && i < n; i++) v[i] = fabsf(v[i]);
    qsort(v, n, sizeof *v, by_size);
    *hi = n ? (double)v[(size_t)(SHARE * (double)(n - 1))] : 1;
    *lo = both ? -*hi : n ? (double)v[(size_t)((1 - SHARE) * (double)(n - 1))] : 0;
    if (!(*hi > *lo)) *hi = *lo + 1;
out:
    free(v);
    return st;
}

/** A cell as two digits: 00 nothing there, 01..ff from lo to hi. */
static mr_status add_cells(mr_text *t, const cells *c, double lo, double hi)
{
    static const char digit[] = "0123456789abcdef";
    mr_status st = MR_OK;
    char row[2 * COLUMNS];
    for (size_t y = 0; y < c->ny && st == MR_OK; y++) {
        for (size_t x = 0; x < c->nx; x++) {
            const double v = (double)c->v[y * c->nx + x];
            const double at = 1 + 254 * fmin(fmax((v - lo) / (hi - lo), 0), 1);
            const unsigned k = isfinite(v) ? (unsigned)lround(at) : 0;
            row[2 * x] = digit[k >> 4];
            row[2 * x + 1] = digit[k & 15];
        }
        st = mr_text_add_bytes(t, row, 2 * c->nx);
    }
    return st;
}

/** along: "" for time, else what the axis is. */
static mr_status add_panel(mr_text *t, const char *name, const char *along, const char *unit,
                           uint64_t channel, const cells *c)
{
    mr_status st = MR_OK;
    double lo = 0, hi = 1;
    char safe[64];
    mr_printable(unit ? unit : "", safe, sizeof safe);
    for (char *p = safe; *p; p++)
        if (*p == '"' || *p == '\\') *p = '\'';
    MR_TRY(scale_of(c, &lo, &hi));
    MR_TRY(mr_text_add(t,
                       "{\"name\":\"%s\",\"along\":\"%s\",\"unit\":\"%s\",\"nx\":%zu,\"ny\":%zu,"
                       "\"per\":%zu,\"every\":%zu,\"channel\":%llu,\"lo\":%.6g,\"hi\":%.6g,"
                       "\"share\":%g,\"cells\":\"",
                       name, along, safe, c->nx, c->ny, c->per, c->every,
                       (unsigned long long)channel, lo, hi, SHARE));
    MR_TRY(add_cells(t, c, lo, hi));
    MR_TRY(mr_text_add(t, "\"}"));
out:
    return st;
}

static mr_status draw(const mr_run_state *r, const mr_block *b, uint64_t rows, mr_text *t)
{
    mr_status st = MR_OK;
    const mr_plan *p = r->plan;
    const mr_lane *l = b->j->lane;
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    const mr_row_shape shape = mr_array_shape(a);
    const mr_geom *g = mr_chain_out(a->chain);
    const mr_slab raw = raw_of(b);
    const mr_product_row *row = mr_product_of(&shape);
    const bool plain = row->counted && !row->sums;
    cells in = {0}, out = {0};
    MR_TRY(mr_text_add(t, "{\"lane\":\"%s\",\"t0\":%.3f,\"t1\":%.3f,\"panels\":[", l->rel,
                       1e-9 * (double)mr_span_time(&p->spans, sp, raw.a, 1),
                       1e-9 * (double)mr_span_time(&p->spans, sp, raw.b, 1)));
    MR_TRY(before(b, raw, &in));
    MR_TRY(add_panel(t, "before", "", a->in.unit, a->chan[l->read.a], &in));
    if (plain && rows) {
        const char *along = shape.n_axes ? shape.axis[shape.n_axes - 1].name : "";
        MR_TRY(after(b, rows, &shape, &out));
        MR_TRY(mr_text_add(t, ","));
        MR_TRY(add_panel(t, "after", along, shape.power ? "dB" : g->unit,
                         mr_array_channel(a, l->c0), &out));
    }
    MR_TRY(mr_text_add(t, "]}"));
out:
    free(in.v);
    free(out.v);
    return st;
}

void mr_glance_block(void *arg, const mr_block *b, uint64_t rows)
{
    mr_run_state *r = arg;
    mr_text t = {0};
    const mr_row_shape shape = mr_array_shape(&r->plan->arrays[b->j->lane->array]);
    if ((!rows && mr_product_of(&shape)->counted) || !mr_watch_wants_picture(r->watch)) return;
    if (draw(r, b, rows, &t) == MR_OK) {
        mr_watch_show(r->watch, MR_SHOWN_PICTURE, t.s);
        return;
    }
    mr_error_clear();
    mr_text_fini(&t);
}
