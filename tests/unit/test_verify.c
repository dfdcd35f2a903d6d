/* tests/unit/test_verify.c: verify is silent on a clean folder and names every damage. */
#include "lane_sample.h"
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
enum { N_LANES = 3 };
static const char *const rels[N_LANES] = {
    "lanes/2026-01-01/20260101T000000.000000000Z_c00100-00140.h5",
    "lanes/2026-01-01/20260101T000005.000000000Z_c00100-00140.h5",
    "lanes/2026-01-01/20260101T000010.000000000Z_c00100-00140.h5"};

typedef struct heard {
    char text[4096];
    int lines;
} heard;

static void hear(void *arg, const char *line)
{
    heard *h = arg;
    h->lines++;
    size_t n = strlen(h->text);
    snprintf(h->text + n, sizeof h->text - n, "%s\n", line);
}

static void path_of(char *out, const char *folder, const char *rel)
{
    snprintf(out, 256, "%s/%s", folder, rel);
}

/** A finished folder of three lanes of 5 s. */
static void make_folder(char *dir)
{
    mr_lane_entry e[N_LANES];
    char path[256];
    bool adopted;
    mr_digest plan = mr_digest_of("plan", 4);
    sample_folder(dir);
    path_of(path, dir, ".millrace");
    assert_int_equal(mr_mkdirs(path), MR_OK);
    path_of(path, dir, ".millrace/plan.json");
    assert_int_equal(mr_write_durably(path, "{\"plan\": 1}\n", 12), MR_OK);
    path_of(path, dir, ".millrace/plan.txt");
    assert_int_equal(mr_write_durably(path, "plan 1\n", 7), MR_OK);
    for (int i = 0; i < N_LANES; i++) {
        int64_t t0 = T0 + i * INT64_C(5000000000);
        lane_sample *s = lane_sample_new(dir, rels[i], t0);
        e[i] = (mr_lane_entry){.rel = rels[i],
                               .t0_ns = t0,
                               .t1_ns = t0 + 4990000000,
                               .rows = SAMPLE_ROWS,
                               .c0 = 100,
                               .c1 = 140,
                               .rate_hz = 100,
                               .quantity = "strain_rate",
                               .unit = "strain s-1"};
        assert_int_equal(lane_sample_write(s, 100, &e[i].digest, &adopted), MR_OK);
        free(s);
    }
    assert_int_equal(mr_master_write(dir, e, N_LANES, &plan), MR_OK);
    assert_int_equal(mr_index_write(dir, e, N_LANES), MR_OK);
    mr_text report = {0};
    assert_int_equal(mr_text_add(&report, "{\n \"schema\": 1"), MR_OK);
    assert_int_equal(mr_report_seal(&report, dir), MR_OK);
    path_of(path, dir, "report.json");
    assert_int_equal(mr_write_durably(path, report.s, report.len), MR_OK);
    mr_text_fini(&report);
    assert_int_equal(mr_unfinished_clear(dir), MR_OK);
}

static heard verify(const char *dir, mr_status want)
{
    heard h = {{0}, 0};
    mr_verified v = {0};
    mr_status st = mr_verify_folder(dir, false, hear, &h, &v);
    if (st != want) fprintf(stderr, "%s%s\n", h.text, mr_error());
    assert_int_equal(st, want);
    if (want == MR_OK) assert_int_equal(v.n_files, N_LANES + 1);
    assert_int_equal(h.lines > 0, want == MR_EVERIFY);
    return h;
}

static void a_clean_folder_passes_in_silence(void **state)
{
    (void)state;
    char dir[64];
    make_folder(dir);
    verify(dir, MR_OK);
    sample_remove(dir);
}

static void every_flipped_bit_is_found_and_its_file_named(void **state)
{
    (void)state;
    static const char *const files[] = {"master.h5", "index.csv", ".millrace/plan.json",
                                        ".millrace/plan.txt", ".millrace/plan.sum"};
    char dir[64], path[256];
    unsigned long long seed = 20260101; /* a fixed stream: minimal standard generator */
    make_folder(dir);
    for (int i = 0; i < 200; i++) {
        const char *rel = i % 8 < N_LANES ? rels[i % 8] : files[i % 8 - N_LANES];
        size_t n = 0;
        path_of(path, dir, rel);
        unsigned char *b = sample_slurp(path, &n);
        free(b);
        seed = seed * 48271 % 2147483647;
        /* one in three lands in the trailer, which is small beside the samples */
        size_t at = i % 3 || n < 64 ? seed % n : n - 64 + seed % 64;
        unsigned char bit = (unsigned char)(1u << (seed / 7 % 8));
        sample_flip(path, at, bit);
        heard h = verify(dir, MR_EVERIFY);
        const char *base = strrchr(rel, '/') ? strrchr(rel, '/') + 1 : rel;
        if (strcmp(base, "plan.sum") == 0)
            base = "plan."; /* either side of the comparison is named */
        if (!strstr(h.text, base)) fail_msg("bit %u of byte %zu of %s: %s", bit, at, rel, h.text);
        sample_flip(path, at, bit);
    }
    verify(dir, MR_OK);
    sample_remove(dir);
}

static void cut_grown_and_empty_files_are_found(void **state)
{
    (void)state;
    char dir[64], path[256];
    size_t n = 0;
    make_folder(dir);
    path_of(path, dir, rels[1]);
    unsigned char *b = sample_slurp(path, &n);
    const size_t cuts[] = {0, 10, n / 2, n - 64, n - 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        assert_int_equal(mr_write_durably(path, b, cuts[i]), MR_OK);
        assert_non_null(strstr(verify(dir, MR_EVERIFY).text, rels[1]));
    }
    b[n] = 0; /* sample_slurp leaves a byte for this */
    assert_int_equal(mr_write_durably(path, b, n + 1), MR_OK);
    assert_non_null(strstr(verify(dir, MR_EVERIFY).text, rels[1]));
    assert_int_equal(mr_write_durably(path, b, n), MR_OK);
    verify(dir, MR_OK);
    free(b);
    sample_remove(dir);
}

static void swapped_files_are_both_named(void **state)
{
    (void)state;
    char dir[64], a[256], b[256], c[256];
    make_folder(dir);
    path_of(a, dir, rels[0]);
    path_of(b, dir, rels[2]);
    path_of(c, dir, "swap");
    assert_int_equal(rename(a, c) | rename(b, a) | rename(c, b), 0);
    heard h = verify(dir, MR_EVERIFY);
    assert_non_null(strstr(h.text, rels[0]));
    assert_non_null(strstr(h.text, rels[2]));
    assert_null(strstr(h.text, rels[1]));
    sample_remove(dir);
}

static void missing_files_are_named(void **state)
{
    (void)state;
    static const char *const gone[] = {NULL,
                                       "master.h5",
                                       "index.csv",
                                       ".millrace/plan.json",
                                       ".millrace/plan.txt",
                                       ".millrace/plan.sum",
                                       "report.json"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        char dir[64], path[256];
        const char *rel = gone[i] ? gone[i] : rels[1];
        make_folder(dir);
        path_of(path, dir, rel);
        assert_int_equal(unlink(path), 0);
        assert_non_null(strstr(verify(dir, MR_EVERIFY).text, rel));
        sample_remove(dir);
    }
}

static void added_files_are_named(void **state)
{
    (void)state;
    static const char *const more[] = {
        "lanes/extra.h5", "lanes/2026-01-01/x", "stray.h5", "lanes/2026-01-01/a.h5.9.part",
        "lanes/2026-01-01/20260101T000015.000000000Z_c00100-00140.h5"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        char dir[64], path[256], from[256];
        size_t n = 0;
        make_folder(dir);
        path_of(from, dir, rels[0]);
        path_of(path, dir, more[i]);
        unsigned char *b = sample_slurp(from, &n);
        assert_int_equal(mr_write_durably(path, b, n), MR_OK);
        free(b);
        assert_non_null(strstr(verify(dir, MR_EVERIFY).text, more[i]));
        sample_remove(dir);
    }
}

static void foreign_files_are_named_and_not_judged(void **state)
{
    (void)state;
    static const char *const more[] = {"lanes/.dascore_index.h5", "lanes/2026-01-01/notes.txt",
                                       "readme.md"};
    char dir[64], path[256];
    heard h = {{0}, 0};
    mr_verified v = {0};
    make_folder(dir);
    for (size_t i = 0; i < 3; i++) {
        path_of(path, dir, more[i]);
        assert_int_equal(mr_write_durably(path, "of somebody", 11), MR_OK);
    }
    assert_int_equal(mr_verify_folder(dir, false, hear, &h, &v), MR_OK);
    assert_int_equal(v.n_foreign, 3);
    for (size_t i = 0; i < 3; i++) assert_non_null(strstr(h.text, more[i]));
    path_of(path, dir, "lanes/2026-01-01/20260101T000015.000000000Z_c00100-00140.h5");
    assert_int_equal(mr_write_durably(path, "no lane", 7), MR_OK); /* says that it is one */
    assert_int_equal(mr_verify_folder(dir, false, hear, &h, &v), MR_EVERIFY);
    sample_remove(dir);
}

static void a_report_is_watched(void **state)
{
    (void)state;
    char dir[64], path[256];
    size_t n = 0;
    make_folder(dir);
    path_of(path, dir, "report.json");
    unsigned char *b = sample_slurp(path, &n);
    for (size_t at = 0; at < n; at++) {
        sample_flip(path, at, 2);
        assert_non_null(strstr(verify(dir, MR_EVERIFY).text, "report.json"));
        sample_flip(path, at, 2);
    }
    for (size_t cut = 0; cut < n; cut += 7) {
        assert_int_equal(mr_write_durably(path, b, cut), MR_OK);
        assert_non_null(strstr(verify(dir, MR_EVERIFY).text, "report.json"));
    }
    free(b);
    sample_remove(dir);
}

static void an_index_with_a_line_more_or_less_is_found(void **state)
{
    (void)state;
    char dir[64], path[256], whole[2048];
    size_t n = 0;
    make_folder(dir);
    path_of(path, dir, "index.csv");
    unsigned char *b = sample_slurp(path, &n);
    b[n] = '\0';
    snprintf(whole, sizeof whole, "%s../x,a,b,1,2..3,zz\n", (char *)b);
    assert_int_equal(mr_write_durably(path, whole, strlen(whole)), MR_OK);
    assert_non_null(strstr(verify(dir, MR_EVERIFY).text, "index.csv:5"));
    char *last = strstr((char *)b, rels[2]);
    assert_int_equal(mr_write_durably(path, b, (size_t)(last - (char *)b)), MR_OK);
    assert_non_null(strstr(verify(dir, MR_EVERIFY).text, rels[2]));
    free(b);
    sample_remove(dir);
}

static void removing_the_master_leaves_an_unfinished_folder(void **state)
{
    (void)state;
    char dir[64], path[256];
    struct stat sb;
    make_folder(dir);
    assert_int_equal(mr_master_remove(dir), MR_OK);
    path_of(path, dir, "index.csv");
    assert_int_not_equal(stat(path, &sb), 0);
    verify(dir, MR_STOPPED); /* the lanes are whole, but nobody vouches for their number */
    path_of(path, dir, rels[1]);
    sample_flip(path, 3000, 1); /* a damage is a damage */
    assert_non_null(strstr(verify(dir, MR_EVERIFY).text, rels[1]));
    sample_flip(path, 3000, 1);
    path_of(path, dir, "lanes/2026-01-01/a.h5.1-00c0ffee00c0ffee.part");
    assert_int_equal(mr_write_durably(path, "x", 1), MR_OK);
    mr_verified v;
    assert_int_equal(mr_verify_folder(dir, true, NULL, NULL, &v), MR_STOPPED); /* while it runs */
    assert_true(v.unfinished);
    assert_int_equal(mr_master_remove(dir), MR_OK); /* absent files are fine */
    sample_remove(dir);
}

static void master_and_index_have_the_same_bytes_every_time(void **state)
{
    (void)state;
    char dir[2][64], path[256];
    for (int i = 0; i < 2; i++) make_folder(dir[i]);
    static const char *const names[] = {"master.h5", "index.csv"};
    for (int k = 0; k < 2; k++) {
        size_t n[2] = {0, 0};
        unsigned char *b[2];
        for (int i = 0; i < 2; i++) {
            path_of(path, dir[i], names[k]);
            b[i] = sample_slurp(path, &n[i]);
        }
        assert_int_equal(n[0], n[1]);
        assert_memory_equal(b[0], b[1], n[0]);
        free(b[0]);
        free(b[1]);
    }
    sample_remove(dir[0]);
    sample_remove(dir[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_folder_passes_in_silence),
        cmocka_unit_test(every_flipped_bit_is_found_and_its_file_named),
        cmocka_unit_test(cut_grown_and_empty_files_are_found),
        cmocka_unit_test(swapped_files_are_both_named),
        cmocka_unit_test(missing_files_are_named),
        cmocka_unit_test(added_files_are_named),
        cmocka_unit_test(foreign_files_are_named_and_not_judged),
        cmocka_unit_test(a_report_is_watched),
        cmocka_unit_test(an_index_with_a_line_more_or_less_is_found),
        cmocka_unit_test(removing_the_master_leaves_an_unfinished_folder),
        cmocka_unit_test(master_and_index_have_the_same_bytes_every_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
