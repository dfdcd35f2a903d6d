/* Pictures: cells keep extremes, scales are robust, the file is a PNG of the right size. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/canvas.h"
#include "report/picture.h"

static mr_cells ramp(uint64_t nc, size_t nt) /* value = channel + 0.001 sample, 100 Hz */
{
    mr_cells c = {0};
    assert_int_equal(mr_cells_init(&c, 0, (int64_t)nt * 10000000, 1e7, nc, 5, 2), MR_OK);
    double *d = malloc(nt * nc * sizeof *d);
    assert_non_null(d);
    for (size_t t = 0; t < nt; t++)
        for (size_t ch = 0; ch < nc; ch++) d[t * nc + ch] = (double)ch + 0.001 * (double)t;
    mr_view v = {.d = d, .nt = nt, .nc = nc, .stride = nc};
    mr_cells_add(&c, 0, 1e7, 0, &v);
    free(d);
    return c;
}

static void few_samples_have_a_cell_each(void **state)
{
    (void)state;
    mr_cells c = ramp(3, 7);
    assert_int_equal(c.nx, 7);
    assert_int_equal(c.ny, 3);
    for (size_t y = 0; y < 3; y++)
        for (size_t x = 0; x < 7; x++)
            assert_true(fabs(mr_cells_at(&c, x, y, 0) - ((double)y + 0.001 * (double)x)) < 1e-6);
    mr_cells_fini(&c);
}

static void many_samples_leave_their_extreme(void **state)
{
    (void)state; /* 12000 samples on 1200 cells: ten each; 1000 channels on 500: two each */
    mr_cells c = ramp(1000, 12000);
    assert_int_equal(c.nx, 1200);
    assert_int_equal(c.ny, 500);
    assert_true(fabs(c.lo[0] - 0.0) < 1e-6);
    assert_true(fabs(c.hi[0] - (1 + 0.009)) < 1e-6);
    assert_true(fabs(mr_cells_at(&c, 0, 0, 0) - 1.009) < 1e-6); /* farther from 0 */
    assert_true(fabs(mr_cells_at(&c, 0, 0, 2) - 0.0) < 1e-6);   /* farther from 2 */
    assert_true(fabs(c.hi[499 * 1200 + 1199] - (999 + 11.999)) < 1e-2);
    mr_cells_fini(&c);
}

static void what_lies_outside_is_left_out(void **state)
{
    (void)state;
    mr_cells c = {0};
    assert_int_equal(mr_cells_init(&c, 0, 40000000, 1e7, 2, 0, 1), MR_OK);
    double d[] = {1, 2, NAN, 4};
    mr_view v = {.d = d, .nt = 2, .nc = 2, .stride = 2};
    mr_cells_add(&c, -10000000, 1e7, 0, &v);      /* first row before the span */
    mr_cells_add(&c, 30000000, 1e7, 1, &v);       /* second row behind it, second channel beyond */
    assert_true(isnan(mr_cells_at(&c, 0, 0, 0))); /* NaN is no value */
    assert_true(mr_cells_at(&c, 0, 1, 0) == 4);
    assert_true(mr_cells_at(&c, 3, 1, 0) == 1);
    assert_true(isnan(mr_cells_at(&c, 3, 0, 0)));
    mr_cells_fini(&c);
}

static void scale_ignores_outliers(void **state)
{
    (void)state; /* 100 values -50..49 on one channel, one is 1e9: 98 % lie within 49 of 0 */
    mr_cells c = {0};
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    double d[100];
    for (int i = 0; i < 100; i++) d[i] = i - 50;
    d[50] = 1e9;
    mr_view v = {.d = d, .nt = 100, .nc = 1, .stride = 1};
    mr_cells_add(&c, 0, 1e7, 0, &v);
    float centre, half;
    assert_int_equal(mr_cells_scale(&c, 0.98, &centre, &half), MR_OK);
    assert_true(centre == 0 && half >= 48 && half <= 50);
    for (int i = 0; i < 100; i++) d[i] = 1000 + i % 10; /* all on one side: centred */
    mr_cells_fini(&c);
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    mr_cells_add(&c, 0, 1e7, 0, &v);
    assert_int_equal(mr_cells_scale(&c, 0.98, &centre, &half), MR_OK);
    assert_true(centre >= 1004 && centre <= 1005 && half <= 5);
    mr_cells_fini(&c);
}

static void other_axes_than_time_are_filled_by_columns(void **state)
{
    (void)state; /* decades from 1 to 100 are halves of the panel; 1000..: outside */
    mr_cells c = {0};
    const mr_along log = {.label = "frequency, Hz", .a = 1, .b = 100, .log = true};
    const double v[] = {3, 4};
    assert_true(fabs(mr_along_at(&log, 10) - 0.5) < 1e-12 && mr_along_at(&log, 0) < 0);
    assert_int_equal(mr_cells_init_along(&c, &log, 3, 0, 1), MR_OK);
    mr_cells_column(&c, 0, 10, 1, v, 2);
    mr_cells_column(&c, 1000, 2000, 0, v, 2);
    assert_true(mr_cells_at(&c, 0, 1, 0) == 3 && mr_cells_at(&c, MR_PICTURE_NX / 2 - 1, 2, 0) == 4);
    assert_true(isnan(mr_cells_at(&c, MR_PICTURE_NX / 2, 1, 0)));
    assert_true(isnan(mr_cells_at(&c, 0, 0, 0)));
    mr_cells_fini(&c);
    assert_int_equal(mr_cells_init_along(&c, &(mr_along){"lag, s", 1, 1, false}, 3, 0, 1),
                     MR_ECONFIG);
    assert_int_equal(mr_cells_init_along(&c, &(mr_along){"frequency, Hz", 0, 1, true}, 3, 0, 1),
                     MR_ECONFIG);
}

static void where_zero_is_no_middle_the_scale_is(void **state)
{
    (void)state; /* -60 .. 39 dB: 98 % lie in -59 .. 38, the middle is -10.5 */
    mr_cells c = {0};
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    double d[100];
    for (int i = 0; i < 100; i++) d[i] = i - 60;
    mr_view v = {.d = d, .nt = 100, .nc = 1, .stride = 1};
    mr_cells_add(&c, 0, 1e7, 0, &v);
    c.no_zero = true;
    float centre, half;
    assert_int_equal(mr_cells_scale(&c, 0.98, &centre, &half), MR_OK);
    assert_true(centre == -10.5f && half >= 48.5f && half <= 49.5f);
    mr_cells_fini(&c);
}

static void nothing_to_draw_is_refused(void **state)
{
    (void)state;
    mr_cells c = {0};
    assert_int_equal(mr_cells_init(&c, 5, 5, 1, 3, 0, 1), MR_ECONFIG);
    assert_int_equal(mr_cells_init(&c, 0, 5, 1, 0, 0, 1), MR_ECONFIG);
    assert_null(c.lo);
}

static void panels_and_png_have_their_size(void **state)
{
    (void)state;
    mr_cells a = ramp(300, 500), b = ramp(4, 20);
    mr_panel p[2] = {{&a, "first", "m"}, {&b, "second \xc3\xa9", NULL}};
    mr_image im = {0}, one = {0};
    assert_int_equal(mr_picture_draw(p, 2, "both", 0.98, &im), MR_OK);
    assert_int_equal(mr_picture_draw(p, 1, NULL, 0.98, &one), MR_OK);
    assert_true(im.w > 1200 && im.w == one.w);
    assert_true(one.h > 300 && im.h > one.h + 240); /* four channels still fill a panel */
#ifdef MR_PNG
    char path[] = "/tmp/mr_picture_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(mr_png_write(path, &im), MR_OK);
    unsigned char h[24];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(h, 1, sizeof h, f), sizeof h);
    fclose(f);
    unlink(path);
    assert_memory_equal(h, "\x89PNG\r\n\x1a\n", 8);
    assert_int_equal((size_t)h[16] << 24 | (size_t)h[17] << 16 | (size_t)h[18] << 8 | h[19], im.w);
    assert_int_equal((size_t)h[20] << 24 | (size_t)h[21] << 16 | (size_t)h[22] << 8 | h[23], im.h);
    assert_int_equal(mr_png_write("/nowhere/at/all.png", &im), MR_EOUTPUT);
#else
    assert_int_equal(mr_png_write("/tmp/never.png", &im), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "PNG=0"));
#endif
    mr_image_fini(&im);
    mr_image_fini(&one);
    mr_cells_fini(&a);
    mr_cells_fini(&b);
}

static void colours_run_from_blue_to_red(void **state)
{
    (void)state;
    mr_colour lo = mr_canvas_map(-5), mid = mr_canvas_map(0), hi = mr_canvas_map(1);
    assert_true(lo.b > lo.r && hi.r > hi.b && mid.r > 240 && mid.b > 240);
    mr_colour none = mr_canvas_map(NAN);
    assert_true(none.r == none.g && none.g == none.b);
}

static void text_is_drawn_within_its_width(void **state)
{
    (void)state;
    mr_image im = {0};
    assert_int_equal(mr_image_init(&im, 200, 40), MR_OK);
    double w = mr_canvas_text_width("Millrace 19", 12);
    assert_true(w > 60 && w < 130);
    mr_canvas_text(&im, 10, 25, 12, MR_LEFT, false, "Millrace 19", (mr_colour){0, 0, 0});
    size_t dark = 0, outside = 0;
    for (size_t y = 0; y < im.h; y++) {
        for (size_t x = 0; x < im.w; x++) {
            bool ink = im.rgb[3 * (y * im.w + x)] < 128;
            dark += ink;
            outside += ink && ((double)x < 8 || (double)x > 12 + w);
        }
    }
    assert_true(dark > 100);
    assert_int_equal(outside, 0);
    mr_image_fini(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_samples_have_a_cell_each),
        cmocka_unit_test(many_samples_leave_their_extreme),
        cmocka_unit_test(what_lies_outside_is_left_out),
        cmocka_unit_test(scale_ignores_outliers),
        cmocka_unit_test(other_axes_than_time_are_filled_by_columns),
        cmocka_unit_test(where_zero_is_no_middle_the_scale_is),
        cmocka_unit_test(nothing_to_draw_is_refused),
        cmocka_unit_test(panels_and_png_have_their_size),
        cmocka_unit_test(colours_run_from_blue_to_red),
        cmocka_unit_test(text_is_drawn_within_its_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
