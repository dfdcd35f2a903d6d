/* run/finish.c: what comes when the lanes are over: everybody's results together, sums over ranks,
 * the files over all lanes, the report. Part of run/run.c's main path. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "report/html/html.h"
#include "run/over/ending.h"
#include "run/over/seen.h"
#include "run/told/told.h"
#include "run/told/stop.h"

/** Everybody's committed lanes and losses to everybody. */
mr_status mr_run_gather(mr_run_state *r)
{
    mr_status st = MR_OK;
    void *all = NULL, *lost = NULL;
    uint8_t *made = NULL;
    size_t *offs = NULL, *offs_lost = NULL;
    const size_t size = (size_t)mr_comm_size(r->comm);
    mr_losses losses = {0};
    const mr_outcome new = mr_mill_outcome(r->mill);
    mr_losses *mine = &r->resume.losses; /* of lanes that were there; now those of new ones, too */
    for (size_t i = 0; st == MR_OK && i < new.losses->n; i++)
        st = mr_losses_add(mine, &new.losses->v[i]);
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_allgather(r->comm, new.lane, new.n * sizeof *new.lane, &all, &offs));
    MR_TRY(mr_allgather(r->comm, mine->v, mine->n * sizeof(mr_loss), &lost, &offs_lost));
    const mr_lane_result *row = all;
    MR_TRY(mr_alloc(r->plan->n_lanes, 1, "the lanes", &made));
    for (size_t i = 0; i < offs[size] / sizeof *row; i++) {
        r->resume.done[row[i].number] = made[row[i].number] = 1;
        r->resume.digest[row[i].number] = row[i].digest;
    }
    for (size_t i = 0; i < offs_lost[size] / sizeof(mr_loss); i++)
        MR_TRY(mr_losses_add(&losses, (const mr_loss *)lost + i));
    MR_TRY(mr_losses_note(&losses, &r->plan->spans));
    MR_TRY(mr_seen_note(r->comm, r->plan, r->cfg->folder, &new, r->resume.done, made));
out:
    free(made);
    free(all);
    free(offs);
    free(lost);
    free(offs_lost);
    free(losses.v);
    return st;
}

/** Compute threads that there were; where there was nothing to compute, that there would have been.
 */
static int threads_of(const mr_run_state *r)
{
    const int n = mr_team_size(mr_mill_team(r->mill));
    return n || !r->plan ? n : r->plan->mem.threads;
}

/** Sums over ranks into the account. */
void mr_run_tally(mr_run_state *r)
{
    struct { /* doubles alone: the sum over ranks is that of all of them */
        mr_times t;
        double raw_bytes, samples;
    } sum = {.t = r->past.t};
    const mr_so_far now = mr_mill_so_far(r->mill);
    mr_times_add(&sum.t, &now.t);
    sum.raw_bytes = (double)(r->past.raw_bytes + now.raw_bytes);
    sum.samples = (double)(r->past.samples + r->tally.samples);
    double peak[] = {(double)MR_MAX(r->peak_bytes, mr_memory_now())};
    mr_sum_f64(r->comm, (double *)&sum, sizeof sum / sizeof(double));
    mr_max_f64(r->comm, peak, 1);
    r->account = (mr_account){.cfg = r->cfg,
                              .plan = r->plan,
                              .cat = r->survey.cat,
                              .done = r->resume.done,
                              .digest = r->resume.digest,
                              .n_known = r->resume.n_done - MR_MIN(r->past.made, r->resume.n_done),
                              .n_redone = r->past.redone + r->resume.n_stale,
                              .n_probed = r->past.probed + r->survey.n_probed,
                              .kept = &r->resume.left.kept,
                              .strangers = &r->resume.left.strangers,
                              .held = r->resume.left.held,
                              .n_held = r->resume.left.n_held,
                              .shrunk = &r->resume.left.shrunk,
                              .listing = &r->files,
                              .survey_s = r->past.survey_s + r->survey_s,
                              .idle_s = r->past.idle_s,
                              .t = sum.t,
                              .raw_bytes = (uint64_t)sum.raw_bytes,
                              .samples = (uint64_t)sum.samples,
                              .peak_bytes = (size_t)peak[0],
                              .ranks = mr_comm_size(r->comm),
                              .threads = threads_of(r),
                              .cores = mr_team_where(mr_mill_team(r->mill)),
                              .io_threads = r->cfg->io_threads,
                              .nodes = mr_comm_nodes(r->comm),
                              .dynamic = r->dynamic};
}

/** A stop that came when all was done stops nothing. */
static mr_status settle(const mr_run_state *r, mr_status st)
{
    size_t left = 0;
    if (!r->resumed || (st != MR_OK && st != MR_STOPPED)) return st;
    for (size_t i = 0; i < r->plan->n_lanes; i++) left += !r->resume.done[i];
    if (left == 0 && !(r->follow && st == MR_STOPPED)) return MR_OK;
    return st == MR_STOPPED ? st : MR_RAISE(MR_EBUG, "%zu lanes were left out", left);
}

mr_status mr_run_finish(mr_run_state *r, mr_status st)
{
    mr_status done = MR_OK;
    char why[1024] = "";
    if (st != MR_OK) snprintf(why, sizeof why, "%s", mr_error());
    if (r->resumed && !r->gathered) done = mr_agree(r->comm, mr_run_gather(r));
    if (done != MR_OK && st == MR_OK) return done;
    if (done == MR_OK) st = settle(r, st);
    if (st == MR_EBUG) snprintf(why, sizeof why, "%s", mr_error());
    done = MR_OK;
    mr_run_tally(r);
    mr_mill_free(r->mill); /* its buffers make room for the master file */
    r->mill = NULL;
    const double t0 = mr_now();
    if (st == MR_OK) mr_told_phase(r, MR_MERGING);
    if ((st == MR_OK || (r->follow && r->resumed && st == MR_STOPPED)) && !r->cfg->nowhere)
        done = mr_ending_write(r->comm, r->plan, &r->resume, r->cfg->folder, r->cfg->io_threads);
    if (mr_run_first(r)) {
        mr_account *a = &r->account;
        a->finish_s = r->past.finish_s + (mr_now() - t0);
        if (done == MR_OK && st == MR_OK && mr_account_losses(a)) st = MR_LOSSES;
        if (done != MR_OK) snprintf(why, sizeof why, "%s", mr_error());
        a->status = done != MR_OK ? done : st;
        a->error = why;
        a->wall_s = mr_now() - r->t0;
        mr_report_warn(a);
        const bool refused =
            st == MR_ECONFIG || st == MR_EMEM; /* the folder may be another chain's */
        const mr_status told = refused ? MR_OK : mr_report_write(a, r->cfg->folder);
        if (told == MR_OK && !refused && !r->cfg->nowhere) mr_html_beside(r->cfg->folder);
        if (done == MR_OK) done = told;
        const bool whole = done == MR_OK && (st == MR_OK || st == MR_LOSSES) && !r->cfg->nowhere;
        if (whole) done = mr_unfinished_clear(r->cfg->folder);
        if (done == MR_OK) done = st;
        if (r->todo && !r->o->quiet)
            (void)mr_report_summary(a, r->cfg->nowhere ? "nowhere (null:)" : r->cfg->folder);
        if (why[0]) mr_error_set(why);
    } else if (done == MR_OK) {
        done = st;
    }
    done = mr_agree(r->comm, done);
    return done == MR_STOPPED ? mr_stop_raise() : done;
}
