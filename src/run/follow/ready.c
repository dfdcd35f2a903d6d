/* run/follow/ready.c: which lanes wait: those that a file may still change which has not come. A
 * gap is believed after follow.patience; the end of the archive when somebody says so, or nothing
 * has come for follow.idle. Whatever comes against that is planned as in any run: the next round
 * finds lanes whose inputs have changed and makes them anew. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include "base/quantity.h"
#include "run/follow/inside.h"

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
    const char *path = mr_catalog_path(p->cat, p->spans.leg[s->leg0].file);
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
    mr_span_legs(&p->spans, sp, l->raw.a - span.a, l->raw.b - span.a, &first, &n);
    return drifts && first + n == sp->leg0 + sp->n_legs; /* its times may bend yet */
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
