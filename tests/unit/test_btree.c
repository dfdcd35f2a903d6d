/* test_btree.c: our chunk tables against H5Dget_chunk_info on files libhdf5 wrote, for every kind
 * of index; and damage anywhere in the index ends as an error. */
#include "h5write.h"
#include "in/hdf5/api.h"
#include "in/hdf5/btree.h"
#include "in/infile.h"
#include "in/input.h"
#include "in/hdf5/store.h"
#include <fcntl.h>

typedef struct make {
    hsize_t rows, cols, chunk[2];
    hsize_t max[2]; /* 0: fixed extents */
    bool latest, early, deflate;
    size_t addr_bytes; /* 0: default 8 */
    hsize_t user_block;
    hsize_t every; /* write only each n-th chunk row; 0 or 1: all */
} make;

static char path[220];

static void write_rows(hid_t d, const make *m)
{
    float *v = calloc((size_t)(m->chunk[0] * m->cols), sizeof *v);
    hid_t fs = H5Dget_space(d);
    for (hsize_t r = 0, k = 0; r < m->rows; r += m->chunk[0], k++) {
        hsize_t start[2] = {r, 0}, count[2] = {MR_MIN(m->chunk[0], m->rows - r), m->cols};
        if (m->every > 1 && k % m->every) continue;
        for (hsize_t i = 0; i < count[0] * count[1]; i++) v[i] = (float)(r + i);
        hid_t ms = H5Screate_simple(2, count, NULL);
        H5Sselect_hyperslab(fs, H5S_SELECT_SET, start, NULL, count, NULL);
        assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, ms, fs, H5P_DEFAULT, v) >= 0);
        H5Sclose(ms);
    }
    H5Sclose(fs);
    free(v);
}

static void write_file(const make *m)
{
    snprintf(path, sizeof path, "%s", w_name("btree"));
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (m->addr_bytes) H5Pset_sizes(fcpl, m->addr_bytes, m->addr_bytes);
    if (m->user_block) H5Pset_userblock(fcpl, m->user_block);
    if (m->latest) H5Pset_libver_bounds(fapl, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t f = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
    assert_true(f >= 0);
    hsize_t dims[2] = {m->rows, m->cols};
    hid_t s = H5Screate_simple(2, dims, m->max[0] ? m->max : NULL);
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(dcpl, 2, m->chunk);
    if (m->early) H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_EARLY);
    if (m->deflate) H5Pset_deflate(dcpl, 1);
    hid_t d = H5Dcreate2(f, "data", H5T_IEEE_F32LE, s, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    assert_true(d >= 0);
    for (int k = 0; k < 12; k++) { /* enough attributes for continuation blocks of the header */
        char name[8];
        snprintf(name, sizeof name, "a%d", k);
        w_attr_f64(f, "data", name, k);
    }
    write_rows(d, m);
    H5Dclose(d);
    H5Sclose(s);
    H5Pclose(dcpl);
    H5Pclose(fcpl);
    H5Pclose(fapl);
    H5Fclose(f);
}

/** The stored bytes of a chunk as the library reads them lie where our table says. */
static void same_bytes(hid_t d, int fd, const hsize_t *off, const mr_chunk *c)
{
    unsigned char want[4096], got[4096];
    uint32_t mask = 0;
    assert_true(c->nbytes <= sizeof want);
    assert_true(H5Dread_chunk(d, H5P_DEFAULT, off, &mask, want) >= 0);
    assert_int_equal(mask, c->mask);
    assert_int_equal(pread(fd, got, c->nbytes, (off_t)c->offset), c->nbytes);
    assert_memory_equal(got, want, c->nbytes);
}

/** Our table of /data at path against the library's query, chunk by chunk. */
static void same_as_library(const make *m, hsize_t stored)
{
    mr_infile src;
    struct stat sb;
    hid_t d = -1;
    mr_store st;
    mr_chunk *c = NULL;
    uint64_t outside = 9, seen = 0;
    write_file(m);
    assert_int_equal(mr_infile_open(path, &src, &sb), MR_OK);
    assert_int_equal(mr_infile_h5(&src), MR_OK);
    assert_int_equal(mr_h5_dataset(src.h5, "data", &d), MR_OK);
    mr_status got = mr_store_read(src.h5, d, true, &st, &c, &outside);
    if (got != MR_OK) fail_msg("%s", mr_error());
    assert_int_equal(outside, 0);
    hsize_t cols = (m->cols + m->chunk[1] - 1) / m->chunk[1];
    assert_int_equal(st.n_chunks, (m->rows + m->chunk[0] - 1) / m->chunk[0] * cols);
    for (uint64_t k = 0; k < st.n_chunks; k++) {
        hsize_t off[2] = {k / cols * m->chunk[0], k % cols * m->chunk[1]}, size = 0;
        if (c[k].nbytes) {
            same_bytes(d, src.fd, off, &c[k]);
            seen++;
        } else { /* the library has no such chunk either */
            H5Dget_chunk_storage_size(d, off, &size);
            assert_int_equal(size, 0);
        }
    }
    assert_int_equal(seen, stored);
    free(c);
    H5Oclose(d);
    mr_infile_close(&src);
    unlink(path);
}

/** H5Dget_chunk_info gives the same, in its quadratic way. */
static void same_as_chunk_info(const make *m)
{
    mr_infile src;
    struct stat sb;
    hid_t d = -1;
    mr_store st;
    mr_chunk *c = NULL;
    uint64_t outside;
    hsize_t n = 0;
    write_file(m);
    assert_int_equal(mr_infile_open(path, &src, &sb), MR_OK);
    assert_int_equal(mr_infile_h5(&src), MR_OK);
    assert_int_equal(mr_h5_dataset(src.h5, "data", &d), MR_OK);
    assert_int_equal(mr_store_read(src.h5, d, true, &st, &c, &outside), MR_OK);
    hid_t space = H5Dget_space(d); /* 1.10.8 takes no H5S_ALL here */
    assert_true(H5Dget_num_chunks(d, space, &n) >= 0);
    for (hsize_t k = 0; k < n; k++) {
        hsize_t off[2], size = 0;
        unsigned mask = 0;
        haddr_t at = HADDR_UNDEF;
        assert_true(H5Dget_chunk_info(d, space, k, off, &mask, &at, &size) >= 0);
        const mr_chunk *ours =
            &c[off[0] / m->chunk[0] * ((m->cols + m->chunk[1] - 1) / m->chunk[1]) +
               off[1] / m->chunk[1]];
        assert_int_equal(ours->offset, at);
        assert_int_equal(ours->nbytes, size);
        assert_int_equal(ours->mask, mask);
    }
    H5Sclose(space);
    free(c);
    H5Oclose(d);
    mr_infile_close(&src);
    unlink(path);
}

static void version_1_tree(void **s)
{
    (void)s;
    same_as_library(&(make){.rows = 10, .cols = 3, .chunk = {4, 2}}, 3 * 2);
    /* 2000 x 3 chunks: 64 to a node at most, so three levels */
    same_as_library(&(make){.rows = 4000, .cols = 5, .chunk = {2, 2}, .deflate = true}, 6000);
    same_as_library(&(make){.rows = 300, .cols = 5, .chunk = {2, 2}, .every = 3}, 50 * 3);
    same_as_library(&(make){.rows = 100, .cols = 5, .chunk = {7, 5}, .addr_bytes = 4}, 15);
    same_as_chunk_info(&(make){.rows = 300, .cols = 5, .chunk = {2, 2}, .every = 3});
    same_as_chunk_info(&(make){.rows = 300, .cols = 5, .chunk = {2, 2}, .deflate = true});
    same_as_library(&(make){.rows = 100, .cols = 5, .chunk = {7, 5}, .user_block = 512}, 15);
}

/** Which index a file has: H5Dget_chunk_info does not say. */
static mr_index index_of(const make *m)
{
    mr_infile src;
    struct stat sb;
    haddr_t header;
    mr_layout_msg msg;
    hid_t d = -1;
    write_file(m);
    assert_int_equal(mr_infile_open(path, &src, &sb), MR_OK);
    assert_int_equal(mr_infile_h5(&src), MR_OK);
    assert_int_equal(mr_h5_dataset(src.h5, "data", &d), MR_OK);
    header = mr_h5_header_address(d);
    assert_true(header != HADDR_UNDEF);
    H5Oclose(d);
    mr_bytes b = {.fd = src.fd,
                  .size = src.h5->size,
                  .base = src.h5->base,
                  .so = src.h5->so,
                  .sl = src.h5->sl};
    if (mr_layout_find(&b, header, &msg) != MR_OK) fail_msg("%s", mr_error());
    mr_infile_close(&src);
    return msg.index;
}

static void newer_indexes(void **s)
{
    (void)s;
    const hsize_t u = H5S_UNLIMITED;
    static const struct {
        mr_index index;
        hsize_t stored;
        make m;
    } row[] = {
        {MR_IX_SINGLE, 1, {100, 6, {100, 6}, {0, 0}, true, false, false, 0, 0, 0}},
        {MR_IX_SINGLE, 1, {100, 6, {100, 6}, {0, 0}, true, false, true, 0, 0, 0}},
        {MR_IX_IMPLICIT, 26, {100, 6, {8, 3}, {0, 0}, true, true, false, 0, 0, 0}},
        {MR_IX_FIXED_ARRAY, 26, {100, 6, {8, 3}, {0, 0}, true, false, false, 0, 0, 0}},
        {MR_IX_FIXED_ARRAY, 26, {100, 6, {8, 3}, {0, 0}, true, false, true, 0, 0, 0}},
        {MR_IX_FIXED_ARRAY, 26, {100, 6, {8, 3}, {300, 20}, true, false, true, 0, 0, 0}},
        /* 2,600 elements are three pages of 1,024; only each third row is written */
        {MR_IX_FIXED_ARRAY, 868, {1300, 4, {1, 2}, {0, 0}, true, false, false, 0, 0, 3}},
        {MR_IX_EXTENSIBLE_ARRAY, 26, {100, 6, {8, 3}, {0, 6}, true, false, false, 0, 0, 0}},
        {MR_IX_EXTENSIBLE_ARRAY, 26, {100, 6, {8, 3}, {0, 60}, true, false, true, 0, 512, 0}},
        {MR_IX_EXTENSIBLE_ARRAY, 2600, {1300, 4, {1, 2}, {0, 4}, true, false, true, 0, 0, 0}},
        {MR_IX_EXTENSIBLE_ARRAY, 26, {100, 6, {8, 3}, {100, 0}, true, false, false, 0, 0, 0}},
        {MR_IX_BTREE2, 26, {100, 6, {8, 3}, {0, 0}, true, false, false, 0, 0, 0}},
    };
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        make m = row[k].m;
        bool tree2 = row[k].index == MR_IX_BTREE2, ext = row[k].index == MR_IX_EXTENSIBLE_ARRAY;
        if (tree2) m.max[0] = m.max[1] = u;
        if (ext) m.max[m.max[0] ? 1 : 0] = u;
        assert_int_equal(index_of(&m), row[k].index);
        same_as_library(&m, row[k].stored);
    }
}

static mr_status count_chunk(void *arg, MR_UNUSED const uint64_t *off, MR_UNUSED uint64_t addr,
                             MR_UNUSED uint32_t nbytes, MR_UNUSED uint32_t mask)
{
    ++*(uint64_t *)arg;
    return MR_OK;
}

static mr_status count_element(void *arg, MR_UNUSED uint64_t i, MR_UNUSED uint64_t addr,
                               MR_UNUSED uint64_t nbytes, MR_UNUSED uint32_t mask)
{
    ++*(uint64_t *)arg;
    return MR_OK;
}

/** Header, layout message, index: at most 200 chunks are told of. */
static mr_status walk(const mr_bytes *b, uint64_t header, uint64_t *n)
{
    mr_layout_msg msg;
    mr_status st = mr_layout_find(b, header, &msg);
    *n = 0;
    if (st != MR_OK) return st;
    switch (msg.index) {
    case MR_IX_BTREE1: return mr_btree_walk(b, msg.addr, msg.ndims, 200, count_chunk, n);
    case MR_IX_FIXED_ARRAY: return mr_fixed_array_walk(b, msg.addr, 200, count_element, n);
    case MR_IX_EXTENSIBLE_ARRAY:
        return mr_extensible_array_walk(b, msg.addr, 200, count_element, n);
    default: return MR_EINPUT;
    }
}

/** Every byte of the file set to two wrong values in turn: the walk ends, at most with an error. */
static void damage(const make *m)
{
    mr_infile src;
    struct stat sb;
    haddr_t header;
    hid_t d = -1;
    uint64_t n, errors = 0;
    write_file(m);
    assert_int_equal(mr_infile_open(path, &src, &sb), MR_OK);
    assert_int_equal(mr_infile_h5(&src), MR_OK);
    assert_int_equal(mr_h5_dataset(src.h5, "data", &d), MR_OK);
    header = mr_h5_header_address(d);
    assert_true(header != HADDR_UNDEF);
    H5Oclose(d);
    mr_infile_close(&src);
    int fd = open(path, O_RDWR);
    mr_bytes b = {.fd = fd, .size = (uint64_t)sb.st_size, .so = 8, .sl = 8};
    assert_int_equal(walk(&b, header, &n), MR_OK);
    assert_int_equal(n, 200);
    for (off_t at = 0; at < sb.st_size; at++) {
        unsigned char was, bad;
        assert_int_equal(pread(fd, &was, 1, at), 1);
        for (int k = 0; k < 2; k++) {
            bad = (unsigned char)(was ^ (k ? 0xff : 1 << (at % 8)));
            assert_int_equal(pwrite(fd, &bad, 1, at), 1);
            errors += walk(&b, header, &n) != MR_OK;
            assert_true(n <= 200);
        }
        assert_int_equal(pwrite(fd, &was, 1, at), 1);
    }
    assert_true(errors > 50); /* each byte of an address, a signature, a level ... */
    b.size = header + 20;     /* a truncated file */
    assert_int_not_equal(walk(&b, header, &n), MR_OK);
    close(fd);
    unlink(path);
}

static void damage_anywhere_ends(void **s)
{
    (void)s;
    damage(&(make){.rows = 200, .cols = 4, .chunk = {2, 2}});
    damage(&(make){.rows = 200, .cols = 4, .chunk = {2, 2}, .latest = true, .deflate = true});
    damage(&(make){
        .rows = 200, .cols = 4, .chunk = {2, 2}, .max = {H5S_UNLIMITED, 4}, .latest = true});
}

static void loop_in_the_tree_ends(void **s)
{
    (void)s;
    /* a level-1 node whose 60 children are all one leaf of 60 chunks, asked for 100 chunks */
    unsigned char f[32768] = {0};
    const unsigned rec = 8 + 8 * 3 + 8;
    uint64_t leaf_at = 8192, n = 0;
    for (int k = 0; k < 2; k++) {
        unsigned char *p = f + (k ? leaf_at : 0);
        memcpy(p, "TREE\1", 5);
        p[5] = k ? 0 : 1;
        p[6] = 60;
        for (unsigned i = 0; i < 60; i++) memcpy(p + 24 + i * rec + 32, &leaf_at, 8);
    }
    snprintf(path, sizeof path, "%s", w_name("loop"));
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, f, sizeof f), sizeof f);
    mr_bytes b = {.fd = fd, .size = sizeof f, .so = 8, .sl = 8};
    assert_int_equal(mr_btree_walk(&b, 0, 3, 100, count_chunk, &n), MR_EINPUT);
    assert_int_equal(n, 100);
    uint64_t self = 0; /* a node that is its own child: the level does not fall */
    for (unsigned i = 0; i < 60; i++) assert_int_equal(pwrite(fd, &self, 8, 24 + i * rec + 32), 8);
    assert_int_equal(mr_btree_walk(&b, 0, 3, 100, count_chunk, &n), MR_EINPUT);
    close(fd);
    unlink(path);
}

static void an_array_of_nearly_all_numbers_is_damage(void **state)
{
    (void)state;
    /* pages of one element, 2^64 - 1 of them: their bitmap's length must not come out as 0 */
    unsigned char f[4096] = {0};
    const uint64_t total = UINT64_MAX, block = 64;
    uint64_t n = 0;
    memcpy(f, "FAHD\0\0\10\0", 8);
    memcpy(f + 8, &total, 8);
    memcpy(f + 16, &block, 8);
    memcpy(f + block, "FADB", 4);
    snprintf(path, sizeof path, "%s", w_name("array"));
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, f, sizeof f), sizeof f);
    mr_bytes b = {.fd = fd, .size = sizeof f, .so = 8, .sl = 8};
    assert_int_equal(mr_fixed_array_walk(&b, 0, 1 << 20, count_element, &n), MR_EINPUT);
    assert_non_null(strstr(mr_error(), "damaged"));
    assert_int_equal(n, 0);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(version_1_tree),
        cmocka_unit_test(newer_indexes),
        cmocka_unit_test(damage_anywhere_ends),
        cmocka_unit_test(loop_in_the_tree_ends),
        cmocka_unit_test(an_array_of_nearly_all_numbers_is_damage),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
