/* test_follow.c: what a run that follows remembers: lanes that it need not open again, files that
 * are whole and those that are not yet. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "run/folder/known.h"
#include "run/follow/whole.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static mr_lane lane_of(int i)
{
    mr_lane l = {0};
    snprintf(l.key.hex, sizeof l.key.hex, "%032x", (unsigned)i);
    snprintf(l.rel, sizeof l.rel, "lanes/2026-01-01/%08d_c00000-00010.h5", i);
    return l;
}

static void known_lanes_are_found_again_by_identity_and_name(void **state)
{
    enum { N = 3000 };
    mr_known *k = NULL;
    mr_digest got;
    const char *lost;
    (void)state;
    assert_int_equal(mr_known_new(&k), MR_OK);
    mr_lane l = lane_of(0);
    assert_false(mr_known_find(NULL, &l, &got, &lost));
    assert_false(mr_known_find(k, &l, &got, &lost)); /* none yet */
    for (int i = 0; i < N; i++) {
        l = lane_of(i);
        mr_digest content = mr_digest_of(&i, sizeof i);
        assert_int_equal(mr_known_add(k, &l, &content, i % 7 ? NULL : "lost 1 2 0 a.h5 why\n"),
                         MR_OK);
    }
    for (int i = 0; i < N; i++) {
        l = lane_of(i);
        const mr_digest want = mr_digest_of(&i, sizeof i);
        assert_true(mr_known_find(k, &l, &got, &lost));
        assert_string_equal(got.hex, want.hex);
        assert_int_equal(lost == NULL, i % 7 != 0);
        l.key.hex[0] = 'f'; /* other inputs */
        assert_false(mr_known_find(k, &l, &got, &lost));
        l = lane_of(i);
        l.rel[20] = 'x'; /* another name */
        assert_false(mr_known_find(k, &l, &got, &lost));
    }
    l = lane_of(7);
    const mr_digest anew = mr_digest_of("anew", 4);
    assert_int_equal(mr_known_add(k, &l, &anew, NULL), MR_OK); /* made anew: no loss now */
    assert_true(mr_known_find(k, &l, &got, &lost));
    assert_string_equal(got.hex, anew.hex);
    assert_null(lost);
    mr_known_free(k);
}

static void a_folder_that_holds_all_known_lanes_is_not_gone_through(void **state)
{
    mr_known *k = NULL;
    (void)state;
    assert_false(mr_known_all(NULL, 0));
    assert_int_equal(mr_known_new(&k), MR_OK);
    assert_false(mr_known_all(k, 0)); /* nobody has looked */
    mr_known_looked(k, true, 5);
    assert_true(mr_known_all(k, 5));
    assert_false(mr_known_all(k, 4)); /* one of them is in no plan any more */
    mr_known_made(k, 2);
    assert_true(mr_known_all(k, 7));
    mr_known_looked(k, false, 7); /* something else lies there */
    assert_false(mr_known_all(k, 7));
    mr_known_free(k);
}

/* --- files */

typedef struct place {
    char root[64], file[100], other[100];
} place;

static int make_place(void **state)
{
    place *p = calloc(1, sizeof *p);
    snprintf(p->root, sizeof p->root, "/tmp/test_follow.XXXXXX");
    if (!p || !mkdtemp(p->root)) return -1;
    snprintf(p->file, sizeof p->file, "%s/b.h5", p->root);
    snprintf(p->other, sizeof p->other, "%s/a.h5", p->root);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    place *p = *state;
    unlink(p->file);
    unlink(p->other);
    const int rc = rmdir(p->root);
    free(p);
    return rc;
}

/** n bytes, last changed ten seconds ago: nobody writes any more. */
static void write_old(const char *path, size_t n)
{
    struct timeval then[2];
    char *bytes = calloc(n, 1);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(bytes);
    gettimeofday(&then[0], NULL);
    then[0].tv_sec -= 10;
    then[1] = then[0];
    assert_int_equal(utimes(path, then), 0);
}

static size_t look(mr_whole *w, const place *p, bool all, mr_whole_news *news)
{
    mr_strs paths = {0};
    if (access(p->other, F_OK) == 0) assert_int_equal(mr_strs_add(&paths, p->other), MR_OK);
    assert_int_equal(mr_strs_add(&paths, p->file), MR_OK);
    assert_int_equal(mr_whole_look(w, &paths, all, news), MR_OK);
    const size_t n = paths.n;
    mr_strs_fini(&paths);
    return n;
}

static void a_file_that_was_taken_is_looked_at_again_only_when_asked(void **state)
{
    const place *p = *state;
    mr_whole *w = NULL;
    mr_whole_news news;
    assert_int_equal(mr_whole_new(600, &w), MR_OK);
    assert_false(mr_whole_stir(w, p->file));
    write_old(p->file, 100);
    assert_int_equal(look(w, p, false, &news), 1);
    assert_int_equal(news.n_new, 1);
    write_old(p->file, 200); /* changed: nobody said so */
    assert_int_equal(look(w, p, false, &news), 1);
    assert_int_equal(news.n_new, 0);
    assert_true(mr_whole_stir(w, p->file));
    mr_whole_again(w, &news);
    assert_int_equal(news.n_new, 1);
    write_old(p->file, 300);
    assert_int_equal(look(w, p, true, &news), 1);
    assert_int_equal(news.n_new, 1);
    mr_whole_free(w);
}

static void a_file_that_is_not_whole_is_looked_at_until_it_is(void **state)
{
    const place *p = *state;
    mr_whole *w = NULL;
    mr_whole_news news;
    assert_int_equal(mr_whole_new(600, &w), MR_OK);
    write_old(p->file, 0); /* empty */
    assert_int_equal(look(w, p, false, &news), 0);
    assert_int_equal(news.n_pending, 1);
    mr_whole_again(w, &news);
    assert_int_equal(news.n_pending, 1);
    write_old(p->file, 100);
    mr_whole_again(w, &news);
    assert_int_equal(news.n_pending, 0);
    assert_int_equal(news.n_new, 1);
    write_old(p->other, 100); /* before it in the listing: a guess of its place is wrong */
    assert_int_equal(look(w, p, false, &news), 2);
    assert_int_equal(news.n_new, 1);
    mr_whole_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_lanes_are_found_again_by_identity_and_name),
        cmocka_unit_test(a_folder_that_holds_all_known_lanes_is_not_gone_through),
        cmocka_unit_test_setup_teardown(a_file_that_was_taken_is_looked_at_again_only_when_asked,
                                        make_place, drop_place),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_whole_is_looked_at_until_it_is,
                                        make_place, drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
