/* run/follow.c: see follow.h. Which lanes wait: those that a file may still change which has not
 * come. A gap is believed after follow.patience; the end of the archive when somebody says so, or
 * nothing has come for follow.idle. Whatever comes against that is planned as in a batch: the next
 * round finds lanes whose inputs have changed and makes them anew. */
#include "run/follow.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include "base/quantity.h"
#include "run/over/ending.h"
#include "run/told/stop.h"
#include "run/told/told.h"
#include "run/survey/whole.h"

#define REFRESH_S 10.0 /* between two master files */
#define LOOK_S 30.0    /* where new files are told by events */
#define LOOK_FAR_S 2.0 /* where they are not: network file systems */
#define LOOK_SOON_S 0.45
#define SLICE_S 1.0 /* all ranks meet so often */

typedef struct mr_follow {
    const mr_config *cfg;
    mr_whole *whole; /* rank 0; likewise below */
    mr_watch *watch;
    atomic_int asked;  /* the present end is the archive's */
    bool last, said;   /* the round at hand is the last one; how long a row waits was said */
    bool far;          /* events do not tell of new files */
    bool fresh, dirty; /* there are new files to plan; lanes that no index names */
    size_t n_pending;
    double came; /* when a file was taken last */
    double looked, refreshed;
    double due; /* when the next gap is to be believed; 0: none */
    int eager;  /* looks that follow soon after an event */
} mr_follow;

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

/* --- files ----------------------------------------------------------------------------------- */

/** The folder of a path, to be watched; whether events come from there. */
static void watch_folder_of(mr_follow *f, const char *path, char *last, size_t size)
{
    static const long far[] = {0x6969,     0x0BD00BD0, 0x517B,    (long)0xFF534D42,
                               0x65735546, 0x47504653, 0x01021997};
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    struct statfs fs;
    char folder[4096];
    if (n >= sizeof folder || n >= size) return;
    memcpy(folder, n ? path : ".", n ? n : 1);
    folder[n ? n : 1] = '\0';
    if (strcmp(folder, last) == 0) return;
    snprintf(last, size, "%s", folder);
    if (mr_watch_folder(f->watch, folder)) f->eager = 4; /* what came meanwhile told nobody */
    if (statfs(folder, &fs) != 0) return;
    for (size_t i = 0; i < sizeof far / sizeof *far; i++)
        f->far = f->far || (long)fs.f_type == far[i];
}

static void watch_folders(mr_follow *f, const mr_strs *paths)
{
    char last[4096] = "", pattern[4096];
    struct stat sb;
    for (size_t i = 0; i < f->cfg->patterns.n; i++) { /* up to its first wildcard */
        snprintf(pattern, sizeof pattern - 2, "%s", f->cfg->patterns.v[i]);
        if (stat(pattern, &sb) == 0 && S_ISDIR(sb.st_mode))
            strcat(pattern, "/");
        else
            pattern[strcspn(pattern, "*?[")] = '\0';
        watch_folder_of(f, pattern, last, sizeof last);
    }
    for (size_t i = 0; i < paths->n; i++) watch_folder_of(f, paths->v[i], last, sizeof last);
}

mr_status mr_follow_pick(void *follow, mr_status st, mr_listing *list)
{
    mr_follow *f = follow;
    mr_whole_news news;
    if (st == MR_EINPUT && !f->last) { /* nothing matches yet */
        mr_error_clear();
        st = MR_OK;
    }
    if (st != MR_OK) return st;
    watch_folders(f, &list->paths);
    if (f->last) return MR_OK;
    st = mr_whole_look(f->whole, &list->paths, &news);
    f->n_pending = news.n_pending;
    if (news.n_new) f->came = mr_now();
    f->looked = mr_now();
    return st;
}

/** Is there something new to plan? */
static mr_status look(mr_follow *f)
{
    mr_listing list = {0};
    mr_whole_news news = {0};
    mr_status st = mr_config_list(f->cfg, &list);
    if (st == MR_EINPUT) {
        mr_error_clear();
        st = MR_OK;
    }
    if (st == MR_OK) {
        watch_folders(f, &list.paths);
        st = mr_whole_look(f->whole, &list.paths, &news);
    }
    f->n_pending = news.n_pending;
    f->fresh = f->fresh || news.n_new > 0;
    if (news.n_new) f->came = mr_now();
    f->looked = mr_now();
    mr_listing_fini(&list);
    return st;
}

/* --- lanes ----------------------------------------------------------------------------------- */

static double wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t end_ns(const mr_plan *p, const mr_span *s)
{
    return mr_span_time(&p->spans, s, s->index0 + s->n, 1);
}

/** How long ago the first file of a span has come. */
static double age_of(const mr_plan *p, const mr_span *s)
{
    struct stat sb;
    const char *path = mr_catalog_path(p->cat, p->spans.part[s->part0].file);
    if (stat(path, &sb) != 0) return 1e9;
    return wall_s() - ((double)sb.st_ctim.tv_sec + 1e-9 * (double)sb.st_ctim.tv_nsec);
}

/** What may still come before and behind a span. */
typedef struct ends {
    bool known, open_start, open_end;
} ends;

/** A file behind a gap has just come: what is missing may follow. */
static bool young(mr_follow *f, const mr_plan *p, const mr_span *behind)
{
    const double left = f->cfg->patience_s - age_of(p, behind);
    if (left <= 0) return false;
    const double due = mr_now() + left;
    f->due = f->due > 0 ? MR_MIN(f->due, due) : due;
    return true;
}

/** Is it the last lane of its span and channels? */
static bool is_last(const mr_plan *p, const mr_lane *l)
{
    const mr_lane *next = l + 1, *end = p->lanes + p->n_lanes;
    while (next < end && next->array == l->array && next->span == l->span && next->c0 != l->c0)
        next++;
    return next == end || next->array != l->array || next->span != l->span;
}

static void judge_span(mr_follow *f, const mr_plan *p, size_t i, ends *e)
{
    const mr_span *s = &p->spans.span[i], *before = NULL, *behind = NULL;
    const int64_t step = (int64_t)(1e9 / s->rate_hz), end = end_ns(p, s);
    for (size_t k = 0; k < p->spans.n_spans; k++) { /* spans are few */
        const mr_span *o = &p->spans.span[k];
        if (k == i) continue;
        if (o->t0_ns >= end - step && (!behind || o->t0_ns < behind->t0_ns)) behind = o;
        if (end_ns(p, o) <= s->t0_ns + step && (!before || end_ns(p, o) > end_ns(p, before)))
            before = o;
    }
    const bool apart = before && s->t0_ns - end_ns(p, before) > step;
    e->known = true;
    e->open_start = apart && young(f, p, s);
    e->open_end = !behind || (behind->t0_ns - end > step && young(f, p, behind));
}

/** May a file that is yet to come change this lane? */
static bool waits(const mr_plan *p, const mr_lane *l, const ends *e, bool drifts)
{
    const mr_array *a = &p->arrays[l->array];
    const mr_span *sp = &p->spans.span[l->span];
    const mr_slab span = mr_lane_span(p, l);
    if (e->open_start && l->raw.a <= span.a) return true;
    if (!e->open_end) return false;
    if (l->raw.b >= span.b) return true;
    if (is_last(p, l)) { /* cut by the span's end: more may belong to it */
        const int64_t step = (int64_t)(1.5e9 / mr_chain_out(a->chain)->rate_hz) + 1;
        const int64_t edge = (mr_div_floor(l->t0_ns, a->grid_ns) + 1) * a->grid_ns;
        if (mr_chain_reduces(a->chain) || l->t1_ns + step < edge) return true;
    }
    size_t first, n;
    mr_span_parts(&p->spans, sp, l->raw.a - span.a, l->raw.b - span.a, &first, &n);
    return drifts && first + n == sp->part0 + sp->n_parts; /* its times may bend yet */
}

static mr_status choose(mr_follow *f, const mr_plan *p, const uint8_t *done, uint8_t *ready)
{
    mr_status st = MR_OK;
    ends *e = NULL;
    bool drifts = false;
    f->due = 0;
    MR_TRY(mr_alloc(p->spans.n_spans, sizeof *e, "the spans", &e));
    for (size_t i = 0; i < p->spans.n_odd; i++)
        drifts = drifts || p->spans.odd[i].kind == MR_ODD_DRIFT;
    for (size_t i = 0; i < p->n_lanes; i++) {
        const mr_lane *l = &p->lanes[i];
        if (done[i]) continue;
        if (!e[l->span].known) judge_span(f, p, l->span, &e[l->span]);
        ready[i] = !waits(p, l, &e[l->span], drifts);
    }
out:
    free(e);
    return st;
}

/** Once: how long a row waits for its lane. */
static mr_status say_wait(mr_follow *f, const mr_plan *p)
{
    char b0[32], b1[32];
    for (size_t i = 0; i < p->n_arrays; i++) {
        const mr_array *a = &p->arrays[i];
        if (!a->chain) continue;
        if (a->grid_ns == INT64_MAX)
            return MR_RAISE(MR_ECONFIG, "--follow: this chain makes one lane of a whole span, "
                                        "which has no end yet: give its operators a window "
                                        "shorter than a span");
        const double lane = 1e-9 * (double)a->grid_ns, all = lane + a->after_s;
        if (f->said) continue;
        mr_log(MR_INFO,
               "following: a row waits up to %s for its lane (%s of time), and for the "
               "file that completes it%s",
               mr_fmt_hms(all, b0), mr_fmt_hms(lane, b1),
               all > 600 ? "; output.lane makes lanes shorter" : "");
    }
    f->said = true;
    return MR_OK;
}

mr_status mr_follow_choose(mr_run_state *r)
{
    mr_status st = MR_OK;
    const mr_plan *p = r->plan;
    void *ready = NULL;
    size_t n = p->n_lanes;
    if (r->follow && mr_run_first(r)) {
        st = say_wait(r->follow, p);
        if (st == MR_OK) st = mr_alloc(n, 1, "the lanes", &ready);
        if (st == MR_OK && !r->follow->last)
            st = choose(r->follow, p, r->resume.done, ready);
        else if (st == MR_OK)
            memset(ready, 1, n);
    }
    MR_TRY(mr_agree(r->comm, st));
    if (r->follow) MR_TRY(mr_bcast(r->comm, &ready, &n));
    MR_TRY(mr_alloc(p->n_lanes, sizeof *r->todo, "the lanes", &r->todo));
    for (size_t i = 0; i < p->n_lanes; i++)
        if (!r->resume.done[i] && (!r->follow || ((uint8_t *)ready)[i])) r->todo[r->n_todo++] = i;
out:
    free(ready);
    return st;
}

/* --- rounds ---------------------------------------------------------------------------------- */

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
        if (mr_run_first(r)) st = mr_whole_new(r->cfg->patience_s, &r->follow->whole);
    }
    return mr_agree(r->comm, st);
}

void mr_follow_end(mr_run_state *r)
{
    if (r->follow) mr_whole_free(r->follow->whole);
    free(r->follow);
    r->follow = NULL;
}

mr_status mr_follow_refresh(mr_run_state *r, bool now)
{
    mr_status st = MR_OK;
    mr_follow *f = r->follow;
    double due = 0;
    if (mr_run_first(r)) {
        f->dirty = f->dirty || r->n_todo > 0;
        due = f->dirty && (now || mr_now() - f->refreshed >= REFRESH_S);
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
        st = mr_report_write(&r->account, r->cfg->folder);
        f->refreshed = mr_now();
        f->dirty = false;
    }
    st = mr_agree(r->comm, st);
out:
    return st;
}

/** Rank 0's look at the world, for at most a slice: 1 another round. */
static mr_status slice(mr_follow *f, int *next)
{
    mr_status st = MR_OK;
    bool files = false;
    const double now = mr_now();
    double until = now + SLICE_S;
    double soon = f->looked + (f->n_pending || f->eager > 0 ? LOOK_SOON_S
                               : f->far                     ? LOOK_FAR_S
                                                            : LOOK_S);
    if (f->due > 0) until = MR_MIN(until, f->due);
    until = MR_MIN(until, soon);
    (void)mr_watch_wait(f->watch, MR_MAX(until - now, 0.0), &files);
    if (files) f->eager = 8;
    if (files || mr_now() >= soon) {
        if (f->eager > 0 && !files) f->eager--;
        MR_TRY(look(f));
    }
    f->last = atomic_load(&f->asked) || mr_now() - f->came >= f->cfg->idle_s;
    *next = f->last || f->fresh || (f->due > 0 && mr_now() >= f->due) ||
            (f->dirty && mr_now() - f->refreshed >= REFRESH_S);
out:
    return st;
}

mr_status mr_follow_wait(mr_run_state *r, bool *again)
{
    mr_status st = MR_OK;
    mr_follow *f = r->follow;
    *again = false;
    if (!f || f->last) return MR_OK;
    mr_told_phase(r, MR_FOLLOWING);
    for (;;) {
        int next = 0;
        if (mr_run_first(r)) st = slice(f, &next);
        MR_TRY(mr_agree(r->comm, st)); /* the others wait here */
        double v[] = {next, f->last, mr_stop_wanted() > 0};
        mr_max_f64(r->comm, v, 3);
        if (v[2] > 0) return MR_RAISE(MR_STOPPED, "stopped while following");
        f->last = v[1] > 0;
        if (v[0] > 0) break;
    }
    f->fresh = false;
    *again = true;
out:
    return st;
}
