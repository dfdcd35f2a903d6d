/* Raw reads against what libhdf5 reads: every type, byte order, axis order, storage and filter,
 * with selections and blocks across chunk edges; and damaged or changed files. */
#include "raw_file.h"
#include <math.h>
#include <zlib.h>

enum { NT = 103, NC = 37 };
#define F32 ((mr_dtype){MR_DT_FLOAT, 4, 0, 0})

/* Rows [t, t + nt) of a selection, read and converted, equal libhdf5's bit for bit. */
static void check_read(mr_raw *r, const raw_file *f, uint64_t t, uint64_t nt, mr_chsel sel,
                       size_t pad)
{
    mr_dtype dt = f->info.store.dtype;
    size_t stride = (sel.n + pad) * dt.size;
    uint8_t *raw = malloc(nt * stride);
    double *x = malloc(nt * sel.n * sizeof *x);
    memset(raw, 0x5a, nt * stride);
    assert_int_equal(mr_raw_read(r, t, nt, &sel, raw, stride, NULL, NULL), MR_OK);
    mr_load_f64(dt, raw, stride, nt, sel.n, x, sel.n);
    for (uint64_t i = 0; i < nt; i++) {
        for (uint64_t c = 0; c < sel.n; c++) {
            uint64_t row = f->info.store.row0 + t + i, chan = sel.first + c * sel.step;
            double want = f->want[row * f->info.nc + chan];
            if (memcmp(&x[i * sel.n + c], &want, sizeof want) != 0)
                fail_msg("row %d channel %d: %g, libhdf5 reads %g", (int)row, (int)chan,
                         x[i * sel.n + c], want);
        }
        for (size_t k = 0; k < pad * dt.size; k++)
            assert_int_equal(raw[i * stride + sel.n * dt.size + k], 0x5a);
    }
    free(x);
    free(raw);
}

static void check_file(const raw_spec *s)
{
    raw_file f;
    mr_raw *r = NULL;
    raw_make(s, &f);
    assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
    check_read(r, &f, 0, s->nt, (mr_chsel){0, 1, s->nc}, 0); /* all of it */
    const mr_chsel sel = {5, 1, s->nc - 8};
    for (uint64_t t = 0; t < s->nt; t += 19) /* blocks that cut every tier */
        check_read(r, &f, t, MR_MIN(19, s->nt - t), sel, 3);
    check_read(r, &f, 1, s->nt - 1, (mr_chsel){2, 3, (s->nc - 2) / 3}, 0);
    check_read(r, &f, 30, 1, (mr_chsel){s->nc - 1, 1, 1}, 1);
    mr_raw_close(r);
    raw_drop(&f);
}

static const struct {
    uint8_t n, f[4];
} pipes[] = {
    {0, {0}},
    {1, {MR_FI_DEFLATE}},
    {2, {MR_FI_SHUFFLE, MR_FI_DEFLATE}},
    {3, {MR_FI_SHUFFLE, MR_FI_DEFLATE, MR_FI_FLETCHER32}},
    {1, {MR_FI_SHUFFLE}},
    {3, {MR_FI_FLETCHER32, MR_FI_SHUFFLE, MR_FI_DEFLATE}},
};
static const uint64_t shapes[][2] = {{10, 7}, {103, 37}, {17, 16}, {128, 64}};

/* all storages of one type */
static void check_type(mr_dtype dt)
{
    for (int order = 0; order < 4; order++) {
        raw_spec s = {.dt = dt, .time_first = order & 1, .nt = NT, .nc = NC};
        s.dt.big_endian = order >> 1;
        check_file(&s);
        for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
            for (size_t p = 0; p < sizeof pipes / sizeof *pipes; p++) {
                s.chunk_t = shapes[k][0];
                s.chunk_c = shapes[k][1];
                s.n_filters = pipes[p].n;
                memcpy(s.filters, pipes[p].f, sizeof s.filters);
                check_file(&s);
            }
    }
}

static void integers_of_one_byte_equal_libhdf5(MR_UNUSED void **state)
{
    check_type((mr_dtype){MR_DT_INT, 1, 0, 0});
    check_type((mr_dtype){MR_DT_UINT, 1, 0, 0});
}

static void integers_of_two_bytes_equal_libhdf5(MR_UNUSED void **state)
{
    check_type((mr_dtype){MR_DT_INT, 2, 0, 0});
    check_type((mr_dtype){MR_DT_UINT, 2, 0, 0});
}

static void integers_of_four_bytes_equal_libhdf5(MR_UNUSED void **state)
{
    check_type((mr_dtype){MR_DT_INT, 4, 0, 0});
    check_type((mr_dtype){MR_DT_UINT, 4, 0, 0});
}

static void integers_of_eight_bytes_equal_libhdf5(MR_UNUSED void **state)
{
    check_type((mr_dtype){MR_DT_INT, 8, 0, 0});
    check_type((mr_dtype){MR_DT_UINT, 8, 0, 0});
}

static void floats_equal_libhdf5(MR_UNUSED void **state)
{
    check_type((mr_dtype){MR_DT_FLOAT, 2, 0, 0});
    check_type((mr_dtype){MR_DT_FLOAT, 4, 0, 0});
    check_type((mr_dtype){MR_DT_FLOAT, 8, 0, 0});
}

/* Rows longer than the buffer samples pass through (1 MiB): 300,000 channels x 4 bytes. */
static void rows_beyond_the_buffer_are_read(MR_UNUSED void **state)
{
    for (int time_first = 0; time_first < 2; time_first++) {
        raw_spec s = {.dt = F32, .time_first = time_first, .nt = 3, .nc = 300000};
        raw_file f;
        mr_raw *r = NULL;
        raw_make(&s, &f);
        assert_int_equal(mr_raw_open(f.path, &f.info, NULL, &r), MR_OK);
        check_read(r, &f, 0, 3, (mr_chsel){0, 1, 300000}, 1);
        check_read(r, &f, 1, 2, (mr_chsel){11, 2, 149000}, 0);
        check_read(r, &f, 0, 3, (mr_chsel){7, 1, 40000}, 0); /* small part of a long row */
        check_read(r, &f, 0, 3, (mr_chsel){7, 50000, 5}, 0);
        mr_raw_close(r);
        raw_drop(&f);
    }
}

static void long_runs_of_a_channel_are_read_in_parts(MR_UNUSED void **state)
{
    raw_spec s = {.dt = F32, .time_first = false, .nt = 40000, .nc = 21}; /* 16,368 rows a part */
    raw_file f;
    mr_raw *r = NULL;
    raw_make(&s, &f);
    assert_int_equal(mr_raw_open(f.path, &f.info, NULL, &r), MR_OK);
    check_read(r, &f, 0, 40000, (mr_chsel){0, 1, 21}, 0);
    check_read(r, &f, 123, 39000, (mr_chsel){1, 2, 9}, 2);
    mr_raw_close(r);
    raw_drop(&f);
}

static void rows_before_the_first_valid_are_skipped(MR_UNUSED void **state)
{
    raw_spec s = {.dt = F32,
                  .time_first = true,
                  .nt = NT,
                  .nc = NC,
                  .chunk_t = 10,
                  .chunk_c = 7,
                  .n_filters = 1,
                  .filters = {MR_FI_DEFLATE}};
    raw_file f;
    mr_raw *r = NULL;
    raw_make(&s, &f);
    f.info.store.row0 = 13;
    f.info.nt = NT - 13 - 20;
    assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
    check_read(r, &f, 0, f.info.nt, (mr_chsel){0, 1, NC}, 0);
    check_read(r, &f, 5, 50, (mr_chsel){3, 1, 20}, 0);
    mr_raw_close(r);
    raw_drop(&f);
}

/* Chunk (0, 0) stored as it is, its deflate skipped (mask bit 1), as libhdf5 does for data that do
 * not get smaller. */
static void skipped_filters_are_not_undone(MR_UNUSED void **state)
{
    raw_spec s = {.dt = F32,
                  .time_first = true,
                  .nt = 20,
                  .nc = 8,
                  .chunk_t = 10,
                  .chunk_c = 8,
                  .n_filters = 2,
                  .filters = {MR_FI_SHUFFLE, MR_FI_DEFLATE}};
    raw_file f;
    mr_raw *r = NULL;
    float x[80];
    uint8_t planes[320];
    raw_make(&s, &f);
    for (int i = 0; i < 80; i++) x[i] = (float)f.want[i];
    for (int i = 0; i < 80; i++)
        for (int b = 0; b < 4; b++) planes[80 * b + i] = ((uint8_t *)&x[i])[b];
    uint64_t end = (uint64_t)f.info.size;
    raw_patch(&f, end, planes, sizeof planes);
    f.chunks[0] = (mr_chunk){end, sizeof planes, 2};
    assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
    check_read(r, &f, 0, 20, (mr_chsel){0, 1, 8}, 0);
    mr_raw_close(r);
    raw_patch(&f, end, x, sizeof x); /* and with the shuffle skipped as well */
    f.chunks[0].mask = 3;
    assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
    check_read(r, &f, 0, 20, (mr_chsel){0, 1, 8}, 0);
    mr_raw_close(r);
    raw_drop(&f);
}

/* --- damage ----------------------------------------------------------------------------------- */

typedef struct losses {
    int n;
    mr_slab rows, chans; /* of the last one */
    char why[80];
} losses;

static void note_loss(void *arg, mr_slab rows, mr_slab chans, const char *why)
{
    losses *l = arg;
    l->n++;
    l->rows = rows;
    l->chans = chans;
    snprintf(l->why, sizeof l->why, "%s", why);
}

static const raw_spec damaged_spec = {.dt = {MR_DT_FLOAT, 4, 0, 0},
                                      .time_first = true,
                                      .nt = 40,
                                      .nc = 20,
                                      .chunk_t = 10,
                                      .chunk_c = 10,
                                      .n_filters = 3,
                                      .filters = {MR_FI_SHUFFLE, MR_FI_DEFLATE, MR_FI_FLETCHER32}};

/* Chunk (1, 1) = rows 10..19, channels 10..19 is lost for `why`; everything else is as libhdf5
 * wrote it. Read at once and in blocks of 7 rows with channels 4..17. */
static void check_lost(const raw_file *f, const char *why)
{
    mr_raw *r = NULL;
    losses l = {0};
    float x[40 * 20];
    const bool is_float = f->info.store.dtype.kind == MR_DT_FLOAT;
    const mr_chsel all = {0, 1, 20}, some = {4, 1, 14};
    assert_int_equal(mr_raw_open(f->path, &f->info, f->chunks, &r), MR_OK);
    assert_int_equal(mr_raw_read(r, 0, 40, &all, x, 80, note_loss, &l), MR_OK);
    assert_int_equal(l.n, 1);
    assert_string_equal(l.why, why);
    assert_true(l.rows.a == 10 && l.rows.b == 20 && l.chans.a == 10 && l.chans.b == 20);
    for (int t = 0; t < 40; t++)
        for (int c = 0; c < 20; c++) {
            bool lost = t / 10 == 1 && c / 10 == 1;
            int32_t bits;
            memcpy(&bits, &x[t * 20 + c], 4);
            if (lost && is_float) assert_true(isnan(x[t * 20 + c]));
            if (lost && !is_float) assert_int_equal(bits, 0);
            if (!lost && is_float) assert_true((double)x[t * 20 + c] == f->want[t * 20 + c]);
            if (!lost && !is_float) assert_true((double)bits == f->want[t * 20 + c]);
        }
    l.n = 0;
    for (uint64_t t = 0; t < 40; t += 7)
        assert_int_equal(mr_raw_read(r, t, MR_MIN(7, 40 - t), &some, x, 14 * 4, note_loss, &l),
                         MR_OK);
    assert_int_equal(l.n, 2); /* rows 10..13 in block 7..13, rows 14..19 in block 14..20 */
    assert_true(l.rows.a == 0 && l.rows.b == 6 && l.chans.a == 6 && l.chans.b == 14);
    assert_int_equal(mr_raw_read(r, 0, 40, &all, x, 80, NULL, NULL), MR_OK); /* nobody listens */
    mr_raw_close(r);
}

static void a_flipped_bit_is_found_by_fletcher32(MR_UNUSED void **state)
{
    raw_file f;
    raw_make(&damaged_spec, &f);
    uint8_t byte;
    FILE *in = fopen(f.path, "rb");
    assert_true(in && fseek(in, (long)f.chunks[3].offset + 20, SEEK_SET) == 0);
    assert_int_equal(fread(&byte, 1, 1, in), 1);
    fclose(in);
    byte ^= 8;
    raw_patch(&f, f.chunks[3].offset + 20, &byte, 1);
    check_lost(&f, "chunk fails its checksum (fletcher32)");
    raw_drop(&f);
}

static void lost_integers_read_as_zero(MR_UNUSED void **state)
{
    raw_file f;
    raw_spec s = damaged_spec;
    s.dt.kind = MR_DT_INT;
    raw_make(&s, &f);
    f.chunks[3].nbytes--;
    check_lost(&f, "chunk fails its checksum (fletcher32)");
    raw_drop(&f);
}

/* chunk (1, 1) replaced by `n` bytes that inflate to `bytes` bytes */
static void put_deflated(raw_file *f, size_t bytes)
{
    uint8_t out[1024], in[1024] = {1, 2, 3};
    uLongf n = sizeof out;
    assert_int_equal(compress(out, &n, in, bytes), Z_OK);
    uint64_t end = (uint64_t)f->info.size;
    raw_patch(f, end, out, n);
    f->chunks[3] = (mr_chunk){end, (uint32_t)n, 4}; /* no fletcher32 on it */
}

static void wrong_inflated_length_is_a_lost_chunk(MR_UNUSED void **state)
{
    raw_file f;
    raw_make(&damaged_spec, &f);
    put_deflated(&f, 399);
    check_lost(&f, "chunk inflates to too few bytes");
    put_deflated(&f, 401);
    check_lost(&f, "chunk inflates to too many bytes");
    put_deflated(&f, 400);
    raw_patch(&f, f.chunks[3].offset, "", 1); /* no zlib header any more */
    check_lost(&f, "chunk does not inflate (damaged deflate data)");
    f.chunks[3].nbytes = 100000;
    raw_patch(&f, (uint64_t)f.info.size + 200000, "", 1);
    check_lost(&f, "chunk's stored size cannot be right");
    raw_drop(&f);
}

static void chunks_outside_the_file_are_lost(MR_UNUSED void **state)
{
    raw_file f;
    raw_make(&damaged_spec, &f);
    f.chunks[3].offset = (uint64_t)f.info.size - 3;
    check_lost(&f, "chunk lies outside the file");
    f.chunks[3].offset = UINT64_MAX - 1;
    check_lost(&f, "chunk lies outside the file");
    f.chunks[3] = (mr_chunk){0, 0, 0};
    check_lost(&f, "chunk was never written");
    raw_drop(&f);
    raw_spec s = damaged_spec; /* without filters */
    s.n_filters = 0;
    raw_make(&s, &f);
    f.chunks[3].nbytes--;
    check_lost(&f, "chunk's stored size cannot be right");
    f.chunks[3].offset = (uint64_t)f.info.size;
    check_lost(&f, "chunk lies outside the file");
    raw_drop(&f);
}

static void a_band_never_written_is_lost(MR_UNUSED void **state)
{
    raw_file f;
    mr_raw *r = NULL;
    losses l = {0};
    float x[40 * 20];
    raw_spec s = damaged_spec;
    s.skip_chunk0 = true;
    raw_make(&s, &f);
    assert_int_equal(mr_raw_open(f.path, &f.info, f.chunks, &r), MR_OK);
    assert_int_equal(mr_raw_read(r, 0, 40, &(mr_chsel){0, 1, 20}, x, 80, note_loss, &l), MR_OK);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.why, "chunk was never written");
    assert_true(isnan(x[9 * 20 + 19]) && !isnan(x[10 * 20]));
    mr_raw_close(r);
    raw_drop(&f);
}

static void a_truncated_file_names_where_it_ends(MR_UNUSED void **state)
{
    for (int time_first = 0; time_first < 2; time_first++) {
        raw_spec s = {.dt = F32, .time_first = time_first, .nt = 40, .nc = 20};
        raw_file f;
        mr_raw *r = NULL;
        float x[40 * 20];
        char end[40];
        raw_make(&s, &f);
        assert_int_equal(truncate(f.path, (off_t)f.info.store.offset + 3000), 0);
        raw_restat(&f);
        assert_int_equal(mr_raw_open(f.path, &f.info, NULL, &r), MR_OK);
        assert_int_equal(mr_raw_read(r, 0, 40, &(mr_chsel){0, 1, 20}, x, 80, NULL, NULL),
                         MR_EINPUT);
        snprintf(end, sizeof end, "file ends at %d", (int)f.info.store.offset + 3000);
        assert_non_null(strstr(mr_error(), "truncated"));
        assert_non_null(strstr(mr_error(), end));
        assert_non_null(strstr(mr_error(), f.path));
        mr_raw_close(r);
        raw_drop(&f);
    }
}

static void check_changed(const raw_file *f)
{
    mr_raw *r = NULL;
    assert_int_equal(mr_raw_open(f->path, &f->info, f->chunks, &r), MR_EINPUT);
    assert_null(r);
    assert_non_null(strstr(mr_error(), "changed since the survey"));
}

static void a_file_changed_since_the_survey_is_refused(MR_UNUSED void **state)
{
    raw_spec s = {.dt = F32, .time_first = true, .nt = 4, .nc = 3};
    raw_file f;
    mr_raw *r = NULL;
    raw_make(&s, &f);
    f.info.mtime_ns--;
    check_changed(&f);
    f.info.mtime_ns++;
    f.info.size++;
    check_changed(&f);
    f.info.size--;
    f.info.inode++;
    check_changed(&f);
    f.info.inode--;
    assert_int_equal(mr_raw_open(f.path, &f.info, NULL, &r), MR_OK);
    mr_raw_close(r);
    unlink(f.path);
    assert_int_equal(mr_raw_open(f.path, &f.info, NULL, &r), MR_EINPUT);
    assert_int_equal(mkfifo(f.path, 0600), 0); /* neither waits nor reads */
    check_changed(&f);
    raw_drop(&f);
}

static void a_description_that_cannot_be_is_refused(MR_UNUSED void **state)
{
    raw_spec s = {.dt = F32, .time_first = true, .nt = 4, .nc = 3, .chunk_t = 2, .chunk_c = 3};
    raw_file f;
    mr_raw *r = NULL;
    raw_make(&s, &f);
    mr_file_info bad[8];
    for (int i = 0; i < 8; i++) bad[i] = f.info;
    bad[0].store.dtype.size = 3;
    bad[1].store.nt = UINT64_MAX / 2; /* bytes overflow */
    bad[2].store.n_chunks++;
    bad[3].store.chunk_t = 0;
    bad[4].store.n_filters = 9;
    bad[5].nt = 5; /* more rows than stored */
    bad[6].store.row0 = 5;
    bad[7].nc = 2;
    for (int i = 0; i < 8; i++)
        assert_int_equal(mr_raw_open(f.path, &bad[i], f.chunks, &r), MR_EINPUT);
    assert_int_equal(mr_raw_open(f.path, &f.info, NULL, &r), MR_EINPUT); /* no chunk table */
    raw_drop(&f);
}

static void sizes_and_names(MR_UNUSED void **state)
{
    char name[32];
    mr_file_info info = {.store = {.dtype = F32, .nt = 1000, .nc = 100}};
    const mr_chsel sel = {0, 1, 50};
    assert_int_equal(mr_raw_tier_rows(&info), 1);
    assert_in_range(mr_raw_buffer_bytes(&info, &sel), 1 << 20, (1 << 20) + 4096);
    info.store.storage = MR_ST_CHUNKED;
    info.store.chunk_t = 256;
    info.store.chunk_c = 64;
    assert_int_equal(mr_raw_tier_rows(&info), 256);
    info.store.n_filters = 1;
    /* 1 MiB, two chunks with an eighth and 4 KiB more, a tier of 256 x 50 samples, 64 KiB */
    size_t want = (1 << 20) + 2 * (65536 + 8192 + 4096) + 256 * 50 * 4 + 65536;
    assert_in_range(mr_raw_buffer_bytes(&info, &sel), want, want + 4096);
    mr_dtype_name(F32, name, sizeof name);
    assert_string_equal(name, "float32");
    mr_dtype_name((mr_dtype){MR_DT_INT, 2, 1, 0}, name, sizeof name);
    assert_string_equal(name, "int16 (big-endian)");
    assert_int_equal(mr_dtype_name((mr_dtype){MR_DT_UINT, 1, 1, 0}, name, sizeof name), 5);
    assert_string_equal(name, "uint8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_of_one_byte_equal_libhdf5),
        cmocka_unit_test(integers_of_two_bytes_equal_libhdf5),
        cmocka_unit_test(integers_of_four_bytes_equal_libhdf5),
        cmocka_unit_test(integers_of_eight_bytes_equal_libhdf5),
        cmocka_unit_test(floats_equal_libhdf5),
        cmocka_unit_test(rows_beyond_the_buffer_are_read),
        cmocka_unit_test(long_runs_of_a_channel_are_read_in_parts),
        cmocka_unit_test(rows_before_the_first_valid_are_skipped),
        cmocka_unit_test(skipped_filters_are_not_undone),
        cmocka_unit_test(a_flipped_bit_is_found_by_fletcher32),
        cmocka_unit_test(lost_integers_read_as_zero),
        cmocka_unit_test(wrong_inflated_length_is_a_lost_chunk),
        cmocka_unit_test(chunks_outside_the_file_are_lost),
        cmocka_unit_test(a_band_never_written_is_lost),
        cmocka_unit_test(a_truncated_file_names_where_it_ends),
        cmocka_unit_test(a_file_changed_since_the_survey_is_refused),
        cmocka_unit_test(a_description_that_cannot_be_is_refused),
        cmocka_unit_test(sizes_and_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
