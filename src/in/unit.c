/* in/unit.c: the free text of a unit, as files spell it, to quantity and factors. */
#include "base/text.h"
#include "in/layout.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

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
    f->strain_per_sample = 0;
    if (strcmp(s, "(nm/m)/s*hz/m") == 0 && i->gauge_m > 0) {
        /* An iDAS counts 116 nm / 8192 of displacement over the gauge from sample to sample: the
         * strain rate is that x rate / gauge, hence the text. The rate is known with the clock. */
        f->strain_per_sample = scale * 116e-9 / 8192 / i->gauge_m;
        mr_assume(f, "one count is 116 nm / 8192 a sample over the gauge");
        snprintf(i->native_quantity, sizeof i->native_quantity, "strain_rate");
        snprintf(i->native_unit, sizeof i->native_unit, "strain s-1");
        snprintf(i->quantity, sizeof i->quantity, "strain_rate");
        snprintf(i->unit, sizeof i->unit, "counts");
        return;
    }
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

void mr_set_quantity(mr_find *f, const char *description)
{
    mr_file_info *i = f->info;
    char s[64];
    static const struct {
        const char *text;
        unit_kind kind;
    } words[] = {{"strainrate", STRAIN_RATE},
                 {"strain", STRAIN},
                 {"velocity", VELOCITY},
                 {"phaserate", PHASE_RATE},
                 {"phase", PHASE}};
    squeeze(description, s, sizeof s);
    if (strcmp(i->native_quantity, "data") != 0 && strcmp(i->native_quantity, "counts") != 0)
        return;
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        if (strstr(s, words[k].text)) {
            snprintf(i->quantity, sizeof i->quantity, "%s", kind_rows[words[k].kind].quantity);
            memcpy(i->native_quantity, i->quantity, sizeof i->native_quantity);
            return;
        }
}
