/* run/piece/picks.c: chains whose product is a table. Each tile lists what it finds; what can not
 * change any more is put in order and goes to the writer, who keeps the rows until it knows how
 * many the lane has. */
#include <stdlib.h>
#include <string.h>
#include "run/piece/piece.h"

mr_status mr_picks_begin(const mr_plan *p, mr_job *j)
{
    mr_status st = MR_OK;
    const mr_lane *l = j->lane;
    const mr_array *a = &p->arrays[l->array];
    if (!mr_chain_picks(a->chain)) return MR_OK;
    const size_t most = mr_picks_most(a, l), nc = l->c1 - l->c0;
    MR_TRY(mr_alloc(j->n_states, sizeof *j->picks, "picks", &j->picks));
    for (size_t i = 0; i < j->n_states; i++) {
        j->picks[i].most = most / j->n_states + 1024;
        j->picks[i].channels = MR_MIN(nc, (size_t)MR_TILE);
    }
    j->waiting.most = most;
    j->waiting.channels = nc;
out:
    return st;
}

void mr_job_picks_free(mr_job *j)
{
    for (size_t i = 0; j->picks && i < j->n_states; i++) free(j->picks[i].v);
    free(j->picks);
    free(j->waiting.v);
    mr_spool_free(j->spool);
}

mr_status mr_picks_hand_over(const mr_plan *p, mr_job *j, int64_t done, mr_out_block *b)
{
    mr_status st = MR_OK;
    const mr_lane *l = j->lane;
    const mr_chain *c = p->arrays[l->array].chain;
    const int64_t known = b->last ? INT64_MAX : mr_chain_picks_known(c, done);
    size_t n = 0;
    for (size_t i = 0; i < j->n_states; i++) {
        mr_picks *t = &j->picks[i];
        for (size_t k = 0; k < t->n; k++)
            if (t->v[k].on >= l->own.a && t->v[k].on < l->own.b)
                mr_picks_add(&j->waiting, &t->v[k]);
        t->n = 0;
        MR_TRY(j->waiting.st);
    }
    mr_picks_sort(j->waiting.v, j->waiting.n);
    while (n < j->waiting.n && j->waiting.v[n].on < known) n++;
    if (!n) goto out;
    MR_TRY(mr_alloc(n, sizeof *b->picks, "picks", &b->picks));
    memcpy(b->picks, j->waiting.v, n * sizeof *b->picks);
    b->n_picks = n;
    memmove(j->waiting.v, j->waiting.v + n, (j->waiting.n - n) * sizeof *b->picks);
    j->waiting.n -= n;
out:
    return st;
}

mr_status mr_picks_spool(const mr_plan *p, const char *folder, mr_out_block *b)
{
    mr_status st = MR_OK;
    mr_job *j = b->job;
    const mr_lane *l = j->lane;
    const mr_array *a = &p->arrays[l->array];
    mr_text scratch = {0};
    if (!j->spool) {
        MR_TRY(mr_text_add(&scratch, "%s/.millrace", folder));
        MR_TRY(mr_spool_new(scratch.s, &j->spool));
    }
    for (size_t i = 0; i < b->n_picks; i++) {
        const mr_pick *k = &b->picks[i];
        const mr_pick_row row = {.start_ns = mr_lane_time(p, l, k->on),
                                 .end_ns = mr_lane_time(p, l, k->off),
                                 .peak_ns = mr_lane_time(p, l, k->peak_at),
                                 .channel = (int64_t)mr_array_channel(a, k->channel),
                                 .distance_m = a->distance_m[k->channel],
                                 .peak = k->peak,
                                 .on = k->on,
                                 .off = k->off,
                                 .peak_at = k->peak_at,
                                 .flags = (int32_t)k->flags,
                                 .column = (int32_t)k->channel};
        MR_TRY(mr_spool_add(j->spool, &row, sizeof row));
    }
out:
    mr_text_fini(&scratch);
    return st;
}
