/* test_layouts.c: files written here to each layout's description, with the oddities met in the
 * field: facts as text, arrays of one, preallocated tails, either axis order. */
#include "h5write.h"
#include "in/input.h"
#include <math.h>

#define T2026 1767225600000000000 /* 2026-01-01T00:00:00Z */
static char path[220];

static hid_t begin(const char *stem)
{
    snprintf(path, sizeof path, "%s", w_name(stem));
    return w_file(path);
}

/** Close, probe in this process (the worker's way is test_probe's), remove. */
static mr_file_info end(hid_t f)
{
    mr_file_info i;
    mr_chunk *c = NULL;
    assert_true(H5Fclose(f) >= 0);
    assert_int_equal(mr_probe_here(path, NULL, &i, &c), MR_OK);
    free(c);
    unlink(path);
    return i;
}

static void used(const mr_file_info *i, const char *layout, uint64_t nt, uint64_t nc, bool t_first)
{
    if (i->state != MR_OK) fail_msg("%s", i->reason);
    assert_string_equal(i->layout, layout);
    assert_int_equal(i->nt, nt);
    assert_int_equal(i->nc, nc);
    assert_int_equal(i->store.time_first, t_first);
}

static void refused(const mr_file_info *i, const char *part)
{
    assert_int_equal(i->state, MR_EINPUT);
    if (!strstr(i->reason, part)) fail_msg("'%s' lacks '%s'", i->reason, part);
}

static void close_to(double a, double b, double rel)
{
    if (!(fabs(a - b) <= rel * fabs(b))) fail_msg("%.17g is not %.17g", a, b);
}

/* --- Terra15 ------------------------------------------------------------------------------------
 */

static hid_t terra15(const char *group, const char *product)
{
    char data[80];
    hid_t f = begin("terra15");
    w_attr_vtext(f, "", "data_product", 0, &product);
    w_attr_f64(f, "", "acoustic_bandwidth_end", 500);
    w_attr_f64(f, "", "amplifier_incoming_current", 100);
    w_attr_f64(f, "", "file_start_computer_time", 1767225600);
    w_attr_i64(f, "", "file_version", 4);
    w_attr_f64(f, "", "dx", 1.5);
    w_attr_f64(f, "", "sensing_range_start", -30);
    w_attr_f64(f, "", "gauge_length", NAN);
    snprintf(data, sizeof data, "%s/data", group);
    w_samples(f, data, 100, 8, NULL);
    return f;
}

static void terra15_with_preallocated_tail(void **s)
{
    (void)s;
    double t[100];
    hid_t f = terra15("velocity", "velocity");
    for (int k = 0; k < 100; k++) t[k] = k < 80 ? 1767225600 + k * 0.001953125 : 0; /* 1/512 s */
    const char *u = "m/s";
    w_attr_vtext(f, "", "data_product_units", 0, &u);
    w_f64(f, "velocity/gps_time", 100, t);
    mr_file_info i = end(f);
    used(&i, "terra15", 80, 8, true);
    assert_int_equal(i.store.nt, 100);
    assert_int_equal(i.t0_ns, T2026);
    assert_int_equal(i.t1_ns, T2026 + 79 * 1953125);
    close_to(i.rate_hz, 512, 1e-12);
    assert_true(i.dx_m == 1.5 && i.x0_m == -30 && i.gauge_m == 0 && i.to_native == 1);
    assert_string_equal(i.native_unit, "m s-1");
}

static void terra15_without_gps_and_with_a_head(void **s)
{
    (void)s;
    double t[100] = {0}, zero[100] = {0}, dt = 0.002;
    hid_t f = terra15("data_product", "strain_rate");
    for (int k = 10; k < 100; k++) t[k] = 1767225600 + (k - 10) * dt;
    w_f64(f, "data_product/gps_time", 100, zero);
    w_f64(f, "data_product/posix_time", 100, t);
    w_attr_f64(f, "data_product/data", "dT", dt);
    mr_file_info i = end(f);
    used(&i, "terra15", 90, 8, true);
    assert_int_equal(i.store.row0, 10);
    assert_int_equal(i.t0_ns, T2026);
    assert_true(i.rate_hz == 500);
    assert_string_equal(i.odd, "");
    assert_non_null(strstr(i.assumed, "computer"));
}

/* --- OptoDAS ------------------------------------------------------------------------------------
 */

static void optodas_counts_with_sensitivity(void **s)
{
    (void)s;
    const hsize_t d[2] = {50, 4};
    double dt = 0.01, dx = 2, t0 = 1767225600.5, scale = 1e-8, sens = 4e6;
    int64_t ch[4] = {100, 110, 120, 130}, skip = 100;
    hsize_t four = 4, two = 2;
    char dims[2][9] = {"time", "distance"};
    hid_t f = begin("optodas"), st = H5Tcopy(H5T_C_S1);
    H5Tset_size(st, 9);
    w_group(f, "acqSpec");
    w_group(f, "cableSpec");
    w_f64(f, "fileVersion", 0, &(double){8});
    w_data(f, "data", H5T_STD_I16BE, 2, d, NULL, 0, NULL);
    hid_t ds = w_open(f, "data"); /* samples must exist on disk */
    int16_t v[200] = {0};
    assert_true(H5Dwrite(ds, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Oclose(ds);
    w_f64(f, "header/time", 0, &t0);
    w_f64(f, "header/dt", 0, &dt);
    w_f64(f, "header/dx", 0, &dx);
    w_f64(f, "header/dataScale", 0, &scale);
    w_f64(f, "header/sensitivities", 1, &sens);
    w_data(f, "header/channels", H5T_STD_I32LE, 1, &four, NULL, H5T_NATIVE_INT64, ch);
    w_data(f, "header/dimensionNames", st, 1, &two, NULL, st, dims);
    w_data(f, "header/dimensionRanges/dimension0/min", H5T_STD_I64LE, 0, NULL, NULL,
           H5T_NATIVE_INT64, &skip);
    const char *u = "rad/m/s", *su = "rad/m/strain";
    w_vtext(f, "header/unit", 0, &u);
    w_vtext(f, "header/sensitivityUnits", 1, &su);
    H5Tclose(st);
    mr_file_info i = end(f);
    used(&i, "optodas", 50, 4, true);
    assert_int_equal(i.t0_ns, T2026 + 500000000 + 1000000000); /* + 100 samples of 10 ms */
    assert_true(i.rate_hz == 100 && i.dx_m == 20 && i.x0_m == 200);
    assert_true(i.store.dtype.big_endian && i.store.dtype.kind == MR_DT_INT);
    close_to(i.to_strain_rate, 1e-8 / 4e6, 1e-12);
    assert_string_equal(i.native_unit, "strain s-1");
    assert_string_equal(i.unit, "counts");
}

/* --- AP Sensing ---------------------------------------------------------------------------------
 */

static void apsensing_facts_are_datasets(void **s)
{
    (void)s;
    const char *zone[2] = {"UTC", "Europe/Berlin"}, *app = "APSensing", *stamp[1];
    for (int k = 0; k < 2; k++) {
        hid_t f = begin("aps");
        w_attr_vtext(f, "", "AppVersion", 1, &app);
        w_attr_i64(f, "", "FileVersion", 10);
        w_attr_i64(f, "", "OpticalChannelNumber", 1);
        stamp[0] = "2026-01-01T00:00:00.25Z";
        w_vtext(f, "Metadata/Timestamp", 1, stamp);
        w_vtext(f, "Metadata/Timezone", 1, &zone[k]);
        w_f64(f, "Metadata/TraceCount", 1, &(double){40});
        w_f64(f, "ProcessingServer/DataRate", 1, &(double){250});
        w_f64(f, "ProcessingServer/SpatialSampling", 1, &(double){1.25});
        w_f64(f, "DAQ/PositionStart", 1, &(double){12.5});
        w_samples(f, "DAS", 50, 6, NULL);
        mr_file_info i = end(f);
        if (k == 1) {
            refused(&i, "time zone Europe/Berlin");
            continue;
        }
        used(&i, "apsensing", 40, 6, true);
        assert_int_equal(i.t0_ns, T2026 + 250000000);
        assert_true(i.rate_hz == 250 && i.dx_m == 1.25 && i.x0_m == 12.5 && i.to_native == 0);
        assert_string_equal(i.quantity, "phase");
    }
}

/* --- Silixa -------------------------------------------------------------------------------------
 */

static void silixa_without_gps(void **s)
{
    (void)s;
    const char *v[][2] = {{"GPSTimeStamp", ""},
                          {"CPUTimeStamp", "01/01/2026 00:00:01.500 (UTC)"},
                          {"SamplingFrequency[Hz]", "1000"},
                          {"GaugeLength", "10"},
                          {"SpatialResolution[m]", "1"},
                          {"Fibre Length Multiplier", "1.02"},
                          {"Start Distance (m)", "-3.5"},
                          {"Unit Calibration (nm)", "116"}};
    hid_t f = begin("silixa");
    w_samples(f, "Acoustic", 30, 5, NULL);
    for (size_t k = 0; k < sizeof v / sizeof *v; k++)
        w_attr_vtext(f, "Acoustic", v[k][0], 0, &v[k][1]);
    mr_file_info i = end(f);
    used(&i, "silixa", 30, 5, true);
    assert_int_equal(i.t0_ns, T2026 + 1500000000);
    assert_true(i.rate_hz == 1000 && i.dx_m == 1.02 && i.x0_m == -3.5);
    /* counts * 116 nm * fs / (gauge * 8192) */
    close_to(i.to_strain_rate, 116e-9 * 1000 / (10 * 8192.0), 1e-12);
    assert_non_null(strstr(i.assumed, "computer"));
}

/* --- GDR ----------------------------------------------------------------------------------------
 */

static void gdr_channel_first_with_text_numbers(void **s)
{
    (void)s;
    const char *dims[2] = {"locus", "time step"}, *nan_text = "NaN", *dx = "2.5", *m = "meters";
    const char *unit = "strain/s";
    uint64_t t[40];
    hsize_t n = 40;
    hid_t f = begin("gdr");
    w_group(f, "DasMetadata/Interrogator/Acquisition");
    const char *acq = "DasMetadata/Interrogator/Acquisition";
    w_attr_vtext(f, acq, "AcquisitionSampleRate", 0, &nan_text);
    w_attr_vtext(f, acq, "SpatialSamplingInterval", 0, &dx);
    w_attr_vtext(f, acq, "SpatialSamplingIntervalUnit", 0, &m);
    w_attr_vtext(f, acq, "GaugeLength", 0, &nan_text);
    w_attr_vtext(f, acq, "UnitOfMeasure", 0, &unit);
    w_samples(f, "DasRawData/RawData", 7, 40, NULL);
    w_attr_vtext(f, "DasRawData/RawData", "DasDimensions", 2, dims);
    for (int k = 0; k < 40; k++) t[k] = (uint64_t)T2026 + (uint64_t)k * 4000000;
    w_data(f, "DasRawData/DasTimeArray", H5T_STD_U64LE, 1, &n, NULL, H5T_NATIVE_UINT64, t);
    mr_file_info i = end(f);
    used(&i, "gdr", 40, 7, false);
    assert_int_equal(i.t0_ns, T2026);
    assert_true(i.rate_hz == 250 && i.dx_m == 2.5 && i.gauge_m == 0 && i.to_strain_rate == 1);
}

/* --- DASDAE -------------------------------------------------------------------------------------
 */

static void dasdae_time_first(void **s)
{
    (void)s;
    int64_t t[30];
    double x[4] = {100, 105, 110, 115};
    hsize_t n = 30;
    signed char yes = 1;
    hid_t f = begin("dasdae");
    w_attr_text(f, "", "__format__", "DASDAE");
    w_samples(f, "waveforms/patch/data", 30, 4, NULL);
    w_attr_text(f, "waveforms/patch", "_dims", "time,distance");
    w_attr_text(f, "waveforms/patch", "_attrs_data_type", "strain_rate");
    w_attr_f64(f, "waveforms/patch", "_attrs_gauge_length", 8);
    for (int k = 0; k < 30; k++) t[k] = T2026 + k * 20000000ll;
    w_data(f, "waveforms/patch/_coord_time", H5T_STD_I64LE, 1, &n, NULL, H5T_NATIVE_INT64, t);
    w_attr(f, "waveforms/patch/_coord_time", "is_datetime64", H5T_STD_I8LE, 0, &yes);
    w_f64(f, "waveforms/patch/_coord_distance", 4, x);
    mr_file_info i = end(f);
    used(&i, "dasdae", 30, 4, true);
    assert_true(i.t0_ns == T2026 && i.t1_ns == t[29] && i.rate_hz == 50);
    assert_true(i.dx_m == 5 && i.x0_m == 100 && i.gauge_m == 8 && i.to_native == 0);
    assert_string_equal(i.quantity, "strain_rate");
}

static void dasdae_patches_are_refused_one_by_one(void **s)
{
    (void)s;
    hid_t f = begin("dasdae2");
    w_attr_text(f, "", "__format__", "DASDAE");
    w_samples(f, "waveforms/a/data", 3, 4, NULL);
    w_samples(f, "waveforms/b/data", 3, 4, NULL);
    mr_file_info i = end(f);
    refused(&i, "a: dimensions");
}

/* --- xdas ---------------------------------------------------------------------------------------
 */

static void xdas_channel_first_with_three_tie_points(void **s)
{
    (void)s;
    int64_t ti[3] = {0, 49, 99}, tv[3] = {0, 490000, 990000}, xi[2] = {0, 8};
    double xv[2] = {1000, 1040};
    hsize_t n2 = 2, n3 = 3;
    const char *ci = "distance: distance_indices distance_values time: time_indices time_values";
    const char *conv = "CF-1.9", *units = "microseconds since 2026-01-01T00:00:00";
    hid_t f = begin("xdas");
    w_attr_vtext(f, "", "Conventions", 0, &conv);
    w_samples(f, "velocity", 9, 100, NULL);
    w_attr_vtext(f, "velocity", "coordinate_interpolation", 0, &ci);
    w_data(f, "time_indices", H5T_STD_I64LE, 1, &n3, NULL, H5T_NATIVE_INT64, ti);
    w_data(f, "time_values", H5T_STD_I64LE, 1, &n3, NULL, H5T_NATIVE_INT64, tv);
    w_attr_vtext(f, "time_values", "units", 0, &units);
    w_data(f, "distance_indices", H5T_STD_I64LE, 1, &n2, NULL, H5T_NATIVE_INT64, xi);
    w_f64(f, "distance_values", 2, xv);
    mr_file_info i = end(f);
    used(&i, "xdas", 100, 9, false);
    assert_true(i.t0_ns == T2026 && i.t1_ns == T2026 + 990000000 && i.rate_hz == 100);
    assert_true(i.dx_m == 5 && i.x0_m == 1000);
    assert_string_equal(i.quantity, "velocity");
    assert_string_equal(i.odd, "");
}

/* --- bare ---------------------------------------------------------------------------------------
 */

static void bare_axis_by_length(void **s)
{
    (void)s;
    double t[60], x[6];
    for (int sq = 0; sq < 2; sq++) {
        hid_t f = begin("bare");
        for (int k = 0; k < 60; k++) t[k] = 1767225600 + k * 0.0078125;
        for (int k = 0; k < 6; k++) x[k] = 3 * k;
        w_samples(f, "data", sq ? 60 : 6, 60, NULL);
        w_f64(f, "timestamps", 60, t);
        w_f64(f, "distance", 6, x);
        mr_file_info i = end(f);
        if (sq) {
            refused(&i, "do not tell the axes");
            continue;
        }
        used(&i, "bare", 60, 6, false);
        assert_true(i.t0_ns == T2026 && i.rate_hz == 128 && i.dx_m == 3);
    }
}

static void rate_is_as_round_as_the_stamps_allow(void **s)
{
    (void)s;
    /* 0.01 s is no float64 number, and an epoch in seconds is good to 2.4e-7 s only */
    double t[60];
    for (int k = 0; k < 60; k++) t[k] = 1767225600.1 + k * 0.01;
    hid_t f = begin("round");
    w_samples(f, "data", 60, 6, NULL);
    w_f64(f, "time", 60, t);
    mr_file_info i = end(f);
    assert_true(i.rate_hz == 100);
    for (int k = 0; k < 60; k++)
        t[k] = 1767225600.1 + k * 0.0100005; /* 50 ppm: a real difference */
    f = begin("round");
    w_samples(f, "data", 60, 6, NULL);
    w_f64(f, "time", 60, t);
    i = end(f);
    close_to(i.rate_hz, 99.995, 1e-6);
    assert_true(fabs(i.rate_hz - 100) > 0.004);
}

/* --- PRODML variants ----------------------------------------------------------------------------
 */

static hid_t prodml(hsize_t rows, hsize_t cols, int64_t loci)
{
    hid_t f = begin("prodml");
    w_group(f, "Acquisition/Raw[0]"); /* an empty group comes first */
    w_attr_text(f, "Acquisition", "schemaVersion", "2.1");
    w_attr_text(f, "Acquisition", "PulseRate", "1000");
    w_attr_i64(f, "Acquisition", "NumberOfLoci", loci);
    w_attr_text(f, "Acquisition", "SpatialSamplingInterval", "4");
    w_attr_f64(f, "Acquisition", "GaugeLength", 16);
    w_samples(f, "Acquisition/Raw[1]/RawData", rows, cols, NULL);
    return f;
}

static void prodml_locus_first_by_loci(void **s)
{
    (void)s;
    int64_t us[50], one = (int64_t)__builtin_bswap64(1);
    hsize_t n = 50;
    hid_t f = prodml(5, 50, 5);
    for (int k = 0; k < 50; k++) us[k] = T2026 / 1000 + k * 2000;
    w_data(f, "Acquisition/Raw[1]/RawDataTime", H5T_STD_I64LE, 1, &n, NULL, H5T_NATIVE_INT64, us);
    w_attr(f, "Acquisition/Raw[1]", "OutputDataRate", H5T_STD_I64LE, 1, &(int64_t){500});
    w_attr(f, "Acquisition", "StartLocusIndex", H5T_STD_I64BE, 1, &one);
    const char *u = "rad * 2PI/2^16";
    w_attr_vtext(f, "Acquisition/Raw[1]", "RawDataUnit", 1, &u);
    mr_file_info i = end(f);
    used(&i, "prodml", 50, 5, false);
    assert_true(i.t0_ns == T2026 && i.t1_ns == T2026 + 98000000 && i.rate_hz == 500);
    assert_true(i.dx_m == 4);
    assert_string_equal(i.native_unit, "rad");
    close_to(i.to_native, 2 * M_PI / 65536, 1e-14);
    /* phase * lambda / (4 pi n L zeta), 1550 nm, 1.445, 16 m, 0.79 */
    close_to(i.to_strain, 2 * M_PI / 65536 * 1550e-9 / (4 * M_PI * 1.445 * 16 * 0.79), 1e-12);
    assert_non_null(strstr(i.assumed, "1550 nm"));
}

static void prodml_end_time_past_the_last_sample(void **s)
{
    (void)s;
    hid_t f = prodml(100, 5, 5);
    w_attr_f64(f, "Acquisition/Raw[1]", "OutputDataRate", 100);
    w_attr_text(f, "Acquisition/Raw[1]/RawData", "Dimensions", "time, locus");
    w_attr_text(f, "Acquisition/Raw[1]/RawData", "PartStartTime", "2026-01-01T01:00:00+01:00");
    w_attr_text(f, "Acquisition/Raw[1]/RawData", "PartEndTime", "2026-01-01T00:00:01Z");
    mr_file_info i = end(f);
    used(&i, "prodml", 100, 5, true);
    assert_true(i.t0_ns == T2026 && i.t1_ns == T2026 + 990000000 && i.rate_hz == 100);
    assert_string_equal(i.odd, "");
}

static void prodml_rate_against_stamps(void **s)
{
    (void)s;
    hid_t f = prodml(100, 5, 5);
    w_attr_f64(f, "Acquisition/Raw[1]", "OutputDataRate", 200);
    w_attr_text(f, "Acquisition/Raw[1]/RawData", "PartStartTime", "2026-01-01T00:00:00Z");
    w_attr_text(f, "Acquisition/Raw[1]/RawData", "PartEndTime", "2026-01-01T00:00:00.990Z");
    mr_file_info i = end(f);
    refused(&i, "OutputDataRate says 200 Hz, start and end 100 Hz");
}

static void prodml_without_what_is_needed(void **s)
{
    (void)s;
    mr_file_info i = end(prodml(5, 5, 5));
    refused(&i, "axes unknown");
    i = end(prodml(100, 5, 5));
    refused(&i, "no start time");
    hid_t f = begin("empty");
    w_group(f, "Acquisition");
    w_attr_i64(f, "Acquisition", "NumberOfLoci", 5);
    w_attr_f64(f, "Acquisition", "PulseRate", 5);
    i = end(f);
    refused(&i, "without samples");
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(terra15_with_preallocated_tail),
        cmocka_unit_test(terra15_without_gps_and_with_a_head),
        cmocka_unit_test(optodas_counts_with_sensitivity),
        cmocka_unit_test(apsensing_facts_are_datasets),
        cmocka_unit_test(silixa_without_gps),
        cmocka_unit_test(gdr_channel_first_with_text_numbers),
        cmocka_unit_test(dasdae_time_first),
        cmocka_unit_test(dasdae_patches_are_refused_one_by_one),
        cmocka_unit_test(xdas_channel_first_with_three_tie_points),
        cmocka_unit_test(bare_axis_by_length),
        cmocka_unit_test(rate_is_as_round_as_the_stamps_allow),
        cmocka_unit_test(prodml_locus_first_by_loci),
        cmocka_unit_test(prodml_end_time_past_the_last_sample),
        cmocka_unit_test(prodml_rate_against_stamps),
        cmocka_unit_test(prodml_without_what_is_needed),
    };
    return cmocka_run_group_tests(t, NULL, NULL);
}
