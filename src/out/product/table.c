/* out/product/table.c: see table.h, and the reading of out/output.h's tables. */
#include "out/product/table.h"
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static hid_t type_of(mr_column_type t)
{
    switch (t) {
    case MR_COL_I64: return H5T_STD_I64LE;
    case MR_COL_I32: return H5T_STD_I32LE;
    case MR_COL_F64: break;
    }
    return H5T_IEEE_F64LE;
}

static hid_t compound(const mr_table *t)
{
    hid_t type = H5Tcreate(H5T_COMPOUND, t->size);
    for (size_t i = 0; type >= 0 && i < t->n; i++)
        if (H5Tinsert(type, t->column[i].name, t->column[i].offset, type_of(t->column[i].type)) <
            0) {
            H5Tclose(type);
            type = -1;
        }
    return type;
}

void mr_table_lay_out(mr_h5w *w, hid_t where, const mr_table *t, uint64_t n, uint64_t *at)
{
    hsize_t rows = n;
    mr_text units = {0};
    hid_t type = compound(t);
    *at = 0;
    if (type < 0) mr_h5w_fail(w, t->name);
    hid_t d = mr_h5w_dataset(w, where, t->name, type, type, 1, &rows, NULL, NULL);
    mr_h5w_text(w, d, "long_name", t->doc);
    for (size_t i = 0; i < t->n && w->st == MR_OK; i++)
        w->st = mr_text_add(&units, "%s%s %s", i ? ", " : "", t->column[i].name,
                            *t->column[i].unit ? t->column[i].unit : "1");
    mr_h5w_text(w, d, "column_units", units.s ? units.s : "");
    if (w->st == MR_OK && n) {
        const haddr_t place = H5Dget_offset(d);
        if (place == HADDR_UNDEF || place == 0) mr_h5w_fail(w, "place of the rows");
        *at = (uint64_t)place;
    }
    mr_h5w_done(w, d);
    mr_text_fini(&units);
    if (type >= 0) H5Tclose(type);
}

struct mr_table_file {
    int fd;
    char *path;
    uint64_t at, n;
    size_t size;
};

/** Is the dataset of this very table? Its rows then. */
static bool is_table(hid_t d, const mr_table *t, uint64_t *n, uint64_t *at)
{
    hsize_t rows = 0;
    hid_t type = H5Dget_type(d), want = compound(t), space = H5Dget_space(d);
    bool ok = type >= 0 && want >= 0 && H5Tequal(type, want) > 0 && space >= 0 &&
              H5Sget_simple_extent_ndims(space) == 1 &&
              H5Sget_simple_extent_dims(space, &rows, NULL) == 1;
    const haddr_t place = ok && rows ? H5Dget_offset(d) : 0;
    if (place == HADDR_UNDEF) ok = false;
    *n = rows;
    *at = ok ? (uint64_t)place : 0;
    if (space >= 0) H5Sclose(space);
    if (want >= 0) H5Tclose(want);
    if (type >= 0) H5Tclose(type);
    return ok;
}

mr_status mr_table_open(const char *path, const mr_table *t, mr_table_file **out)
{
    mr_status st = MR_OK;
    mr_table_file *f = NULL;
    hid_t file = -1, d = -1;
    MR_TRY(mr_alloc(1, sizeof *f, "a table", &f));
    f->fd = -1;
    f->size = t->size;
    MR_TRY(mr_strdup(path, &f->path));
    file = mr_h5w_open(path);
    if (file < 0) {
        st = MR_EOUTPUT;
        goto out;
    }
    if (H5Lexists(file, t->name, H5P_DEFAULT) > 0) d = H5Dopen2(file, t->name, H5P_DEFAULT);
    if (d < 0 || !is_table(d, t, &f->n, &f->at)) {
        st = MR_RAISE(MR_EINPUT, "%s: holds no table of %s", path, t->name);
        goto out;
    }
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", path, strerror(errno));
        goto out;
    }
    *out = f;
    f = NULL;
out:
    if (d >= 0) H5Dclose(d);
    if (file >= 0) H5Fclose(file);
    mr_table_close(f);
    return st;
}

uint64_t mr_table_rows(const mr_table_file *f)
{
    return f->n;
}

mr_status mr_table_read(const mr_table_file *f, uint64_t first, uint64_t n, void *rows)
{
    return mr_out_pread(f->fd, rows, n * f->size, f->at + first * f->size, f->path);
}

void mr_table_close(mr_table_file *f)
{
    if (!f) return;
    if (f->fd >= 0) close(f->fd);
    free(f->path);
    free(f);
}
