/* input.files: globs, folders, lists; what is left out; what is refused. Runs in a folder of its
 * own. */
#include "plan/config/config.h"
#include "plan/files/wild.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static int in_a_folder(void **state)
{
    static const char *const files[] = {
        "data/b.h5",      "data/a.h5",      "data/.hidden.h5",  "data/c.h5.part",
        "data/day2/x.h5", "data/day2/y.nc", "other/truth.json", "data/day2/NOTES.TXT",
        "data/.git/z.h5", "data/out/o.h5",  "data/[1].h5",      "other/e.hdf5"};
    char *dir = strdup("/tmp/mr_files_XXXXXX");
    if (!dir || !mkdtemp(dir) || chdir(dir) != 0) return -1;
    const char *const folders[] = {"data/day2", "data/.git", "data/out", "other", "empty"};
    for (size_t i = 0; i < 5; i++)
        if (mr_mkdirs(folders[i]) != MR_OK) return -1;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *f = fopen(files[i], "w");
        if (!f) return -1;
        fclose(f);
    }
    if (symlink("../data", "other/back") || symlink("..", "data/day2/up")) return -1;
    if (symlink("nowhere", "data/dangling.h5") || symlink("a.h5", "data/twin.h5")) return -1;
    *state = dir;
    return 0;
}

static int out_of_it(void **state)
{
    char cmd[64];
    snprintf(cmd, sizeof cmd, "rm -r %s", (char *)*state);
    int rc = chdir("/") || system(cmd);
    free(*state);
    return rc;
}

static mr_config *config(const char *files, const char *folder)
{
    char text[512];
    mr_config *c = NULL;
    snprintf(text, sizeof text, "input:\n  files: %s\noutput:\n  folder: %s\n", files, folder);
    if (mr_config_parse("x.yaml", text, NULL, 0, &c) != MR_OK) fail_msg("%s", mr_error());
    return c;
}

static void lists(const char *files, const char *folder, const char *want)
{
    mr_config *c = config(files, folder);
    mr_strs l = {0};
    mr_text t = {0};
    if (mr_config_files(c, &l) != MR_OK) fail_msg("%s: %s", files, mr_error());
    for (size_t i = 0; i < l.n; i++) mr_text_add(&t, "%s%s", i ? " " : "", l.v[i]);
    assert_string_equal(t.s, want);
    mr_text_fini(&t);
    mr_strs_fini(&l);
    mr_config_free(c);
}

static void refuses(const char *files, const char *folder, mr_status st, const char *message)
{
    mr_config *c = config(files, folder);
    mr_strs l = {0};
    assert_int_equal(mr_config_files(c, &l), st);
    if (strncmp(mr_error(), message, strlen(message)) != 0)
        fail_msg("'%s' does not begin with '%s'", mr_error(), message);
    assert_int_equal(l.n, 0);
    mr_config_free(c);
}

static void a_glob_gives_names_in_order(MR_UNUSED void **state)
{
    /* hidden and .part are left out; a link to nothing is listed and refused later; of a.h5 and its
     * link twin.h5 the first stays */
    lists("data/*.h5", "out", "data/[1].h5 data/a.h5 data/b.h5 data/dangling.h5");
    lists("data/[ab].h5", "out", "data/a.h5 data/b.h5");
    lists("data/*", "data/out",
          "data/[1].h5 data/a.h5 data/b.h5 data/dangling.h5 data/day2/x.h5 "
          "data/day2/y.nc");
    lists("\"data/[1].h5\"", "out", "data/[1].h5"); /* a name that looks like a pattern */
}

static void a_folder_gives_all_below_it(MR_UNUSED void **state)
{
    static const char all[] = "data/[1].h5 data/a.h5 data/b.h5 data/dangling.h5 data/day2/x.h5 "
                              "data/day2/y.nc";
    lists("data", "data/out", all); /* nothing of the output, no loop through day2/up */
    lists("data", "./data/day2/../out", all);
    lists("data/day2/", "out", /* links come behind what is there without them */
          "data/day2/x.h5 data/day2/y.nc "
          "data/day2/up/[1].h5 data/day2/up/a.h5 data/day2/up/b.h5 "
          "data/day2/up/dangling.h5 data/day2/up/out/o.h5");
    lists("other", "data/out",
          "other/e.hdf5 other/back/[1].h5 other/back/a.h5 other/back/b.h5 "
          "other/back/dangling.h5 other/back/day2/x.h5 other/back/day2/y.nc");
}

static void a_list_keeps_its_order_and_each_file_once(MR_UNUSED void **state)
{
    lists("[other/e.hdf5, data/b.h5, data/a.h5]", "out", "other/e.hdf5 data/b.h5 data/a.h5");
    lists("[data/b.h5, ./data/b.h5, data/*.h5, other/back/a.h5]", "out",
          "data/b.h5 data/[1].h5 data/a.h5 data/dangling.h5");
    lists("[data/none*.h5, data/a.h5]", "out", "data/a.h5");
    lists("data/c.h5.part", "out", "data/c.h5.part"); /* named in full: the user's word */
}

static void what_is_not_there_is_refused(MR_UNUSED void **state)
{
    refuses(
        "data/aa.h5", "out", MR_ECONFIG,
        "x.yaml:2:10: input.files: data/aa.h5: No such file or directory; did you mean data/a.h5?");
    refuses("nodir/a.h5", "out", MR_ECONFIG,
            "x.yaml:2:10: input.files: nodir/a.h5: No such file or directory; its folder is not");
    refuses("[data/a.h5, gone.h5]", "out", MR_ECONFIG,
            "x.yaml:2:22: input.files: gone.h5: No such");
    refuses("data/*.none", "out", MR_EINPUT,
            "x.yaml:2:10: input.files: no file matches data/*.none");
    refuses("nodir/*.h5", "out", MR_EINPUT, "x.yaml:2:10: input.files: no file matches nodir/*.h5");
    refuses("empty", "out", MR_EINPUT, "x.yaml:2:10: input.files: no file in the folder empty");
}

static void the_output_folder_is_never_input(MR_UNUSED void **state)
{
    const char *const same[] = {"data", "./data/", "other/back", "data/day2/.."};
    for (size_t i = 0; i < 4; i++) {
        refuses("data/*.h5", same[i], MR_ECONFIG, "x.yaml:4:11: output.folder: ");
        refuses("data", same[i], MR_ECONFIG, "x.yaml:4:11: output.folder: ");
        refuses("data/a.h5", same[i], MR_ECONFIG, "x.yaml:4:11: output.folder: ");
        refuses("data/day2", same[i], MR_ECONFIG, "x.yaml:4:11: output.folder: ");
    }
    refuses("data", "data", MR_ECONFIG,
            "x.yaml:4:11: output.folder: data holds the input data; name a folder that holds no");
    refuses("data", "/", MR_ECONFIG, "x.yaml:4:11: output.folder: / holds the input data");
    refuses("'*/*.h5'", ".", MR_ECONFIG,
            "x.yaml:4:11: output.folder: the working directory . holds the input */*.h5");
    lists("data/a.h5", "data2", "data/a.h5"); /* a longer name is another folder */
    lists("data/a.h5", "dat", "data/a.h5");
    lists("data/a.h5", "no/such/yet/../folder", "data/a.h5");
}

static mr_listing listing(const char *files, const char *folder)
{
    mr_config *c = config(files, folder);
    mr_listing l = {0};
    if (mr_config_list(c, &l) != MR_OK) fail_msg("%s: %s", files, mr_error());
    mr_config_free(c);
    return l;
}

static void each_folder_is_gone_through_once(MR_UNUSED void **state)
{
    /* 30 steps with two links each: 2^30 ways to the one file; and 8 folders that link to each
     * other: 8! ways to 8 files */
    char cmd[4000];
    snprintf(
        cmd, sizeof cmd,
        "mkdir -p l x && cd l && for i in $(seq 0 30); do mkdir s$i; ln -s ../s$((i+1)) s$i/a;"
        " ln -s ../s$((i+1)) s$i/b; done && mkdir s31 && : > s31/f.h5 && cd ../x && for i in 1 "
        "2 3 4 5 6 7 8; do mkdir d$i; : > d$i/f.h5; for k in 1 2 3 4 5 6 7 8; do ln -s ../d$k "
        "d$i/to$k; done; done");
    assert_int_equal(system(cmd), 0);
    lists("l/s0", "out", "l/s0/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/f.h5");
    lists("l", "out", "l/s31/f.h5");
    mr_listing l = listing("x", "out");
    assert_int_equal(l.paths.n, 8);
    assert_int_equal(l.links.n, 0); /* none leads out of x */
    mr_listing_fini(&l);
}

static void what_is_odd_about_a_list_is_said(MR_UNUSED void **state)
{
    mr_listing l = listing("[empty, none/*.h5, data/a.h5, 'data/[ab].h5']", "out");
    assert_int_equal(l.idle.n, 2);
    assert_string_equal(l.idle.v[0], "empty");
    assert_string_equal(l.idle.v[1], "none/*.h5");
    mr_listing_fini(&l);
    assert_int_equal(system("mkdir -p far near && : > far/g.h5 && ln -s ../far/g.h5 near/g.h5 && "
                            "ln -s ../far near/more && ln -s g.h5 near/again.h5"),
                     0);
    l = listing("near", "out");
    assert_int_equal(l.paths.n, 1); /* by three names */
    assert_int_equal(l.links.n, 3);
    assert_int_equal(l.targets.n, 3);
    assert_non_null(strstr(l.targets.v[0], "/far/g.h5"));
    mr_listing_fini(&l);
    l = listing("[near, far]", "out"); /* then nothing leads out */
    assert_int_equal(l.links.n, 0);
    mr_listing_fini(&l);
}

static void outputs_of_other_runs_are_no_recordings(MR_UNUSED void **state)
{
    assert_int_equal(
        system("mkdir -p arc/raw arc/o1/lanes/d arc/o1/.millrace arc/o2/lanes arc/lanes"
               " && : > arc/raw/a.h5 && : > arc/o1/lanes/d/l.h5 && : > "
               "arc/o1/master.h5 && : > arc/o2/index.csv && : > arc/o2/lanes/l.h5 && : "
               "> arc/lanes/b.h5"),
        0);
    lists("arc/*", "out", "arc/lanes/b.h5 arc/raw/a.h5"); /* a folder of that name alone is none */
    lists("[arc/raw, arc/o1]", "out", "arc/raw/a.h5 arc/o1/lanes/d/l.h5"); /* named: its lanes */
    lists("arc/o1/lanes", "out", "arc/o1/lanes/d/l.h5");
    mr_listing l = listing("arc/raw/..", "out");
    assert_int_equal(l.outputs.n, 2);
    mr_listing_fini(&l);
    refuses("arc/o?", "out", MR_EINPUT,
            "x.yaml:2:10: input.files: arc/o?: nothing but the output of other runs");
}

/* what `want` names, one a space; closed folders behind a bar */
static void wild(const char *pattern, const char *want)
{
    mr_strs names = {0}, closed = {0};
    mr_text t = {0};
    assert_int_equal(mr_wild(pattern, &names, &closed), MR_OK);
    for (size_t i = 0; i < names.n; i++)
        assert_int_equal(mr_text_add(&t, "%s%s", i ? " " : "", names.v[i]), MR_OK);
    for (size_t i = 0; i < closed.n; i++)
        assert_int_equal(mr_text_add(&t, "|%s", closed.v[i]), MR_OK);
    assert_string_equal(t.s ? t.s : "", want);
    mr_text_fini(&t);
    mr_strs_fini(&names);
    mr_strs_fini(&closed);
}

static void touch(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void patterns_match_as_in_the_shell(MR_UNUSED void **state)
{
    static const char *const file[] = {"w/a/1.h5", "w/a/2.h5",  "w/a/.3.h5", "w/b/1.h5",
                                       "w/b/x[1]", "w/b/x?.h5", "w/1.h5"};
    assert_int_equal(system("mkdir -p w/a w/b w/.c"), 0);
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) touch(file[i]);
    wild("w/*/1.h5", "w/a/1.h5 w/b/1.h5");
    wild("w/*/[12].h5", "w/a/1.h5 w/a/2.h5 w/b/1.h5");
    wild("w/?/[!1].h5", "w/a/2.h5");
    wild("w/*", "w/1.h5 w/a w/b");
    wild("w/*/", "w/a/ w/b/");
    wild("w/.*/", "w/../ w/./ w/.c/");
    wild("w/a/.*5", "w/a/.3.h5");
    wild("w//*//2.h5", "w//a//2.h5");
    wild("w/b/x\\[1\\]", "w/b/x[1]");
    wild("w/b/x\\?.*", "w/b/x?.h5");
    wild("w/*.h5/*", ""); /* a file is no folder */
    wild("none/*.h5", "");
    wild("w/*/none.h5", "");
}

static void a_closed_folder_is_named(MR_UNUSED void **state)
{
    if (geteuid() != 0) skip(); /* who made a folder may always open it again */
    assert_int_equal(system("mkdir -p c/open c/shut && chmod 755 . c c/open && chmod 700 c/shut"),
                     0);
    touch("c/open/1.h5");
    touch("c/shut/1.h5");
    assert_int_equal(seteuid(65534), 0);
    wild("c/*/*.h5", "c/open/1.h5|c/shut/");
    wild("c/*/1.h5", "c/open/1.h5|c/shut/");
    wild("c/shut/*", "|c/shut/");
    lists("c/*/*.h5", "out", "c/open/1.h5 c/shut");
    assert_int_equal(seteuid(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_glob_gives_names_in_order),
        cmocka_unit_test(a_folder_gives_all_below_it),
        cmocka_unit_test(a_list_keeps_its_order_and_each_file_once),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(the_output_folder_is_never_input),
        cmocka_unit_test(each_folder_is_gone_through_once),
        cmocka_unit_test(what_is_odd_about_a_list_is_said),
        cmocka_unit_test(outputs_of_other_runs_are_no_recordings),
        cmocka_unit_test(patterns_match_as_in_the_shell),
        cmocka_unit_test(a_closed_folder_is_named),
    };
    return cmocka_run_group_tests(tests, in_a_folder, out_of_it);
}
