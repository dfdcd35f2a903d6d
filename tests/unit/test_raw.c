/* Raw reads of contiguous samples against files made by libhdf5. */
#include "io/input.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A dataset [nt][nc] float32 with x(t, c) = 1000 t + c; info as the survey would give it. */
static void make_file(const char *path, hsize_t nt, hsize_t nc, mr_file_info *info)
{
    hsize_t dims[2] = {nt, nc};
    float *x = malloc(nt * nc * sizeof *x);
    for (hsize_t i = 0; i < nt * nc; i++) x[i] = (float)(1000 * (i / nc) + i % nc);
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t s = H5Screate_simple(2, dims, NULL);
    hid_t d = H5Dcreate2(f, "x", H5T_IEEE_F32LE, s, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    memset(info, 0, sizeof *info);
    info->store = (mr_store){.dtype = {MR_DT_FLOAT, 4, 0, 0}, .time_first = 1, .nt = nt, .nc = nc};
    info->store.offset = H5Dget_offset(d);
    info->nt = nt;
    info->nc = nc;
    H5Dclose(d);
    H5Sclose(s);
    H5Fclose(f);
    free(x);
    struct stat sb;
    assert_int_equal(stat(path, &sb), 0);
    info->size = sb.st_size;
    info->mtime_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    info->inode = sb.st_ino;
}

static void contiguous_float32_reads_back(MR_UNUSED void **state)
{
    const char *path = "test_raw_a.h5";
    mr_file_info info;
    mr_raw *r = NULL;
    make_file(path, 300, 50, &info);
    assert_int_equal(mr_raw_open(path, &info, NULL, &r), MR_OK);
    const mr_chsel sels[] = {{0, 1, 50}, {7, 1, 20}, {3, 4, 12}, {49, 1, 1}};
    for (int k = 0; k < 4; k++) {
        const mr_chsel *s = &sels[k];
        size_t stride = (s->n + (size_t)k) * 4;
        float *y = malloc(100 * stride);
        assert_int_equal(mr_raw_read(r, 150, 100, s, y, stride, NULL, NULL), MR_OK);
        for (size_t t = 0; t < 100; t++)
            for (size_t c = 0; c < s->n; c++)
                assert_true(y[t * stride / 4 + c] ==
                            1000.f * (float)(150 + t) + (float)(s->first + c * s->step));
        free(y);
    }
    mr_raw_close(r);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contiguous_float32_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
