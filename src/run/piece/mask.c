/* run/piece/mask.c: input.mask: samples of a tile that count as NaN though they are numbers: those
 * of a run without change that is long enough, and those that are too large. How long a run is does
 * not depend on where a tile, a block or a lane ends: the rows beside it are in memory, too. */
#include <math.h>
#include "run/piece/piece.h"

enum { ROWS = 16 }; /* looked at together beside a tile: mostly one would do */

/** Up to MR_TILE channels of a tile, while they are masked. */
typedef struct masking {
    const mr_mill *m;
    const mr_job *j;
    mr_slab raw; /* rows of x */
    uint64_t c0; /* its first channel */
    mr_view x;
    mr_tile_quality *q;  /* that keeps count; NULL: none does */
    const int64_t *from; /* [nc] rows before these were counted */
    int64_t since[MR_TILE];
    int64_t before[MR_TILE], after[MR_TILE]; /* rows beside x that have its first, last value */
    bool any;
} masking;

/** How many rows from `at` on (up: on; else: back, at - 1 the first) are as `edge`, of `most`. */
static void beside(const masking *k, const double *edge, int64_t at, bool up, int64_t most,
                   int64_t *count)
{
    double d[ROWS * MR_TILE];
    const mr_slab all = k->j->lane->raw;
    uint64_t alive = 0;
    int64_t n;
    for (size_t c = 0; c < k->x.nc; c++) {
        count[c] = 0;
        alive |= (uint64_t)(isfinite(edge[c]) != 0) << c;
    }
    most = MR_MIN(most, up ? all.b - at : at - all.a);
    for (int64_t done = 0; alive && done < most; done += n) {
        n = MR_MIN(most - done, (int64_t)ROWS);
        const int64_t a = up ? at + done : at - done - n;
        mr_view v = {d, (size_t)n, k->x.nc, MR_TILE};
        (void)mr_tile_raw(k->m, k->j, (mr_slab){a, a + n}, k->c0, &v);
        for (int64_t i = 0; i < n && alive; i++) {
            const double *row = mr_at(&v, (size_t)(up ? i : n - 1 - i), 0);
            for (size_t c = 0; c < k->x.nc; c++) {
                if (!(alive >> c & 1)) continue;
                if (row[c] == edge[c])
                    count[c]++;
                else
                    alive &= ~((uint64_t)1 << c);
            }
        }
    }
}

/** The run of channel c that ends before row `end` of x is over. */
static mr_status close_run(masking *k, size_t c, int64_t end)
{
    const int64_t nt = (int64_t)k->x.nt, a = k->since[c];
    const double v = *mr_at(&k->x, (size_t)a, c);
    const mr_look *look = &k->j->look;
    const int64_t n = end - a + (a == 0 ? k->before[c] : 0) + (end == nt ? k->after[c] : 0);
    if (!isfinite(v) || !((look->mask && n >= look->mask) || fabs(v) > look->above)) return MR_OK;
    for (int64_t t = a; t < end; t++) *mr_at(&k->x, (size_t)t, c) = NAN;
    k->any = true;
    const int64_t ch = (int64_t)(k->c0 + c);
    if (!k->q || ch < k->q->own.a || ch >= k->q->own.b) return MR_OK;
    const mr_slab own = {MR_MAX(MR_MAX(k->raw.a + a, k->from[c]), look->own.a),
                         MR_MIN(k->raw.a + end, look->own.b)};
    if (own.a >= own.b) return MR_OK;
    const mr_flaw f = {.kind = MR_FLAW_MASKED,
                       .c0 = (uint32_t)ch,
                       .c1 = (uint32_t)ch + 1,
                       .raw = own,
                       .count = (uint64_t)(own.b - own.a)};
    return mr_quality_note(k->q, &f);
}

mr_status mr_mask(const mr_mill *m, const mr_job *j, mr_slab raw, uint64_t c0, const mr_view *x,
                  mr_tile_quality *q, const int64_t *from, bool *any)
{
    mr_status st = MR_OK;
    masking k = {.m = m, .j = j, .raw = raw, .c0 = c0, .x = *x, .q = q, .from = from};
    const int64_t most = j->look.mask - 1;
    if (x->nt == 0) return MR_OK;
    if (most > 0) {
        beside(&k, mr_at(x, 0, 0), raw.a, false, most, k.before);
        beside(&k, mr_at(x, x->nt - 1, 0), raw.b, true, most, k.after);
    }
    for (size_t t = 1; t < x->nt; t++)
        for (size_t c = 0; c < x->nc; c++) {
            /* what was masked is NaN by now, but never the row before this one */
            if (*mr_at(x, t, c) == *mr_at(x, t - 1, c)) continue;
            MR_TRY(close_run(&k, c, (int64_t)t));
            k.since[c] = (int64_t)t;
        }
    for (size_t c = 0; c < x->nc; c++) MR_TRY(close_run(&k, c, (int64_t)x->nt));
    *any |= k.any;
out:
    return st;
}
