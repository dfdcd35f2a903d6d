/* tests/unit/test_product.c: products read back: what they are, means of sums, and what is none. */
#include "out/product/product.h"
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "out/out.h"

#define REL "lanes/2026-01-01/20260101T000000.000000000Z_c00000-00005.h5"
#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
enum { N_FREQ = 3, NC = 5, ROWS = 2 };
static const double frequency[N_FREQ] = {0, 10, 20};
static const mr_axis axis = {
    .name = "crest", .unit = "Hz", .doc = "a new axis", .n = N_FREQ, .v = frequency, .log = true};

/** Two rows: value 100 row + 10 k + c, or float64 sums of 4; channel 2 has no counts. */
static void put(const char *dir, char *path, size_t size, mr_product_kind kind, bool f64)
{
    mr_lane_file *f = NULL;
    mr_digest d;
    bool adopted;
    float v[ROWS * N_FREQ * NC];
    double s64[ROWS * N_FREQ * NC];
    int32_t counts[ROWS * NC];
    lane_sample *s = lane_sample_new(dir, REL, T0);
    s->spec.rows = ROWS;
    s->spec.nc = NC;
    s->spec.latitude = NULL;
    s->spec.rate_hz = 0.1;
    s->spec.quantity = "psd";
    s->spec.unit = "strain2 Hz-1";
    s->spec.shape = (mr_row_shape){
        .n_axes = 1, .axis = &axis, .kind = kind, .count_axes = 1, .f64 = f64, .power = true};
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < N_FREQ; k++)
            for (int c = 0; c < NC; c++) {
                const int i = (r * N_FREQ + k) * NC + c;
                v[i] = (float)(100 * r + 10 * k + c);
                s64[i] = (kind == MR_SUMS ? 4.0 : 1.0) * v[i];
            }
    for (int i = 0; i < ROWS * NC; i++) counts[i] = i % NC == 2 ? 0 : 4;
    assert_int_equal(mr_lane_create(&s->spec, &f), MR_OK);
    assert_int_equal(
        mr_lane_append(f, mr_shape_cell(&s->spec.shape) == 8 ? (void *)s64 : (void *)v, ROWS),
        MR_OK);
    assert_int_equal(mr_lane_counts(f, counts, 0, ROWS), MR_OK);
    assert_int_equal(mr_lane_commit(f, &d, &adopted), MR_OK);
    snprintf(path, size, "%s/" REL, dir);
    free(s);
}

static void rows_and_axes_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        const bool sums = i == 2; /* rows as float32, as float64, and sums */
        char dir[64], path[256];
        double v[N_FREQ * NC];
        mr_product *p = NULL;
        put(sample_folder(dir), path, sizeof path, sums ? MR_SUMS : MR_ROWS, i == 1);
        assert_true(mr_is_output(path));
        assert_int_equal(mr_product_open(path, &p), MR_OK);
        assert_string_equal(p->quantity, "psd");
        assert_string_equal(p->unit, "strain2 Hz-1");
        assert_int_equal(p->rows, ROWS);
        assert_int_equal(p->nc, NC);
        assert_int_equal(p->depth, N_FREQ);
        assert_int_equal(p->n_axes, 1);
        assert_string_equal(p->axis[0].name, "crest"); /* a name that nothing else knows */
        assert_string_equal(p->axis[0].unit, "Hz");
        assert_true(p->axis[0].log && !p->axis[0].choice && p->power);
        assert_int_equal(p->kind, sums ? MR_SUMS : MR_ROWS);
        assert_true(p->axis[0].v[2] == 20 && p->row_s == 10);
        assert_true(p->time_ns[0] == T0 && p->distance_m[1] == 404); /* 4 m apart from 400 m */
        assert_int_equal(mr_product_read(p, 1, v), MR_OK);
        assert_true(v[2 * NC + 3] == 123);
        assert_true(sums ? isnan(v[2]) : v[2] == 102); /* nothing went in there */
        mr_product_close(p);
        sample_remove(dir);
    }
}

static void samples_are_no_product(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_digest d;
    bool adopted;
    mr_product *p = NULL;
    lane_sample *s = lane_sample_new(sample_folder(dir), REL, T0);
    assert_int_equal(lane_sample_write(s, 100, &d, &adopted), MR_OK);
    snprintf(path, sizeof path, "%s/" REL, dir);
    assert_int_equal(mr_product_open(path, &p), MR_EINPUT);
    sample_remove(dir);
    free(s);
}

static void damage_and_strangers_are_said(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_product *p = NULL;
    put(sample_folder(dir), path, sizeof path, MR_ROWS, false);
    sample_flip(path, 3000, 1);
    assert_int_equal(mr_product_open(path, &p), MR_EVERIFY);
    assert_int_equal(mr_write_durably(path, "text", 4), MR_OK);
    assert_false(mr_is_output(path));
    assert_int_equal(mr_product_open(path, &p), MR_EVERIFY);
    assert_null(p);
    sample_remove(dir);
}

/* A text that is there and is none, in a file whose checksum is right: not as if it were absent. */
static void an_attribute_that_cannot_be_read_is_not_absent(void **state)
{
    (void)state;
    static const char *const of_root[] = {"title", "product"}, *const of_array[] = {"units",
                                                                                    "scale"};
    for (int i = 0; i < 4; i++) {
        const char *name = i < 2 ? of_root[i] : of_array[i - 2];
        const mr_digest plan = mr_digest_of("plan", 4), id = mr_digest_of("lane", 4);
        char dir[64], path[256], part[300];
        mr_product *p = NULL;
        struct stat sb;
        const int value = 3;
        sample_folder(dir);
        put(dir, path, sizeof path, MR_ROWS, false);
        snprintf(part, sizeof part, "%s.part", path);
        assert_int_equal(rename(path, part), 0);
        assert_int_equal(stat(part, &sb), 0);
        assert_int_equal(truncate(part, sb.st_size - 64), 0); /* its trailer */
        hid_t f = H5Fopen(part, H5F_ACC_RDWR, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
        hid_t at = i < 2 ? f : H5Dopen2(f, "psd", H5P_DEFAULT);
        assert_true(f >= 0 && at >= 0 && H5Adelete(at, name) >= 0);
        hid_t a = H5Acreate2(at, name, H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Awrite(a, H5T_NATIVE_INT, &value) >= 0);
        H5Aclose(a);
        H5Sclose(space);
        if (at != f) H5Dclose(at);
        H5Fclose(f);
        assert_int_equal(mr_seal(part, path, &plan, &id), MR_OK);
        assert_int_equal(mr_product_open(path, &p), MR_EVERIFY);
        assert_non_null(strstr(mr_error(), name));
        mr_error_clear();
        sample_remove(dir);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_and_axes_come_back),
        cmocka_unit_test(samples_are_no_product),
        cmocka_unit_test(damage_and_strangers_are_said),
        cmocka_unit_test(an_attribute_that_cannot_be_read_is_not_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
