/* run/leftover.c: see leftover.h. What a file under lanes/ is, it says itself (out/digests.h). */
#include "run/leftover.h"
#include <errno.h>
#include <fts.h>
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
    const char *rel;
    const mr_series *series;
    int64_t begin_ns; /* half a sample before its first: stamps of files may bend its time */
    int64_t end_ns, latest_ns; /* where its next sample would be; the latest of all up to here */
} owned;

typedef struct walk {
    const mr_plan *plan;
    size_t n;
    owned *v;         /* sorted by name */
    int64_t reach_ns; /* the longest half sample */
    const char *folder;
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

/** Is this a complete lane of this chain, under a name that it may have? *content: its checksum. */
static mr_status is_lane(const mr_plan *p, const char *path, const char *rel, mr_lane_self *self,
                         mr_digest *content, bool *yes)
{
    mr_trailer t;
    mr_status st = mr_trailer_read(path, false, &t);
    if (st == MR_OK) st = mr_inputs_read(path, self, NULL);
    *yes = st == MR_OK && strcmp(t.plan.hex, p->digest.hex) == 0 && mr_lane_self_fits(self, rel);
    if (*yes) *content = t.content;
    if (st != MR_EVERIFY) return st;
    mr_error_clear();
    return MR_OK;
}

static mr_status sort_out(walk *w, const char *path)
{
    mr_status st = MR_OK;
    const owned key = {.rel = path + strlen(w->folder) + 1};
    const size_t n = strlen(path);
    mr_lane_self self;
    mr_digest content;
    bool lane;
    if (n > 5 && strcmp(path + n - 5, ".part") == 0)
        return mr_leftover_remove(path, "a dead run left it");
    if (bsearch(&key, w->v, w->n, sizeof key, by_rel)) return MR_OK;
    MR_TRY(is_lane(w->plan, path, key.rel, &self, &content, &lane));
    if (!lane) return mr_strs_add(&w->out->strangers, key.rel);
    if (is_superseded(w, &self.series, mr_base_name(path)))
        return mr_strs_add(&w->out->superseded, path);
    st = mr_kept_add(&w->out->kept, key.rel, &content);
out:
    return st;
}

mr_status mr_leftovers_find(const mr_plan *p, const char *folder, mr_leftovers *out)
{
    mr_status st = MR_OK;
    mr_text root = {0};
    FTS *f = NULL;
    walk w = {.plan = p, .n = p->n_lanes, .folder = folder, .out = out};
    MR_TRY(mr_alloc(w.n, sizeof *w.v, "the lanes", &w.v));
    for (size_t i = 0; i < w.n; i++) { /* a lane reaches to its next sample */
        const mr_lane *l = &p->lanes[i];
        const mr_chain *c = p->arrays[l->array].chain;
        const mr_needs *d = mr_chain_reduces(c);
        const double step_ns =
            d && d->row_ns != MR_ALL ? (double)d->row_ns : 1e9 / mr_chain_rate(c);
        const int64_t half_ns = d ? 0 : (int64_t)(step_ns / 2);
        w.v[i] = (owned){.rel = l->rel,
                         .series = &p->arrays[l->array].series,
                         .begin_ns = l->t0_ns - half_ns,
                         .end_ns = l->t1_ns + (int64_t)step_ns};
        w.reach_ns = MR_MAX(w.reach_ns, half_ns);
    }
    qsort(w.v, w.n, sizeof *w.v, by_rel);
    for (size_t i = 0; i < w.n; i++)
        w.v[i].latest_ns = i ? MR_MAX(w.v[i].end_ns, w.v[i - 1].latest_ns) : w.v[i].end_ns;
    MR_TRY(mr_text_add(&root, "%s/lanes", folder));
    if (access(root.s, F_OK) != 0) goto out;
    char *paths[] = {root.s, NULL};
    f = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    for (FTSENT *e; f && (e = fts_read(f));)
        if (e->fts_info == FTS_F) MR_TRY(sort_out(&w, e->fts_path));
out:
    if (f) fts_close(f);
    free(w.v);
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
