/* out/product/product.c: see product.h. Called by `view` and `inspect`. */
#include "out/product/product.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/utc.h"
#include "in/hdf5/api.h"
#include "out/lane/layout.h"
#include "out/product/kinds.h"
#include <hdf5_hl.h>

enum { MAX_RANK = 2 + MR_MAX_AXES };

struct mr_product_file {
    hid_t file, array, count;
    bool sums;
    size_t n_counts; /* values of a row's counts, without the channels */
    const char *path;
    char *name;
};

bool mr_is_output(const char *path)
{
    mr_trailer t;
    const bool yes = mr_trailer_read(path, false, &t) == MR_OK;
    if (!yes) mr_error_clear();
    return yes;
}

static hid_t open_dataset(hid_t file, const char *name)
{
    return H5Lexists(file, name, H5P_DEFAULT) > 0 ? H5Dopen2(file, name, H5P_DEFAULT) : -1;
}

static int shape_of(hid_t d, hsize_t n[MAX_RANK])
{
    hid_t s = H5Dget_space(d);
    int rank = H5Sget_simple_extent_ndims(s);
    if (rank < 1 || rank > MAX_RANK || H5Sget_simple_extent_dims(s, n, NULL) != rank) rank = -1;
    H5Sclose(s);
    return rank;
}

static mr_status unreadable(const mr_product *p, const char *name)
{
    return MR_RAISE(MR_EVERIFY, "%s: attribute %s cannot be read", p->file->path, name);
}

/** A variable-length text attribute, cut to size; "" if it is not there. */
static mr_status text_attribute(const mr_product *p, hid_t at, const char *name, char *out,
                                size_t size)
{
    char *s = NULL;
    hid_t a = -1, t = -1;
    const htri_t there = H5Aexists(at, name);
    htri_t text = -1;
    out[0] = '\0';
    if (there > 0 && (a = H5Aopen(at, name, H5P_DEFAULT)) >= 0 && (t = H5Aget_type(a)) >= 0)
        text = H5Tis_variable_str(t);
    const bool read = there == 0 || (text > 0 && H5Aread(a, t, &s) >= 0);
    if (s) mr_printable(s, out, size);
    if (s) H5free_memory(s);
    if (t >= 0) H5Tclose(t);
    if (a >= 0) H5Aclose(a);
    return read ? MR_OK : unreadable(p, name);
}

/** A number attribute of the root; 0 if it is not there. */
static mr_status number_attribute(const mr_product *p, const char *name, double *out)
{
    const hid_t at = p->file->file;
    const htri_t there = H5Aexists(at, name);
    const hid_t a = there > 0 ? H5Aopen(at, name, H5P_DEFAULT) : -1;
    const bool got = a >= 0 && H5Aread(a, H5T_NATIVE_DOUBLE, out) >= 0;
    if (a >= 0) H5Aclose(a);
    if (!got) *out = 0;
    return there == 0 || got ? MR_OK : unreadable(p, name);
}

/** All of a one-dimensional dataset of n numbers. [give] out */
static mr_status numbers(const mr_product *p, const char *name, hid_t type, size_t n, size_t size,
                         void *out)
{
    mr_status st = MR_OK;
    hsize_t have[MAX_RANK];
    void *v = NULL;
    hid_t d = open_dataset(p->file->file, name);
    if (d < 0 || shape_of(d, have) != 1 || have[0] != n) {
        st = MR_RAISE(MR_EVERIFY, "%s: has no fitting '%s'", p->file->path, name);
        goto out;
    }
    MR_TRY(mr_alloc(n, size, name, &v));
    if (H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) < 0) {
        st = MR_RAISE(MR_EVERIFY, "%s: cannot read '%s'", p->file->path, name);
        goto out;
    }
    *(void **)out = v;
    v = NULL;
out:
    if (d >= 0) H5Dclose(d);
    free(v);
    return st;
}

static mr_status labels(const mr_product *p, hid_t d, mr_product_axis *a)
{
    mr_status st = MR_OK;
    hid_t t = H5Dget_type(d), space = H5Dget_space(d);
    char **raw = NULL;
    MR_TRY(mr_alloc(a->n, sizeof *raw, "labels", &raw));
    MR_TRY(mr_alloc(a->n, sizeof *a->label, "labels", &a->label));
    if (H5Tis_variable_str(t) <= 0 || H5Dread(d, t, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw) < 0) {
        st = MR_RAISE(MR_EVERIFY, "%s: cannot read '%s'", p->file->path, a->name);
        goto out;
    }
    for (size_t i = 0; i < a->n && st == MR_OK; i++)
        st = mr_strdup(raw[i] ? raw[i] : "", &a->label[i]);
    mr_h5_reclaim(t, space, H5P_DEFAULT, raw);
out:
    free(raw);
    H5Sclose(space);
    H5Tclose(t);
    return st;
}

/** The name of the scale of dimension i of an array, without its folder. */
static herr_t scale_name(hid_t array, unsigned i, hid_t scale, void *out)
{
    char path[64];
    (void)array;
    (void)i;
    const ssize_t n = H5Iget_name(scale, path, sizeof path);
    if (n <= 0 || (size_t)n >= sizeof path) return -1;
    snprintf(out, 32, "%.31s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
    return 1; /* the first will do */
}

/** What an axis says of itself. One that says nothing: names are a choice, and numbers where other
 * axes follow. */
static mr_status axis_words(const mr_product *p, hid_t d, bool last, mr_product_axis *a)
{
    mr_status st = MR_OK;
    char role[16], scale[16];
    MR_TRY(text_attribute(p, d, "units", a->unit, sizeof a->unit));
    MR_TRY(text_attribute(p, d, "long_name", a->doc, sizeof a->doc));
    MR_TRY(text_attribute(p, d, MR_AXIS_ROLE, role, sizeof role));
    MR_TRY(text_attribute(p, d, MR_AXIS_SCALE, scale, sizeof scale));
    a->choice = a->label || (role[0] ? strcmp(role, "choice") == 0 : !last);
    a->log = strcmp(scale, "log") == 0;
out:
    return st;
}

static mr_status read_axis(const mr_product *p, const char *name, bool last, mr_product_axis *a)
{
    mr_status st = MR_OK;
    hsize_t n[MAX_RANK];
    hid_t d = open_dataset(p->file->file, name);
    hid_t t = d >= 0 ? H5Dget_type(d) : -1;
    if (d < 0 || shape_of(d, n) != 1) {
        st = MR_RAISE(MR_EVERIFY, "%s: has an odd axis '%s'", p->file->path, name);
        goto out;
    }
    snprintf(a->name, sizeof a->name, "%s", name);
    a->n = n[0];
    if (H5Tget_class(t) == H5T_STRING)
        MR_TRY(labels(p, d, a));
    else
        MR_TRY(numbers(p, name, H5T_NATIVE_DOUBLE, a->n, sizeof(double), &a->v));
    MR_TRY(axis_words(p, d, last, a));
out:
    if (t >= 0) H5Tclose(t);
    if (d >= 0) H5Dclose(d);
    return st;
}

/** The axes between time and distance, as the array's own dimensions name them. */
static mr_status read_axes(mr_product *p, int rank)
{
    mr_status st = MR_OK;
    const int first = !p->result;
    p->depth = 1;
    if (rank - 1 - first > MR_MAX_AXES)
        return MR_RAISE(MR_EVERIFY, "%s: has %d axes", p->file->path, rank - 1 - first);
    for (int i = first; i < rank - 1; i++) {
        char name[32];
        if (H5DSiterate_scales(p->file->array, (unsigned)i, NULL, scale_name, name) <= 0)
            return MR_RAISE(MR_EVERIFY, "%s: dimension %d has no axis", p->file->path, i);
        MR_TRY(read_axis(p, name, i + 2 == rank, &p->axis[p->n_axes++]));
        p->depth *= p->axis[p->n_axes - 1].n;
    }
out:
    return st;
}

typedef struct search {
    int rank;
    char *name;
} search;

/** The values: the dataset of the most dimensions. Counts come before it in no case that matters:
 *  they have fewer. */
static herr_t deepest(hid_t g, const char *name, const mr_h5_link *info, void *arg)
{
    search *s = arg;
    hsize_t n[MAX_RANK];
    if (info->type != H5L_TYPE_HARD || strcmp(name, "count") == 0) return 0;
    hid_t d = H5Oopen(g, name, H5P_DEFAULT);
    const int rank = H5Iget_type(d) == H5I_DATASET ? shape_of(d, n) : -1;
    if (d >= 0) H5Oclose(d);
    if (rank <= s->rank) return 0;
    free(s->name);
    s->rank = rank;
    s->name = strdup(name);
    return s->name ? 0 : -1;
}

/** What the file says it holds; one that says nothing holds sums where it is float64. */
static mr_status find_kind(mr_product *p)
{
    char word[16];
    const mr_status st = text_attribute(p, p->file->file, MR_PRODUCT, word, sizeof word);
    p->kind = mr_product_named(word);
    if (st != MR_OK || word[0]) return st;
    hid_t t = H5Dget_type(p->file->array);
    p->kind = mr_product_unnamed(H5Tget_size(t) == sizeof(double));
    H5Tclose(t);
    return st;
}

/** The values' name, without what says that they are sums: readers of rows get means. */
static void name_values(bool sums, const char *name, char *out, size_t size)
{
    const size_t n = strlen(name), more = strlen(MR_SUMS_SUFFIX);
    const bool cut = sums && n > more && strcmp(name + n - more, MR_SUMS_SUFFIX) == 0;
    snprintf(out, size, "%.*s", (int)(cut ? n - more : n), name);
}

static mr_status find_array(mr_product *p, search *s)
{
    mr_status st = MR_OK;
    struct mr_product_file *f = p->file;
    hsize_t n[MAX_RANK];
    char word[16];
    if (mr_h5_iterate(f->file, H5_INDEX_NAME, H5_ITER_INC, NULL, deepest, s) < 0 || !s->name)
        return MR_RAISE(MR_EVERIFY, "%s: holds no values", f->path);
    const htri_t time = H5Lexists(f->file, "time", H5P_DEFAULT);
    if (time < 0) return MR_RAISE(MR_EVERIFY, "%s: cannot look for 'time'", f->path);
    p->result = time == 0;
    if (s->rank < 3 - p->result)
        return MR_RAISE(MR_EINPUT, "%s: plain samples, no product", f->path);
    f->array = H5Dopen2(f->file, s->name, H5P_DEFAULT);
    if (f->array < 0 || shape_of(f->array, n) != s->rank)
        return MR_RAISE(MR_EVERIFY, "%s: cannot open '%s'", f->path, s->name);
    MR_TRY(find_kind(p));
    MR_TRY(read_axes(p, s->rank));
    p->rows = p->result ? 1 : n[0];
    p->nc = n[s->rank - 1];
    for (size_t i = 0; i < p->n_axes; i++)
        if (n[i + !p->result] != p->axis[i].n)
            return MR_RAISE(MR_EVERIFY, "%s: '%s' does not fit its axes", f->path, s->name);
    name_values(mr_products[p->kind].sums && !p->result, s->name, p->quantity, sizeof p->quantity);
    MR_TRY(text_attribute(p, f->array, "units", p->unit, sizeof p->unit));
    MR_TRY(text_attribute(p, f->array, MR_AXIS_SCALE, word, sizeof word));
    p->power = strcmp(word, "decibel") == 0;
out:
    return st;
}

/** Where a lane holds sums: how many went in. */
static mr_status find_counts(mr_product *p)
{
    struct mr_product_file *f = p->file;
    hsize_t n[MAX_RANK];
    f->sums = mr_products[p->kind].sums && !p->result; /* there they are divided already */
    if (!f->sums) return MR_OK;
    f->count = open_dataset(f->file, "count");
    const int rank = f->count >= 0 ? shape_of(f->count, n) : -1;
    if (rank < 2 || n[0] != p->rows || n[rank - 1] != p->nc ||
        (rank == 3 && n[1] != p->axis[0].n) || rank > 3)
        return MR_RAISE(MR_EVERIFY, "%s: its counts do not fit", f->path);
    f->n_counts = rank == 3 ? n[1] : 1;
    return MR_OK;
}

static mr_status find_times(mr_product *p)
{
    mr_status st = MR_OK;
    char a[64], b[64];
    double rate;
    if (p->result) {
        MR_TRY(text_attribute(p, p->file->file, "time_coverage_start", a, sizeof a));
        MR_TRY(text_attribute(p, p->file->file, "time_coverage_end", b, sizeof b));
        if (mr_utc_parse(a, &p->t0_ns) != MR_OK || mr_utc_parse(b, &p->t1_ns) != MR_OK)
            st = MR_RAISE(MR_EVERIFY, "%s: does not say what time it is of", p->file->path);
        goto out;
    }
    MR_TRY(number_attribute(p, "sampling_rate_hz", &rate));
    p->row_s = rate > 0 ? 1 / rate : 0;
    MR_TRY(numbers(p, "time", H5T_NATIVE_INT64, p->rows, sizeof(int64_t), &p->time_ns));
    if (!p->rows) goto out;
    p->t0_ns = p->time_ns[0];
    p->t1_ns = p->time_ns[p->rows - 1];
out:
    return st;
}

/** A file of ours whose checksum is right. [give] out. */
static mr_status open_file(const char *path, mr_product **out)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    mr_trailer t;
    MR_TRY(mr_trailer_read(path, true, &t));
    MR_TRY(mr_alloc(1, sizeof *p, "a product", &p));
    MR_TRY(mr_alloc(1, sizeof *p->file, "a product", &p->file));
    *p->file = (struct mr_product_file){.file = -1, .array = -1, .count = -1};
    MR_TRY(mr_strdup(path, &p->file->name));
    p->file->path = p->file->name;
    p->file->file = mr_h5w_open(path);
    if (p->file->file < 0) {
        st = MR_EVERIFY;
        goto out;
    }
    MR_TRY(text_attribute(p, p->file->file, "title", p->title, sizeof p->title));
    *out = p;
    p = NULL;
out:
    mr_product_close(p);
    return st;
}

mr_status mr_output_words_of(const char *path, mr_output_words *out)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    mr_output_words w = {0};
    search s = {0};
    MR_TRY(open_file(path, &p));
    if (mr_h5_iterate(p->file->file, H5_INDEX_NAME, H5_ITER_INC, NULL, deepest, &s) < 0 ||
        !s.name) {
        st = MR_RAISE(MR_EVERIFY, "%s: holds no values", path);
        goto out;
    }
    snprintf(w.title, sizeof w.title, "%s", p->title);
    snprintf(w.quantity, sizeof w.quantity, "%s", s.name);
    p->file->array = H5Dopen2(p->file->file, s.name, H5P_DEFAULT);
    MR_TRY(text_attribute(p, p->file->array, "units", w.unit, sizeof w.unit));
    *out = w;
out:
    free(s.name);
    mr_product_close(p);
    return st;
}

mr_status mr_product_open(const char *path, mr_product **out)
{
    mr_status st = MR_OK;
    mr_product *p = NULL;
    search s = {0};
    MR_TRY(open_file(path, &p));
    MR_TRY(find_array(p, &s));
    MR_TRY(find_counts(p));
    MR_TRY(find_times(p));
    MR_TRY(numbers(p, "distance", H5T_NATIVE_DOUBLE, p->nc, sizeof(double), &p->distance_m));
    *out = p;
    p = NULL;
out:
    free(s.name);
    mr_product_close(p);
    return st;
}

/** Row i of a dataset whose first dimension is time, if it has one. */
static mr_status read_row(const mr_product *p, hid_t d, size_t i, hid_t type, void *v)
{
    hsize_t n[MAX_RANK], from[MAX_RANK] = {0};
    const int rank = shape_of(d, n);
    if (!p->result) {
        from[0] = i;
        n[0] = 1;
    }
    hid_t in = H5Dget_space(d), mem = H5Screate_simple(rank, n, NULL);
    const bool good = H5Sselect_hyperslab(in, H5S_SELECT_SET, from, NULL, n, NULL) >= 0 &&
                      H5Dread(d, type, mem, in, H5P_DEFAULT, v) >= 0;
    H5Sclose(mem);
    H5Sclose(in);
    return good ? MR_OK : MR_RAISE(MR_EVERIFY, "%s: row %zu cannot be read", p->file->path, i);
}

mr_status mr_product_read(mr_product *p, size_t i, double *v)
{
    mr_status st = MR_OK;
    struct mr_product_file *f = p->file;
    int32_t *count = NULL;
    MR_TRY(read_row(p, f->array, i, H5T_NATIVE_DOUBLE, v));
    if (!f->sums) goto out;
    MR_TRY(mr_alloc(f->n_counts * p->nc, sizeof *count, "counts", &count));
    MR_TRY(read_row(p, f->count, i, H5T_NATIVE_INT32, count));
    for (size_t k = 0; k < p->depth; k++)
        for (size_t c = 0; c < p->nc; c++) {
            const int32_t n = count[k / (p->depth / f->n_counts) * p->nc + c];
            v[k * p->nc + c] = n > 0 ? v[k * p->nc + c] / n : NAN;
        }
out:
    free(count);
    return st;
}

void mr_product_close(mr_product *p)
{
    if (!p) return;
    for (size_t i = 0; i < p->n_axes; i++) {
        for (size_t k = 0; p->axis[i].label && k < p->axis[i].n; k++) free(p->axis[i].label[k]);
        free(p->axis[i].label);
        free(p->axis[i].v);
    }
    if (p->file) {
        if (p->file->count >= 0) H5Dclose(p->file->count);
        if (p->file->array >= 0) H5Dclose(p->file->array);
        if (p->file->file >= 0) H5Fclose(p->file->file);
        free(p->file->name);
    }
    free(p->file);
    free(p->time_ns);
    free(p->distance_m);
    free(p);
}
