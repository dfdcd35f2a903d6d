/* report/draw/picture.h: pictures of signals, time (or frequency, or lag) along, distance (or
 * frequency, or lag) upwards, colour for the value; of one channel a line, of many traces on
 * request. Samples are poured into cells (about a pixel each, which keep their extremes), so that
 * any amount of data fits; then panels are drawn below one another with axes and colour bars, as
 * PNG, SVG or PDF. One thread. */
#ifndef MR_PICTURE_H
#define MR_PICTURE_H
#include "base/base.h"
#include "millrace/grid.h"
#include "report/draw/pen.h"

/** What an axis has instead of time (along) or distance (upwards). label NULL: those. */
typedef struct mr_along {
    const char *label; /* "frequency, Hz"; cells keep a copy */
    double a, b;       /* ends; of an axis upwards they follow from first and spacing */
    bool log;          /* decades are equally long; a > 0 */
} mr_along;

/** Extremes of the samples that fall on each cell. Zero-initialise, then mr_cells_init. */
typedef struct mr_cells {
    mr_along along;
    const char *up;        /* label of the axis upwards; NULL: distance */
    bool no_zero;          /* where 0 is no middle: decibels */
    bool peaks;            /* the highest are what matters: none lies beyond the scale */
    bool tall;             /* the panel is as high as one may be, however few the cells */
    int64_t t0_ns, t1_ns;  /* half-open span of the time axis */
    double x0_m, dx_m;     /* first channel, spacing; dx 0: unknown, the axis counts channels */
    uint64_t nc;           /* channels */
    size_t most_x, most_y; /* set before: most cells each way; 0: MR_PICTURE_NX, MR_PICTURE_NY */
    size_t nx, ny;         /* cells along time and along distance */
    uint64_t per_cell;     /* channels in a cell */
    double per_column;     /* samples in a cell along; 1 at least */
    uint64_t poured;       /* values, not counting NaN */
    float *lo, *hi;        /* [ny][nx]; lo > hi: nothing there */
    char words[2][64];     /* along.label, up */
} mr_cells;

#define MR_PICTURE_NX 1200 /* largest size of a panel in cells */
#define MR_PICTURE_NY 500

/** Cells for [t0, t1) and nc channels; dt_ns > 0 is the time between two samples (no cell is
 * shorter). MR_ECONFIG when empty. */
mr_status mr_cells_init(mr_cells *c, int64_t t0_ns, int64_t t1_ns, double dt_ns, uint64_t nc,
                        double x0_m, double dx_m);
/** Upwards is no distance, but this: "frequency, Hz"; first and spacing are in its unit. */
void mr_cells_up(mr_cells *c, const char *label);
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

/** What the colours, or the height of a line, stand for. */
typedef struct mr_scale {
    double lo, hi;
    bool diverging; /* lo = -hi, values of both signs: blue and red; else one side: sequential */
    bool below, beyond; /* there are values outside */
} mr_scale;
/** A scale such that `share` (0.5..1) of the cells lie inside. Around 0 where values have both
 * signs; where (nearly) all lie on one side, or 0 is no middle, from the lowest to the highest. */
mr_status mr_cells_scale(const mr_cells *c, double share, mr_scale *out);
/** What is drawn at a cell: of the extremes the one farther from 0 on a diverging scale, else the
 * higher; NaN where nothing is. */
float mr_cells_at(const mr_cells *c, size_t ix, size_t iy, bool diverging);

/** Something over the cells: a line, in shares of the panel's width and height, from its left and
 * its bottom; what lies outside is cut off. */
typedef enum mr_mark_kind {
    MR_MARK_PICK,    /* a dot at each end, the first darker */
    MR_MARK_EVENT,   /* a line in a colour that no cell has */
    MR_MARK_PEAK,    /* a diamond at (x0, y0) */
    MR_MARK_VELOCITY /* a white dashed line */
} mr_mark_kind;
typedef struct mr_mark {
    double x0, y0, x1, y1;
    mr_mark_kind kind;
    char label[24]; /* "" none */
} mr_mark;
/** Zero-initialise. */
typedef struct mr_marks {
    mr_mark *v;
    size_t n, cap;
} mr_marks;
mr_status mr_marks_add(mr_marks *m, const mr_mark *one);
void mr_marks_fini(mr_marks *m);

/** One panel of a picture. [borrow] A panel of one channel is drawn as a line. */
typedef struct mr_panel {
    const mr_cells *cells;
    const char *title, *unit; /* unit as it is stored: nanostrain s-1 */
    const mr_marks *marks;    /* or NULL */
    uint64_t wiggle;          /* 0, or: as traces, which are every so-manieth channel */
    const char *note;         /* NULL, or what else is to be said below it */
} mr_panel;

/** The page. Zero: as large as the panels like to be, 192 dots per inch. */
typedef struct mr_page {
    double w_mm, h_mm; /* 0: by what is on it */
    double dpi;        /* dots per inch; of SVG and PDF those of their images */
    double share;      /* as in mr_cells_scale */
    const char *title; /* [borrow] headline, or NULL */
} mr_page;
/** Most cells of a panel on that page with n panels: for most_x, most_y. MR_ECONFIG: too small. */
mr_status mr_page_cells(const mr_page *page, size_t n, size_t *nx, size_t *ny);
/** Draw panels below one another. bytes: appended; w, h: its size in pixels, or points. */
mr_status mr_picture_draw(const mr_panel *panels, size_t n, const mr_page *page, mr_pen_kind kind,
                          mr_text *bytes, size_t *w, size_t *h);
/** Write a picture; it appears under its name when complete. Replaces nothing but a picture.
 *  MR_ECONFIG, MR_EOUTPUT. */
mr_status mr_picture_write(const char *path, const mr_text *bytes);

/* --- inside report/draw only ------------------------------------------------------------------ */

enum {
    MR_LABEL = 13, /* heights of capitals */
    MR_SMALL = 11,
    MR_HEADLINE = 17
};
extern const mr_colour mr_ink, mr_faint;
/** 1, 2 or 5 times a power of ten, the smallest of at least v. */
double mr_nice_step(double v);
/** So that no axis says -0. */
double mr_zero_if_tiny(double v, double step);
/** Below the panel whose lower left corner is (x, y), w wide. */
void mr_axis_time(mr_pen *p, const mr_cells *c, double x, double y, double w);
void mr_axis_along(mr_pen *p, const mr_along *a, double x, double y, double w);
/** Left of the panel whose upper left corner is (x, y), h high: channels from the bottom up. */
void mr_axis_distance(mr_pen *p, const mr_cells *c, double x, double y, double h);
/** Left of a panel of a line: its values and their unit. */
mr_status mr_axis_value(mr_pen *p, const mr_scale *s, const char *unit, double x, double y,
                        double h);
mr_status mr_colour_bar(mr_pen *p, const mr_scale *s, const char *unit, double x, double y,
                        double w, double h);
mr_colour mr_scale_colour(const mr_scale *s, double v);
void mr_marks_draw(mr_pen *p, const mr_marks *m, double x, double y, double w, double h);
#define MR_WIGGLE 1.2 /* spacings that a trace of the scale's height reaches */
/** The height that `share` of the cells do not exceed. */
mr_status mr_wiggle_scale(const mr_cells *c, double share, double *out);
mr_status mr_draw_wiggle(mr_pen *p, const mr_cells *c, double scale, double x, double y, double w,
                         double h);
void mr_frame(mr_pen *p, double x, double y, double w, double h);
/** The line of one channel, its envelope where cells hold several samples. */
mr_status mr_draw_line(mr_pen *p, const mr_cells *c, const mr_scale *s, double x, double y,
                       double w, double h);
#endif
