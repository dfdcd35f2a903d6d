/* run/folder/leftover.c: see leftover.h. What a file under lanes/ is, it says itself
 * (out/digests.h). */
#include "run/folder/leftover.h"
#include <errno.h>
#include <fnmatch.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/utc.h"
#include "out/digests.h"

mr_status mr_leftover_remove(const char *path, const char *why)
{
    mr_log(MR_WARN, "%s is removed: %s", path, why);
    if (unlink(path) == 0 || errno == ENOENT) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "%s: cannot be removed: %s", path, strerror(errno));
}

/** A planned lane by name, and so by start. */
typedef struct owned {
    size_t number;
    const char *rel;
    const mr_series *series;
    int64_t begin_ns; /* half a sample before its first: stamps of files may bend its time */
    int64_t end_ns, latest_ns; /* where its next sample would be; the latest of all up to here */
    int64_t from_ns, to_ns, latest_to_ns; /* what it stands for; the latest of all up to here */
} owned;

typedef struct walk {
    const mr_plan *plan;
    size_t n;
    owned *v;         /* sorted by name */
    int64_t reach_ns; /* the longest half sample */
    const char *folder;
    const uint8_t *done;
    const mr_index *index; /* of the last finished run */
    bool *held;            /* [plan's lanes] */
    mr_names names;        /* once they are needed */
    mr_leftovers *out;
} walk;

static int by_rel(const void *a, const void *b)
{
    return strcmp(((const owned *)a)->rel, ((const owned *)b)->rel);
}

/** Does the time of this base name lie in a planned lane of the same series and channels? */
static bool lies_in(const owned *l, const mr_series *series, const char *base, const char *channels)
{
    char t[40];
    const char *its = strchr(mr_base_name(l->rel), '_');
    return its && mr_series_same(l->series, series) && strncmp(its, channels, 13) == 0 &&
           strncmp(base, mr_utc_compact(l->begin_ns, t), 26) >= 0 &&
           strncmp(base, mr_utc_compact(l->end_ns, t), 26) < 0;
}

/** Does a lane of this base name begin inside a planned lane of its series? Where all up to here
 * end before it, none of them can. */
static bool is_superseded(const walk *w, const mr_series *s, const char *base)
{
    char t[40];
    const char *its = strchr(base, '_');
    size_t a = 0, b = w->n;
    int64_t start;
    while (a < b) { /* the first lane that begins after it */
        const size_t mid = a + (b - a) / 2;
        if (strcmp(mr_base_name(w->v[mid].rel), base) > 0)
            b = mid;
        else
            a = mid + 1;
    }
    if (!its || mr_utc_scan(base, "%Y%m%dT%H%M%S.%f", &start) != MR_OK) {
        mr_error_clear();
        return false;
    }
    for (size_t i = a; i < w->n; i++) {
        mr_utc_compact(start + w->reach_ns, t);
        if (strncmp(mr_base_name(w->v[i].rel), t, 26) > 0) break;
        if (lies_in(&w->v[i], s, base, its)) return true;
    }
    while (a-- > 0 && strncmp(base, mr_utc_compact(w->v[a].latest_ns, t), 26) < 0)
        if (lies_in(&w->v[a], s, base, its)) return true;
    return false;
}

/* --- lanes whose inputs are gone ------------------------------------------------------------- */

/** A complete lane of this chain that is there. */
typedef struct present {
    const char *path, *rel;
    mr_lane_self self;
    mr_digest content;
    mr_text lines;
    mr_gone gone;
} present;

static bool same_strip(const owned *o, const present *f)
{
    const char *a = strchr(mr_base_name(o->rel), '_'), *b = strchr(mr_base_name(f->rel), '_');
    return a && b && strncmp(a, b, 13) == 0 && mr_series_same(o->series, &f->self.series);
}

/** The planned lanes of its series that share time with it, as places in w->v. [give] */
static mr_status sharing(const walk *w, const present *f, size_t **out, size_t *n)
{
    mr_status st = MR_OK;
    size_t *v = NULL, cap = 0, at = 0;
    char t[40];
    mr_utc_compact(f->self.to_ns, t);
    for (size_t b = w->n; at < b;) { /* the first lane that begins after it */
        const size_t mid = at + (b - at) / 2;
        if (strncmp(mr_base_name(w->v[mid].rel), t, 26) > 0)
            b = mid;
        else
            at = mid + 1;
    }
    *n = 0;
    while (at-- > 0 && w->v[at].latest_to_ns - w->reach_ns > f->self.from_ns) {
        if (w->v[at].to_ns - w->reach_ns <= f->self.from_ns ||
            w->v[at].from_ns + w->reach_ns >= f->self.to_ns || !same_strip(&w->v[at], f))
            continue;
        MR_TRY(mr_grow(&v, &cap, *n + 1, sizeof *v, "the lanes"));
        v[(*n)++] = at;
    }
    *out = v;
    v = NULL;
out:
    free(v);
    return st;
}

/** May it stay in the place of all of these? Only if nothing is in them that it has not. */
static mr_status may_stay(const walk *w, const present *f, const size_t *v, size_t n, bool *yes)
{
    mr_status st = MR_OK;
    *yes = n > 0 && f->gone.any;
    for (size_t i = 0; *yes && i < n; i++) {
        const owned *o = &w->v[v[i]];
        const mr_lane *l = &w->plan->lanes[o->number];
        *yes = w->done[o->number] != MR_LANE_DONE && !w->held[o->number] &&
               o->from_ns >= f->self.from_ns - w->reach_ns &&
               o->to_ns <= f->self.to_ns + w->reach_ns;
        if (*yes) MR_TRY(mr_said_covers(w->plan, l, &f->self, &f->lines, yes));
    }
out:
    return st;
}

static mr_status hold(walk *w, const present *f, const size_t *v, size_t n)
{
    mr_status st = MR_OK;
    mr_leftovers *o = w->out;
    for (size_t i = 0; i < n; i++) {
        MR_TRY(mr_grow(&o->held, &o->cap_held, o->n_held + 1, sizeof *o->held, "the lanes"));
        mr_held *h = &o->held[o->n_held++];
        *h = (mr_held){.lane = w->v[v[i]].number,
                       .first = i + 1 == n, /* they come latest first */
                       .rows = f->self.rows,
                       .n_losses = f->gone.n_losses,
                       .t0_ns = f->self.t0_ns,
                       .t1_ns = f->self.t1_ns,
                       .digest = f->content};
        snprintf(h->rel, sizeof h->rel, "%s", f->rel);
        memcpy(h->missing, f->gone.missing, sizeof h->missing);
        w->held[h->lane] = true;
    }
out:
    return st;
}

/** Say so where planned lanes will have less time than this one. */
static mr_status note_shrunk(walk *w, const present *f, const size_t *v, size_t n)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    int64_t left = f->self.to_ns - f->self.from_ns - w->reach_ns;
    for (size_t i = 0; i < n; i++)
        left -=
            MR_MIN(w->v[v[i]].to_ns, f->self.to_ns) - MR_MAX(w->v[v[i]].from_ns, f->self.from_ns);
    if (!f->gone.any || left <= 0) return MR_OK;
    MR_TRY(mr_text_add(&t, "%s: %s, which it was made from, is gone, and others have come", f->rel,
                       f->gone.missing));
    MR_TRY(mr_strs_add(&w->out->shrunk, t.s));
out:
    mr_text_fini(&t);
    return st;
}

/** A complete lane of this chain that no planned lane owns, or that has more than its owner will.
 */
static mr_status settle(walk *w, present *f, bool owned_name)
{
    mr_status st = MR_OK;
    size_t *v = NULL, n = 0;
    bool stays = false;
    mr_text copy = {0};
    if (!w->names.row) MR_TRY(mr_names_new(w->plan, &w->names));
    MR_TRY(mr_text_add_bytes(&copy, f->lines.s, f->lines.len));
    mr_said_gone(&w->names, &f->self, &copy, &f->gone);
    MR_TRY(sharing(w, f, &v, &n));
    MR_TRY(may_stay(w, f, v, n, &stays));
    if (stays) {
        MR_TRY(hold(w, f, v, n));
    } else if (owned_name) {
        MR_TRY(note_shrunk(w, f, v, n));
        MR_TRY(mr_leftover_remove(f->path, "its inputs changed; the lane is redone"));
    } else if (is_superseded(w, &f->self.series, mr_base_name(f->path))) {
        MR_TRY(note_shrunk(w, f, v, n));
        MR_TRY(mr_strs_add(&w->out->superseded, f->path));
    } else if (!f->gone.n_known && f->gone.again) {
        MR_TRY(mr_leftover_remove(f->path, "none of its inputs could be read, and they are gone"));
    } else {
        MR_TRY(mr_kept_add(&w->out->kept, f->rel, &f->content));
        w->out->kept.v[w->out->kept.n - 1].n_losses = f->gone.n_losses;
    }
out:
    free(v);
    mr_text_fini(&copy);
    return st;
}

/* --- everything under lanes/ ----------------------------------------------------------------- */

/** Is this a complete lane of this chain, under a name that it may have? */
static mr_status is_lane(const walk *w, present *f, bool *yes)
{
    mr_trailer t;
    mr_status st = mr_trailer_read(f->path, false, &t);
    if (st == MR_OK) st = mr_inputs_read(f->path, &f->self, &f->lines);
    *yes = st == MR_OK && strcmp(t.plan.hex, w->plan->digest.hex) == 0 &&
           mr_lane_self_fits(&f->self, f->rel);
    if (*yes) f->content = t.content;
    const mr_index_row *listed = mr_index_find(w->index, f->rel);
    if (*yes && listed && strcmp(listed->checksum, t.content.hex) != 0)
        *yes = false; /* not what the last run left */
    if (st != MR_EVERIFY) return st;
    mr_error_clear();
    return MR_OK;
}

static mr_status sort_out(walk *w, const char *path)
{
    mr_status st = MR_OK;
    present f = {.path = path, .rel = path + strlen(w->folder) + 1};
    const owned key = {.rel = f.rel};
    bool lane;
    if (fnmatch("*.h5.*-????????????????.part", path, 0) == 0)
        return mr_leftover_remove(path, "a dead run left it");
    const owned *owner = bsearch(&key, w->v, w->n, sizeof key, by_rel);
    if (owner && w->done[owner->number] != MR_LANE_SHORT) return MR_OK;
    MR_TRY(is_lane(w, &f, &lane));
    MR_TRY(lane ? settle(w, &f, owner != NULL) : mr_strs_add(&w->out->strangers, f.rel));
out:
    mr_text_fini(&f.lines);
    return st;
}

/** OUT/lanes itself and a day of it may be links: somebody has moved them to another disk. */
static bool is_moved_day(const FTSENT *e)
{
    return e->fts_info == FTS_SL && e->fts_level == 1 &&
           fnmatch("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]", e->fts_name, 0) == 0;
}

mr_status mr_leftovers_find(const mr_plan *p, const char *folder, const uint8_t *done,
                            const mr_index *index, mr_leftovers *out)
{
    mr_status st = MR_OK;
    mr_text root = {0};
    FTS *f = NULL;
    walk w = {
        .plan = p, .n = p->n_lanes, .folder = folder, .done = done, .index = index, .out = out};
    MR_TRY(mr_alloc(w.n, sizeof *w.v, "the lanes", &w.v));
    MR_TRY(mr_alloc(w.n, sizeof *w.held, "the lanes", &w.held));
    for (size_t i = 0; i < w.n; i++) { /* a lane reaches to its next sample */
        const mr_lane *l = &p->lanes[i];
        const mr_chain *c = p->arrays[l->array].chain;
        const mr_needs *d = mr_chain_reduces(c);
        const double step_ns =
            d && d->row_ns != MR_ALL ? (double)d->row_ns : 1e9 / mr_chain_rate(c);
        const int64_t half_ns = d ? 0 : (int64_t)(step_ns / 2);
        w.v[i] = (owned){.number = i,
                         .rel = l->rel,
                         .series = &p->arrays[l->array].series,
                         .begin_ns = l->t0_ns - half_ns,
                         .end_ns = l->t1_ns + (int64_t)step_ns};
        mr_said_times(p, l, &w.v[i].from_ns, &w.v[i].to_ns);
        w.reach_ns = MR_MAX(w.reach_ns, half_ns);
    }
    qsort(w.v, w.n, sizeof *w.v, by_rel);
    for (size_t i = 0; i < w.n; i++) {
        w.v[i].latest_ns = i ? MR_MAX(w.v[i].end_ns, w.v[i - 1].latest_ns) : w.v[i].end_ns;
        w.v[i].latest_to_ns = i ? MR_MAX(w.v[i].to_ns, w.v[i - 1].latest_to_ns) : w.v[i].to_ns;
    }
    MR_TRY(mr_text_add(&root, "%s/lanes", folder));
    if (access(root.s, F_OK) != 0) goto out;
    char *paths[] = {root.s, NULL};
    f = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    for (FTSENT *e; f && (e = fts_read(f));) {
        if (is_moved_day(e)) fts_set(f, e, FTS_FOLLOW);
        if (e->fts_info == FTS_F) MR_TRY(sort_out(&w, e->fts_path));
    }
out:
    if (f) fts_close(f);
    free(w.v);
    free(w.held);
    mr_names_fini(&w.names);
    mr_text_fini(&root);
    return st;
}

mr_status mr_leftovers_clean(const mr_leftovers *l)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < l->superseded.n; i++)
        MR_TRY(mr_leftover_remove(l->superseded.v[i], "lanes of the grown archive cover its time"));
out:
    return st;
}

void mr_leftovers_fini(mr_leftovers *l)
{
    mr_kept_fini(&l->kept);
    mr_strs_fini(&l->superseded);
    mr_strs_fini(&l->strangers);
    mr_strs_fini(&l->shrunk);
    free(l->held);
}

/* --- a lane in another's place --------------------------------------------------------------- */

static bool is_planned(void *arg, const char *rel)
{
    const mr_plan *p = arg;
    for (size_t i = 0; i < p->n_lanes; i++)
        if (strcmp(p->lanes[i].rel, rel) == 0) return true;
    return false;
}

mr_status mr_leftover_aside(const mr_plan *p, const char *folder, const mr_lane *l, bool *moved)
{
    mr_status st = MR_OK;
    mr_text path = {0};
    mr_lane_self self;
    char *now = NULL;
    *moved = false;
    MR_TRY(mr_text_add(&path, "%s/%s", folder, l->rel));
    st = mr_inputs_read(path.s, &self, NULL);
    if (st == MR_EVERIFY) { /* what it is cannot be said */
        mr_error_clear();
        st = MR_OK;
        goto out;
    }
    MR_TRY(st);
    if (!mr_lane_self_fits(&self, l->rel) ||
        mr_series_same(&self.series, &p->arrays[l->array].series))
        goto out;
    MR_TRY(mr_lane_aside(folder, l->rel, is_planned, (void *)(uintptr_t)p, &now));
    mr_log(MR_WARN, "%s is moved to %s: it is of another rate or layout", path.s, now);
    *moved = true;
out:
    free(now);
    mr_text_fini(&path);
    return st;
}
