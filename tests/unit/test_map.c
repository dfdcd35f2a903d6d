/* test_map.c: input.map: checked before anything runs, used for bare files and over known layouts.
 */
#include "h5write.h"
#include "in/input.h"
#include "in/zygote.h"
#include <math.h>

#define T2026 1767225600000000000 /* 2026-01-01T00:00:00Z */
static char path[220];

/** A map from "key=value" texts; value "{a: b, c: d}" is a map, "[a, b]" a list. */
static mr_node item(const char *key, const char *text);

static void add(mr_node *m, mr_node n)
{
    m->entries = realloc(m->entries, (m->n + 1) * sizeof n);
    m->entries[m->n++] = n;
}

static mr_node item(const char *key, const char *text)
{
    mr_node n = {.key = strdup(key),
                 .file = strdup("c.yaml"),
                 .line = 3,
                 .col = 9,
                 .key_line = 3,
                 .key_col = 5};
    if (*text != '{' && *text != '[') {
        n.kind = MR_NODE_SCALAR;
        n.text = strdup(text);
        return n;
    }
    char buf[200], *save = NULL;
    snprintf(buf, sizeof buf, "%s", text + 1);
    buf[strlen(buf) - 1] = 0;
    n.kind = *text == '{' ? MR_NODE_MAP : MR_NODE_LIST;
    for (char *t = strtok_r(buf, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
        while (*t == ' ') t++;
        char *colon = n.kind == MR_NODE_MAP ? strstr(t, ": ") : NULL;
        if (colon) *colon = 0;
        add(&n, item(colon ? t : "", colon ? colon + 2 : t));
    }
    return n;
}

static mr_node map_of(const char *const *kv)
{
    mr_node m = {.kind = MR_NODE_MAP, .key = strdup("map")};
    for (; kv[0]; kv += 2) add(&m, item(kv[0], kv[1]));
    return m;
}
#define MAP(...) map_of((const char *const[]){__VA_ARGS__, NULL})

static void bad(mr_node m, const char *part)
{
    assert_int_equal(mr_map_check(&m), MR_ECONFIG);
    if (!strstr(mr_error(), part)) fail_msg("'%s' lacks '%s'", mr_error(), part);
    mr_node_fini(&m);
}

static void wrong_maps_are_refused_with_the_place(void **s)
{
    (void)s;
    bad(MAP("dat", "/raw"), "c.yaml:3:5: map: unknown key 'dat', did you mean 'data'?");
    bad(MAP("rate", "500"), "c.yaml:3:9");
    bad(MAP("rate", "500 m"), "c.yaml:3:9");
    bad(MAP("rate", "0 Hz"), "above 0");
    bad(MAP("rate", "[1, 2]"), "is a value or");
    bad(MAP("axes", "[time, time]"), "[time, channel]");
    bad(MAP("axes", "time"), "[time, channel]");
    bad(MAP("start", "yesterday"), "c.yaml:3:9");
    bad(MAP("start", "{attr: raw}"), "/path@name");
    bad(MAP("start", "{unit: us}"), "needs one of attr, dataset, name");
    bad(MAP("start", "{dataset: /t, name: %Y}"), "needs one of");
    bad(MAP("start", "{dataset: /t, unit: m}"), "c.yaml:3:9");
    bad(MAP("spacing", "{atr: /raw@dx}"), "did you mean 'attr'?");
    bad(MAP("spacing", "{name: %Y}"), "unknown key 'name'");
    bad(MAP("scale", "fast"), "not a number");
    bad(MAP("scale", "0"), "not a number other than 0");
    bad(MAP("scale", "{attr: /a@b, unit: m}"), "has no unit");
    bad(MAP("unit", "[a]"), "must be a text");
    mr_node empty = {.kind = MR_NODE_MAP};
    assert_int_equal(mr_map_check(&empty), MR_ECONFIG);
    assert_int_equal(mr_map_check(NULL), MR_OK);
}

/** Check the map, probe `path` with it, forget it. */
static mr_file_info look(mr_node m)
{
    mr_file_info i;
    if (mr_map_check(&m) != MR_OK) fail_msg("%s", mr_error());
    assert_int_equal(mr_probe_here(path, &m, &i, NULL), MR_OK);
    mr_node_fini(&m);
    return i;
}

static void write_bare(void)
{
    int64_t t[40];
    hsize_t n = 40;
    snprintf(path, sizeof path, "%s", w_name("20260101T000010_map"));
    hid_t f = w_file(path);
    w_samples(f, "grp/raw", 5, 40, NULL);
    w_attr_text(f, "grp/raw", "fs", "200");
    w_attr_f64(f, "grp/raw", "dt_ms", 5);
    w_attr_f64(f, "grp/raw", "k", 2e-9);
    w_attr_i64(f, "grp", "t0", T2026 / 1000000);
    w_attr_text(f, "grp", "when", "01.01.2026 00:00:30");
    for (int k = 0; k < 40; k++) t[k] = T2026 / 1000 + k * 5000;
    w_data(f, "t", H5T_STD_I64LE, 1, &n, NULL, H5T_NATIVE_INT64, t);
    H5Fclose(f);
}

static void map_reads_a_bare_file(void **s)
{
    (void)s;
    write_bare();
    mr_file_info i =
        look(MAP("data", "/grp/raw", "axes", "[channel, time]", "rate", "{attr: /grp/raw@fs}",
                 "start", "{attr: /grp@t0, unit: ms}", "spacing", "10 m", "first", "1.5 km",
                 "gauge", "8 m", "scale", "{attr: /grp/raw@k}", "unit", "strain/s"));
    if (i.state != MR_OK) fail_msg("%s", i.reason);
    assert_string_equal(i.layout, "map");
    assert_true(i.nt == 40 && i.nc == 5 && !i.store.time_first);
    assert_true(i.rate_hz == 200 && i.t0_ns == T2026 && i.dx_m == 10 && i.x0_m == 1500);
    assert_true(i.gauge_m == 8 && i.to_strain_rate == 2e-9 && i.to_native == 2e-9);
    assert_string_equal(i.unit, "counts");

    i = look(MAP("data", "grp/raw", "start", "{dataset: /t, unit: us}")); /* rate and axes too */
    assert_true(i.state == MR_OK && i.rate_hz == 200 && !i.store.time_first);
    assert_true(i.t0_ns == T2026 && i.t1_ns == T2026 + 39 * 5000000);

    i = look(MAP("data", "grp/raw", "axes", "[channel, time]", "rate",
                 "{attr: grp/raw@dt_ms, unit: ms}", "start", "{name: %Y%m%dT%H%M%S}"));
    assert_true(i.state == MR_OK && i.rate_hz == 200 && i.t0_ns == T2026 + 10000000000);

    i = look(MAP("data", "grp/raw", "axes", "[channel, time]", "rate", "200 Hz", "start",
                 "{attr: grp@when, format: %d.%m.%Y %H:%M:%S}", "quantity", "velocity"));
    assert_true(i.state == MR_OK && i.t0_ns == T2026 + 30000000000);
    assert_string_equal(i.quantity, "velocity");

    i = look(MAP("data", "grp/raw", "start", "2026-01-01T00:00:00Z"));
    assert_non_null(strstr(i.reason, "no sampling rate"));
    i = look(MAP("data", "grp/raw", "rate", "{attr: grp/raw@no}"));
    assert_non_null(strstr(i.reason, "no number at grp/raw@no"));
    i = look(MAP("data", "nothing", "rate", "1 Hz"));
    assert_non_null(strstr(i.reason, "not the dataset of input.map"));
    unlink(path);
}

static void map_overrides_single_facts(void **s)
{
    (void)s;
    double t[60];
    snprintf(path, sizeof path, "%s", w_name("override"));
    hid_t f = w_file(path);
    for (int k = 0; k < 60; k++) t[k] = 1767225600 + k * 0.0078125;
    w_samples(f, "raw", 60, 7, NULL);
    w_f64(f, "time", 60, t);
    H5Fclose(f);
    mr_file_info i = look(MAP("spacing", "4 m", "unit", "nm/m/s"));
    if (i.state != MR_OK) fail_msg("%s", i.reason);
    assert_string_equal(i.layout, "bare");
    assert_true(i.rate_hz == 128 && i.t0_ns == T2026 && i.dx_m == 4 && i.to_strain_rate == 1e-9);
    i = look(MAP("rate", "100 Hz", "start", "2025-01-01T00:00:00Z"));
    assert_non_null(strstr(i.reason, "input.map rate says 100 Hz, time 128 Hz"));
    i = look(MAP("rate", "100 Hz", "start", "2025-01-01T00:00:00Z", "time", "rate"));
    assert_true(i.rate_hz == 100 && i.t0_ns == 1735689600000000000);
    assert_true(i.t1_ns == i.t0_ns + 590000000);
    unlink(path);
}

static void map_reaches_the_workers(void **s)
{
    (void)s;
    mr_prober *p = NULL;
    mr_file_info i;
    write_bare();
    mr_node m = MAP("data", "grp/raw", "start", "{dataset: /t, unit: us}");
    assert_int_equal(mr_prober_new(1, &m, &p), MR_OK);
    mr_node_fini(&m); /* the pool has its own copy */
    assert_int_equal(mr_probe(p, path, &i, NULL), MR_OK);
    assert_true(i.state == MR_OK && i.rate_hz == 200);
    mr_prober_free(p);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(wrong_maps_are_refused_with_the_place),
        cmocka_unit_test(map_reads_a_bare_file),
        cmocka_unit_test(map_overrides_single_facts),
        cmocka_unit_test(map_reaches_the_workers),
    };
    if (mr_zygote_start() != MR_OK) return 1;
    int failed = cmocka_run_group_tests(t, NULL, NULL);
    mr_zygote_stop();
    return failed;
}
