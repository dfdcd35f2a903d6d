/* report/draw/pen_plain.c: the pen where there is no cairo: our own canvas, written by libpng. A
 * build with CAIRO=0 PNG=0 says that it has no pictures. */
#include "report/draw/canvas.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mr_status mr_image_init(mr_image *im, size_t w, size_t h)
{
    mr_status st = MR_OK;
    uint8_t *rgb = NULL;
    MR_TRY(mr_alloc(w * h, 3, "picture", &rgb));
    memset(rgb, 255, w * h * 3);
    *im = (mr_image){.w = w, .h = h, .rgb = rgb};
out:
    return st;
}

void mr_image_fini(mr_image *im)
{
    free(im->rgb);
    memset(im, 0, sizeof *im);
}

static mr_status plain_open(mr_pen *p, MR_UNUSED const char *title)
{
    mr_status st = MR_OK;
    mr_image *im = NULL;
    MR_TRY(mr_alloc(1, sizeof *im, "picture", &im));
    p->own = im;
    MR_TRY(mr_image_init(im, (size_t)lrint(p->w * p->scale), (size_t)lrint(p->h * p->scale)));
out:
    return st;
}

static void plain_line(mr_pen *p, size_t n, const double *x, const double *y, double width,
                       mr_colour c)
{
    const double k = p->scale;
    for (size_t i = 0; i + 1 < n; i++)
        mr_canvas_line(p->own, x[i] * k, y[i] * k, x[i + 1] * k, y[i + 1] * k, width * k, c);
}

static void plain_fill(mr_pen *p, double x, double y, double w, double h, mr_colour c)
{
    const double k = p->scale;
    const int x0 = (int)lrint(x * k), y0 = (int)lrint(y * k);
    mr_canvas_fill(p->own, x0, y0, (int)lrint((x + w) * k) - x0, (int)lrint((y + h) * k) - y0, c);
}

static void plain_text(mr_pen *p, double x, double y, double size, mr_anchor anchor, bool up,
                       const char *text, mr_colour c)
{
    char ascii[1024];
    mr_canvas_ascii(text, ascii, sizeof ascii);
    mr_canvas_text(p->own, x * p->scale, y * p->scale, size * p->scale, anchor, up, ascii, c);
}

static double plain_width(MR_UNUSED mr_pen *p, const char *text, double size)
{
    char ascii[1024];
    mr_canvas_ascii(text, ascii, sizeof ascii);
    return mr_canvas_text_width(ascii, size);
}

static void plain_image(mr_pen *p, double x, double y, double w, double h, size_t nx, size_t ny,
                        const uint8_t *rgb)
{
    mr_image *im = p->own;
    const double k = p->scale;
    const size_t x0 = (size_t)lrint(x * k), y0 = (size_t)lrint(y * k);
    const size_t x1 = MR_MIN(im->w, (size_t)lrint((x + w) * k)),
                 y1 = MR_MIN(im->h, (size_t)lrint((y + h) * k));
    for (size_t j = y0; j < y1; j++)
        for (size_t i = x0; i < x1; i++) {
            const uint8_t *from =
                rgb + 3 * ((j - y0) * ny / (y1 - y0) * nx + (i - x0) * nx / (x1 - x0));
            memcpy(im->rgb + 3 * (j * im->w + i), from, 3);
        }
}

static void plain_close(mr_pen *p)
{
    if (p->own) mr_image_fini(p->own);
    free(p->own);
}

#ifdef MR_PNG
#include <png.h>

static mr_status plain_finish(mr_pen *p, mr_text *bytes)
{
    mr_status st = MR_OK;
    const mr_image *im = p->own;
    char *data = NULL;
    size_t n = 0;
    png_image png = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    png.width = (png_uint_32)im->w;
    png.height = (png_uint_32)im->h;
    FILE *f = open_memstream(&data, &n);
    if (!f) return MR_RAISE(MR_EMEM, "no memory for a picture");
    const int good = png_image_write_to_stdio(&png, f, 0, im->rgb, 0, NULL);
    if (fclose(f) != 0 || !good)
        st = MR_RAISE(MR_EMEM, "no memory for a picture%s%s", good ? "" : ": ",
                      good ? "" : png.message);
    else
        st = mr_text_add_bytes(bytes, data, n);
    free(data);
    return st;
}
#else
static mr_status plain_finish(MR_UNUSED mr_pen *p, MR_UNUSED mr_text *bytes)
{
    return MR_RAISE(MR_ECONFIG, "this build has no pictures (made with CAIRO=0 PNG=0, or cairo's "
                                "library is not on this machine)");
}
#endif

const mr_pen_way mr_pen_plain = {plain_open,  plain_line,  plain_fill,   plain_text,
                                 plain_width, plain_image, plain_finish, plain_close};
