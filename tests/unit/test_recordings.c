/* test_recordings.c: what a file holds several of: datasets beside and behind one another. */
#include "h5write.h"
#include "in/input.h"

#define T2026 1767225600000000000 /* 2026-01-01T00:00:00Z */
static char path[220];

static hid_t begin(const char *stem)
{
    snprintf(path, sizeof path, "%s", w_name(stem));
    return w_file(path);
}

static void used(const mr_file_info *i, uint64_t nt)
{
    if (i->state != MR_OK) fail_msg("%s", i->reason);
    assert_string_equal(i->layout, "dasdae");
    assert_int_equal(i->nt, nt);
    assert_int_equal(i->nc, 4);
}

/** A patch of 4 channels at 50 Hz from t0_s after 2026. */
static void a_patch(hid_t f, const char *name, int n, int t0_s)
{
    char where[80];
    int64_t t[30];
    hsize_t len = (hsize_t)n;
    signed char yes = 1;
    snprintf(where, sizeof where, "waveforms/%s/data", name);
    w_samples(f, where, (uint64_t)n, 4, NULL);
    snprintf(where, sizeof where, "waveforms/%s", name);
    w_attr_text(f, where, "_dims", "time,distance");
    snprintf(where, sizeof where, "waveforms/%s/_coord_time", name);
    for (int k = 0; k < n; k++) t[k] = T2026 + t0_s * 1000000000ll + k * 20000000ll;
    w_data(f, where, H5T_STD_I64LE, 1, &len, NULL, H5T_NATIVE_INT64, t);
    w_attr(f, where, "is_datetime64", H5T_STD_I8LE, 0, &yes);
}

static mr_probed end_all(hid_t f, const char *dataset)
{
    mr_probed p;
    const mr_probe_opts o = {.dataset = dataset};
    assert_true(H5Fclose(f) >= 0);
    assert_int_equal(mr_probe_file_here(path, &o, true, &p), MR_OK);
    return p;
}

/* three patches: a of 20 rows, b of 30 rows 5 s later, c of 10 rows in the same time as b */
static void datasets_of_a_file_are_its_recordings(void **s)
{
    (void)s;
    static const char *const pick[] = {NULL, "c", "waveforms/[ac]/*", "d"};
    for (size_t k = 0; k < 4; k++) {
        hid_t f = begin("dasdae3");
        w_attr_text(f, "", "__format__", "DASDAE");
        a_patch(f, "a", 20, 0);
        a_patch(f, "b", 30, 5);
        a_patch(f, "c", 10, 5);
        mr_probed p = end_all(f, pick[k]);
        if (k == 0) { /* all alike to the largest, but not what was recorded beside it */
            assert_int_equal(p.n, 2);
            used(&p.rec[0], 20);
            used(&p.rec[1], 30);
            assert_string_equal(p.rec[1].dataset, "waveforms/b/data");
            assert_true(p.rec[0].set == 0 && p.rec[1].set == 1);
            assert_non_null(strstr(p.rec[0].odd, "left_out(1): of 3 datasets c is left out"));
        } else if (k == 1) {
            assert_int_equal(p.n, 1);
            used(&p.rec[0], 10);
            assert_non_null(strstr(p.rec[0].odd, "left_out(2)"));
        } else if (k == 2) {
            assert_int_equal(p.n, 2);
        } else {
            assert_int_equal(p.n, 1);
            assert_int_equal(p.rec[0].state, MR_EINPUT);
            assert_non_null(strstr(p.rec[0].reason, "d is none of its 3 datasets"));
        }
        mr_probed_fini(&p);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(datasets_of_a_file_are_its_recordings),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
