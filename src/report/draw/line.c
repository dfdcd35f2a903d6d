/* report/draw/line.c: one channel as a line. Where a cell holds one sample the line goes through
 * them; where it holds several it fills what they span, from the lowest to the highest: nothing
 * between pixels is lost, and nothing is made up. */
#include "report/draw/picture.h"
#include <math.h>
#include <stdlib.h>

static const mr_colour blue = {28, 84, 168};

/* The line through samples, each in the middle of its cell; broken where nothing is. */
static mr_status through(mr_pen *p, const mr_cells *c, const mr_scale *s, double x, double y,
                         double w, double h)
{
    mr_status st = MR_OK;
    double *xs = NULL, *ys = NULL;
    size_t n = 0;
    MR_TRY(mr_alloc_f64(c->nx, "a line", &xs));
    MR_TRY(mr_alloc_f64(c->nx, "a line", &ys));
    for (size_t i = 0; i <= c->nx; i++) {
        if (i < c->nx && c->lo[i] <= c->hi[i]) {
            xs[n] = x + w * ((double)i + 0.5) / (double)c->nx;
            ys[n++] = y + h - h * (c->hi[i] - s->lo) / (s->hi - s->lo);
            continue;
        }
        if (n == 1) mr_pen_fill(p, xs[0] - 2, ys[0] - 2, 4, 4, blue); /* alone */
        if (n > 1) mr_pen_line(p, n, xs, ys, 2, blue);
        n = 0;
    }
out:
    free(xs);
    free(ys);
    return st;
}

/* From lowest to highest, each column reaching as far as its neighbours begin. */
static void envelope(mr_pen *p, const mr_cells *c, const mr_scale *s, double x, double y, double w,
                     double h)
{
    const double k = h / (s->hi - s->lo), dx = w / (double)c->nx;
    for (size_t i = 0; i < c->nx; i++) {
        double lo = c->lo[i], hi = c->hi[i];
        if (!(lo <= hi)) continue;
        if (i && c->lo[i - 1] <= c->hi[i - 1]) {
            lo = MR_MIN(lo, (double)c->hi[i - 1]);
            hi = MR_MAX(hi, (double)c->lo[i - 1]);
        }
        const double tall = MR_MAX((hi - lo) * k, 1.5);
        mr_pen_fill(p, x + dx * (double)i, y + h - (hi - s->lo) * k - (tall - (hi - lo) * k) / 2,
                    dx, tall, blue);
    }
}

mr_status mr_draw_line(mr_pen *p, const mr_cells *c, const mr_scale *s, double x, double y,
                       double w, double h)
{
    if (s->lo < 0 && s->hi > 0) {
        const double zero = y + h + h * s->lo / (s->hi - s->lo);
        mr_pen_stroke(p, x, zero, x + w, zero, 1, (mr_colour){200, 202, 206});
    }
    if (c->per_column <= 1 && !c->along.label) return through(p, c, s, x, y, w, h);
    envelope(p, c, s, x, y, w, h);
    return MR_OK;
}
