/* tests/unit/test_publish.c: a lane file gets its name without harm to what is there already. */
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>

#define REL "lanes/2026-01-01/20260101T000000.000000000Z_c00100-00140.h5"
#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */

typedef struct scene {
    char dir[64], path[256];
    lane_sample *s;
    mr_digest first; /* of the file that is there already */
} scene;

static void set_up(scene *c)
{
    bool adopted;
    c->s = lane_sample_new(sample_folder(c->dir), REL, T0);
    snprintf(c->path, sizeof c->path, "%s/%s", c->dir, REL);
    assert_int_equal(lane_sample_write(c->s, 100, &c->first, &adopted), MR_OK);
    assert_false(adopted);
}

static void no_part_is_left(const scene *c)
{
    char part[300];
    struct stat sb;
    snprintf(part, sizeof part, "%s.7.part", c->path);
    assert_int_not_equal(stat(part, &sb), 0);
}

static void tear_down(scene *c)
{
    sample_remove(c->dir);
    free(c->s);
}

static void an_equal_file_is_adopted(void **state)
{
    (void)state;
    scene c;
    struct stat a, b;
    mr_digest d;
    bool adopted = false;
    set_up(&c);
    assert_int_equal(stat(c.path, &a), 0);
    assert_int_equal(lane_sample_write(c.s, 250, &d, &adopted), MR_OK);
    assert_true(adopted);
    assert_string_equal(d.hex, c.first.hex);
    assert_int_equal(stat(c.path, &b), 0);
    assert_int_equal(a.st_ino, b.st_ino); /* the old file, untouched */
    no_part_is_left(&c);
    tear_down(&c);
}

static void a_damaged_file_is_replaced(void **state)
{
    (void)state;
    scene c;
    mr_digest d;
    mr_trailer t;
    bool adopted = true;
    set_up(&c);
    sample_flip(c.path, 9000, 4);
    mr_log_init(0, MR_QUIET); /* the replacement is announced */
    assert_int_equal(lane_sample_write(c.s, 100, &d, &adopted), MR_OK);
    assert_false(adopted);
    assert_int_equal(mr_trailer_read(c.path, true, &t), MR_OK);
    assert_string_equal(t.content.hex, c.first.hex);
    no_part_is_left(&c);
    tear_down(&c);
}

static void a_file_of_another_plan_stays(void **state)
{
    (void)state;
    scene c;
    mr_digest d;
    mr_trailer t;
    bool adopted;
    set_up(&c);
    c.s->spec.plan = mr_digest_of("another", 7);
    assert_int_equal(lane_sample_write(c.s, 100, &d, &adopted), MR_EOUTPUT);
    assert_non_null(strstr(mr_error(), REL));
    assert_int_equal(mr_trailer_read(c.path, true, &t), MR_OK);
    assert_string_equal(t.content.hex, c.first.hex);
    no_part_is_left(&c);
    tear_down(&c);
}

static void changed_inputs_replace_the_lane(void **state)
{
    (void)state;
    scene c;
    mr_digest d;
    mr_trailer t;
    bool adopted = true;
    set_up(&c);
    mr_log_init(0, MR_QUIET);
    c.s->spec.lane = mr_digest_of("other inputs", 12);
    c.s->data[5] += 1;
    assert_int_equal(lane_sample_write(c.s, 100, &d, &adopted), MR_OK);
    assert_false(adopted);
    assert_int_equal(mr_trailer_read(c.path, true, &t), MR_OK);
    assert_string_equal(t.lane.hex, c.s->spec.lane.hex);
    tear_down(&c);
}

static void other_bytes_of_the_same_lane_are_an_error(void **state)
{
    (void)state;
    scene c;
    mr_digest d;
    mr_trailer t;
    bool adopted;
    set_up(&c);
    c.s->data[5] += 1; /* same plan, same inputs, other result: somebody is wrong */
    assert_int_equal(lane_sample_write(c.s, 100, &d, &adopted), MR_EOUTPUT);
    assert_int_equal(mr_trailer_read(c.path, true, &t), MR_OK);
    assert_string_equal(t.content.hex, c.first.hex);
    no_part_is_left(&c);
    tear_down(&c);
}

static void a_folder_in_the_way_is_an_error(void **state)
{
    (void)state;
    scene c = {.s = NULL};
    mr_digest d;
    bool adopted;
    c.s = lane_sample_new(sample_folder(c.dir), REL, T0);
    snprintf(c.path, sizeof c.path, "%s/%s", c.dir, REL);
    assert_int_equal(mr_mkdirs(c.path), MR_OK);
    assert_int_equal(lane_sample_write(c.s, 100, &d, &adopted), MR_EOUTPUT);
    no_part_is_left(&c);
    tear_down(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_equal_file_is_adopted),
        cmocka_unit_test(a_damaged_file_is_replaced),
        cmocka_unit_test(a_file_of_another_plan_stays),
        cmocka_unit_test(changed_inputs_replace_the_lane),
        cmocka_unit_test(other_bytes_of_the_same_lane_are_an_error),
        cmocka_unit_test(a_folder_in_the_way_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
