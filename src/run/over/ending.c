/* run/over/ending.c: see ending.h. */
#include "run/over/ending.h"
#include <stdlib.h>
#include <string.h>
#include "out/product/kinds.h"
#include "par/map.h"
#include "run/over/events.h"

#define LONG ((uint64_t)4 << 30) /* bytes of sums that take a while to be merged */

/** A lane that stays in the place of a planned one, which keeps its channels and kind. */
static void put_held(const mr_held *h, mr_lane_entry *e)
{
    e->rel = h->rel;
    e->t0_ns = h->t0_ns;
    e->t1_ns = h->t1_ns;
    e->rows = h->rows;
    e->digest = h->digest;
}

/** The lanes as master, result and index list them. */
static mr_status entries(const mr_plan *p, const mr_resume *done, mr_lane_entry **out, size_t *n)
{
    mr_status st = MR_OK;
    mr_lane_entry *e = NULL;
    const mr_leftovers *left = &done->left;
    const mr_held **held = NULL;
    MR_TRY(mr_alloc(p->n_lanes, sizeof *e, "the index", &e));
    MR_TRY(mr_alloc(p->n_lanes, sizeof(void *), "the index", &held));
    for (size_t i = 0; i < left->n_held; i++) held[left->held[i].lane] = &left->held[i];
    *n = 0;
    for (size_t i = 0; i < p->n_lanes; i++) {
        const mr_lane *l = &p->lanes[i];
        const mr_array *a = &p->arrays[l->array];
        const mr_geom *g = mr_chain_out(a->chain);
        if (held[i] ? !held[i]->first : !done->done[i]) continue;
        mr_lane_entry *to = &e[(*n)++];
        *to = (mr_lane_entry){.rel = l->rel,
                              .t0_ns = l->t0_ns,
                              .t1_ns = l->t1_ns,
                              .rows = (uint64_t)(l->rows.b - l->rows.a),
                              .c0 = l->c0,
                              .c1 = l->c1,
                              .ch0 = mr_array_channel(a, l->c0),
                              .ch1 = mr_array_channel(a, l->c1 - 1) + 1,
                              .digest = done->digest[i],
                              .part = (int)a->group,
                              .rate_hz = mr_array_out_rate(a),
                              .quantity = g->quantity,
                              .unit = g->unit,
                              .shape = mr_array_shape(a),
                              .number = i};
        if (held[i]) put_held(held[i], to);
    }
    *out = e;
    e = NULL;
out:
    free(e);
    free(held);
    return st;
}

typedef struct merging {
    mr_result *r;
    const char *folder;
    int rank;
} merging;

static mr_status merge_piece(void *arg, uint64_t i, mr_text *out)
{
    const merging *m = arg;
    mr_digest sum;
    const mr_status st = mr_result_merge(m->r, i, &sum);
    return st == MR_OK ? mr_text_add_bytes(out, sum.hex, strlen(sum.hex)) : st;
}

static mr_status note_piece(void *arg, uint64_t i, const char *bytes, size_t n)
{
    const merging *m = arg;
    mr_digest sum = {0};
    memcpy(sum.hex, bytes, MR_MIN(n, sizeof sum.hex - 1));
    return mr_result_note(m->r, m->folder, m->rank, i, &sum);
}

/** Rank 0 lays it out and tells the others where things are. */
static mr_status begin(mr_comm *c, const char *folder, const mr_lane_entry *e, size_t n,
                       mr_result **out)
{
    mr_status st = MR_OK;
    const bool first = mr_comm_rank(c) == 0;
    mr_text pack = {0};
    void *told = NULL;
    size_t bytes = 0;
    if (first) {
        st = mr_result_begin(folder, e, n, out);
        if (st == MR_OK) st = mr_result_pack(*out, &pack);
        told = pack.s;
        bytes = pack.len;
    }
    MR_TRY(mr_agree(c, st));
    MR_TRY(mr_bcast(c, &told, &bytes));
    if (!first) st = mr_result_join(folder, e, n, told, bytes, out);
    st = mr_agree(c, st);
out:
    free(told);
    return st;
}

/** What is written of all lanes. */
typedef struct ending {
    mr_comm *c;
    const mr_plan *p;
    const char *folder;
    mr_lane_entry *e; /* [n] */
    size_t n;
    int threads;
} ending;

static mr_status write_master(const ending *w)
{
    return mr_master_write(w->folder, w->e, w->n, &w->p->digest);
}

static mr_status write_events(const ending *w)
{
    return mr_events_of_lanes(w->p, w->folder, w->e, w->n);
}

static mr_status write_result(const ending *w)
{
    mr_status st = MR_OK;
    mr_result *r = NULL;
    mr_mapped nothing = {0};
    mr_comm *c = w->c;
    if (mr_comm_rank(c) == 0 && w->p->out_bytes > LONG)
        mr_log(MR_INFO, "merging the sums of %zu lanes", w->n);
    MR_TRY(begin(c, w->folder, w->e, w->n, &r));
    merging m = {r, w->folder, mr_comm_rank(c)};
    MR_TRY(mr_map_ranks(c, mr_result_pieces(r), w->threads, merge_piece, note_piece, &m, &nothing));
    MR_TRY(mr_agree(c, mr_result_sync(r)));
    if (mr_comm_rank(c) == 0) st = mr_result_seal(r, w->folder, &w->p->digest);
    st = mr_agree(c, st);
out:
    mr_mapped_fini(&nothing);
    if (st != MR_EOUTPUT) mr_result_keep(r); /* a full disk is given its room back */
    mr_result_free(r);
    return st;
}

static const struct {
    bool by_all; /* collective, once, when all lanes are there; else rank 0's, of any lanes */
    mr_status (*write)(const ending *w);
} ends[MR_PRODUCT_ENDS] = {[MR_END_MASTER] = {false, write_master},
                           [MR_END_RESULT] = {true, write_result},
                           [MR_END_EVENTS] = {false, write_events}};

mr_status mr_ending_write(mr_comm *c, const mr_plan *p, mr_resume *done, const char *folder,
                          int threads)
{
    mr_status st = MR_OK;
    const bool first = mr_comm_rank(c) == 0;
    const mr_row_shape shape =
        p->n_lanes ? mr_array_shape(&p->arrays[p->lanes[0].array]) : (mr_row_shape){0};
    const mr_product_end end = mr_product_of(&shape)->end;
    const bool by_all = ends[end].by_all;
    mr_lane_entry *e = NULL;
    size_t n = 0;
    bool all = true;
    for (size_t i = 0; i < p->n_lanes; i++) all = all && done->done[i];
    if (!all && by_all) return MR_OK;
    if (first || by_all) st = entries(p, done, &e, &n);
    if (st == MR_OK && first && all) st = mr_leftovers_clean(&done->left);
    if (st == MR_OK && first) st = mr_kept_write(folder, &done->left.kept);
    MR_TRY(mr_agree(c, st));
    const ending w = {c, p, folder, e, n, threads};
    if (by_all)
        MR_TRY(ends[end].write(&w));
    else if (first && n)
        st = ends[end].write(&w);
    if (st == MR_OK && first && n) st = mr_index_write(folder, e, n);
    st = mr_agree(c, st);
out:
    free(e);
    return st;
}
