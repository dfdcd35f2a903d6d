/* run/mill/read.c: the reader threads: intake after intake, in the order they will be computed,
 * from the files that hold them. A file that fails becomes NaN, listed; it never ends the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/mill/even.h"

/** One call of mr_raw_read: where its rows stand, for what it loses. */
typedef struct request {
    mr_mill *m;
    mr_job *job;
    mr_intake *intake;
    uint32_t file;
    int64_t raw0; /* raw grid index of the request's first row */
    bool again;   /* what is lost now is not damaged, it could not be read */
    mr_status st;
} request;

static void lost(void *arg, mr_slab rows, mr_slab chans, const char *why)
{
    request *q = arg;
    mr_intake *s = q->intake;
    const mr_plan *p = q->m->plan;
    const mr_span *sp = &p->spans.span[q->job->lane->span];
    mr_status st =
        mr_grow(&s->holes, &s->cap_holes, s->n_holes + 1, sizeof *s->holes, "lost ranges");
    if (st == MR_OK) {
        const mr_slab at = {q->raw0 + rows.a, q->raw0 + rows.b};
        mr_loss row = {.file = q->file,
                       .again = q->again,
                       .t0_ns = mr_span_time(&p->spans, sp, at.a, 1),
                       .t1_ns = mr_span_time(&p->spans, sp, at.b, 1)};
        s->holes[s->n_holes++] = (mr_hole){at, chans};
        snprintf(row.note, sizeof row.note, "%.90s; channels %lld..%lld as selected became NaN",
                 why, (long long)chans.a, (long long)chans.b);
        mr_mutex_lock(q->m->gate);
        st = mr_losses_add(&q->job->losses, &row);
        mr_mutex_unlock(q->m->gate);
    }
    if (st != MR_OK) q->st = st;
}

mr_status mr_job_inputs(const mr_mill *m, mr_job *j, mr_text *lines)
{
    mr_status st = MR_OK;
    const mr_lane *l = j->lane;
    const mr_span *sp = &m->plan->spans.span[l->span];
    const int64_t k0 = sp->index0;
    MR_TRY(mr_losses_print(m->plan->cat, &j->losses, lines));
    for (size_t i = 0; i < j->n_legs; i++) {
        const mr_leg *q = &m->plan->spans.leg[j->first_leg + i];
        const int64_t a = MR_MAX(l->raw.a, k0 + q->k);
        const int64_t b = MR_MIN(l->raw.b, k0 + q->k + (int64_t)q->n);
        const mr_catalog *c = m->plan->cat; /* rows count from the dataset's first valid one */
        const uint64_t from = c->rows[q->file].row0 - mr_catalog_row0(c, q->file);
        mr_slab rows = {a - k0 - q->k + (int64_t)q->skip, b - k0 - q->k + (int64_t)q->skip};
        if (sp->axis == MR_AXIS_GRID)
            rows = mr_span_rows(&m->plan->spans, sp, j->first_leg + i, (mr_slab){a, b});
        const mr_input_line line = {.row = (uint64_t)rows.a + from,
                                    .rows = (uint64_t)(rows.b - rows.a),
                                    .sel = mr_read_channels(m, l),
                                    .sum = j->leg[i].sum,
                                    .t0_ns = mr_span_time(&m->plan->spans, sp, a, 1),
                                    .known = !j->leg[i].failed,
                                    .name = mr_base_name(mr_catalog_path(m->plan->cat, q->file))};
        MR_TRY(mr_inputs_line(lines, &line));
    }
out:
    return st;
}

/** Rows of a file to read at once: what was just read is still in the second cache when its digest
 * is taken. Other storage than whole rows side by side has pieces of its own. */
static uint64_t rows_at_once(const mr_store *s, size_t row_bytes)
{
    enum { HOT = 512 << 10 };
    if (s->storage == MR_ST_CHUNKED || !s->time_first) return UINT64_MAX;
    return MR_MAX((uint64_t)HOT / row_bytes, (uint64_t)1);
}

/** Read rows [raw.a, raw.b), all in one leg, into the intake. */
static mr_status read_leg(mr_mill *m, mr_job *j, mr_intake *s, const mr_leg *leg, mr_slab raw,
                          mr_open_input *f)
{
    const mr_array *a = &m->plan->arrays[j->lane->array];
    const mr_store *store = &m->plan->cat->facts[m->plan->cat->rows[leg->file].form].store;
    const int64_t k0 = m->plan->spans.span[j->lane->span].index0;
    const mr_chsel sel = mr_read_channels(m, j->lane);
    char *dst = s->buf + (size_t)(raw.a - s->raw.a) * a->row_bytes;
    const uint64_t row = (uint64_t)(raw.a - k0 - leg->k) + leg->skip;
    const uint64_t n = (uint64_t)(raw.b - raw.a), some = rows_at_once(store, a->row_bytes);
    request q = {.m = m, .job = j, .intake = s, .file = leg->file, .raw0 = raw.a};
    mr_rows_sum sum = {0};
    mr_status st = mr_read_open(m, leg->file, f);
    for (uint64_t at = 0, k; st == MR_OK && at < n; at += k) {
        char *to = dst + at * a->row_bytes;
        k = MR_MIN(some, n - at);
        q.raw0 = raw.a + (int64_t)at;
        st = mr_raw_read(f->raw, row + at, k, &sel, to, a->row_bytes, lost, &q);
        if (st == MR_OK)
            mr_rows_add(&sum, to, row + at, k, (size_t)sel.n * store->dtype.size, a->row_bytes);
    }
    if (st == MR_EINPUT) {
        char why[MR_NOTE_MAX];
        snprintf(why, sizeof why, "%s", mr_error());
        mr_close_input(f);
        q.again = true;
        q.raw0 = raw.a;
        memset(dst, 0, (size_t)n * a->row_bytes);
        lost(&q, (mr_slab){0, (int64_t)n}, (mr_slab){0, (int64_t)sel.n}, why);
        st = MR_OK;
    }
    if (st == MR_OK) mr_read_note(m, j, (size_t)(leg - m->plan->spans.leg), q.again, &sum);
    return st != MR_OK ? st : q.st;
}

static mr_status read_intake(mr_mill *m, mr_job *j, mr_intake *s, mr_open_input *f)
{
    mr_status st = MR_OK;
    const mr_spans *spans = &m->plan->spans;
    const mr_span *sp = &spans->span[j->lane->span];
    size_t first, n;
    if (sp->axis == MR_AXIS_GRID) return mr_read_even(m, j, s, f);
    mr_span_legs(spans, sp, s->raw.a - sp->index0, s->raw.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *p = &spans->leg[i];
        const mr_slab raw = {MR_MAX(s->raw.a, sp->index0 + p->k),
                             MR_MIN(s->raw.b, sp->index0 + p->k + (int64_t)p->n)};
        MR_TRY(read_leg(m, j, s, p, raw, f));
    }
out:
    return st;
}

/** A buffer. Who must wait for one is ahead of the computing and gives way to it: a reader that
 *  wakes takes the core of a member that all others wait for at the end of a block. Who need not is
 *  what they wait for. */
static mr_status take_buffer(mr_mill *m, bool *gave_way, void **buf)
{
    mr_status st = mr_pool_take(m->intakes, buf, 0);
    const bool wait = st == MR_ETIMEOUT;
    if (wait != *gave_way && mr_thread_give_way(wait)) *gave_way = wait;
    return wait ? mr_pool_take(m->intakes, buf, -1) : st;
}

/** Next intake to read, with a buffer; NULL when the mill is closing. Readers come here one by one,
 * so buffers go to intakes in order. */
static mr_status next_intake(mr_mill *m, bool *gave_way, mr_job **job, mr_intake **intake)
{
    mr_status st = MR_OK;
    void *buf;
    *intake = NULL;
    mr_mutex_lock(m->order);
    mr_mutex_lock(m->gate);
    while (!m->closing && m->failed == MR_OK && !m->first) mr_mutex_wait(m->gate, -1);
    *job = m->failed == MR_OK ? m->first : NULL;
    mr_mutex_unlock(m->gate);
    if (!*job) goto out;
    MR_TRY(take_buffer(m, gave_way, &buf));
    mr_mutex_lock(m->gate);
    *intake = &(*job)->intake[(*job)->next_read++];
    (*intake)->buf = buf;
    if ((*job)->next_read == (*job)->n_intakes) {
        m->first = (*job)->next;
        if (!m->first) m->last = NULL;
    }
    mr_mutex_unlock(m->gate);
out:
    mr_mutex_unlock(m->order);
    return st;
}

mr_status mr_reader_loop(void *mill, MR_UNUSED mr_future *self)
{
    mr_mill *m = mill;
    mr_status st = MR_OK;
    mr_open_input f = {0};
    mr_job *job;
    mr_intake *intake;
    bool gave_way = false;
    for (;;) {
        MR_TRY(next_intake(m, &gave_way, &job, &intake));
        if (!intake) break;
        const double t0 = mr_now(), cpu0 = mr_now_cpu();
        MR_TRY(read_intake(m, job, intake, &f));
        mr_mutex_lock(m->gate);
        m->t.read_s += mr_now() - t0;
        m->t.read_cpu_s += mr_now_cpu() - cpu0;
        m->raw_bytes +=
            (uint64_t)(intake->raw.b - intake->raw.a) * m->plan->arrays[job->lane->array].row_bytes;
        intake->ready = true;
        if (m->awaited == intake) mr_mutex_wake(m->gate);
        mr_mutex_unlock(m->gate);
    }
out:
    mr_close_input(&f);
    if (st == MR_ECLOSED) st = MR_OK; /* the mill is being left: nobody wants the intake */
    if (st != MR_OK) mr_mill_fail(m, st, mr_error());
    return st;
}
