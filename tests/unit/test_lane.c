/* Lanes on the UTC grid and their identity. Files are minutes at 100 Hz that begin 30 s past a
 * minute, so that every inner lane takes from two of them. */
#include "plan_rig.h"
#include "base/utc.h"
#include <math.h>

static const char *const names[] = {"a.h5", "b.h5", "c.h5", "d.h5", "e.h5", "f.h5"};
enum { MINUTE = 6000, FILES = 5 };

static void minutes(mr_file_info *f, size_t n)
{
    for (size_t i = 0; i < n; i++) f[i] = recording(30 * S + (int64_t)i * 60 * S, MINUTE);
}

/** A plan with all that it looks into. */
typedef struct rig {
    mr_config *cfg;
    mr_catalog *cat;
    mr_plan *p;
} rig;

static rig planned(const char *chain, const char *more, const mr_file_info *f, size_t n)
{
    rig r = {.cfg = config(chain, more), .cat = catalog(f, names, n)};
    r.p = plan_within(r.cfg, r.cat, (size_t)1 << 30);
    return r;
}

static void done(rig *r)
{
    mr_plan_free(r->p);
    mr_catalog_free(r->cat);
    mr_config_free(r->cfg);
}

static void lanes_lie_on_the_minutes_of_utc(void **state)
{
    (void)state;
    mr_file_info f[FILES];
    minutes(f, FILES);
    rig r = planned("[]", "", f, FILES);
    /* 00:00:30 .. 00:05:30: half a minute, four minutes, half a minute */
    assert_int_equal(r.p->n_lanes, 6);
    const int64_t i0 = T0 / (S / 100);
    for (size_t i = 0; i < 6; i++) {
        const mr_lane *l = &r.p->lanes[i];
        const int64_t a = i == 0 ? 3000 : (int64_t)i * MINUTE;
        const int64_t b = i == 5 ? 33000 : ((int64_t)i + 1) * MINUTE;
        assert_int_equal(l->out.a - i0, a);
        assert_int_equal(l->out.b - i0, b);
        assert_int_equal(l->raw.a - i0, a); /* no context */
        assert_int_equal(l->raw.b - i0, b);
        assert_int_equal(l->t0_ns, T0 + a * (S / 100));
        assert_int_equal(l->t1_ns, T0 + (b - 1) * (S / 100));
        assert_true(l->c0 == 0 && l->c1 == 4);
    }
    assert_string_equal(r.p->lanes[0].rel,
                        "lanes/2026-01-01/20260101T000030.000000000Z_c00000-00004.h5");
    assert_int_equal(r.p->out_bytes, 30000 * 4 * 4); /* samples, channels, float32 */
    done(&r);
}

static void the_grid_follows_the_context_not_the_length(void **state)
{
    (void)state;
    mr_file_info f[FILES];
    minutes(f, FILES);
    /* fir of 20 q + 1 = 41 taps: 0.2 s on each side, under a tenth of a minute */
    rig r = planned("[decimate: {factor: 2}]", "", f, FILES);
    assert_int_equal(r.p->arrays[0].grid_ns, 60 * S);
    const mr_lane *l = &r.p->lanes[1];
    assert_int_equal(l->out.b - l->out.a, MINUTE / 2);
    assert_int_equal(2 * l->out.a - l->raw.a, 20); /* taps beside the middle one */
    assert_int_equal(l->raw.b - (2 * (l->out.b - 1) + 1), 20);
    done(&r);
    rig whole = planned("[detrend: {window: span}]", "output: {folder: o}", f, FILES);
    assert_int_equal(whole.p->arrays[0].grid_ns, INT64_MAX);
    assert_int_equal(whole.p->n_lanes, 1);
    done(&whole);
}

/** Grid of lanes in seconds, and channels of a strip, where the config leaves both open. */
static void auto_is(const char *chain, mr_file_info f, int64_t grid_s, uint64_t strip)
{
    rig r = planned(chain, "output: {folder: o}", &f, 1);
    assert_int_equal(r.p->arrays[0].grid_ns / S, grid_s);
    assert_int_equal(r.p->arrays[0].strip, strip);
    done(&r);
}

static mr_file_info wide(void)
{
    mr_file_info f = recording(0, 60000);
    f.rate_hz = 1000;
    f.nc = f.store.nc = 20000;
    f.size = 2048 + (int64_t)(f.nt * f.nc * 4);
    f.t1_ns = f.t0_ns + (int64_t)(f.nt - 1) * S / 1000;
    return f;
}

static void a_lane_has_a_floor(void **state)
{
    (void)state;
    mr_file_info f = recording(0, MINUTE), slow = f;
    auto_is("[]", f, 6 * 3600, 4); /* 1.6 kB/s: 16 MiB in 10,486 s */
    /* 0.8 kB/s: 20,972 s; and 0.32 kB/s: 52,429 s */
    auto_is("[decimate: {factor: 2}]", f, 6 * 3600, 4);
    auto_is("[decimate: {factor: 5}]", f, 86400, 4);
    slow.rate_hz = 1 / 60.0; /* 0.27 B/s: never enough */
    slow.t1_ns = slow.t0_ns + (int64_t)(slow.nt - 1) * 60 * S;
    auto_is("[]", slow, 364 * 86400, 4);
    /* 1,000 rows take 41.7 d, but 8 GiB of input are read in 62 d */
    auto_is("[stats: {interval: 1 h}]", f, 28 * 86400, 4);
    auto_is("[]", wide(), 60, 20000);                        /* 80 MB/s */
    auto_is("[stats: {interval: 1 h}]", wide(), 3600, 1024); /* 288 GB: no floor, a ceiling */
}

/* A day of 80 MB/s is 6.9 TB: 25 channels would be 8 GiB, 4 KiB of a row are 1,024. */
static void a_lane_has_a_ceiling(void **state)
{
    (void)state;
    mr_file_info f = wide();
    auto_is("[lowpass: {corner: 1 mHz}]", f, 86400, 1024);
    auto_is("[common_mode: {}, lowpass: {corner: 1 mHz}]", f, 86400, 20000);
    f.store.storage = MR_ST_CHUNKED;
    f.store.chunk_t = 100;
    f.store.chunk_c = 300;
    f.store.n_chunks = 600 * 67;
    auto_is("[lowpass: {corner: 1 mHz}]", f, 86400, 1200); /* whole chunk columns */
}

static void the_config_decides_otherwise(void **state)
{
    (void)state;
    mr_file_info f[FILES];
    minutes(f, FILES);
    rig a = planned("[]", "output: {folder: o, lane: 2 min, strip: 3}", f, FILES);
    rig b = planned("[]", "", f, FILES);
    assert_int_equal(a.p->n_lanes, 6); /* 00:00:30 .. 02 .. 04 .. 05:30, channels 0..3 and 3..4 */
    assert_int_equal(a.p->lanes[1].c0, 3);
    assert_int_equal(a.p->lanes[1].c1, 4);
    assert_string_not_equal(a.p->digest.hex, b.p->digest.hex);
    /* the largest: 2 of 5 minutes, 3 of 4 channels */
    assert_true(fabs(mr_plan_largest_share(a.p) - 0.3) < 1e-12);
    done(&a);
    done(&b);
    static const char *const wrong[][3] = {
        {"[stats: {interval: 90 s}]", "lane: 2 min", "output.lane: 120 s is no multiple of the 90"},
        {"[detrend: {window: span}]", "lane: 2 min", "needs a span as one lane"},
        {"[common_mode: {}]", "strip: 2", "couples channels"}};
    for (size_t i = 0; i < 3; i++) {
        char more[80];
        mr_plan *p = NULL;
        snprintf(more, sizeof more, "output: {folder: o, %s}", wrong[i][1]);
        rig r = {.cfg = config(wrong[i][0], more), .cat = catalog(f, names, FILES)};
        assert_int_equal(mr_plan_new(r.cfg, r.cat, (size_t)1 << 30, 0, 1, &p), MR_ECONFIG);
        assert_non_null(strstr(mr_error(), wrong[i][2]));
        mr_catalog_free(r.cat);
        mr_config_free(r.cfg);
    }
}

static void time_selects_output_and_reads_context_beside_it(void **state)
{
    (void)state;
    mr_file_info f[FILES];
    minutes(f, FILES);
    mr_config *cfg = NULL;
    MUST(mr_config_parse("x.yaml",
                         "input: {files: x, time: 2026-01-01T00:02:00Z .. 2026-01-01T00:03:00Z}\n"
                         "chain: [decimate: {factor: 2}]\noutput: {folder: o, lane: 1 min}\n",
                         NULL, 0, &cfg));
    rig all = planned("[decimate: {factor: 2}]", "", f, FILES);
    rig one = {.cfg = cfg, .cat = catalog(f, names, FILES)};
    one.p = plan_within(cfg, one.cat, (size_t)1 << 30);
    assert_int_equal(one.p->n_lanes, 1);
    assert_string_equal(one.p->lanes[0].rel, all.p->lanes[2].rel);
    assert_string_equal(one.p->lanes[0].key.hex, all.p->lanes[2].key.hex); /* the same file */
    done(&one);
    done(&all);
}

static void growth_leaves_old_lanes_alone(void **state)
{
    (void)state;
    mr_file_info f[6];
    minutes(f, 6);
    rig few = planned("[decimate: {factor: 2}]", "", f, 3);
    rig more = planned("[decimate: {factor: 2}]", "", f, 6);
    assert_int_equal(few.p->n_lanes, 4); /* 00:00:30 .. 00:03:30 */
    assert_int_equal(more.p->n_lanes, 7);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(more.p->lanes[i].rel, few.p->lanes[i].rel);
        assert_string_equal(more.p->lanes[i].key.hex, few.p->lanes[i].key.hex);
    }
    /* the last one was cut by the end of the archive */
    assert_string_equal(more.p->lanes[3].rel, few.p->lanes[3].rel);
    assert_string_not_equal(more.p->lanes[3].key.hex, few.p->lanes[3].key.hex);
    done(&few);
    done(&more);
}

static void files_after_a_gap_change_no_old_lane(void **state)
{
    (void)state;
    mr_file_info f[4];
    minutes(f, 3);
    f[3] = recording(3600 * S, MINUTE);
    rig few = planned("[decimate: {factor: 2}]", "", f, 3);
    rig more = planned("[decimate: {factor: 2}]", "", f, 4);
    assert_int_equal(more.p->n_lanes, few.p->n_lanes + 1);
    for (size_t i = 0; i < few.p->n_lanes; i++)
        assert_string_equal(more.p->lanes[i].key.hex, few.p->lanes[i].key.hex);
    done(&few);
    done(&more);
}

/** Which lanes get another key when f[2] (00:02:30 .. 00:03:30) is changed: one digit a lane. */
static void changed_by(void (*change)(mr_file_info *), const char *want)
{
    mr_file_info f[FILES], g[FILES];
    char got[16] = "";
    minutes(f, FILES);
    memcpy(g, f, sizeof f);
    change(&g[2]);
    rig was = planned("[decimate: {factor: 2}]", "", f, FILES);
    rig now = planned("[decimate: {factor: 2}]", "", g, FILES);
    assert_int_equal(was.p->n_lanes, now.p->n_lanes);
    for (size_t i = 0; i < was.p->n_lanes; i++)
        strcat(got, strcmp(was.p->lanes[i].key.hex, now.p->lanes[i].key.hex) ? "1" : "0");
    assert_string_equal(got, want);
    done(&was);
    done(&now);
}

static void grown(mr_file_info *f)
{
    f->size += 100;
}
static void touched_later(mr_file_info *f)
{
    f->mtime_ns += S;
    f->inode += 1;
}
static void late(mr_file_info *f)
{
    f->t0_ns += 3000000;
    f->t1_ns += 3000000;
}

static void keys_follow_the_inputs_a_lane_reads(void **state)
{
    (void)state;
    /* 00:02 reads it from 00:02:30, and 00:03 until 00:03:30; 00:01 reads 0.2 s beyond 00:02:00
     * and 00:04 0.2 s before 00:04:00, which other files hold */
    changed_by(grown, "001100");
    changed_by(touched_later, "000000"); /* by the survey's memory, not by the key */
    /* 3 ms late: the file before it is stretched to its start, and its own end is followed by a
     * file that begins 3 ms early: lanes that touch it or the file before (00:01:30 .. 00:02:30) */
    changed_by(late, "011100");
}

static void the_chain_and_its_numbers_are_in_the_key(void **state)
{
    (void)state;
    mr_file_info f[FILES];
    minutes(f, FILES);
    rig a = planned("[lowpass: {corner: 20 Hz}]", "", f, FILES);
    rig b = planned("[lowpass: {corner: 20.5 Hz}]", "", f, FILES);
    rig c =
        planned("[lowpass: {corner: 20 Hz}]", "run: {memory: 300 MiB, io_threads: 3}", f, FILES);
    assert_string_not_equal(a.p->digest.hex, b.p->digest.hex);
    assert_string_equal(a.p->digest.hex, c.p->digest.hex); /* run: decides nothing */
    for (size_t i = 0; i < a.p->n_lanes; i++) {
        assert_string_not_equal(a.p->lanes[i].key.hex, b.p->lanes[i].key.hex);
        assert_string_equal(a.p->lanes[i].key.hex, c.p->lanes[i].key.hex);
    }
    done(&a);
    done(&b);
    done(&c);
}

static void blocks_of_a_lane_cover_it_once(void **state)
{
    (void)state;
    mr_file_info f[1] = {recording(0, 100 * MINUTE)};
    f[0].nc = f[0].store.nc = 20000; /* 80 kB a row: many blocks a lane */
    f[0].size = 2048 + (int64_t)f[0].nt * 80000;
    rig r = planned("[lowpass: {corner: 1 Hz}]", "", f, 1);
    for (size_t i = 0; i < r.p->n_lanes; i++) {
        const mr_lane *l = &r.p->lanes[i];
        const size_t n = mr_lane_blocks(r.p, l);
        int64_t at = l->out.a;
        assert_true(n > 1);
        for (size_t k = 0; k < n; k++) {
            const mr_slab s = mr_lane_block(r.p, l, k);
            assert_int_equal(s.a, at);
            assert_true(s.b > s.a);
            at = s.b;
        }
        assert_int_equal(at, l->out.b);
        mr_slab_list intakes = {0};
        MUST(mr_lane_intakes(r.p, l, &intakes));
        at = l->raw.a;
        for (size_t k = 0; k < intakes.n; k++) {
            assert_int_equal(intakes.v[k].a, at);
            at = intakes.v[k].b;
            assert_true((uint64_t)(at - intakes.v[k].a) <= r.p->arrays[l->array].intake_rows);
        }
        assert_int_equal(at, l->raw.b);
        free(intakes.v);
    }
    done(&r);
}

static void two_layouts_of_one_time_have_names_of_their_own(void **state)
{
    (void)state;
    mr_file_info f[2] = {recording(0, MINUTE), recording(0, MINUTE)};
    f[1].gauge_m = 20;
    rig r = planned("[]", "", f, 2);
    assert_int_equal(r.p->n_lanes, 2);
    assert_string_equal(r.p->lanes[0].rel,
                        "lanes/2026-01-01/20260101T000000.000000000Z_c00000-00004.h5");
    assert_string_equal(r.p->lanes[1].rel,
                        "lanes/2026-01-01/20260101T000000.000000000Z_c00000-00004_2.h5");
    done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_lie_on_the_minutes_of_utc),
        cmocka_unit_test(a_lane_has_a_floor),
        cmocka_unit_test(a_lane_has_a_ceiling),
        cmocka_unit_test(the_config_decides_otherwise),
        cmocka_unit_test(the_grid_follows_the_context_not_the_length),
        cmocka_unit_test(time_selects_output_and_reads_context_beside_it),
        cmocka_unit_test(growth_leaves_old_lanes_alone),
        cmocka_unit_test(files_after_a_gap_change_no_old_lane),
        cmocka_unit_test(keys_follow_the_inputs_a_lane_reads),
        cmocka_unit_test(the_chain_and_its_numbers_are_in_the_key),
        cmocka_unit_test(blocks_of_a_lane_cover_it_once),
        cmocka_unit_test(two_layouts_of_one_time_have_names_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
