/* Channels of a file by index, range, list and distance; the channel table. */
#include "plan/config/config.h"
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static mr_config *with(const char *key, const char *value)
{
    char text[512];
    mr_config *c = NULL;
    snprintf(text, sizeof text, "input: {files: a%s%s%s%s}\noutput: {folder: o}\n",
             *key ? ", " : "", key, *key ? ": " : "", value);
    if (mr_config_parse("x.yaml", text, NULL, 0, &c) != MR_OK) fail_msg("%s", mr_error());
    return c;
}

/* want: "n first last", the sum stands for the rest */
static void picks(const char *key, const char *value, uint64_t nc, double x0, double dx,
                  uint64_t n_want, uint64_t first, uint64_t last, uint64_t sum_want)
{
    mr_config *c = with(key, value);
    uint64_t *idx = NULL, n = 0, sum = 0;
    if (mr_config_channels(c, nc, x0, dx, &idx, &n) != MR_OK) fail_msg("%s: %s", value, mr_error());
    for (uint64_t i = 0; i < n; i++) {
        sum += idx[i];
        if (i) assert_true(idx[i] > idx[i - 1]);
    }
    if (n != n_want || idx[0] != first || idx[n - 1] != last || sum != sum_want)
        fail_msg("%s: %d channels %d..%d, sum %d", value, (int)n, (int)idx[0], (int)idx[n - 1],
                 (int)sum);
    free(idx);
    mr_config_free(c);
}

static void refuses(const char *key, const char *value, uint64_t nc, double dx, const char *message)
{
    mr_config *c = with(key, value);
    uint64_t *idx = NULL, n = 7;
    assert_int_equal(mr_config_channels(c, nc, 0, dx, &idx, &n), MR_ECONFIG);
    if (strncmp(mr_error(), message, strlen(message)) != 0) fail_msg("%s", mr_error());
    assert_null(idx);
    assert_int_equal(n, 7);
    mr_config_free(c);
}

static void channels_are_picked_by_index(MR_UNUSED void **state)
{
    picks("", "", 10, 0, 0, 10, 0, 9, 45);
    picks("channels", "100..900", 1000, 0, 0, 800, 100, 899, 399600); /* 800 * 499.5 */
    picks("channels", "0..10:3", 10, 0, 0, 4, 0, 9, 18);              /* 0 3 6 9 */
    picks("channels", "7", 10, 0, 0, 1, 7, 7, 7);
    picks("channels", "[9, 2..4, 3, 0..2]", 10, 0, 0, 5, 0, 9, 15); /* 0 1 2 3 9, once each */
    picks("channels", " 1 .. 3 ", 10, 0, 0, 2, 1, 2, 3);
    refuses("channels", "100..900", 400, 0, "x.yaml:1:29: input.channels: 100..900 is outside the");
    refuses("channels", "[1, 400]", 400, 0,
            "x.yaml:1:33: input.channels: 400 is outside the file's "
            "channels 0..400");
    mr_config *c = with("", "");
    uint64_t *idx = NULL, n = 0;
    assert_int_equal(mr_config_channels(c, 0, 0, 1, &idx, &n), MR_EINPUT);
    mr_config_free(c);
}

static void channels_are_picked_by_distance(MR_UNUSED void **state)
{
    /* 10 m apart from 0: [100, 200) m holds channels 10..19 */
    picks("distance", "100..200 m", 50, 0, 10, 10, 10, 19, 145);
    /* 0.1 m apart: 1200 m = channel 12000 although 12000 * 0.1 is not 1200 in binary */
    picks("distance", "1.2..1.3 km", 20000, 0, 0.1, 1000, 12000, 12999, 12499500);
    picks("distance", "-5..15 m", 10, -20, 10, 2, 2, 3, 5);    /* at 0 and 10 */
    picks("distance", "10..30 m", 5, 40, -10, 2, 2, 3, 5);     /* runs back: at 20 and 10 */
    picks("distance", "0..500 m", 50, 0, 10, 50, 0, 49, 1225); /* up to the end */
    refuses("distance", "100..600 m", 50, 10,
            "x.yaml:1:29: input.distance: 100..600 m is outside the");
    refuses("distance", "1..2 m", 50, 10,
            "x.yaml:1:29: input.distance: no channel lies in 1..2 m; they "
            "are 10 m apart");
    refuses("distance", "1..2 m", 50, 0, "x.yaml:1:29: input.distance: the file does not say");
    refuses("distance", "1..2 m", 50, NAN, "x.yaml:1:29: input.distance: the file does not say");
}

/* --- channel table --------------------------------------------------------------------------- */

static mr_status load(const char *text, mr_chantable *t, char *path)
{
    strcpy(path, "/tmp/mr_table_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    mr_status st = mr_chantable_load(path, t);
    unlink(path);
    return st;
}

static void a_table_is_read_by_its_header(MR_UNUSED void **state)
{
    char path[32];
    mr_chantable t = {0};
    assert_int_equal(load("\xef\xbb\xbf# made by hand\r\nLatitude, channel,name,distance\r\n"
                          "45.5,2,a,20.5\r\n\r\n,0,\"b\",0\r\n46,1,c,nan\r\n",
                          &t, path),
                     MR_OK);
    assert_int_equal(t.n, 3);
    for (int i = 0; i < 3; i++) assert_int_equal(t.channel[i], i); /* sorted */
    assert_true(isnan(t.latitude[0]) && t.latitude[1] == 46 && t.latitude[2] == 45.5);
    assert_true(t.distance[0] == 0 && isnan(t.distance[1]) && t.distance[2] == 20.5);
    assert_true(isnan(t.longitude[1]) && isnan(t.elevation[2]));
    mr_chantable_fini(&t);
    assert_null(t.channel);
}

static void bad_tables_are_refused_with_their_place(MR_UNUSED void **state)
{
    static const struct {
        const char *text, *message;
    } all[] = {
        {"distance\n1\n", ":1:1: the first line must name the columns"},
        {"channel,lattitude\n", ":1:9: column 'lattitude' is not known; did you mean latitude?"},
        {"channel,distance,distance\n", ":1:18: column 'distance' stands here twice"},
        {"channel,latitude\n0,91\n", ":2:3: latitude: 91 is outside -90..90 degrees"},
        {"channel,latitude\n0,north\n", ":2:3: latitude: 'north' is not a number"},
        {"channel,latitude\n-1,0\n", ":2:1: channel: '-1' is not a whole number"},
        {"channel,latitude\n0\n", ":2:1: 1 fields where the first line names 2"},
        {"channel\n0,1\n", ":2:3: more fields than the 1 columns"},
        {"channel\n1\n1\n", ": channel 1 stands there twice"},
        {"channel\n", ": the table holds no channels"},
        {"", ": the table holds no channels"},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char path[32], want[256];
        mr_chantable t = {0};
        assert_int_equal(load(all[i].text, &t, path), MR_ECONFIG);
        snprintf(want, sizeof want, "%s%s", path, all[i].message);
        if (strncmp(mr_error(), want, strlen(want)) != 0) fail_msg("%s, not %s", mr_error(), want);
        assert_null(t.channel);
    }
    mr_chantable t = {0};
    assert_int_equal(mr_chantable_load("/no/such/table.csv", &t), MR_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(channels_are_picked_by_index),
        cmocka_unit_test(channels_are_picked_by_distance),
        cmocka_unit_test(a_table_is_read_by_its_header),
        cmocka_unit_test(bad_tables_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
