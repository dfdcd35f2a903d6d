/* Facts of files as short texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "cli/inspect/show.h"

static void times_lose_needless_zeros(void **state)
{
    (void)state;
    char b[40];
    const int64_t t = 1767225600000000000; /* 2026-01-01T00:00:00Z: 20454 days of 86400 s */
    assert_string_equal(mr_show_time(t, b), "2026-01-01T00:00:00Z");
    assert_string_equal(mr_show_time(t + 500000000, b), "2026-01-01T00:00:00.5Z");
    assert_string_equal(mr_show_time(t + 10, b), "2026-01-01T00:00:00.00000001Z");
    assert_string_equal(mr_show_time(t + 60000000000, b), "2026-01-01T00:01:00Z");
}

static void lengths_are_in_units_of_their_size(void **state)
{
    (void)state;
    char b[40];
    assert_string_equal(mr_show_length(0.2, b), "0.2 s");
    assert_string_equal(mr_show_length(60, b), "60 s");
    assert_string_equal(mr_show_length(5400, b), "1 h 30 min");
    assert_string_equal(mr_show_length(86400 + 3600, b), "1 d 1 h");
}

static void storage_is_said_as_stored(void **state)
{
    (void)state;
    char b[MR_SHOW];
    mr_store s = {.time_first = 1};
    assert_string_equal(mr_show_storage(&s, b), "contiguous");
    s = (mr_store){.storage = MR_ST_CHUNKED,
                   .chunk_t = 512,
                   .chunk_c = 43,
                   .n_filters = 2,
                   .filters = {MR_FI_SHUFFLE, MR_FI_DEFLATE}};
    assert_string_equal(mr_show_storage(&s, b), "chunks of 43 x 512, shuffle deflate");
    assert_string_equal(mr_show_axes(&s), "[channel][time]");
    s.time_first = 1;
    assert_string_equal(mr_show_storage(&s, b), "chunks of 512 x 43, shuffle deflate");
    assert_string_equal(mr_show_axes(&s), "[time][channel]");
}

static void units_say_what_a_count_is(void **state)
{
    (void)state;
    char b[MR_SHOW];
    mr_file_info f = {.quantity = "counts", .unit = "counts"};
    assert_string_equal(mr_show_unit(&f, b), "counts");
    f = (mr_file_info){.quantity = "strain_rate",
                       .unit = "counts",
                       .to_native = 0.5,
                       .native_quantity = "strain_rate",
                       .native_unit = "strain s-1"};
    assert_string_equal(mr_show_unit(&f, b),
                        "strain_rate in counts, x 0.5 = strain_rate in strain s-1");
    assert_string_equal(mr_show_unit_stored(&f, b), "strain_rate in counts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_lose_needless_zeros),
        cmocka_unit_test(lengths_are_in_units_of_their_size),
        cmocka_unit_test(storage_is_said_as_stored),
        cmocka_unit_test(units_say_what_a_count_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
