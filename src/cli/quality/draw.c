/* cli/quality/draw.c: pictures of channel x time: one of each figure, and one of the three that
 * tell most. */
#include "cli/quality/quality.h"
#include "report/draw/picture.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNUSABLE = MR_Q_FIGURES, N_CELLS, COLUMNS = 800, LINES = 300 };

typedef struct drawing {
    const mr_quality_rows *q;
    mr_cells cells[N_CELLS];
    double *row; /* [nc] */
} drawing;

static const char *const title[N_CELLS] = {[MR_Q_N] = "samples in the interval",
                                           [MR_Q_NAN] = "missing (not finite)",
                                           [MR_Q_CLIPPED] = "clipped",
                                           [MR_Q_CONSTANT] = "constant for 1 s and more",
                                           [MR_Q_MIN] = "lowest value",
                                           [MR_Q_MAX] = "highest value",
                                           [MR_Q_MEAN] = "mean",
                                           [MR_Q_RMS] = "root mean square",
                                           [MR_Q_STD] = "standard deviation",
                                           [MR_Q_SKEWNESS] = "skewness",
                                           [MR_Q_KURTOSIS] = "kurtosis (0: Gaussian)",
                                           [UNUSABLE] = "missing, constant or clipped"};

static bool is_share(int k)
{
    return k == UNUSABLE || (k >= MR_Q_NAN && k <= MR_Q_CONSTANT);
}

static mr_status pour(void *arg, int64_t t_ns, size_t c0, size_t nc, const double *v,
                      MR_UNUSED const double *x_m)
{
    drawing *d = arg;
    const mr_view view = {.d = d->row, .nt = 1, .nc = nc, .stride = nc};
    for (int k = 0; k < N_CELLS; k++) {
        for (size_t c = 0; c < nc; c++) {
            const double *of = v + c;
            double x =
                k < MR_Q_FIGURES
                    ? of[(size_t)k * nc]
                    : fmin(of[MR_Q_NAN * nc] + of[MR_Q_CLIPPED * nc] + of[MR_Q_CONSTANT * nc], 1);
            if (is_share(k)) x *= 100;
            if (k >= MR_Q_POWER && k < UNUSABLE) x = x > 0 ? 10 * log10(x) : NAN;
            d->row[c] = x;
        }
        mr_cells_add(&d->cells[k], t_ns, d->q->row_ns, c0, &view);
    }
    return MR_OK;
}

/* "power 10..100 Hz" of power_10_100_hz */
static void name_of(const mr_quality_rows *q, int k, char *out, size_t size)
{
    double a, b;
    if (k >= MR_Q_POWER && k < UNUSABLE && sscanf(q->name[k], "power_%lf_%lf_hz", &a, &b) == 2)
        snprintf(out, size, "power in %.4g..%.4g Hz", a, b);
    else
        snprintf(out, size, "%s", title[k] ? title[k] : q->name[k]);
}

static void unit_of(const mr_quality_rows *q, int k, char *out, size_t size)
{
    const char *unit = *q->unit ? q->unit : "1";
    if (k >= MR_Q_POWER && k < UNUSABLE)
        snprintf(out, size, "dB re (%.80s)2", unit);
    else
        snprintf(out, size, "%s",
                 is_share(k)                                ? "% of the samples"
                 : k == MR_Q_N                              ? "samples"
                 : k == MR_Q_SKEWNESS || k == MR_Q_KURTOSIS ? q->name[k]
                                                            : unit);
}

static mr_status one_picture(const drawing *d, const int *of, size_t n, const char *arg,
                             const char *path)
{
    mr_status st = MR_OK;
    mr_panel panel[3];
    char name[3][64], unit[3][112];
    mr_text bytes = {0};
    size_t w, h;
    const mr_page page = {.share = 0.98, .title = arg};
    for (size_t i = 0; i < n; i++) {
        name_of(d->q, of[i], name[i], sizeof name[i]);
        unit_of(d->q, of[i], unit[i], sizeof unit[i]);
        panel[i] = (mr_panel){.cells = &d->cells[of[i]], .title = name[i], .unit = unit[i]};
    }
    MR_TRY(mr_picture_draw(panel, n, &page, MR_PEN_PNG, &bytes, &w, &h));
    MR_TRY(mr_picture_write(path, &bytes));
out:
    mr_text_fini(&bytes);
    return st;
}

mr_status mr_quality_draw(const mr_quality_rows *q, const char *arg, const char *folder)
{
    static const int most[] = {MR_Q_STD, MR_Q_KURTOSIS, UNUSABLE};
    mr_status st = MR_OK;
    drawing d = {.q = q};
    mr_text path = {0};
    MR_TRY(mr_alloc_f64(q->nc, "a row", &d.row));
    for (int k = 0; k < N_CELLS; k++) {
        d.cells[k].most_x = COLUMNS;
        d.cells[k].most_y = LINES;
        MR_TRY(mr_cells_init(&d.cells[k], q->t0_ns, q->t1_ns, q->row_ns, q->nc, q->x0_m, q->dx_m));
        d.cells[k].no_zero = k >= MR_Q_POWER && k < UNUSABLE;
    }
    MR_TRY(mr_quality_rows_each(q, pour, &d));
    MR_TRY(mr_text_add(&path, "%s/quality.png", folder));
    MR_TRY(one_picture(&d, most, 3, arg, path.s));
    for (int k = 0; k < MR_Q_FIGURES; k++) {
        path.len = 0;
        MR_TRY(mr_text_add(&path, "%s/%s.png", folder, q->name[k]));
        MR_TRY(one_picture(&d, &k, 1, arg, path.s));
    }
out:
    for (int k = 0; k < N_CELLS; k++) mr_cells_fini(&d.cells[k]);
    mr_text_fini(&path);
    free(d.row);
    return st;
}
