/* Texts, lists, nearest names, safe printing, small files. */
#include "base/text.h"
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void a_text_grows_by_format_and_bytes(MR_UNUSED void **state)
{
    mr_text t = {0};
    for (int i = 0; i < 1000; i++) assert_int_equal(mr_text_add(&t, "%03d,", i), MR_OK);
    assert_int_equal(t.len, 4000);
    assert_int_equal(strlen(t.s), 4000);
    assert_memory_equal(t.s + 3996, "999,", 5);
    assert_int_equal(mr_text_add_bytes(&t, "a\0b", 3), MR_OK);
    assert_memory_equal(t.s + 4000, "a\0b", 4);
    mr_text_fini(&t);
    assert_null(t.s);
    mr_text_fini(NULL);
}

static void a_list_owns_its_strings(MR_UNUSED void **state)
{
    mr_strs l = {0};
    char name[8];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(mr_strs_add(&l, name), MR_OK);
    }
    assert_int_equal(l.n, 100);
    assert_string_equal(l.v[42], "42");
    mr_strs_fini(&l);
    assert_int_equal(l.n, 0);
    char *copy = NULL;
    assert_int_equal(mr_strdup("abc", &copy), MR_OK);
    assert_string_equal(copy, "abc");
    free(copy);
}

static void the_nearest_name_is_found(MR_UNUSED void **state)
{
    const char *const names[] = {"bandpass", "bandstop", "decimate", "files", "folder", "abs"};
    const size_t n = sizeof names / sizeof names[0];
    assert_string_equal(mr_nearest("bandpas", names, n, sizeof names[0]), "bandpass");
    assert_string_equal(mr_nearest("BandPass", names, n, sizeof names[0]), "bandpass");
    assert_string_equal(mr_nearest("deicmate", names, n, sizeof names[0]), "decimate");
    assert_string_equal(mr_nearest("file", names, n, sizeof names[0]), "files");
    assert_null(mr_nearest("spectrogram", names, n, sizeof names[0]));
    assert_null(mr_nearest("x", names, n, sizeof names[0]));
    assert_null(mr_nearest("", names, n, sizeof names[0]));
    static char endless[60001];
    memset(endless, 'a', 60000);
    assert_null(mr_nearest(endless, names, n, sizeof names[0]));
    const struct {
        const char *name;
        int row;
    } rows[] = {{"lowpass", 1}, {"highpass", 2}}; /* names inside a table */
    assert_string_equal(mr_nearest("lopass", rows, 2, sizeof rows[0]), "lowpass");
}

static void strange_bytes_print_as_hex(MR_UNUSED void **state)
{
    char out[64], small[8];
    mr_printable("a\tb\x1b[31m\x7f", out, sizeof out);
    assert_string_equal(out, "a\\x09b\\x1b[31m\\x7f");
    mr_printable("gr\xc3\xbc\xc3\x9f \xe6\xb3\xa2", out, sizeof out); /* printable UTF-8 stays */
    assert_string_equal(out, "gr\xc3\xbc\xc3\x9f \xe6\xb3\xa2");
    mr_printable("\xff\xc3(\xc0\x80\xed\xa0\x80", out, sizeof out); /* bad, overlong, surrogate */
    assert_string_equal(out, "\\xff\\xc3(\\xc0\\x80\\xed\\xa0\\x80");
    mr_printable("\xe2\x80\xae", out, sizeof out); /* U+202E turns the text around */
    assert_string_equal(out, "\\xe2\\x80\\xae");
    mr_printable("abcdefghij", small, sizeof small);
    assert_string_equal(small, "abcd...");
    mr_printable("abcdefg", small, sizeof small);
    assert_string_equal(small, "abcdefg");
    mr_printable("abc\xe6\xb3\xa2\xe6\xb3\xa2", small, sizeof small); /* never half a character */
    assert_string_equal(small, "abc...");
    mr_printable("abc", small, 1);
    assert_string_equal(small, "");
    mr_printable("abc", small, 3);
    assert_string_equal(small, "");
}

static void utf8_is_told_from_other_bytes(MR_UNUSED void **state)
{
    uint32_t c = 0;
    assert_int_equal(mr_utf8_next("a", 1, &c), 1);
    assert_int_equal(c, 'a');
    assert_int_equal(mr_utf8_next("\xe2\x82\xac", 3, &c), 3);
    assert_int_equal(c, 0x20ac);
    assert_int_equal(mr_utf8_next("\xf0\x9f\x98\x80", 4, &c), 4);
    assert_int_equal(c, 0x1f600);
    assert_int_equal(mr_utf8_next("\xe2\x82", 2, &c), 0);         /* cut */
    assert_int_equal(mr_utf8_next("\xe0\x80\x80", 3, &c), 0);     /* overlong */
    assert_int_equal(mr_utf8_next("\xf4\x90\x80\x80", 4, &c), 0); /* beyond U+10FFFF */
    assert_int_equal(mr_utf8_next("", 0, &c), 0);
}

static void files_are_read_whole_or_refused(MR_UNUSED void **state)
{
    char dir[] = "/tmp/mr_text_XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/f", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fwrite("ab\0cd", 1, 5, f);
    fclose(f);
    mr_text t = {0};
    assert_int_equal(mr_read_text(path, 5, &t), MR_OK);
    assert_int_equal(t.len, 5);
    assert_memory_equal(t.s, "ab\0cd", 6);
    mr_text_fini(&t);
    assert_int_equal(mr_read_text(path, 4, &t), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "longer than 4 bytes"));
    mr_text_fini(&t);
    assert_int_equal(mr_read_text(dir, 100, &t), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "is a folder"));
    unlink(path);
    assert_int_equal(mr_read_text(path, 100, &t), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "cannot be opened"));
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mr_read_text(path, 100, &t), MR_ECONFIG); /* and does not wait */
    unlink(path);
    assert_null(t.s);
    rmdir(dir);
}

static void folders_are_made_with_parents(MR_UNUSED void **state)
{
    char dir[] = "/tmp/mr_text_XXXXXX", path[64];
    struct stat sb;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a/b//c/", dir);
    assert_int_equal(mr_mkdirs(path), MR_OK);
    assert_int_equal(mr_mkdirs(path), MR_OK);
    assert_int_equal(stat(path, &sb), 0);
    assert_true(S_ISDIR(sb.st_mode));
    rmdir(path);
    snprintf(path, sizeof path, "%s/a/b/f", dir);
    fclose(fopen(path, "w"));
    assert_int_equal(mr_mkdirs(path), MR_EOUTPUT);
    snprintf(path, sizeof path, "%s/a/b/f/g", dir);
    assert_int_equal(mr_mkdirs(path), MR_EOUTPUT);
    snprintf(path, sizeof path, "rm -r %s", dir);
    assert_int_equal(system(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_grows_by_format_and_bytes),
        cmocka_unit_test(a_list_owns_its_strings),
        cmocka_unit_test(the_nearest_name_is_found),
        cmocka_unit_test(strange_bytes_print_as_hex),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(files_are_read_whole_or_refused),
        cmocka_unit_test(folders_are_made_with_parents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
