/* -s KEY=VALUE: what it changes, what it makes, and where its refusals point. */
#include "plan/config/tree.h"
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char base[] = "input: {files: a.h5}\n"
                           "chain:\n"
                           "  - bandpass: {band: 1..45 Hz}\n"
                           "  - abs\n"
                           "  - decimate: {factor: 5}\n"
                           "  - lowpass:\n"
                           "  - abs: {}\n"
                           "run:\n";

static mr_node tree(void)
{
    const mr_yaml_src src = {.file = "c.yaml", .depth = 1};
    mr_node r;
    assert_int_equal(mr_yaml_parse(&src, base, strlen(base), &r), MR_OK);
    return r;
}

static mr_node changed(const char *setting)
{
    mr_node r = tree();
    if (mr_override_apply(&r, setting) != MR_OK) fail_msg("%s: %s", setting, mr_error());
    return r;
}

static void refused(const char *setting, const char *message)
{
    mr_node r = tree();
    mr_error_clear();
    assert_int_equal(mr_override_apply(&r, setting), MR_ECONFIG);
    if (strncmp(mr_error(), message, strlen(message)) != 0)
        fail_msg("'%s' does not begin with '%s'", mr_error(), message);
    mr_node_fini(&r);
}

static const mr_node *param(const mr_node *r, size_t i, const char *op, const char *name)
{
    const mr_node *chain = mr_node_get(r, "chain");
    return mr_node_get(mr_node_get(&chain->entries[i], op), name);
}

static void an_operator_is_found_by_its_name(MR_UNUSED void **state)
{
    mr_node r = changed("chain.decimate.factor=10");
    const mr_node *n = param(&r, 2, "decimate", "factor");
    assert_string_equal(n->text, "10");
    assert_string_equal(n->key, "factor");
    assert_string_equal(n->file, "-s chain.decimate.factor=10");
    assert_int_equal(n->line, 1);
    assert_int_equal(n->col, 23); /* the 2nd character of "10" would be 24 */
    assert_int_equal(n->key_col, 16);
    mr_node_fini(&r);
    r = changed("chain.bandpass.order=8"); /* a new parameter */
    assert_string_equal(param(&r, 0, "bandpass", "order")->text, "8");
    assert_string_equal(param(&r, 0, "bandpass", "band")->text, "1..45 Hz");
    mr_node_fini(&r);
    r = changed("chain.lowpass.corner=5 Hz"); /* "- lowpass:" had none */
    assert_string_equal(param(&r, 3, "lowpass", "corner")->text, "5 Hz");
    mr_node_fini(&r);
}

static void an_index_tells_repeated_operators_apart(MR_UNUSED void **state)
{
    mr_node r = changed("chain.2.decimate.factor=10");
    assert_string_equal(param(&r, 2, "decimate", "factor")->text, "10");
    mr_node_fini(&r);
    r = changed("chain.1.abs.x=1"); /* "- abs" alone becomes a map */
    assert_string_equal(param(&r, 1, "abs", "x")->text, "1");
    assert_null(param(&r, 4, "abs", "x"));
    mr_node_fini(&r);
    r = changed("chain.4={clip: {max: 3}}"); /* a whole entry */
    assert_string_equal(param(&r, 4, "clip", "max")->text, "3");
    mr_node_fini(&r);
    refused("chain.abs.x=1", "-s:1:7: chain.abs: 2 operators have this name; use an index: "
                             "chain.1.abs, chain.4.abs");
    refused("chain.1.decimate.factor=3", "-s:1:9: chain.1 is abs, not decimate");
    refused("chain.5.abs.x=3", "-s:1:7: chain: '5' is no place in the list; there are 0..4");
    refused("chain.decimat.factor=3",
            "-s:1:7: chain.decimat: no such operator in the chain; did you "
            "mean decimate? (it has bandpass, abs, decimate, lowpass, abs)");
}

static void keys_that_are_absent_are_made(MR_UNUSED void **state)
{
    mr_node r = changed("output.folder=out/x");
    assert_string_equal(mr_node_get(mr_node_get(&r, "output"), "folder")->text, "out/x");
    assert_int_equal(mr_node_get(&r, "output")->key_col, 1);
    mr_node_fini(&r);
    r = changed("run.io_threads=4"); /* "run:" had nothing */
    assert_string_equal(mr_node_get(mr_node_get(&r, "run"), "io_threads")->text, "4");
    mr_node_fini(&r);
    r = changed("input.map.rate.attr=/raw@fs");
    const mr_node *map = mr_node_get(mr_node_get(&r, "input"), "map");
    assert_string_equal(mr_node_get(mr_node_get(map, "rate"), "attr")->text, "/raw@fs");
    mr_node_fini(&r);
    mr_node none = tree();
    mr_node_fini(&none.entries[1]);
    none.entries[1] = none.entries[2];
    none.n = 2; /* no chain */
    assert_int_equal(mr_override_apply(&none, "chain.abs.x=1"), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "-s:1:1: chain: the config has no chain"));
    mr_node_fini(&none);
}

static void values_are_yaml(MR_UNUSED void **state)
{
    mr_node r = changed("input.files=[a.h5, \"*.h5\"]");
    const mr_node *f = mr_node_get(mr_node_get(&r, "input"), "files");
    assert_int_equal(f->kind, MR_NODE_LIST);
    assert_string_equal(f->entries[1].text, "*.h5");
    assert_int_equal(f->entries[1].col, 20);
    assert_int_equal(mr_override_apply(&r, "input.files.1=b.h5"), MR_OK); /* a later one wins */
    assert_string_equal(mr_node_get(mr_node_get(&r, "input"), "files")->entries[1].text, "b.h5");
    mr_node_fini(&r);
    r = changed("chain=[]");
    assert_int_equal(mr_node_get(&r, "chain")->n, 0);
    mr_node_fini(&r);
    r = changed("input.time=2026-01-01T00:00:00Z .. 2026-01-02T00:00:00Z");
    assert_string_equal(mr_node_get(mr_node_get(&r, "input"), "time")->text,
                        "2026-01-01T00:00:00Z .. 2026-01-02T00:00:00Z");
    mr_node_fini(&r);
    r = changed("output.title=a=b");
    assert_string_equal(mr_node_get(mr_node_get(&r, "output"), "title")->text, "a=b");
    mr_node_fini(&r);
    r = changed("output.title=");
    assert_true(mr_node_empty(mr_node_get(mr_node_get(&r, "output"), "title")));
    mr_node_fini(&r);
}

static void refusals_point_into_the_setting(MR_UNUSED void **state)
{
    refused("output.folder", "-s:1:1: 'output.folder' has no =; write -s KEY=VALUE");
    refused("=x", "-s:1:1: a name is missing here");
    refused("output..folder=x", "-s:1:8: a name is missing here");
    refused("output.=x", "-s:1:8: a name is missing here");
    refused("input.files=*.h5", "-s:1:13: a value that begins with * must stand in quotes");
    refused("input.files=[a", "-s:1:13: YAML: ");
    refused("input.files={a: 1, a: 2}", "-s:1:20: a stands here twice");
    refused("input.files.x=1", "-s:1:13: files is a text; it has no settings of its own");
    refused("chain.decimate.factor.x=1", "-s:1:23: factor is a text");
    refused("a=\xff", "-s:1:3: byte \\xff is not UTF-8");
    refused("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1", "-s:1:33: more than 16 names in one key");
    static char deep[2000] = "chain=";
    memset(deep + 6, '[', 1000);
    refused(deep, "-s:1:38: nested deeper than 32 levels"); /* the value is level 2 */
}

static void a_config_that_is_no_map_has_nothing_to_change(MR_UNUSED void **state)
{
    const mr_yaml_src src = {.file = "c.yaml", .depth = 1};
    mr_node r;
    assert_int_equal(mr_yaml_parse(&src, "just text", 9, &r), MR_OK);
    assert_int_equal(mr_override_apply(&r, "chain.abs=1"), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "-s:1:1: the config is a text"));
    mr_node_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operator_is_found_by_its_name),
        cmocka_unit_test(an_index_tells_repeated_operators_apart),
        cmocka_unit_test(keys_that_are_absent_are_made),
        cmocka_unit_test(values_are_yaml),
        cmocka_unit_test(refusals_point_into_the_setting),
        cmocka_unit_test(a_config_that_is_no_map_has_nothing_to_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
