/* in/layout.c: the table of vendor layouts, and what several of them need. */
#include "in/layout.h"
#include "base/utc.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_remark(char *field, size_t size, const char *fmt, va_list ap)
{
    size_t n = strlen(field);
    if (n && n + 3 < size) n += (size_t)snprintf(field + n, size - n, "; ");
    vsnprintf(field + n, size - n, fmt, ap);
}

void mr_find_fini(mr_find *f)
{
    mr_clock_fini(&f->clock);
    free(f->stretch);
    f->stretch = NULL;
    f->n_stretch = f->cap_stretch = 0;
}

void mr_odd(mr_find *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_remark(f->info->odd, sizeof f->info->odd, fmt, ap);
    va_end(ap);
}

void mr_assume(mr_find *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_remark(f->info->assumed, sizeof f->info->assumed, fmt, ap);
    va_end(ap);
}

mr_status mr_find_data(const mr_h5 *h, mr_find *f, const char *path)
{
    mr_status st = MR_OK;
    hid_t d = -1;
    unsigned rank = 0;
    uint64_t dims[2];
    MR_TRY(mr_h5_dataset(h, path, &d));
    MR_TRY(mr_h5_shape(d, 2, &rank, dims));
    if (rank != 2) st = MR_RAISE(MR_EINPUT, "no 2-D recording: %u dimension(s)", rank);
    MR_TRY(st);
    snprintf(f->path, sizeof f->path, "%s", path);
    memcpy(f->dims, dims, sizeof dims);
out:
    if (d >= 0) H5Oclose(d);
    return st;
}

bool mr_ns_of_s(double s, int64_t *ns)
{
    if (!isfinite(s) || fabs(s) > 4.6e9) return false;
    *ns = llroundl((long double)s * 1e9L);
    return true;
}

bool mr_time_fact(const mr_h5 *h, const char *where, int64_t *ns)
{
    char s[64];
    if (!mr_h5_text(h, where, 0, s, sizeof s) || !*s) return false;
    if (mr_utc_parse(s, ns) == MR_OK) return true;
    mr_error_clear();
    return false;
}

void mr_set_positions(const mr_h5 *h, mr_find *f, const char *where, uint64_t n, double per_m)
{
    double a, b, mid;
    if (n == 0 || !mr_h5_f64s(h, where, 0, 1, &a) || !mr_h5_f64s(h, where, n - 1, 1, &b) ||
        !mr_h5_f64s(h, where, n / 2, 1, &mid) || !isfinite(a) || !isfinite(b))
        return;
    f->info->x0_m = a * per_m;
    if (n < 2) return;
    double dx = (b - a) / (double)(n - 1);
    f->info->dx_m = fabs(dx * per_m);
    if (dx < 0) mr_odd(f, "positions fall along the channels");
    if (fabs(mid - a - dx * (double)(n / 2)) > 0.5 * fabs(dx))
        mr_odd(f, "channels are not evenly spaced");
}

/* --- the table, in the order of detection --------------------------------------------------------
 */

static const mr_layout rows[] = {
    {"jld2", "DASVader JLD2", mr_is_jld2, NULL, NULL},
    {"ph5", "PH5", mr_is_ph5, NULL, NULL},
    {"dasdae", "DASDAE", mr_is_dasdae, mr_read_dasdae, mr_list_dasdae},
    {"terra15", "Terra15", mr_is_terra15, mr_read_terra15, NULL},
    {"optodas", "OptoDAS", mr_is_optodas, mr_read_optodas, NULL},
    {"apsensing", "AP Sensing", mr_is_apsensing, mr_read_apsensing, NULL},
    {"prodml", "PRODML", mr_is_prodml, mr_read_prodml, mr_list_prodml},
    {"uptech", "Uptech", mr_is_uptech, NULL, NULL},
    {"gdr", "GDR", mr_is_gdr, mr_read_gdr, NULL},
    {"porotomo", "PoroTomo DAS-HDF5", mr_is_porotomo, NULL, NULL},
    {"neubrex", "Neubrex DAS", mr_is_neubrex, NULL, NULL},
    {"silixa", "Silixa iDAS", mr_is_silixa, mr_read_silixa, NULL},
    {"febus", "Febus A1", mr_is_febus_a1, NULL, NULL},
    {"febus-t1", "Febus T1", mr_is_febus_t1, NULL, NULL},
    {"febus-g1", "Febus G1", mr_is_febus_g1, NULL, NULL},
    {"neubrex-rfs", "Neubrex RFS", mr_is_neubrex_rfs, NULL, NULL},
    {"carina", "Silixa Carina", mr_is_carina, NULL, NULL},
    {"odh4", "ODH4", mr_is_odh4, NULL, NULL},
    {"odh3", "ODH3", mr_is_odh3, NULL, NULL},
    {"hdas", "HDAS", mr_is_hdas, NULL, NULL},
    {"ai4eps", "AI4EPS", mr_is_ai4eps, NULL, NULL},
    {"nec", "NEC", mr_is_nec, NULL, NULL},
    {"puniu", "Puniu", mr_is_puniu, NULL, NULL},
    {"t8", "T8", mr_is_t8, NULL, NULL},
    {"jamstec", "JAMSTEC", mr_is_jamstec, NULL, NULL},
    {"apsensing-old", "old AP Sensing", mr_is_apsensing_old, NULL, NULL},
    {"xdas", "xdas netCDF", mr_is_xdas, mr_read_xdas, NULL},
    {"bare", "bare HDF5", mr_is_bare, mr_read_bare, NULL},
};

const mr_layout *mr_layout_of(const mr_h5 *h)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].recognise(h)) return &rows[i];
    return NULL;
}

bool mr_layout_row(size_t i, const char **name, const char **title, bool *supported)
{
    if (i >= sizeof rows / sizeof *rows) return false;
    *name = rows[i].name;
    *title = rows[i].title;
    *supported = rows[i].read != NULL;
    return true;
}
