/* Lanes that hold sums, and result.h5 made of them: the order of the tree, counts, strips of
 * channels, pieces merged by several, and lanes that hold something else. */
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <hdf5.h>
#include <math.h>

#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
#define S INT64_C(1000000000)
enum { N_LANES = 37, N_FREQ = 3, NC = 5, N_FINE = 60000 };

static double frequency[N_FINE];
static const mr_axis axis = {
    .name = "frequency", .unit = "Hz", .doc = "frequency", .n = N_FREQ, .v = frequency};
static const mr_axis fine = {
    .name = "frequency", .unit = "Hz", .doc = "frequency", .n = N_FINE, .v = frequency};

/* Sums whose total depends on the order that they are added in. */
static double value(int lane, int k, uint64_t c)
{
    return ldexp(1.0 + lane % 7, (lane * 13) % 40) + k + (double)c / 3;
}

/** A lane number i, channels [c0, c0 + NC). wrong: its sums lack the axis. */
static mr_lane_entry put(const char *dir, const char *rel, int i, uint64_t c0, const mr_axis *f_hz,
                         bool wrong)
{
    bool adopted;
    double *sums = calloc(f_hz->n * NC, sizeof *sums);
    int32_t counts[NC];
    mr_lane_file *f = NULL;
    lane_sample *s = lane_sample_new(dir, rel, T0 + i * 60 * S);
    s->spec.rows = 1;
    s->spec.nc = NC;
    s->spec.latitude = NULL;
    s->spec.quantity = "psd";
    s->spec.shape =
        (mr_row_shape){.n_axes = wrong ? 0 : 1, .axis = f_hz, .kind = MR_SUMS, .count_axes = 1};
    for (uint64_t c = 0; c < NC; c++) s->distance_m[c] = 4.0 * (double)(c0 + c);
    for (int k = 0; k < (int)f_hz->n; k++)
        for (uint64_t c = 0; c < NC; c++) sums[k * NC + (int)c] = value(i, k, c0 + c);
    for (int c = 0; c < NC; c++) counts[c] = c0 == 0 && c == 2 ? 0 : 2 + i % 3;
    mr_lane_entry e = {.rel = rel,
                       .t0_ns = s->time_ns[0],
                       .t1_ns = s->time_ns[0],
                       .rows = 1,
                       .c0 = c0,
                       .c1 = c0 + NC,
                       .quantity = "psd",
                       .unit = "1",
                       .shape = {.n_axes = 1, .axis = f_hz, .kind = MR_SUMS, .count_axes = 1}};
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_OK);
    assert_int_equal(mr_lane_counts(f, counts, 1, 1), MR_EBUG); /* there is only row 0 */
    assert_int_equal(mr_lane_append(f, sums, 1), MR_OK);
    assert_int_equal(mr_lane_counts(f, counts, 0, 1), MR_OK);
    assert_int_equal(mr_lane_commit(f, &e.digest, &adopted), MR_OK);
    free(s);
    free(sums);
    return e;
}

/** As a run of one rank does it. */
static mr_status write_result(const char *dir, const mr_lane_entry *e, size_t n,
                              const mr_digest *plan)
{
    mr_result *r = NULL;
    mr_status st = mr_result_begin(dir, e, n, &r);
    mr_digest sum;
    for (uint64_t i = 0; st == MR_OK && i < mr_result_pieces(r); i++)
        st = mr_result_merge(r, i, &sum);
    if (st == MR_OK) st = mr_result_sync(r);
    if (st == MR_OK) st = mr_result_seal(r, dir, plan);
    mr_result_free(r);
    return st;
}

/** Sixteen lanes at a time, then what is left, then these sums in order. */
static double tree(int k, uint64_t c)
{
    double total = 0;
    for (int a = 0; a < N_LANES; a += 16) {
        double part = value(a, k, c);
        for (int i = a + 1; i < MR_MIN(a + 16, N_LANES); i++) part += value(i, k, c);
        total = a ? total + part : part;
    }
    return total;
}

static void read_all(hid_t at, const char *name, hid_t type, void *v)
{
    hid_t d = H5Dopen2(at, name, H5P_DEFAULT);
    assert_true(d >= 0 && H5Dread(d, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Dclose(d);
}

static size_t fill(const char *dir, char rel[][64], mr_lane_entry *e)
{
    for (int i = 0; i < N_LANES; i++)
        for (int strip = 0; strip < 2; strip++) {
            const size_t k = (size_t)(2 * i + strip);
            snprintf(rel[k], 64, "lanes/2026-01-01/%02d_c%d.h5", i, strip);
            e[k] = put(dir, rel[k], i, (uint64_t)strip * NC, &axis, false);
        }
    return 2 * N_LANES;
}

static void means_are_those_of_the_tree(void **state)
{
    char dir[64], path[128], rel[2 * N_LANES][64];
    mr_lane_entry e[2 * N_LANES], back[2 * N_LANES];
    const mr_digest plan = mr_digest_of("plan", 4);
    (void)state;
    sample_folder(dir);
    const size_t n = fill(dir, rel, e);
    assert_int_equal(write_result(dir, e, n, &plan), MR_OK);
    snprintf(path, sizeof path, "%s/result.h5", dir);
    mr_trailer t;
    assert_int_equal(mr_trailer_read(path, true, &t), MR_OK);
    assert_string_equal(t.plan.hex, plan.hex);
    float y[N_FREQ][2 * NC];
    int64_t count[2 * NC];
    double x[2 * NC];
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    read_all(file, "psd", H5T_NATIVE_FLOAT, y);
    read_all(file, "count", H5T_NATIVE_INT64, count);
    read_all(file, "distance", H5T_NATIVE_DOUBLE, x);
    H5Fclose(file);
    /* 12 x (2 + 3 + 4) + 2 items in 37 lanes */
    for (uint64_t c = 0; c < 2 * NC; c++) {
        assert_int_equal(count[c], c == 2 ? 0 : 110);
        assert_true(x[c] == 4.0 * (double)c);
        for (int k = 0; k < N_FREQ; k++)
            if (c == 2)
                assert_true(isnan(y[k][c]));
            else
                assert_true(y[k][c] == (float)(tree(k, c) / 110));
    }
    /* the order in which lanes are listed does not matter */
    size_t n0 = 0, n1 = 0;
    unsigned char *first = sample_slurp(path, &n0), *second;
    for (size_t i = 0; i < n; i++) back[i] = e[n - 1 - i];
    assert_int_equal(write_result(dir, back, n, &plan), MR_OK);
    second = sample_slurp(path, &n1);
    assert_true(n0 == n1 && memcmp(first, second, n0) == 0);
    free(first);
    free(second);
    assert_int_equal(mr_master_remove(dir), MR_OK);
    assert_int_equal(access(path, F_OK), -1);
    sample_remove(dir);
}

static void pieces_are_merged_by_several(void **state)
{
    char dir[64], path[128], rel[8][64];
    mr_lane_entry e[8];
    const mr_digest plan = mr_digest_of("plan", 4);
    mr_result *first = NULL, *second = NULL;
    mr_text pack = {0};
    (void)state;
    sample_folder(dir);
    for (int k = 0; k < 6; k++) {
        snprintf(rel[k], 64, "lanes/2026-01-01/%02d_c%d.h5", k / 2, k % 2);
        e[k] = put(dir, rel[k], k / 2, (uint64_t)(k % 2) * NC, &fine, false);
    }
    for (int k = 6; k < 8;
         k++) { /* a second part: its array begins within a piece of the first's */
        snprintf(rel[k], 64, "lanes/2026-01-02/%02d.h5", k);
        e[k] = put(dir, rel[k], k - 6, 0, &fine, false);
        e[k].part = 1;
    }
    snprintf(path, sizeof path, "%s/result.h5", dir);
    assert_int_equal(write_result(dir, e, 8, &plan), MR_OK);
    size_t n0 = 0, n1 = 0;
    unsigned char *alone = sample_slurp(path, &n0);
    assert_int_equal(mr_result_begin(dir, e, 8, &first), MR_OK);
    assert_int_equal(mr_result_pack(first, &pack), MR_OK);
    assert_int_equal(mr_result_join(dir, e, 8, pack.s, pack.len - 1, &second), MR_EBUG);
    assert_int_equal(mr_result_join(dir, e, 8, pack.s, pack.len, &second), MR_OK);
    const uint64_t n = mr_result_pieces(first);
    assert_true(n >= 4 && n == mr_result_pieces(second)); /* 2.4 and 1.2 MB */
    mr_digest sum;
    for (uint64_t i = n; i-- > 0;)
        assert_int_equal(mr_result_merge(i % 2 ? second : first, i, &sum), MR_OK);
    assert_int_equal(mr_result_sync(second), MR_OK);
    mr_result_free(second); /* has begun nothing: removes nothing */
    assert_int_equal(mr_result_sync(first), MR_OK);
    assert_int_equal(mr_result_seal(first, dir, &plan), MR_OK);
    mr_result_free(first);
    unsigned char *shared = sample_slurp(path, &n1);
    assert_true(n0 == n1 && memcmp(alone, shared, n0) == 0);
    float *y = calloc(N_FINE, 2 * NC * sizeof *y), *z = calloc(N_FINE, NC * sizeof *z);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    read_all(file, "psd", H5T_NATIVE_FLOAT, y);
    read_all(file, "part2/psd", H5T_NATIVE_FLOAT, z);
    H5Fclose(file);
    for (int k = 0; k < N_FINE; k++)
        for (uint64_t c = 0; c < 2 * NC; c++)
            if (c != 2) {
                const double all = value(0, k, c) + value(1, k, c) + value(2, k, c);
                assert_true(y[(size_t)k * 2 * NC + c] == (float)(all / 9)); /* 2 + 3 + 4 items */
            }
    for (int k = 0; k < N_FINE; k++)
        for (uint64_t c = 0; c < NC; c++)
            if (c != 2)
                assert_true(z[(size_t)k * NC + c] ==
                            (float)((value(0, k, c) + value(1, k, c)) / 5));
    free(y);
    free(z);
    free(alone);
    free(shared);
    mr_text_fini(&pack);
    sample_remove(dir);
}

/* Flip a byte of a file. */
static void flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    assert_true(f && fseek(f, at, SEEK_SET) == 0);
    const int c = fgetc(f);
    assert_true(fseek(f, at, SEEK_SET) == 0 && fputc(c ^ 1, f) != EOF && fclose(f) == 0);
}

/* One that is killed after any number of pieces leaves them; the next merges the others alone. A
 * piece that is not on disk as it was written down is merged again; so are all of other lanes. */
static void merging_goes_on_where_it_ended(void **state)
{
    char dir[64], path[128], part[160], rel[6][64];
    mr_lane_entry e[6];
    const mr_digest plan = mr_digest_of("plan", 4);
    mr_digest sum;
    mr_result *r = NULL;
    (void)state;
    sample_folder(dir);
    for (int k = 0; k < 6; k++) {
        snprintf(rel[k], 64, "lanes/2026-01-01/%02d_c%d.h5", k / 2, k % 2);
        e[k] = put(dir, rel[k], k / 2, (uint64_t)(k % 2) * NC, &fine, false);
    }
    snprintf(path, sizeof path, "%s/result.h5", dir);
    snprintf(part, sizeof part, "%s.part", path);
    assert_int_equal(write_result(dir, e, 6, &plan), MR_OK);
    size_t n0 = 0, n1 = 0;
    unsigned char *whole = sample_slurp(path, &n0);
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t d = H5Dopen2(file, "psd", H5P_DEFAULT);
    const long end = (long)(H5Dget_offset(d) + H5Dget_storage_size(d));
    H5Dclose(d);
    H5Fclose(file);
    uint64_t n = 3, all = 0;
    for (uint64_t k = 0; k < MR_MIN(n, 6); k++) { /* keep: as a dead run leaves it */
        assert_int_equal(mr_master_remove(dir), MR_OK);
        for (int round = 0; round < 2; round++) { /* twice: it is killed again at once */
            assert_int_equal(mr_result_begin(dir, e, 6, &r), MR_OK);
            n = mr_result_pieces(r);
            for (uint64_t i = 0; i < k; i++) {
                assert_int_equal(mr_result_merge(r, n - 1 - i, &sum), MR_OK);
                assert_int_equal(sum.hex[0] != 0, round == 0);
                assert_int_equal(mr_result_note(r, dir, 3, n - 1 - i, &sum), MR_OK);
            }
            mr_result_keep(r);
            mr_result_free(r);
        }
        if (k) flip(part, end - 100); /* in the last piece */
        assert_int_equal(mr_result_begin(dir, e, 6, &r), MR_OK);
        uint64_t merged = 0;
        for (uint64_t i = 0; i < n; i++) {
            assert_int_equal(mr_result_merge(r, i, &sum), MR_OK);
            merged += sum.hex[0] != 0;
        }
        if (k == 0) all = merged; /* some pieces hold no sums */
        assert_true(merged == (k ? all - k + 1 : all));
        assert_int_equal(mr_result_sync(r), MR_OK);
        assert_int_equal(mr_result_seal(r, dir, &plan), MR_OK);
        mr_result_free(r);
        unsigned char *again = sample_slurp(path, &n1);
        assert_true(n0 == n1 && memcmp(whole, again, n0) == 0);
        free(again);
    }
    assert_true(n >= 4);
    assert_int_equal(mr_result_begin(dir, e, 6, &r), MR_OK);
    assert_int_equal(mr_result_merge(r, n - 1, &sum), MR_OK);
    assert_int_equal(mr_result_note(r, dir, 0, n - 1, &sum), MR_OK);
    mr_result_keep(r);
    mr_result_free(r);
    assert_int_equal(mr_result_begin(dir, e, 4, &r), MR_OK); /* a lane less */
    assert_int_equal(mr_result_merge(r, n - 1, &sum), MR_OK);
    assert_true(sum.hex[0]);
    mr_result_free(r);
    assert_int_equal(access(part, F_OK), -1);
    free(whole);
    sample_remove(dir);
}

static void lanes_that_hold_something_else_are_named(void **state)
{
    char dir[64];
    const mr_digest plan = mr_digest_of("plan", 4);
    (void)state;
    sample_folder(dir);
    mr_lane_entry e[2] = {put(dir, "lanes/a.h5", 0, 0, &axis, false),
                          put(dir, "lanes/b.h5", 1, 0, &axis, true)};
    assert_int_equal(write_result(dir, e, 2, &plan), MR_EOUTPUT);
    assert_non_null(strstr(mr_error(), "b.h5"));
    char path[128];
    snprintf(path, sizeof path, "%s/result.h5.part", dir);
    assert_int_equal(access(path, F_OK), -1);
    sample_remove(dir);
}

static void shapes_are_counted(void **state)
{
    (void)state;
    const mr_axis two[] = {axis, {.n = 4}};
    const mr_row_shape none = {0},
                       one = {.n_axes = 1, .axis = two, .kind = MR_ROWS, .count_axes = 1},
                       both = {.n_axes = 2, .axis = two, .kind = MR_SUMS, .count_axes = 2};
    assert_int_equal(mr_shape_depth(&none), 1);
    assert_int_equal(mr_shape_counts(&none), 0);
    assert_int_equal(mr_shape_bytes(&none, 10), 40);
    assert_int_equal(mr_shape_bytes(&one, 10), 3 * 40);
    assert_int_equal(mr_shape_counts(&one), 1);
    assert_int_equal(mr_shape_bytes(&both, 10), 12 * 80);
    assert_int_equal(mr_shape_counts(&both), 3);
}

int main(void)
{
    for (int k = 0; k < N_FINE; k++) frequency[k] = 10.0 * k;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_those_of_the_tree),
        cmocka_unit_test(pieces_are_merged_by_several),
        cmocka_unit_test(merging_goes_on_where_it_ended),
        cmocka_unit_test(lanes_that_hold_something_else_are_named),
        cmocka_unit_test(shapes_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
