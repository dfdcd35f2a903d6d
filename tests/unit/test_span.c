/* Files laid end to end: 100 Hz, so that a sample takes 10 ms and half of one is 5 ms. */
#include "plan_rig.h"
#include <math.h>
#include "base/utc.h"
#include "plan/span.h"

#define MS INT64_C(1000000)
#define US INT64_C(1000)

static const char *const names[] = {"a.h5", "b.h5", "c.h5", "d.h5", "e.h5"};

static mr_spans spans_of(const mr_file_info *f, size_t n)
{
    mr_spans s = {0};
    mr_catalog *c = catalog(f, names, n);
    MUST(mr_spans_build(c, MR_JOIN, NULL, &s));
    mr_catalog_free(c);
    return s;
}

static void files_end_to_end_are_one_span(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000), recording(120 * S, 50)};
    mr_spans s = spans_of(f, 3);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.n_odd, 0);
    assert_int_equal(s.n_legs, 3);
    assert_int_equal(s.span[0].n, 12050);
    assert_int_equal(s.span[0].index0, T0 / (10 * MS)); /* t0 * 100 Hz */
    assert_int_equal(s.leg[1].k, 6000);
    assert_int_equal(s.leg[2].k, 12000);
    assert_int_equal(s.leg[2].n, 50);
    assert_int_equal(s.leg[2].t_ns, T0 + 120 * S);
    mr_spans_fini(&s);
}

static void a_gap_begins_a_span(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S + 30 * MS, 6000)};
    mr_spans s = spans_of(f, 2);
    assert_int_equal(s.n_spans, 2);
    assert_int_equal(s.span[1].index0, s.span[0].index0 + 6003); /* three samples are missing */
    assert_int_equal(s.n_odd, 1);
    assert_int_equal(s.odd[0].kind, MR_ODD_GAP);
    assert_int_equal(s.odd[0].file, 1);
    assert_int_equal(s.odd[0].other, 0);
    assert_int_equal(s.odd[0].t0_ns, T0 + 60 * S);
    assert_int_equal(s.odd[0].t1_ns, T0 + 60 * S + 30 * MS);
    assert_string_equal(s.odd[0].note, "0.03 s without samples");
    mr_spans_fini(&s);
}

static void half_a_sample_decides_between_drift_gap_and_overlap(void **state)
{
    (void)state;
    static const struct {
        int64_t late;
        size_t n_spans, n_odd;
        mr_odd_kind kind;
        uint64_t skip;
    } row[] = {
        {0, 1, 0, MR_ODD_GAP, 0},
        {900, 1, 0, MR_ODD_GAP, 0}, /* under 1 us: nothing to say */
        {4999 * US, 1, 1, MR_ODD_DRIFT, 0},
        {-4999 * US, 1, 1, MR_ODD_DRIFT, 0},
        {5001 * US, 2, 1, MR_ODD_GAP, 0},
        {-5001 * US, 1, 1, MR_ODD_OVERLAP, 1},
        {-100 * MS, 1, 1, MR_ODD_OVERLAP, 10},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const mr_file_info f[] = {recording(0, 6000), recording(60 * S + row[i].late, 6000)};
        mr_spans s = spans_of(f, 2);
        assert_int_equal(s.n_spans, row[i].n_spans);
        assert_int_equal(s.n_odd, row[i].n_odd);
        if (s.n_odd) assert_int_equal(s.odd[0].kind, row[i].kind);
        assert_int_equal(s.leg[1].skip, row[i].skip);
        assert_int_equal(s.leg[1].n, 6000 - row[i].skip);
        mr_spans_fini(&s);
    }
}

static void in_an_overlap_the_earlier_file_keeps_its_samples(void **state)
{
    (void)state;
    /* b begins 1 s before a ends: its first 100 samples are a's last */
    const mr_file_info f[] = {recording(0, 6000), recording(59 * S, 6000)};
    mr_spans s = spans_of(f, 2);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.span[0].n, 11900);
    assert_int_equal(s.leg[1].k, 6000);
    assert_int_equal(s.leg[1].skip, 100);
    assert_int_equal(s.leg[1].t_ns, T0 + 60 * S);
    assert_int_equal(s.odd[0].skip, 100);
    assert_int_equal(s.odd[0].equal, -1);
    assert_int_equal(s.odd[0].t0_ns, T0 + 59 * S);
    assert_int_equal(s.odd[0].t1_ns, T0 + 60 * S);
    mr_spans_fini(&s);
}

static void a_covered_file_is_a_duplicate_and_the_cover_goes_on(void **state)
{
    (void)state;
    /* b and c lie in a; d follows a, not c */
    const mr_file_info f[] = {recording(0, 6000), recording(0, 6000), recording(10 * S, 100),
                              recording(60 * S, 6000)};
    mr_spans s = spans_of(f, 4);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.n_legs, 2);
    assert_int_equal(s.span[0].n, 12000);
    assert_int_equal(s.n_odd, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(s.odd[i].kind, MR_ODD_DUPLICATE);
        assert_int_equal(s.odd[i].file, i + 1);
        assert_int_equal(s.odd[i].other, 0);
    }
    assert_int_equal(s.odd[0].skip, 6000);
    assert_int_equal(s.odd[1].skip, 100);
    assert_int_equal(s.odd[1].t1_ns, T0 + 11 * S);
    mr_spans_fini(&s);
}

static void of_two_names_of_one_time_the_first_by_name_stays(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(0, 6000)};
    static const char *const two[] = {"x/b.h5", "y/a.h5"}; /* by base name: y/a.h5 */
    mr_catalog *c = catalog(f, two, 2);
    mr_spans s = {0};
    MUST(mr_spans_build(c, MR_JOIN, NULL, &s));
    assert_int_equal(s.leg[0].file, 1);
    assert_int_equal(s.odd[0].file, 0);
    mr_spans_fini(&s);
    mr_catalog_free(c);
}

static void stamps_beside_the_rate_are_drift(void **state)
{
    (void)state;
    mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000)};
    f[0].t1_ns += 2 * US; /* beyond 1 us, far under 0.1 % of 59.99 s */
    mr_spans s = spans_of(f, 2);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.n_odd, 2);
    assert_int_equal(s.odd[0].kind, MR_ODD_DRIFT);
    assert_non_null(strstr(s.odd[0].note, "59.990002 s"));
    /* it ends a step behind its last stamp: 2 us and 2 us / 5999 behind the start of the next */
    assert_int_equal(s.odd[1].kind, MR_ODD_DRIFT);
    assert_non_null(strstr(s.odd[1].note, "starts -2.000 us"));
    mr_spans_fini(&s);
}

static void a_measured_rate_beyond_a_thousandth_bends_the_span(void **state)
{
    (void)state;
    /* b's stamps say that its 6000 samples took 0.2 % longer: a step of 10.02 ms, so its last lies
     * 5999 * 10.02 ms = 60.10998 s after its first, and c, which begins a step later, adjoins */
    mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000),
                        recording(60 * S + 6000 * INT64_C(10020) * US, 6000)};
    f[1].t1_ns = f[1].t0_ns + 5999 * INT64_C(10020) * US;
    mr_spans s = spans_of(f, 3);
    assert_int_equal(s.n_spans, 1);
    assert_int_equal(s.n_odd, 1);
    assert_int_equal(s.odd[0].kind, MR_ODD_RATE);
    assert_int_equal(s.odd[0].file, 1);
    assert_int_equal(s.leg[2].skip, 0);
    /* its samples are labelled by its stamps: number 5000 stands at 5000 * 10.02 ms */
    const int64_t i0 = s.span[0].index0 + 6000;
    assert_int_equal(mr_span_time(&s, &s.span[0], i0 + 5000, 1), T0 + 60 * S + 50100 * MS);
    assert_int_equal(mr_span_time(&s, &s.span[0], i0 + 6000, 1), T0 + 60 * S + 60120 * MS);
    mr_spans_fini(&s);
}

static void remarks_of_the_probe_are_rows_of_their_kinds(void **state)
{
    (void)state;
    mr_file_info f[] = {recording(0, 6000)};
    strcpy(f[0].odd, "stamp(3): 3 stamps are bad; clock: zones differ; still open; odds(2): x");
    mr_spans s = spans_of(f, 1);
    static const mr_odd_kind kind[] = {MR_ODD_STAMP, MR_ODD_CLOCK, MR_ODD_LAYOUT, MR_ODD_LAYOUT};
    static const char *const note[] = {"3 stamps are bad", "zones differ", "still open",
                                       "odds(2): x"};
    assert_int_equal(s.n_odd, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(s.odd[i].kind, kind[i]);
        assert_string_equal(s.odd[i].note, note[i]);
        assert_int_equal(s.odd[i].count, i ? 0 : 3);
    }
    mr_spans_fini(&s);
}

/* 0.8 samples late at 100 Hz: a gap, unless the config joins what lies up to a sample apart */
static void how_far_apart_recordings_join_is_the_configs_to_say(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S + 8 * MS, 6000)};
    static const char *const two[] = {"a.h5", "b.h5"};
    mr_catalog *c = catalog(f, two, 2);
    for (int wide = 0; wide < 2; wide++) {
        mr_spans s = {0};
        MUST(mr_spans_build(c, wide ? 1.0 : MR_JOIN, NULL, &s));
        assert_int_equal(s.n_spans, wide ? 1 : 2);
        assert_int_equal(s.odd[0].kind, wide ? MR_ODD_DRIFT : MR_ODD_GAP);
        mr_spans_fini(&s);
    }
    mr_catalog_free(c);
}

/* 1,000,001 ns a sample from 2026-01-01T00:00:00: that second's windows begin at its index,
 * whatever the count of samples since 1970 is rounded to; 100 ns before counts as on it */
static void a_rate_a_hair_off_a_whole_one_counts_from_the_second(void **state)
{
    (void)state;
    for (int hair = 0; hair < 2; hair++) {
        mr_file_info f[] = {recording(0, 4000)};
        f[0].rate_hz = 1e9 / 1000001;
        f[0].t1_ns = f[0].t0_ns + 3999 * INT64_C(1000001);
        f[0].t0_ns -= hair * 100;
        f[0].t1_ns -= hair * 100;
        mr_spans s = spans_of(f, 1);
        const int64_t window = mr_index_ceil(T0, f[0].rate_hz);
        assert_int_equal(s.span[0].index0 - window, 0);
        mr_spans_fini(&s);
    }
    /* rates that are no hair off: round(t * rate), 1767225600 s * 12.5 Hz and 40 ms more */
    mr_file_info f[] = {recording(1040 * MS, 4000)};
    f[0].rate_hz = 12.5;
    f[0].t1_ns = f[0].t0_ns + 3999 * 80 * MS;
    mr_spans s = spans_of(f, 1);
    assert_int_equal(s.span[0].index0, INT64_C(1767225600) * 25 / 2 + 13);
    mr_spans_fini(&s);
}

static void another_rate_or_layout_is_a_group_of_its_own(void **state)
{
    (void)state;
    mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000), recording(120 * S, 6000)};
    f[1].rate_hz = 50;
    f[1].t1_ns = f[1].t0_ns + 5999 * 20 * MS;
    f[2].nc = f[2].store.nc = 5;
    mr_spans s = spans_of(f, 3);
    assert_int_equal(s.n_spans, 3);
    assert_int_equal(s.n_odd, 2);
    assert_int_equal(s.odd[0].kind, MR_ODD_RATE);
    assert_string_equal(s.odd[0].note, "not in one span with the first files: 50 Hz (100 Hz)");
    assert_string_equal(s.odd[1].note, "not in one span with the first files: 5 channels (4)");
    assert_int_equal(s.odd[1].kind, MR_ODD_LAYOUT);
    for (uint32_t g = 0; g < 3; g++) assert_int_equal(s.span[g].group, g);
    mr_spans_fini(&s);
}

/** The spans in words that do not name files by number. */
static void tell(const mr_catalog *c, const mr_spans *s, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_spans; i++) {
        const mr_span *sp = &s->span[i];
        n += (size_t)snprintf(out + n, size - n, "[%u %lld %lld", sp->group, (long long)sp->index0,
                              (long long)sp->n);
        for (size_t k = sp->leg0; k < sp->leg0 + sp->n_legs; k++)
            n += (size_t)snprintf(out + n, size - n, " %s %lld %llu",
                                  mr_catalog_path(c, s->leg[k].file), (long long)s->leg[k].k,
                                  (unsigned long long)s->leg[k].skip);
        n += (size_t)snprintf(out + n, size - n, "]");
    }
    for (size_t i = 0; i < s->n_odd; i++)
        n += (size_t)snprintf(out + n, size - n, "(%s %s %s)", mr_odd_name(s->odd[i].kind),
                              mr_catalog_path(c, s->odd[i].file), s->odd[i].note);
    assert_true(n < size);
}

static void the_order_of_files_changes_nothing(void **state)
{
    (void)state;
    /* one after the other, a gap, an overlap, another rate */
    mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000), recording(200 * S, 6000),
                        recording(250 * S, 6000), recording(30 * S, 6000)};
    f[4].rate_hz = 100.05; /* of the group, not its leader */
    f[4].nc = f[4].store.nc = 5;
    char want[2048] = "", got[2048];
    for (size_t turn = 0; turn < 120; turn++) { /* all orders of five, as factorial digits say */
        mr_file_info g[5];
        const char *name[5];
        bool used[5] = {false};
        size_t digits = turn;
        for (size_t i = 0; i < 5; i++) {
            size_t nth = digits % (5 - i), k = 0;
            digits /= 5 - i;
            while (used[k] || nth-- > 0) k++;
            used[k] = true;
            g[i] = f[k];
            name[i] = names[k];
        }
        mr_catalog *c = catalog(g, name, 5);
        mr_spans s = {0};
        MUST(mr_spans_build(c, MR_JOIN, NULL, &s));
        tell(c, &s, turn ? got : want, sizeof got);
        if (turn) assert_string_equal(got, want);
        mr_spans_fini(&s);
        mr_catalog_free(c);
    }
}

static void growth_leaves_indices_of_old_samples_alone(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S + 3 * MS, 6000),
                              recording(120 * S + 6 * MS, 6000), recording(300 * S, 6000)};
    mr_spans few = spans_of(f, 2), more = spans_of(f, 4);
    assert_int_equal(few.n_spans, 1);
    assert_int_equal(more.n_spans, 2);
    assert_int_equal(more.span[0].index0, few.span[0].index0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(more.leg[i].file, few.leg[i].file);
        assert_int_equal(more.leg[i].k, few.leg[i].k);
        assert_int_equal(more.leg[i].n, few.leg[i].n);
        assert_int_equal(more.leg[i].t_ns, few.leg[i].t_ns);
    }
    mr_spans_fini(&few);
    mr_spans_fini(&more);
}

static void time_goes_through_the_files_own_stamps(void **state)
{
    (void)state;
    /* b starts 3 ms late: a's 6000 samples are spread over 60.003 s */
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S + 3 * MS, 6000)};
    mr_spans s = spans_of(f, 2);
    const mr_span *sp = &s.span[0];
    const int64_t i0 = sp->index0;
    assert_int_equal(mr_span_time(&s, sp, i0, 1), T0);
    assert_int_equal(mr_span_time(&s, sp, i0 + 3000, 1), T0 + 30 * S + 1500 * US);
    assert_int_equal(mr_span_time(&s, sp, i0 + 6000, 1), T0 + 60 * S + 3 * MS);
    assert_int_equal(mr_span_time(&s, sp, i0 + 6100, 1), T0 + 61 * S + 3 * MS);
    /* half way between two samples: position (2 * (i0 + 6000) + 1) / 2 */
    assert_int_equal(mr_span_time(&s, sp, 2 * (i0 + 6000) + 1, 2), T0 + 60 * S + 8 * MS);
    mr_spans_fini(&s);
}

static void parts_of_a_range_are_found(void **state)
{
    (void)state;
    const mr_file_info f[] = {recording(0, 6000), recording(60 * S, 6000),
                              recording(120 * S, 6000)};
    mr_spans s = spans_of(f, 3);
    size_t first, n;
    mr_span_legs(&s, &s.span[0], 0, 6000, &first, &n);
    assert_true(first == 0 && n == 1);
    mr_span_legs(&s, &s.span[0], 5999, 6001, &first, &n);
    assert_true(first == 0 && n == 2);
    mr_span_legs(&s, &s.span[0], 6000, 18000, &first, &n);
    assert_true(first == 1 && n == 2);
    mr_spans_fini(&s);
}

static void the_ledger_is_found_by_time(void **state)
{
    (void)state;
    enum { N = 20000 }; /* minutes with a second missing between them: as many gaps but one */
    mr_file_info *f = calloc(N, sizeof *f);
    mr_strs paths = {0};
    mr_catalog *c = NULL;
    mr_spans s = {0};
    mr_odd_list list = {0};
    for (size_t i = 0; i < N; i++) MUST(mr_strs_add(&paths, "x.h5"));
    MUST(mr_catalog_new(&paths, &c));
    for (size_t i = 0; i < N; i++) {
        f[i] = recording((int64_t)i * 61 * S, 6000);
        MUST(mr_catalog_set(c, i, &f[i], 0));
    }
    MUST(mr_spans_build(c, MR_JOIN, NULL, &s));
    assert_int_equal(s.n_spans, N);
    assert_int_equal(s.n_odd, N - 1);
    /* gap i lies at [61 i + 60, 61 i + 61] s */
    MUST(mr_spans_odds_in(&s, T0 + 61 * S, T0 + 120 * S, &list));
    assert_int_equal(list.n, 1); /* it ends where the range begins */
    assert_int_equal(list.v[0], 0);
    MUST(mr_spans_odds_in(&s, T0 + 62 * S, T0 + 120 * S, &list));
    assert_int_equal(list.n, 0);
    MUST(mr_spans_odds_in(&s, T0 + 62 * S, T0 + (61 * 3 + 60) * S, &list));
    assert_int_equal(list.n, 3);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(list.v[i], i + 1);
    MUST(mr_spans_odds_in(&s, 0, INT64_MAX, &list));
    assert_int_equal(list.n, N - 1);
    mr_odd late = {.kind = MR_ODD_BAD_CHUNK, .t0_ns = T0, .t1_ns = T0 + S};
    MUST(mr_spans_note(&s, &late)); /* found while reading: not part of a lane's identity */
    MUST(mr_spans_odds_in(&s, T0, T0 + S, &list));
    assert_int_equal(list.n, 0);
    free(list.v);
    mr_spans_fini(&s);
    mr_catalog_free(c);
    mr_strs_fini(&paths);
    free(f);
}

static void no_usable_file_gives_no_span(void **state)
{
    (void)state;
    const mr_file_info f[] = {{.state = MR_EINPUT, .reason = "no"}};
    mr_spans s = spans_of(f, 1);
    assert_true(s.n_spans == 0 && s.n_odd == 0);
    mr_spans_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_end_to_end_are_one_span),
        cmocka_unit_test(a_gap_begins_a_span),
        cmocka_unit_test(half_a_sample_decides_between_drift_gap_and_overlap),
        cmocka_unit_test(in_an_overlap_the_earlier_file_keeps_its_samples),
        cmocka_unit_test(a_covered_file_is_a_duplicate_and_the_cover_goes_on),
        cmocka_unit_test(of_two_names_of_one_time_the_first_by_name_stays),
        cmocka_unit_test(stamps_beside_the_rate_are_drift),
        cmocka_unit_test(a_measured_rate_beyond_a_thousandth_bends_the_span),
        cmocka_unit_test(remarks_of_the_probe_are_rows_of_their_kinds),
        cmocka_unit_test(how_far_apart_recordings_join_is_the_configs_to_say),
        cmocka_unit_test(a_rate_a_hair_off_a_whole_one_counts_from_the_second),
        cmocka_unit_test(another_rate_or_layout_is_a_group_of_its_own),
        cmocka_unit_test(the_order_of_files_changes_nothing),
        cmocka_unit_test(growth_leaves_indices_of_old_samples_alone),
        cmocka_unit_test(time_goes_through_the_files_own_stamps),
        cmocka_unit_test(parts_of_a_range_are_found),
        cmocka_unit_test(the_ledger_is_found_by_time),
        cmocka_unit_test(no_usable_file_gives_no_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
