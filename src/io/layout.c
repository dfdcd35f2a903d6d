/* io/layout.c: the table of vendor layouts, and what several of them need. */
#include "io/layout.h"
#include "base/text.h"
#include "base/utc.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void add_remark(char *field, const char *fmt, va_list ap)
{
    size_t n = strlen(field);
    if (n && n + 3 < MR_NOTE_MAX) n += (size_t)snprintf(field + n, MR_NOTE_MAX - n, "; ");
    vsnprintf(field + n, MR_NOTE_MAX - n, fmt, ap);
}

void mr_odd(mr_find *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_remark(f->info->odd, fmt, ap);
    va_end(ap);
}

void mr_assume(mr_find *f, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_remark(f->info->assumed, fmt, ap);
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

double mr_rate_of(int64_t t0, int64_t t1, uint64_t n)
{
    if (n < 2 || t1 <= t0) return 0;
    return (double)(n - 1) / ((double)(t1 - t0) / 1e9);
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

/* --- units --------------------------------------------------------------------------------------
 */

typedef enum unit_kind { STRAIN, STRAIN_RATE, VELOCITY, PHASE, PHASE_RATE, OTHER } unit_kind;
static const struct kind_row {
    const char *quantity, *unit;
} kind_rows[] = {
    [STRAIN] = {"strain", "strain"},          [STRAIN_RATE] = {"strain_rate", "strain s-1"},
    [VELOCITY] = {"velocity", "m s-1"},       [PHASE] = {"phase", "rad"},
    [PHASE_RATE] = {"phase_rate", "rad s-1"}, [OTHER] = {"data", ""}};

static const struct unit_row {
    const char *text; /* lower case, without spaces, '-' before letters and '^' */
    unit_kind kind;
    double factor;
} unit_rows[] = {
    {"strain/s", STRAIN_RATE, 1},
    {"strains-1", STRAIN_RATE, 1},
    {"1/s", STRAIN_RATE, 1},
    {"s-1", STRAIN_RATE, 1},
    {"m/m/s", STRAIN_RATE, 1},
    {"(m/m)/s", STRAIN_RATE, 1},
    {"strain/second", STRAIN_RATE, 1},
    {"nanostrain/s", STRAIN_RATE, 1e-9},
    {"nanostrains-1", STRAIN_RATE, 1e-9},
    {"nstrain/s", STRAIN_RATE, 1e-9},
    {"nm/m/s", STRAIN_RATE, 1e-9},
    {"(nm/m)/s", STRAIN_RATE, 1e-9},
    {"nanostrain/second", STRAIN_RATE, 1e-9},
    {"microstrain/s", STRAIN_RATE, 1e-6},
    {"microstrain/second", STRAIN_RATE, 1e-6},
    {"ustrain/s", STRAIN_RATE, 1e-6},
    {"um/m/s", STRAIN_RATE, 1e-6},
    {"strain", STRAIN, 1},
    {"m/m", STRAIN, 1},
    {"nanostrain", STRAIN, 1e-9},
    {"nstrain", STRAIN, 1e-9},
    {"nm/m", STRAIN, 1e-9},
    {"microstrain", STRAIN, 1e-6},
    {"ustrain", STRAIN, 1e-6},
    {"um/m", STRAIN, 1e-6},
    {"m/s", VELOCITY, 1},
    {"ms-1", VELOCITY, 1},
    {"nm/s", VELOCITY, 1e-9},
    {"um/s", VELOCITY, 1e-6},
    {"rad", PHASE, 1},
    {"radian", PHASE, 1},
    {"radians", PHASE, 1},
    {"rad*2pi/216", PHASE, 9.587379924285257e-05}, /* 2 pi / 65536 */
    {"rad/s", PHASE_RATE, 1},
    {"rads-1", PHASE_RATE, 1},
    {"radian/s", PHASE_RATE, 1},
};

static void squeeze(const char *in, char *out, size_t size)
{
    size_t n = 0;
    for (; *in && n + 1 < size; in++) {
        if (isspace((unsigned char)*in) || *in == '^' || *in == '_') continue;
        if (*in == '-' && isalpha((unsigned char)in[1])) continue;
        out[n++] = (char)tolower((unsigned char)*in);
    }
    out[n] = 0;
}

/** Strain of one radian over the gauge: lambda / (4 pi n L zeta). */
static double strain_per_rad(mr_find *f)
{
    const double lambda = 1550e-9, index = 1.445, zeta = 0.79;
    if (!(f->info->gauge_m > 0)) return 0;
    mr_assume(f, "phase to strain: 1550 nm, index 1.445, zeta 0.79");
    return lambda / (4 * M_PI * index * f->info->gauge_m * zeta);
}

static void copy_text(char *out, size_t size, const char *in)
{
    mr_printable(in, out, size);
}

void mr_set_unit(mr_find *f, const char *text, double scale)
{
    mr_file_info *i = f->info;
    char s[64];
    const struct unit_row *row = NULL;
    squeeze(text ? text : "", s, sizeof s);
    for (size_t k = 0; k < sizeof unit_rows / sizeof *unit_rows; k++)
        if (strcmp(unit_rows[k].text, s) == 0) row = &unit_rows[k];
    i->to_native = i->to_strain = i->to_strain_rate = 0;
    if (!row) {
        bool counts = !*s || strncmp(s, "count", 5) == 0 || strcmp(s, "nan") == 0;
        copy_text(i->native_unit, sizeof i->native_unit, counts ? "counts" : text);
        snprintf(i->native_quantity, sizeof i->native_quantity, "%s", counts ? "counts" : "data");
        if (!*i->quantity) snprintf(i->quantity, sizeof i->quantity, "%s", i->native_quantity);
        snprintf(i->unit, sizeof i->unit, "%s", scale == 1 ? i->native_unit : "counts");
        i->to_native = counts ? (scale == 1 ? 0 : scale) : scale;
        return;
    }
    double k = scale * row->factor;
    snprintf(i->native_quantity, sizeof i->native_quantity, "%s", kind_rows[row->kind].quantity);
    snprintf(i->native_unit, sizeof i->native_unit, "%s", kind_rows[row->kind].unit);
    snprintf(i->quantity, sizeof i->quantity, "%s", i->native_quantity);
    if (k == 1)
        snprintf(i->unit, sizeof i->unit, "%s", i->native_unit);
    else if (scale == 1 && row->factor != 1 && !strchr(s, '*'))
        copy_text(i->unit, sizeof i->unit, text);
    else
        snprintf(i->unit, sizeof i->unit, "counts");
    i->to_native = k;
    switch (row->kind) {
    case STRAIN: i->to_strain = k; break;
    case STRAIN_RATE: i->to_strain_rate = k; break;
    case PHASE: i->to_strain = k * strain_per_rad(f); break;
    case PHASE_RATE: i->to_strain_rate = k * strain_per_rad(f); break;
    case VELOCITY:
    case OTHER: break;
    }
}

/* --- the table ----------------------------------------------------------------------------------
 */

static bool is_prodml(const mr_h5 *h)
{
    return mr_h5_is_group(h, "Acquisition") && mr_h5_has(h, "Acquisition@NumberOfLoci") &&
           (mr_h5_has(h, "Acquisition@schemaVersion") || mr_h5_has(h, "Acquisition@PulseRate"));
}

static const mr_layout rows[] = {
    {"prodml", "PRODML", is_prodml, mr_read_prodml},
};

const mr_layout *mr_layout_of(const mr_h5 *h)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].recognise(h)) return &rows[i];
    return NULL;
}
