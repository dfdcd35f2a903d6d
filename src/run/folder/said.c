/* run/folder/said.c: see said.h. An input is known by its base name and the time of what was read
 * of it: days may have files of one name, and a lane says no paths. */
#include "run/folder/said.h"
#include <stdlib.h>
#include <string.h>

static const char *name_of(const mr_plan *p, uint32_t row)
{
    return mr_base_name(mr_catalog_path(p->cat, row));
}

static int by_name(const void *a, const void *b, void *plan)
{
    return strcmp(name_of(plan, *(const uint32_t *)a), name_of(plan, *(const uint32_t *)b));
}

mr_status mr_names_new(const mr_plan *p, mr_names *out)
{
    mr_status st = MR_OK;
    mr_names n = {.plan = p};
    MR_TRY(mr_alloc(p->cat->n, sizeof *n.row, "the names of the input", &n.row));
    for (size_t i = 0; i < p->cat->n; i++)
        if (p->cat->rows[i].form != MR_REFUSED) n.row[n.n++] = (uint32_t)i;
    if (n.n) qsort_r(n.row, n.n, sizeof *n.row, by_name, (void *)(uintptr_t)p);
    *out = n;
out:
    return st;
}

void mr_names_fini(mr_names *n)
{
    free(n->row);
    *n = (mr_names){0};
}

/** Half a sample: stamps of neighbours may bend the times of a file so far. */
static int64_t slack_ns(const mr_lane_self *self)
{
    return self->series.rate_hz > 0 ? (int64_t)(0.5e9 / self->series.rate_hz) + 1 : 1;
}

static bool holds_time(const mr_row *r, int64_t t_ns, int64_t slack)
{
    return t_ns >= r->t0_ns - slack && t_ns <= r->t1_ns + slack;
}

static bool is_there(const mr_names *n, const mr_input_line *l, int64_t slack)
{
    size_t a = 0, b = n->n;
    while (a < b) { /* the first that is not before it */
        const size_t mid = a + (b - a) / 2;
        if (strcmp(name_of(n->plan, n->row[mid]), l->name) < 0)
            a = mid + 1;
        else
            b = mid;
    }
    for (; a < n->n && strcmp(name_of(n->plan, n->row[a]), l->name) == 0; a++)
        if (holds_time(&n->plan->cat->rows[n->row[a]], l->t0_ns, slack)) return true;
    return false;
}

void mr_said_gone(const mr_names *names, const mr_lane_self *self, mr_text *lines, mr_gone *out)
{
    char *s = lines->s;
    mr_lost_line lost;
    mr_input_line l;
    *out = (mr_gone){0};
    for (; mr_lost_next(&s, &lost); out->n_losses++) out->again = out->again || lost.again;
    while (mr_inputs_next(&s, &l)) {
        out->n_known += l.known;
        if (!l.known || is_there(names, &l, slack_ns(self))) continue;
        if (!out->any) mr_printable(l.name, out->missing, sizeof out->missing);
        out->any = true;
    }
}

mr_status mr_said_covers(const mr_plan *p, const mr_lane *l, const mr_lane_self *self,
                         const mr_text *lines, bool *yes)
{
    mr_status st = MR_OK;
    const mr_span *sp = &p->spans.span[l->span];
    char *copy = NULL;
    mr_lost_line lost;
    mr_input_line line;
    bool *in = NULL;
    size_t first, n, found = 0;
    mr_span_legs(&p->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &first, &n);
    MR_TRY(mr_strdup(lines->s, &copy));
    MR_TRY(mr_alloc(n, sizeof *in, "a lane's inputs", &in));
    char *s = copy;
    while (mr_lost_next(&s, &lost)) continue;
    while (mr_inputs_next(&s, &line)) {
        for (size_t i = 0; i < n; i++) {
            const uint32_t row = p->spans.leg[first + i].file;
            if (in[i] || strcmp(name_of(p, row), line.name) != 0 ||
                !holds_time(&p->cat->rows[row], line.t0_ns, slack_ns(self)))
                continue;
            in[i] = true;
            found++;
        }
    }
    *yes = found == n;
out:
    free(copy);
    free(in);
    return st;
}

void mr_said_times(const mr_plan *p, const mr_lane *l, int64_t *from_ns, int64_t *to_ns)
{
    const mr_span *sp = &p->spans.span[l->span];
    const mr_chain *c = p->arrays[l->array].chain;
    *from_ns = l->t0_ns;
    *to_ns = l->t1_ns + (int64_t)(1e9 / mr_chain_rate(c));
    if (!mr_chain_reduces(c) || mr_chain_picks(c))
        return; /* a row stands for all that went into it */
    *from_ns = mr_span_time(&p->spans, sp, l->raw.a, 1);
    *to_ns = mr_span_time(&p->spans, sp, l->raw.b, 1);
}

uint32_t mr_said_file(const mr_plan *p, const mr_lane *l, const char *name, int64_t t_ns)
{
    const mr_span *sp = &p->spans.span[l->span];
    uint32_t any = UINT32_MAX;
    size_t first, n;
    mr_span_legs(&p->spans, sp, l->raw.a - sp->index0, l->raw.b - sp->index0, &first, &n);
    for (size_t i = first; i < first + n; i++) {
        const mr_leg *q = &p->spans.leg[i];
        const mr_row *r = &p->cat->rows[q->file];
        if (strcmp(name_of(p, q->file), name) != 0) continue;
        if (t_ns >= r->t0_ns && t_ns <= r->t1_ns) return q->file;
        if (any == UINT32_MAX) any = q->file;
    }
    return any;
}
