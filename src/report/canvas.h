/* report/canvas.h: lines and letters on an image. Letters are strokes of our own on a 4 x 8 grid,
 * drawn smooth at any size. */
#ifndef MR_CANVAS_H
#define MR_CANVAS_H
#include "report/picture.h"

typedef struct mr_colour {
    uint8_t r, g, b;
} mr_colour;
typedef enum mr_anchor { MR_LEFT, MR_MIDDLE, MR_RIGHT } mr_anchor;

void mr_canvas_fill(mr_image *im, int x, int y, int w, int h, mr_colour c);
/** A smooth straight line, width in pixels. */
void mr_canvas_line(mr_image *im, double x0, double y0, double x1, double y1, double width,
                    mr_colour c);
/** Text whose capital letters are `size` pixels high; (x, y) is its left end, middle or right end
 * on the base line; `up` turns it to read upwards. What is not ASCII shows as "?". */
void mr_canvas_text(mr_image *im, double x, double y, double size, mr_anchor anchor, bool up,
                    const char *text, mr_colour c);
/** Length of that text in pixels. */
double mr_canvas_text_width(const char *text, double size);
/** The diverging colour map: -1 blue, 0 near white, 1 red; NaN grey. */
mr_colour mr_canvas_map(double v);
#endif
