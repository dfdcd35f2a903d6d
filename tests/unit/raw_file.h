/* tests/unit/raw_file.h: small HDF5 files in any storage, made by libhdf5, with the mr_file_info
 * and chunk table that the survey would give, and what libhdf5 reads back as float64. */
#ifndef RAW_FILE_H
#define RAW_FILE_H
#include "in/input.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct raw_spec {
    mr_dtype dt;
    bool time_first;
    uint64_t nt, nc, chunk_t, chunk_c; /* chunk 0: contiguous */
    uint8_t n_filters, filters[4];
    bool skip_chunk0; /* leave the first chunk unwritten */
} raw_spec;

typedef struct raw_file {
    char path[64];
    mr_file_info info;
    mr_chunk *chunks;
    double *want; /* [nt][nc] as H5Dread converts it */
} raw_file;

static inline hid_t raw_h5type(mr_dtype dt)
{
    const hid_t le[3][4] = {{H5T_STD_I8LE, H5T_STD_I16LE, H5T_STD_I32LE, H5T_STD_I64LE},
                            {H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32LE, H5T_STD_U64LE},
                            {-1, H5T_IEEE_F32LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE}};
    hid_t t = H5Tcopy(le[dt.kind][dt.size == 8 ? 3 : dt.size / 2]);
    if (dt.kind == MR_DT_FLOAT && dt.size == 2) { /* as h5py makes it */
        assert_true(H5Tset_fields(t, 15, 10, 5, 0, 10) >= 0);
        assert_true(H5Tset_size(t, 2) >= 0);
        assert_true(H5Tset_ebias(t, 15) >= 0);
    }
    assert_true(H5Tset_order(t, dt.big_endian ? H5T_ORDER_BE : H5T_ORDER_LE) >= 0);
    return t;
}

static inline hid_t raw_dcpl(const raw_spec *s)
{
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[2] = {s->time_first ? s->chunk_t : s->chunk_c,
                        s->time_first ? s->chunk_c : s->chunk_t};
    if (!s->chunk_t) return p;
    assert_true(H5Pset_chunk(p, 2, chunk) >= 0);
    for (int i = 0; i < s->n_filters; i++) {
        if (s->filters[i] == MR_FI_DEFLATE) assert_true(H5Pset_deflate(p, 4) >= 0);
        if (s->filters[i] == MR_FI_SHUFFLE) assert_true(H5Pset_shuffle(p) >= 0);
        if (s->filters[i] == MR_FI_FLETCHER32) assert_true(H5Pset_fletcher32(p) >= 0);
    }
    return p;
}

/* Facts of the file itself, as after a change made on purpose. */
static inline void raw_restat(raw_file *f)
{
    struct stat sb;
    assert_int_equal(stat(f->path, &sb), 0);
    f->info.size = sb.st_size;
    f->info.mtime_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    f->info.inode = sb.st_ino;
}

static inline void raw_survey_chunks(raw_file *f, hid_t d, const raw_spec *s)
{
    hsize_t n, at[2], bytes;
    hid_t space = H5Dget_space(d);
    uint64_t cols = (s->nc + s->chunk_c - 1) / s->chunk_c;
    f->info.store.n_chunks = (s->nt + s->chunk_t - 1) / s->chunk_t * cols;
    f->chunks = calloc(f->info.store.n_chunks, sizeof *f->chunks);
    assert_true(H5Dget_num_chunks(d, space, &n) >= 0);
    for (hsize_t i = 0; i < n; i++) {
        unsigned mask;
        haddr_t addr;
        assert_true(H5Dget_chunk_info(d, space, i, at, &mask, &addr, &bytes) >= 0);
        uint64_t t = at[!s->time_first], c = at[s->time_first];
        f->chunks[t / s->chunk_t * cols + c / s->chunk_c] = (mr_chunk){addr, (uint32_t)bytes, mask};
    }
    H5Sclose(space);
}

/* x [nt][nc] in the order of meaning */
static inline void raw_write(hid_t d, const raw_spec *s, const double *x)
{
    double *y = malloc(s->nt * s->nc * sizeof *y);
    for (uint64_t t = 0; t < s->nt; t++)
        for (uint64_t c = 0; c < s->nc; c++)
            y[s->time_first ? t * s->nc + c : c * s->nt + t] = x[t * s->nc + c];
    hid_t space = H5Dget_space(d);
    if (s->skip_chunk0) { /* all but the rows of the first tier of chunks */
        hsize_t from[2] = {0, 0}, n[2];
        n[0] = s->time_first ? s->nt : s->nc;
        n[1] = s->time_first ? s->nc : s->nt;
        from[!s->time_first] = s->chunk_t;
        n[!s->time_first] -= s->chunk_t;
        assert_true(H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, n, NULL) >= 0);
    }
    assert_true(H5Dwrite(d, H5T_NATIVE_DOUBLE, space, space, H5P_DEFAULT, y) >= 0);
    H5Sclose(space);
    free(y);
}

static inline void raw_expect(raw_file *f, hid_t d, const raw_spec *s)
{
    double *y = malloc(s->nt * s->nc * sizeof *y);
    assert_true(H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, y) >= 0);
    f->want = malloc(s->nt * s->nc * sizeof *y);
    for (uint64_t t = 0; t < s->nt; t++)
        for (uint64_t c = 0; c < s->nc; c++)
            f->want[t * s->nc + c] = y[s->time_first ? t * s->nc + c : c * s->nt + t];
    free(y);
}

/* Values that every type holds exactly: 0..127, and their negatives and fractions where possible.
 */
static inline double raw_value(mr_dtype dt, uint64_t i)
{
    uint64_t h = i * 0x9e3779b97f4a7c15u;
    double v = (double)((h >> 40) % 128) * (i / 64 % 3 != 0); /* compresses a little */
    if (dt.kind != MR_DT_UINT && (h >> 50 & 1)) v = -v;
    if (dt.kind == MR_DT_FLOAT) v = v / 16 + ((h >> 51) % 7 == 0 ? 512 : 0);
    if (dt.kind != MR_DT_FLOAT && dt.size > 1) v = v * 255 + ((h >> 52) % 3 == 0 ? 1 : 0);
    return v;
}

static inline void raw_make(const raw_spec *s, raw_file *f)
{
    hsize_t dims[2] = {s->time_first ? s->nt : s->nc, s->time_first ? s->nc : s->nt};
    const hsize_t grow[2] = {H5S_UNLIMITED, H5S_UNLIMITED};
    double *x = malloc(s->nt * s->nc * sizeof *x);
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "/tmp/millrace_raw_%d.h5", (int)getpid());
    for (uint64_t i = 0; i < s->nt * s->nc; i++) x[i] = raw_value(s->dt, i);
    hid_t file = H5Fcreate(f->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t space = H5Screate_simple(2, dims, s->chunk_t ? grow : NULL);
    hid_t type = raw_h5type(s->dt), dcpl = raw_dcpl(s);
    hid_t d = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    assert_true(d >= 0);
    raw_write(d, s, x);
    H5Fflush(file, H5F_SCOPE_LOCAL);
    f->info.store = (mr_store){.dtype = s->dt,
                               .time_first = s->time_first,
                               .nt = s->nt,
                               .nc = s->nc,
                               .chunk_t = s->chunk_t,
                               .chunk_c = s->chunk_c,
                               .n_filters = s->n_filters};
    memcpy(f->info.store.filters, s->filters, sizeof s->filters);
    f->info.store.storage = s->chunk_t ? MR_ST_CHUNKED : MR_ST_CONTIGUOUS;
    f->info.nt = s->nt;
    f->info.nc = s->nc;
    if (s->chunk_t)
        raw_survey_chunks(f, d, s);
    else
        f->info.store.offset = H5Dget_offset(d);
    raw_expect(f, d, s);
    H5Dclose(d);
    H5Tclose(type);
    H5Pclose(dcpl);
    H5Sclose(space);
    H5Fclose(file);
    free(x);
    raw_restat(f);
}

static inline void raw_drop(raw_file *f)
{
    unlink(f->path);
    free(f->chunks);
    free(f->want);
}

/* Change bytes of the file in place and take its new state as surveyed. */
static inline void raw_patch(raw_file *f, uint64_t offset, const void *bytes, size_t n)
{
    int fd = open(f->path, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, bytes, n, (off_t)offset) == (ssize_t)n);
    close(fd);
    raw_restat(f);
}
#endif
