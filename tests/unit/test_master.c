/* tests/unit/test_master.c: the master file shows all lanes, by part, and says what it cannot map.
 */
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>

#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
#define S INT64_C(1000000000)

/** Write a lane that starts i * 5 s after T0 at channel c0, values raised by `lift`. */
static mr_lane_entry put(const char *dir, const char *rel, int i, uint64_t c0, int part, float lift)
{
    bool adopted;
    lane_sample *s = lane_sample_new(dir, rel, T0 + i * 5 * S);
    for (int k = 0; k < SAMPLE_ROWS * SAMPLE_NC; k++) s->data[k] += lift;
    for (int c = 0; c < SAMPLE_NC; c++) s->distance_m[c] = 4.0 * (double)(c0 + (uint64_t)c);
    mr_lane_entry e = {.rel = rel,
                       .t0_ns = s->time_ns[0],
                       .t1_ns = s->time_ns[SAMPLE_ROWS - 1],
                       .rows = SAMPLE_ROWS,
                       .c0 = c0,
                       .c1 = c0 + SAMPLE_NC,
                       .part = part,
                       .rate_hz = 100,
                       .quantity = "strain_rate",
                       .unit = "strain s-1"};
    assert_int_equal(lane_sample_write(s, 500, &e.digest, &adopted), MR_OK);
    free(s);
    return e;
}

/** One value of [row][col] of a dataset. */
static double at(hid_t file, const char *name, hsize_t row, hsize_t col)
{
    double v = -1;
    hsize_t one[2] = {1, 1}, start[2] = {row, col};
    hid_t d = H5Dopen2(file, name, H5P_DEFAULT), s = H5Dget_space(d);
    hid_t m = H5Screate_simple(1, one, NULL);
    assert_true(H5Sselect_hyperslab(s, H5S_SELECT_SET, start, NULL, one, NULL) >= 0);
    assert_true(H5Dread(d, H5T_NATIVE_DOUBLE, m, s, H5P_DEFAULT, &v) >= 0);
    H5Sclose(m);
    H5Sclose(s);
    H5Dclose(d);
    return v;
}

static void extents(hid_t file, const char *name, hsize_t rows, hsize_t cols)
{
    hsize_t dims[2] = {0, 0};
    hid_t d = H5Dopen2(file, name, H5P_DEFAULT), s = H5Dget_space(d);
    assert_int_equal(H5Sget_simple_extent_dims(s, dims, NULL), 2);
    assert_int_equal(dims[0], rows);
    assert_int_equal(dims[1], cols);
    H5Sclose(s);
    H5Dclose(d);
}

static void lanes_strips_and_parts_are_in_their_places(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_digest plan = mr_digest_of("plan", 4);
    sample_folder(dir);
    /* given out of order; part numbers 2 and 5, as when other parts have no lane; the second
     * stretch begins after a gap of 5 s and lacks the strip from 40 on */
    mr_lane_entry e[] = {put(dir, "lanes/d", 0, 0, 5, 5000), put(dir, "lanes/b", 0, 40, 2, 2000),
                         put(dir, "lanes/c", 2, 0, 2, 3000), put(dir, "lanes/a", 0, 0, 2, 1000)};
    assert_int_equal(mr_master_write(dir, e, 4, &plan), MR_OK);
    snprintf(path, sizeof path, "%s/master.h5", dir);
    hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    extents(f, "strain_rate", 1000, 80);
    extents(f, "part2/strain_rate", 500, 40);
    /* sample [t][c] = t - c / 64 + lift */
    assert_true(at(f, "strain_rate", 3, 2) == 1003 - 2 / 64.0);
    assert_true(at(f, "strain_rate", 3, 42) == 2003 - 2 / 64.0);
    assert_true(at(f, "strain_rate", 503, 2) == 3003 - 2 / 64.0);
    assert_true(isnan(at(f, "strain_rate", 503, 42)));
    assert_true(at(f, "part2/strain_rate", 499, 39) == 5499 - 39 / 64.0);
    int64_t time[1000];
    double distance[80];
    hid_t t = H5Dopen2(f, "time", H5P_DEFAULT), x = H5Dopen2(f, "distance", H5P_DEFAULT);
    assert_true(H5Dread(t, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, time) >= 0);
    assert_true(H5Dread(x, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, distance) >= 0);
    assert_int_equal(time[499], T0 + 499 * S / 100);
    assert_int_equal(time[500], T0 + 10 * S); /* the gap shows */
    assert_true(distance[79] == 316);
    H5Dclose(t);
    H5Dclose(x);
    H5Fclose(f);
    sample_remove(dir);
}

static void lanes_that_overlap_are_a_bug(void **state)
{
    (void)state;
    char dir[64];
    mr_digest plan = mr_digest_of("plan", 4);
    sample_folder(dir);
    mr_lane_entry e[] = {put(dir, "lanes/a", 0, 0, 0, 0), put(dir, "lanes/b", 0, 30, 0, 0)};
    assert_int_equal(mr_master_write(dir, e, 2, &plan), MR_EBUG);
    e[1].c0 = e[1].c1;
    assert_int_equal(mr_master_write(dir, e, 2, &plan), MR_EBUG);
    sample_remove(dir);
}

static void a_lane_file_that_is_gone_is_named(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_digest plan = mr_digest_of("plan", 4);
    sample_folder(dir);
    mr_lane_entry e[] = {put(dir, "lanes/a", 0, 0, 0, 0), put(dir, "lanes/b", 0, 40, 0, 0)};
    snprintf(path, sizeof path, "%s/lanes/b", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mr_master_write(dir, e, 2, &plan), MR_EOUTPUT);
    assert_non_null(strstr(mr_error(), "lanes/b"));
    snprintf(path, sizeof path, "%s/master.h5.part", dir);
    assert_int_not_equal(access(path, F_OK), 0);
    sample_remove(dir);
}

static void a_full_disk_is_a_status_and_leaves_nothing(void **state)
{
    (void)state;
    char dir[64], path[256];
    struct rlimit all, some;
    mr_digest plan = mr_digest_of("plan", 4);
    sample_folder(dir);
    mr_lane_entry e[] = {put(dir, "lanes/a", 0, 0, 0, 0), put(dir, "lanes/b", 1, 0, 0, 0)};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    for (rlim_t limit = 0; limit < 6000; limit += 500) {
        some = all;
        some.rlim_cur = limit;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
        mr_status st = mr_master_write(dir, e, 2, &plan);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_int_equal(st, MR_EOUTPUT);
        snprintf(path, sizeof path, "%s/master.h5.part", dir);
        assert_int_not_equal(access(path, F_OK), 0);
        snprintf(path, sizeof path, "%s/master.h5", dir);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    assert_int_equal(mr_master_write(dir, e, 2, &plan), MR_OK);
    sample_remove(dir);
}

static void an_empty_output_has_an_empty_master(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_trailer t;
    mr_digest plan = mr_digest_of("plan", 4);
    sample_folder(dir);
    assert_int_equal(mr_master_write(dir, NULL, 0, &plan), MR_OK);
    snprintf(path, sizeof path, "%s/master.h5", dir);
    assert_int_equal(mr_trailer_read(path, true, &t), MR_OK);
    sample_remove(dir);
}

static void versions_name_the_libraries(void **state)
{
    (void)state;
    mr_text t = {0};
    assert_int_equal(mr_output_versions(&t), MR_OK);
    assert_non_null(strstr(t.s, "HDF5 "));
    assert_non_null(strstr(t.s, "xxhash "));
    mr_text_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_strips_and_parts_are_in_their_places),
        cmocka_unit_test(lanes_that_overlap_are_a_bug),
        cmocka_unit_test(a_lane_file_that_is_gone_is_named),
        cmocka_unit_test(a_full_disk_is_a_status_and_leaves_nothing),
        cmocka_unit_test(an_empty_output_has_an_empty_master),
        cmocka_unit_test(versions_name_the_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
