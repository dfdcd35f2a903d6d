/* h5write.h: small HDF5 files for tests, written by libhdf5. Every helper aborts the test on
 * failure. */
#ifndef MR_TEST_H5WRITE_H
#define MR_TEST_H5WRITE_H
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define W_UNUSED __attribute__((unused))

/** A fresh name under the temporary folder; the caller unlinks. */
W_UNUSED static const char *w_name(const char *stem)
{
    static char s[200];
    const char *tmp = getenv("TMPDIR");
    snprintf(s, sizeof s, "%s/mr_%ld_%s.h5", tmp ? tmp : "/tmp", (long)getpid(), stem);
    return s;
}

W_UNUSED static hid_t w_file(const char *path)
{
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

W_UNUSED static hid_t w_open(hid_t f, const char *path)
{
    hid_t o = H5Oopen(f, *path ? path : ".", H5P_DEFAULT);
    assert_true(o >= 0);
    return o;
}

W_UNUSED static void w_group(hid_t f, const char *path)
{
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    hid_t g = H5Gcreate2(f, path, lcpl, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(g >= 0);
    H5Gclose(g);
    H5Pclose(lcpl);
}

/** n values of a type on an object; n 0: scalar. */
W_UNUSED static void w_attr(hid_t f, const char *path, const char *name, hid_t type, hsize_t n,
                            const void *v)
{
    hid_t o = w_open(f, path), s = n ? H5Screate_simple(1, &n, NULL) : H5Screate(H5S_SCALAR);
    hid_t a = H5Acreate2(o, name, type, s, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Awrite(a, type, v) >= 0);
    H5Aclose(a);
    H5Sclose(s);
    H5Oclose(o);
}

W_UNUSED static void w_attr_f64(hid_t f, const char *path, const char *name, double v)
{
    w_attr(f, path, name, H5T_NATIVE_DOUBLE, 0, &v);
}

W_UNUSED static void w_attr_i64(hid_t f, const char *path, const char *name, int64_t v)
{
    w_attr(f, path, name, H5T_NATIVE_INT64, 0, &v);
}

/** Fixed-length text without a final NUL. */
W_UNUSED static void w_attr_text(hid_t f, const char *path, const char *name, const char *v)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, strlen(v) ? strlen(v) : 1);
    H5Tset_strpad(t, H5T_STR_NULLPAD);
    w_attr(f, path, name, t, 0, v);
    H5Tclose(t);
}

/** Variable-length UTF-8 texts; n 0: scalar. */
W_UNUSED static void w_attr_vtext(hid_t f, const char *path, const char *name, hsize_t n,
                                  const char *const *v)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, H5T_VARIABLE);
    H5Tset_cset(t, H5T_CSET_UTF8);
    w_attr(f, path, name, t, n, v);
    H5Tclose(t);
}

W_UNUSED static void w_data(hid_t f, const char *path, hid_t type, int rank, const hsize_t *dims,
                            const hsize_t *chunk, hid_t memtype, const void *v)
{
    hid_t s = rank ? H5Screate_simple(rank, dims, NULL) : H5Screate(H5S_SCALAR);
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    if (chunk) H5Pset_chunk(dcpl, rank, chunk);
    hid_t d = H5Dcreate2(f, path, type, s, lcpl, dcpl, H5P_DEFAULT);
    assert_true(d >= 0);
    if (v) assert_true(H5Dwrite(d, memtype, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Dclose(d);
    H5Sclose(s);
    H5Pclose(dcpl);
    H5Pclose(lcpl);
}

/** A scalar or 1-D dataset of float64. */
W_UNUSED static void w_f64(hid_t f, const char *path, hsize_t n, const double *v)
{
    w_data(f, path, H5T_NATIVE_DOUBLE, n ? 1 : 0, &n, NULL, H5T_NATIVE_DOUBLE, v);
}

W_UNUSED static void w_vtext(hid_t f, const char *path, hsize_t n, const char *const *v)
{
    hid_t t = H5Tcopy(H5T_C_S1);
    H5Tset_size(t, H5T_VARIABLE);
    w_data(f, path, t, n ? 1 : 0, &n, NULL, t, v);
    H5Tclose(t);
}

/** rows x cols float32 samples, value = 1000 * row + column; chunk NULL: contiguous. */
W_UNUSED static void w_samples(hid_t f, const char *path, hsize_t rows, hsize_t cols,
                               const hsize_t *chunk)
{
    hsize_t d[2] = {rows, cols};
    float *v = calloc((size_t)(rows * cols), sizeof *v);
    for (hsize_t i = 0; i < rows * cols; i++) v[i] = (float)(1000 * (i / cols) + i % cols);
    w_data(f, path, H5T_IEEE_F32LE, 2, d, chunk, H5T_NATIVE_FLOAT, v);
    free(v);
}
#endif
