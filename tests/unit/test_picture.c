/* Pictures: cells keep extremes, scales are robust, the file is a PNG of the right size. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/draw/canvas.h"
#include "report/draw/colours.h"
#include "report/draw/picture.h"

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
            assert_true(fabs(mr_cells_at(&c, x, y, true) - ((double)y + 0.001 * (double)x)) < 1e-6);
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
    assert_true(fabs(mr_cells_at(&c, 0, 0, true) - 1.009) < 1e-6); /* farther from 0 */
    assert_true(c.per_column == 10 && c.per_cell == 2);
    c.lo[0] = -2;
    assert_true(mr_cells_at(&c, 0, 0, true) == -2);
    assert_true(fabs(mr_cells_at(&c, 0, 0, false) - 1.009) < 1e-6); /* the higher */
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
    mr_cells_add(&c, -10000000, 1e7, 0, &v); /* first row before the span */
    mr_cells_add(&c, 30000000, 1e7, 1, &v);  /* second row behind it, second channel beyond */
    assert_true(isnan(mr_cells_at(&c, 0, 0, true))); /* NaN is no value */
    assert_true(mr_cells_at(&c, 0, 1, true) == 4);
    assert_true(mr_cells_at(&c, 3, 1, true) == 1);
    assert_true(isnan(mr_cells_at(&c, 3, 0, true)));
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
    mr_scale k;
    assert_int_equal(mr_cells_scale(&c, 0.98, &k), MR_OK);
    assert_true(k.diverging && k.lo == -k.hi && k.hi >= 48 && k.hi <= 50 && k.beyond);
    for (int i = 0; i < 100; i++) d[i] = 1000 + i % 10; /* all on one side, far from 0 */
    mr_cells_fini(&c);
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    mr_cells_add(&c, 0, 1e7, 0, &v);
    assert_int_equal(mr_cells_scale(&c, 0.98, &k), MR_OK);
    assert_true(!k.diverging && k.lo == 1000 && k.hi == 1009 && !k.below && !k.beyond);
    mr_cells_fini(&c);
}

static void values_of_one_sign_have_a_sequential_map(void **state)
{
    (void)state; /* 1..100: 98 % are 2..99 (the cut is a whole number of cells), and 0 is near */
    mr_cells c = {0};
    mr_scale k;
    double d[100];
    mr_view v = {.d = d, .nt = 100, .nc = 1, .stride = 1};
    for (int i = 0; i < 100; i++) d[i] = i + 1;
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    mr_cells_add(&c, 0, 1e7, 0, &v);
    assert_int_equal(mr_cells_scale(&c, 0.96, &k), MR_OK);
    assert_true(!k.diverging && k.lo == 0 && k.hi == 99 && k.beyond && !k.below);
    const mr_colour least = mr_scale_colour(&k, 0), most = mr_scale_colour(&k, 200);
    assert_true(least.r == 68 && least.b == 84 && most.r == 253 && most.g == 231);
    mr_cells_fini(&c);
    for (int i = 0; i < 100; i++) d[i] = -d[i];
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    mr_cells_add(&c, 0, 1e7, 0, &v);
    assert_int_equal(mr_cells_scale(&c, 0.96, &k), MR_OK);
    assert_true(!k.diverging && k.hi == 0 && k.lo == -99);
    mr_cells_fini(&c);
}

static void units_are_printed_as_on_paper(void **state)
{
    (void)state;
    static const char *const all[][2] = {{"nanostrain s-1", "nanostrain s\xe2\x81\xbb\xc2\xb9"},
                                         {"(m/s)2/Hz", "(m/s)\xc2\xb2/Hz"},
                                         {"m**2", "m\xc2\xb2"},
                                         {"um", "\xc2\xb5m"},
                                         {"strain_rate", "strain rate"},
                                         {"dB re 1", "dB re 1"},
                                         {"counts", "counts"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        mr_text t = {0};
        char ascii[64];
        assert_int_equal(mr_unit_pretty(all[i][0], &t), MR_OK);
        assert_string_equal(t.s, all[i][1]);
        mr_canvas_ascii(t.s, ascii, sizeof ascii);
        assert_null(strchr(ascii, '?')); /* the plain letters have all of it */
        mr_text_fini(&t);
    }
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
    assert_true(mr_cells_at(&c, 0, 1, true) == 3 &&
                mr_cells_at(&c, MR_PICTURE_NX / 2 - 1, 2, true) == 4);
    assert_true(isnan(mr_cells_at(&c, MR_PICTURE_NX / 2, 1, true)));
    assert_true(isnan(mr_cells_at(&c, 0, 0, true)));
    mr_cells_fini(&c);
    assert_int_equal(mr_cells_init_along(&c, &(mr_along){"lag, s", 1, 1, false}, 3, 0, 1),
                     MR_ECONFIG);
    assert_int_equal(mr_cells_init_along(&c, &(mr_along){"frequency, Hz", 0, 1, true}, 3, 0, 1),
                     MR_ECONFIG);
}

static void where_zero_is_no_middle_the_scale_is(void **state)
{
    (void)state; /* -60 .. 39 dB: 1 % of 99 steps at each end is less than one cell */
    mr_cells c = {0};
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 1, 0, 1), MR_OK);
    double d[100];
    for (int i = 0; i < 100; i++) d[i] = i - 60;
    mr_view v = {.d = d, .nt = 100, .nc = 1, .stride = 1};
    mr_cells_add(&c, 0, 1e7, 0, &v);
    c.no_zero = true;
    mr_scale k;
    assert_int_equal(mr_cells_scale(&c, 0.98, &k), MR_OK);
    assert_true(!k.diverging && k.lo == -60 && k.hi == 39);
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

static void panels_have_their_size_in_every_format(void **state)
{
    (void)state;
    static const char *const begin[] = {"\x89PNG\r\n\x1a\n", "<?xml", "%PDF-1"};
    mr_cells a = ramp(300, 500), b = ramp(4, 20);
    const mr_panel p[2] = {{.cells = &a, .title = "first", .unit = "m s-1"},
                           {.cells = &b, .title = "second \xc3\xa9"}};
    const mr_page page = {.share = 0.98, .title = "both"}, bare = {.share = 0.98};
    size_t w, h, w1, h1;
    for (int kind = MR_PEN_PNG; kind <= (mr_pen_has_cairo() ? MR_PEN_PDF : MR_PEN_PNG); kind++) {
        mr_text two = {0}, one = {0}, again = {0};
        assert_int_equal(mr_picture_draw(p, 2, &page, (mr_pen_kind)kind, &two, &w, &h), MR_OK);
        assert_int_equal(mr_picture_draw(p, 1, &bare, (mr_pen_kind)kind, &one, &w1, &h1), MR_OK);
        assert_int_equal(w, w1);
        assert_true(kind == MR_PEN_PNG ? w == 1428 : w == 536);       /* 1428 / 192 * 72 */
        assert_true(kind == MR_PEN_PNG ? h > h1 + 240 : h > h1 + 90); /* four channels fill one */
        assert_memory_equal(two.s, begin[kind], strlen(begin[kind]));
        setenv("SOURCE_DATE_EPOCH", "0", 1);
        mr_text_fini(&two);
        assert_int_equal(mr_picture_draw(p, 2, &page, (mr_pen_kind)kind, &two, &w, &h), MR_OK);
        assert_int_equal(mr_picture_draw(p, 2, &page, (mr_pen_kind)kind, &again, &w, &h), MR_OK);
        if (kind != MR_PEN_SVG) { /* cairo counts the surfaces of a process in an SVG's names */
            assert_int_equal(two.len, again.len);
            assert_memory_equal(two.s, again.s, two.len);
        }
        unsetenv("SOURCE_DATE_EPOCH");
        mr_text_fini(&two);
        mr_text_fini(&one);
        mr_text_fini(&again);
    }
    mr_cells_fini(&a);
    mr_cells_fini(&b);
}

static void a_page_has_the_size_asked_for(void **state)
{
    (void)state; /* 180 mm at 300 dpi are 2126 pixels, 100 mm 1181 */
    mr_page page = {.w_mm = 180, .h_mm = 100, .dpi = 300, .share = 0.98};
    mr_cells c = {0};
    size_t w, h;
    assert_int_equal(mr_page_cells(&page, 1, &c.most_x, &c.most_y), MR_OK);
    assert_int_equal(c.most_x, lrint((180 / 25.4 * 192 - 96 - 132) * 300 / 192));
    assert_int_equal(mr_cells_init(&c, 0, 1000000000, 1e7, 3, 0, 1), MR_OK);
    const mr_panel p = {.cells = &c, .title = "t", .unit = "m"};
    mr_text t = {0};
    assert_int_equal(mr_picture_draw(&p, 1, &page, MR_PEN_PNG, &t, &w, &h), MR_OK);
    assert_true(w == 2126 && h == 1181);
    page.h_mm = 10;
    assert_int_equal(mr_page_cells(&page, 1, &w, &h), MR_ECONFIG);
    mr_text_fini(&t);
    mr_cells_fini(&c);
}

static void names_say_the_format(void **state)
{
    (void)state;
    mr_pen_kind k;
    assert_int_equal(mr_pen_kind_of("a.b/x.PNG", &k), MR_OK);
    assert_int_equal(k, MR_PEN_PNG);
    assert_int_equal(mr_pen_kind_of("x.jpg", &k), MR_ECONFIG);
    assert_int_equal(mr_pen_kind_of("png", &k), MR_ECONFIG);
    assert_int_equal(mr_pen_kind_of("x.pdf", &k), mr_pen_has_cairo() ? MR_OK : MR_ECONFIG);
}

static void only_pictures_are_replaced(void **state)
{
    (void)state;
    char dir[] = "/tmp/mr_picture_XXXXXX", path[64], link_name[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/x.png", dir);
    snprintf(link_name, sizeof link_name, "%s/y.png", dir);
    mr_text t = {0};
    assert_int_equal(mr_text_add_bytes(&t, "\x89PNG rest", 9), MR_OK);
    assert_int_equal(mr_picture_write(path, &t), MR_OK);
    assert_int_equal(mr_picture_write(path, &t), MR_OK); /* again */
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_true(fputs("a recording", f) >= 0);
    fclose(f);
    assert_int_equal(mr_picture_write(path, &t), MR_ECONFIG);
    assert_int_equal(symlink(path, link_name), 0);
    assert_int_equal(mr_picture_write(link_name, &t), MR_ECONFIG);
    unlink(link_name);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mr_picture_write(path, &t), MR_ECONFIG);
    unlink(path);
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(mr_picture_write("/nowhere/at/all.png", &t), MR_EOUTPUT);
    mr_text_fini(&t);
}

static void colours_run_from_blue_to_red(void **state)
{
    (void)state;
    mr_colour lo = mr_colour_diverging(-5), mid = mr_colour_diverging(0),
              hi = mr_colour_diverging(1);
    assert_true(lo.b > lo.r && hi.r > hi.b && mid.r > 240 && mid.b > 240);
    for (int i = 0; i < 2; i++) {
        mr_colour none = i ? mr_colour_diverging(NAN) : mr_colour_sequential(NAN);
        assert_true(none.r == 208 && none.g == 208 && none.b == 208);
    }
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
        cmocka_unit_test(values_of_one_sign_have_a_sequential_map),
        cmocka_unit_test(units_are_printed_as_on_paper),
        cmocka_unit_test(panels_have_their_size_in_every_format),
        cmocka_unit_test(a_page_has_the_size_asked_for),
        cmocka_unit_test(names_say_the_format),
        cmocka_unit_test(only_pictures_are_replaced),
        cmocka_unit_test(colours_run_from_blue_to_red),
        cmocka_unit_test(text_is_drawn_within_its_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
