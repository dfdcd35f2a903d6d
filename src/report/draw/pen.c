/* report/draw/pen.c: which way of drawing there is, and the calls that lead to it. */
#include "report/draw/pen.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

mr_status mr_pen_kind_of(const char *path, mr_pen_kind *out)
{
    static const char *const ends[] = {
        [MR_PEN_PNG] = ".png", [MR_PEN_SVG] = ".svg", [MR_PEN_PDF] = ".pdf"};
    const char *dot = strrchr(path, '.');
    char shown[200];
    mr_printable(path, shown, sizeof shown);
    for (int k = 0; dot && k < 3; k++) {
        if (strcasecmp(dot, ends[k]) != 0) continue;
        if (k != MR_PEN_PNG && !mr_pen_has_cairo())
            return MR_RAISE(MR_ECONFIG,
                            "%s: SVG and PDF are drawn by cairo, which is not here (libcairo.so.2, "
                            "and a build without CAIRO=0); name a .png",
                            shown);
        *out = (mr_pen_kind)k;
        return MR_OK;
    }
    return MR_RAISE(MR_ECONFIG, "%s: a picture is named .png, .svg or .pdf", shown);
}

mr_status mr_pen_new(mr_pen_kind kind, double w, double h, double dpi, const char *title,
                     mr_pen **out)
{
    mr_status st = MR_OK;
    mr_pen *p = NULL;
    MR_TRY(mr_alloc(1, sizeof *p, "a picture", &p));
    *p = (mr_pen){.kind = kind, .w = w, .h = h, .scale = dpi / MR_PEN_PER_INCH};
    p->way = mr_pen_has_cairo() ? &mr_pen_cairo : &mr_pen_plain;
    MR_TRY(p->way->open(p, title));
    mr_pen_fill(p, -1, -1, w + 2, h + 2,
                (mr_colour){255, 255, 255}); /* half a pixel at the rim, too */
    *out = p;
    p = NULL;
out:
    mr_pen_free(p);
    return st;
}

void mr_pen_line(mr_pen *p, size_t n, const double *x, const double *y, double width, mr_colour c)
{
    if (n) p->way->line(p, n, x, y, width, c);
}

void mr_pen_stroke(mr_pen *p, double x0, double y0, double x1, double y1, double width, mr_colour c)
{
    const double x[] = {x0, x1}, y[] = {y0, y1};
    p->way->line(p, 2, x, y, width, c);
}

void mr_pen_fill(mr_pen *p, double x, double y, double w, double h, mr_colour c)
{
    p->way->fill(p, x, y, w, h, c);
}

void mr_pen_text(mr_pen *p, double x, double y, double size, mr_anchor anchor, bool up,
                 const char *text, mr_colour c)
{
    if (*text) p->way->text(p, x, y, size, anchor, up, text, c);
}

double mr_pen_width(mr_pen *p, const char *text, double size)
{
    return *text ? p->way->width(p, text, size) : 0;
}

void mr_pen_image(mr_pen *p, double x, double y, double w, double h, size_t nx, size_t ny,
                  const uint8_t *rgb)
{
    p->way->image(p, x, y, w, h, nx, ny, rgb);
}

mr_status mr_pen_finish(mr_pen *p, mr_text *bytes)
{
    return p->way->finish(p, bytes);
}

void mr_pen_free(mr_pen *p)
{
    if (!p) return;
    p->way->close(p);
    free(p);
}
