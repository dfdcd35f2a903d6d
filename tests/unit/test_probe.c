/* test_probe.c: what is read from recorder files: real ones, and ones written here to the layouts'
 * descriptions. */
#include "h5write.h"
#include "in/input.h"

static char path[220];

static mr_file_info probe(const char *p, mr_chunk **chunks)
{
    mr_prober *pr = NULL;
    mr_file_info i;
    assert_int_equal(mr_prober_new(1, NULL, &pr), MR_OK);
    assert_int_equal(mr_probe(pr, p, &i, chunks), MR_OK);
    mr_prober_free(pr);
    return i;
}

/** PRODML 2.0 with rows x cols samples at `path`. */
static hid_t write_prodml(const hsize_t *chunk, hsize_t rows, hsize_t cols)
{
    snprintf(path, sizeof path, "%s", w_name("prodml"));
    hid_t f = w_file(path);
    w_group(f, "/Acquisition/Raw[0]");
    w_attr_text(f, "Acquisition", "schemaVersion", "2.0");
    w_attr_f64(f, "Acquisition", "PulseRate", 1000);
    w_attr_i64(f, "Acquisition", "NumberOfLoci", (int64_t)cols);
    w_attr_i64(f, "Acquisition", "StartLocusIndex", 10);
    w_attr_f64(f, "Acquisition", "SpatialSamplingInterval", 2);
    w_attr_f64(f, "Acquisition", "GaugeLength", 10);
    w_attr_f64(f, "Acquisition/Raw[0]", "OutputDataRate", 100);
    w_attr_text(f, "Acquisition/Raw[0]", "RawDataUnit", "nm/m/s");
    w_samples(f, "Acquisition/Raw[0]/RawData", rows, cols, chunk);
    const char *start = "2026-01-01T00:00:00.000000Z";
    char end[40];
    snprintf(end, sizeof end, "2026-01-01T00:00:%09.6f+00:00", (double)(rows - 1) / 100);
    const char *e = end;
    w_attr_vtext(f, "Acquisition/Raw[0]/RawData", "PartStartTime", 0, &start);
    w_attr_vtext(f, "Acquisition/Raw[0]/RawData", "PartEndTime", 0, &e);
    return f;
}

static void prodml_contiguous(void **s)
{
    (void)s;
    mr_chunk *c = NULL;
    H5Fclose(write_prodml(NULL, 200, 7));
    mr_file_info i = probe(path, &c);
    assert_string_equal(i.reason, "");
    assert_string_equal(i.layout, "prodml");
    assert_int_equal(i.nt, 200);
    assert_int_equal(i.nc, 7);
    assert_true(i.store.time_first);
    assert_int_equal(i.store.storage, MR_ST_CONTIGUOUS);
    assert_int_equal(i.t0_ns, 1767225600000000000); /* 2026-01-01 */
    assert_int_equal(i.t1_ns, 1767225600000000000 + 1990000000);
    assert_true(i.rate_hz == 100 && i.dx_m == 2 && i.x0_m == 20 && i.gauge_m == 10);
    assert_true(i.to_native == 1e-9 && i.to_strain_rate == 1e-9);
    assert_string_equal(i.native_unit, "strain s-1");
    assert_string_equal(i.quantity, "strain_rate");
    assert_null(c);
    float v; /* the place of sample (3, 5) */
    FILE *f = fopen(path, "rb");
    fseek(f, (long)i.store.offset + (3 * 7 + 5) * 4, SEEK_SET);
    assert_int_equal(fread(&v, 4, 1, f), 1);
    fclose(f);
    assert_true(v == 3005);
    unlink(path);
}

static void prodml_chunked(void **s)
{
    (void)s;
    const hsize_t chunk[2] = {64, 4};
    mr_chunk *c = NULL;
    hid_t h = write_prodml(chunk, 200, 7);
    const char *dims[2] = {"time", "locus"};
    w_attr_vtext(h, "Acquisition/Raw[0]/RawData", "Dimensions", 2, dims);
    H5Fclose(h);
    mr_file_info i = probe(path, &c);
    assert_string_equal(i.reason, "");
    assert_int_equal(i.store.storage, MR_ST_CHUNKED);
    assert_int_equal(i.store.chunk_t, 64);
    assert_int_equal(i.store.chunk_c, 4);
    assert_int_equal(i.store.n_chunks, 4 * 2);
    assert_non_null(c);
    FILE *f = fopen(path, "rb");
    for (int k = 0; k < 8; k++) { /* the first sample of each chunk tells where it belongs */
        float v;
        assert_int_equal(c[k].nbytes, 64 * 4 * 4);
        fseek(f, (long)c[k].offset, SEEK_SET);
        assert_int_equal(fread(&v, 4, 1, f), 1);
        assert_true(v == (float)(k / 2 * 64 * 1000 + k % 2 * 4));
    }
    fclose(f);
    free(c);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(prodml_contiguous),
        cmocka_unit_test(prodml_chunked),
    };
    if (mr_zygote_start() != MR_OK) return 1;
    int failed = cmocka_run_group_tests(t, NULL, NULL);
    mr_zygote_stop();
    return failed;
}
