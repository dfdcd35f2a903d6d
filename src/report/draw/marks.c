/* report/draw/marks.c: what is drawn over the cells of a panel: picks, events, velocities. */
#include "report/draw/picture.h"
#include <math.h>
#include <stdlib.h>

static const mr_colour event_colour = {208, 0, 148}, white = {255, 255, 255};

void mr_marks_fini(mr_marks *m)
{
    free(m->v);
    *m = (mr_marks){0};
}

mr_status mr_marks_add(mr_marks *m, const mr_mark *one)
{
    const mr_status st = mr_grow(&m->v, &m->cap, m->n + 1, sizeof *m->v, "marks of a picture");
    if (st == MR_OK) m->v[m->n++] = *one;
    return st;
}

/* Where a + k d is inside of 0..1, narrowing k[0]..k[1]; false: nowhere. */
static bool inside(double a, double d, double k[2])
{
    if (fabs(d) < 1e-12) return a >= 0 && a <= 1;
    const double p = (d > 0 ? 0 - a : 1 - a) / d, q = (d > 0 ? 1 - a : 0 - a) / d;
    k[0] = fmax(k[0], p);
    k[1] = fmin(k[1], q);
    return k[0] <= k[1];
}

/* The part of a mark within the panel; false: there is none. */
static bool cut(mr_mark *m)
{
    const double dx = m->x1 - m->x0, dy = m->y1 - m->y0, x = m->x0, y = m->y0;
    double k[2] = {0, 1};
    if (!inside(x, dx, k) || !inside(y, dy, k)) return false;
    m->x0 = x + k[0] * dx;
    m->y0 = y + k[0] * dy;
    m->x1 = x + k[1] * dx;
    m->y1 = y + k[1] * dy;
    return true;
}

/* A line on a white one, to be seen on any colour. */
static void haloed(mr_pen *p, const double x[2], const double y[2], double width, mr_colour c)
{
    mr_pen_line(p, 2, x, y, width + 3, white);
    mr_pen_line(p, 2, x, y, width, c);
}

static void dashed(mr_pen *p, const double x[2], const double y[2], double width, mr_colour c)
{
    const double long_ = hypot(x[1] - x[0], y[1] - y[0]), each = 18;
    for (double at = 0; at < long_; at += each) {
        const double a = at / long_, b = fmin(at + 0.6 * each, long_) / long_;
        mr_pen_stroke(p, x[0] + a * (x[1] - x[0]), y[0] + a * (y[1] - y[0]),
                      x[0] + b * (x[1] - x[0]), y[0] + b * (y[1] - y[0]), width, c);
    }
}

/* A diamond. */
static void peak(mr_pen *p, double x, double y)
{
    static const double to[5][2] = {{0, -1}, {1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    double xs[5], ys[5];
    for (int i = 0; i < 5; i++) {
        xs[i] = x + 7 * to[i][0];
        ys[i] = y + 7 * to[i][1];
    }
    mr_pen_line(p, 5, xs, ys, 5, white);
    mr_pen_line(p, 5, xs, ys, 2.5, event_colour);
}

/* On white, at the end of a line, within the panel. */
static void label(mr_pen *p, const char *text, double x, double y, double left, double w)
{
    const double wide = mr_pen_width(p, text, MR_SMALL) + 8;
    const double at = MR_MIN(MR_MAX(x - wide / 2, left + 3), left + w - wide - 3);
    mr_pen_fill(p, at, y, wide, MR_SMALL + 8, white);
    mr_pen_text(p, at + wide / 2, y + MR_SMALL + 4, MR_SMALL, MR_MIDDLE, false, text, mr_ink);
}

static void one(mr_pen *p, const mr_mark *given, double x, double y, double w, double h)
{
    mr_mark m = *given;
    if (!cut(&m)) return;
    double xs[] = {x + w * m.x0, x + w * m.x1}, ys[] = {y + h - h * m.y0, y + h - h * m.y1};
    switch (m.kind) {
    case MR_MARK_PICK:
        mr_pen_fill(p, xs[1] - 1, ys[1] - 1, 2, 2, mr_faint);
        mr_pen_fill(p, xs[0] - 1.5, ys[0] - 1.5, 3, 3, mr_ink);
        break;
    case MR_MARK_EVENT: haloed(p, xs, ys, 3, event_colour); break;
    case MR_MARK_PEAK: peak(p, xs[0], ys[0]); break;
    case MR_MARK_VELOCITY: dashed(p, xs, ys, 2, white); break;
    }
}

void mr_marks_draw(mr_pen *p, const mr_marks *m, double x, double y, double w, double h)
{
    for (int kind = MR_MARK_PICK; kind <= MR_MARK_VELOCITY; kind++) /* events over picks */
        for (size_t i = 0; i < m->n; i++)
            if ((int)m->v[i].kind == kind) one(p, &m->v[i], x, y, w, h);
    for (size_t i = 0; i < m->n; i++) {
        mr_mark k = m->v[i];
        if (k.label[0] && cut(&k)) {
            const double at = 0.94; /* of the line */
            label(p, k.label, x + w * (k.x0 + at * (k.x1 - k.x0)),
                  y + h - h * (k.y0 + at * (k.y1 - k.y0)), x, w);
        }
    }
}
