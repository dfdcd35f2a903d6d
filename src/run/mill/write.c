/* run/mill/write.c: the writer thread: output blocks into the lane's .part file, commit with its
 * last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utc.h"
#include "out/product/kinds.h"
#include "run/folder/said.h"
#include "run/mill/inside.h"
#include "run/piece/piece.h"
#include "run/over/seen.h"

/** The lane's inputs in words. */
static mr_status describe_inputs(const mr_plan *p, const mr_lane *l, mr_text *inputs)
{
    mr_status st = MR_OK;
    const mr_span *sp = &p->spans.span[l->span];
    char t0[40], name[300];
    size_t first, n;
    mr_span_legs(&p->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *q = &p->spans.leg[i];
        mr_printable(mr_base_name(mr_catalog_path(p->cat, q->file)), name, sizeof name);
        MR_TRY(mr_text_add(inputs, "%s %lld %s skip %llu\n", name,
                           (long long)p->cat->rows[q->file].size, mr_utc_iso(q->t_ns, t0),
                           (unsigned long long)q->skip));
    }
out:
    return st;
}

static mr_status create(mr_mill *m, mr_job *j, uint64_t rows)
{
    mr_status st = MR_OK;
    const mr_plan *p = m->plan;
    const mr_lane *l = j->lane;
    const mr_array *a = &p->arrays[l->array];
    const mr_geom *g = mr_chain_out(a->chain);
    int64_t *time = NULL, from_ns, to_ns;
    mr_text chain = {0}, inputs = {0};
    mr_strs ledger = {0};
    if (!j->spool) {
        MR_TRY(mr_alloc(rows, sizeof *time, "the time axis", &time));
        mr_lane_times(p, l, time);
    }
    mr_said_times(p, l, &from_ns, &to_ns);
    MR_TRY(mr_chain_brief(a->chain, &chain));
    MR_TRY(describe_inputs(p, l, &inputs));
    MR_TRY(mr_lane_ledger(p, l, &ledger));
    const mr_lane_spec spec = {.folder = m->folder,
                               .rel = l->rel,
                               .attempt = m->attempt,
                               .rows = rows,
                               .nc = l->c1 - l->c0,
                               .time_ns = time,
                               .t0_ns = l->t0_ns,
                               .t1_ns = l->t1_ns,
                               .from_ns = from_ns,
                               .to_ns = to_ns,
                               .distance_m = a->distance_m + l->c0,
                               .rate_hz = mr_array_out_rate(a),
                               .gauge_m = g->gauge_m,
                               .dx_m =
                                   a->nc > 1 && a->even ? g->dx_m * (double)a->sel.step : g->dx_m,
                               .quantity = g->quantity,
                               .unit = g->unit,
                               .title = p->cfg->title ? p->cfg->title : "",
                               .chain = chain.s ? chain.s : "",
                               .inputs = inputs.s ? inputs.s : "",
                               .ledger = (const char *const *)ledger.v,
                               .n_ledger = ledger.n,
                               .latitude = a->lat ? a->lat + l->c0 : NULL,
                               .longitude = a->lon ? a->lon + l->c0 : NULL,
                               .elevation = a->elev ? a->elev + l->c0 : NULL,
                               .deflate = p->cfg->deflate,
                               .shape = mr_array_shape(a),
                               .series = a->series,
                               .plan = p->digest,
                               .lane = l->key};
    MR_TRY(mr_lane_create(&spec, &j->file));
out:
    free(time);
    mr_text_fini(&chain);
    mr_text_fini(&inputs);
    mr_strs_fini(&ledger);
    return st;
}

static mr_status commit(mr_mill *m, mr_job *j)
{
    mr_status st = MR_OK;
    mr_lane_result row = {.number = j->number};
    bool adopted;
    mr_text lines = {0};
    if (m->plan->cfg->strict && j->losses.n)
        return MR_RAISE(MR_EINPUT, "--strict: %s: %s",
                        mr_catalog_path(m->plan->cat, j->losses.v[0].file), j->losses.v[0].note);
    mr_mutex_lock(m->gate);
    for (size_t i = 0; st == MR_OK && i < j->losses.n; i++)
        st = mr_losses_add(&m->losses, &j->losses.v[i]);
    mr_mutex_unlock(m->gate);
    MR_TRY(st);
    if (m->may_publish) MR_TRY(m->may_publish(m->may_arg));
    MR_TRY(mr_job_inputs(m, j, &lines));
    MR_TRY(mr_seen_of_lane(m, j, &lines));
    if (j->file) { /* with output.folder null: there is none */
        MR_TRY(mr_lane_inputs(j->file, &lines));
        mr_lane_file *f = j->file;
        j->file = NULL;
        MR_TRY(mr_lane_commit(f, &row.digest, &adopted));
    }
    MR_TRY(mr_grow(&m->result, &m->cap_results, m->n_results + 1, sizeof row, "the results"));
    m->result[m->n_results++] = row;
out:
    mr_text_fini(&lines);
    return st;
}

/** The rows of a table, when all are there. */
static mr_status write_table(mr_mill *m, mr_job *j)
{
    mr_status st = MR_OK;
    enum { PIECE = 4096 };
    mr_pick_row *v = NULL;
    const uint64_t n = mr_spool_bytes(j->spool) / sizeof *v;
    MR_TRY(mr_alloc(PIECE, sizeof *v, "rows", &v));
    MR_TRY(create(m, j, n));
    for (uint64_t i = 0; i < n; i += PIECE) {
        const size_t some = (size_t)MR_MIN((uint64_t)PIECE, n - i);
        MR_TRY(mr_spool_read(j->spool, i * sizeof *v, some * sizeof *v, v));
        MR_TRY(mr_lane_append(j->file, v, some));
    }
out:
    free(v);
    return st;
}

static mr_status append(mr_mill *m, mr_out_block *b)
{
    mr_status st = MR_OK;
    mr_job *j = b->job;
    const mr_row_shape shape = mr_array_shape(&m->plan->arrays[j->lane->array]);
    if (!mr_product_of(&shape)->counted) {
        MR_TRY(mr_picks_spool(m->plan, m->folder, b));
        if (b->last) MR_TRY(write_table(m, j));
        goto out;
    }
    if (!j->file) MR_TRY(create(m, j, (uint64_t)(j->lane->rows.b - j->lane->rows.a)));
    MR_TRY(mr_lane_append(j->file, b->data, b->rows));
    if (shape.count_axes) {
        size_t counts_at;
        (void)mr_shape_block(&shape, b->rows, j->lane->c1 - j->lane->c0, &counts_at);
        MR_TRY(
            mr_lane_counts(j->file, (const void *)((char *)b->data + counts_at), b->row, b->rows));
    }
out:
    return st;
}

static mr_status write_block(mr_mill *m, mr_out_block *b)
{
    mr_status st = MR_OK;
    mr_job *j = b->job;
    if (!m->plan->cfg->nowhere) MR_TRY(append(m, b));
    mr_pool_give(m->outs, b->data);
    b->data = NULL;
    if (b->last) MR_TRY(commit(m, j));
out:
    if (st != MR_OK) mr_note("lane %s", j->lane->rel);
    return st;
}

mr_status mr_writer_loop(void *mill, MR_UNUSED mr_future *self)
{
    mr_mill *m = mill;
    mr_status st = MR_OK;
    void *entry;
    while ((st = mr_queue_pop(m->done, &entry, -1)) == MR_OK) {
        mr_out_block *b = entry;
        const double t0 = mr_now(), cpu0 = mr_now_cpu();
        st = write_block(m, b);
        if (b->data) mr_pool_give(m->outs, b->data);
        free(b->picks);
        if (b->last) mr_mill_over(m, b->job);
        free(b);
        mr_queue_done(m->done);
        mr_mutex_lock(m->gate);
        m->t.write_s += mr_now() - t0;
        m->t.write_cpu_s += mr_now_cpu() - cpu0;
        mr_mutex_unlock(m->gate);
        if (st != MR_OK) break;
    }
    if (st == MR_ECLOSED) st = MR_OK;
    if (st != MR_OK) mr_mill_fail(m, st, mr_error());
    return st;
}
