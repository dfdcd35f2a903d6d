/* run/mill/losses.c: see losses.h. */
#include "run/mill/losses.h"
#include <stdlib.h>
#include <string.h>
#include "out/digests.h"

mr_status mr_losses_add(mr_losses *l, const mr_loss *row)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < l->n; i++) /* halos are read twice: one entry is enough */
        if (l->v[i].file == row->file && l->v[i].t0_ns == row->t0_ns &&
            strcmp(l->v[i].note, row->note) == 0)
            return MR_OK;
    MR_TRY(mr_grow(&l->v, &l->cap, l->n + 1, sizeof *l->v, "the list of losses"));
    l->v[l->n++] = *row;
out:
    return st;
}

static int by_time(const void *pa, const void *pb)
{
    const mr_loss *a = pa, *b = pb;
    if (a->t0_ns != b->t0_ns) return a->t0_ns < b->t0_ns ? -1 : 1;
    if (a->t1_ns != b->t1_ns) return a->t1_ns < b->t1_ns ? -1 : 1;
    if (a->file != b->file) return a->file < b->file ? -1 : 1;
    return strcmp(a->note, b->note);
}

mr_status mr_losses_print(const mr_catalog *c, mr_losses *l, mr_text *lines)
{
    mr_status st = MR_OK;
    if (l->n) qsort(l->v, l->n, sizeof *l->v, by_time);
    for (size_t i = 0; i < l->n; i++) {
        const mr_loss *v = &l->v[i];
        const mr_lost_line line = {.t0_ns = v->t0_ns,
                                   .t1_ns = v->t1_ns,
                                   .again = v->again,
                                   .name = mr_base_name(mr_catalog_path(c, v->file)),
                                   .note = v->note};
        MR_TRY(mr_lost_print(lines, &line));
    }
out:
    return st;
}

mr_odd mr_loss_odd(const mr_loss *l)
{
    mr_odd o = {.kind = MR_ODD_BAD_CHUNK,
                .file = l->file,
                .other = SIZE_MAX,
                .t0_ns = l->t0_ns,
                .t1_ns = l->t1_ns,
                .equal = -1};
    memcpy(o.note, l->note, sizeof o.note);
    return o;
}

mr_status mr_losses_note(const mr_losses *l, mr_spans *ledger)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < l->n; i++) {
        const mr_odd o = mr_loss_odd(&l->v[i]);
        MR_TRY(mr_spans_note(ledger, &o));
    }
out:
    return st;
}
