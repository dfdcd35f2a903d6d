/* report/draw/scale.c: what the colours stand for: a robust scale of cells. */
#include "report/draw/colours.h"
#include "report/draw/picture.h"
#include <math.h>
#include <stdlib.h>

float mr_cells_at(const mr_cells *c, size_t ix, size_t iy, bool diverging)
{
    const size_t i = iy * c->nx + ix;
    if (c->lo[i] > c->hi[i]) return NAN;
    return diverging && -c->lo[i] > c->hi[i] ? c->lo[i] : c->hi[i];
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static bool finite_cell(const mr_cells *c, size_t i)
{
    return c->lo[i] <= c->hi[i] && isfinite(c->lo[i]) && isfinite(c->hi[i]);
}

/* What is drawn of each cell, sorted; *lowest: of all that is there. */
static size_t drawn(const mr_cells *c, bool diverging, float *v, float *lowest)
{
    size_t n = 0;
    *lowest = INFINITY;
    for (size_t i = 0; i < c->nx * c->ny; i++) {
        if (!finite_cell(c, i)) continue;
        v[n++] = mr_cells_at(c, i % c->nx, i / c->nx, diverging);
        *lowest = MR_MIN(*lowest, c->lo[i]);
    }
    qsort(v, n, sizeof *v, ascending);
    return n;
}

/* Both signs: values lie within -hi..hi. */
static void around_zero(float *v, size_t n, double share, mr_scale *s)
{
    for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]);
    qsort(v, n, sizeof *v, ascending);
    s->hi = v[MR_MIN(n - 1, (size_t)(share * (double)n))];
    if (!(s->hi > 0)) s->hi = v[n - 1] > 0 ? v[n - 1] : 1;
    s->lo = -s->hi;
    s->below = s->beyond = v[n - 1] > s->hi;
}

/* One side: from the lowest to the highest but for (1 - share) / 2 at each end; from 0 if that is
 * near. */
static void one_side(const mr_cells *c, const float *v, size_t n, double share, mr_scale *s)
{
    const size_t cut = (size_t)((1 - share) / 2 * (double)(n - 1));
    s->lo = v[cut];
    s->hi = v[c->peaks ? n - 1 : n - 1 - cut];
    if (!c->no_zero && s->lo >= 0 && s->lo < 0.3 * s->hi) s->lo = 0;
    if (!c->no_zero && s->hi <= 0 && s->hi > 0.3 * s->lo) s->hi = 0;
    if (!(s->hi > s->lo)) { /* all the same */
        const double half = fabs(s->lo) > 0 ? fabs(s->lo) / 2 : 1;
        if (s->lo != 0) s->lo -= half; /* nothing but 0 is the lower end */
        s->hi += half;
    }
    s->below = v[0] < s->lo;
    s->beyond = v[n - 1] > s->hi;
}

mr_status mr_cells_scale(const mr_cells *c, double share, mr_scale *out)
{
    mr_status st = MR_OK;
    mr_scale s = {.lo = -1, .hi = 1};
    float *v = NULL, lowest;
    MR_TRY(mr_alloc(c->nx * c->ny, sizeof *v, "picture scale", &v));
    size_t n = drawn(c, true, v, &lowest);
    if (n && (c->no_zero || v[n / 50] >= 0 || v[n - 1 - n / 50] <= 0)) {
        n = drawn(c, false, v, &lowest);
        one_side(c, v, n, share, &s);
    } else if (n) {
        s.diverging = true;
        around_zero(v, n, share, &s);
    }
    *out = s;
out:
    free(v);
    return st;
}

mr_colour mr_scale_colour(const mr_scale *s, double v)
{
    const double at = (v - s->lo) / (s->hi - s->lo);
    return s->diverging ? mr_colour_diverging(2 * at - 1) : mr_colour_sequential(at);
}
