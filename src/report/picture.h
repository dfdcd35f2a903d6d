/* report/picture.h: pictures of signals, time (or frequency, or lag) along, distance upwards,
 * colour for the value. Samples are poured into cells (about a pixel each, which keep their
 * extremes), so that any amount of data fits; then one or two panels are drawn with axes and colour
 * bars and written as PNG. One thread. */
#ifndef MR_PICTURE_H
#define MR_PICTURE_H
#include "base/base.h"
#include "grid/grid.h"

/** What a panel has along instead of time. label NULL: time. */
typedef struct mr_along {
    const char *label; /* [borrow] "frequency, Hz" */
    double a, b;       /* ends */
    bool log;          /* decades are equally long; a > 0 */
} mr_along;

/** Extremes of the samples that fall on each cell. Zero-initialise, then mr_cells_init. */
typedef struct mr_cells {
    mr_along along;
    bool no_zero;         /* where 0 is no middle: decibels */
    int64_t t0_ns, t1_ns; /* half-open span of the time axis */
    double x0_m, dx_m;    /* first channel, spacing; dx 0: unknown, the axis counts channels */
    uint64_t nc;          /* channels */
    size_t nx, ny;        /* cells along time and along distance */
    uint64_t per_cell;    /* channels in a cell */
    float *lo, *hi;       /* [ny][nx]; lo > hi: nothing there */
} mr_cells;

#define MR_PICTURE_NX 1200 /* largest size of a panel in cells */
#define MR_PICTURE_NY 500

/** Cells for [t0, t1) and nc channels; dt_ns > 0 is the time between two samples (no cell is
 * shorter). MR_ECONFIG when empty. */
mr_status mr_cells_init(mr_cells *c, int64_t t0_ns, int64_t t1_ns, double dt_ns, uint64_t nc,
                        double x0_m, double dx_m);
/** Pour rows in: row t lies at t_ns + t * dt_ns, its first sample is channel `first`. NaN and what
 * is outside the span or the channels is left out. */
void mr_cells_add(mr_cells *c, int64_t t_ns, double dt_ns, uint64_t first, const mr_view *rows);
/** Place of a value on the axis, 0 at its beginning, 1 at its end. */
double mr_along_at(const mr_along *along, double v);
/** Cells over another axis than time. MR_ECONFIG when empty. */
mr_status mr_cells_init_along(mr_cells *c, const mr_along *along, uint64_t nc, double x0_m,
                              double dx_m);
/** Values v[n] of channels first, first + 1, ... fill [a, b) of that axis. */
void mr_cells_column(mr_cells *c, double a, double b, uint64_t first, const double *v, size_t n);
void mr_cells_fini(mr_cells *c);
/** What is drawn at a cell: the extreme that lies farther from `centre`; NaN where nothing is. */
float mr_cells_at(const mr_cells *c, size_t ix, size_t iy, float centre);
/** Colour scale: centre and half range such that `share` (0.5..1) of the cells lie inside. The
 * centre is 0 unless that is no middle, or (nearly) all values lie on one side of it: then as many
 * lie below as above. */
mr_status mr_cells_scale(const mr_cells *c, double share, float *centre, float *half);

/** One panel of a picture. [borrow] */
typedef struct mr_panel {
    const mr_cells *cells;
    const char *title, *unit;
} mr_panel;

/** Pixels, 8 bit red green blue, rows from the top. */
typedef struct mr_image {
    size_t w, h;
    uint8_t *rgb; /* [h][w][3] */
} mr_image;
mr_status mr_image_init(mr_image *im, size_t w, size_t h);
void mr_image_fini(mr_image *im);

/** Draw panels below one another. share as in mr_cells_scale. [give] out. */
mr_status mr_picture_draw(const mr_panel *panels, size_t n, const char *title, double share,
                          mr_image *out);
/** Write a PNG; it appears under its name when complete. MR_EOUTPUT; in a build without libpng
 *  MR_ECONFIG says so. */
mr_status mr_png_write(const char *path, const mr_image *im);
#endif
