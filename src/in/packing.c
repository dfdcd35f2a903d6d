/* in/packing.c: the CF conventions' words on how numbers are stored: scale_factor, add_offset,
 * _FillValue, missing_value, valid_min, valid_max, valid_range. In one place for all layouts, read
 * by the probe and used where samples are loaded. */
#include "in/packing.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static bool number(const mr_h5 *h, const char *path, const char *name, double *out)
{
    char where[600];
    snprintf(where, sizeof where, "%s@%s", path, name);
    return mr_h5_f64(h, where, out);
}

static void add_fill(mr_packing *p, double v)
{
    for (size_t i = 0; i < p->n_fill; i++)
        if (p->fill[i] == v) return;
    if (p->n_fill < MR_MAX_FILLS) p->fill[p->n_fill++] = v;
}

/** missing_value may be a list. */
static void read_fills(const mr_h5 *h, const char *path, mr_packing *p)
{
    char where[600];
    double v[MR_MAX_FILLS];
    if (number(h, path, "_FillValue", v)) add_fill(p, v[0]);
    snprintf(where, sizeof where, "%s@missing_value", path);
    const uint64_t n = MR_MIN(mr_h5_count(h, where), (uint64_t)MR_MAX_FILLS - p->n_fill);
    if (n && mr_h5_f64s(h, where, 0, n, v))
        for (uint64_t i = 0; i < n; i++) add_fill(p, v[i]);
}

static void read_range(const mr_h5 *h, const char *path, mr_packing *p)
{
    char where[600];
    double v[2];
    p->lo = -INFINITY;
    p->hi = INFINITY;
    snprintf(where, sizeof where, "%s@valid_range", path);
    if (mr_h5_count(h, where) == 2 && mr_h5_f64s(h, where, 0, 2, v)) {
        p->lo = v[0];
        p->hi = v[1];
    }
    number(h, path, "valid_min", &p->lo);
    number(h, path, "valid_max", &p->hi);
    p->ranged = p->lo > -INFINITY || p->hi < INFINITY;
    if (!p->ranged) p->lo = p->hi = 0;
}

bool mr_packing_of(const mr_h5 *h, const char *path, mr_packing *out)
{
    static const char *const names[] = {"scale_factor", "add_offset", "_FillValue", "missing_value",
                                        "valid_range",  "valid_min",  "valid_max"};
    mr_packing p = {.scale = 1};
    *out = (mr_packing){0};
    if (!mr_h5_has_any(h, path, names, sizeof names / sizeof *names)) return false; /* as most */
    number(h, path, "scale_factor", &p.scale);
    number(h, path, "add_offset", &p.offset);
    if (p.scale == 0) p.scale = 1;
    read_fills(h, path, &p);
    read_range(h, path, &p);
    if (p.scale == 1 && p.offset == 0) p.scale = 0;
    *out = p;
    return p.scale != 0 || p.n_fill || p.ranged;
}

void mr_packing_read(const mr_h5 *h, mr_find *f, bool scaled)
{
    mr_packing p;
    char where[600], units[sizeof f->info->unit];
    mr_file_info *o = f->info;
    if (!mr_packing_of(h, f->path, &p)) return;
    if (scaled) p.scale = p.offset = 0; /* the map says what a number is worth */
    o->packing = p;
    if (p.scale == 0) return;
    snprintf(where, sizeof where, "%s@units", f->path);
    if (strcmp(o->native_quantity, "counts") == 0 && mr_h5_text(h, where, 0, units, sizeof units) &&
        *units) {
        o->quantity[0] = '\0';
        mr_set_unit(f, units, 1);
    } else if (strcmp(o->native_quantity, "counts") == 0) {
        o->to_native = 1;
    }
    mr_odd(f, "value: stored numbers x %.9g + %.9g (scale_factor, add_offset)", p.scale, p.offset);
}

bool mr_unpack(const mr_packing *p, double factor, size_t nt, size_t nc, double *x, size_t stride)
{
    bool none = false;
    const double scale = (p->scale != 0 ? p->scale : 1) * factor, offset = p->offset * factor;
    for (size_t t = 0; t < nt; t++) {
        double *row = x + t * stride;
        for (size_t i = 0; i < p->n_fill; i++)
            for (size_t c = 0; c < nc; c++) row[c] = row[c] == p->fill[i] ? NAN : row[c];
        if (p->ranged)
            for (size_t c = 0; c < nc; c++)
                row[c] = row[c] >= p->lo && row[c] <= p->hi ? row[c] : NAN;
        if (p->n_fill || p->ranged)
            for (size_t c = 0; c < nc; c++) none |= isnan(row[c]);
        for (size_t c = 0; c < nc; c++) row[c] = row[c] * scale + offset;
    }
    return none;
}

bool mr_load_values(const mr_file_info *f, double factor, const void *src, size_t src_stride,
                    size_t nt, size_t nc, double *dst, size_t dst_stride)
{
    const bool bad = mr_load_f64(f->store.dtype, src, src_stride, nt, nc, dst, dst_stride);
    if (!mr_is_packed(&f->packing) && factor == 1) return bad;
    return mr_unpack(&f->packing, factor, nt, nc, dst, dst_stride) || bad;
}
