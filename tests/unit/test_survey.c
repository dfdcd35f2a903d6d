/* The survey: files looked at through workers, remembered in the output folder, shared by the ranks
 * of a node. Alone and under mpirun: rank 0 makes the files. */
#include "ranks.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "synth/synth.h"
#include "plan/config/config.h"
#include "run/survey/survey.h"

#define T0 INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
#define S INT64_C(1000000000)
enum { FILES = 6, ROWS = 100 }; /* files of a second at 100 Hz, 8 channels, chunks of 25 rows */

static char top[64];

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != MR_OK) fail_msg("%s: %s", #call, mr_error());                                \
    } while (0)

static bool first(void)
{
    return mr_comm_rank(world) == 0;
}

static const char *in(const char *name, char *buf)
{
    snprintf(buf, 200, "%s/%s", top, name);
    return buf;
}

static void write_file(int k, bool chunked)
{
    const mr_synth_spec spec = {.seed = 1, .rate_hz = 100, .nc = 8, .dx_m = 1};
    const mr_synth_file how = {.layout = "prodml",
                               .dtype = {MR_DT_FLOAT, 4, 0, 0},
                               .chunk_t = chunked ? 25 : 0,
                               .chunk_c = chunked ? 8 : 0,
                               .gauge_m = 10,
                               .start_ns = T0};
    mr_synth *s = NULL;
    char name[32], path[200];
    snprintf(name, sizeof name, "%d.h5", k);
    MUST(mr_synth_new(&spec, &s));
    MUST(mr_synth_write(s, &spec, &how, in(name, path), (int64_t)k * ROWS, ROWS));
    mr_synth_free(s);
}

/** A folder with half of the files chunked, half not, and an output folder. */
static void set_up(void)
{
    char path[200];
    if (first()) {
        strcpy(top, "/tmp/mr_survey_XXXXXX");
        assert_non_null(mkdtemp(top));
        for (int k = 0; k < FILES; k++) write_file(k, k % 2 == 0);
        MUST(mr_mkdirs(in("out/.millrace", path)));
    }
    void *data = first() ? strdup(top) : NULL;
    size_t n = strlen(top) + 1;
    MUST(mr_bcast(world, &data, &n));
    memcpy(top, data, n);
    free(data);
}

static void tear_down(void)
{
    char cmd[200];
    mr_barrier(world);
    if (!first()) return;
    snprintf(cmd, sizeof cmd, "rm -r '%s'", top);
    assert_int_equal(system(cmd), 0);
}

static mr_strs files(int n)
{
    mr_strs l = {0};
    char name[32], path[200];
    for (int k = 0; k < n; k++) {
        snprintf(name, sizeof name, "%d.h5", k);
        MUST(mr_strs_add(&l, in(name, path)));
    }
    return l;
}

static mr_config *config(const char *map)
{
    char text[400];
    mr_config *c = NULL;
    snprintf(text, sizeof text, "input: {files: x%s}\noutput: {folder: o}\n", map);
    MUST(mr_config_parse("x.yaml", text, NULL, 0, &c));
    return c;
}

/** Survey the first n files, and save what was found if asked to. */
static mr_survey survey(int n, mr_survey_use use, bool save)
{
    char out[200];
    mr_survey s = {0};
    mr_config *cfg = config("");
    mr_strs l = files(n);
    mr_barrier(world);
    MUST(mr_survey_files(world, cfg, &l, in("out", out), use, &s));
    if (save) MUST(mr_survey_save(&s, out));
    mr_strs_fini(&l);
    mr_config_free(cfg);
    return s;
}

static bool there(const char *name)
{
    char path[200];
    return access(in(name, path), F_OK) == 0;
}

/** Is file k as it was written? Chunked ones with their tables, read by every rank. */
static void check_file(const mr_survey *s, int k)
{
    mr_file_info i;
    mr_chunk *c = NULL;
    mr_catalog_info(s->cat, (size_t)k, &i);
    assert_string_equal(i.reason, "");
    assert_string_equal(i.layout, "prodml");
    assert_true(i.t0_ns == T0 + k * S && i.nt == ROWS && i.nc == 8 && i.rate_hz == 100);
    if (!s->cat->tables) return;
    MUST(mr_catalog_chunks(s->cat, (size_t)k, &c));
    assert_int_equal(c != NULL, k % 2 == 0);
    for (int m = 0; c && m < 4; m++) assert_int_equal(c[m].nbytes, 25 * 8 * 4);
    free(c);
}

static void files_are_looked_at_once(void **state)
{
    (void)state;
    set_up();
    mr_survey s = survey(FILES, MR_SURVEY_KEEP, true);
    assert_int_equal(s.n_probed, FILES);
    assert_int_equal(s.cat->n, FILES);
    assert_int_equal(s.cat->n_groups, 1);
    for (int k = 0; k < FILES; k++) check_file(&s, k);
    mr_survey_fini(&s);
    s = survey(FILES, MR_SURVEY_KEEP, true);
    assert_int_equal(s.n_probed, 0);
    assert_false(s.news);
    for (int k = 0; k < FILES; k++) {
        check_file(&s, k);
        assert_false(s.changed[k]);
    }
    mr_survey_fini(&s);
    tear_down();
}

static void growth_is_appended(void **state)
{
    (void)state;
    set_up();
    mr_survey s = survey(2, MR_SURVEY_KEEP, true);
    mr_survey_fini(&s);
    s = survey(FILES, MR_SURVEY_KEEP, true);
    assert_int_equal(s.n_probed, FILES - 2);
    for (int k = 0; k < FILES; k++) check_file(&s, k);
    mr_survey_fini(&s);
    s = survey(3, MR_SURVEY_KEEP, true); /* fewer: news too */
    assert_int_equal(s.n_probed, 0);
    assert_true(s.news);
    for (int k = 0; k < 3; k++) check_file(&s, k);
    mr_survey_fini(&s);
    tear_down();
}

static void a_changed_file_is_looked_at_again(void **state)
{
    (void)state;
    set_up();
    mr_survey s = survey(FILES, MR_SURVEY_KEEP, true);
    mr_survey_fini(&s);
    if (first()) write_file(2, true); /* another inode */
    s = survey(FILES, MR_SURVEY_KEEP, true);
    assert_int_equal(s.n_probed, 1);
    for (int k = 0; k < FILES; k++) {
        assert_int_equal(s.changed[k], k == 2);
        check_file(&s, k);
    }
    mr_survey_fini(&s);
    tear_down();
}

static void planning_leaves_the_folder_alone(void **state)
{
    (void)state;
    set_up();
    mr_survey s = survey(FILES, MR_SURVEY_LOOK, false);
    assert_int_equal(s.n_probed, FILES);
    for (int k = 0; k < FILES; k++) check_file(&s, k);
    mr_survey_fini(&s);
    mr_barrier(world);
    assert_false(there("out/.millrace/survey"));
    assert_false(there("out/.millrace/chunks-1.0"));
    s = survey(FILES, MR_SURVEY_KEEP, true);
    mr_survey_fini(&s);
    s = survey(FILES, MR_SURVEY_LOOK, false); /* but uses what it holds */
    assert_int_equal(s.n_probed, 0);
    mr_survey_fini(&s);
    tear_down();
}

static void a_survey_that_is_not_saved_leaves_nothing(void **state)
{
    (void)state;
    set_up();
    mr_survey s = survey(FILES, MR_SURVEY_KEEP, false);
    mr_survey_fini(&s);
    mr_barrier(world);
    for (int r = 0; r < 4; r++) {
        char name[64];
        snprintf(name, sizeof name, "out/.millrace/chunks-1.%d", r);
        assert_false(there(name));
    }
    tear_down();
}

static void a_damaged_survey_is_made_anew(void **state)
{
    (void)state;
    char path[200];
    set_up();
    mr_survey s = survey(FILES, MR_SURVEY_KEEP, true);
    mr_survey_fini(&s);
    for (int way = 0; way < 3; way++) {
        mr_barrier(world);
        if (first()) {
            struct stat sb;
            in("out/.millrace/survey", path);
            assert_int_equal(stat(path, &sb), 0);
            const int fd = open(path, O_RDWR);
            if (way == 0) assert_int_equal(pwrite(fd, "?", 1, sb.st_size / 2), 1);
            if (way == 1) assert_int_equal(ftruncate(fd, sb.st_size - 40), 0);
            if (way == 2) assert_int_equal(ftruncate(fd, 0), 0);
            close(fd);
        }
        s = survey(FILES, MR_SURVEY_KEEP, true);
        assert_int_equal(s.n_probed, FILES);
        for (int k = 0; k < FILES; k++) check_file(&s, k);
        mr_survey_fini(&s);
    }
    mr_barrier(world);
    char name[64];
    for (int g = 1; g < 4; g++) { /* each time new files of chunk tables; the old ones are gone */
        snprintf(name, sizeof name, "out/.millrace/chunks-%d.0", g);
        assert_false(there(name));
    }
    tear_down();
}

static void another_map_is_another_survey(void **state)
{
    (void)state;
    char out[200];
    set_up();
    mr_survey s = survey(FILES, MR_SURVEY_KEEP, true);
    mr_survey_fini(&s);
    mr_config *cfg = config(", map: {spacing: 3 m}");
    mr_strs l = files(FILES);
    MUST(mr_survey_files(world, cfg, &l, in("out", out), MR_SURVEY_LOOK, &s));
    assert_int_equal(s.n_probed, FILES);
    assert_true(mr_catalog_group(s.cat, 0)->dx_m == 3);
    mr_survey_fini(&s);
    mr_strs_fini(&l);
    mr_config_free(cfg);
    tear_down();
}

static void bad_files_are_refused_alone_and_tried_again(void **state)
{
    (void)state;
    char a[200], b[200];
    set_up();
    if (first()) {
        assert_int_equal(rename(in("1.h5", a), in("kept", b)), 0); /* gone after it was listed */
        const int fd = open(in("3.h5", a), O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, "no HDF5", 7), 7);
        close(fd);
        assert_int_equal(unlink(in("5.h5", a)), 0);
        assert_int_equal(mkdir(a, 0777), 0);
    }
    mr_survey s = survey(FILES, MR_SURVEY_KEEP, true);
    for (int k = 0; k < FILES; k++) {
        if (k % 2 == 0)
            check_file(&s, k);
        else
            assert_int_equal(s.cat->rows[k].form, MR_REFUSED);
    }
    assert_non_null(strstr(mr_catalog_note(s.cat, 1), "No such file"));
    assert_non_null(mr_catalog_note(s.cat, 3));
    assert_non_null(mr_catalog_note(s.cat, 5));
    mr_survey_fini(&s);
    if (first()) assert_int_equal(rename(in("kept", a), in("1.h5", b)), 0);
    s = survey(FILES, MR_SURVEY_KEEP, true);
    assert_int_equal(s.n_probed, 3);
    check_file(&s, 1);
    assert_int_equal(s.cat->rows[3].form, MR_REFUSED);
    mr_survey_fini(&s);
    tear_down();
}

int main(int argc, char **argv)
{
    if (mr_zygote_start() != MR_OK) return 1;
    start_ranks(&argc, &argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_looked_at_once),
        cmocka_unit_test(growth_is_appended),
        cmocka_unit_test(a_changed_file_is_looked_at_again),
        cmocka_unit_test(planning_leaves_the_folder_alone),
        cmocka_unit_test(a_survey_that_is_not_saved_leaves_nothing),
        cmocka_unit_test(a_damaged_survey_is_made_anew),
        cmocka_unit_test(another_map_is_another_survey),
        cmocka_unit_test(bad_files_are_refused_alone_and_tried_again),
    };
    const int st = end_if_failed(tests, sizeof tests / sizeof *tests, "survey");
    mr_zygote_stop();
    return st;
}
