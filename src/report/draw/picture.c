/* report/draw/picture.c: panels below one another on a page, and the page into a file. */
#include "report/draw/picture.h"
#include "base/utc.h"
#include "report/draw/colours.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LEFT = 96,   /* room for the distance axis */
    RIGHT = 132, /* room for the colour bar */
    TOP = 64,    /* room for the picture's title */
    BARE = 8,    /* instead, without one */
    HEAD = 34,   /* room for a panel's title */
    FOOT = 88,   /* room for the time axis and what is said of the colours */
    BAR = 20,    /* width of the colour bar */
    MIN_HEIGHT = 240,
    LINE_HEIGHT = 300,
    MIN_PANEL = 60
};

static double dpi_of(const mr_page *page)
{
    return page->dpi > 0 ? page->dpi : MR_PEN_PER_INCH;
}

static double top_of(const mr_page *page)
{
    return page->h_mm > 0 || (page->title && *page->title) ? TOP : BARE;
}

static double panel_width(const mr_page *page)
{
    return page->w_mm > 0 ? page->w_mm / 25.4 * MR_PEN_PER_INCH - LEFT - RIGHT : MR_PICTURE_NX;
}

/* Of n panels, where the page's height is given. */
static double given_height(const mr_page *page, size_t n)
{
    return (page->h_mm / 25.4 * MR_PEN_PER_INCH - TOP) / (double)n - HEAD - FOOT;
}

/* Few channels still fill a panel, each a whole number of units high. */
static double panel_height(const mr_panel *panel, const mr_page *page, size_t n)
{
    const mr_cells *c = panel->cells;
    if (page->h_mm > 0) return given_height(page, n);
    if (c->nc == 1) return LINE_HEIGHT;
    if (c->tall) return MR_PICTURE_NY;
    const double rows = (double)c->ny * MR_PEN_PER_INCH / dpi_of(page);
    return rows >= MIN_HEIGHT ? rows : ceil(MIN_HEIGHT / rows) * rows;
}

mr_status mr_page_cells(const mr_page *page, size_t n, size_t *nx, size_t *ny)
{
    const double w = panel_width(page), h = page->h_mm > 0 ? given_height(page, n) : MR_PICTURE_NY;
    const double k = dpi_of(page) / MR_PEN_PER_INCH;
    if (w < MIN_PANEL || h < MIN_PANEL)
        return MR_RAISE(
            MR_ECONFIG,
            "a page of %.6g x %.6g mm is too small for %zu panel%s: at least %.0f x "
            "%.0f mm",
            page->w_mm, page->h_mm, n, n == 1 ? "" : "s",
            ceil((LEFT + RIGHT + MIN_PANEL) / MR_PEN_PER_INCH * 25.4),
            ceil((top_of(page) + (double)n * (HEAD + FOOT + MIN_PANEL)) / MR_PEN_PER_INCH * 25.4));
    *nx = (size_t)lrint(w * k);
    *ny = (size_t)lrint(h * k);
    return MR_OK;
}

/* Cells as pixels of the panel, none of them smoothed. */
static mr_status draw_cells(mr_pen *p, const mr_cells *c, const mr_scale *s, double x, double y,
                            double w, double h)
{
    mr_status st = MR_OK;
    const size_t nx = (size_t)lrint(w * p->scale), ny = (size_t)lrint(h * p->scale);
    uint8_t *rgb = NULL;
    MR_TRY(mr_alloc(nx * ny, 3, "picture", &rgb));
    for (size_t py = 0; py < ny; py++)
        for (size_t px = 0; px < nx; px++) {
            const float v =
                mr_cells_at(c, px * c->nx / nx, c->ny - 1 - py * c->ny / ny, s->diverging);
            const mr_colour k = mr_scale_colour(s, v);
            memcpy(rgb + 3 * (py * nx + px), (const uint8_t[]){k.r, k.g, k.b}, 3);
        }
    mr_pen_image(p, x, y, w, h, nx, ny, rgb);
out:
    free(rgb);
    return st;
}

/* What a reader has to know to trust the picture. */
static void caption(mr_pen *p, const mr_panel *panel, const mr_scale *s, double share, double y)
{
    const mr_cells *c = panel->cells;
    char text[320], of[120] = "";
    size_t n = 0;
    if (c->peaks) share = (1 + share) / 2; /* nothing is left out above */
    if (c->nc > 1) {
        if (s->below || s->beyond)
            n += (size_t)snprintf(text, sizeof text, "Colours span %.6g %% of the values. ",
                                  100 * share);
        else
            n += (size_t)snprintf(text, sizeof text, "Colours span all values. ");
    }
    if (c->per_column > 1)
        snprintf(of, sizeof of, "up to %.0f samples%s", ceil(c->per_column),
                 c->per_cell > 1 ? " x " : "");
    if (c->per_cell > 1)
        snprintf(of + strlen(of), sizeof of - strlen(of), "%llu %s",
                 (unsigned long long)c->per_cell, c->up ? "values" : "channels");
    if (of[0])
        n += (size_t)snprintf(text + n, sizeof text - n, "A pixel shows the %s of %s. ",
                              c->nc == 1     ? "lowest and highest"
                              : s->diverging ? "extreme"
                                             : "highest",
                              of);
    if (panel->note) n += (size_t)snprintf(text + n, sizeof text - n, "%s", panel->note);
    if (!n) return;
    mr_pen_text(p, LEFT, y, MR_SMALL, MR_LEFT, false, text, mr_faint);
}

/* A line shows all of its values. */
static void line_scale(const mr_cells *c, mr_scale *s)
{
    double lo = INFINITY, hi = -INFINITY;
    for (size_t i = 0; i < c->nx; i++) {
        if (isfinite(c->lo[i])) lo = MR_MIN(lo, (double)c->lo[i]);
        if (isfinite(c->hi[i])) hi = MR_MAX(hi, (double)c->hi[i]);
    }
    if (!(hi >= lo)) lo = -1, hi = 1;
    const double room = hi > lo ? 0.05 * (hi - lo) : fabs(hi) > 0 ? fabs(hi) / 2 : 1;
    *s = (mr_scale){.lo = lo - room, .hi = hi + room};
}

/* "10.2 x 10^-9 strain s^-1", of "strain rate, strain s-1" */
static mr_status amount(double v, const char *unit, mr_text *out)
{
    mr_status st = MR_OK;
    const char *comma = unit ? strstr(unit, ", ") : NULL;
    const int power = v > 0 && (v < 0.01 || v >= 10000) ? (int)floor(log10(v)) : 0;
    MR_TRY(mr_text_add(out, "%.3g ", v / pow(10, power)));
    if (power) MR_TRY(mr_power_pretty(power, out));
    MR_TRY(mr_text_add(out, power ? " " : ""));
    MR_TRY(mr_unit_pretty(comma ? comma + 2 : unit ? unit : "", out));
out:
    return st;
}

static mr_status wiggle_caption(mr_pen *p, const mr_panel *panel, double scale, double y)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    if (panel->wiggle > 1)
        MR_TRY(mr_text_add(&t, "One of every %llu channels is drawn. ",
                           (unsigned long long)panel->wiggle));
    MR_TRY(mr_text_add(&t, "From one trace to the next is "));
    MR_TRY(amount(scale / MR_WIGGLE, panel->unit, &t));
    MR_TRY(mr_text_add(
        &t, "%s", panel->cells->per_column > 1 ? ". Lines reach from lowest to highest." : "."));
    mr_pen_text(p, LEFT, y, MR_SMALL, MR_LEFT, false, t.s, mr_faint);
out:
    mr_text_fini(&t);
    return st;
}

static mr_status draw_panel(mr_pen *p, const mr_panel *panel, double share, double y, double w,
                            double h)
{
    mr_status st = MR_OK;
    const mr_cells *c = panel->cells;
    mr_scale s;
    mr_pen_text(p, LEFT, y - 11, MR_LABEL, MR_LEFT, false, panel->title ? panel->title : "",
                mr_ink);
    double reach = 0;
    if (panel->wiggle && c->nc > 1) {
        MR_TRY(mr_wiggle_scale(c, share, &reach));
        MR_TRY(mr_draw_wiggle(p, c, reach, LEFT, y, w, h));
        mr_axis_distance(p, c, LEFT, y, h);
    } else if (c->nc == 1) {
        line_scale(c, &s);
        MR_TRY(mr_draw_line(p, c, &s, LEFT, y, w, h));
        MR_TRY(mr_axis_value(p, &s, panel->unit, LEFT, y, h));
    } else {
        MR_TRY(mr_cells_scale(c, share, &s));
        MR_TRY(draw_cells(p, c, &s, LEFT, y, w, h));
        mr_axis_distance(p, c, LEFT, y, h);
        MR_TRY(mr_colour_bar(p, &s, panel->unit, LEFT + w + 22, y, BAR, h));
    }
    if (panel->marks) mr_marks_draw(p, panel->marks, LEFT, y, w, h);
    mr_frame(p, LEFT, y, w, h);
    if (c->along.label)
        mr_axis_along(p, &c->along, LEFT, y + h, w);
    else
        mr_axis_time(p, c, LEFT, y + h, w);
    if (reach > 0)
        st = wiggle_caption(p, panel, reach, y + h + 64 + MR_SMALL);
    else
        caption(p, panel, &s, share, y + h + 64 + MR_SMALL);
out:
    return st;
}

mr_status mr_picture_draw(const mr_panel *panels, size_t n, const mr_page *page, mr_pen_kind kind,
                          mr_text *bytes, size_t *w, size_t *h)
{
    mr_status st = MR_OK;
    mr_pen *p = NULL;
    const double top = top_of(page), wide = panel_width(page), dpi = dpi_of(page);
    double y = top, tall = top;
    for (size_t i = 0; i < n; i++) tall += HEAD + panel_height(&panels[i], page, n) + FOOT;
    MR_TRY(mr_pen_new(kind, LEFT + wide + RIGHT, tall, dpi, page->title, &p));
    if (page->title) mr_pen_text(p, LEFT, 34, MR_HEADLINE, MR_LEFT, false, page->title, mr_ink);
    for (size_t i = 0; i < n; i++) {
        const double high = panel_height(&panels[i], page, n);
        MR_TRY(draw_panel(p, &panels[i], page->share, y + HEAD - 10, wide, high));
        y += HEAD + high + FOOT;
    }
    MR_TRY(mr_pen_finish(p, bytes));
    const double k = kind == MR_PEN_PNG ? dpi / MR_PEN_PER_INCH : 72 / MR_PEN_PER_INCH;
    *w = (size_t)lrint(p->w * k);
    *h = (size_t)lrint(p->h * k);
out:
    mr_pen_free(p);
    return st;
}

/* A picture may be drawn again; nothing else is given up for one. */
static mr_status may_replace(const char *path)
{
    static const char *const begins[] = {"\x89PNG", "<?xml", "<svg", "%PDF", "<!DOCTY"};
    char head[8] = "";
    struct stat sb;
    if (lstat(path, &sb) != 0 || (S_ISREG(sb.st_mode) && sb.st_size == 0)) return MR_OK;
    const int fd = S_ISREG(sb.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    const ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof head - 1);
    if (fd >= 0) close(fd);
    for (size_t i = 0; n > 0 && i < sizeof begins / sizeof *begins; i++)
        if (strncmp(head, begins[i], strlen(begins[i])) == 0) return MR_OK;
    return MR_RAISE(MR_ECONFIG, "%s: is there and is no picture or page; name another file", path);
}

mr_status mr_picture_write(const char *path, const mr_text *bytes)
{
    mr_status st = MR_OK;
    mr_text part = {0};
    FILE *f = NULL;
    MR_TRY(may_replace(path));
    MR_TRY(mr_text_add(&part, "%s.part", path));
    f = fopen(part.s, "wbx");
    if (!f && errno == EEXIST) { /* of a picture that was broken off, or not ours */
        MR_TRY(may_replace(part.s));
        f = fopen(part.s, "wb");
    }
    if (!f) {
        mr_text_fini(&part);
        return MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path, strerror(errno));
    }
    const bool good = fwrite(bytes->s, 1, bytes->len, f) == bytes->len;
    if (fclose(f) != 0 || !good || rename(part.s, path) != 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path, strerror(errno));
        unlink(part.s);
    }
out:
    mr_text_fini(&part);
    return st;
}
