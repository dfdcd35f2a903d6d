/* report/draw/wiggle.c: traces beside one another, each about the place of its channel. */
#include "report/draw/picture.h"
#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static bool is_there(const mr_cells *c, size_t i)
{
    return c->lo[i] <= c->hi[i] && isfinite(c->lo[i]) && isfinite(c->hi[i]);
}

mr_status mr_wiggle_scale(const mr_cells *c, double share, double *out)
{
    mr_status st = MR_OK;
    float *v = NULL;
    size_t n = 0;
    MR_TRY(mr_alloc(c->nx * c->ny, sizeof *v, "picture scale", &v));
    for (size_t i = 0; i < c->nx * c->ny; i++)
        if (is_there(c, i)) v[n++] = fmaxf(fabsf(c->lo[i]), fabsf(c->hi[i]));
    qsort(v, n, sizeof *v, ascending);
    *out = n ? (double)v[MR_MIN(n - 1, (size_t)(share * (double)n))] : 0;
    if (!(*out > 0)) *out = n && v[n - 1] > 0 ? (double)v[n - 1] : 1;
out:
    free(v);
    return st;
}

/* A trace: through its samples, or up and down where a column holds several; broken at gaps. */
static void trace(mr_pen *p, const mr_cells *c, size_t row, double k, double base, double x,
                  double w, double *xs, double *ys)
{
    const bool single = c->per_column <= 1;
    size_t n = 0;
    for (size_t i = 0; i <= c->nx; i++) {
        const size_t at = row * c->nx + i;
        if (i < c->nx && is_there(c, at)) {
            const double first = n && ys[n - 1] > base ? c->lo[at] : c->hi[at];
            const double last = n && ys[n - 1] > base ? c->hi[at] : c->lo[at];
            xs[n] = x + w * ((double)i + 0.5) / (double)c->nx;
            ys[n++] = base - k * (single ? (double)c->hi[at] : first);
            if (single) continue;
            xs[n] = xs[n - 1];
            ys[n++] = base - k * last;
            continue;
        }
        if (n > 1) mr_pen_line(p, n, xs, ys, 1.2, mr_ink);
        n = 0;
    }
}

mr_status mr_draw_wiggle(mr_pen *p, const mr_cells *c, double scale, double x, double y, double w,
                         double h)
{
    mr_status st = MR_OK;
    double *xs = NULL, *ys = NULL;
    const double spacing = h / (double)c->ny;
    MR_TRY(mr_alloc_f64(2 * c->nx, "a trace", &xs));
    MR_TRY(mr_alloc_f64(2 * c->nx, "a trace", &ys));
    for (size_t row = 0; row < c->ny; row++)
        trace(p, c, row, MR_WIGGLE * spacing / scale, y + h - spacing * ((double)row + 0.5), x, w,
              xs, ys);
out:
    free(xs);
    free(ys);
    return st;
}
