/* synth/layouts.c: the layouts of vendors other than PRODML, as far as their readers look:
 * names, types and units of what stands around the samples are those of real files. */
#include "synth/h5.h"
#include "base/utc.h"
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* strain/s in one stored unit */
static double strain_rate_per_count(const synth_out *o)
{
    double per_unit, offset;
    mr_synth_scale(o->how->dtype, &per_unit, &offset);
    return 1e-9 / per_unit;
}

static const char *float_unit(const synth_out *o)
{
    return o->how->dtype.kind == MR_DT_FLOAT ? "nanostrain/s" : "counts";
}

/* seconds since 1970 as float64, one a sample */
static void epoch_seconds(synth_out *o, hid_t at, const char *name)
{
    double *s = NULL;
    if (mr_alloc(o->nt, sizeof *s, "synth times", &s) != MR_OK) {
        o->bad = true;
        return;
    }
    for (uint64_t i = 0; i < o->nt; i++) {
        int64_t ns = mr_synth_time_ns(o->spec, o->how->start_ns, o->n0 + (int64_t)i);
        s[i] = (double)(ns / 1000000000) + (double)(ns % 1000000000) * 1e-9;
    }
    synth_close(o, synth_dataset(o, at, name, H5T_NATIVE_DOUBLE, s, o->nt));
    free(s);
}

/* positions of the channels in metres */
static void positions(synth_out *o, hid_t at, const char *name)
{
    double *x = NULL;
    if (mr_alloc(o->spec->nc, sizeof *x, "synth positions", &x) != MR_OK) {
        o->bad = true;
        return;
    }
    for (uint64_t c = 0; c < o->spec->nc; c++) x[c] = (double)c * o->spec->dx_m;
    synth_close(o, synth_dataset(o, at, name, H5T_NATIVE_DOUBLE, x, o->spec->nc));
    free(x);
}

void synth_make_terra15(synth_out *o)
{
    double t0 = (double)o->t0_ns * 1e-9, rate = o->spec->rate_hz, dx = o->spec->dx_m;
    hid_t at = o->file;
    synth_attr_f64(o, at, "acoustic_bandwidth_end", rate / 2);
    synth_attr_f64(o, at, "acoustic_bandwidth_start", 0);
    synth_attr_f64(o, at, "amplifier_incoming_current", 105);
    synth_attr_f64(o, at, "amplifier_outgoing_current", 130);
    synth_attr_utf8(o, at, "data_product", "strain_rate");
    synth_attr_utf8(o, at, "data_product_units", float_unit(o));
    synth_attr_f64(o, at, "dt_computer", 1 / rate);
    synth_attr_f64(o, at, "dx", dx);
    synth_attr_f64(o, at, "file_start_computer_time", t0);
    synth_attr_f64(o, at, "file_start_gps_time", t0);
    synth_attr_i64(o, at, "file_version", 5);
    synth_attr_f64(o, at, "gauge_length", o->how->gauge_m);
    synth_attr_u8(o, at, "gps_locked", 1);
    synth_attr_i64(o, at, "nt", (int64_t)o->nt);
    synth_attr_i64(o, at, "nx", (int64_t)o->spec->nc);
    synth_attr_f64(o, at, "pulse_length", o->how->gauge_m);
    synth_attr_f64(o, at, "pulse_rate", rate);
    synth_attr_f64(o, at, "sensing_range_start", 0);
    synth_attr_f64(o, at, "sensing_range_end", dx * (double)o->spec->nc);
    hid_t group = synth_group(o, at, "data_product");
    synth_samples(o, group, "data");
    synth_attr_f64(o, o->data, "dT", 1 / rate);
    synth_attr_f64(o, o->data, "dx", dx);
    synth_attr_i64(o, o->data, "nx", (int64_t)o->spec->nc);
    epoch_seconds(o, group, "gps_time");
    epoch_seconds(o, group, "posix_time");
    synth_close(o, group);
}

static void number_text(synth_out *o, hid_t at, const char *name, double v)
{
    char s[40];
    snprintf(s, sizeof s, "%.17g", v);
    synth_attr_utf8(o, at, name, s);
}

/* strain/s = count * calibration * 1e-9 * rate / (gauge * 8192) */
void synth_make_silixa(synth_out *o)
{
    char iso[40], stamp[64];
    double rate = o->spec->rate_hz, gauge = o->how->gauge_m;
    mr_utc_iso(o->t0_ns, iso); /* yyyy-mm-ddThh:mm:ss.nnnnnnnnnZ */
    snprintf(stamp, sizeof stamp, "%.2s/%.2s/%.4s %.12s (UTC)", iso + 8, iso + 5, iso, iso + 11);
    synth_samples(o, o->file, "Acoustic");
    synth_attr_utf8(o, o->data, "CPUTimeStamp", stamp);
    synth_attr_utf8(o, o->data, "GPSTimeStamp", stamp);
    synth_attr_utf8(o, o->data, "ISO8601 Timestamp", iso);
    synth_attr_utf8(o, o->data, "Fibre Length Multiplier", "1");
    number_text(o, o->data, "GaugeLength", gauge);
    number_text(o, o->data, "MeasureLength[m]", o->spec->dx_m * (double)o->spec->nc);
    number_text(o, o->data, "Precise Sampling Frequency (Hz)", rate);
    number_text(o, o->data, "SamplingFrequency[Hz]", rate);
    number_text(o, o->data, "SpatialResolution[m]", o->spec->dx_m);
    synth_attr_utf8(o, o->data, "Start Distance (m)", "0");
    number_text(o, o->data, "Stop Distance (m)", o->spec->dx_m * (double)(o->spec->nc - 1));
    synth_attr_utf8(o, o->data, "StartPosition[m]", "0");
    synth_attr_utf8(o, o->data, "SystemInfomation.OS.HostName", "synth");
    synth_attr_utf8(o, o->data, "Time Decimation", "1");
    number_text(o, o->data, "Unit Calibration (nm)",
                strain_rate_per_count(o) / 1e-9 / rate * gauge * 8192);
    synth_attr_utf8(o, o->data, "iDASVersion", "2.4.1.111");
}

static void optodas_header(synth_out *o, hid_t h)
{
    bool cf = o->how->channel_first;
    int32_t *ch = NULL;
    if (mr_alloc(o->spec->nc, sizeof *ch, "synth channels", &ch) != MR_OK) {
        o->bad = true;
        return;
    }
    for (uint64_t c = 0; c < o->spec->nc; c++) ch[c] = (int32_t)c;
    synth_close(o, synth_dataset(o, h, "channels", H5T_STD_I32LE, ch, o->spec->nc));
    free(ch);
    char names[2][8] = {"time", "distance"}, units[2] = {'s', 'm'};
    if (cf) {
        memcpy(names, "distancetime\0\0\0\0", sizeof names);
        units[0] = 'm', units[1] = 's';
    }
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 8);
    H5Tset_strpad(text, H5T_STR_NULLPAD);
    synth_close(o, synth_dataset(o, h, "dimensionNames", text, names, 2));
    H5Tset_size(text, 1);
    synth_close(o, synth_dataset(o, h, "dimensionUnits", text, units, 2));
    synth_close(o, synth_dataset(o, h, "sensitivityUnits", text, "", 1));
    H5Tclose(text);
    float one = 1;
    synth_close(o, synth_dataset(o, h, "sensitivities", H5T_IEEE_F32LE, &one, 1));
    synth_put_f64(o, h, "dataScale",
                  o->how->dtype.kind == MR_DT_FLOAT ? 1e-9 : strain_rate_per_count(o));
    synth_put_f64(o, h, "dt", 1 / o->spec->rate_hz);
    synth_put_f64(o, h, "dx", o->spec->dx_m);
    synth_put_f64(o, h, "gaugeLength", o->how->gauge_m);
    synth_put_text(o, h, "name", "Strain rate");
    synth_put_f64(o, h, "time", (double)o->t0_ns * 1e-9);
    synth_put_text(o, h, "unit", "strain/s");
}

void synth_make_optodas(synth_out *o)
{
    static const char *const empty[] = {"acqSpec", "cableSpec", "demodSpec"};
    for (int i = 0; i < 3; i++) synth_close(o, synth_group(o, o->file, empty[i]));
    synth_put_text(o, o->file, "fileGenerator", "millrace synth");
    synth_put_i64(o, o->file, "fileVersion", 8);
    synth_samples(o, o->file, "data");
    hid_t header = synth_group(o, o->file, "header");
    optodas_header(o, header);
    hid_t ranges = synth_group(o, header, "dimensionRanges");
    for (int i = 0; i < 2; i++) {
        bool time = (i == 0) != o->how->channel_first;
        hid_t g = synth_group(o, ranges, i ? "dimension1" : "dimension0");
        uint64_t n = time ? o->nt : o->spec->nc;
        synth_put_i64(o, g, "min", 0);
        synth_put_i64(o, g, "max", (int64_t)n - 1);
        synth_put_i64(o, g, "size", (int64_t)n);
        synth_put_f64(o, g, "unitScale", time ? 1 / o->spec->rate_hz : o->spec->dx_m);
        synth_close(o, g);
    }
    synth_close(o, ranges);
    synth_close(o, header);
}

/* AP Sensing keeps every fact as a dataset of one element. */
static void one_f64(synth_out *o, hid_t at, const char *name, double v)
{
    synth_close(o, synth_dataset(o, at, name, H5T_NATIVE_DOUBLE, &v, 1));
}

static void one_text(synth_out *o, hid_t at, const char *name, const char *text)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    synth_close(o, synth_dataset(o, at, name, type, &text, 1));
    H5Tclose(type);
}

void synth_make_apsensing(synth_out *o)
{
    char iso[40];
    mr_utc_iso(o->t0_ns, iso);
    synth_attr_utf8(o, o->file, "AppVersion", "millrace synth");
    synth_attr_i64(o, o->file, "FileVersion", 10);
    synth_attr_i64(o, o->file, "OpticalChannelNumber", 1);
    synth_samples(o, o->file, "DAS");
    hid_t daq = synth_group(o, o->file, "DAQ");
    one_f64(o, daq, "PositionStart", 0);
    one_f64(o, daq, "PositionEnd", o->spec->dx_m * (double)o->spec->nc);
    synth_close(o, daq);
    synth_close(o, synth_group(o, o->file, "Interrogator"));
    hid_t meta = synth_group(o, o->file, "Metadata");
    one_text(o, meta, "Timestamp", iso);
    one_text(o, meta, "Timezone", "UTC");
    int32_t rows = (int32_t)o->nt;
    synth_close(o, synth_dataset(o, meta, "TraceCount", H5T_STD_I32LE, &rows, 1));
    synth_close(o, meta);
    hid_t server = synth_group(o, o->file, "ProcessingServer");
    one_f64(o, server, "DataRate", o->spec->rate_hz);
    one_text(o, server, "DataType", "SCALED_DIFFERENTIAL_PHASE_32");
    one_f64(o, server, "GaugeLength", o->how->gauge_m);
    one_f64(o, server, "RadiansToNanoStrain", 21.54);
    one_f64(o, server, "SpatialSampling", o->spec->dx_m);
    synth_close(o, server);
}

void synth_make_gdr(synth_out *o)
{
    char t0[40], t1[40];
    mr_utc_iso(o->t0_ns, t0);
    mr_utc_iso(o->t1_ns, t1);
    hid_t acq = synth_group(o, o->file, "DasMetadata/Interrogator/Acquisition");
    synth_attr_utf8(o, acq, "AcquisitionComment", "NaN");
    number_text(o, acq, "AcquisitionSampleRate", o->spec->rate_hz);
    synth_attr_utf8(o, acq, "AcquisitionSampleRateUnit", "Hz");
    synth_attr_utf8(o, acq, "AcquisitionStartTime", t0);
    synth_attr_utf8(o, acq, "AcquisitionEndTime", t1);
    number_text(o, acq, "GaugeLength", o->how->gauge_m);
    synth_attr_utf8(o, acq, "GaugeLengthUnit", "meters");
    synth_attr_i64(o, acq, "NumberOfChannels", (int64_t)o->spec->nc);
    number_text(o, acq, "SpatialSamplingInterval", o->spec->dx_m);
    synth_attr_utf8(o, acq, "SpatialSamplingIntervalUnit", "meters");
    synth_attr_utf8(o, acq, "UnitOfMeasure", float_unit(o));
    synth_close(o, acq);
    hid_t meta = H5Gopen2(o->file, "DasMetadata", H5P_DEFAULT);
    synth_attr_utf8(o, meta, "MetadataStandard", "DAS-RCN v1.10");
    synth_attr_utf8(o, meta, "RawDataStandard", "PRODML v2.2");
    synth_close(o, meta);
    hid_t raw = synth_group(o, o->file, "DasRawData");
    synth_samples(o, raw, "RawData");
    synth_attr_i64(o, o->data, "Count", (int64_t)(o->nt * o->spec->nc));
    synth_attr_utf8s(o, o->data, "DasDimensions", o->how->channel_first ? "locus" : "time step",
                     o->how->channel_first ? "time step" : "locus");
    int64_t *t = synth_times(o);
    if (t) synth_close(o, synth_dataset(o, raw, "DasTimeArray", H5T_STD_U64LE, t, o->nt));
    free(t);
    synth_close(o, raw);
}

void synth_make_dasdae(synth_out *o)
{
    char group[128], a[40], b[40];
    mr_utc_compact(o->t0_ns, a);
    mr_utc_compact(o->t1_ns, b);
    snprintf(group, sizeof group, "waveforms/DAS__%.15s__%.15s", a, b);
    synth_attr_text(o, o->file, "__format__", "DASDAE");
    synth_attr_text(o, o->file, "__DASDAE_version__", "1");
    hid_t g = synth_group(o, o->file, group);
    synth_attr_text(o, g, "_dims", o->how->channel_first ? "distance,time" : "time,distance");
    synth_attr_text(o, g, "_cdims_time", "time");
    synth_attr_text(o, g, "_cdims_distance", "distance");
    synth_attr_text(o, g, "_attrs_data_category", "DAS");
    synth_attr_text(o, g, "_attrs_data_type", "strain_rate");
    synth_attr_text(o, g, "_attrs_data_units", float_unit(o));
    synth_attr_f64(o, g, "_attrs_gauge_length", o->how->gauge_m);
    synth_samples(o, g, "data");
    int64_t *t = synth_times(o);
    if (!t) return;
    hid_t id = synth_dataset(o, g, "_coord_time", H5T_STD_I64LE, t, o->nt);
    free(t);
    synth_attr_u8(o, id, "is_datetime64", 1);
    synth_attr_u8(o, id, "is_timedelta64", 0);
    synth_close(o, id);
    positions(o, g, "_coord_distance");
    id = H5Dopen2(g, "_coord_distance", H5P_DEFAULT);
    synth_attr_u8(o, id, "is_datetime64", 0);
    synth_attr_u8(o, id, "is_timedelta64", 0);
    synth_close(o, id);
    synth_close(o, g);
}

/* A netCDF dimension without values: a dimension scale whose name says so. */
static hid_t dimension(synth_out *o, const char *name, uint64_t n)
{
    char text[80];
    hsize_t dim = n;
    hid_t space = H5Screate_simple(1, &dim, NULL), dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(dcpl, 0);
    hid_t id = H5Dcreate2(o->file, name, H5T_IEEE_F32BE, space, H5P_DEFAULT, dcpl, H5P_DEFAULT);
    snprintf(text, sizeof text, "This is a netCDF dimension but not a netCDF variable.%10llu",
             (unsigned long long)n);
    if (id < 0 || H5DSset_scale(id, text) < 0) synth_fail(o);
    H5Pclose(dcpl);
    H5Sclose(space);
    return id;
}

static void attach(synth_out *o, hid_t data, hid_t scale, unsigned axis)
{
    if (H5DSattach_scale(data, scale, axis) < 0) synth_fail(o);
}

/* tie points of one axis: indices and values of its first and last element */
static void tie_points(synth_out *o, const char *axis, uint64_t n, const void *v, hid_t type,
                       const char *units)
{
    char name[64], mapping[160];
    int64_t index[2] = {0, (int64_t)n - 1};
    double none = 0;
    snprintf(name, sizeof name, "%s_points", axis);
    hid_t points = dimension(o, name, 2);
    snprintf(name, sizeof name, "%s_indices", axis);
    hid_t id = synth_dataset(o, o->file, name, H5T_STD_I64LE, index, 2);
    attach(o, id, points, 0);
    synth_close(o, id);
    snprintf(name, sizeof name, "%s_values", axis);
    id = synth_dataset(o, o->file, name, type, v, 2);
    if (units) {
        synth_attr_utf8(o, id, "units", units);
        synth_attr_utf8(o, id, "calendar", "proleptic_gregorian");
    }
    attach(o, id, points, 0);
    synth_close(o, id);
    synth_close(o, points);
    snprintf(name, sizeof name, "%s_interpolation", axis);
    id = synth_dataset(o, o->file, name, H5T_NATIVE_DOUBLE, &none, 0);
    snprintf(mapping, sizeof mapping, "%s_points: %s_indices %s_values", axis, axis, axis);
    synth_attr_utf8(o, id, "interpolation_name", "linear");
    synth_attr_utf8(o, id, "tie_points_mapping", mapping);
    synth_close(o, id);
}

void synth_make_xdas(synth_out *o)
{
    bool cf = o->how->channel_first;
    int64_t t[2] = {o->t0_ns, o->t1_ns};
    double x[2] = {0, (double)(o->spec->nc - 1) * o->spec->dx_m};
    synth_attr_utf8(o, o->file, "Conventions", "CF-1.9");
    hid_t time = dimension(o, "time", o->nt), distance = dimension(o, "distance", o->spec->nc);
    synth_samples(o, o->file, "__values__");
    synth_attr_utf8(o, o->data, "coordinate_interpolation",
                    "time: time_indices time_values distance: distance_indices distance_values");
    attach(o, o->data, time, cf ? 1 : 0);
    attach(o, o->data, distance, cf ? 0 : 1);
    tie_points(o, "time", o->nt, t, H5T_STD_I64LE, "nanoseconds since 1970-01-01 00:00:00");
    tie_points(o, "distance", o->spec->nc, x, H5T_IEEE_F64LE, NULL);
    synth_close(o, time);
    synth_close(o, distance);
}

void synth_make_bare(synth_out *o)
{
    synth_samples(o, o->file, "data");
    epoch_seconds(o, o->file, "timestamps");
    positions(o, o->file, "distance");
}
