/* tests/bench/raw.c: how fast raw reads and conversions are beside pread and memcpy. Not part of
 * make test; wants a quiet machine, the page cache warm, 130 MB in the folder given. Build and run,
 * L being what `make -n` shows behind build/millrace's objects: make && mpicc -O3 -D_GNU_SOURCE
 * -fopenmp -Isrc -I/usr/include/hdf5/serial tests/bench/raw.c build/libmillrace.a $L -o
 * build/bench_raw && build/bench_raw /tmp [part of a case's name] */
#include "in/input.h"
#include <fcntl.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NT = 30000, NC = 1000, BLOCK = 4096, ROUNDS = 7 };

typedef struct recipe {
    const char *name;
    mr_dtype dt;
    bool time_first;
    uint64_t chunk_t, chunk_c;
    int shuffle, deflate, fletcher;
} recipe;

typedef struct made {
    char path[256];
    mr_file_info info;
    mr_chunk *chunks;
} made;

static void *must(void *p)
{
    if (!p) abort();
    return p;
}

static void check(int ok)
{
    if (!ok) abort();
}

/* Noise shared by neighbours, quantised to 2^-6: compresses like a recording. */
static float *samples(bool time_first)
{
    float *x = must(malloc(sizeof(float) * NT * NC));
    uint32_t seed = 12345;
    for (size_t t = 0; t < NT; t++)
        for (size_t c = 0; c < NC; c++) {
            seed = seed * 1664525 + 1013904223;
            double v = 20 * sin((double)t * 0.01 + (double)c * 0.05) + (seed >> 8) * 0x1p-24 * 8;
            x[time_first ? t * NC + c : c * NT + t] = (float)(floor(v * 64) / 64);
        }
    return x;
}

static void chunk_table(made *m, hid_t d)
{
    mr_store *s = &m->info.store;
    hid_t space = H5Dget_space(d);
    hsize_t n, at[2], bytes;
    uint64_t cols = (NC + s->chunk_c - 1) / s->chunk_c;
    s->n_chunks = (NT + s->chunk_t - 1) / s->chunk_t * cols;
    m->chunks = must(calloc(s->n_chunks, sizeof *m->chunks));
    check(H5Dget_num_chunks(d, space, &n) >= 0);
    for (hsize_t i = 0; i < n; i++) {
        haddr_t addr;
        unsigned mask;
        check(H5Dget_chunk_info(d, space, i, at, &mask, &addr, &bytes) >= 0);
        uint64_t t = at[!s->time_first], c = at[s->time_first];
        m->chunks[t / s->chunk_t * cols + c / s->chunk_c] = (mr_chunk){addr, (uint32_t)bytes, mask};
    }
    H5Sclose(space);
}

static void make(const recipe *k, const char *folder, made *m)
{
    hsize_t dims[2] = {k->time_first ? NT : NC, k->time_first ? NC : NT};
    hsize_t chunk[2] = {k->time_first ? k->chunk_t : k->chunk_c,
                        k->time_first ? k->chunk_c : k->chunk_t};
    float *x = samples(k->time_first);
    struct stat sb;
    memset(m, 0, sizeof *m);
    snprintf(m->path, sizeof m->path, "%s/millrace_bench_%d.h5", folder, (int)getpid());
    hid_t f = H5Fcreate(m->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t s = H5Screate_simple(2, dims, NULL), p = H5Pcreate(H5P_DATASET_CREATE);
    hid_t type = k->dt.kind == MR_DT_FLOAT ? H5T_IEEE_F32LE : H5T_STD_I16LE;
    if (k->dt.big_endian) type = H5T_IEEE_F32BE;
    mr_store *st = &m->info.store;
    *st = (mr_store){.dtype = k->dt,
                     .time_first = k->time_first,
                     .nt = NT,
                     .nc = NC,
                     .chunk_t = k->chunk_t,
                     .chunk_c = k->chunk_c};
    if (k->chunk_t) {
        st->storage = MR_ST_CHUNKED;
        check(H5Pset_chunk(p, 2, chunk) >= 0);
        if (k->shuffle) check(H5Pset_shuffle(p) >= 0);
        if (k->deflate) check(H5Pset_deflate(p, 4) >= 0);
        if (k->fletcher) check(H5Pset_fletcher32(p) >= 0);
        if (k->shuffle) st->filters[st->n_filters++] = MR_FI_SHUFFLE;
        if (k->deflate) st->filters[st->n_filters++] = MR_FI_DEFLATE;
        if (k->fletcher) st->filters[st->n_filters++] = MR_FI_FLETCHER32;
    }
    hid_t d = H5Dcreate2(f, "x", type, s, H5P_DEFAULT, p, H5P_DEFAULT);
    check(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, x) >= 0);
    H5Fflush(f, H5F_SCOPE_LOCAL);
    if (k->chunk_t)
        chunk_table(m, d);
    else
        st->offset = H5Dget_offset(d);
    H5Dclose(d);
    H5Pclose(p);
    H5Sclose(s);
    H5Fclose(f);
    free(x);
    check(stat(m->path, &sb) == 0);
    m->info.size = sb.st_size;
    m->info.mtime_ns = (int64_t)sb.st_mtim.tv_sec * 1000000000 + sb.st_mtim.tv_nsec;
    m->info.inode = sb.st_ino;
    m->info.nt = NT;
    m->info.nc = NC;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the rounds' seconds, and what that is in GB/s of `bytes`. */
static void tell(const char *what, double *s, double bytes)
{
    qsort(s, ROUNDS, sizeof *s, by_value);
    printf("  %-34s %7.1f ms  %6.2f GB/s (best %.2f)\n", what, s[ROUNDS / 2] * 1e3,
           bytes / s[ROUNDS / 2] * 1e-9, bytes / s[0] * 1e-9);
}

static void time_read(const made *m, const char *what, mr_chsel sel, size_t pad, uint8_t *dst)
{
    double s[ROUNDS];
    size_t size = m->info.store.dtype.size, stride = (sel.n + pad) * size;
    for (int k = 0; k < ROUNDS; k++) {
        mr_raw *r = NULL;
        double t0 = mr_now();
        check(mr_raw_open(m->path, &m->info, m->chunks, &r) == MR_OK);
        for (uint64_t t = 0; t < NT; t += BLOCK)
            check(mr_raw_read(r, t, MR_MIN((uint64_t)BLOCK, NT - t), &sel, dst, stride, NULL,
                              NULL) == MR_OK);
        mr_raw_close(r);
        s[k] = mr_now() - t0;
    }
    tell(what, s, (double)NT * (double)sel.n * (double)size);
}

static void time_recipe(const recipe *k, const char *folder, uint8_t *dst)
{
    made m;
    make(k, folder, &m);
    printf("%s: %.0f MB\n", k->name, (double)m.info.size * 1e-6);
    time_read(&m, "all channels", (mr_chsel){0, 1, NC}, 0, dst);
    time_read(&m, "all, rows padded by 16", (mr_chsel){0, 1, NC}, 16, dst);
    time_read(&m, "800 of 1000", (mr_chsel){100, 1, 800}, 0, dst);
    time_read(&m, "64 of 1000", (mr_chsel){100, 1, 64}, 0, dst);
    time_read(&m, "every 2nd", (mr_chsel){0, 2, 500}, 0, dst);
    unlink(m.path);
    free(m.chunks);
}

static void time_limits(const char *folder, uint8_t *dst)
{
    const recipe k = {"raw", {MR_DT_FLOAT, 4, 0, 0}, true, 0, 0, 0, 0, 0};
    const size_t bytes = (size_t)NT * NC * 4, piece = 4 << 20;
    double s[ROUNDS], c[ROUNDS];
    made m;
    make(&k, folder, &m);
    int fd = open(m.path, O_RDONLY);
    uint8_t *other = must(malloc((size_t)BLOCK * NC * 4));
    memset(other, 1, (size_t)BLOCK * NC * 4);
    for (int i = 0; i < ROUNDS; i++) {
        double t0 = mr_now();
        for (size_t at = 0; at < bytes; at += piece)
            check(pread(fd, dst + at % (piece * 4), piece, (off_t)at) > 0);
        s[i] = mr_now() - t0;
        t0 = mr_now();
        for (int n = 0; n < 8; n++) memcpy(dst, other, (size_t)BLOCK * NC * 4);
        c[i] = mr_now() - t0;
    }
    printf("limits\n");
    tell("pread 4 MiB", s, (double)bytes);
    tell("memcpy 16 MB", c, 8.0 * BLOCK * NC * 4);
    close(fd);
    unlink(m.path);
    free(other);
}

/* A block of all channels to tiles of 64, as the tiles take it. */
static void time_load(const char *what, mr_dtype dt, uint8_t *src)
{
    double s[ROUNDS], *tile = must(aligned_alloc(64, sizeof(double) * 512 * 64));
    size_t stride = (size_t)NC * dt.size;
    for (int k = 0; k < ROUNDS; k++) {
        double t0 = mr_now();
        for (size_t t = 0; t + 512 <= BLOCK; t += 512)
            for (size_t c = 0; c + 64 <= NC; c += 64)
                mr_load_f64(dt, src + t * stride + c * dt.size, stride, 512, 64, tile, 64);
        s[k] = mr_now() - t0;
    }
    tell(what, s, (double)BLOCK * (NC / 64 * 64) * (dt.size + 8));
    free(tile);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "/tmp";
    const recipe recipes[] = {
        {"contiguous float32", {MR_DT_FLOAT, 4, 0, 0}, true, 0, 0, 0, 0, 0},
        {"contiguous float32 big-endian", {MR_DT_FLOAT, 4, 1, 0}, true, 0, 0, 0, 0, 0},
        {"contiguous float32 [channel][time]", {MR_DT_FLOAT, 4, 0, 0}, false, 0, 0, 0, 0, 0},
        {"contiguous int16 [channel][time]", {MR_DT_INT, 2, 0, 0}, false, 0, 0, 0, 0, 0},
        {"chunks 515 x 43 float32", {MR_DT_FLOAT, 4, 0, 0}, true, 515, 43, 0, 0, 0},
        {"chunks 1000 x 100 shuffle", {MR_DT_FLOAT, 4, 0, 0}, true, 1000, 100, 1, 0, 0},
        {"chunks 1000 x 100 fletcher32", {MR_DT_FLOAT, 4, 0, 0}, true, 1000, 100, 0, 0, 1},
        {"chunks 1000 x 100 deflate", {MR_DT_FLOAT, 4, 0, 0}, true, 1000, 100, 0, 1, 0},
        {"chunks 1000 x 100 shuffle deflate", {MR_DT_FLOAT, 4, 0, 0}, true, 1000, 100, 1, 1, 0},
        {"chunks 1000 x 100 s d [channel][time]",
         {MR_DT_FLOAT, 4, 0, 0},
         false,
         1000,
         100,
         1,
         1,
         0},
        {"chunks 1000 x 250 int16 shuffle deflate", {MR_DT_INT, 2, 0, 0}, true, 1000, 250, 1, 1, 0},
    };
    const size_t bytes = (size_t)BLOCK * (NC + 16) * 8;
    uint8_t *dst = NULL;
    check(mr_big_alloc(bytes, "rows", &dst) == MR_OK); /* like the buffers of a run */
    memset(dst, 0, bytes);
    time_limits(folder, dst);
    for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++)
        if (argc < 3 || strstr(recipes[k].name, argv[2])) time_recipe(&recipes[k], folder, dst);
    printf("mr_load_f64, bytes read + written, tiles of 64 x 512\n");
    time_load("float32", (mr_dtype){MR_DT_FLOAT, 4, 0, 0}, dst);
    time_load("float64", (mr_dtype){MR_DT_FLOAT, 8, 0, 0}, dst);
    time_load("float16", (mr_dtype){MR_DT_FLOAT, 2, 0, 0}, dst);
    time_load("int16", (mr_dtype){MR_DT_INT, 2, 0, 0}, dst);
    time_load("int32", (mr_dtype){MR_DT_INT, 4, 0, 0}, dst);
    mr_big_free(dst, bytes);
    return 0;
}
