/* report/draw/pen_cairo.c: the pen that is cairo. Its library is opened at the first picture and
 * not linked: it would make every start of every rank slower, and a node may do without. */
#include "report/draw/pen.h"

#ifdef MR_CAIRO
#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cairo's functions that are used, by their names */
#define CALLS(X)                                                                                   \
    X(create)                                                                                      \
    X(destroy)                                                                                     \
    X(fill)                                                                                        \
    X(get_source)                                                                                  \
    X(image_surface_create)                                                                        \
    X(image_surface_create_for_data)                                                               \
    X(line_to)                                                                                     \
    X(move_to)                                                                                     \
    X(pattern_set_filter)                                                                          \
    X(pdf_surface_create_for_stream)                                                               \
    X(pdf_surface_set_metadata)                                                                    \
    X(rectangle)                                                                                   \
    X(restore)                                                                                     \
    X(rotate)                                                                                      \
    X(save)                                                                                        \
    X(scale)                                                                                       \
    X(select_font_face)                                                                            \
    X(set_font_size)                                                                               \
    X(set_line_join)                                                                               \
    X(set_line_width)                                                                              \
    X(set_source_rgb)                                                                              \
    X(set_source_surface)                                                                          \
    X(show_text)                                                                                   \
    X(status)                                                                                      \
    X(status_to_string)                                                                            \
    X(stroke)                                                                                      \
    X(surface_destroy)                                                                             \
    X(surface_finish)                                                                              \
    X(surface_status)                                                                              \
    X(surface_write_to_png_stream)                                                                 \
    X(svg_surface_create_for_stream)                                                               \
    X(text_extents)                                                                                \
    X(translate)

#define FIELD(name) __typeof__(cairo_##name) *name;
#define ROW(name) {"cairo_" #name, offsetof(struct calls, name)},
struct calls {
    CALLS(FIELD)
};
static const struct {
    const char *name;
    size_t at;
} rows[] = {CALLS(ROW)};

/* The library stays open: cairo does not bear to be closed. */
static bool look(struct calls *out)
{
    void *so = dlopen("libcairo.so.2", RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; so && i < sizeof rows / sizeof *rows; i++) {
        void *f = dlsym(so, rows[i].name);
        if (!f) return false;
        memcpy((char *)out + rows[i].at, &f, sizeof f);
    }
    return so != NULL;
}

bool mr_pen_has_cairo(void)
{
    struct calls c;
    return look(&c);
}

typedef struct sheet {
    struct calls c;
    cairo_surface_t *surface;
    cairo_t *cr;
    mr_text bytes; /* of SVG and PDF, as they come */
    mr_status st;
    uint32_t **image; /* pixels that cairo may still look at */
    size_t n_images, cap_images;
} sheet;

static cairo_status_t take_bytes(void *arg, const unsigned char *data, unsigned n)
{
    sheet *s = arg;
    if (s->st == MR_OK) s->st = mr_text_add_bytes(&s->bytes, (const char *)data, n);
    return s->st == MR_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_NO_MEMORY;
}

static mr_status cairo_open(mr_pen *p, const char *title)
{
    mr_status st = MR_OK;
    sheet *s = NULL;
    const double pt = 72 / MR_PEN_PER_INCH;
    MR_TRY(mr_alloc(1, sizeof *s, "picture", &s));
    p->own = s;
    if (!look(&s->c)) return MR_RAISE(MR_EBUG, "cairo's library was here a moment ago");
    if (p->kind == MR_PEN_PNG)
        s->surface = s->c.image_surface_create(CAIRO_FORMAT_RGB24, (int)lrint(p->w * p->scale),
                                               (int)lrint(p->h * p->scale));
    else if (p->kind == MR_PEN_SVG)
        s->surface = s->c.svg_surface_create_for_stream(take_bytes, s, p->w * pt, p->h * pt);
    else
        s->surface = s->c.pdf_surface_create_for_stream(take_bytes, s, p->w * pt, p->h * pt);
    s->cr = s->c.create(s->surface);
    if (s->c.status(s->cr) != CAIRO_STATUS_SUCCESS) {
        st = MR_RAISE(MR_EMEM, "cairo cannot begin a picture of %.0f x %.0f pixels: %s",
                      p->w * p->scale, p->h * p->scale, s->c.status_to_string(s->c.status(s->cr)));
        goto out;
    }
    if (p->kind == MR_PEN_PDF && title && *title)
        s->c.pdf_surface_set_metadata(s->surface, CAIRO_PDF_METADATA_TITLE, title);
    const char *epoch =
        getenv("SOURCE_DATE_EPOCH"); /* so that a file can be made again as it was */
    if (p->kind == MR_PEN_PDF && epoch)
        s->c.pdf_surface_set_metadata(s->surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                      "1970-01-01T00:00:00Z");
    const double k = p->kind == MR_PEN_PNG ? p->scale : pt;
    s->c.scale(s->cr, k, k);
    s->c.select_font_face(s->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    s->c.set_line_join(s->cr, CAIRO_LINE_JOIN_ROUND);
out:
    return st;
}

static cairo_t *with(mr_pen *p, mr_colour c)
{
    sheet *s = p->own;
    s->c.set_source_rgb(s->cr, c.r / 255.0, c.g / 255.0, c.b / 255.0);
    return s->cr;
}

static void cairo_line_of(mr_pen *p, size_t n, const double *x, const double *y, double width,
                          mr_colour c)
{
    sheet *s = p->own;
    cairo_t *cr = with(p, c);
    s->c.set_line_width(cr, width);
    s->c.move_to(cr, x[0], y[0]);
    for (size_t i = 1; i < n; i++) s->c.line_to(cr, x[i], y[i]);
    s->c.stroke(cr);
}

static void cairo_fill_of(mr_pen *p, double x, double y, double w, double h, mr_colour c)
{
    sheet *s = p->own;
    cairo_t *cr = with(p, c);
    s->c.rectangle(cr, x, y, w, h);
    s->c.fill(cr);
}

/* Capitals of most sans-serif fonts are 0.73 of the size high. */
static void font(mr_pen *p, double size)
{
    sheet *s = p->own;
    s->c.set_font_size(s->cr, size / 0.73);
}

static double cairo_width_of(mr_pen *p, const char *text, double size)
{
    sheet *s = p->own;
    cairo_text_extents_t e;
    font(p, size);
    s->c.text_extents(s->cr, text, &e);
    return e.x_advance;
}

static void cairo_text_of(mr_pen *p, double x, double y, double size, mr_anchor anchor, bool up,
                          const char *text, mr_colour c)
{
    sheet *s = p->own;
    cairo_t *cr = with(p, c);
    const double w = cairo_width_of(p, text, size);
    s->c.save(cr);
    s->c.translate(cr, x, y);
    if (up) s->c.rotate(cr, -1.5707963267948966);
    s->c.move_to(cr, anchor == MR_LEFT ? 0 : anchor == MR_MIDDLE ? -w / 2 : -w, 0);
    s->c.show_text(cr, text);
    s->c.restore(cr);
}

static void cairo_image_of(mr_pen *p, double x, double y, double w, double h, size_t nx, size_t ny,
                           const uint8_t *rgb)
{
    sheet *s = p->own;
    uint32_t *v = NULL; /* 0x00rrggbb, as cairo's RGB24 wants it; rows need no padding */
    if (s->st != MR_OK || (s->st = mr_alloc(nx * ny, sizeof *v, "picture", &v)) != MR_OK) return;
    if ((s->st = mr_grow(&s->image, &s->cap_images, s->n_images + 1, sizeof(uint32_t *),
                         "picture")) != MR_OK) {
        free(v);
        return;
    }
    s->image[s->n_images++] = v;
    for (size_t i = 0; i < nx * ny; i++)
        v[i] = (uint32_t)rgb[3 * i] << 16 | (uint32_t)rgb[3 * i + 1] << 8 | rgb[3 * i + 2];
    cairo_surface_t *im = s->c.image_surface_create_for_data((unsigned char *)v, CAIRO_FORMAT_RGB24,
                                                             (int)nx, (int)ny, 4 * (int)nx);
    s->c.save(s->cr);
    s->c.translate(s->cr, x, y);
    s->c.scale(s->cr, w / (double)nx, h / (double)ny);
    s->c.set_source_surface(s->cr, im, 0, 0);
    s->c.pattern_set_filter(s->c.get_source(s->cr), CAIRO_FILTER_NEAREST);
    s->c.rectangle(s->cr, 0, 0, (double)nx, (double)ny);
    s->c.fill(s->cr);
    s->c.restore(s->cr);
    s->c.surface_destroy(im);
}

static mr_status cairo_finish_of(mr_pen *p, mr_text *bytes)
{
    mr_status st = MR_OK;
    sheet *s = p->own;
    cairo_status_t e = s->c.status(s->cr);
    if (p->kind == MR_PEN_PNG && e == CAIRO_STATUS_SUCCESS)
        e = s->c.surface_write_to_png_stream(s->surface, take_bytes, s);
    s->c.destroy(s->cr);
    s->cr = NULL;
    s->c.surface_finish(s->surface);
    if (e == CAIRO_STATUS_SUCCESS) e = s->c.surface_status(s->surface);
    MR_TRY(s->st);
    if (e != CAIRO_STATUS_SUCCESS) {
        st = MR_RAISE(MR_EMEM, "cairo cannot make the picture: %s", s->c.status_to_string(e));
        goto out;
    }
    st = mr_text_add_bytes(bytes, s->bytes.s, s->bytes.len);
out:
    return st;
}

static void cairo_close_of(mr_pen *p)
{
    sheet *s = p->own;
    if (!s) return;
    if (s->cr) s->c.destroy(s->cr);
    if (s->surface) s->c.surface_destroy(s->surface);
    for (size_t i = 0; i < s->n_images; i++) free(s->image[i]);
    free(s->image);
    mr_text_fini(&s->bytes);
    free(s);
}

const mr_pen_way mr_pen_cairo = {cairo_open,     cairo_line_of,  cairo_fill_of,   cairo_text_of,
                                 cairo_width_of, cairo_image_of, cairo_finish_of, cairo_close_of};
#else
bool mr_pen_has_cairo(void)
{
    return false;
}

const mr_pen_way mr_pen_cairo = {0}; /* never chosen */
#endif
