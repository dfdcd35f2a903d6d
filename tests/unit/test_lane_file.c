/* tests/unit/test_lane_file.c: lane files are complete or absent, and the same bytes every time. */
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define REL "lanes/2026-01-01/20260101T000000.000000000Z_c00100-00140.h5"
#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z: 20454 days x 86400 s */

static void path_of(char *out, const char *folder, const char *rel)
{
    snprintf(out, 256, "%s/%s", folder, rel);
}

static void samples_and_coordinates_come_back(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_digest d;
    bool adopted = true;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    assert_int_equal(lane_sample_write(s, 128, &d, &adopted), MR_OK);
    assert_false(adopted);
    path_of(path, dir, REL);
    hid_t f = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    static float back[SAMPLE_ROWS * SAMPLE_NC];
    static int64_t time[SAMPLE_ROWS];
    hid_t a = H5Dopen2(f, "strain_rate", H5P_DEFAULT), t = H5Dopen2(f, "time", H5P_DEFAULT);
    assert_true(H5Dread(a, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >= 0);
    assert_true(H5Dread(t, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, time) >= 0);
    assert_memory_equal(back, s->data, sizeof back);
    assert_memory_equal(time, s->time_ns, sizeof time);
    assert_int_equal(H5Dget_offset(a) % 4096, 0); /* aligned for whole-page writes */
    H5Dclose(a);
    H5Dclose(t);
    H5Fclose(f);
    sample_remove(dir);
    free(s);
}

static void bytes_do_not_depend_on_pieces_folder_or_attempt(void **state)
{
    (void)state;
    char dir[2][64], path[256];
    unsigned char *bytes[2];
    size_t n[2];
    mr_digest d[2];
    bool adopted;
    for (int i = 0; i < 2; i++) {
        lane_sample *s = lane_sample_new(sample_folder(dir[i]), REL, T0);
        s->spec.attempt = i ? "host-99" : "1";
        assert_int_equal(lane_sample_write(s, i ? 500 : 7, &d[i], &adopted), MR_OK);
        path_of(path, dir[i], REL);
        bytes[i] = sample_slurp(path, &n[i]);
        sample_remove(dir[i]);
        free(s);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(bytes[0], bytes[1], n[0]);
    assert_string_equal(d[0].hex, d[1].hex);
    free(bytes[0]);
    free(bytes[1]);
}

static void checksum_while_writing_is_that_of_the_file(void **state)
{
    (void)state;
    char dir[64], path[256];
    size_t n = 0;
    mr_digest d;
    bool adopted;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    assert_int_equal(lane_sample_write(s, 33, &d, &adopted), MR_OK);
    path_of(path, dir, REL);
    unsigned char *b = sample_slurp(path, &n);
    mr_digest whole = mr_digest_of(b, n - 16); /* the checksum is the last 16 bytes */
    assert_string_equal(whole.hex, d.hex);
    free(b);
    sample_remove(dir);
    free(s);
}

static void an_aborted_lane_leaves_nothing(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_lane_file *f = NULL;
    struct stat sb;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_OK);
    path_of(path, dir, REL ".7.part");
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(mr_lane_append(f, s->data, 10), MR_OK);
    mr_lane_abort(f);
    assert_int_not_equal(stat(path, &sb), 0);
    path_of(path, dir, REL);
    assert_int_not_equal(stat(path, &sb), 0);
    mr_lane_abort(NULL);
    sample_remove(dir);
    free(s);
}

static void misuse_is_named(void **state)
{
    (void)state;
    char dir[64];
    mr_lane_file *f = NULL;
    mr_digest d;
    bool adopted;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_OK);
    assert_int_equal(mr_lane_append(f, s->data, SAMPLE_ROWS + 1), MR_EBUG);
    assert_int_equal(mr_lane_append(f, s->data, SAMPLE_ROWS - 1), MR_OK);
    assert_int_equal(mr_lane_commit(f, &d, &adopted), MR_EBUG); /* a row is missing */
    f = NULL;
    s->spec.rows = 0;
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_EBUG);
    assert_null(f);
    s->spec.rows = SAMPLE_ROWS;
    s->spec.lane.hex[3] = 'x';
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_EBUG);
    sample_remove(dir);
    free(s);
}

static void a_folder_that_cannot_be_made_is_an_output_error(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_lane_file *f = NULL;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    path_of(path, dir, "lanes");
    fclose(fopen(path, "w")); /* a file where the folder should be */
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_EOUTPUT);
    assert_null(f);
    sample_remove(dir);
    free(s);
}

/** A lane of nc channels, data[t][c] = (t * nc + c) % 251, deflated, appended `step` rows at a
 * time. */
static void deflated(uint64_t rows, uint64_t nc, uint64_t step, hsize_t want_chunk[2])
{
    char dir[64], path[256];
    mr_digest d;
    bool adopted;
    mr_trailer t;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    int64_t *time = calloc(rows, sizeof *time);
    double *distance = calloc(nc, sizeof *distance);
    float *data = calloc(rows * nc, sizeof *data), *back = calloc(rows * nc, sizeof *back);
    mr_lane_file *f = NULL;
    for (uint64_t i = 0; i < rows; i++) time[i] = T0 + (int64_t)i * 1000000;
    for (uint64_t i = 0; i < rows * nc; i++) data[i] = (float)(i % 251);
    s->spec.rows = rows;
    s->spec.nc = nc;
    s->spec.time_ns = time;
    s->spec.distance_m = distance;
    s->spec.deflate = true;
    assert_int_equal(mr_lane_tier_rows(&s->spec), want_chunk[0]);
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_OK);
    for (uint64_t at = 0; at < rows; at += step)
        assert_int_equal(mr_lane_append(f, data + at * nc, MR_MIN(step, rows - at)), MR_OK);
    assert_int_equal(mr_lane_commit(f, &d, &adopted), MR_OK);
    path_of(path, dir, REL);
    assert_int_equal(mr_trailer_read(path, true, &t), MR_OK);
    assert_string_equal(t.content.hex, d.hex);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t a = H5Dopen2(file, "strain_rate", H5P_DEFAULT), p = H5Dget_create_plist(a);
    hsize_t chunk[2];
    assert_int_equal(H5Pget_chunk(p, 2, chunk), 2);
    assert_memory_equal(chunk, want_chunk, sizeof chunk);
    assert_true(H5Dread(a, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, back) >= 0);
    assert_memory_equal(back, data, rows * nc * sizeof *data);
    if (rows > 3) assert_true(H5Dget_storage_size(a) < rows * nc * sizeof *data / 2);
    H5Pclose(p);
    H5Dclose(a);
    H5Fclose(file);
    free(time);
    free(distance);
    free(data);
    free(back);
    free(s);
    sample_remove(dir);
}

static void deflated_samples_come_back(void **state)
{
    (void)state;
    /* 2^18 floats a chunk: 1,000 columns -> 262 rows; 9,000 columns -> 3 pieces of 3,000, 87 rows
     */
    deflated(1000, 1000, 262, (hsize_t[]){262, 1000});
    deflated(600, 1000, 100, (hsize_t[]){262, 1000});
    deflated(100, 9000, 99, (hsize_t[]){87, 3000});
    deflated(90, 8194, 90, (hsize_t[]){90, 2732}); /* the last of 3 pieces is narrower: 2,730 */
    deflated(3, 1, 1, (hsize_t[]){3, 1});
}

static void deflated_bytes_do_not_depend_on_pieces(void **state)
{
    (void)state;
    char dir[64];
    mr_digest d[3];
    bool adopted;
    const uint64_t steps[3] = {500, 499, 7};
    for (int i = 0; i < 3; i++) {
        lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
        s->spec.deflate = true;
        assert_int_equal(lane_sample_write(s, steps[i], &d[i], &adopted), MR_OK);
        sample_remove(dir);
        free(s);
    }
    assert_string_equal(d[0].hex, d[1].hex);
    assert_string_equal(d[0].hex, d[2].hex);
}

static void an_aborted_deflated_lane_leaves_nothing(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_lane_file *f = NULL;
    struct stat sb;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    s->spec.deflate = true;
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_OK);
    assert_int_equal(mr_lane_append(f, s->data, 10), MR_OK);
    mr_lane_abort(f);
    path_of(path, dir, REL ".7.part");
    assert_int_not_equal(stat(path, &sb), 0);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    sample_remove(dir);
    free(s);
}

/** The file's size may not pass each of many limits in turn: wherever writing stops, the end is a
 * status, nothing is left behind, and the next lane of the process is whole. */
static void stops_anywhere(bool deflate)
{
    char dir[64], path[256];
    struct rlimit all, some;
    struct stat sb;
    mr_digest first, d;
    bool adopted;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    s->spec.deflate = deflate;
    assert_int_equal(lane_sample_write(s, 100, &first, &adopted), MR_OK);
    path_of(path, dir, REL);
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
    some = all;
    signal(SIGXFSZ, SIG_IGN);
    mr_log_init(0, MR_QUIET);
    const rlim_t size = (rlim_t)sb.st_size;
    const rlim_t limits[] = {0,        100,       2048,      5000,    size / 4,
                             size / 2, size - 65, size - 64, size - 1};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        assert_int_equal(unlink(path), 0);
        some.rlim_cur = limits[i];
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
        mr_status st = lane_sample_write(s, 100, &d, &adopted);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
        assert_int_equal(st, MR_EOUTPUT);
        assert_int_not_equal(stat(path, &sb), 0);
        path_of(path, dir, REL ".7.part");
        assert_int_not_equal(stat(path, &sb), 0);
        path_of(path, dir, REL);
        assert_int_equal(lane_sample_write(s, 100, &d, &adopted), MR_OK);
        assert_string_equal(d.hex, first.hex);
    }
    sample_remove(dir);
    free(s);
}

static void a_full_disk_is_a_status_and_leaves_nothing(void **state)
{
    (void)state;
    stops_anywhere(false);
    stops_anywhere(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_and_coordinates_come_back),
        cmocka_unit_test(bytes_do_not_depend_on_pieces_folder_or_attempt),
        cmocka_unit_test(checksum_while_writing_is_that_of_the_file),
        cmocka_unit_test(an_aborted_lane_leaves_nothing),
        cmocka_unit_test(misuse_is_named),
        cmocka_unit_test(deflated_samples_come_back),
        cmocka_unit_test(deflated_bytes_do_not_depend_on_pieces),
        cmocka_unit_test(an_aborted_deflated_lane_leaves_nothing),
        cmocka_unit_test(a_full_disk_is_a_status_and_leaves_nothing),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_an_output_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
