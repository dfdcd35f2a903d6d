/* run/mill/even.c: irregular rows become samples of an even grid as they are read: each on the line
 * between the two rows around it. Where these are further apart than a hole there is nothing. */
#include "run/mill/even.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** One intake on its way. */
typedef struct evening {
    mr_mill *m;
    mr_job *j;
    mr_intake *s;
    mr_open_input *f;
    const mr_span *sp;
    const mr_array *a;
    mr_chsel sel;
    size_t leg;            /* in hand, in the plan */
    uint64_t row;          /* of it, the first of the rows in hand */
    char *stored;          /* [most] rows as they are in the file */
    double *x;             /* [most] the same as values */
    double *last;          /* the row before them */
    bool any;              /* is there one? */
    bool again;            /* the rows in hand could not be read */
    int64_t last_ns, next; /* its time; the grid index to make */
    mr_status st;
} evening;

static const int64_t *times(const evening *e, size_t leg)
{
    return e->m->plan->spans.stamp[leg];
}

static int64_t grid_ns(const evening *e, int64_t k)
{
    return mr_index_ns(k, 1, e->sp->rate_hz);
}

static void add_hole(evening *e, mr_slab grid, mr_slab chans)
{
    mr_intake *s = e->s;
    const mr_slab at = {MR_MAX(grid.a, s->raw.a), MR_MIN(grid.b, s->raw.b)};
    if (at.a >= at.b || e->st != MR_OK) return;
    e->st = mr_grow(&s->holes, &s->cap_holes, s->n_holes + 1, sizeof *s->holes, "lost ranges");
    if (e->st == MR_OK) s->holes[s->n_holes++] = (mr_hole){at, chans};
}

/** Rows that cannot be had leave a hole from the row before them to the one behind. */
static void lost(void *arg, mr_slab rows, mr_slab chans, const char *why)
{
    evening *e = arg;
    const mr_leg *q = &e->m->plan->spans.leg[e->leg];
    const int64_t *t = times(e, e->leg), a = (int64_t)e->row + rows.a, b = (int64_t)e->row + rows.b;
    const int64_t end = b < q->rows ? t[b] : t[b - 1] + 1;
    const double rate = e->sp->rate_hz;
    mr_loss row = {.file = q->file, .again = e->again, .t0_ns = t[a], .t1_ns = end};
    mr_slab grid = {mr_grid_from(a > 0 ? t[a - 1] + 1 : t[0], rate), mr_grid_from(end, rate)};
    if (a == 0 && e->any) grid.a = mr_grid_from(e->last_ns + 1, rate);
    if (b == q->rows && e->leg + 1 < e->sp->leg0 + e->sp->n_legs)
        grid.b = mr_grid_from(times(e, e->leg + 1)[0], rate);
    add_hole(e, grid, chans);
    snprintf(row.note, sizeof row.note, "%.90s; channels %lld..%lld as selected became NaN", why,
             (long long)chans.a, (long long)chans.b);
    mr_mutex_lock(e->m->gate);
    const mr_status st = mr_losses_add(&e->j->losses, &row);
    mr_mutex_unlock(e->m->gate);
    if (e->st == MR_OK) e->st = st;
}

/** Rows [row, row + n) of the leg in hand, as values in the lead's unit. */
static mr_status take(evening *e, uint64_t row, size_t n)
{
    const mr_plan *p = e->m->plan;
    const uint32_t file = p->spans.leg[e->leg].file;
    const mr_file_info *f = &p->cat->facts[p->cat->rows[file].form];
    const size_t stride = (size_t)e->sel.n * f->store.dtype.size;
    e->row = row;
    e->again = false;
    mr_status st = mr_read_open(e->m, file, e->f);
    if (st == MR_OK) st = mr_raw_read(e->f->raw, row, n, &e->sel, e->stored, stride, lost, e);
    if (st == MR_EINPUT) {
        char why[MR_NOTE_MAX];
        snprintf(why, sizeof why, "%s", mr_error());
        mr_close_input(e->f);
        e->again = true;
        memset(e->stored, 0, n * stride);
        lost(e, (mr_slab){0, (int64_t)n}, (mr_slab){0, (int64_t)e->sel.n}, why);
        st = MR_OK;
    }
    if (st == MR_OK)
        mr_load_values(f, mr_array_factor(p, e->a, file), e->stored, stride, n, (size_t)e->sel.n,
                       e->x, (size_t)e->sel.n);
    return st != MR_OK ? st : e->st;
}

static double *sample(const evening *e, int64_t k)
{
    char *row = e->s->buf + (size_t)(k - e->s->raw.a) * e->a->row_bytes;
    return (double *)(void *)row;
}

/** The grid's samples from the row before up to this one, which is of time t. */
static void draw(evening *e, const double *x, int64_t t)
{
    const size_t nc = (size_t)e->sel.n;
    const double hole_ns =
        MR_UNEVEN_HOLE * 1e9 / mr_catalog_group(e->m->plan->cat, e->a->group)->rate_hz;
    const bool hole = e->any && (double)(t - e->last_ns) > hole_ns;
    const int64_t from = e->next;
    for (; e->next < e->s->raw.b && grid_ns(e, e->next) < t; e->next++) {
        double *y = sample(e, e->next);
        const double w =
            e->any ? (double)(grid_ns(e, e->next) - e->last_ns) / (double)(t - e->last_ns) : 1;
        for (size_t c = 0; c < nc; c++) y[c] = e->any ? e->last[c] + (x[c] - e->last[c]) * w : x[c];
    }
    /* at the very time of the row before there is a sample */
    const bool own = hole && from < e->next && grid_ns(e, from) == e->last_ns;
    if (hole) add_hole(e, (mr_slab){from + own, e->next}, (mr_slab){0, (int64_t)nc});
    memcpy(e->last, x, nc * sizeof *x);
    e->last_ns = t;
    e->any = true;
}

/** The rows of the leg in hand that grid range `grid` needs, and their share of its digest. */
static mr_status draw_leg(evening *e, mr_slab grid)
{
    mr_status st = MR_OK;
    const mr_leg *q = &e->m->plan->spans.leg[e->leg];
    const mr_slab own = mr_span_rows(&e->m->plan->spans, e->sp, e->leg, grid);
    const int64_t *t = times(e, e->leg);
    const size_t most = mr_array_even_rows(e->a);
    const uint64_t from = e->any ? 0 : mr_span_row(&e->m->plan->spans, e->sp, e->leg, grid.a);
    const size_t bytes =
        (size_t)e->sel.n *
        e->m->plan->cat->facts[e->m->plan->cat->rows[q->file].form].store.dtype.size;
    for (uint64_t r = MR_MIN(from, (uint64_t)own.a);
         r < q->rows && (e->next < grid.b || r < (uint64_t)own.b);) {
        const size_t n = (size_t)MR_MIN((uint64_t)most, (uint64_t)q->rows - r);
        MR_TRY(take(e, r, n));
        const int64_t a = MR_MAX((int64_t)r, own.a), b = MR_MIN((int64_t)(r + n), own.b);
        mr_rows_sum sum = {0};
        if (b > a)
            mr_rows_add(&sum, e->stored + (size_t)(a - (int64_t)r) * bytes, (uint64_t)a,
                        (uint64_t)(b - a), bytes, bytes);
        mr_read_note(e->m, e->j, e->leg, e->again, &sum);
        for (size_t i = 0; i < n; i++) draw(e, e->x + i * (size_t)e->sel.n, t[r + i]);
        MR_TRY(e->st);
        r += n;
    }
out:
    return st;
}

/** Up to the first row of the recording behind. */
static mr_status draw_on(evening *e, size_t next)
{
    mr_status st = MR_OK;
    e->leg = next;
    MR_TRY(take(e, 0, 1));
    draw(e, e->x, times(e, next)[0]);
    st = e->st;
out:
    return st;
}

static mr_status make_room(evening *e)
{
    mr_status st = MR_OK;
    const size_t n = mr_array_even_rows(e->a), nc = (size_t)e->sel.n;
    MR_TRY(mr_alloc(n, nc * sizeof(double), "irregular rows", &e->stored));
    MR_TRY(mr_alloc(n, nc * sizeof(double), "irregular rows", &e->x));
    MR_TRY(mr_alloc(nc, sizeof(double), "irregular rows", &e->last));
out:
    return st;
}

mr_status mr_read_even(mr_mill *m, mr_job *j, mr_intake *s, mr_open_input *f)
{
    mr_status st = MR_OK;
    const mr_spans *spans = &m->plan->spans;
    const mr_span *sp = &spans->span[j->lane->span];
    evening e = {.m = m,
                 .j = j,
                 .s = s,
                 .f = f,
                 .sp = sp,
                 .a = &m->plan->arrays[j->lane->array],
                 .sel = mr_read_channels(m, j->lane),
                 .next = s->raw.a};
    size_t first, n;
    mr_span_legs(spans, sp, s->raw.a - sp->index0, s->raw.b - sp->index0, &first, &n);
    MR_TRY(make_room(&e));
    for (size_t i = first; i < first + n && e.next < s->raw.b; i++) {
        const mr_leg *q = &spans->leg[i];
        const int64_t end = MR_MIN(s->raw.b, sp->index0 + q->k + (int64_t)q->n);
        e.leg = i;
        MR_TRY(draw_leg(&e, (mr_slab){MR_MAX(s->raw.a, sp->index0 + q->k), end}));
    }
    if (e.next < s->raw.b && first + n < sp->leg0 + sp->n_legs) MR_TRY(draw_on(&e, first + n));
    for (; e.next < s->raw.b && e.any; e.next++) /* at the time of the very last row */
        memcpy(sample(&e, e.next), e.last, (size_t)e.sel.n * sizeof(double));
out:
    free(e.stored);
    free(e.x);
    free(e.last);
    return st;
}
