/* run/follow/follow.c: see follow.h: the rounds, and what happens between them. */
#include "run/follow/follow.h"
#include <stdlib.h>
#include <string.h>
#include "run/follow/inside.h"
#include "run/over/ending.h"
#include "run/told/stop.h"
#include "run/told/told.h"

#define REFRESH_S 10.0     /* between two master files */
#define REFRESH_SHARE 20.0 /* ... and not for more of the time than this part */
#define SLICE_S 1.0        /* all ranks meet so often */

void mr_follow_ask(void *follow)
{
    mr_follow *f = follow;
    atomic_store(&f->asked, 1);
}

void mr_follow_watched(mr_run_state *r)
{
    if (r->follow) r->follow->watch = r->watch;
}

bool mr_follow_last(const mr_run_state *r)
{
    return !r->follow || r->follow->last;
}

mr_status mr_follow_begin(mr_run_state *r)
{
    mr_status st = MR_OK;
    if (!r->o->follow) return MR_OK;
    st = mr_alloc(1, sizeof *r->follow, "following", &r->follow);
    if (st == MR_OK && r->cfg->nowhere)
        st = MR_RAISE(MR_ECONFIG, "--follow needs an output.folder");
    if (st == MR_OK) {
        r->follow->cfg = r->cfg;
        r->follow->came = mr_now();
        st = mr_known_new(&r->follow->known);
        if (st == MR_OK && mr_run_first(r))
            st = mr_whole_new(r->cfg->patience_s, &r->follow->whole);
    }
    return mr_agree(r->comm, st);
}

void mr_follow_end(mr_run_state *r)
{
    mr_follow *f = r->follow;
    if (!f) return;
    mr_whole_free(f->whole);
    mr_known_free(f->known);
    mr_lates_free(f->lates);
    mr_listing_fini(&f->list);
    free(f);
    r->follow = NULL;
}

mr_known *mr_follow_known(const mr_run_state *r)
{
    return mr_follow_last(r) ? NULL : r->follow->known;
}

mr_status mr_follow_lates(mr_run_state *r)
{
    mr_status st = MR_OK;
    mr_follow *f = r->follow;
    if (!f || !mr_run_first(r)) return MR_OK;
    if (!f->lates) MR_TRY(mr_lates_open(r->cfg->folder, &f->lates));
    MR_TRY(mr_lates_find(f->lates, r->plan, &r->survey));
    MR_TRY(mr_lates_note(f->lates, r->plan));
out:
    return st;
}

mr_status mr_follow_made(mr_run_state *r)
{
    mr_status st = MR_OK;
    const mr_outcome new = mr_mill_outcome(r->mill);
    double n = (double)new.n;
    for (size_t i = 0; !new.losses->n &&i < new.n; i++) { /* else their files say it */
        const mr_lane_result *l = &new.lane[i];
        MR_TRY(mr_known_add(r->follow->known, &r->plan->lanes[l->number], &l->digest, NULL));
    }
out:
    st = mr_agree(r->comm, st);
    if (st != MR_OK) return st;
    mr_sum_f64(r->comm, &n, 1);
    r->n_made = (size_t)n;
    mr_known_made(r->follow->known, r->n_made);
    return MR_OK;
}

static bool refresh_due(const mr_follow *f)
{
    return f->dirty && mr_now() - f->refreshed >= MR_MAX(REFRESH_S, REFRESH_SHARE * f->refresh_s);
}

mr_status mr_follow_refresh(mr_run_state *r)
{
    mr_status st = MR_OK;
    mr_follow *f = r->follow;
    const double t0 = mr_now();
    double due = 0;
    if (mr_run_first(r)) {
        f->dirty = f->dirty || r->n_todo > 0;
        due = refresh_due(f);
    }
    mr_max_f64(r->comm, &due, 1);
    if (!(due > 0)) return MR_OK;
    MR_TRY(mr_run_gather(r));
    r->gathered = true;
    mr_run_tally(r);
    MR_TRY(mr_ending_write(r->comm, r->plan, &r->resume, r->cfg->folder, r->cfg->io_threads));
    if (mr_run_first(r)) {
        r->account.error = "";
        r->account.wall_s = mr_now() - r->t0;
        r->account.finish_s = r->past.finish_s + (mr_now() - t0);
        st = mr_report_write(&r->account, r->cfg->folder);
        f->refreshed = mr_now();
        f->refresh_s = f->refreshed - t0;
        f->dirty = false;
    }
    r->peak_bytes = MR_MAX(r->peak_bytes, mr_memory_now());
    mr_out_tidy(); /* its memory grows with the archive, and is not needed in between */
    r->past.finish_s += mr_now() - t0;
    st = mr_agree(r->comm, st);
out:
    return st;
}

/** Rank 0's look at the world, for at most a slice: 1 another round. */
static mr_status slice(mr_follow *f, int *next)
{
    mr_status st = MR_OK;
    bool files = false;
    mr_strs paths = {0};
    const double now = mr_now(), look = mr_follow_due(f);
    double until = MR_MIN(now + SLICE_S, look);
    if (f->due > 0) until = MR_MIN(until, f->due);
    (void)mr_watch_wait(f->watch, MR_MAX(until - now, 0.0), &files, &paths);
    if (files || mr_now() >= look) MR_TRY(mr_follow_look(f, files, &paths));
    f->last = atomic_load(&f->asked) || mr_now() - f->came >= f->cfg->idle_s;
    *next = f->last || f->fresh || (f->due > 0 && mr_now() >= f->due) || refresh_due(f);
out:
    mr_strs_fini(&paths);
    return st;
}

mr_status mr_follow_wait(mr_run_state *r, bool *again)
{
    mr_status st = MR_OK;
    mr_follow *f = r->follow;
    const double t0 = mr_now();
    *again = false;
    if (!f || f->last) return MR_OK;
    mr_told_phase(r, MR_FOLLOWING);
    for (;;) {
        int next = 0;
        if (mr_run_first(r)) st = slice(f, &next);
        MR_TRY(mr_agree(r->comm, st)); /* the others wait here */
        double v[] = {next, f->last, mr_stop_wanted() > 0};
        mr_max_f64(r->comm, v, 3);
        if (v[2] > 0) st = MR_RAISE(MR_STOPPED, "stopped while following");
        if (st != MR_OK) goto out;
        f->last = v[1] > 0;
        if (v[0] > 0) break;
    }
    *again = true;
out:
    r->past.idle_s += mr_now() - t0;
    return st;
}
