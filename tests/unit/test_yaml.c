/* YAML to tree: places of values and keys, and everything that is refused, with its place. */
#include "plan/config/tree.h"
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const mr_yaml_src src = {.file = "c.yaml", .depth = 1};

static void refused_n(const char *text, size_t len, const char *message)
{
    mr_node n = {.line = -7};
    mr_error_clear();
    mr_status st = mr_yaml_parse(&src, text, len, &n);
    if (st != MR_ECONFIG) fail_msg("status %d for: %s", (int)st, text);
    if (strncmp(mr_error(), message, strlen(message)) != 0)
        fail_msg("'%s' does not begin with '%s'", mr_error(), message);
    assert_int_equal(n.line, -7); /* untouched */
}

static void refused(const char *text, const char *message)
{
    refused_n(text, strlen(text), message);
}

static void at(const mr_node *n, int line, int col, int key_line, int key_col)
{
    assert_non_null(n);
    assert_string_equal(n->file, "c.yaml");
    assert_int_equal(n->line, line);
    assert_int_equal(n->col, col);
    assert_int_equal(n->key_line, key_line);
    assert_int_equal(n->key_col, key_col);
}

static void values_and_keys_know_their_places(MR_UNUSED void **state)
{
    static const char text[] = "# a comment\n"
                               "input:\n"
                               "  files: data/*.h5   # a glob\n"
                               "  channels: [1, '2']\n"
                               "chain:\n"
                               "  - bandpass: {band: 1..45 Hz, order: 4}\n"
                               "  - abs\n"
                               "  - demean:\n";
    mr_node r;
    assert_int_equal(mr_yaml_parse(&src, text, strlen(text), &r), MR_OK);
    assert_int_equal(r.kind, MR_NODE_MAP);
    const mr_node *input = mr_node_get(&r, "input"), *chain = mr_node_get(&r, "chain");
    at(input, 3, 3, 2, 1);
    at(mr_node_get(input, "files"), 3, 10, 3, 3);
    assert_string_equal(mr_node_get(input, "files")->text, "data/*.h5");
    const mr_node *ch = mr_node_get(input, "channels");
    assert_int_equal(ch->n, 2);
    at(&ch->entries[1], 4, 17, 4, 17);
    assert_true(ch->entries[1].quoted && !ch->entries[0].quoted);
    assert_int_equal(chain->n, 3);
    const mr_node *bp = mr_node_get(&chain->entries[0], "bandpass");
    at(bp, 6, 15, 6, 5);
    at(mr_node_get(bp, "band"), 6, 22, 6, 16);
    assert_string_equal(mr_node_get(bp, "band")->text, "1..45 Hz");
    assert_string_equal(chain->entries[1].text, "abs");
    assert_string_equal(chain->entries[1].key, "");
    assert_true(mr_node_empty(mr_node_get(&chain->entries[2], "demean")));
    assert_null(mr_node_get(&r, "output"));
    mr_node_fini(&r);
}

static void columns_count_characters_and_a_byte_order_mark_is_none(MR_UNUSED void **state)
{
    static const char text[] = "\xef\xbb\xbf{\xc3\xbc\xc3\xb6: 1, b: \xe6\xb3\xa2}";
    mr_node r;
    assert_int_equal(mr_yaml_parse(&src, text, strlen(text), &r), MR_OK);
    at(mr_node_get(&r, "b"), 1, 12, 1, 9); /* {ue oe : space 1 , space b : space wave */
    mr_node_fini(&r);
}

static void an_empty_text_is_an_empty_value(MR_UNUSED void **state)
{
    const char *const texts[] = {"", "# nothing\n", "---\n...\n", "\n\n"};
    for (size_t i = 0; i < 4; i++) {
        mr_node r;
        assert_int_equal(mr_yaml_parse(&src, texts[i], strlen(texts[i]), &r), MR_OK);
        assert_true(mr_node_empty(&r));
        mr_node_fini(&r);
    }
}

static void what_could_be_misread_is_refused(MR_UNUSED void **state)
{
    refused("a: 1\nb: 2\na: 3\n", "c.yaml:3:1: a stands here twice; first in line 1, column 1");
    refused("x: {a: 1, a: 2}", "c.yaml:1:11: a stands here twice; first in line 1, column 5");
    refused("a: &x 1\n", "c.yaml:1:4: anchors are not used here");
    refused("a: &x [1]\n", "c.yaml:1:4: anchors");
    refused("a: &x {b: 1}\n", "c.yaml:1:4: anchors");
    refused("a: 1\nb: *x\n", "c.yaml:2:4: aliases are not used here");
    refused("files: *.h5\n", "c.yaml:1:8: a value that begins with * must stand in quotes");
    refused("a: !!int 1\n", "c.yaml:1:4: tags are not used here");
    refused("a: !x [1]\n", "c.yaml:1:4: tags");
    refused("! a: 1\n", "c.yaml:1:1: tags");
    refused("%TAG !e! tag:e.org:\n---\na: 1\n", "c.yaml:1:1: %TAG is not used here");
    refused("a: 1\n---\nb: 2\n", "c.yaml:2:1: a second document begins here");
    refused("a: 1\n...\nb: 2\n", "c.yaml:3:1: ");
    refused("[a]: 1\n", "c.yaml:1:1: a key must be a plain name");
    refused("{a: 1}: 1\n", "c.yaml:1:1: a key must be a plain name");
    refused("? \n: 1\n", "c.yaml:1:");
    refused("'': 1\n", "c.yaml:1:1: a key must be a name; this one is empty");
    refused("a: \"x\\0y\"\n", "c.yaml:1:4: a text with a NUL character inside");
}

static void syntax_errors_have_a_place_and_a_hint(MR_UNUSED void **state)
{
    refused("input:\n\tfiles: a\n", "c.yaml:2:1: YAML: found character that cannot start any token"
                                    "; there is a tab here: indent with spaces");
    refused("a: 1\n b: 2\n", "c.yaml:2:3: YAML: mapping values are not allowed");
    refused("a: {b: 1\nc: 2\n", "c.yaml:");
    refused("a: [1, 2\n", "c.yaml:1:4: YAML: did not find expected ',' or ']'; is a bracket");
    refused("a: 'x\n", "c.yaml:1:4: YAML: found unexpected end of stream");
    refused("a: @x\n",
            "c.yaml:1:4: YAML: found character that cannot start any token; a value that");
    refused("a: b: c\n",
            "c.yaml:1:5: YAML: mapping values are not allowed in this context; is the");
    refused("a:\n  - 1\n b: 2\n", "c.yaml:3:2: YAML: ");
}

static void bytes_that_are_no_text_are_refused(MR_UNUSED void **state)
{
    refused("a: 1\nb: x\xff\n", "c.yaml:2:5: byte \\xff is not UTF-8 text");
    refused("a: \xc3\n", "c.yaml:1:4: byte \\xc3 is not UTF-8 text");
    refused("\xff\xfe"
            "a",
            "c.yaml:1:1: byte \\xff is not UTF-8");                      /* UTF-16 */
    refused("a: \xed\xa0\x80\n", "c.yaml:1:4: byte \\xed is not UTF-8"); /* half a pair */
    refused_n("a: 1\r\nb: \0\n", 11, "c.yaml:2:4: character U+0000 is not allowed here");
    refused("a: \x1b[2J\n", "c.yaml:1:4: character U+001B is not allowed here");
    refused("a: \x7f\n", "c.yaml:1:4: character U+007F");
}

/* n times `open`, then `tail` */
static char *repeat(const char *open, size_t n, const char *tail)
{
    size_t k = strlen(open);
    char *s = malloc(n * k + strlen(tail) + 1);
    assert_non_null(s);
    for (size_t i = 0; i < n; i++) memcpy(s + i * k, open, k);
    strcpy(s + n * k, tail);
    return s;
}

static void hostile_sizes_are_refused_quickly(MR_UNUSED void **state)
{
    double t0 = mr_now();
    char *s = repeat("[", 32, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    mr_node r;
    assert_int_equal(mr_yaml_parse(&src, s, strlen(s), &r), MR_OK); /* 32 levels are allowed */
    mr_node_fini(&r);
    free(s);
    s = repeat("[", 33, "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    refused(s, "c.yaml:1:33: nested deeper than 32 levels");
    free(s);
    s = repeat("[", 1000000, "");
    refused(s, "c.yaml:1:33: nested deeper than 32 levels");
    free(s);
    s = repeat("{a: ", 200000, "");
    refused(s, "c.yaml:1:129: nested deeper than 32 levels");
    free(s);
    s = repeat("- ", 400000, "x");
    refused(s, "c.yaml:1:65: nested deeper than 32 levels");
    free(s);
    s = repeat("x", 60000, "");
    refused(s, "c.yaml:1:1: a text of 60000 bytes; at most 4096 are allowed");
    free(s);
    s = repeat("k", 60000, ": 1");
    refused(s, "c.yaml:1:1: "); /* libyaml: no simple key is that long, or ours: too long */
    free(s);
    s = repeat("- 1\n", 70000, "");
    refused(s, "c.yaml:65536:3: more than 65536 values");
    free(s);
    s = malloc(20000);
    assert_non_null(s);
    size_t n = 0;
    for (int i = 0; i < 1025; i++) n += (size_t)sprintf(s + n, "k%d: 1\n", i);
    refused(s, "c.yaml:1025:1: more than 1024 keys in one map");
    free(s);
    assert_true(mr_now() - t0 < 2); /* a refusal is promised within a second; 9 of them here */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_keys_know_their_places),
        cmocka_unit_test(columns_count_characters_and_a_byte_order_mark_is_none),
        cmocka_unit_test(an_empty_text_is_an_empty_value),
        cmocka_unit_test(what_could_be_misread_is_refused),
        cmocka_unit_test(syntax_errors_have_a_place_and_a_hint),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(hostile_sizes_are_refused_quickly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
