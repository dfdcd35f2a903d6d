/* run/told/told.c: see told.h. */
#include "run/told/told.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "run/told/glance.h"
#include "run/told/stop.h"

#define TELL_EVERY_S 0.5

/** What the plan and what was found say. */
static void note_plan(mr_run_state *r)
{
    mr_news *n = &r->seen.news;
    const mr_account a = {.plan = r->plan, .cat = r->survey.cat};
    if (!r->plan) return;
    n->lanes = r->plan->n_lanes;
    n->lanes_done = r->resume.n_done;
    n->planned_bytes = r->plan->mem.planned_bytes;
    n->losses = mr_account_losses(&a);
}

/** What the live page has beside the status. */
static void show(mr_run_state *r)
{
    if (!r->o->live || !r->plan) return;
    if (r->seen.news.phase == MR_RUNNING) mr_glance_lanes(r);
    mr_glance_states(r);
    mr_glance_ledger(r, r->seen.lost);
}

void mr_told_phase(mr_run_state *r, mr_phase phase)
{
    if (!r->watch) return;
    if (phase == MR_RUNNING) {
        note_plan(r);
        r->seen.news.blocks = r->progress.blocks;
        r->seen.news.blocks_done = 0;
    }
    r->seen.news.phase = phase;
    if (phase >= MR_RUNNING) show(r);
    mr_watch_tell(r->watch, &r->seen.news, NULL);
}

/** Carry the wish to pause, or to go on, to all ranks. */
static void carry_pause(mr_run_state *r)
{
    const bool paused = mr_watch_paused(r->watch);
    if (!r->watch || paused == mr_server_paused(r->server)) return;
    if (!mr_server_pause(r->server, paused))
        mr_watch_no_pause(r->watch, "its lanes are dealt in advance, since this MPI takes no calls "
                                    "from threads: ranks cannot be told to pause");
}

void mr_told_lanes(mr_run_state *r, const mr_tally *sum)
{
    mr_news *n = &r->seen.news;
    uint64_t given = 0;
    if (!r->watch) return;
    carry_pause(r);
    if (mr_now() < r->seen.next) return;
    r->seen.next = mr_now() + TELL_EVERY_S;
    for (int i = 0; i < mr_comm_size(r->comm); i++)
        given = mr_server_rank(r->server, i, &r->seen.rank[i]);
    n->lanes_done = r->resume.n_done + sum->lanes;
    n->lanes_in_hand = given - MR_MIN(sum->lanes, given);
    n->blocks_done = sum->blocks;
    n->bytes = sum->bytes;
    n->samples = sum->samples;
    n->wait_read_s = sum->wait_read_s;
    n->wait_write_s = sum->wait_write_s;
    n->peak_bytes = r->peak_bytes;
    mr_watch_tell(r->watch, n, r->seen.rank);
    if (!r->o->live) return;
    mr_glance_states(r);
    if (sum->losses != r->seen.lost) mr_glance_ledger(r, sum->losses);
    r->seen.lost = sum->losses;
}

bool mr_told_paused(mr_run_state *r)
{
    static const struct timespec nap = {0, 50000000};
    carry_pause(r);
    if (!mr_server_paused(r->server) || r->stopped || mr_stop_wanted()) return false;
    nanosleep(&nap, NULL);
    return true;
}

void mr_told_end(mr_run_state *r, mr_status st)
{
    mr_news *n = &r->seen.news;
    if (!r->watch) return;
    if (r->plan && r->resumed) {
        n->lanes_done = 0;
        for (size_t i = 0; i < r->plan->n_lanes; i++) n->lanes_done += r->resume.done[i];
    }
    if (r->account.cat) n->losses = mr_account_losses(&r->account);
    n->peak_bytes = r->account.peak_bytes;
    mr_watch_tell(r->watch, n, NULL);
    mr_watch_close(r->watch, st, st == MR_OK || st == MR_LOSSES ? "" : mr_error());
    r->watch = NULL;
    free(r->seen.rank);
    r->seen.rank = NULL;
}
