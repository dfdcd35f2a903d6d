/* test_info.c: what a worker says is checked before it is believed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "in/probe.h"
#include <math.h>
#include <string.h>

/** A sound answer: 100 x 8 float32 in chunks of 10 x 8 in a file of 10,000 bytes. */
static mr_file_info sound(void)
{
    mr_file_info i = {.state = MR_OK,
                      .size = 10000,
                      .nt = 100,
                      .nc = 8,
                      .rate_hz = 100,
                      .t0_ns = 1000,
                      .t1_ns = 990001000};
    i.store = (mr_store){.dtype = {MR_DT_FLOAT, 4, 0, 0},
                         .storage = MR_ST_CHUNKED,
                         .time_first = 1,
                         .nt = 100,
                         .nc = 8,
                         .chunk_t = 10,
                         .chunk_c = 8,
                         .n_chunks = 10};
    return i;
}

static void believed(mr_file_info i)
{
    mr_info_check(&i, NULL, 0);
    if (i.state != MR_OK) fail_msg("%s", i.reason);
}

static void doubted(mr_file_info i, const char *part)
{
    mr_info_check(&i, NULL, 0);
    assert_int_equal(i.state, MR_EINPUT);
    if (!strstr(i.reason, part)) fail_msg("'%s' lacks '%s'", i.reason, part);
}

#define WITH(change, part)                                                                         \
    do {                                                                                           \
        mr_file_info w = sound();                                                                  \
        change;                                                                                    \
        doubted(w, part);                                                                          \
    } while (0)

static void sound_answers_are_believed(void **s)
{
    (void)s;
    believed(sound());
    mr_file_info i = sound();
    i.store.storage = MR_ST_CONTIGUOUS;
    i.store.offset = 10000 - 100 * 8 * 4; /* ends with the file */
    i.store.n_chunks = i.store.chunk_t = i.store.chunk_c = 0;
    believed(i);
    i.store.offset++;
    doubted(i, "place of the samples");
    i.store.offset = UINT64_MAX;
    doubted(i, "place of the samples");
}

static void unsound_answers_are_refused(void **s)
{
    (void)s;
    WITH(w.store.dtype.size = 3, "sample type");
    WITH(w.store.dtype.kind = 9, "sample type");
    WITH(w.store.dtype.size = 1, "sample type"); /* a float of one byte */
    WITH(w.store.storage = 7, "storage");
    WITH(w.store.time_first = 2, "storage");
    WITH(w.store.n_filters = 200, "storage");
    WITH(w.store.n_filters = 1, "filter"); /* number 0 */
    WITH(w.store.nt = 0, "extents");
    WITH(w.store.nt = UINT64_MAX, "extents");
    WITH((w.store.nt = UINT64_C(1) << 40, w.store.nc = w.nc = UINT64_C(1) << 40), "extents");
    WITH(w.nt = 101, "valid rows");
    WITH(w.nt = 0, "valid rows");
    WITH(w.store.row0 = 1, "valid rows");
    WITH(w.store.row0 = UINT64_MAX, "valid rows");
    WITH(w.nc = 7, "valid rows");
    WITH(w.store.chunk_t = 0, "chunk shape");
    WITH(w.store.chunk_c = UINT64_C(1) << 31, "chunk shape");
    WITH(w.store.n_chunks = 11, "chunk count");
    WITH(w.rate_hz = 0, "rate");
    WITH(w.rate_hz = NAN, "rate");
    WITH(w.rate_hz = 1e10, "rate");
    WITH(w.t1_ns = 0, "times");
    WITH(w.t0_ns = w.t1_ns = INT64_MAX, "times");
    WITH(w.dx_m = NAN, "distances");
    WITH(w.x0_m = INFINITY, "distances");
    WITH(w.gauge_m = NAN, "distances");
    WITH(w.to_strain = NAN, "scale");
    WITH(w.size = -1, "file size");
}

static void texts_are_ended_and_printable(void **s)
{
    (void)s;
    mr_file_info i = sound();
    memset(i.reason, 'x', sizeof i.reason);
    memset(i.dataset, 1, sizeof i.dataset);
    strcpy(i.odd, "\033[31mred\n");
    mr_info_check(&i, NULL, 0);
    assert_int_equal(i.state, MR_OK);
    assert_non_null(memchr(i.reason, 0, sizeof i.reason));
    assert_non_null(memchr(i.dataset, 0, sizeof i.dataset));
    assert_null(strchr(i.dataset, 1));
    assert_null(strchr(i.odd, '\033'));
    assert_null(strchr(i.odd, '\n'));
    i.state = (mr_status)12345; /* whatever it says, a refusal is MR_EINPUT and has a reason */
    i.reason[0] = 0;
    mr_info_check(&i, NULL, 0);
    assert_int_equal(i.state, MR_EINPUT);
    assert_true(i.reason[0] != 0);
}

static void chunks_outside_the_file_cannot_be_read(void **s)
{
    (void)s;
    mr_file_info i = sound();
    mr_chunk c[10] = {{9000, 1000, 0}, {9001, 1000, 0}, {UINT64_MAX, 4, 0}, {10000, 0, 0}};
    mr_info_check(&i, c, 10);
    assert_int_equal(i.state, MR_OK);
    assert_int_equal(c[0].offset, 9000);
    assert_int_equal(c[1].offset, 10000); /* reading there meets the end of the file: a loss */
    assert_int_equal(c[1].nbytes, 1000);
    assert_int_equal(c[2].offset, 10000);
    assert_int_equal(c[3].nbytes, 0);
    mr_info_check(&i, c, 9);
    assert_int_equal(i.state, MR_EINPUT);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(sound_answers_are_believed),
        cmocka_unit_test(unsound_answers_are_refused),
        cmocka_unit_test(texts_are_ended_and_printable),
        cmocka_unit_test(chunks_outside_the_file_cannot_be_read),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
