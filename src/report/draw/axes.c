/* report/draw/axes.c: what stands around a panel: axes with numbers, colour bars, frames. */
#include "base/utc.h"
#include "report/draw/colours.h"
#include "report/draw/picture.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

const mr_colour mr_ink = {32, 34, 40}, mr_faint = {100, 104, 112};

double mr_nice_step(double v)
{
    double p = pow(10, floor(log10(v)));
    for (int i = 0; i < 4; i++) {
        static const double m[] = {1, 2, 5, 10};
        if (m[i] * p >= v * (1 - 1e-9)) return m[i] * p;
    }
    return 10 * p;
}

double mr_zero_if_tiny(double v, double step)
{
    return fabs(v) < step / 1e6 ? 0 : v;
}

/* With a true minus. */
static void number(double v, char *buf, size_t size)
{
    char plain[32];
    snprintf(plain, sizeof plain, "%.6g", fabs(v));
    snprintf(buf, size, "%s%s", v < 0 ? "\xe2\x88\x92" : "", plain);
}

/* --- below ------------------------------------------------------------------------------------ */

/* a step of the time axis in ns, the smallest of at least v */
static int64_t nice_time_step(double v)
{
    static const int64_t steps_s[] = {1,   2,   5,    10,   15,   30,    60,    120,   300,
                                      600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400};
    if (v < 1e9) return (int64_t)MR_MAX(1.0, mr_nice_step(v));
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++)
        if ((double)steps_s[i] * 1e9 >= v) return steps_s[i] * 1000000000;
    return (int64_t)mr_nice_step(ceil(v / 86400e9)) * 86400000000000;
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

static void tick_below(mr_pen *p, double at, double y, const char *text)
{
    mr_pen_stroke(p, at, y + 1, at, y + 8, 1.5, mr_ink);
    mr_pen_text(p, at, y + 14 + MR_LABEL, MR_LABEL, MR_MIDDLE, false, text, mr_ink);
}

void mr_axis_time(mr_pen *p, const mr_cells *c, double x, double y, double w)
{
    char text[64], day[16], last[16];
    const double span = (double)(c->t1_ns - c->t0_ns);
    int64_t step = nice_time_step(span / (w / 150));
    if (step < 1000000000) step = nice_time_step(span / (w / 230)); /* decimals need room */
    for (int64_t t = mr_div_ceil(c->t0_ns, step) * step; t <= c->t1_ns; t += step) {
        time_label(t, step, text, sizeof text);
        tick_below(p, x + w * (double)(t - c->t0_ns) / span, y, text);
    }
    mr_utc_date(c->t0_ns, day);
    mr_utc_date(c->t1_ns - 1, last);
    const bool one = strcmp(day, last) == 0;
    snprintf(text, sizeof text, "time (UTC), %s%s%s", day, one ? "" : " to ", one ? "" : last);
    mr_pen_text(p, x + w / 2, y + 38 + MR_LABEL, MR_LABEL, MR_MIDDLE, false, text, mr_ink);
}

static void number_below(mr_pen *p, double at, double y, double v)
{
    char text[48];
    number(v, text, sizeof text);
    tick_below(p, at, y, text);
}

/* 1, 2 and 5 of every decade where the axis is logarithmic */
void mr_axis_along(mr_pen *p, const mr_along *a, double x, double y, double w)
{
    static const double in_decade[] = {1, 2, 5};
    const double step = mr_nice_step((a->b - a->a) / (w / 110));
    if (a->log)
        for (double q = pow(10, floor(log10(a->a))); q <= a->b; q *= 10)
            for (int i = 0; i < 3; i++) {
                const double v = in_decade[i] * q;
                if (v >= a->a * (1 - 1e-9) && v <= a->b * (1 + 1e-9))
                    number_below(p, x + w * mr_along_at(a, v), y, v);
            }
    else
        for (double v = ceil(a->a / step - 1e-9) * step; v <= a->b + step * 1e-9; v += step)
            number_below(p, x + w * mr_along_at(a, v), y, mr_zero_if_tiny(v, step));
    mr_pen_text(p, x + w / 2, y + 38 + MR_LABEL, MR_LABEL, MR_MIDDLE, false, a->label, mr_ink);
}

/* --- left ------------------------------------------------------------------------------------- */

static void number_left(mr_pen *p, double x, double at, double v)
{
    char text[48];
    number(v, text, sizeof text);
    mr_pen_stroke(p, x - 8, at, x - 1, at, 1.5, mr_ink);
    mr_pen_text(p, x - 13, at + MR_LABEL / 2.0, MR_LABEL, MR_RIGHT, false, text, mr_ink);
}

/* Each channel lies in the middle of its row. */
void mr_axis_distance(mr_pen *p, const mr_cells *c, double x, double y, double h)
{
    const bool known = c->dx_m > 0 || c->up;
    const double dx = known && c->dx_m > 0 ? c->dx_m : 1, x0 = known ? c->x0_m : 0;
    const double rows = (double)(c->ny * c->per_cell); /* a cell not full still has its height */
    const double lo = x0 - dx / 2, hi = lo + rows * dx, step = mr_nice_step((hi - lo) / (h / 70));
    const double top = MR_MIN(x0 + (double)c->nc * dx, hi);
    const bool km = known && !c->up && step >= 200;
    for (double v = ceil(lo / step) * step; v <= top; v += step)
        number_left(p, x, y + h - (v - lo) / (hi - lo) * h,
                    mr_zero_if_tiny(v, step) / (km ? 1000 : 1));
    mr_pen_text(p, 16 + MR_LABEL, y + h / 2, MR_LABEL, MR_MIDDLE, true,
                c->up    ? c->up
                : !known ? "channel"
                : km     ? "distance, km"
                         : "distance, m",
                mr_ink);
}

/* Numbers are written in thousands of the unit where they would be long: 10^-9 is taken out. */
static int power_of(const mr_scale *s)
{
    const double most = MR_MAX(fabs(s->lo), fabs(s->hi));
    if (!(most > 0) || (most >= 0.01 && most < 10000)) return 0;
    return 3 * (int)floor(log10(most) / 3);
}

/* "strain rate, nanostrain s⁻¹ ×10⁻⁹" */
static mr_status unit_text(const char *unit, int power, mr_text *out)
{
    mr_status st = mr_unit_pretty(unit ? unit : "", out);
    if (st == MR_OK && power) st = mr_text_add(out, "%s", out->len ? " " : "");
    if (st == MR_OK && power) st = mr_power_pretty(power, out);
    return st;
}

mr_status mr_axis_value(mr_pen *p, const mr_scale *s, const char *unit, double x, double y,
                        double h)
{
    mr_text t = {0};
    const int power = power_of(s);
    const double k = pow(10, power), step = mr_nice_step((s->hi - s->lo) / k / (h / 60)) * k;
    for (double v = ceil(s->lo / step - 1e-9) * step; v <= s->hi + step * 1e-9; v += step)
        number_left(p, x, y + h - (v - s->lo) / (s->hi - s->lo) * h, mr_zero_if_tiny(v, step) / k);
    const mr_status st = unit_text(unit, power, &t);
    if (st == MR_OK && t.len)
        mr_pen_text(p, 16 + MR_LABEL, y + h / 2, MR_LABEL, MR_MIDDLE, true, t.s, mr_ink);
    mr_text_fini(&t);
    return st;
}

/* --- right ------------------------------------------------------------------------------------ */

/* A point where values lie beyond the end of the bar. */
static void bar_end(mr_pen *p, double x, double y, double w, double tall, mr_colour c)
{
    for (int i = 0; i < 10; i++) {
        const double share = 1 - (i + 0.5) / 10;
        mr_pen_fill(p, x + w * (1 - share) / 2,
                    tall > 0 ? y + tall * i / 10 : y + tall * (i + 1) / 10, w * share,
                    fabs(tall) / 10 + 0.2, c);
    }
}

mr_status mr_colour_bar(mr_pen *p, const mr_scale *s, const char *unit, double x, double y,
                        double w, double h)
{
    mr_text t = {0};
    char text[48];
    const int power = power_of(s), steps = 256;
    const double k = pow(10, power), step = mr_nice_step((s->hi - s->lo) / k / (h / 60)) * k;
    uint8_t rgb[3 * 256];
    double widest = 0;
    for (int i = 0; i < steps; i++) {
        const mr_colour c = mr_scale_colour(s, s->hi - (s->hi - s->lo) * (i + 0.5) / steps);
        rgb[3 * i] = c.r;
        rgb[3 * i + 1] = c.g;
        rgb[3 * i + 2] = c.b;
    }
    mr_pen_image(p, x, y, w, h, 1, (size_t)steps, rgb);
    mr_frame(p, x, y, w, h);
    if (s->beyond) bar_end(p, x, y - 3, w, -11, mr_scale_colour(s, s->hi));
    if (s->below) bar_end(p, x, y + h + 3, w, 11, mr_scale_colour(s, s->lo));
    for (double v = ceil(s->lo / step - 1e-9) * step; v <= s->hi + step * 1e-9; v += step) {
        const double at = y + h - (v - s->lo) / (s->hi - s->lo) * h;
        number(mr_zero_if_tiny(v, step) / k, text, sizeof text);
        mr_pen_stroke(p, x + w, at, x + w + 6, at, 1.5, mr_ink);
        mr_pen_text(p, x + w + 11, at + MR_LABEL / 2.0, MR_LABEL, MR_LEFT, false, text, mr_ink);
        widest = MR_MAX(widest, mr_pen_width(p, text, MR_LABEL));
    }
    const mr_status st = unit_text(unit, power, &t);
    if (st == MR_OK && t.len)
        mr_pen_text(p, x + w + 11 + widest + 12 + MR_LABEL, y + h / 2, MR_LABEL, MR_MIDDLE, true,
                    t.s, mr_ink);
    mr_text_fini(&t);
    return st;
}

void mr_frame(mr_pen *p, double x, double y, double w, double h)
{
    const double xs[] = {x - 0.75, x + w + 0.75, x + w + 0.75, x - 0.75, x - 0.75},
                 ys[] = {y - 0.75, y - 0.75, y + h + 0.75, y + h + 0.75, y - 0.75};
    mr_pen_line(p, 5, xs, ys, 1.5, mr_ink);
}
