/* run/run.c: the main path, top to bottom: config -> lock -> files -> survey -> plan -> resume ->
 * lanes -> finish. On the main thread; all ranks take the same way
 * through it, but for what one of them does for all. */
#include "run/run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/quantity.h"
#include "report/report.h"
#include "run/inputs.h"
#include "run/ending.h"
#include "run/lock.h"
#include "run/mill.h"
#include "run/resume.h"
#include "run/stop.h"
#include "run/survey.h"

/** Asking the kernel for the memory in use takes 0.4 ms, in which the team sleeps: not at every
 * block. */
#define WEIGH_EVERY_S 0.2

/** All that a run holds. */
typedef struct run {
    mr_comm *comm;
    const mr_run_opts *o;
    mr_config *cfg;
    mr_listing files; /* beside the paths rank 0's alone */
    mr_survey survey;
    mr_plan *plan;
    mr_lock *lock;
    char attempt[MR_ATTEMPT_BYTES];
    mr_resume resume;
    uint64_t *todo; /* lanes to do, by number */
    size_t n_todo;
    mr_server *server;
    mr_mill *mill;
    mr_progress progress;
    mr_tally tally;
    size_t peak_bytes;
    double weighed; /* when peak_bytes was last looked at */
    double t0, survey_s;
    mr_account account;
    bool made_folder;               /* the output folder was not there before */
    bool dynamic, stopped, resumed; /* resumed: on all ranks, so that gathering is safe */
} run;

static bool first(const run *r)
{
    return mr_comm_rank(r->comm) == 0;
}

static mr_status take_lock(run *r)
{
    mr_status st = MR_OK;
    void *name = NULL;
    size_t n = 0;
    if (first(r)) {
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
    if (!first(r)) st = mr_lock_watch(r->cfg->folder, r->attempt, &r->lock);
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

static mr_status make_plan(mr_comm *c, const mr_config *cfg, const mr_catalog *cat, mr_plan **out)
{
    const size_t assumed = (size_t)48
                           << 20; /* MPI and HDF5 as measured, where less is resident now */
    const size_t limit =
        cfg->memory_bytes ? (size_t)cfg->memory_bytes : mr_memory_default(mr_comm_node_size(c));
    const size_t now = mr_memory_now(), known = mr_catalog_bytes(cat); /* is counted by the plan */
    const size_t base = MR_MAX(now > known ? now - known : 0, assumed);
    mr_status st = mr_plan_new(cfg, cat, limit, base, mr_team_threads(c), out);
    st = mr_agree(c, st);
    if (st == MR_OK) st = same_plan(c, *out);
    return st;
}

/** A strict run stops at what the survey found wrong; any run stops where memory does not suffice.
 */
static mr_status may_begin(const run *r)
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
        if (first(r)) mr_report_warn(&a);
        return MR_RAISE(MR_EINPUT,
                        "--strict: files are refused or partly usable; nothing was computed");
    }
    return MR_OK;
}

/** What earlier runs of the same chain left: lanes that are done stay. */
static mr_status resume(run *r)
{
    mr_status st = MR_OK;
    const char *folder = r->cfg->folder;
    if (first(r)) st = mr_resume_plan(r->plan, folder);
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_resume_lanes(r->comm, r->plan, folder, r->survey.changed, r->o->check, &r->resume));
    MR_TRY(mr_survey_save(&r->survey, folder));
    MR_TRY(mr_survey_compare(r->comm, r->plan));
    MR_TRY(mr_alloc(r->plan->n_lanes, sizeof *r->todo, "the lanes", &r->todo));
    for (size_t i = 0; i < r->plan->n_lanes; i++)
        if (!r->resume.done[i]) r->todo[r->n_todo++] = i;
out:
    return st;
}

static mr_status still_ours(void *lock)
{
    return mr_lock_check(lock);
}

/** Tell the others where we are, hear whether anybody wants to stop. */
static bool report_in(run *r, bool failed)
{
    bool stop = false;
    const bool want = failed || mr_stop_wanted() > 0;
    mr_mutex_lock(r->mill->gate);
    r->tally.bytes = r->mill->raw_bytes;
    r->tally.wait_read_s = r->mill->t.wait_read_s;
    r->tally.wait_write_s = r->mill->t.wait_out_s;
    mr_mutex_unlock(r->mill->gate);
    if (mr_server_poll(r->server, &r->tally, want, &stop) != MR_OK) stop = true;
    if (first(r)) {
        mr_tally sum;
        mr_server_total(r->server, &sum);
        mr_progress_tick(&r->progress, &sum, mr_comm_size(r->comm));
    }
    if (mr_now() - r->weighed >= WEIGH_EVERY_S) {
        r->peak_bytes = MR_MAX(r->peak_bytes, mr_memory_now());
        r->weighed = mr_now();
    }
    return stop || want;
}

/** The next lane, handed to the readers; *job stays NULL when there are no more. */
static mr_status claim(run *r, mr_job **job)
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
    run *r = arg;
    mr_job *job = NULL, *next = NULL;
    bool more = true;
    MR_TRY(claim(r, &job));
    while (job) {
        const mr_lane *l = job->lane;
        const size_t n = mr_lane_blocks(r->plan, l);
        for (size_t i = 0; i < n; i++) {
            MR_TRY(mr_mill_await(r->mill, job, i)); /* with the last block readers have all */
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

static mr_status lanes(run *r)
{
    mr_status st = MR_OK;
    r->resumed = true;
    uint64_t blocks = 0;
    for (size_t i = 0; i < r->n_todo; i++)
        blocks += mr_lane_blocks(r->plan, &r->plan->lanes[r->todo[i]]);
    mr_progress_end(&r->progress); /* the survey's */
    MR_TRY(mr_progress_init(r->o->progress, blocks, &r->progress));
    if (first(r)) mr_progress_start(&r->progress);
    if (first(r) && r->n_todo) st = mr_master_remove(r->cfg->folder); /* until all lanes are done */
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_server_start(r->comm, r->n_todo, &r->server, &r->dynamic));
    if (r->n_todo) {
        st = mr_mill_new(r->plan, r->cfg->folder, r->attempt, &r->mill);
        if (st == MR_OK) {
            r->mill->may_publish = still_ours;
            r->mill->may_arg = r->lock;
        }
        MR_TRY(mr_agree(r->comm, st));
        st = mr_team_lead(r->mill->team, r->mill->threads, work, r);
        mr_barrier_meanwhile(r->comm, 0.1, wait_on, r); /* still hears whoever wants to stop */
    }
out:
    st = mr_agree(r->comm, st == MR_OK && r->stopped ? MR_STOPPED : st);
    mr_server_end(r->server);
    r->server = NULL;
    mr_progress_end(&r->progress);
    return st;
}

/** Everybody's committed lanes and losses to everybody. */
static mr_status gather(run *r)
{
    mr_status st = MR_OK;
    void *all = NULL, *lost = NULL;
    size_t *offs = NULL, *offs_lost = NULL;
    const size_t size = (size_t)mr_comm_size(r->comm);
    mr_losses losses = {0};
    const mr_mill *m = r->mill;
    if (first(r)) st = mr_resume_read_losses(r->plan, r->cfg->folder, &r->resume, &losses);
    MR_TRY(mr_agree(r->comm, st));
    MR_TRY(mr_allgather(r->comm, m ? m->result : NULL, m ? m->n_results * sizeof *m->result : 0,
                        &all, &offs));
    MR_TRY(mr_allgather(r->comm, m ? m->losses.v : NULL, m ? m->losses.n * sizeof(mr_loss) : 0,
                        &lost, &offs_lost));
    const mr_lane_result *row = all;
    for (size_t i = 0; i < offs[size] / sizeof *row; i++) {
        r->resume.done[row[i].number] = 1;
        r->resume.digest[row[i].number] = row[i].digest;
    }
    for (size_t i = 0; i < offs_lost[size] / sizeof(mr_loss); i++)
        MR_TRY(mr_losses_add(&losses, (const mr_loss *)lost + i));
    for (size_t i = 0; i < losses.n; i++) {
        mr_odd o = {.kind = MR_ODD_BAD_CHUNK,
                    .file = losses.v[i].file,
                    .other = SIZE_MAX,
                    .t0_ns = losses.v[i].t0_ns,
                    .t1_ns = losses.v[i].t1_ns,
                    .equal = -1};
        memcpy(o.note, losses.v[i].note, sizeof o.note);
        MR_TRY(mr_spans_note(&r->plan->spans, &o));
    }
out:
    free(all);
    free(offs);
    free(lost);
    free(offs_lost);
    free(losses.v);
    return st;
}

/** Sums over ranks into the account. */
static void tally_up(run *r)
{
    const mr_times *t = r->mill ? &r->mill->t : &(mr_times){0};
    double v[] = {t->read_s,
                  t->compute_s,
                  t->write_s,
                  t->wait_read_s,
                  t->wait_out_s,
                  (double)(r->mill ? r->mill->raw_bytes : 0),
                  (double)r->tally.samples,
                  t->wait_slab_s,
                  t->wait_done_s,
                  t->read_cpu_s,
                  t->write_cpu_s};
    double peak[] = {(double)MR_MAX(r->peak_bytes, mr_memory_now())};
    mr_sum_f64(r->comm, v, sizeof v / sizeof *v);
    mr_max_f64(r->comm, peak, 1);
    r->account = (mr_account){.cfg = r->cfg,
                              .plan = r->plan,
                              .cat = r->survey.cat,
                              .done = r->resume.done,
                              .digest = r->resume.digest,
                              .n_known = r->resume.n_done,
                              .n_redone = r->resume.n_stale,
                              .n_probed = r->survey.n_probed,
                              .kept = &r->resume.left.kept,
                              .strangers = &r->resume.left.strangers,
                              .listing = &r->files,
                              .survey_s = r->survey_s,
                              .read_s = v[0],
                              .compute_s = v[1],
                              .write_s = v[2],
                              .wait_read_s = v[3],
                              .wait_out_s = v[4],
                              .raw_bytes = (uint64_t)v[5],
                              .samples = (uint64_t)v[6],
                              .wait_slab_s = v[7],
                              .wait_done_s = v[8],
                              .read_cpu_s = v[9],
                              .write_cpu_s = v[10],
                              .peak_bytes = (size_t)peak[0],
                              .ranks = mr_comm_size(r->comm),
                              .threads = r->plan ? r->plan->mem.threads : 0,
                              .io_threads = r->cfg->io_threads,
                              .nodes = mr_comm_nodes(r->comm),
                              .dynamic = r->dynamic};
}

/** A stop that came when all was done stops nothing. */
static mr_status settle(const run *r, mr_status st)
{
    size_t left = 0;
    if (!r->resumed || (st != MR_OK && st != MR_STOPPED)) return st;
    for (size_t i = 0; i < r->plan->n_lanes; i++) left += !r->resume.done[i];
    if (left == 0) return MR_OK;
    return st == MR_STOPPED ? st : MR_RAISE(MR_EBUG, "%zu lanes were left out", left);
}

/** Master, index, report, summary. st: how the lanes ended. */
static mr_status finish(run *r, mr_status st)
{
    mr_status done = MR_OK;
    char why[1024] = "";
    if (st != MR_OK) snprintf(why, sizeof why, "%s", mr_error());
    if (r->resumed) done = mr_agree(r->comm, gather(r));
    if (done != MR_OK && st == MR_OK) return done;
    if (done == MR_OK) st = settle(r, st);
    if (st == MR_EBUG) snprintf(why, sizeof why, "%s", mr_error());
    done = MR_OK;
    tally_up(r);
    mr_mill_free(r->mill); /* its buffers make room for the master file */
    r->mill = NULL;
    const double t0 = mr_now();
    if (st == MR_OK)
        done = mr_ending_write(r->comm, r->plan, &r->resume, r->cfg->folder, r->cfg->io_threads);
    if (first(r)) {
        mr_account *a = &r->account;
        a->finish_s = mr_now() - t0;
        if (done == MR_OK && st == MR_OK && mr_account_losses(a)) st = MR_LOSSES;
        if (done != MR_OK) snprintf(why, sizeof why, "%s", mr_error());
        a->status = done != MR_OK ? done : st;
        a->error = why;
        a->wall_s = mr_now() - r->t0;
        mr_report_warn(a);
        const bool refused =
            st == MR_ECONFIG || st == MR_EMEM; /* the folder may be another chain's */
        const mr_status told = refused ? MR_OK : mr_report_write(a, r->cfg->folder);
        if (done == MR_OK) done = told;
        if (done == MR_OK) done = st;
        if (r->todo && !r->o->quiet) (void)mr_report_summary(a, r->cfg->folder);
        if (why[0]) mr_error_set(why);
    } else if (done == MR_OK) {
        done = st;
    }
    done = mr_agree(r->comm, done);
    return done == MR_STOPPED ? mr_stop_raise() : done;
}

/** A refused run leaves no empty folder behind. */
static void remove_empty(const run *r)
{
    mr_text path = {0};
    if (r->made_folder && mr_text_add(&path, "%s/.millrace", r->cfg->folder) == MR_OK &&
        rmdir(path.s) == 0)
        rmdir(r->cfg->folder);
    mr_text_fini(&path);
}

static void run_fini(run *r)
{
    mr_mill_free(r->mill);
    free(r->todo);
    mr_resume_fini(&r->resume);
    mr_plan_free(r->plan);
    mr_survey_fini(&r->survey);
    mr_listing_fini(&r->files);
    mr_lock_release(r->lock);
    remove_empty(r);
    mr_config_free(r->cfg);
}

mr_status mr_run(mr_comm *c, const mr_run_opts *o)
{
    mr_status st = MR_OK;
    run r = {.comm = c, .o = o, .t0 = mr_now()};
    if (first(&r)) mr_stop_speak();
    MR_TRY(mr_inputs_config(c, o, &r.cfg));
    MR_TRY(mr_inputs_files(c, r.cfg, &r.files));
    MR_TRY(take_lock(&r));
    MR_TRY(mr_progress_init(o->progress, 0, &r.progress));
    if (first(&r)) r.survey.progress = &r.progress;
    MR_TRY(mr_survey_files(c, r.cfg, &r.files.paths, r.cfg->folder, MR_SURVEY_KEEP, &r.survey));
    r.survey_s = mr_now() - r.t0;
    st = make_plan(c, r.cfg, r.survey.cat, &r.plan);
    if (st == MR_OK) st = mr_agree(c, may_begin(&r));
    if (st == MR_OK) st = mr_agree(c, resume(&r));
    if (st == MR_OK) st = lanes(&r);
    st = finish(&r, st);
out:
    mr_stop_hush();
    run_fini(&r);
    return st;
}

mr_status mr_run_dry(mr_comm *c, const mr_run_opts *o, mr_dry *out)
{
    mr_status st = MR_OK;
    MR_TRY(mr_inputs_config(c, o, &out->cfg));
    MR_TRY(mr_inputs_files(c, out->cfg, &out->files));
    MR_TRY(mr_alloc(1, sizeof *out->survey, "the survey", &out->survey));
    MR_TRY(mr_survey_files(c, out->cfg, &out->files.paths, out->cfg->folder, MR_SURVEY_LOOK,
                           out->survey));
    MR_TRY(make_plan(c, out->cfg, out->survey->cat, &out->plan));
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
