/* tests/unit/test_trailer.c: what the last 64 bytes say, and each way in which they can be wrong.
 */
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>

static void digest_is_xxh3_128(void **state)
{
    (void)state;
    /* XXH3-128 of nothing with seed 0, from the reference implementation (xxhsum -H2 < /dev/null)
     */
    assert_string_equal(mr_digest_of("", 0).hex, "99aa06d3014798d86001c324468d497f");
}

/** A sealed file of 1,000 bytes in a new folder; path in buf. */
static void sealed(char *dir, char *path)
{
    char part[256];
    unsigned char bytes[1000];
    mr_digest plan = mr_digest_of("p", 1), id = mr_digest_of("l", 1);
    sample_folder(dir);
    snprintf(path, 256, "%s/f", dir);
    snprintf(part, sizeof part, "%s/f.x", dir);
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(i * 7);
    assert_int_equal(mr_write_durably(part, bytes, sizeof bytes), MR_OK);
    assert_int_equal(mr_seal(part, path, &plan, &id), MR_OK);
}

static void a_sealed_file_says_whose_it_is(void **state)
{
    (void)state;
    char dir[64], path[256], part[256];
    struct stat sb;
    mr_trailer t;
    size_t n = 0;
    sealed(dir, path);
    assert_int_equal(mr_trailer_read(path, true, &t), MR_OK);
    assert_int_equal(t.length, 1000);
    assert_string_equal(t.plan.hex, mr_digest_of("p", 1).hex);
    assert_string_equal(t.lane.hex, mr_digest_of("l", 1).hex);
    unsigned char *b = sample_slurp(path, &n);
    assert_int_equal(n, 1000 + MR_TRAILER_BYTES);
    assert_string_equal(t.content.hex, mr_digest_of(b, n - 16).hex);
    free(b);
    snprintf(part, sizeof part, "%s/f.x", dir);
    assert_int_not_equal(stat(part, &sb), 0);
    sample_remove(dir);
}

static void any_flipped_bit_fails_the_deep_reading(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_trailer t;
    sealed(dir, path);
    for (size_t at = 950; at < 1064; at++) { /* the end of the content and all of the trailer */
        sample_flip(path, at, (unsigned char)(1u << at % 8));
        assert_int_equal(mr_trailer_read(path, true, &t), MR_EVERIFY);
        sample_flip(path, at, (unsigned char)(1u << at % 8));
    }
    assert_int_equal(mr_trailer_read(path, true, &t), MR_OK);
    sample_remove(dir);
}

static void the_quick_reading_finds_what_is_absent_or_cut(void **state)
{
    (void)state;
    char dir[64], path[256];
    mr_trailer t;
    size_t n = 0;
    sealed(dir, path);
    unsigned char *b = sample_slurp(path, &n);
    const size_t cuts[] = {0, 63, 64, n - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        assert_int_equal(mr_write_durably(path, b, cuts[i]), MR_OK);
        assert_int_equal(mr_trailer_read(path, false, &t), MR_EVERIFY);
    }
    /* the trailer is whole but a byte before it is missing: the length tells */
    assert_int_equal(mr_write_durably(path, b + 1, n - 1), MR_OK);
    assert_int_equal(mr_trailer_read(path, false, &t), MR_EVERIFY);
    assert_non_null(strstr(mr_error(), "999"));
    free(b);
    assert_int_equal(mr_trailer_read(dir, false, &t), MR_EVERIFY); /* a folder */
    strcat(path, "-none");
    assert_int_equal(mr_trailer_read(path, false, &t), MR_EVERIFY);
    sample_remove(dir);
}

static void a_durable_write_replaces_in_one_step(void **state)
{
    (void)state;
    char dir[64], path[256], part[300];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/a", sample_folder(dir));
    snprintf(part, sizeof part, "%s.part", path);
    fclose(fopen(part, "w")); /* left over from a killed attempt */
    assert_int_equal(mr_write_durably(path, "one", 3), MR_OK);
    assert_int_equal(mr_write_durably(path, "other", 5), MR_OK);
    unsigned char *b = sample_slurp(path, &n);
    assert_int_equal(n, 5);
    assert_memory_equal(b, "other", 5);
    free(b);
    assert_null(sample_slurp(part, &n));
    snprintf(path, sizeof path, "%s/none/a", dir);
    assert_int_equal(mr_write_durably(path, "x", 1), MR_EOUTPUT);
    assert_non_null(strstr(mr_error(), "none/a"));
    sample_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_is_xxh3_128),
        cmocka_unit_test(a_sealed_file_says_whose_it_is),
        cmocka_unit_test(any_flipped_bit_fails_the_deep_reading),
        cmocka_unit_test(the_quick_reading_finds_what_is_absent_or_cut),
        cmocka_unit_test(a_durable_write_replaces_in_one_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
