/* run/run.c: the main path, top to bottom: config -> lock -> files -> survey -> plan -> resume ->
 * lanes -> finish. On the main thread; all ranks take the same way through it, but for what one of
 * them does for all. */
#include "run/run.h"
#include "plan/odds.h"
#include "plan/precision.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/quantity.h"
#include "run/follow/follow.h"
#include "run/inputs.h"
#include "run/nowhere.h"
#include "run/told/told.h"
#include "run/told/stop.h"

static mr_status take_lock(mr_run_state *r)
{
    mr_status st = MR_OK;
    void *name = NULL;
    size_t n = 0;
    if (mr_run_first(r)) {
        mr_text path = {0};
        st = mr_text_add(&path, "%s/.millrace", r->cfg->folder);
        r->made_folder = access(r->cfg->folder, F_OK) != 0;
        if (st == MR_OK) st = mr_mkdirs(path.s);
        mr_text_fini(&path);
        if (st == MR_OK) st = mr_lock_take(r->cfg->folder, r->attempt, &r->lock);
        if (st == MR_OK) {
            n = sizeof r->attempt;
            st = mr_alloc(n, 1, "the attempt", &name);
            if (st == MR_OK) memcpy(name, r->attempt, n);
        }
    }
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_bcast(r->comm, &name, &n));
    memcpy(r->attempt, name, sizeof r->attempt);
    if (!mr_run_first(r)) st = mr_lock_watch(r->cfg->folder, r->attempt, &r->lock);
    st = mr_agree(r->comm, st);
out:
    free(name);
    return st;
}

/** All ranks must have made the same plan: coefficients, lengths, lanes. */
static mr_status same_plan(mr_comm *c, const mr_plan *p)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    void *all = NULL;
    size_t *offs = NULL;
    if (mr_comm_size(c) == 1) return MR_OK;
    st = mr_text_add(&t, "%s", p->coefficients.s ? p->coefficients.s : "");
    for (size_t i = 0; st == MR_OK && i < p->n_lanes; i++)
        st = mr_text_add(&t, "%s", p->lanes[i].key.hex);
    MR_TRY(mr_agree(c, st));
    const mr_digest mine = mr_digest_of(t.s, t.len);
    MR_TRY(mr_allgather(c, &mine, sizeof mine, &all, &offs));
    for (int i = 0; i < mr_comm_size(c); i++)
        if (memcmp((const mr_digest *)all + i, &mine, sizeof mine) != 0)
            st = MR_RAISE(MR_EBUG,
                          "rank %d made another plan than rank %d: are all nodes running the "
                          "same build on the same kind of machine?",
                          i, mr_comm_rank(c));
    st = mr_agree(c, st);
out:
    mr_text_fini(&t);
    free(all);
    free(offs);
    return st;
}

/** base: what the program takes before anything is computed, bytes; 0: it is measured, and kept for
 *  the plans of later rounds, when it has worked already. */
static mr_status make_plan(mr_comm *c, const mr_config *cfg, const mr_catalog *cat, size_t *base,
                           mr_plan **out)
{
    const size_t assumed = (size_t)48
                           << 20; /* MPI and HDF5 as measured, where less is resident now */
    const size_t limit =
        cfg->memory_bytes ? (size_t)cfg->memory_bytes : mr_memory_default(mr_comm_node_size(c));
    const size_t now = mr_memory_now(), known = mr_catalog_bytes(cat); /* is counted by the plan */
    if (!*base) *base = MR_MAX(now > known ? now - known : 0, assumed);
    mr_status st = mr_plan_new(cfg, cat, limit, *base, mr_team_threads(c), out);
    st = mr_agree(c, st);
    if (st == MR_OK) st = same_plan(c, *out);
    return st;
}

/** A strict run does not write what float32 does not hold. */
static mr_status precise_enough(const mr_config *cfg, const mr_plan *p)
{
    mr_strs lines = {0};
    mr_status st = mr_precision_advise(cfg, p, &lines);
    if (st == MR_OK && lines.n) st = MR_RAISE(MR_EINPUT, "--strict: %s", lines.v[0]);
    mr_strs_fini(&lines);
    return st;
}

/** A strict run stops at what the survey found wrong; any run stops where memory does not suffice.
 */
static mr_status may_begin(const mr_run_state *r)
{
    const mr_plan *p = r->plan;
    const mr_account a = {.plan = p, .cat = r->survey.cat};
    char b0[32], b1[32];
    if (!p->n_lanes) return mr_plan_nothing(p);
    if (p->mem.need_bytes > p->mem.limit_bytes && p->mem.decode_file != SIZE_MAX &&
        p->mem.need_bytes - p->mem.decode_bytes <= p->mem.limit_bytes)
        return MR_RAISE(MR_EMEM,
                        "%s: its chunks are so large that decoding them takes %s a rank, "
                        "run.memory allows %s in all: leave the file out or give more memory",
                        mr_catalog_path(p->cat, p->mem.decode_file),
                        mr_fmt_bytes((double)p->mem.decode_bytes, b0),
                        mr_fmt_bytes((double)p->mem.limit_bytes, b1));
    if (p->mem.need_bytes > p->mem.limit_bytes)
        return MR_RAISE(MR_EMEM,
                        "this chain needs %s a rank, run.memory allows %s: give more memory, "
                        "fewer channels (input.channels) or fewer threads",
                        mr_fmt_bytes((double)p->mem.need_bytes, b0),
                        mr_fmt_bytes((double)p->mem.limit_bytes, b1));
    if (r->cfg->strict && mr_account_losses(&a)) {
        if (mr_run_first(r)) mr_report_warn(&a);
        return MR_RAISE(MR_EINPUT,
                        "--strict: files are refused or partly usable; nothing was computed");
    }
    const mr_odd *odd = r->cfg->strict ? mr_odds_first(&p->spans) : NULL;
    if (odd)
        return MR_RAISE(MR_EINPUT, "--strict: %s: %s: %s", mr_catalog_path(p->cat, odd->file),
                        mr_odd_name(odd->kind), odd->note);
    return r->cfg->strict ? precise_enough(r->cfg, p) : MR_OK;
}

/** What earlier runs of the same chain left: lanes that are done stay. */
static mr_status resume(mr_run_state *r)
{
    mr_status st = MR_OK;
    const char *folder = r->cfg->folder;
    if (mr_run_first(r)) st = mr_resume_plan(r->plan, folder);
    MR_TRY(mr_agree(r->comm, st));
    if (mr_run_first(r)) st = mr_follow_lates(r);
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_resume_lanes(r->comm, r->plan, folder, r->survey.changed, r->o->check,
                           mr_follow_known(r), &r->resume));
    MR_TRY(mr_survey_save(&r->survey, folder));
    if (!r->cfg->strict) MR_TRY(mr_survey_compare(r->comm, r->plan));
    MR_TRY(mr_follow_choose(r));
out:
    return st;
}

/** A refused run leaves no empty folder behind. */
static void remove_empty(const mr_run_state *r)
{
    mr_text path = {0};
    if (r->made_folder && mr_text_add(&path, "%s/.millrace", r->cfg->folder) == MR_OK &&
        rmdir(path.s) == 0)
        rmdir(r->cfg->folder);
    mr_text_fini(&path);
}

/** What a round that is over has done, into the sums of the run. */
static void keep_sums(mr_run_state *r)
{
    const mr_so_far done = mr_mill_so_far(r->mill);
    mr_times_add(&r->past.t, &done.t);
    r->past.raw_bytes += done.raw_bytes;
    r->past.samples += r->tally.samples;
    r->past.made += r->n_made;
    r->past.probed += r->survey.n_probed;
    r->past.redone += r->resume.n_stale;
    r->past.survey_s += r->survey_s;
    r->n_made = 0;
    r->survey_s = 0;
}

/** What one look at the archive has brought. */
static void round_fini(mr_run_state *r)
{
    keep_sums(r);
    mr_mill_free(r->mill);
    free(r->todo);
    mr_resume_fini(&r->resume);
    mr_plan_free(r->plan);
    mr_survey_fini(&r->survey);
    mr_listing_fini(&r->files);
    r->mill = NULL;
    r->todo = NULL;
    r->plan = NULL;
    r->n_todo = 0;
    r->resumed = r->gathered = r->stopped = false;
    r->tally = (mr_tally){0};
    r->account = (mr_account){0};
}

static void run_fini(mr_run_state *r)
{
    round_fini(r);
    mr_follow_end(r);
    mr_lock_release(r->lock);
    remove_empty(r);
    mr_nowhere_close(r->comm, r->cfg);
    mr_config_free(r->cfg);
}

/** Survey, plan, resume, lanes; *over: it is for mr_run_finish to say how that ended. */
static mr_status go_through(mr_run_state *r, bool *over)
{
    mr_status st = MR_OK;
    mr_comm *c = r->comm;
    const bool last = mr_follow_last(r);
    const double t0 = mr_now();
    *over = false;
    if (mr_run_first(r)) r->survey.progress = &r->progress;
    mr_told_phase(r, MR_SURVEYING);
    MR_TRY(mr_survey_files(c, r->cfg, &r->files.paths, r->cfg->folder, MR_SURVEY_KEEP, &r->survey));
    r->survey_s = mr_now() - (r->follow ? t0 : r->t0);
    mr_told_phase(r, MR_PLANNING);
    *over = true;
    st = make_plan(c, r->cfg, r->survey.cat, &r->base_bytes, &r->plan);
    if (st == MR_OK && !last && !r->plan->n_lanes) return MR_OK;           /* more may come */
    if (st == MR_OK && r->cfg->strict) st = mr_survey_compare(c, r->plan); /* is it a loss? */
    if (st == MR_OK) st = mr_agree(c, may_begin(r));
    if (st == MR_OK) st = mr_agree(c, resume(r));
    if (st == MR_OK) st = mr_run_lanes(r);
    if (st == MR_OK && r->follow) st = mr_follow_made(r);
    if (st == MR_OK && !last) st = mr_follow_refresh(r);
out:
    return st;
}

mr_status mr_run(mr_comm *c, const mr_run_opts *o)
{
    mr_status st = MR_OK;
    mr_run_state r = {.comm = c, .o = o, .t0 = mr_now()};
    bool over = false, again = true;
    if (mr_run_first(&r)) mr_stop_speak();
    MR_TRY(mr_inputs_config(c, o, &r.cfg));
    if (!o->follow) MR_TRY(mr_inputs_files(c, r.cfg, NULL, NULL, &r.files));
    MR_TRY(mr_nowhere_open(c, r.cfg));
    MR_TRY(mr_follow_begin(&r));
    MR_TRY(take_lock(&r));
    MR_TRY(mr_told_begin(&r));
    MR_TRY(mr_progress_init(o->progress, 0, &r.progress));
    while (again && st == MR_OK) {
        if (r.follow) {
            round_fini(&r);
            MR_TRY(mr_inputs_files(c, r.cfg, mr_follow_list, r.follow, &r.files));
        }
        if (r.files.paths.n) st = go_through(&r, &over);
        if (st != MR_OK && !over) goto out;
        if (st == MR_OK) st = mr_follow_wait(&r, &again);
    }
    st = mr_run_finish(&r, st);
out:
    mr_stop_hush();
    mr_told_end(&r, st);
    run_fini(&r);
    return st;
}

mr_status mr_run_dry(mr_comm *c, const mr_run_opts *o, mr_dry *out)
{
    mr_status st = MR_OK;
    size_t base = 0;
    MR_TRY(mr_inputs_config(c, o, &out->cfg));
    MR_TRY(mr_inputs_files(c, out->cfg, NULL, NULL, &out->files));
    MR_TRY(mr_alloc(1, sizeof *out->survey, "the survey", &out->survey));
    MR_TRY(mr_survey_files(c, out->cfg, &out->files.paths, out->cfg->folder, MR_SURVEY_LOOK,
                           out->survey));
    MR_TRY(make_plan(c, out->cfg, out->survey->cat, &base, &out->plan));
out:
    return st;
}

void mr_dry_fini(mr_dry *d)
{
    mr_plan_free(d->plan);
    if (d->survey) mr_survey_fini(d->survey);
    free(d->survey);
    mr_listing_fini(&d->files);
    mr_config_free(d->cfg);
}
