/* test_real.c: recorder files as they were made: start, rate, spacing and shape as the facts beside
 * them say; damaged and hostile ones are refused with a reason. MILLRACE_REALDATA names the folder.
 */
#include "h5write.h"
#include "in/input.h"
#include <dirent.h>
#include <jansson.h>
#include <math.h>

static const char *folder(void)
{
    const char *s = getenv("MILLRACE_REALDATA");
    return s ? s : "../shared/realdata";
}

static bool need(const char *sub, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", folder(), sub);
    if (access(path, R_OK) == 0) return true;
    print_message("%s is missing: set MILLRACE_REALDATA\n", path);
    return false;
}

static double number(const json_t *f, const char *key)
{
    return json_number_value(json_object_get(f, key));
}

/** One layout's file against its facts. */
static void check_file(mr_prober *p, const json_t *f)
{
    char path[400], sub[300];
    const char *name = json_string_value(json_object_get(f, "file"));
    mr_file_info i;
    mr_chunk *c = NULL;
    snprintf(sub, sizeof sub, "das/%s", name);
    assert_true(need(sub, path, sizeof path));
    mr_probed all;
    assert_int_equal(mr_probe_file(p, path, true, &all), MR_OK);
    i = all.rec[0];
    for (size_t k = 1; k < all.n; k++) { /* a clock that wanders is one recording all the same */
        if (!mr_recording_goes_on(&all.rec[k - 1], &all.rec[k])) fail_msg("%s: breaks", name);
        i.nt += all.rec[k].nt;
    }
    c = all.table[0];
    all.table[0] = NULL;
    mr_probed_fini(&all);
    if (i.state != MR_OK) fail_msg("%s: %s", name, i.reason);
    json_int_t start = json_integer_value(json_object_get(f, "start_ns"));
    /* half a unit of the stored float64 seconds, as the facts say */
    json_int_t tol = json_integer_value(json_object_get(f, "start_tolerance_ns"));
    if (llabs(i.t0_ns - start) > tol) fail_msg("%s: start %lld", name, (long long)i.t0_ns);
    assert_int_equal(i.nt, (uint64_t)number(f, "n_samples"));
    assert_int_equal(i.nc, (uint64_t)number(f, "n_channels"));
    assert_int_equal(i.store.time_first, number(f, "time_axis") == 0);
    /* 1e-9: the float64 difference of two epoch stamps of h5_simple_1.h5 is exact, the division not
     */
    if (!(fabs(i.rate_hz / number(f, "rate_hz") - 1) <= 1e-9))
        fail_msg("%s: rate %.12g", name, i.rate_hz);
    if (json_is_number(json_object_get(f, "spacing_m"))) {
        /* 1e-7: ap_sensing_1.hdf5 stores it as float32 */
        if (!(fabs(i.dx_m / number(f, "spacing_m") - 1) <= 1e-7))
            fail_msg("%s: spacing %.12g", name, i.dx_m);
    } else {
        assert_true(i.dx_m == 0);
    }
    assert_int_equal(i.store.storage == MR_ST_CHUNKED, json_is_array(json_object_get(f, "chunks")));
    assert_int_equal(c != NULL, i.store.storage == MR_ST_CHUNKED);
    free(c);
}

static void facts_of_real_files(void **s)
{
    (void)s;
    static const char *const read[] = {"iDAS005_hdf5_example.626.h5",
                                       "terra15_v5_test_file.hdf5",
                                       "decimated_optodas.hdf5",
                                       "silixa_h5_1.hdf5",
                                       "gdr_1.h5",
                                       "h5_simple_1.h5",
                                       "dispersion_event.h5",
                                       "ap_sensing_1.hdf5",
                                       "xdas_netcdf.nc"};
    char path[400];
    if (!need("das/facts.json", path, sizeof path)) skip();
    json_t *root = json_load_file(path, 0, NULL);
    mr_prober *p = NULL;
    size_t k, seen = 0;
    json_t *f;
    assert_non_null(root);
    assert_int_equal(mr_prober_new(1, NULL, &p), MR_OK);
    json_array_foreach(json_object_get(root, "files"), k, f)
    {
        const char *name = json_string_value(json_object_get(f, "file"));
        for (size_t j = 0; j < sizeof read / sizeof *read; j++)
            if (strcmp(read[j], name) == 0) {
                check_file(p, f);
                seen++;
            }
    }
    assert_int_equal(seen, sizeof read / sizeof *read);
    mr_prober_free(p);
    json_decref(root);
}

static void what_is_odd_is_said(void **s)
{
    (void)s;
    static const struct {
        const char *file, *odd;
    } row[] = {{"das/silixa_h5_1.hdf5", "clock: GPS and computer clocks differ by 1372.643 s"},
               {"das/ap_sensing_1.hdf5", "by the end positions 1.22614 m"}};
    char path[400];
    mr_prober *p = NULL;
    mr_file_info i;
    if (!need("das", path, sizeof path)) skip();
    assert_int_equal(mr_prober_new(1, NULL, &p), MR_OK);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        assert_true(need(row[k].file, path, sizeof path));
        assert_int_equal(mr_probe(p, path, &i, NULL), MR_OK);
        if (!strstr(i.odd, row[k].odd)) fail_msg("%s: '%s'", path, i.odd);
    }
    mr_prober_free(p);
}

static void layouts_not_read_are_refused_by_name(void **s)
{
    (void)s;
    static const struct {
        const char *file, *part;
    } row[] = {{"das/das_vader_1.jld2", "DASVader JLD2"},
               {"das/neubrex_dts_forge.h5", "Neubrex RFS"},
               {"das/febusg1_bsl.h5", "Febus G1"},
               {"das/febus_dts_single_reading.h5", "Febus T1"},
               {"das/nodal_miniPH5.ph5", "PH5"},
               {"das/tmach-jun5-1740-2tpt.h5", "give input.map"},
               {"das/test-das.h5", "give input.map"}};
    char path[400];
    mr_prober *p = NULL;
    mr_file_info i;
    if (!need("das", path, sizeof path)) skip();
    assert_int_equal(mr_prober_new(1, NULL, &p), MR_OK);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        assert_true(need(row[k].file, path, sizeof path));
        assert_int_equal(mr_probe(p, path, &i, NULL), MR_OK);
        assert_int_equal(i.state, MR_EINPUT);
        if (!strstr(i.reason, row[k].part)) fail_msg("%s: '%s'", path, i.reason);
    }
    mr_prober_free(p);
}

static mr_node leaf(const char *key, const char *text)
{
    return (mr_node){.kind = MR_NODE_SCALAR, .key = strdup(key), .text = strdup(text)};
}

/** The dataset each damaged file is asked for: so that more of it is read than its names. */
static mr_node map_of(const char *data)
{
    mr_node m = {.kind = MR_NODE_MAP, .key = strdup(""), .n = 3};
    m.entries = calloc(3, sizeof *m.entries);
    m.entries[0] = leaf("data", data);
    m.entries[1] = leaf("rate", "100 Hz");
    m.entries[2] = leaf("start", "2026-01-01T00:00:00Z");
    return m;
}

/** Every damaged file ends as a refusal with a reason, with and without a map. None crashes us. */
static void damaged_files_are_refused(void **s)
{
    (void)s;
    static const char *const data[] = {NULL,       "/DS1",      "/dset", "/Dset1",
                                       "/dataset", "/ext_file", "/"};
    char path[700];
    size_t files = 0;
    if (!need("bad", path, sizeof path)) skip();
    for (size_t k = 0; k < sizeof data / sizeof *data; k++) {
        mr_node map = data[k] ? map_of(data[k]) : (mr_node){0};
        mr_prober *p = NULL;
        char dir[400];
        assert_int_equal(mr_prober_new(1, data[k] ? &map : NULL, &p), MR_OK);
        need("bad", dir, sizeof dir);
        DIR *d = opendir(dir);
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d));) {
            mr_file_info i;
            mr_chunk *c = NULL;
            if (e->d_name[0] == '.') continue;
            snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
            assert_int_equal(mr_probe(p, path, &i, &c), MR_OK);
            free(c);
            if (!data[k]) {
                assert_int_equal(i.state, MR_EINPUT);
                files++;
            }
            if (i.state != MR_OK) assert_true(strlen(i.reason) > 5);
        }
        closedir(d);
        mr_prober_free(p);
        mr_node_fini(&map);
    }
    assert_true(files >= 47);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(facts_of_real_files),
        cmocka_unit_test(what_is_odd_is_said),
        cmocka_unit_test(layouts_not_read_are_refused_by_name),
        cmocka_unit_test(damaged_files_are_refused),
    };
    if (mr_zygote_start() != MR_OK) return 1;
    int failed = cmocka_run_group_tests(t, NULL, NULL);
    mr_zygote_stop();
    return failed;
}
