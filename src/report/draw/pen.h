/* report/draw/pen.h: what a picture is drawn with: lines, letters and images on a page, which
 * become the bytes of a PNG, SVG or PDF. cairo draws where this build and this machine have it;
 * else our own canvas draws PNG with plain letters. Lengths are in units of 1/192 inch, x to the
 * right and y down. One thread. */
#ifndef MR_PEN_H
#define MR_PEN_H
#include "base/text.h"

typedef struct mr_colour {
    uint8_t r, g, b;
} mr_colour;
typedef enum mr_anchor { MR_LEFT, MR_MIDDLE, MR_RIGHT } mr_anchor;
typedef enum mr_pen_kind { MR_PEN_PNG, MR_PEN_SVG, MR_PEN_PDF } mr_pen_kind;

#define MR_PEN_PER_INCH 192.0
typedef struct mr_pen mr_pen;

/** What draws: one row of functions for cairo, one for the plain canvas. */
typedef struct mr_pen_way {
    mr_status (*open)(mr_pen *p, const char *title);
    void (*line)(mr_pen *p, size_t n, const double *x, const double *y, double width, mr_colour c);
    void (*fill)(mr_pen *p, double x, double y, double w, double h, mr_colour c);
    void (*text)(mr_pen *p, double x, double y, double size, mr_anchor anchor, bool up,
                 const char *text, mr_colour c);
    double (*width)(mr_pen *p, const char *text, double size);
    void (*image)(mr_pen *p, double x, double y, double w, double h, size_t nx, size_t ny,
                  const uint8_t *rgb);
    mr_status (*finish)(mr_pen *p, mr_text *bytes);
    void (*close)(mr_pen *p);
} mr_pen_way;

struct mr_pen {
    const mr_pen_way *way;
    mr_pen_kind kind;
    double w, h;  /* of the page */
    double scale; /* pixels a unit */
    void *own;
};
extern const mr_pen_way mr_pen_cairo, mr_pen_plain;
/** Is cairo in this build, and its library on this machine? Looked for once. */
bool mr_pen_has_cairo(void);

/** By the end of the name: .png, .svg, .pdf. MR_ECONFIG for others, and for what cannot be drawn
 *  here. */
mr_status mr_pen_kind_of(const char *path, mr_pen_kind *out);
/** A white page. title goes into the file's properties; NULL: none. [give] out. */
mr_status mr_pen_new(mr_pen_kind kind, double w, double h, double dpi, const char *title,
                     mr_pen **out);
/** A line through n points, width in units. */
void mr_pen_line(mr_pen *p, size_t n, const double *x, const double *y, double width, mr_colour c);
void mr_pen_stroke(mr_pen *p, double x0, double y0, double x1, double y1, double width,
                   mr_colour c);
void mr_pen_fill(mr_pen *p, double x, double y, double w, double h, mr_colour c);
/** UTF-8 whose capitals are `size` high; (x, y) is its left end, middle or right end on the base
 *  line; `up` turns it to read upwards. */
void mr_pen_text(mr_pen *p, double x, double y, double size, mr_anchor anchor, bool up,
                 const char *text, mr_colour c);
double mr_pen_width(mr_pen *p, const char *text, double size);
/** Pixels rgb[ny][nx][3], rows from the top, over that rectangle, each with sharp edges. */
void mr_pen_image(mr_pen *p, double x, double y, double w, double h, size_t nx, size_t ny,
                  const uint8_t *rgb);
/** The picture's bytes, appended. MR_EMEM, MR_EOUTPUT. */
mr_status mr_pen_finish(mr_pen *p, mr_text *bytes);
void mr_pen_free(mr_pen *p);
#endif
