/* run/ending.c: see ending.h. */
#include "run/ending.h"
#include <stdlib.h>

mr_status mr_ending_write(const mr_plan *p, mr_resume *done, const char *folder)
{
    mr_status st = MR_OK;
    mr_lane_entry *e = NULL;
    MR_TRY(mr_alloc(p->n_lanes, sizeof *e, "the index", &e));
    for (size_t i = 0; i < p->n_lanes; i++) {
        const mr_lane *l = &p->lanes[i];
        const mr_array *a = &p->arrays[l->array];
        const mr_geom *g = mr_chain_out(a->chain);
        e[i] = (mr_lane_entry){.rel = l->rel,
                               .t0_ns = l->t0_ns,
                               .t1_ns = l->t1_ns,
                               .rows = (uint64_t)(l->rows.b - l->rows.a),
                               .c0 = l->c0,
                               .c1 = l->c1,
                               .ch0 = a->chan[l->c0],
                               .ch1 = a->chan[l->c1 - 1] + 1,
                               .digest = done->digest[i],
                               .part = (int)l->array,
                               .rate_hz = g->rate_hz,
                               .quantity = g->quantity,
                               .unit = g->unit,
                               .shape = mr_array_shape(a)};
    }
    MR_TRY(mr_leftovers_clean(&done->left));
    MR_TRY(mr_kept_write(folder, &done->left.kept));
    if (p->n_lanes && e[0].shape.f64)
        MR_TRY(mr_result_write(folder, e, p->n_lanes, &p->digest));
    else
        MR_TRY(mr_master_write(folder, e, p->n_lanes, &p->digest));
    MR_TRY(mr_index_write(folder, e, p->n_lanes));
out:
    free(e);
    return st;
}
