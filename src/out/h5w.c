/* out/h5w.c: see h5w.h. Called by the layouts of lane and master files. */
#include "out/h5w.h"
#include "out/output.h"
#include "in/hdf5/api.h"
#include "in/hdf5/h5vfd.h"
#include <errno.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* objects this large begin on a multiple of the alignment, so that samples do */
#define BIG_OBJECT ((hsize_t)1 << 16)
#define ALIGNMENT ((hsize_t)4096)
#define LITTLE ((size_t)8 << 20) /* libhdf5 lays a lane out in less */
#define MAX_COMPACT                                                                                \
    200u /* attributes and links kept in the header: one small read opens the file */

void mr_h5w_quiet(void)
{
    H5dont_atexit(); /* its exit handler crashes after a failed write */
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    mr_h5_no_plugins();
}

/** The innermost description, and of the long ones about system calls only what the system said. */
static herr_t keep_deepest(MR_UNUSED unsigned n, const H5E_error2_t *e, void *text)
{
    static const char said[] = "error message = '";
    char *why = text;
    if (why[0] || !e->desc || !e->desc[0]) return 0;
    const char *system = strstr(e->desc, said);
    if (system) {
        system += sizeof said - 1;
        snprintf(why, 160, "%.*s", (int)strcspn(system, "'"), system);
    } else {
        snprintf(why, 160, "%.*s", (int)strcspn(e->desc, "\n"), e->desc);
    }
    return 0;
}

void mr_h5w_why(char why[160])
{
    why[0] = '\0';
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_deepest, why);
    if (!why[0]) snprintf(why, 160, "HDF5 gives no reason");
}

static herr_t look_for_memory(MR_UNUSED unsigned n, const H5E_error2_t *e, void *any)
{
    bool *found = any; /* [0] an entry, [1] one of memory */
    found[0] = true;
    found[1] = found[1] || e->maj_num == H5E_RESOURCE || e->min_num == H5E_NOSPACE ||
               e->min_num == H5E_CANTALLOC;
    return 0;
}

/** Did libhdf5 run out of memory? Where even its list of errors could not be made, it did; and
 *  where it says something else, though a little cannot be had now. */
static bool out_of_memory(void)
{
    bool found[2] = {false, false};
    void *little = NULL;
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look_for_memory, found);
    if (!found[0] || found[1]) return true;
    if (mr_big_alloc(LITTLE, "a try", &little) != MR_OK) {
        mr_error_clear();
        return true;
    }
    mr_big_free(little, LITTLE);
    return false;
}

mr_status mr_h5w_check(mr_h5w *w)
{
    if (w->st == MR_OK && w->failed == ENOMEM)
        w->st = MR_RAISE(MR_EMEM, "no memory to write %s", w->path);
    else if (w->st == MR_OK && w->failed)
        w->st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", w->path, strerror(w->failed));
    return w->st;
}

void mr_h5w_fail(mr_h5w *w, const char *what)
{
    char why[160];
    if (mr_h5w_check(w) != MR_OK) return;
    if (out_of_memory()) { /* the disk would have told our driver */
        w->st = MR_RAISE(MR_EMEM, "no memory to write %s: %s", w->path, what);
        return;
    }
    mr_h5w_why(why);
    w->st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s: %s", w->path, what, why);
}

#if H5_VERSION_GE(1, 10, 7)
static void no_file_locks(hid_t fapl)
{
    H5Pset_file_locking(fapl, 0, 1); /* the run's own lock keeps others out; NFS often has none */
}
#else
static void no_file_locks(MR_UNUSED hid_t fapl)
{
}
#endif

/** Properties that both files and groups have. */
static void ordered(hid_t plist)
{
    H5Pset_obj_track_times(plist, 0);
    H5Pset_link_creation_order(plist, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_link_phase_change(plist, MAX_COMPACT, MAX_COMPACT / 2);
    H5Pset_attr_creation_order(plist, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
    H5Pset_attr_phase_change(plist, MAX_COMPACT, MAX_COMPACT / 2);
}

void mr_h5w_create(mr_h5w *w, const char *path, bool virtual_sets)
{
    *w = (mr_h5w){.file = -1, .driver = -1, .path = path};
    mr_h5w_quiet();
    /* made by us first: libhdf5 would leave the file behind where it cannot write its first bytes
     */
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        w->st = MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", path, strerror(errno));
        return;
    }
    close(fd);
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fcpl < 0 || fapl < 0) {
        mr_h5w_fail(w, "properties");
        goto out;
    }
    ordered(fcpl);
    H5Pset_libver_bounds(fapl, H5F_LIBVER_V18, virtual_sets ? H5F_LIBVER_V110 : H5F_LIBVER_V18);
    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
    H5Pset_alignment(fapl, BIG_OBJECT, ALIGNMENT);
    w->driver = mr_h5vfd_use(fapl, &w->failed);
    if (w->driver >= 0) w->file = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
    if (w->file < 0) mr_h5w_fail(w, "create");
out:
    if (w->file < 0) unlink(path);
    if (fcpl >= 0) H5Pclose(fcpl);
    if (fapl >= 0) H5Pclose(fapl);
    if (w->file < 0) mr_h5vfd_done(&w->driver);
}

hid_t mr_h5w_open(const char *path)
{
    char why[160];
    mr_h5w_quiet();
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), f = -1;
    if (fapl >= 0) {
        H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
        no_file_locks(fapl);
        f = H5Fopen(path, H5F_ACC_RDONLY, fapl);
        H5Pclose(fapl);
    }
    if (f >= 0) return f;
    mr_h5w_why(why);
    MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", path, why);
    return -1;
}

void mr_out_tidy(void)
{
    H5garbage_collect();
    mr_heap_trim();
}

mr_status mr_h5w_close(mr_h5w *w)
{
    if (w->file >= 0 && H5Fclose(w->file) < 0)
        mr_h5w_fail(w, "close"); /* libhdf5 keeps the file, so it keeps the driver too */
    else
        mr_h5vfd_done(&w->driver);
    w->file = -1;
    return mr_h5w_check(w);
}

hid_t mr_h5w_group(mr_h5w *w, hid_t at, const char *name)
{
    hid_t g = -1, gcpl;
    if (w->st != MR_OK) return -1;
    gcpl = H5Pcreate(H5P_GROUP_CREATE);
    if (gcpl >= 0) {
        ordered(gcpl);
        g = H5Gcreate2(at, name, H5P_DEFAULT, gcpl, H5P_DEFAULT);
        H5Pclose(gcpl);
    }
    if (g < 0) mr_h5w_fail(w, name);
    return g;
}

static hid_t dataset_plist(const mr_h5w_how *how, int rank)
{
    hid_t p = how->dcpl > 0 ? H5Pcopy(how->dcpl) : H5Pcreate(H5P_DATASET_CREATE);
    bool ok = p >= 0 && H5Pset_obj_track_times(p, 0) >= 0 &&
              H5Pset_attr_creation_order(p, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0 &&
              H5Pset_attr_phase_change(p, MAX_COMPACT, MAX_COMPACT / 2) >= 0;
    if (ok && how->fill) ok = H5Pset_fill_value(p, H5T_NATIVE_DOUBLE, how->fill) >= 0;
    if (ok && how->chunk)
        ok = H5Pset_chunk(p, rank, how->chunk) >= 0 && H5Pset_shuffle(p) >= 0 &&
             H5Pset_deflate(p, 4) >= 0 && H5Pset_fill_time(p, H5D_FILL_TIME_NEVER) >= 0;
    else if (ok && how->dcpl <= 0 && !how->usual)
        ok = H5Pset_fill_time(p, H5D_FILL_TIME_NEVER) >= 0 &&
             H5Pset_alloc_time(p, H5D_ALLOC_TIME_EARLY) >= 0;
    if (ok) return p;
    if (p >= 0) H5Pclose(p);
    return -1;
}

hid_t mr_h5w_dataset(mr_h5w *w, hid_t at, const char *name, hid_t file_type, hid_t mem_type,
                     int rank, const hsize_t *dims, const void *data, const mr_h5w_how *how)
{
    static const mr_h5w_how plain;
    hid_t d = -1, space = -1, p = -1;
    if (w->st != MR_OK) return -1;
    space = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    p = dataset_plist(how ? how : &plain, rank);
    if (space >= 0 && p >= 0)
        d = H5Dcreate2(at, name, file_type, space, H5P_DEFAULT, p, H5P_DEFAULT);
    if (d >= 0 && data && H5Dwrite(d, mem_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        H5Dclose(d);
        d = -1;
    }
    if (d < 0) mr_h5w_fail(w, name);
    if (space >= 0) H5Sclose(space);
    if (p >= 0) H5Pclose(p);
    return d;
}

void mr_h5w_link(mr_h5w *w, hid_t obj, hid_t at, const char *name)
{
    if (w->st != MR_OK) return;
    if (H5Olink(obj, at, name, H5P_DEFAULT, H5P_DEFAULT) < 0) mr_h5w_fail(w, name);
}

void mr_h5w_done(mr_h5w *w, hid_t obj)
{
    if (obj >= 0 && H5Oclose(obj) < 0) mr_h5w_fail(w, "close of an object");
}

/** Create an attribute, write it, close it. */
static void attribute(mr_h5w *w, hid_t obj, const char *name, hid_t type, hid_t mem, hid_t space,
                      const void *data)
{
    if (w->st != MR_OK) return;
    hid_t a = H5Acreate2(obj, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a < 0 || (data && H5Awrite(a, mem, data) < 0)) mr_h5w_fail(w, name);
    if (a >= 0 && H5Aclose(a) < 0) mr_h5w_fail(w, name);
}

static void text_attribute(mr_h5w *w, hid_t obj, const char *name, size_t size, H5T_cset_t cset,
                           H5S_class_t space, const void *data)
{
    if (w->st != MR_OK) return;
    hid_t t = H5Tcopy(H5T_C_S1), s = H5Screate(space);
    if (t >= 0 && s >= 0 && H5Tset_size(t, size) >= 0 && H5Tset_cset(t, cset) >= 0)
        attribute(w, obj, name, t, t, s, data);
    else
        mr_h5w_fail(w, name);
    if (t >= 0) H5Tclose(t);
    if (s >= 0) H5Sclose(s);
}

void mr_h5w_text(mr_h5w *w, hid_t obj, const char *name, const char *text)
{
    text_attribute(w, obj, name, H5T_VARIABLE, H5T_CSET_UTF8, H5S_SCALAR, &text);
}

void mr_h5w_fixed(mr_h5w *w, hid_t obj, const char *name, const char *text)
{
    size_t n = strlen(text);
    if (n > 0)
        text_attribute(w, obj, name, n, H5T_CSET_UTF8, H5S_SCALAR, text);
    else
        text_attribute(w, obj, name, 1, H5T_CSET_UTF8, H5S_NULL, NULL);
}

void mr_h5w_ascii(mr_h5w *w, hid_t obj, const char *name, const char *text)
{
    text_attribute(w, obj, name, strlen(text), H5T_CSET_ASCII, H5S_SCALAR, text);
}

static void numbers(mr_h5w *w, hid_t obj, const char *name, hid_t type, hid_t mem, hsize_t n,
                    const void *v)
{
    if (w->st != MR_OK) return;
    hid_t s = n ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    if (s < 0) {
        mr_h5w_fail(w, name);
        return;
    }
    attribute(w, obj, name, type, mem, s, v);
    H5Sclose(s);
}

void mr_h5w_f64(mr_h5w *w, hid_t obj, const char *name, double v)
{
    numbers(w, obj, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, 0, &v);
}

void mr_h5w_i64(mr_h5w *w, hid_t obj, const char *name, int64_t v)
{
    numbers(w, obj, name, H5T_STD_I64LE, H5T_NATIVE_INT64, 0, &v);
}

void mr_h5w_i8(mr_h5w *w, hid_t obj, const char *name, int8_t v)
{
    numbers(w, obj, name, H5T_STD_I8LE, H5T_NATIVE_INT8, 0, &v);
}

void mr_h5w_i32(mr_h5w *w, hid_t obj, const char *name, const int32_t *v, hsize_t n)
{
    numbers(w, obj, name, H5T_STD_I32LE, H5T_NATIVE_INT32, n, v);
}

void mr_h5w_scale(mr_h5w *w, hid_t dset, const char *name, int32_t dimid)
{
    if (w->st != MR_OK) return;
    if (H5DSset_scale(dset, name) < 0) mr_h5w_fail(w, "dimension scale");
    mr_h5w_i32(w, dset, "_Netcdf4Dimid", &dimid, 0);
}

hid_t mr_h5w_bare_dim(mr_h5w *w, hid_t at, const char *name, hsize_t n, int32_t dimid)
{
    char label[64];
    snprintf(label, sizeof label, "This is a netCDF dimension but not a netCDF variable.%10llu",
             (unsigned long long)n);
    hid_t d = mr_h5w_dataset(w, at, name, H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, 1, &n, NULL,
                             &(mr_h5w_how){.usual = true});
    mr_h5w_scale(w, d, label, dimid);
    return d;
}

void mr_h5w_attach(mr_h5w *w, hid_t dset, hid_t scale, unsigned axis)
{
    if (w->st != MR_OK) return;
    if (H5DSattach_scale(dset, scale, axis) < 0) mr_h5w_fail(w, "dimension scale");
}
