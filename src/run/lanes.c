/* run/lanes.c: the lanes of a run, shared out over the ranks: each claims one, computes it block by
 * block, and claims the next. Part of run/run.c's main path. */
#include <stdlib.h>
#include <string.h>
#include "ops/kernels/simd.h"
#include "run/told/glance.h"
#include "run/told/told.h"
#include "run/told/stop.h"

/** Asking the kernel for the memory in use takes 0.4 ms, in which the team sleeps: not at every
 * block. */
#define WEIGH_EVERY_S 0.2

static mr_status still_ours(void *lock)
{
    return mr_lock_check(lock);
}

/** Tell the others where we are, hear whether anybody wants to stop. */
static bool report_in(mr_run_state *r, bool failed)
{
    bool stop = false;
    const bool want = failed || mr_stop_wanted() > 0;
    const mr_so_far now = mr_mill_so_far(r->mill);
    r->tally.bytes = now.raw_bytes;
    r->tally.wait_read_s = now.t.wait_read_s;
    r->tally.wait_write_s = now.t.wait_out_s;
    r->tally.losses = now.n_losses;
    if (mr_server_poll(r->server, &r->tally, want, &stop) != MR_OK) stop = true;
    if (mr_run_first(r)) {
        mr_tally sum;
        mr_server_total(r->server, &sum);
        mr_progress_tick(&r->progress, &sum, mr_comm_size(r->comm));
        mr_told_lanes(r, &sum);
    }
    if (mr_now() - r->weighed >= WEIGH_EVERY_S) {
        r->peak_bytes = MR_MAX(r->peak_bytes, mr_memory_now());
        r->weighed = mr_now();
    }
    return stop || want;
}

/** The next lane, handed to the readers; *job stays NULL when there are no more. */
static mr_status claim(mr_run_state *r, mr_job **job)
{
    uint64_t i;
    const mr_status st = mr_server_claim(r->server, &i);
    if (st == MR_ECLOSED) {
        r->stopped = r->stopped || mr_server_stopping(r->server);
        return MR_OK;
    }
    if (st != MR_OK) return st;
    return mr_mill_feed(r->mill, (size_t)r->todo[i], job);
}

/** This rank's share of the lanes. One lane is in hand; the next is claimed as soon as the readers
 *  have nothing left to read of it. */
static mr_status work(void *arg)
{
    mr_status st = MR_OK;
    mr_run_state *r = arg;
    mr_job *job = NULL, *next = NULL;
    bool more = true;
    MR_TRY(claim(r, &job));
    while (job) {
        const mr_lane *l = mr_job_lane(job);
        const size_t n = mr_lane_blocks(r->plan, l);
        for (size_t i = 0; i < n; i++) {
            MR_TRY(mr_mill_await(r->mill, job, i)); /* with the last block readers have all */
            do r->stopped = report_in(r, false);    /* may have waited for long */
            while (mr_told_paused(r));
            if (r->stopped) goto out;
            if (more && !next && !mr_stop_wanted() && mr_mill_hungry(r->mill)) {
                MR_TRY(claim(r, &next));
                more = next != NULL;
            }
            const bool last = i + 1 == n;
            mr_job *j = job;
            if (last) job = NULL; /* the writer ends it */
            MR_TRY(mr_mill_block(r->mill, j, i, last));
            r->tally.blocks++;
            const mr_slab out = mr_lane_block(r->plan, l, i);
            const mr_array *a = &r->plan->arrays[l->array];
            r->tally.samples +=
                (uint64_t)((double)(out.b - out.a) * a->in.rate_hz / mr_chain_rate(a->chain)) *
                (l->c1 - l->c0);
            r->stopped = report_in(r, false);
            if (r->stopped) goto out;
        }
        r->tally.lanes++;
        job = next;
        next = NULL;
        if (!job && more) MR_TRY(claim(r, &job));
    }
out:
    if (st != MR_OK) report_in(r, true);
    while (st == MR_OK && mr_mill_flush(r->mill, 0.1) == MR_ETIMEOUT) report_in(r, false);
    const mr_status end = mr_mill_end(r->mill, st != MR_OK || job || next);
    return end != MR_OK ? end : st;
}

/** This rank has done its share; others may not. */
static void wait_on(void *arg)
{
    (void)report_in(arg, false);
}

mr_status mr_run_lanes(mr_run_state *r)
{
    mr_status st = MR_OK;
    if (mr_run_first(r) && mr_simd_slow())
        mr_log(MR_WARN,
               "filters and transforms will take about 30 times as long, for the same bits: this "
               "processor has no fused multiply-add (or MILLRACE_SIMD=plain is set)");
    r->resumed = true;
    uint64_t blocks = 0;
    for (size_t i = 0; i < r->n_todo; i++)
        blocks += mr_lane_blocks(r->plan, &r->plan->lanes[r->todo[i]]);
    mr_progress_end(&r->progress); /* the survey's */
    MR_TRY(mr_progress_init(r->o->progress, blocks, &r->progress));
    if (mr_run_first(r)) mr_progress_start(&r->progress);
    mr_told_phase(r, MR_RUNNING);
    if (mr_run_first(r) && r->n_todo) /* until all lanes are done */
        st = r->follow ? mr_unfinished_mark(r->cfg->folder) : mr_master_remove(r->cfg->folder);
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_server_start(r->comm, r->n_todo, &r->server, &r->dynamic));
    if (r->n_todo) {
        st = mr_mill_new(r->plan, r->cfg->folder, r->attempt, still_ours, r->lock, &r->mill);
        MR_TRY(mr_agree(r->comm, st));
        if (mr_run_first(r) && r->o->live) mr_mill_show(r->mill, mr_glance_block, r);
        st = mr_mill_lead(r->mill, work, r);
        mr_barrier_meanwhile(r->comm, 0.1, wait_on, r); /* still hears whoever wants to stop */
        r->seen.next = 0;
        wait_on(r);
    }
out:
    st = mr_agree(r->comm, st == MR_OK && r->stopped ? MR_STOPPED : st);
    mr_server_end(r->server);
    r->server = NULL;
    mr_progress_end(&r->progress);
    return st;
}
