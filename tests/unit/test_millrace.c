/* A program of one's own on the library: it brings an operator, opens a config, plans, runs. */
#include "millrace/op_fast.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/cli.h"
#include "in/input.h"
#include "millrace/millrace.h"
#include "plan/plan.h"

/* --- an operator: y = x / by, one number in, one number out ---------------------------------- */

typedef struct divide {
    double by;
} divide;

static const mr_param divide_params[] = {
    {"by", MR_F64, offsetof(divide, by), .min = 0.5, .max = 100, .def = "2", .doc = "divisor"},
    {0}};

static mr_status divide_bind(void *self, MR_UNUSED const mr_geom *in, mr_geom *out,
                             MR_UNUSED mr_needs *needs)
{
    const divide *d = self;
    if (d->by == 3) return MR_RAISE(MR_ECONFIG, "by: anything but 3");
    out->quantity = "share"; /* no context, no memory: needs stays zero */
    return MR_OK;
}

static void divide_apply(const void *self, const mr_piece *p)
{
    const divide *d = self;
    const size_t skip = (size_t)(p->y0 - p->x0);
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++)
            *mr_at(p->y, t, c) = *mr_at(p->x, skip + t, c) / d->by;
}

static const mr_op divide_op = {.name = "divide",
                                .doc = "divide by a number",
                                .ref = "definition",
                                .example = "by: 4",
                                .size = sizeof(divide),
                                .params = divide_params,
                                .bind = divide_bind,
                                .map = divide_apply,
                                .fast = &(const mr_fast){.in_place = true}};
MR_OWN_OPS(&divide_op);

/* --- the program ----------------------------------------------------------------------------- */

typedef struct scene {
    mr_comm *world;
    char folder[64];
} scene;

/* An archive of two files and a config with this chain in a folder of its own. */
static void write_config(const scene *s, const char *chain, char *path, size_t size)
{
    snprintf(path, size, "%s/c.yaml", s->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "input: {files: %s/in/*.h5}\nchain: [%s]\noutput: {folder: %s/out}\n", s->folder,
            chain, s->folder);
    assert_int_equal(fclose(f), 0);
}

static int begin(void **state)
{
    scene *s = *state;
    char in[80];
    snprintf(s->folder, sizeof s->folder, "/tmp/mr_own_XXXXXX");
    if (!mkdtemp(s->folder)) return -1;
    snprintf(in, sizeof in, "%s/in", s->folder);
    char *synth[] = {(char[]){"synth"},        in,
                     (char[]){"--files=2"},    (char[]){"--file-length=10s"},
                     (char[]){"--rate=100Hz"}, (char[]){"--channels=3"},
                     (char[]){"--quiet"},      NULL};
    return mr_cli_synth(7, synth);
}

static int clear(void **state)
{
    const scene *s = *state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", s->folder);
    return system(command);
}

static void own_operator_is_listed_after_the_table(void **state)
{
    (void)state;
    assert_ptr_equal(mr_op_at(mr_op_count), &divide_op);
    assert_null(mr_op_at(mr_op_count + 1));
    assert_ptr_equal(mr_op_find("divide"), &divide_op);
    assert_string_equal(mr_op_nearest("devide"), "divide");
    assert_string_equal(mr_op_nearest("bandpas"), "bandpass");
}

static void own_operator_is_checked_like_any(void **state)
{
    const scene *s = *state;
    mr_work *w = NULL;
    const mr_plan *p = NULL;
    char path[100];
    write_config(s, "divide: {by: 1000}", path, sizeof path);
    assert_int_equal(mr_work_open(s->world, path, NULL, 0, &w), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "0.5..100"));
    assert_null(w);
    const char *set[] = {"chain.divide.by=3"}; /* known only when it is bound to the input */
    assert_int_equal(mr_work_open(s->world, path, set, 1, &w), MR_OK);
    assert_int_equal(mr_work_plan(w, &p), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "anything but 3"));
    mr_work_close(w);
}

/* First sample of the only lane: that of the input over 4, both float32. */
static void run_gives_the_samples(void **state)
{
    const scene *s = *state;
    mr_work *w = NULL;
    const mr_plan *p = NULL;
    char path[100], lane[300], in[150];
    float x = 0, y = 0;
    write_config(s, "divide: {by: 4}", path, sizeof path);
    assert_int_equal(mr_work_open(s->world, path, NULL, 0, &w), MR_OK);
    assert_int_equal(mr_work_config(w)->chain->n, 1);
    assert_int_equal(mr_work_plan(w, &p), MR_OK);
    assert_int_equal(p->n_lanes, 1);
    assert_true(p->out_bytes == 2000 * 3 * sizeof(float)); /* 20 s at 100 Hz, 3 channels */
    snprintf(lane, sizeof lane, "%s/out/%s", s->folder, p->lanes[0].rel);
    snprintf(in, sizeof in, "%s/in/synth_20260101T000000Z.h5", s->folder);
    assert_int_equal(mr_work_run(w), MR_OK);
    mr_work_close(w);
    const char *files[] = {in, lane};
    float *to[] = {&x, &y};
    for (int i = 0; i < 2; i++) {
        mr_file_info info;
        mr_raw *raw = NULL;
        assert_int_equal(mr_probe_here(files[i], NULL, &info, NULL), MR_OK);
        assert_int_equal(info.state, MR_OK);
        assert_int_equal(mr_raw_open(files[i], &info, NULL, &raw), MR_OK);
        assert_int_equal(mr_raw_read(raw, 7, 1, &(mr_chsel){1, 1, 1}, to[i], 4, NULL, NULL), MR_OK);
        mr_raw_close(raw);
    }
    assert_true(x != 0 && y == x / 4);
}

static void missing_config_is_said(void **state)
{
    const scene *s = *state;
    mr_work *w = NULL;
    assert_int_equal(mr_work_open(s->world, "/nowhere.yaml", NULL, 0, &w), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "/nowhere.yaml"));
    mr_work_close(w);
}

int main(int argc, char **argv)
{
    scene s = {0};
    const mr_status st = mr_start(&argc, &argv, &s.world);
    if (st != MR_OK) {
        fprintf(stderr, "%s\n", mr_error());
        mr_end(s.world);
        return st;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_operator_is_listed_after_the_table),
        cmocka_unit_test_prestate_setup_teardown(own_operator_is_checked_like_any, begin, clear,
                                                 &s),
        cmocka_unit_test_prestate_setup_teardown(run_gives_the_samples, begin, clear, &s),
        cmocka_unit_test_prestate_setup_teardown(missing_config_is_said, begin, clear, &s),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mr_end(s.world);
    return failed;
}
