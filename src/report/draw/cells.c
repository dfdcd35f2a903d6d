/* report/draw/cells.c: samples poured into the cells of a picture. */
#include "report/draw/picture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Empty cells of n.nx columns for n.nc channels. */
static mr_status empty_cells(mr_cells *n, mr_cells *out)
{
    mr_status st = MR_OK;
    float *lo = NULL, *hi = NULL;
    const uint64_t most = n->most_y ? n->most_y : MR_PICTURE_NY;
    n->per_cell = (n->nc + most - 1) / most;
    n->ny = (size_t)((n->nc + n->per_cell - 1) / n->per_cell);
    MR_TRY(mr_alloc(n->nx * n->ny, sizeof *lo, "picture cells", &lo));
    MR_TRY(mr_alloc(n->nx * n->ny, sizeof *hi, "picture cells", &hi));
    for (size_t i = 0; i < n->nx * n->ny; i++) {
        lo[i] = INFINITY;
        hi[i] = -INFINITY;
    }
    n->lo = lo;
    n->hi = hi;
    *out = *n;
    lo = hi = NULL;
out:
    free(lo);
    free(hi);
    return st;
}

mr_status mr_cells_init(mr_cells *c, int64_t t0_ns, int64_t t1_ns, double dt_ns, uint64_t nc,
                        double x0_m, double dx_m)
{
    mr_cells n = {.t0_ns = t0_ns, .t1_ns = t1_ns, .nc = nc, .x0_m = x0_m, .dx_m = dx_m};
    const double most = (double)(c->most_x ? c->most_x : MR_PICTURE_NX);
    n.most_x = c->most_x;
    n.most_y = c->most_y;
    if (t1_ns <= t0_ns || nc == 0 || !(dt_ns > 0))
        return MR_RAISE(MR_ECONFIG,
                        "nothing to draw: no samples in the time and channels asked for");
    const double samples = ceil((double)(t1_ns - t0_ns) / dt_ns - 1e-6);
    n.nx = (size_t)MR_MAX(1.0, MR_MIN(most, samples));
    n.per_column = MR_MAX(1.0, samples / (double)n.nx);
    return empty_cells(&n, c);
}

mr_status mr_cells_init_along(mr_cells *c, const mr_along *along, uint64_t nc, double x0_m,
                              double dx_m)
{
    mr_cells n = {.along = *along, .nc = nc, .x0_m = x0_m, .dx_m = dx_m, .per_column = 1};
    n.nx = c->most_x ? c->most_x : MR_PICTURE_NX;
    n.most_x = c->most_x;
    n.most_y = c->most_y;
    if (!(along->b > along->a) || (along->log && !(along->a > 0)) || nc == 0)
        return MR_RAISE(MR_ECONFIG, "nothing to draw: %s from %g to %g, %llu channels",
                        along->label, along->a, along->b, (unsigned long long)nc);
    const mr_status st = empty_cells(&n, c);
    if (st == MR_OK) {
        snprintf(c->words[0], sizeof c->words[0], "%s", along->label);
        c->along.label = c->words[0];
    }
    return st;
}

void mr_cells_up(mr_cells *c, const char *label)
{
    snprintf(c->words[1], sizeof c->words[1], "%s", label);
    c->up = c->words[1];
}

double mr_along_at(const mr_along *a, double v)
{
    if (!a->log) return (v - a->a) / (a->b - a->a);
    return v > 0 ? log(v / a->a) / log(a->b / a->a) : -INFINITY;
}

void mr_cells_column(mr_cells *c, double a, double b, uint64_t first, const double *v, size_t n)
{
    const double nx = (double)c->nx;
    const double from = MR_MAX(floor(mr_along_at(&c->along, a) * nx + 0.5), 0.0);
    const double to = MR_MIN(MR_MAX(floor(mr_along_at(&c->along, b) * nx + 0.5), from + 1), nx);
    for (size_t i = 0; i < n && first + i < c->nc; i++) {
        const float x = (float)v[i];
        const size_t row = (size_t)((first + i) / c->per_cell) * c->nx;
        c->poured += !isnan(x);
        for (size_t k = (size_t)from; (double)k < to; k++) {
            if (x < c->lo[row + k]) c->lo[row + k] = x;
            if (x > c->hi[row + k]) c->hi[row + k] = x;
        }
    }
}

void mr_cells_add(mr_cells *c, int64_t t_ns, double dt_ns, uint64_t first, const mr_view *rows)
{
    double span = (double)(c->t1_ns - c->t0_ns);
    size_t nc = first >= c->nc ? 0 : (size_t)MR_MIN((uint64_t)rows->nc, c->nc - first);
    for (size_t t = 0; t < rows->nt; t++) {
        double at = (double)(t_ns - c->t0_ns) + (double)t * dt_ns;
        double x =
            floor(at / span * (double)c->nx + 1e-6); /* a sample on a cell's edge is inside */
        if (!(x >= 0 && x < (double)c->nx)) continue;
        size_t ix = (size_t)x;
        for (size_t ch = 0; ch < nc; ch++) {
            float v = (float)*mr_at(rows, t, ch);
            size_t i = (first + ch) / c->per_cell * c->nx + ix;
            if (v < c->lo[i]) c->lo[i] = v;
            if (v > c->hi[i]) c->hi[i] = v;
            c->poured += !isnan(v);
        }
    }
}

void mr_cells_fini(mr_cells *c)
{
    free(c->lo);
    free(c->hi);
    memset(c, 0, sizeof *c);
}
