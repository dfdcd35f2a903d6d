/* Parameters of every type from nodes to fields, their refusals, and back to text, with an operator
 * made up for it. */
#include "../ops/cut.h"
#include "ops/param.h"
#include "ops/chain/chain_priv.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

typedef struct fields {
    double corner, part, range[2];
    int64_t count, window_ns;
    bool on;
    int kind;
    char unit[32];
    mr_list64 list;
    int set;
} fields;

static const char *const kinds[] = {"first", "second", NULL};
static const mr_param params[] = {
    {"corner", MR_F64, offsetof(fields, corner), .unit = "Hz", .min = 1, .max = 100,
     .doc = "needed"},
    {"part", MR_F64, offsetof(fields, part), .unit = "%", .min = 0.01, .max = 0.5, .def = "5 %",
     .doc = "-"},
    {"range", MR_RANGE, offsetof(fields, range), .unit = "Hz", .min = 1, .max = 100, .def = "",
     .doc = "-"},
    {"count", MR_INT, offsetof(fields, count), .min = 1, .max = 9, .def = "3", .doc = "-"},
    {"window", MR_NS, offsetof(fields, window_ns), .min = 0.1, .max = 60, .def = "2 s",
     .span_ok = true, .doc = "-"},
    {"on", MR_BOOL, offsetof(fields, on), .def = "false", .doc = "-"},
    {"kind", MR_ENUM, offsetof(fields, kind), .def = "second", .names = kinds, .doc = "-"},
    {"unit", MR_WORD, offsetof(fields, unit), .def = "", .doc = "-"},
    {"list", MR_LIST, offsetof(fields, list), .min = 0, .max = 20, .def = "", .doc = "-"},
    {"set", MR_SET, offsetof(fields, set), .def = "first", .names = kinds, .doc = "-"},
    {0}};
static const mr_op op = {.name = "madeup", .size = sizeof(fields), .params = params};

/* Parses "key=value key=value"; the fields stay as they were if refused. */
static mr_status parse(const char *text, fields *f)
{
    char line[256] = "madeup ";
    strcat(line, text);
    mr_node list = cut_settings(line);
    mr_status st = mr_params_parse(&op, &list.entries[0].entries[0], f);
    mr_node_fini(&list);
    return st;
}

static void defaults_fill_what_is_not_given(void **state)
{
    fields f = {0};
    (void)state;
    assert_int_equal(parse("corner=50Hz", &f), MR_OK);
    assert_true(f.corner == 50 && f.part == 0.05 && f.range[0] == 0 && f.count == 3 && !f.on);
    assert_true(f.window_ns == 2000000000 && f.kind == 1 && f.unit[0] == 0 && f.list.n == 0);
}

static void every_type_is_read(void **state)
{
    fields f = {0};
    (void)state;
    assert_int_equal(parse("corner=0.05kHz part=50% range=2..30Hz count=9 window=250ms on=true "
                           "kind=first unit=mV",
                           &f),
                     MR_OK);
    assert_true(f.corner == 50 && f.part == 0.5 && f.range[0] == 2 && f.range[1] == 30);
    assert_true(f.count == 9 && f.window_ns == 250000000 && f.on && f.kind == 0);
    assert_string_equal(f.unit, "mV");
    assert_int_equal(parse("corner=1Hz window=span", &f), MR_OK);
    assert_true(f.window_ns == MR_WINDOW_SPAN);
}

static void lists_of_numbers(void **state)
{
    fields f = {0};
    mr_node map = cut_group(MR_NODE_MAP, "madeup");
    (void)state;
    cut_add(&map, cut_scalar("corner", "1 Hz"));
    mr_node *l = cut_add(&map, cut_group(MR_NODE_LIST, "list"));
    cut_add(l, cut_scalar("", "4"));
    cut_add(l, cut_scalar("", "17"));
    assert_int_equal(mr_params_parse(&op, &map, &f), MR_OK);
    assert_true(f.list.n == 2 && f.list.v[0] == 4 && f.list.v[1] == 17);
    l = &map.entries[1];
    cut_add(l, cut_scalar("", "21"));
    assert_int_equal(mr_params_parse(&op, &map, &f), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "0..20"));
    mr_node_fini(&map);
}

static void a_number_is_a_list_of_one(void **state)
{
    fields f = {0};
    (void)state;
    assert_int_equal(parse("corner=1Hz list=7", &f), MR_OK);
    assert_true(f.list.n == 1 && f.list.v[0] == 7);
}

static void sets_of_words(void **state)
{
    fields f = {0};
    mr_node map = cut_group(MR_NODE_MAP, "madeup");
    (void)state;
    assert_int_equal(parse("corner=1Hz", &f), MR_OK);
    assert_int_equal(f.set, 1);
    assert_int_equal(parse("corner=1Hz set=second", &f), MR_OK);
    assert_int_equal(f.set, 2);
    cut_add(&map, cut_scalar("corner", "1 Hz"));
    mr_node *l = cut_add(&map, cut_group(MR_NODE_LIST, "set"));
    assert_int_equal(mr_params_parse(&op, &map, &f), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "empty"));
    l = &map.entries[1];
    cut_add(l, cut_scalar("", "second"));
    cut_add(l, cut_scalar("", "first"));
    assert_int_equal(mr_params_parse(&op, &map, &f), MR_OK);
    assert_int_equal(f.set, 3);
    cut_add(l, cut_scalar("", "third"));
    assert_int_equal(mr_params_parse(&op, &map, &f), MR_ECONFIG);
    mr_node_fini(&map);
}

static void refusals_say_place_parameter_and_range(void **state)
{
    static const char *const bad[][2] = {
        {"corner=200Hz", "200 Hz is outside 1..100 Hz"},
        {"corner=50", "Hz"},
        {"corner=5s", "corner"},
        {"corner=1Hz part=60%", "60 % is outside 1..50 %"},
        {"corner=1Hz range=30..2Hz", "range"},
        {"corner=1Hz range=2..300Hz", "300 Hz is outside 1..100 Hz"},
        {"corner=1Hz count=10", "outside 1..9"},
        {"corner=1Hz count=2.5", "count"},
        {"corner=1Hz window=1h", "3600 s is outside 0.1..60 s"},
        {"corner=1Hz on=maybe", "maybe is neither true nor false"},
        {"corner=1Hz kind=secnd", "did you mean second?"},
        {"corner=1Hz unit=a-unit-whose-name-is-much-too-long", "31 characters"},
        {"corner=1Hz list=x", "a list of them in [ ]"},
        {"corner=1Hz list=33", "0..20"},
        {"corner=1Hz set=thrid", "none of first, second"},
        {"corner=1Hz cornr=3", "did you mean corner?"},
        {"corner=1Hz qqqqqqqq=3", "millrace ops madeup"},
        {"count=3", "corner is needed: needed"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fields f = {0};
        assert_int_equal(parse(bad[i][0], &f), MR_ECONFIG);
        if (!strstr(mr_error(), bad[i][1]) || !strstr(mr_error(), "text:1:1") ||
            !strstr(mr_error(), "madeup"))
            fail_msg("%s: \"%s\"", bad[i][0], mr_error());
    }
}

static void shapes_that_are_no_parameters_are_refused(void **state)
{
    fields f = {0};
    mr_node word = cut_scalar("madeup", "5"), map = cut_group(MR_NODE_MAP, "madeup");
    (void)state;
    assert_int_equal(mr_params_parse(&op, &word, &f), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "{name: value, ...}"));
    cut_add(&map, cut_group(MR_NODE_MAP, "corner"));
    assert_int_equal(mr_params_parse(&op, &map, &f), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "one value is needed, not a map"));
    assert_int_equal(mr_params_parse(&op, NULL, &f), MR_ECONFIG); /* corner has no default */
    mr_node_fini(&word);
    mr_node_fini(&map);
}

static void text_gives_back_what_was_set(void **state)
{
    fields f = {0};
    mr_text t = {0};
    (void)state;
    assert_int_equal(parse("corner=50Hz part=12.5% range=2..30Hz window=250ms on=true unit=mV", &f),
                     MR_OK);
    assert_int_equal(mr_params_text(&op, &f, false, &t), MR_OK);
    assert_string_equal(t.s,
                        " corner=50 Hz part=12.5 % range=2..30 Hz count=3 window=0.25 s on=true "
                        "kind=second unit=\"mV\" set=first");
    mr_text_fini(&t);
    assert_int_equal(mr_params_text(&op, &f, true, &t), MR_OK); /* 50 = 0x1.9p+5, 1/8 = 0x1p-3 */
    assert_non_null(strstr(t.s, " corner=0x1.9p+5 Hz part=0x1p-3 %"));
    assert_non_null(strstr(t.s, " window=250000000ns"));
    mr_text_fini(&t);
}

static void chains_refuse_what_is_no_operator(void **state)
{
    mr_geom g = {.rate_hz = 100, .nc = 4};
    mr_node list = cut_group(MR_NODE_LIST, "chain");
    mr_chain *c = NULL;
    (void)state;
    mr_node *item = cut_add(&list, cut_group(MR_NODE_MAP, ""));
    cut_add(item, cut_scalar("abs", ""));
    cut_add(item, cut_scalar("abs", ""));
    assert_int_equal(mr_chain_new(&list, &g, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "one operator an entry"));
    mr_node_fini(&list);
    list = cut_scalar("chain", "abs");
    assert_int_equal(mr_chain_new(&list, &g, &c), MR_ECONFIG);
    mr_node_fini(&list);
    list = cut_group(MR_NODE_LIST, "chain");
    cut_add(&list, cut_scalar("", "abs")); /* the name alone is fine */
    assert_int_equal(mr_chain_new(&list, &g, &c), MR_OK);
    mr_chain_free(c);
    for (int i = 0; i < MR_MAX_OPS; i++) cut_add(&list, cut_scalar("", "abs"));
    assert_int_equal(mr_chain_new(&list, &g, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "more than 32 operators"));
    mr_node_fini(&list);
    list = cut_settings("common_mode");
    g.nc = 1;
    assert_int_equal(mr_chain_new(&list, &g, &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "one channel"));
    mr_node_fini(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_what_is_not_given),
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(lists_of_numbers),
        cmocka_unit_test(a_number_is_a_list_of_one),
        cmocka_unit_test(sets_of_words),
        cmocka_unit_test(refusals_say_place_parameter_and_range),
        cmocka_unit_test(shapes_that_are_no_parameters_are_refused),
        cmocka_unit_test(text_gives_back_what_was_set),
        cmocka_unit_test(chains_refuse_what_is_no_operator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
