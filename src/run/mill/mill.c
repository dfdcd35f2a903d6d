/* run/mill/mill.c: set the pipeline up, feed it lanes, take it down. */
#include "run/mill/inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run/piece/piece.h"

mr_status mr_mill_new(const mr_plan *p, const char *folder, const char *attempt,
                      mr_may_publish_fn may_publish, void *arg, mr_mill **out)
{
    mr_status st = MR_OK;
    mr_mill *m = NULL;
    const mr_memory_plan *mem = &p->mem;
    const int readers = p->cfg->io_threads;
    MR_TRY(mr_alloc(1, sizeof *m, "the pipeline", &m));
    m->plan = p;
    m->folder = folder;
    m->attempt = attempt;
    m->may_publish = may_publish;
    m->may_arg = arg;
    m->threads = mem->threads;
    MR_TRY(mr_mutex_new("order", &m->order));
    MR_TRY(mr_mutex_new("gate", &m->gate));
    MR_TRY(mr_team_new("team", &m->team));
    MR_TRY(mr_pool_new("intakes", mem->n_intakes, mem->intake_bytes, &m->intakes));
    MR_TRY(mr_pool_new("outs", mem->n_outs, mem->out_bytes, &m->outs));
    MR_TRY(mr_queue_new("done", mem->n_outs + 2, &m->done));
    MR_TRY(mr_big_alloc((size_t)m->threads * mem->work_bytes, "tiles", &m->work));
    for (size_t i = 0; i < 2; i++)
        if (mem->mid_bytes[i]) MR_TRY(mr_big_alloc(mem->mid_bytes[i], "a block", &m->mid[i]));
    if (mem->state_bytes) MR_TRY(mr_big_alloc(mem->state_bytes, "filter states", &m->state));
    if (mem->shared_bytes) MR_TRY(mr_big_alloc(mem->shared_bytes, "sources", &m->shared));
    MR_TRY(mr_alloc((size_t)readers, sizeof(mr_future *), "readers", &m->reader_task));
    MR_TRY(mr_crew_new("reader", readers, &m->readers));
    for (int i = 0; i < readers; i++)
        MR_TRY(mr_crew_submit(m->readers, mr_reader_loop, m, &m->reader_task[i]));
    MR_TRY(mr_crew_new("writer", 1, &m->writer));
    MR_TRY(mr_crew_submit(m->writer, mr_writer_loop, m, &m->writer_task));
    *out = m;
    m = NULL;
out:
    if (m) mr_mill_end(m, true);
    mr_mill_free(m);
    return st;
}

mr_status mr_mill_feed(mr_mill *m, size_t number, mr_job **out)
{
    mr_status st = MR_OK;
    mr_job *j = NULL;
    mr_slab_list list = {0};
    const mr_lane *l = &m->plan->lanes[number];
    const mr_array *a = &m->plan->arrays[l->array];
    MR_TRY(mr_lane_intakes(m->plan, l, &list));
    MR_TRY(mr_alloc(1, sizeof *j, "a lane", &j));
    j->lane = l;
    j->number = number;
    mr_lane_tiles(m->plan, l, &j->n_tiles, &j->n_states);
    j->n_intakes = list.n;
    MR_TRY(mr_picks_begin(m->plan, j));
    MR_TRY(mr_alloc(list.n, sizeof *j->intake, "a lane's buffers", &j->intake));
    for (size_t i = 0; i < list.n; i++) j->intake[i].raw = list.v[i];
    MR_TRY(mr_alloc(j->n_tiles, sizeof *j->spoils, "a lane's tiles", &j->spoils));
    j->n_quality = MR_MAX(j->n_tiles, j->n_states);
    MR_TRY(mr_alloc(j->n_quality, sizeof *j->quality, "a lane's tiles", &j->quality));
    for (size_t i = 0; i < j->n_quality; i++)
        j->quality[i].own = mr_lane_tile_channels(m->plan, l, i);
    j->look = mr_look_of(m->plan, l);
    for (size_t i = 0; i < MR_MAX_OPS; i++) j->decided[i].to = INT64_MIN;
    const mr_span *sp = &m->plan->spans.span[l->span];
    mr_span_legs(&m->plan->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &j->first_leg,
                 &j->n_legs);
    MR_TRY(mr_alloc(j->n_legs, sizeof *j->leg, "a lane's inputs", &j->leg));
    const size_t bundles = mr_chain_bundles(a->chain);
    if (bundles) {
        MR_TRY(mr_alloc(bundles, sizeof *j->source_spoils, "a lane's sources", &j->source_spoils));
        j->n_bundles = bundles;
        MR_TRY(mr_alloc_f64(mr_chain_sources_state(a->chain), "filter states", &j->source_state));
    }
    mr_mutex_lock(m->gate);
    if (m->last)
        m->last->next = j;
    else
        m->first = j;
    m->last = j;
    j->alive = m->alive;
    m->alive = j;
    mr_mutex_wake(m->gate);
    mr_mutex_unlock(m->gate);
    *out = j;
    j = NULL;
out:
    free(list.v);
    mr_job_free(j);
    return st;
}

mr_status mr_mill_lead(mr_mill *m, mr_status (*lead)(void *arg), void *arg)
{
    return mr_team_lead(m->team, m->threads, lead, arg);
}

const mr_lane *mr_job_lane(const mr_job *j)
{
    return j->lane;
}

bool mr_mill_hungry(mr_mill *m)
{
    mr_mutex_lock(m->gate);
    const bool hungry = !m->first;
    mr_mutex_unlock(m->gate);
    return hungry;
}

mr_status mr_mill_flush(mr_mill *m, double timeout_s)
{
    return mr_queue_join(m->done, timeout_s);
}

/** Wait for the readers: all of them when they were told to leave, else as long as none has failed;
 * a failure ends what the others wait at. */
static mr_status await_readers(const mr_mill *m, bool told)
{
    const size_t most = (size_t)m->plan->cfg->io_threads;
    size_t n = 0, at;
    while (m->reader_task && n < most && m->reader_task[n]) n++;
    return told ? mr_wait_all(m->reader_task, n, -1) : mr_wait_failure(m->reader_task, n, -1, &at);
}

mr_status mr_mill_end(mr_mill *m, bool drop)
{
    mr_status st = MR_OK;
    if (m->gate) {
        mr_mutex_lock(m->gate);
        m->closing = true;
        if (drop) m->first = m->last = NULL;
        mr_mutex_wake(m->gate);
        mr_mutex_unlock(m->gate);
    }
    if (drop && m->intakes) mr_pool_close(m->intakes);
    if (m->readers) {
        st = await_readers(m, drop);
        mr_crew_free(m->readers, false);
    }
    if (m->done) mr_queue_close(m->done);
    if (m->writer) mr_crew_free(m->writer, false);
    m->readers = m->writer = NULL;
    void *left;
    while (m->done && mr_queue_left(m->done, &left)) {
        free(((mr_out_block *)left)->picks);
        free(left);
    }
    for (mr_job *j; (j = m->alive);) {
        m->alive = j->alive;
        mr_job_free(j);
    }
    double push;
    if (m->intakes) m->t.wait_intake_s = mr_pool_waited(m->intakes);
    if (m->done) mr_queue_waited(m->done, &push, &m->t.wait_done_s);
    const mr_status first = m->gate ? mr_mill_failed(m) : MR_OK;
    return first != MR_OK ? first : st;
}

void mr_mill_show(mr_mill *m, mr_glance_fn fn, void *arg)
{
    m->glance = fn;
    m->glance_arg = arg;
}

mr_so_far mr_mill_so_far(mr_mill *m)
{
    if (!m) return (mr_so_far){0};
    mr_mutex_lock(m->gate);
    const mr_so_far s = {.t = m->t, .raw_bytes = m->raw_bytes, .n_losses = m->losses.n};
    mr_mutex_unlock(m->gate);
    return s;
}

size_t mr_mill_losses(mr_mill *m, size_t most, mr_loss *v)
{
    mr_mutex_lock(m->gate);
    const mr_losses *l = &m->losses;
    const size_t n = MR_MIN(l->n, most);
    if (n) memcpy(v, l->v + (l->n - n), n * sizeof *v);
    mr_mutex_unlock(m->gate);
    return n;
}

const mr_team *mr_mill_team(const mr_mill *m)
{
    return m ? m->team : NULL;
}

mr_outcome mr_mill_outcome(const mr_mill *m)
{
    static const mr_losses none;
    static const mr_flaws nothing;
    if (!m) return (mr_outcome){.losses = &none, .seen = &nothing};
    return (mr_outcome){.lane = m->result,
                        .n = m->n_results,
                        .losses = &m->losses,
                        .seen = &m->seen,
                        .seen_lane = m->seen_lane};
}

void mr_mill_free(mr_mill *m)
{
    if (!m) return;
    if (m->readers || m->writer) (void)mr_mill_end(m, true); /* left before it was used */
    for (int i = 0; m->reader_task && i < m->plan->cfg->io_threads; i++)
        mr_future_free(m->reader_task[i]);
    mr_future_free(m->writer_task);
    free(m->reader_task);
    mr_queue_free(m->done);
    mr_pool_free(m->intakes);
    mr_pool_free(m->outs);
    mr_mutex_free(m->order);
    mr_mutex_free(m->gate);
    mr_team_free(m->team);
    mr_big_free(m->work, (size_t)m->threads * m->plan->mem.work_bytes);
    for (size_t i = 0; i < 2; i++) mr_big_free(m->mid[i], m->plan->mem.mid_bytes[i]);
    mr_big_free(m->state, m->plan->mem.state_bytes);
    mr_big_free(m->shared, m->plan->mem.shared_bytes);
    free(m->result);
    free(m->losses.v);
    free(m->seen.v);
    free(m->seen_lane);
    free(m);
}
