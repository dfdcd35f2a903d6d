/* The command line of one command: a table of options, everything else an argument. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "cli/common/opts.h"

static const mr_opt table[] = {{"rate", "FREQ", "500Hz", "rate"},
                               {"name", "TEXT", NULL, "name"},
                               {"quiet", NULL, NULL, "quiet"},
                               {"output", "FILE", NULL, "where"},
                               {0}};

static mr_status parse(const char *const *argv, mr_opts *o)
{
    int n = 0;
    while (argv[n]) n++;
    return mr_opts_parse(table, n, (char **)argv, 1, 2, o);
}

static void options_and_arguments_mix(void **state)
{
    (void)state;
    mr_opts o;
    const char *argv[] = {"x", "--rate=5Hz", "a", "--name", "n", "--quiet", "--", "--b", NULL};
    assert_int_equal(parse(argv, &o), MR_OK);
    assert_string_equal(o.val[0], "5Hz");
    assert_string_equal(o.val[1], "n");
    assert_non_null(o.val[2]);
    assert_int_equal(o.n_args, 2);
    assert_string_equal(o.arg[1], "--b");
}

static void defaults_stand_where_nothing_is_given(void **state)
{
    (void)state;
    mr_opts o;
    const char *argv[] = {"x", "a", NULL};
    assert_int_equal(parse(argv, &o), MR_OK);
    assert_string_equal(o.val[0], "500Hz");
    assert_null(o.val[1]);
    assert_null(o.val[2]);
    assert_false(o.help);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *argv[5];
        const char *word;
    } bad[] = {{{"x", "--ratte", "5", "a", NULL}, "--rate"},
               {{"x", "a", "--name", NULL}, "TEXT"},
               {{"x", "--quiet=1", "a", NULL}, "--quiet"},
               {{"x", NULL}, "missing"},
               {{"x", "a", "b", "c", NULL}, "'c'"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        mr_opts o;
        assert_int_equal(parse(bad[i].argv, &o), MR_ECONFIG);
        assert_non_null(strstr(mr_error(), bad[i].word));
    }
}

static void letters_are_short_for_names(void **state)
{
    (void)state;
    mr_opts o;
    const char *argv[] = {"x", "-q", "a", "-o", "f", "b", NULL};
    assert_int_equal(parse(argv, &o), MR_OK);
    assert_non_null(o.val[2]);
    assert_string_equal(o.val[3], "f");
    assert_string_equal(o.arg[0], "a");
    assert_string_equal(o.arg[1], "b");
    const char *bad[] = {"x", "-z", "a", NULL}; /* no option begins with z */
    assert_int_equal(parse(bad, &o), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "-z"));
}

static void help_needs_no_argument(void **state)
{
    (void)state;
    mr_opts o;
    const char *argv[] = {"x", "--help", NULL};
    assert_int_equal(parse(argv, &o), MR_OK);
    assert_true(o.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_mix),
        cmocka_unit_test(defaults_stand_where_nothing_is_given),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(letters_are_short_for_names),
        cmocka_unit_test(help_needs_no_argument),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
