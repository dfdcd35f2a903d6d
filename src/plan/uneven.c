/* plan/uneven.c: spans of irregular rows: their times, and the even grid that an operator makes of
 * them. */
#include "plan/config/config.h"
#include "plan/span.h"
#include <stdlib.h>

mr_status mr_spans_stamps(mr_spans *s, const mr_catalog *c, const mr_config *cfg)
{
    mr_status st = MR_OK;
    mr_prober *prober = NULL;
    size_t n = 0;
    for (size_t i = 0; i < s->n_legs; i++) n += s->leg[i].rows > 0;
    if (!n) return MR_OK;
    MR_TRY(mr_alloc(s->n_legs, sizeof *s->stamp, "the times of rows", &s->stamp));
    MR_TRY(mr_prober_new(1, cfg->map, &prober));
    mr_prober_pick(prober, cfg->dataset);
    for (size_t i = 0; i < s->n_legs; i++) {
        const mr_leg *q = &s->leg[i];
        if (!q->rows) continue;
        MR_TRY(mr_probe_stamps(prober, mr_catalog_path(c, q->file),
                               c->facts[c->rows[q->file].form].dataset, q->rows, &s->stamp[i]));
    }
out:
    mr_prober_free(prober);
    return st;
}

/** The last grid index whose time is not after t. */
static int64_t index_before(int64_t t_ns, double rate_hz)
{
    const int64_t k = mr_index_ceil(t_ns, rate_hz);
    return mr_index_ns(k, 1, rate_hz) > t_ns ? k - 1 : k;
}

int64_t mr_grid_from(int64_t t_ns, double rate_hz)
{
    const int64_t k = index_before(t_ns, rate_hz);
    return mr_index_ns(k, 1, rate_hz) < t_ns ? k + 1 : k;
}

static bool to_grid(mr_spans *s, mr_span *sp, double rate_hz)
{
    mr_leg *leg = &s->leg[sp->leg0];
    int64_t *const *stamp = &s->stamp[sp->leg0];
    const size_t last = sp->n_legs - 1;
    const int64_t end = index_before(stamp[last][leg[last].rows - 1], rate_hz) + 1;
    sp->axis = MR_AXIS_GRID;
    sp->rate_hz = rate_hz;
    sp->index0 = mr_grid_from(stamp[0][0], rate_hz);
    sp->n = end - sp->index0;
    sp->t0_ns = mr_index_ns(sp->index0, 1, rate_hz);
    for (size_t i = 0; i < sp->n_legs; i++) {
        leg[i].k = mr_grid_from(stamp[i][0], rate_hz) - sp->index0;
        leg[i].t_ns = mr_index_ns(sp->index0 + leg[i].k, 1, rate_hz);
        leg[i].step_ns = 0;
        if (i) leg[i - 1].n = (uint64_t)(leg[i].k - leg[i - 1].k);
    }
    leg[last].n = (uint64_t)MR_MAX(sp->n - leg[last].k, (int64_t)0);
    return sp->n > 0;
}

void mr_spans_to_grid(mr_spans *s, uint32_t group, double grid_hz)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_spans; i++) { /* one that has no sample of the grid is none */
        mr_span *sp = &s->span[i];
        if (sp->group == group && sp->axis == MR_AXIS_ROWS && !to_grid(s, sp, grid_hz)) continue;
        s->span[kept++] = *sp;
    }
    s->n_spans = kept;
}

/** Rows of leg i whose time is not after t. */
static uint32_t rows_until(const mr_spans *s, size_t i, int64_t t_ns)
{
    uint32_t a = 0, b = s->leg[i].rows;
    while (a < b) {
        const uint32_t mid = a + (b - a) / 2;
        if (s->stamp[i][mid] <= t_ns)
            a = mid + 1;
        else
            b = mid;
    }
    return a;
}

uint32_t mr_span_row(const mr_spans *s, const mr_span *sp, size_t i, int64_t k)
{
    const mr_leg *q = &s->leg[i];
    if (sp->axis != MR_AXIS_GRID) return (uint32_t)(k - sp->index0 - q->k + (int64_t)q->skip);
    const uint32_t n = rows_until(s, i, mr_index_ns(k, 1, sp->rate_hz));
    return n ? n - 1 : 0;
}

mr_slab mr_span_rows(const mr_spans *s, const mr_span *sp, size_t i, mr_slab grid)
{
    const mr_leg *q = &s->leg[i];
    const int64_t first = sp->index0 + q->k, end = first + (int64_t)q->n;
    const int64_t a =
        grid.a <= first ? 0 : rows_until(s, i, mr_index_ns(grid.a - 1, 1, sp->rate_hz));
    const int64_t b =
        grid.b >= end ? q->rows : rows_until(s, i, mr_index_ns(grid.b - 1, 1, sp->rate_hz));
    return (mr_slab){a, MR_MAX(a, b)};
}
