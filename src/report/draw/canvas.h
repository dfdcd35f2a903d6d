/* report/draw/canvas.h: lines and letters on an image. Letters are strokes of our own on a 4 x 8
 * grid, drawn smooth at any size. */
#ifndef MR_CANVAS_H
#define MR_CANVAS_H
#include "report/draw/pen.h"

/** Pixels, 8 bit red green blue, rows from the top. */
typedef struct mr_image {
    size_t w, h;
    uint8_t *rgb; /* [h][w][3] */
} mr_image;
mr_status mr_image_init(mr_image *im, size_t w, size_t h);
void mr_image_fini(mr_image *im);

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
/** UTF-8 in the nearest ASCII: raised figures become plain ones, micro a u. */
void mr_canvas_ascii(const char *text, char *out, size_t size);
#endif
