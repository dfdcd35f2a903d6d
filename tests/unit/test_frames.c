/* test_frames.c: stored rows of which only some count, as recorders write them that give frames
 * with rows before and behind: a third axis. */
#include "raw_file.h"
#include <math.h>

enum { FRAMES = 13, PAD = 8, FIRST = 2, KEEP = 5, N = FRAMES * KEEP, WIDE = 37 };

static void as_frames(raw_file *f)
{
    f->info.store.pad = PAD;
    f->info.store.lead = FIRST;
    f->info.store.keep = KEEP;
    f->info.nt = N;
}

static void check_rows(mr_raw *r, const raw_file *f, uint64_t t, uint64_t nt, mr_chsel sel)
{
    float *x = malloc(nt * sel.n * sizeof *x);
    assert_int_equal(mr_raw_read(r, t, nt, &sel, x, sel.n * sizeof *x, NULL, NULL), MR_OK);
    for (uint64_t i = 0; i < nt * sel.n; i++) {
        const uint64_t row = t + i / sel.n, stored = row / KEEP * PAD + FIRST + row % KEEP;
        const double want = f->want[stored * WIDE + sel.first + i % sel.n * sel.step];
        if ((double)x[i] != want) fail_msg("row %d: %g, not %g", (int)row, (double)x[i], want);
    }
    free(x);
}

/* contiguous, chunks of a frame, chunks that cut frames; as they are, deflated */
static void rows_that_count_stand_side_by_side(MR_UNUSED void **state)
{
    static const uint64_t chunk[] = {0, PAD, 20};
    for (size_t k = 0; k < 12; k++) {
        raw_spec s = {.dt = {MR_DT_FLOAT, 4, 0, 0}, .nt = FRAMES * PAD, .nc = WIDE, .chunk_c = 16};
        s.time_first = k & 1;
        s.chunk_t = chunk[k / 2 % 3];
        s.n_filters = s.chunk_t ? k / 6 : 0;
        s.filters[0] = MR_FI_DEFLATE;
        raw_file f;
        mr_raw *r = NULL;
        raw_make(&s, &f);
        as_frames(&f);
        assert_int_equal(mr_store_rows(&f.info.store), N);
        assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
        check_rows(r, &f, 0, N, (mr_chsel){0, 1, WIDE});
        for (uint64_t t = 0; t < N; t += 17)
            check_rows(r, &f, t, MR_MIN(17, N - t), (mr_chsel){3, 2, 15});
        mr_raw_close(r);
        raw_drop(&f);
    }
}

static void refused(raw_file *f)
{
    mr_raw *r = NULL;
    assert_int_equal(mr_raw_open(f->path, &f->info, f->chunks, &r), MR_EINPUT);
    mr_error_clear();
    as_frames(f);
}

static void frames_that_cannot_be_are_refused(MR_UNUSED void **state)
{
    const raw_spec s = {
        .dt = {MR_DT_FLOAT, 4, 0, 0}, .time_first = true, .nt = FRAMES * PAD, .nc = WIDE};
    raw_file f;
    raw_make(&s, &f);
    as_frames(&f);
    f.info.nt = N + 1;
    refused(&f);
    f.info.store.keep = PAD - FIRST + 1;
    refused(&f);
    f.info.store.keep = 0;
    refused(&f);
    f.info.store.lead = UINT32_MAX;
    refused(&f);
    f.info.store.pad = PAD + 1;
    refused(&f);
    f.info.store.row0 = N;
    refused(&f);
    raw_drop(&f);
}

typedef struct losses {
    int n;
    mr_slab rows, chans;
} losses;

static void note_loss(void *arg, mr_slab rows, mr_slab chans, MR_UNUSED const char *why)
{
    losses *l = arg;
    *l = (losses){l->n + 1, rows, chans};
}

static void a_lost_frame_is_told_by_the_rows_that_count(MR_UNUSED void **state)
{
    const raw_spec s = {.dt = {MR_DT_FLOAT, 4, 0, 0},
                        .time_first = true,
                        .nt = FRAMES * PAD,
                        .nc = WIDE,
                        .chunk_t = PAD,
                        .chunk_c = 20,
                        .n_filters = 1,
                        .filters = {MR_FI_DEFLATE}};
    raw_file f;
    mr_raw *r = NULL;
    losses l = {0};
    float x[18 * WIDE];
    raw_make(&s, &f);
    as_frames(&f);
    f.chunks[2 * 2 + 1].offset = (uint64_t)f.info.size; /* of the third frame, channels 20 on */
    assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
    const mr_chsel all = {0, 1, WIDE};
    assert_int_equal(mr_raw_read(r, 2, 18, &all, x, sizeof(float) * WIDE, note_loss, &l), MR_OK);
    assert_int_equal(l.n, 1);
    assert_true(l.rows.a == 8 && l.rows.b == 13 && l.chans.a == 20 && l.chans.b == WIDE);
    assert_true(isnan(x[8 * WIDE + 20]) && isnan(x[12 * WIDE + 36]));
    assert_true(!isnan(x[7 * WIDE + 20]) && !isnan(x[13 * WIDE + 20]) && !isnan(x[8 * WIDE + 19]));
    mr_raw_close(r);
    raw_drop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_count_stand_side_by_side),
        cmocka_unit_test(frames_that_cannot_be_are_refused),
        cmocka_unit_test(a_lost_frame_is_told_by_the_rows_that_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
