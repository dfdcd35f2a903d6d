/* Rows and facts of files: what is entered comes out again, alone and from a packed block; groups
 * do not depend on order; chunk tables come back from disk or are refused. */
#include "plan_rig.h"
#include <fcntl.h>
#include <unistd.h>
#include "plan/catalog/tables.h"

static const char *const abc[] = {"in/a.h5", "in/b.h5", "in/c.h5", "in/d.h5"};

static void same_info(const mr_catalog *c, size_t i, const mr_file_info *f)
{
    mr_file_info got;
    mr_catalog_info(c, i, &got);
    assert_int_equal(got.state, MR_OK);
    assert_string_equal(got.layout, f->layout);
    assert_string_equal(got.dataset, f->dataset);
    assert_string_equal(got.unit, f->unit);
    assert_true(got.t0_ns == f->t0_ns && got.t1_ns == f->t1_ns && got.size == f->size);
    assert_true(got.mtime_ns == f->mtime_ns && got.inode == f->inode);
    assert_true(got.nt == f->nt && got.nc == f->nc && got.rate_hz == f->rate_hz);
    assert_true(got.store.nt == f->store.nt && got.store.row0 == f->store.row0);
    assert_true(got.store.chunk_t == f->store.chunk_t && got.store.chunk_c == f->store.chunk_c);
    assert_true(got.store.offset == f->store.offset && got.store.n_chunks == f->store.n_chunks);
}

static void a_row_takes_64_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(mr_row), 64);
}

/** Four files: contiguous; chunked with a cut head; refused; with something odd. */
static mr_catalog *four(mr_file_info f[4])
{
    f[0] = recording(0, 6000);
    f[1] = recording(60 * S, 5990);
    f[1].store.storage = MR_ST_CHUNKED;
    f[1].store.nt = 6000;
    f[1].store.row0 = 10;
    f[1].store.chunk_t = 500;
    f[1].store.chunk_c = 3;
    f[1].store.offset = 0;
    f[1].store.n_chunks = 24; /* 6000/500 x ceil(4/3) */
    f[2] = (mr_file_info){.state = MR_EINPUT, .reason = "truncated", .size = 12};
    f[3] = recording(120 * S, 6000);
    strcpy(f[3].odd, "two start times");
    return catalog(f, abc, 4);
}

static void check_four(const mr_catalog *c, const mr_file_info f[4])
{
    mr_file_info got;
    assert_int_equal(c->n, 4);
    for (size_t i = 0; i < 4; i++) assert_string_equal(mr_catalog_path(c, i), abc[i]);
    same_info(c, 0, &f[0]);
    same_info(c, 1, &f[1]);
    same_info(c, 3, &f[3]);
    assert_null(mr_catalog_note(c, 0));
    assert_string_equal(mr_catalog_note(c, 3), "two start times");
    mr_catalog_info(c, 2, &got);
    assert_int_equal(got.state, MR_EINPUT);
    assert_string_equal(got.reason, "truncated");
    assert_int_equal(c->rows[2].size, 12);
    assert_int_equal(c->n_forms, 2);  /* stored in two ways */
    assert_int_equal(c->n_groups, 1); /* which does not matter for what they hold */
    assert_int_equal(mr_catalog_group_of(c, 1), 0);
    assert_true(mr_catalog_group(c, 0)->rate_hz == 100);
}

static void what_is_entered_comes_out_again(void **state)
{
    (void)state;
    mr_file_info f[4];
    mr_catalog *c = four(f);
    check_four(c, f);
    mr_catalog_free(c);
    mr_catalog_free(NULL);
}

static void a_packed_block_gives_the_same(void **state)
{
    (void)state;
    mr_file_info f[4];
    mr_catalog *c = four(f), *v = NULL;
    const size_t n = mr_catalog_bytes(c);
    char *block = calloc(n, 1), *again = calloc(n, 1);
    mr_catalog_pack(c, block);
    MUST(mr_catalog_view(block, n, &v));
    check_four(v, f);
    assert_int_equal(mr_catalog_bytes(v), n);
    mr_catalog_pack(v, again);
    assert_memory_equal(block, again, n);
    mr_catalog_free(v);
    mr_catalog_free(c);
    free(again);
    free(block);
}

/* a.h5 has two recordings, rows 0..600 and 600..1000; b.h5 one; c.h5 three, the second refused */
static void a_file_has_a_row_for_each_recording(void **state)
{
    (void)state;
    mr_strs paths = {0};
    mr_catalog *c = NULL, *v = NULL;
    mr_file_info r[6] = {recording(0, 600),
                         recording(9 * S, 400),
                         recording(20 * S, 100),
                         recording(30 * S, 10),
                         {.state = MR_EINPUT, .reason = "worn"},
                         recording(40 * S, 20)};
    r[1].store.row0 = 600;
    r[0].store.nt = r[1].store.nt = 1000;
    strcpy(r[5].odd, "clock: set");
    mr_probed file[3] = {{.rec = r, .n = 2}, {.rec = r + 2, .n = 1}, {.rec = r + 3, .n = 3}};
    for (size_t i = 0; i < 3; i++) MUST(mr_strs_add(&paths, abc[i]));
    MUST(mr_catalog_new(&paths, &c));
    for (size_t i = 0; i < 3; i++) MUST(mr_catalog_set_all(c, i, &file[i]));
    MUST(mr_catalog_settle(c));
    const size_t n = mr_catalog_bytes(c);
    void *block = calloc(n, 1);
    mr_catalog_pack(c, block);
    MUST(mr_catalog_view(block, n, &v));
    assert_int_equal(v->n, 6);
    assert_int_equal(v->n_files, 3);
    size_t first;
    assert_int_equal(mr_catalog_further(v, 0, &first), 1);
    assert_int_equal(first, 3);
    assert_int_equal(mr_catalog_further(v, 1, &first), 0);
    assert_int_equal(mr_catalog_further(v, 2, &first), 2);
    assert_int_equal(first, 4);
    for (size_t i = 3; i < 6; i++) {
        assert_int_equal(mr_catalog_file(v, i), i == 3 ? 0 : 2);
        assert_string_equal(mr_catalog_path(v, i), abc[i == 3 ? 0 : 2]);
    }
    same_info(v, 3, &r[1]);
    assert_int_equal(mr_catalog_row0(v, 3), 0); /* of the dataset */
    assert_int_equal(v->rows[4].form, MR_REFUSED);
    assert_string_equal(mr_catalog_note(v, 4), "worn");
    assert_string_equal(mr_catalog_note(v, 5), "clock: set");
    mr_catalog_free(v);
    mr_catalog_free(c);
    free(block);
    mr_strs_fini(&paths);
}

static void a_damaged_block_is_refused(void **state)
{
    (void)state;
    mr_file_info f[4];
    mr_catalog *c = four(f), *v = NULL;
    const size_t n = mr_catalog_bytes(c);
    char *block = calloc(n + 8, 1);
    mr_catalog_pack(c, block);
    assert_int_equal(mr_catalog_view(block, 8, &v), MR_EINPUT);
    assert_int_equal(mr_catalog_view(block, n - 8, &v), MR_EINPUT);
    assert_int_equal(mr_catalog_view(block, n + 8, &v), MR_EINPUT);
    ((mr_row *)(void *)(block + 40))->form = 2; /* rows stand behind five counts; forms are 0, 1 */
    assert_int_equal(mr_catalog_view(block, n, &v), MR_EINPUT);
    mr_catalog_pack(c, block);
    *(uint64_t *)(void *)block = UINT64_MAX; /* so many files */
    assert_int_equal(mr_catalog_view(block, n, &v), MR_EINPUT);
    assert_null(v);
    mr_catalog_free(c);
    free(block);
}

static void facts_are_kept_once_whatever_stands_behind_texts(void **state)
{
    (void)state;
    mr_forms k = {0};
    uint32_t first, id;
    mr_file_info f;
    memset(&f, 0xee, sizeof f); /* what stands between fields differs */
    f = recording(0, 6000);
    MUST(mr_forms_add(&k, &f, &first));
    mr_file_info g = recording(60 * S, 100);
    memset(g.unit + strlen(g.unit) + 1, 'x', sizeof g.unit - strlen(g.unit) - 1);
    strcpy(g.odd, "odd");
    strcpy(g.assumed, "assumed");
    MUST(mr_forms_add(&k, &g, &id));
    assert_int_equal(id, first);
    for (uint32_t i = 0; i < 10000; i++) { /* so many that it grows often */
        f.rate_hz = 200 + i;
        MUST(mr_forms_add(&k, &f, &id));
        assert_int_equal(id, i + 1);
    }
    for (uint32_t i = 0; i < 10000; i += 777) {
        f.rate_hz = 200 + i;
        MUST(mr_forms_add(&k, &f, &id));
        assert_int_equal(id, i + 1);
    }
    assert_int_equal(k.n, 10001);
    mr_forms_fini(&k);
    mr_forms_fini(&k);
}

/** Number of groups of one file as usual and one changed by `change`. */
static uint32_t groups(void (*change)(mr_file_info *))
{
    mr_file_info f[2] = {recording(0, 6000), recording(60 * S, 6000)};
    change(&f[1]);
    mr_catalog *c = catalog(f, abc, 2);
    const uint32_t n = c->n_groups;
    mr_catalog_free(c);
    return n;
}

static void more_channels(mr_file_info *f)
{
    f->nc = f->store.nc = 5;
}
static void other_rate(mr_file_info *f)
{
    f->rate_hz = 100.2; /* 0.2 %: beyond 0.1 % */
}
static void near_rate(mr_file_info *f)
{
    f->rate_hz = 100.05;
}
static void other_spacing(mr_file_info *f)
{
    f->dx_m = 2;
}
static void other_gauge(mr_file_info *f)
{
    f->gauge_m = 20;
}
static void other_type(mr_file_info *f)
{
    f->store.dtype.kind = MR_DT_INT;
}
static void other_unit(mr_file_info *f)
{
    strcpy(f->unit, "counts");
}
static void other_scale(mr_file_info *f)
{
    f->to_strain = 2;
}
static void other_order(mr_file_info *f)
{
    f->store.dtype.big_endian = 1;
    f->store.time_first = 0;
    strcpy(f->layout, "terra15");
}

static void groups_are_by_what_files_hold_not_by_how(void **state)
{
    (void)state;
    assert_int_equal(groups(more_channels), 2);
    assert_int_equal(groups(other_rate), 2);
    assert_int_equal(groups(near_rate), 1);
    assert_int_equal(groups(other_spacing), 2);
    assert_int_equal(groups(other_gauge), 2);
    assert_int_equal(groups(other_type), 1);
    assert_int_equal(groups(other_unit), 2);
    assert_int_equal(groups(other_scale), 2);
    assert_int_equal(groups(other_order), 1);
}

static void the_earliest_file_leads_whatever_the_order(void **state)
{
    (void)state;
    mr_file_info f[3] = {recording(120 * S, 6000), recording(0, 6000), recording(60 * S, 6000)};
    f[0].rate_hz = 200; /* listed first, but latest: the second group */
    f[1].rate_hz = 100;
    f[2].rate_hz = 100.05; /* of one group with 100 Hz, which is earlier */
    const char *const back[] = {"in/c.h5", "in/b.h5", "in/a.h5"};
    const mr_file_info r[3] = {f[2], f[1], f[0]};
    mr_catalog *one = catalog(f, abc, 3), *two = catalog(r, back, 3);
    for (int k = 0; k < 2; k++) {
        const mr_catalog *c = k ? two : one;
        assert_int_equal(c->n_groups, 2);
        assert_true(mr_catalog_group(c, 0)->rate_hz == 100);
        assert_true(mr_catalog_group(c, 1)->rate_hz == 200);
    }
    mr_catalog_free(one);
    mr_catalog_free(two);
}

static void extents_beyond_32_bits_are_refused(void **state)
{
    (void)state;
    mr_file_info f[2] = {recording(0, 6000), recording(60 * S, 6000)};
    f[0].store.nt = (uint64_t)1 << 32;
    f[1].store.row0 = 1; /* one row beyond what is stored */
    mr_catalog *c = catalog(f, abc, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(c->rows[i].form, MR_REFUSED);
        assert_non_null(strstr(mr_catalog_note(c, i), "beyond"));
    }
    mr_catalog_free(c);
}

/* --- chunk tables ---------------------------------------------------------------------------- */

static void fill(mr_chunk *v, uint64_t n, uint64_t from)
{
    for (uint64_t i = 0; i < n; i++) v[i] = (mr_chunk){from + i, (uint32_t)i, 0};
}

static void chunk_tables_come_back_from_disk(void **state)
{
    (void)state;
    char base[] = "/tmp/mr_tables_XXXXXX", name[64];
    mr_chunk a[24], b[5], *got = NULL;
    mr_tables *t = NULL, *u = NULL;
    uint64_t at_a, at_b, at_c;
    assert_non_null(mkdtemp(base));
    strcat(strcpy(name, base), "/chunks");
    fill(a, 24, 1000);
    fill(b, 5, 9);
    MUST(mr_tables_open(name, 0, 0, &t));
    MUST(mr_tables_open(name, 3, 0, &u)); /* another rank's */
    MUST(mr_tables_add(t, a, 24, &at_a));
    MUST(mr_tables_add(u, b, 5, &at_b));
    assert_int_equal(mr_tables_end(t), mr_tables_bytes(24));
    MUST(mr_tables_sync(t));
    mr_tables_close(t);
    mr_tables_drop(u);
    MUST(mr_tables_read(name, at_a, 24, &got));
    assert_memory_equal(got, a, sizeof a);
    free(got);
    got = NULL;
    assert_int_equal(mr_tables_read(name, at_b, 5, &got), MR_EOUTPUT); /* dropped */
    assert_int_equal(mr_tables_read(name, at_a, 23, &got), MR_EOUTPUT);
    assert_int_equal(mr_tables_read(name, at_a + 8, 24, &got), MR_EOUTPUT);
    /* what a dead run left behind the end is overwritten */
    MUST(mr_tables_open(name, 0, mr_tables_bytes(24), &t));
    MUST(mr_tables_add(t, b, 5, &at_b));
    mr_tables_close(t);
    MUST(mr_tables_open(name, 0, mr_tables_bytes(24), &t));
    MUST(mr_tables_add(t, a, 24, &at_c));
    mr_tables_close(t);
    assert_int_equal(at_b, at_c);
    MUST(mr_tables_read(name, at_c, 24, &got));
    assert_memory_equal(got, a, sizeof a);
    free(got);
    got = NULL;
    char file[80];
    snprintf(file, sizeof file, "%s.0", name);
    const int fd = open(file, O_WRONLY);
    assert_int_equal(pwrite(fd, "?", 1, 100), 1);
    close(fd);
    assert_int_equal(mr_tables_read(name, at_a, 24, &got), MR_EOUTPUT);
    assert_non_null(strstr(mr_error(), "damaged"));
    assert_null(got);
    unlink(file);
    rmdir(base);
}

static void a_catalogue_reads_its_chunk_tables(void **state)
{
    (void)state;
    char base[] = "/tmp/mr_tables_XXXXXX", name[64], file[80];
    mr_file_info f[4];
    mr_chunk v[24], *got = NULL;
    mr_tables *t = NULL;
    uint64_t at;
    assert_non_null(mkdtemp(base));
    strcat(strcpy(name, base), "/chunks");
    mr_catalog *c = four(f);
    fill(v, 24, 77);
    MUST(mr_tables_open(name, 0, 0, &t));
    MUST(mr_tables_add(t, v, 2, &at)); /* so that the place is not 0 */
    MUST(mr_tables_add(t, v, 24, &at));
    mr_tables_close(t);
    MUST(mr_catalog_set(c, 1, &f[1], at));
    MUST(mr_strdup(name, &c->tables));
    MUST(mr_catalog_chunks(c, 0, &got));
    assert_null(got); /* contiguous */
    MUST(mr_catalog_chunks(c, 1, &got));
    assert_memory_equal(got, v, sizeof v);
    free(got);
    mr_catalog_free(c);
    snprintf(file, sizeof file, "%s.0", name);
    unlink(file);
    rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_takes_64_bytes),
        cmocka_unit_test(what_is_entered_comes_out_again),
        cmocka_unit_test(a_packed_block_gives_the_same),
        cmocka_unit_test(a_file_has_a_row_for_each_recording),
        cmocka_unit_test(a_damaged_block_is_refused),
        cmocka_unit_test(facts_are_kept_once_whatever_stands_behind_texts),
        cmocka_unit_test(groups_are_by_what_files_hold_not_by_how),
        cmocka_unit_test(the_earliest_file_leads_whatever_the_order),
        cmocka_unit_test(extents_beyond_32_bits_are_refused),
        cmocka_unit_test(chunk_tables_come_back_from_disk),
        cmocka_unit_test(a_catalogue_reads_its_chunk_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
