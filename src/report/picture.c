/* report/picture.c: panels with axes, numbers and colour bars. Used by `millrace view`. */
#include "report/picture.h"
#include "report/canvas.h"
#include "base/utc.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LEFT = 96,   /* room for the distance axis */
    RIGHT = 132, /* room for the colour bar */
    TOP = 64,    /* room for the picture's title */
    HEAD = 34,   /* room for a panel's title */
    FOOT = 58,   /* room for the time axis */
    BAR = 18,    /* width of the colour bar */
    MIN_HEIGHT = 240,
    LABEL = 11, /* heights of capitals */
    TITLE = 14
};
static const mr_colour ink = {32, 34, 40}, faint = {120, 124, 132};

/* pixels a cell is high, so that few channels still fill a panel */
static size_t zoom(const mr_cells *c)
{
    return c->ny >= MIN_HEIGHT ? 1 : (MIN_HEIGHT + c->ny - 1) / c->ny;
}

static size_t panel_height(const mr_cells *c)
{
    return c->ny * zoom(c);
}

/* 1, 2 or 5 times a power of ten, the smallest of at least v */
static double nice_step(double v)
{
    double p = pow(10, floor(log10(v)));
    for (int i = 0; i < 4; i++) {
        static const double m[] = {1, 2, 5, 10};
        if (m[i] * p >= v * (1 - 1e-9)) return m[i] * p;
    }
    return 10 * p;
}

/* so that no axis says -0 */
static double zero_if_tiny(double v, double step)
{
    return fabs(v) < step / 1e6 ? 0 : v;
}

/* a step of the time axis in ns, the smallest of at least v */
static int64_t nice_time_step(double v)
{
    static const int64_t steps_s[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                      600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    if (v < 1e9) return (int64_t)MR_MAX(1.0, nice_step(v));
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++)
        if ((double)steps_s[i] * 1e9 >= v) return steps_s[i] * 1000000000;
    return (int64_t)ceil(v / 86400e9) * 86400000000000;
}

/* "00:01:30", with as many decimals as the step needs, or the date where a step is a day */
static void time_label(int64_t t_ns, int64_t step_ns, char *buf, size_t size)
{
    char iso[40];
    mr_utc_iso(t_ns, iso); /* yyyy-mm-ddThh:mm:ss.nnnnnnnnnZ */
    int digits = 0;
    for (int64_t s = 1000000000; digits < 9 && step_ns % s != 0; s /= 10) digits++;
    if (step_ns >= 86400000000000)
        snprintf(buf, size, "%.10s", iso);
    else if (step_ns % 60000000000 == 0)
        snprintf(buf, size, "%.5s", iso + 11);
    else
        snprintf(buf, size, "%.*s", digits ? 9 + digits : 8, iso + 11);
}

static void time_axis(mr_image *im, const mr_cells *c, double x, double y, double w)
{
    char text[64], day[16], last[16];
    double span = (double)(c->t1_ns - c->t0_ns);
    int64_t step = nice_time_step(span / (w / 130));
    for (int64_t t = mr_div_ceil(c->t0_ns, step) * step; t <= c->t1_ns; t += step) {
        double at = x + w * (double)(t - c->t0_ns) / span;
        mr_canvas_line(im, at, y + 1, at, y + 7, 1.2, ink);
        time_label(t, step, text, sizeof text);
        mr_canvas_text(im, at, y + 12 + LABEL, LABEL, MR_MIDDLE, false, text, ink);
    }
    mr_utc_date(c->t0_ns, day);
    mr_utc_date(c->t1_ns - 1, last);
    bool one = strcmp(day, last) == 0;
    snprintf(text, sizeof text, "UTC, %s%s%s", day, one ? "" : " to ", one ? "" : last);
    mr_canvas_text(im, x + w / 2, y + 32 + LABEL, LABEL, MR_MIDDLE, false, text, faint);
}

static void tick(mr_image *im, double at, double y, double v)
{
    char text[32];
    mr_canvas_line(im, at, y + 1, at, y + 7, 1.2, ink);
    snprintf(text, sizeof text, "%.6g", v);
    mr_canvas_text(im, at, y + 12 + LABEL, LABEL, MR_MIDDLE, false, text, ink);
}

/* 1, 2 and 5 of every decade where the axis is logarithmic */
static void number_axis(mr_image *im, const mr_along *a, double x, double y, double w)
{
    static const double in_decade[] = {1, 2, 5};
    const double step = nice_step((a->b - a->a) / (w / 90));
    if (a->log)
        for (double p = pow(10, floor(log10(a->a))); p <= a->b; p *= 10)
            for (int i = 0; i < 3; i++) {
                const double v = in_decade[i] * p;
                if (v >= a->a * (1 - 1e-9) && v <= a->b * (1 + 1e-9))
                    tick(im, x + w * mr_along_at(a, v), y, v);
            }
    else
        for (double v = ceil(a->a / step - 1e-9) * step; v <= a->b + step * 1e-9; v += step)
            tick(im, x + w * mr_along_at(a, v), y, zero_if_tiny(v, step));
    mr_canvas_text(im, x + w / 2, y + 32 + LABEL, LABEL, MR_MIDDLE, false, a->label, faint);
}

/* Channels from the bottom up, each in the middle of its row. */
static void distance_axis(mr_image *im, const mr_cells *c, double x, double y, double h)
{
    char text[32];
    bool known = c->dx_m > 0;
    double dx = known ? c->dx_m : 1, x0 = known ? c->x0_m : 0;
    double rows = (double)(c->ny * c->per_cell); /* a cell that is not full still has its height */
    double lo = x0 - dx / 2, hi = lo + rows * dx, step = nice_step((hi - lo) / (h / 60));
    bool km = known && step >= 200;
    for (double v = ceil(lo / step) * step; v <= x0 + (double)c->nc * dx; v += step) {
        double at = y + h - (v - lo) / (hi - lo) * h;
        mr_canvas_line(im, x - 7, at, x - 1, at, 1.2, ink);
        v = zero_if_tiny(v, step);
        snprintf(text, sizeof text, "%.6g", km ? v / 1000 : v);
        mr_canvas_text(im, x - 12, at + LABEL / 2.0, LABEL, MR_RIGHT, false, text, ink);
    }
    mr_canvas_text(im, 26, y + h / 2, LABEL, MR_MIDDLE, true,
                   !known ? "channel"
                   : km   ? "distance, km"
                          : "distance, m",
                   faint);
}

/* Numbers are written in thousands of the unit where they would be long: 1e-9 is taken out. */
static void colour_bar(mr_image *im, double x, double y, double h, float centre, float half,
                       const char *unit)
{
    char text[96];
    int power = 3 * (int)floor(log10(half) / 3);
    if (power >= -3 && power <= 3) power = 0;
    double scale = pow(10, power), step = nice_step(half / scale / 2.5) * scale;
    for (int i = 0; i < (int)h; i++)
        mr_canvas_fill(im, (int)x, (int)y + i, BAR, 1, mr_canvas_map(1 - 2 * (i + 0.5) / h));
    for (double k = ceil((centre - half) / step); k <= floor((centre + half) / step); k++) {
        double at = y + h / 2 - (k * step - centre) / half * h / 2;
        snprintf(text, sizeof text, "%.6g", zero_if_tiny(k * step / scale, step / scale));
        mr_canvas_line(im, x + BAR, at, x + BAR + 5, at, 1.2, ink);
        mr_canvas_text(im, x + BAR + 9, at + LABEL / 2.0, LABEL, MR_LEFT, false, text, ink);
    }
    if (power)
        snprintf(text, sizeof text, "%s  x 1e%d", unit, power);
    else
        snprintf(text, sizeof text, "%s", unit);
    mr_canvas_text(im, x + BAR + 86, y + h / 2, LABEL, MR_MIDDLE, true, text, faint);
}

static void frame(mr_image *im, double x, double y, double w, double h)
{
    mr_canvas_line(im, x - 0.5, y - 0.5, x + w + 0.5, y - 0.5, 1, ink);
    mr_canvas_line(im, x - 0.5, y + h + 0.5, x + w + 0.5, y + h + 0.5, 1, ink);
    mr_canvas_line(im, x - 0.5, y - 0.5, x - 0.5, y + h + 0.5, 1, ink);
    mr_canvas_line(im, x + w + 0.5, y - 0.5, x + w + 0.5, y + h + 0.5, 1, ink);
}

static mr_status draw_panel(mr_image *im, const mr_panel *p, int y, double share)
{
    mr_status st = MR_OK;
    const mr_cells *c = p->cells;
    float centre, half;
    size_t z = zoom(c), h = panel_height(c);
    MR_TRY(mr_cells_scale(c, share, &centre, &half));
    for (size_t py = 0; py < h; py++) {
        for (size_t px = 0; px < MR_PICTURE_NX; px++) {
            float v = mr_cells_at(c, px * c->nx / MR_PICTURE_NX, c->ny - 1 - py / z, centre);
            mr_colour k = mr_canvas_map((v - centre) / half);
            uint8_t *at = im->rgb + 3 * (((size_t)y + py) * im->w + LEFT + px);
            at[0] = k.r;
            at[1] = k.g;
            at[2] = k.b;
        }
    }
    mr_canvas_text(im, LEFT, y - 10, LABEL + 1, MR_LEFT, false, p->title ? p->title : "", ink);
    frame(im, LEFT, y, MR_PICTURE_NX, (double)h);
    if (c->along.label)
        number_axis(im, &c->along, LEFT, (double)y + (double)h, MR_PICTURE_NX);
    else
        time_axis(im, c, LEFT, (double)y + (double)h, MR_PICTURE_NX);
    distance_axis(im, c, LEFT, y, (double)h);
    double bar_x = LEFT + MR_PICTURE_NX + 22;
    colour_bar(im, bar_x, y, (double)h, centre, half, p->unit ? p->unit : "");
    frame(im, bar_x, y, BAR, (double)h);
out:
    return st;
}

mr_status mr_picture_draw(const mr_panel *panels, size_t n, const char *title, double share,
                          mr_image *out)
{
    mr_status st = MR_OK;
    mr_image im = {0};
    bool titled = title && *title;
    size_t h0 = titled ? TOP : 8, h = h0;
    for (size_t i = 0; i < n; i++) h += HEAD + panel_height(panels[i].cells) + FOOT;
    MR_TRY(mr_image_init(&im, LEFT + MR_PICTURE_NX + RIGHT, h));
    int y = (int)h0;
    if (titled) mr_canvas_text(&im, LEFT, 30, TITLE, MR_LEFT, false, title, ink);
    for (size_t i = 0; i < n; i++) {
        MR_TRY(draw_panel(&im, &panels[i], y + HEAD - 10, share));
        y += HEAD + (int)panel_height(panels[i].cells) + FOOT;
    }
    *out = im;
    im.rgb = NULL;
out:
    mr_image_fini(&im);
    return st;
}
