/* A config as a checked structure: what is taken over, and some fifty configs that are refused,
 * each in one line with its place, what is allowed, and what to write. */
#include "plan/config/config.h"
#include <glob.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define IN "input: {files: a/*.h5}\n"
#define OUT "output: {folder: out/x}\n"

static mr_config *parsed(const char *text)
{
    mr_config *c = NULL;
    if (mr_config_parse("x.yaml", text, NULL, 0, &c) != MR_OK) fail_msg("%s", mr_error());
    return c;
}

static void a_whole_config_is_taken_over(MR_UNUSED void **state)
{
    setenv("MR_TEST_DIR", "/data/das", 1);
    setenv("HOME", "/home/me", 1);
    mr_config *c = parsed("input:\n"
                          "  files: [\"${MR_TEST_DIR}/*.h5\", ~/more, a$]\n"
                          "  channels: 100..900:2\n"
                          "  time: 2026-01-01T00:00:00Z .. 2026-01-02T00:00:00Z\n"
                          "chain:\n"
                          "  - bandpass: {band: 1..45 Hz, order: 4, phase: zero}\n"
                          "  - decimate: {factor: 5}\n"
                          "output: {folder: ~/out, title: my title, compress: deflate}\n"
                          "run: {memory: 2 GiB, io_threads: 3}\n");
    assert_string_equal(c->name, "x.yaml");
    assert_int_equal(c->patterns.n, 3);
    assert_string_equal(c->patterns.v[0], "/data/das/*.h5");
    assert_string_equal(c->patterns.v[1], "/home/me/more");
    assert_string_equal(c->patterns.v[2], "a$");
    assert_int_equal(c->files->n, 3);
    assert_string_equal(c->channels->text, "100..900:2");
    assert_null(c->distance);
    assert_true(c->time_a == INT64_C(1767225600) * 1000000000); /* date -u -d 2026-01-01 +%s */
    assert_true(c->time_b - c->time_a == INT64_C(86400) * 1000000000);
    assert_int_equal(c->chain->n, 2);
    assert_string_equal(c->folder, "/home/me/out");
    assert_string_equal(c->title, "my title");
    assert_true(c->deflate);
    assert_true(c->memory_bytes == 2147483648u);
    assert_int_equal(c->io_threads, 3);
    assert_false(c->strict);
    mr_config_free(c);
}

static void what_is_left_out_has_its_default(MR_UNUSED void **state)
{
    mr_config *c = parsed(IN OUT "run:\nchain:\n");
    assert_null(c->chain);
    assert_null(c->channels);
    assert_null(c->map);
    assert_null(c->geometry);
    assert_true(c->time_a == INT64_MIN && c->time_b == INT64_MAX);
    assert_string_equal(c->title, "");
    assert_false(c->deflate);
    assert_true(c->memory_bytes == 0);
    assert_int_equal(c->io_threads, 2);
    mr_config_free(c);
    c = parsed("input: {files: a, time: .. 2026-01-01}\n" OUT);
    assert_true(c->time_a == INT64_MIN && c->time_b == INT64_C(1767225600) * 1000000000);
    mr_config_free(c);
    c = parsed("input: {files: a, time: 2026-01-01T00:00:00.5Z ..}\n" OUT);
    assert_true(c->time_a == INT64_C(1767225600500000000) && c->time_b == INT64_MAX);
    mr_config_free(c);
    mr_config_free(NULL);
}

static void operators_without_parameters_get_a_map(MR_UNUSED void **state)
{
    mr_config *c = parsed(IN OUT "chain: [{decimate: {factor: 3}}]\n");
    assert_int_equal(mr_node_get(&c->chain->entries[0], "decimate")->kind, MR_NODE_MAP);
    mr_config_free(c);
    const char *const settings[] = {"chain.decimate.factor=10", "run.memory=256 MiB"};
    assert_int_equal(mr_config_parse("x.yaml", IN OUT "chain:\n  - decimate\n", settings, 2, &c),
                     MR_OK);
    const mr_node *d = mr_node_get(&c->chain->entries[0], "decimate");
    assert_string_equal(mr_node_get(d, "factor")->text, "10");
    assert_true(c->memory_bytes == 268435456u);
    mr_config_free(c);
}

typedef struct bad {
    const char *text, *place, *part, *part2;
} bad;

static void refuse_all(const bad *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mr_config *c = NULL;
        mr_error_clear();
        double t0 = mr_now();
        mr_status st = mr_config_parse("x.yaml", b[i].text, NULL, 0, &c);
        if (st != MR_ECONFIG) fail_msg("accepted (%d): %s", (int)st, b[i].text);
        assert_null(c);
        if (strncmp(mr_error(), b[i].place, strlen(b[i].place)) != 0)
            fail_msg("'%s' does not begin with %s", mr_error(), b[i].place);
        if (!strstr(mr_error(), b[i].part)) fail_msg("'%s' lacks '%s'", mr_error(), b[i].part);
        if (b[i].part2 && !strstr(mr_error(), b[i].part2))
            fail_msg("'%s' lacks '%s'", mr_error(), b[i].part2);
        if (strchr(mr_error(), '\n')) fail_msg("more than one line: %s", mr_error());
        assert_true(mr_now() - t0 < 1); /* promised: within a second */
    }
}

static void bad_sections_are_refused(MR_UNUSED void **state)
{
    static const bad all[] = {
        {"", "x.yaml:1:1: ", "the config is empty", "input: {files: ...}"},
        {"- a\n", "x.yaml:1:1: ", "the config is a list; a map of input", NULL},
        {"hello\n", "x.yaml:1:1: ", "the config is a text", NULL},
        {"inptu: {files: a}\n" OUT, "x.yaml:1:1: inptu: ", "did you mean input?",
         "(keys: input chain output run plugin follow)"},
        {IN OUT "files: a\n", "x.yaml:3:1: files: ", "it belongs under input:", NULL},
        {IN OUT "decimate: {factor: 2}\n", "x.yaml:3:1: decimate: ", "no such key", NULL},
        {OUT, "x.yaml:1:1: input.files: is missing", "write input: {files: data/*.h5}", NULL},
        {IN, "x.yaml:1:1: output.folder: is missing", "write output: {folder: out/name}", NULL},
        {"input: {}\n" OUT, "x.yaml:1:8: input.files: is missing", "", NULL},
        {"input: a.h5\n" OUT, "x.yaml:1:8: input: a text where a map", "input: {files: ...}", NULL},
        {"input: {file: a}\n" OUT, "x.yaml:1:9: input.file: ", "did you mean files?", NULL},
        {"input: {files: a, folder: b}\n" OUT,
         "x.yaml:1:19: input.folder: ", "it belongs under output:", NULL},
        {"input: {files: }\n" OUT, "x.yaml:1:16: input.files: nothing where a value", "data/*.h5",
         NULL},
        {"input: {files: []}\n" OUT, "x.yaml:1:16: input.files: the list is empty", "", NULL},
        {"input: {files: [a, [b]]}\n" OUT, "x.yaml:1:20: input.files: a list where", "", NULL},
        {"input: {files: {a: b}}\n" OUT, "x.yaml:1:16: input.files: a map; write a glob", "", NULL},
        {"input: {files: ''}\n" OUT, "x.yaml:1:16: input.files: a path is needed", "", NULL},
        {"input: {files: a/**/b.h5}\n" OUT, "x.yaml:1:16: input.files: ** is not used",
         "name the folder alone", NULL},
        {"input: {files: \"${MR_NOT_SET}/x\"}\n" OUT,
         "x.yaml:1:16: input.files: ${MR_NOT_SET} is not", "set in the environment", NULL},
        {"input: {files: \"${MR_NOT\"}\n" OUT, "x.yaml:1:16: input.files: ${ has no closing }", "",
         NULL},
        {"input: {files: \"${a b}\"}\n" OUT, "x.yaml:1:16: input.files: ${a b} is not the name", "",
         NULL},
        {"input: {files: $NOT_HERE/x}\n" OUT, "x.yaml:1:16: input.files: ", "write ${NOT_HERE}",
         NULL},
        {"input: {files: ~you/x}\n" OUT, "x.yaml:1:16: input.files: only ~/ is expanded", "", NULL},
        {IN "output: {folder: []}\n", "x.yaml:2:18: output.folder: a list where a value", "", NULL},
        {IN "output: {folder: x, titel: y}\n", "x.yaml:2:21: output.titel: ", "did you mean title?",
         "(keys: folder title compress"},
        {IN "output: {folder: x, compress: gzip}\n", "x.yaml:2:31: output.compress: 'gzip'",
         "none or deflate", NULL},
        {IN "output: {folder: x, compress: [1]}\n", "x.yaml:2:31: output.compress: a list", "",
         NULL},
        {IN OUT "run: {memory: 2}\n", "x.yaml:3:15: run.memory: ", "did you mean 2 GiB?", NULL},
        {IN OUT "run: {memory: 2 GB}\n", "x.yaml:3:15: run.memory: ", "did you mean 2 GiB?",
         "(units: B KiB MiB GiB)"},
        {IN OUT "run: {memory: 2 s}\n", "x.yaml:3:15: run.memory: ", "a size is needed", NULL},
        {IN OUT "run: {memory: 1 KiB}\n", "x.yaml:3:15: run.memory: ", "1 MiB..1024 GiB", NULL},
        {IN OUT "run: {memory: -1 GiB}\n", "x.yaml:3:15: run.memory: ", "1 MiB..1024 GiB", NULL},
        {IN OUT "run: {io_threads: 0}\n", "x.yaml:3:19: run.io_threads: ", "1..64", NULL},
        {IN OUT "run: {io_threads: 65}\n", "x.yaml:3:19: run.io_threads: ", "1..64", NULL},
        {IN OUT "run: {io_threads: two}\n", "x.yaml:3:19: run.io_threads: 'two'", "1..64", NULL},
        {IN OUT "run: {threads: 2}\n", "x.yaml:3:7: run.threads: ", "OMP_NUM_THREADS", NULL},
    };
    refuse_all(all, sizeof all / sizeof all[0]);
}

#define TIME(t) "input: {files: a, time: " t "}\n" OUT
#define CHAN(t) "input: {files: a, channels: " t "}\n" OUT
#define DIST(t) "input: {files: a, distance: " t "}\n" OUT

static void bad_selections_are_refused(MR_UNUSED void **state)
{
    static const bad all[] = {
        {TIME("60"), "x.yaml:1:25: input.time: '60' is no range", "2026-01-01T00:00:00Z ..", NULL},
        {TIME("2026-01"), "x.yaml:1:25: input.time: ", "is no range", NULL},
        {TIME("2026-13-01"), "x.yaml:1:25: input.time: ", "is no range", NULL},
        {TIME("2026-01-02 .. 2026-01-01"), "x.yaml:1:25: input.time: the range is empty", "", NULL},
        {TIME("2026-01-01 .. 2026-01-01"), "x.yaml:1:25: input.time: the range is empty", "", NULL},
        {TIME("2026-13-01 .. 2026-12-01"), "x.yaml:1:25: input.time: '2026-13-01' is not in the",
         "calendar", NULL},
        {TIME("noon .. 2026-01-01"), "x.yaml:1:25: input.time: 'noon' is no time", "write 2026",
         NULL},
        {TIME(".."), "x.yaml:1:25: input.time: ", "is no range", NULL},
        {TIME("[1]"), "x.yaml:1:25: input.time: a list where a value is needed", "", NULL},
        {CHAN("900..100"), "x.yaml:1:29: input.channels: 900..100 holds no channel", "half-open",
         NULL},
        {CHAN("5..5"), "x.yaml:1:29: input.channels: 5..5 holds no channel", "", NULL},
        {CHAN("-1"), "x.yaml:1:29: input.channels: '-1' is no selection", "write 100..900", NULL},
        {CHAN("1..9:0"), "x.yaml:1:29: input.channels: a stride of 0", "", NULL},
        {CHAN("1..9:x"), "x.yaml:1:29: input.channels: '1..9:x' is no selection", "", NULL},
        {CHAN("1:9"), "x.yaml:1:29: input.channels: '1:9' is no selection", "", NULL},
        {CHAN("1.."), "x.yaml:1:29: input.channels: '1..' is no selection", "", NULL},
        {CHAN("1..2..3"), "x.yaml:1:29: input.channels: '1..2..3' is no selection", "", NULL},
        {CHAN("1..2 km"), "x.yaml:1:29: input.channels: '1..2 km' is no selection", "", NULL},
        {CHAN("9999999999999..99999999999999"), "x.yaml:1:29: input.channels: ", "no selection",
         NULL},
        {CHAN("[]"), "x.yaml:1:29: input.channels: the list is empty", "", NULL},
        {CHAN("[1, {a: 2}]"), "x.yaml:1:33: input.channels: a map where", "", NULL},
        {DIST("1.2..3.4"), "x.yaml:1:29: input.distance: '1.2..3.4' has no unit at its end",
         "did you mean 1.2..3.4 m?", NULL},
        {DIST("3..1 km"), "x.yaml:1:29: input.distance: '3..1 km' runs backwards",
         "did you mean 1..3 km?", NULL},
        {DIST("1..3 Hz"),
         "x.yaml:1:29: input.distance: '1..3 Hz' is a frequency; a length is needed", "", NULL},
        {DIST("[1]"), "x.yaml:1:29: input.distance: a list", "", NULL},
        {"input: {files: a, channels: 1..2, distance: 1..3 m}\n" OUT,
         "x.yaml:1:35: input.distance: stands beside input.channels (line 1); keep one", "", NULL},
        {"input: {files: a, map: /raw}\n" OUT, "x.yaml:1:24: map: must be a map", "", NULL},
        {"input: {files: a, map: {rate: 500}}\n" OUT, "x.yaml:1:31: ", "did you mean 500 Hz?",
         NULL},
        {"input: {files: a, map: {rat: 500 Hz}}\n" OUT, "x.yaml:1:25: map: unknown key 'rat'",
         "rate", NULL},
        {"input: {files: a, geometry: no/such.csv}\n" OUT,
         "x.yaml:1:29: input.geometry: no/such.csv: cannot be opened", "", NULL},
    };
    refuse_all(all, sizeof all / sizeof all[0]);
}

#define CHAIN(t) IN OUT "chain:\n" t

static void bad_chains_are_refused(MR_UNUSED void **state)
{
    static const bad all[] = {
        {CHAIN("  bandpass: {band: 1..45 Hz}\n"), "x.yaml:4:3: chain: here is a map",
         "write each operator as \"- bandpass", NULL},
        {CHAIN("  - bandpas: {band: 1..45 Hz}\n"),
         "x.yaml:4:5: chain: there is no operator 'bandpas'", "did you mean bandpass?", NULL},
        {CHAIN("  - magic\n"), "x.yaml:4:5: chain: there is no operator 'magic'", "millrace ops",
         NULL},
        {CHAIN("  - [bandpass]\n"), "x.yaml:4:5: chain: here is a list", "", NULL},
        {CHAIN("  - {}\n"), "x.yaml:4:5: chain: here is an empty entry", "", NULL},
        {CHAIN("  -\n"), "x.yaml:4:", "chain: here is nothing", NULL},
        {CHAIN("  - bandpass: {band: 1..45 Hz}\n    decimate: {factor: 5}\n"),
         "x.yaml:4:5: chain: here is more than one operator in one entry", "", NULL},
        {CHAIN("  - decimate: 0\n"), "x.yaml:4:15: ", "factor", "outside 2..10000"},
        {CHAIN("  - decimate:\n"), "x.yaml:4:5: ", "factor", NULL},
        {CHAIN("  - decimate\n"), "x.yaml:4:5: ", "factor", NULL},
        {CHAIN("  - decimate: {factr: 5}\n"), "x.yaml:4:16: ", "did you mean factor?", NULL},
        {CHAIN("  - decimate: {factor: 0}\n"), "x.yaml:4:24: ", "outside 2..10000", NULL},
        {CHAIN("  - decimate: {factor: 2.5}\n"), "x.yaml:4:24: ", "whole number", NULL},
        {CHAIN("  - decimate: {factor: 5, factor: 6}\n"), "x.yaml:4:27: factor stands here twice",
         "", NULL},
        {CHAIN("  - bandpass: {band: 1..45}\n"), "x.yaml:4:22: ", "did you mean 1..45 Hz?", NULL},
        {CHAIN("  - bandpass: {band: 45..1 Hz}\n"), "x.yaml:4:22: ", "did you mean 1..45 Hz?",
         NULL},
        {CHAIN("  - bandpass: {band: 1..45 s}\n"), "x.yaml:4:22: ", "a frequency is needed", NULL},
        {CHAIN("  - bandpass: {band: 1..45 Hz, order: 400}\n"), "x.yaml:4:39: ", "is outside 1..",
         NULL},
        {CHAIN("  - bandpass: {band: 1..45 Hz, phase: zeros}\n"),
         "x.yaml:4:39: ", "did you mean zero?", NULL},
        {CHAIN("  - lowpass: {corner: 10}\n"), "x.yaml:4:23: ", "did you mean 10 Hz?", NULL},
        {CHAIN("  - lowpass: {corner: [1, 2]}\n"), "x.yaml:4:23: ", "one value is needed", NULL},
    };
    refuse_all(all, sizeof all / sizeof all[0]);
    char many[1024] = IN OUT "chain: [";
    for (int i = 0; i < 33; i++) strcat(many, "abs, ");
    strcat(many, "]\n");
    const bad long_chain = {many, "x.yaml:3:8: chain: 33 operators; at most 32", "", NULL};
    refuse_all(&long_chain, 1);
}

static void refusals_of_settings_point_into_them(MR_UNUSED void **state)
{
    static const struct {
        const char *setting, *message;
    } all[] = {
        {"run.io_threads=99", "-s:1:16: run.io_threads: '99' is not a whole number in 1..64"},
        {"runs.memory=1 GiB", "-s:1:1: runs: no such key; did you mean run?"},
        {"run.memroy=1 GiB", "-s:1:5: run.memroy: no such key; did you mean memory?"},
        {"chain.decimate.factor=0", "-s:1:23: decimate"},
        {"chain.decimate.fctor=3", "-s:1:16: decimate"},
        {"input.time=60", "-s:1:12: input.time: '60' is no range"},
        {"input=", "x.yaml:1:1: input.files: is missing"},
    };
    static const char text[] = IN OUT "chain: [{decimate: {factor: 5}}]\n";
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        mr_config *c = NULL;
        assert_int_equal(mr_config_parse("x.yaml", text, &all[i].setting, 1, &c), MR_ECONFIG);
        if (strncmp(mr_error(), all[i].message, strlen(all[i].message)) != 0)
            fail_msg("'%s' does not begin with '%s'", mr_error(), all[i].message);
    }
}

static void files_are_loaded_or_refused_by_name(MR_UNUSED void **state)
{
    char path[] = "/tmp/mr_config_XXXXXX";
    mr_config *c = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = IN OUT;
    assert_true(write(fd, text, sizeof text - 1) == (ssize_t)sizeof text - 1);
    assert_int_equal(mr_config_load(path, NULL, 0, &c), MR_OK);
    assert_string_equal(c->name, path);
    mr_config_free(c);
    c = NULL;
    assert_true(write(fd, "a\0b", 3) == 3); /* a NUL does not end the check */
    assert_int_equal(mr_config_load(path, NULL, 0, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), ":3:2: character U+0000 is not allowed"));
    assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
    assert_int_equal(mr_config_load(path, NULL, 0, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "longer than 1048576 bytes"));
    close(fd);
    unlink(path);
    assert_int_equal(mr_config_load(path, NULL, 0, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "No such file"));
    assert_int_equal(mr_config_load("/tmp", NULL, 0, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "is a folder"));
    assert_null(c);
}

static void every_example_config_is_good(MR_UNUSED void **state)
{
    glob_t g;
    assert_int_equal(glob("configs/*.yaml", 0, NULL, &g), 0);
    assert_true(g.gl_pathc >= 5);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        mr_config *c = NULL;
        if (mr_config_load(g.gl_pathv[i], NULL, 0, &c) != MR_OK) fail_msg("%s", mr_error());
        mr_config_free(c);
    }
    globfree(&g);
}

static void the_demo_config_is_good(MR_UNUSED void **state)
{
    mr_config *c = NULL;
    if (mr_config_load("configs/decimate.yaml", NULL, 0, &c) != MR_OK) fail_msg("%s", mr_error());
    assert_string_equal(c->patterns.v[0], "data/demo/*.h5");
    assert_string_equal(c->folder, "out/demo");
    assert_true(c->memory_bytes == 1073741824u);
    mr_config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_config_is_taken_over),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(operators_without_parameters_get_a_map),
        cmocka_unit_test(bad_sections_are_refused),
        cmocka_unit_test(bad_selections_are_refused),
        cmocka_unit_test(bad_chains_are_refused),
        cmocka_unit_test(refusals_of_settings_point_into_them),
        cmocka_unit_test(files_are_loaded_or_refused_by_name),
        cmocka_unit_test(every_example_config_is_good),
        cmocka_unit_test(the_demo_config_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
