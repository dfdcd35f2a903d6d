/* in/hdf5/h5_fact.c: one fact from an attribute or a small dataset, whatever type its writer chose:
 * scalar or array, integer, float, boolean, fixed or variable-length text, text of a number. */
#include "in/hdf5/h5.h"
#include "in/hdf5/api.h"
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FACT_TEXT_MAX (1u << 20) /* bytes of a text fact we are willing to hold */

typedef struct fact {
    hid_t owner, id, type, space;
    bool attr;
    H5T_class_t cls;
    uint64_t n;
    int *note; /* the file's: what could not be read is not what is not there */
} fact;

/** Zeroed room for n elements; NULL is noted. */
static char *room(const fact *f, uint64_t n, size_t size)
{
    char *p = calloc(n, size);
    if (!p && !*f->note) *f->note = ENOMEM;
    return p;
}

static void fact_close(fact *f)
{
    if (f->type >= 0) H5Tclose(f->type);
    if (f->space >= 0) H5Sclose(f->space);
    if (f->attr && f->id >= 0) H5Aclose(f->id);
    if (!f->attr && f->id >= 0) H5Oclose(f->id);
    if (f->owner >= 0) H5Oclose(f->owner);
}

static bool fact_open_attr(const mr_h5 *h, const char *where, const char *at, fact *f)
{
    char path[512];
    size_t n = (size_t)(at - where);
    if (n >= sizeof path) return false;
    memcpy(path, where, n);
    path[n] = 0;
    f->attr = true;
    f->owner = mr_h5_object(h, path);
    if (f->owner < 0 || H5Aexists(f->owner, at + 1) <= 0) return false;
    f->id = H5Aopen(f->owner, at + 1, H5P_DEFAULT);
    if (f->id < 0) return false;
    f->type = H5Aget_type(f->id);
    f->space = H5Aget_space(f->id);
    return true;
}

/** Are a number's bits inside of it? Where a damaged header says otherwise, HDF5 1.10 converts
 * bytes beyond the buffers. */
static bool sound(hid_t type, H5T_class_t cls)
{
    size_t s, e, ne, m, nm, bits = 8 * H5Tget_size(type);
    if (cls != H5T_INTEGER && cls != H5T_FLOAT) return true;
    const size_t used = H5Tget_precision(type);
    const int from = H5Tget_offset(type);
    if (used == 0 || from < 0 || used > bits || (size_t)from > bits - used) return false;
    if (cls == H5T_INTEGER) return true;
    return H5Tget_fields(type, &s, &e, &ne, &m, &nm) >= 0 && s < used && ne <= used &&
           e <= used - ne && nm <= used && m <= used - nm;
}

static bool fact_open(const mr_h5 *h, const char *where, fact *f)
{
    const char *at = strrchr(where, '@');
    *f = (fact){.owner = -1, .id = -1, .type = -1, .space = -1};
    if (!h) return false;
    f->note = h->note;
    if (at) {
        if (!fact_open_attr(h, where, at, f)) return false;
    } else {
        if (mr_h5_dataset(h, where, &f->id) != MR_OK) {
            mr_error_clear();
            return false;
        }
        f->type = H5Dget_type(f->id);
        f->space = H5Dget_space(f->id);
    }
    hssize_t n = f->space < 0 ? -1 : H5Sget_simple_extent_npoints(f->space);
    if (f->type < 0 || n <= 0 || H5Sget_simple_extent_type(f->space) == H5S_NULL) return false;
    f->n = (uint64_t)n;
    f->cls = H5Tget_class(f->type);
    return sound(f->type, f->cls);
}

/** Choose elements [first, first + n) of the one dimension that is longer than 1. */
static bool select_range(hid_t space, uint64_t first, uint64_t n)
{
    hsize_t d[H5S_MAX_RANK], start[H5S_MAX_RANK], count[H5S_MAX_RANK];
    int r = H5Sget_simple_extent_dims(space, d, NULL), longest = 0;
    if (r == 0) return first == 0 && n == 1;
    if (r < 0) return false;
    for (int i = 0; i < r; i++) {
        if (d[i] > d[longest]) longest = i;
        start[i] = 0;
        count[i] = 1;
    }
    if (first > d[longest] || n > d[longest] - first) return false;
    start[longest] = first;
    count[longest] = n;
    return H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
}

static bool read_numbers(fact *f, hid_t mem, size_t size, uint64_t first, uint64_t n, void *out)
{
    if (first > f->n || n > f->n - first) return false;
    if (!f->attr) {
        hsize_t len = n;
        hid_t ms = H5Screate_simple(1, &len, NULL);
        bool ok = select_range(f->space, first, n) &&
                  H5Dread(f->id, mem, ms, f->space, H5P_DEFAULT, out) >= 0;
        if (ms >= 0) H5Sclose(ms);
        return ok;
    }
    if (f->n > FACT_TEXT_MAX / size) return false;
    char *all = room(f, f->n, size);
    bool ok = all && H5Aread(f->id, mem, all) >= 0;
    if (ok) memcpy(out, all + first * size, n * size);
    free(all);
    return ok;
}

static void trim(char *s)
{
    size_t n = strlen(s), a = 0;
    while (n && isspace((unsigned char)s[n - 1])) s[--n] = 0;
    while (isspace((unsigned char)s[a])) a++;
    memmove(s, s + a, n - a + 1);
}

static bool is_text(const fact *f)
{
    return f->cls == H5T_STRING;
}

static bool read_raw(fact *f, hid_t mem, void *out)
{
    return (f->attr ? H5Aread(f->id, mem, out)
                    : H5Dread(f->id, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, out)) >= 0;
}

static bool read_text(fact *f, uint64_t i, char *buf, size_t size)
{
    bool var = H5Tis_variable_str(f->type) > 0, ok = false;
    size_t one = var ? sizeof(char *) : H5Tget_size(f->type) + 1;
    if (!is_text(f) || size == 0 || i >= f->n || f->n > FACT_TEXT_MAX / one) return false;
    hid_t mem = H5Tcopy(H5T_C_S1);
    H5Tset_size(mem, var ? H5T_VARIABLE : one);
    H5Tset_cset(mem, H5Tget_cset(f->type));
    char *all = room(f, f->n, one);
    if (all && read_raw(f, mem, all)) {
        const char *s = all + i * one;
        if (var) memcpy(&s, all + i * one, sizeof s);
        snprintf(buf, size, "%s", s ? s : "");
        trim(buf);
        ok = true;
        if (var) mr_h5_reclaim(mem, f->space, H5P_DEFAULT, all);
    }
    free(all);
    H5Tclose(mem);
    return ok;
}

uint64_t mr_h5_count(const mr_h5 *h, const char *where)
{
    fact f;
    uint64_t n = fact_open(h, where, &f) ? f.n : 0;
    fact_close(&f);
    return n;
}

bool mr_h5_has(const mr_h5 *h, const char *where)
{
    const char *at = strrchr(where, '@');
    fact f = {.owner = -1, .id = -1, .type = -1, .space = -1};
    bool yes;
    if (at) {
        yes = fact_open_attr(h, where, at, &f);
    } else {
        f.id = mr_h5_object(h, where);
        yes = f.id >= 0;
    }
    fact_close(&f);
    return yes;
}

bool mr_h5_has_any(const mr_h5 *h, const char *path, const char *const *names, size_t n)
{
    bool any = false;
    const hid_t o = mr_h5_object(h, path);
    if (o < 0) return false;
    for (size_t i = 0; i < n && !any; i++) any = H5Aexists(o, names[i]) > 0;
    H5Oclose(o);
    return any;
}

mr_number mr_h5_number(const mr_h5 *h, const char *where)
{
    fact f;
    mr_number n = {MR_NUMBER_NONE, 0, 0};
    if (fact_open(h, where, &f)) {
        if (f.cls == H5T_INTEGER) n.cls = MR_NUMBER_INT;
        if (f.cls == H5T_FLOAT) n.cls = MR_NUMBER_FLOAT;
        n.size = H5Tget_size(f.type);
        n.n = f.n;
    }
    fact_close(&f);
    return n;
}

bool mr_h5_is_int(const mr_h5 *h, const char *where)
{
    fact f;
    bool yes = fact_open(h, where, &f) && f.cls == H5T_INTEGER;
    fact_close(&f);
    return yes;
}

bool mr_h5_text(const mr_h5 *h, const char *where, uint64_t i, char *buf, size_t size)
{
    fact f;
    bool ok = fact_open(h, where, &f) && read_text(&f, i, buf, size);
    fact_close(&f);
    return ok;
}

static bool numeric(const fact *f)
{
    return f->cls == H5T_INTEGER || f->cls == H5T_FLOAT;
}

bool mr_h5_f64s(const mr_h5 *h, const char *where, uint64_t first, uint64_t n, double *out)
{
    fact f;
    bool ok = fact_open(h, where, &f) && numeric(&f) &&
              read_numbers(&f, H5T_NATIVE_DOUBLE, sizeof *out, first, n, out);
    fact_close(&f);
    return ok;
}

bool mr_h5_i64s(const mr_h5 *h, const char *where, uint64_t first, uint64_t n, int64_t *out)
{
    fact f;
    bool ok = fact_open(h, where, &f) && f.cls == H5T_INTEGER &&
              read_numbers(&f, H5T_NATIVE_INT64, sizeof *out, first, n, out);
    fact_close(&f);
    return ok;
}

bool mr_h5_f64(const mr_h5 *h, const char *where, double *out)
{
    fact f;
    char s[64], *end;
    double v = NAN;
    if (fact_open(h, where, &f)) {
        if (is_text(&f)) {
            if (read_text(&f, 0, s, sizeof s) && *s) {
                v = strtod(s, &end);
                if (*end) v = NAN;
            }
        } else if ((f.cls == H5T_ENUM || f.cls == H5T_BITFIELD) && H5Tget_size(f.type) == 1) {
            signed char b = 0; /* how booleans are stored */
            if (read_numbers(&f, f.type, 1, 0, 1, &b)) v = b;
        } else if (numeric(&f) && !read_numbers(&f, H5T_NATIVE_DOUBLE, sizeof v, 0, 1, &v)) {
            v = NAN;
        }
    }
    fact_close(&f);
    if (!isfinite(v)) return false;
    *out = v;
    return true;
}

bool mr_h5_i64(const mr_h5 *h, const char *where, int64_t *out)
{
    double v;
    if (mr_h5_is_int(h, where)) return mr_h5_i64s(h, where, 0, 1, out);
    if (!mr_h5_f64(h, where, &v) || fabs(v) > 9e15) return false;
    *out = llround(v);
    return true;
}
