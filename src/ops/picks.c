/* ops/picks.c: the list that pick operators add to. */
#include "millrace/op.h"
#include <stdlib.h>

void mr_picks_add(mr_picks *p, const mr_pick *one)
{
    if (p->st != MR_OK) return;
    if (p->n == p->most) {
        p->st =
            MR_RAISE(MR_ECONFIG,
                     "more than %zu picks of %zu channels within a few cells of max_length: raise "
                     "the threshold `on`, or shorten max_length",
                     p->most, p->channels);
        return;
    }
    p->st = mr_grow(&p->v, &p->cap, p->n + 1, sizeof *p->v, "picks");
    if (p->st == MR_OK) p->v[p->n++] = *one;
}

static int by_time(const void *pa, const void *pb)
{
    const mr_pick *a = pa, *b = pb;
    if (a->on != b->on) return a->on < b->on ? -1 : 1;
    return (a->channel > b->channel) - (a->channel < b->channel);
}

void mr_picks_sort(mr_pick *v, size_t n)
{
    if (n > 1) qsort(v, n, sizeof *v, by_time);
}
