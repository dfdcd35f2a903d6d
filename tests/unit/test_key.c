/* test_key.c: the key of an output folder: random, in a file that is its owner's alone. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "watch/conn.h"

static void a_key_is_its_owners_alone(void **state)
{
    (void)state;
    mr_key a, b;
    struct stat sb;
    char path[64], command[80];
    snprintf(path, sizeof path, "/tmp/mr_key_XXXXXX");
    assert_non_null(mkdtemp(path));
    snprintf(command, sizeof command, "rm -r %s", path);
    strcat(path, "/key");
    assert_int_equal(mr_key_read(path, &a), MR_ECLOSED);
    assert_int_equal(mr_key_make(path, &a), MR_OK);
    assert_int_equal(stat(path, &sb), 0);
    assert_int_equal(sb.st_mode & 0777, 0600);
    assert_int_equal(mr_key_read(path, &b), MR_OK);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(mr_key_make(path, &b), MR_OK);
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(mr_key_read(path, &a), MR_EDENIED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 20), 0);
    assert_int_equal(mr_key_read(path, &a), MR_EINPUT);
    char hex[33];
    assert_int_equal(mr_random_hex(16, hex), MR_OK);
    assert_int_equal(strspn(hex, "0123456789abcdef"), 32);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_key_is_its_owners_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
