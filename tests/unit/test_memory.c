/* The memory plan: what is needed is said, what is planned stays within the limit, and the limit
 * decides nothing but the number of input buffers. */
#include "plan_rig.h"

enum { MINUTE = 6000, FILES = 20 };
#define MIB ((size_t)1 << 20)

typedef struct rig {
    mr_config *cfg;
    mr_catalog *cat;
    mr_plan *p;
} rig;

/** 20 minutes of nc channels, within a limit. */
static rig within(size_t limit, const char *chain, uint64_t nc, void (*change)(mr_file_info *))
{
    mr_file_info f[FILES];
    const char *names[FILES];
    char name[FILES][16];
    for (size_t i = 0; i < FILES; i++) {
        f[i] = recording((int64_t)i * 60 * S, MINUTE);
        f[i].nc = f[i].store.nc = nc;
        f[i].size = (int64_t)(2048 + MINUTE * nc * 4);
        if (change) change(&f[i]);
        snprintf(name[i], sizeof name[i], "%02zu.h5", i);
        names[i] = name[i];
    }
    rig r = {.cfg = config(chain, ""), .cat = catalog(f, names, FILES)};
    r.p = plan_within(r.cfg, r.cat, limit);
    return r;
}

static void done(rig *r)
{
    mr_plan_free(r->p);
    mr_catalog_free(r->cat);
    mr_config_free(r->cfg);
}

static size_t sum(const mr_memory_plan *m)
{
    return m->base_bytes + m->n_intakes * m->intake_bytes + m->n_outs * m->out_bytes +
           (size_t)m->threads * m->work_bytes + m->state_bytes + m->mid_bytes[0] + m->mid_bytes[1] +
           m->other_bytes;
}

static void planned_grows_with_the_limit_in_input_buffers_only(void **state)
{
    (void)state;
    static const size_t limit[] = {1, 256 * MIB, 512 * MIB, 1024 * MIB, 4096 * MIB};
    size_t intakes = 0;
    rig first = within(1, "[bandpass: {band: 1..20 Hz}]", 2000, NULL);
    const mr_memory_plan a = first.p->mem;
    for (size_t i = 0; i < sizeof limit / sizeof *limit; i++) {
        rig r = within(limit[i], "[bandpass: {band: 1..20 Hz}]", 2000, NULL);
        const mr_memory_plan *m = &r.p->mem;
        assert_int_equal(m->need_bytes, a.need_bytes);
        assert_true(m->need_bytes <= m->planned_bytes);
        assert_true(m->planned_bytes <= MR_MAX(limit[i], m->need_bytes));
        assert_int_equal(m->planned_bytes, sum(m));
        assert_int_equal(m->planned_bytes - m->need_bytes,
                         (m->n_intakes - a.n_intakes) * m->intake_bytes);
        assert_true(m->n_intakes >=
                    intakes); /* more with more memory, up to what reading ahead wants */
        intakes = m->n_intakes;
        assert_int_equal(m->intake_bytes, a.intake_bytes);
        assert_int_equal(m->out_bytes, a.out_bytes);
        assert_int_equal(m->work_bytes, a.work_bytes);
        assert_int_equal(m->other_bytes, a.other_bytes);
        assert_string_equal(r.p->digest.hex, first.p->digest.hex);
        assert_int_equal(r.p->n_lanes, first.p->n_lanes);
        for (size_t l = 0; l < r.p->n_lanes; l++)
            assert_string_equal(r.p->lanes[l].key.hex, first.p->lanes[l].key.hex);
        done(&r);
    }
    assert_true(intakes > a.n_intakes);
    done(&first);
}

static void slabs_hold_what_their_size_says(void **state)
{
    (void)state;
    rig r = within(4096 * MIB, "[]", 2000, NULL);
    const mr_array *a = &r.p->arrays[0];
    assert_int_equal(a->row_bytes, 2000 * 4);
    assert_int_equal(a->intake_rows, (4 * MIB) / 8000); /* 4 MiB of rows */
    assert_int_equal(r.p->mem.intake_bytes, a->intake_rows * a->row_bytes);
    done(&r);
}

/** The most intakes that a block of any lane touches, counted one by one. */
static size_t most_touched(const mr_plan *p)
{
    size_t most = 0;
    for (size_t i = 0; i < p->n_lanes; i++) {
        mr_slab_list s = {0};
        MUST(mr_lane_intakes(p, &p->lanes[i], &s));
        for (size_t b = 0; b < mr_lane_blocks(p, &p->lanes[i]); b++) {
            mr_block_ranges r;
            size_t n = 0;
            mr_lane_ranges(p, &p->lanes[i], b, &r);
            for (size_t k = 0; k < s.n; k++) n += s.v[k].a < r.raw.b && s.v[k].b > r.raw.a;
            most = MR_MAX(most, n);
        }
        free(s.v);
    }
    return most;
}

static void odd_bands(mr_file_info *f)
{
    f->store.storage = MR_ST_CHUNKED; /* tiers of 301 rows: intakes and blocks do not line up */
    f->store.chunk_t = 301;
    f->store.chunk_c = 100;
    f->store.n_chunks = 20 * ((f->nc + 99) / 100); /* 6000 / 301 is 19.9 */
}

static void the_least_number_of_slabs_lets_every_block_run(void **state)
{
    (void)state;
    static void (*const change[])(mr_file_info *) = {NULL, odd_bands};
    for (size_t i = 0; i < 2; i++) {
        rig r = within(1, "[highpass: {corner: 0.5 Hz}]", 20000, change[i]);
        assert_true(most_touched(r.p) > 2);
        assert_int_equal(r.p->mem.n_intakes, most_touched(r.p));
        done(&r);
    }
}

static void deflated(mr_file_info *f)
{
    odd_bands(f);
    f->store.n_filters = 1;
    f->store.filters[0] = MR_FI_DEFLATE;
}

static void readers_are_counted_with_what_they_inflate(void **state)
{
    (void)state;
    rig plain = within(1, "[]", 2000, NULL), packed = within(1, "[]", 2000, deflated);
    /* two readers, each with a tier of 301 rows x 2000 channels x 4 bytes decoded */
    assert_true(packed.p->mem.other_bytes - plain.p->mem.other_bytes >= 2u * 301 * 2000 * 4);
    done(&plain);
    done(&packed);
}

static void later_files_stored_otherwise_move_no_strip(void **state)
{
    (void)state;
    mr_file_info f[2] = {recording(0, 100 * MINUTE), recording(6000 * S, 100 * MINUTE)};
    const char *const names[] = {"a.h5", "b.h5"};
    for (size_t i = 0; i < 2; i++) {
        f[i].nc = f[i].store.nc = 50000; /* so wide that a long context wants strips */
        f[i].size = 2048 + (int64_t)f[i].nt * 200000;
    }
    odd_bands(&f[1]);
    f[1].store.chunk_c = 5000;
    f[1].store.n_chunks = 1994 * 10; /* ceil(600000 / 301) x 50000 / 5000 */
    rig few = {.cfg = config("[highpass: {corner: 0.1 Hz}]", ""), .cat = catalog(f, names, 1)};
    rig more = {.cfg = config("[highpass: {corner: 0.1 Hz}]", ""), .cat = catalog(f, names, 2)};
    few.p = plan_within(few.cfg, few.cat, 4096 * MIB);
    more.p = plan_within(more.cfg, more.cat, 4096 * MIB);
    assert_true(few.p->arrays[0].strip < 50000);
    assert_int_equal(more.p->arrays[0].strip, few.p->arrays[0].strip);
    assert_int_equal(more.p->arrays[0].block_out, few.p->arrays[0].block_out);
    assert_string_equal(more.p->lanes[0].key.hex, few.p->lanes[0].key.hex);
    done(&few);
    done(&more);
}

static void the_archive_itself_is_counted(void **state)
{
    (void)state;
    enum { N = 50000 };
    mr_strs paths = {0};
    mr_catalog *c = NULL;
    for (size_t i = 0; i < N; i++) MUST(mr_strs_add(&paths, "in/20260101T000000.h5"));
    MUST(mr_catalog_new(&paths, &c));
    for (size_t i = 0; i < N; i++) {
        const mr_file_info f = recording((int64_t)i * S, 100);
        MUST(mr_catalog_set(c, i, &f, 0));
    }
    MUST(mr_catalog_settle(c));
    rig few = within(1, "[]", 4, NULL);
    rig r = {.cfg = config("[]", ""), .cat = c};
    r.p = plan_within(r.cfg, c, 1);
    /* a row of 64 bytes, two places of 4, a path of 22, its leg in a span */
    const size_t each = 64 + 8 + 22 + sizeof(mr_leg);
    assert_true(r.p->mem.other_bytes - few.p->mem.other_bytes >= (N - FILES) * each);
    done(&few);
    done(&r);
    mr_strs_fini(&paths);
}

static void the_default_is_shared_by_the_ranks_of_a_node(void **state)
{
    (void)state;
    const size_t one = mr_memory_default(1), many = mr_memory_default(1000);
    assert_true(one > 0 && one <= 4096 * MIB);
    assert_true(many > 0 && many < one);
    assert_true(mr_memory_now() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planned_grows_with_the_limit_in_input_buffers_only),
        cmocka_unit_test(slabs_hold_what_their_size_says),
        cmocka_unit_test(the_least_number_of_slabs_lets_every_block_run),
        cmocka_unit_test(readers_are_counted_with_what_they_inflate),
        cmocka_unit_test(later_files_stored_otherwise_move_no_strip),
        cmocka_unit_test(the_archive_itself_is_counted),
        cmocka_unit_test(the_default_is_shared_by_the_ranks_of_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
