/* synth/file.c: writes one recorder file of a made-up archive: the layout's frame, then the
 * samples block by block. The file appears under its name when it is complete. */
#include "synth/h5.h"
#include "base/text.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* name, and whether it exists with channels first */
#define LAYOUTS(ROW)                                                                               \
    ROW(prodml, true)                                                                              \
    ROW(terra15, false)                                                                            \
    ROW(silixa, false)                                                                             \
    ROW(optodas, true)                                                                             \
    ROW(apsensing, false)                                                                          \
    ROW(gdr, true)                                                                                 \
    ROW(dasdae, true)                                                                              \
    ROW(xdas, true)                                                                                \
    ROW(bare, true)
#define LAYOUT_ROW(name, any_order) {#name, synth_make_##name, any_order},
#define LAYOUT_NAME(name, any_order) #name,

static const synth_layout layouts[] = {LAYOUTS(LAYOUT_ROW)};
#define N_LAYOUTS (sizeof layouts / sizeof *layouts)

const char *const *mr_synth_layouts(void)
{
    static const char *const names[] = {LAYOUTS(LAYOUT_NAME) NULL};
    return names;
}

static const synth_layout *find_layout(const char *name)
{
    for (size_t i = 0; i < N_LAYOUTS; i++)
        if (strcmp(layouts[i].name, name) == 0) return &layouts[i];
    return NULL;
}

void mr_synth_scale(mr_dtype dt, double *per_unit, double *offset)
{
    *per_unit = dt.kind == MR_DT_FLOAT ? 1.0 : dt.size == 1 ? 0.5 : 100.0;
    *offset = dt.kind == MR_DT_UINT ? (dt.size == 1 ? 128.0 : 32768.0) : 0.0;
}

/* RawDataTime in whole microseconds, as PRODML has it. */
static void prodml_times(synth_out *o, hid_t raw, const char *t0, const char *t1)
{
    int64_t *t = synth_times(o);
    if (!t) return;
    for (uint64_t i = 0; i < o->nt; i++) t[i] = (t[i] + 500) / 1000;
    hid_t id = synth_dataset(o, raw, "RawDataTime", H5T_STD_I64LE, t, o->nt);
    free(t);
    synth_attr_i64(o, id, "Count", (int64_t)o->nt);
    synth_attr_text(o, id, "PartStartTime", t0);
    synth_attr_text(o, id, "PartEndTime", t1);
    synth_attr_i64(o, id, "StartIndex", 0);
    synth_attr_text(o, id, "Uom", "us");
    synth_close(o, id);
}

static void prodml_acquisition(synth_out *o, hid_t acq, const char *first)
{
    char id[40];
    double rate = o->spec->rate_hz;
    synth_attr_text(o, acq, "AcquisitionId", synth_uuid(o, 1, id));
    synth_attr_text(o, acq, "schemaVersion", "2.1");
    synth_attr_text(o, acq, "uuid", synth_uuid(o, 2, id));
    synth_attr_text(o, acq, "ServiceCompanyName", "millrace synth");
    synth_attr_text(o, acq, "MeasurementStartTime", first);
    synth_attr_f64(o, acq, "GaugeLength", o->how->gauge_m);
    synth_attr_text(o, acq, "GaugeLength.uom", "m");
    synth_attr_f64(o, acq, "SpatialSamplingInterval", o->spec->dx_m);
    synth_attr_text(o, acq, "SpatialSamplingInterval.uom", "m");
    synth_attr_f64(o, acq, "PulseRate", rate);
    synth_attr_text(o, acq, "PulseRate.uom", "Hz");
    synth_attr_f64(o, acq, "PulseWidth", 50.0);
    synth_attr_text(o, acq, "PulseWidth.uom", "ns");
    synth_attr_f64(o, acq, "MinimumFrequency", 0.0);
    synth_attr_text(o, acq, "MinimumFrequency.uom", "Hz");
    synth_attr_f64(o, acq, "MaximumFrequency", rate / 2);
    synth_attr_text(o, acq, "MaximumFrequency.uom", "Hz");
    synth_attr_i64(o, acq, "NumberOfLoci", (int64_t)o->spec->nc);
    synth_attr_i64(o, acq, "StartLocusIndex", 0);
    synth_attr_u8(o, acq, "TriggeredMeasurement", 0);
}

/* PRODML 2.1, attribute names and types as recorders write them. */
void synth_make_prodml(synth_out *o)
{
    static const char *const time_first[] = {"time", "locus"}, *const time_last[] = {"locus",
                                                                                     "time"};
    char t0[40], t1[40], first[40], id[40];
    synth_iso(o->t0_ns, t0);
    synth_iso(o->t1_ns, t1);
    synth_iso(o->how->start_ns, first);
    bool counts = o->how->dtype.kind != MR_DT_FLOAT;
    hid_t acq = synth_group(o, o->file, "Acquisition");
    prodml_acquisition(o, acq, first);
    hid_t raw = synth_group(o, acq, "Raw[0]");
    synth_attr_i64(o, raw, "NumberOfLoci", (int64_t)o->spec->nc);
    synth_attr_f64(o, raw, "OutputDataRate", o->spec->rate_hz);
    synth_attr_text(o, raw, "OutputDataRate.uom", "Hz");
    synth_attr_text(o, raw, "RawDataUnit", counts ? "counts" : "nanostrain/s");
    synth_attr_text(o, raw, "RawDescription", "Strain rate");
    synth_attr_i64(o, raw, "StartLocusIndex", 0);
    synth_attr_text(o, raw, "uuid", synth_uuid(o, 3, id));
    synth_samples(o, raw, "RawData");
    synth_attr_i64(o, o->data, "Count", (int64_t)(o->nt * o->spec->nc));
    synth_attr_texts(o, o->data, "Dimensions", o->how->channel_first ? time_last : time_first, 2);
    synth_attr_text(o, o->data, "PartStartTime", t0);
    synth_attr_text(o, o->data, "PartEndTime", t1);
    synth_attr_i64(o, o->data, "StartIndex", 0);
    prodml_times(o, raw, t0, t1);
    synth_close(o, raw);
    synth_close(o, acq);
}

/* Samples of a block as they are handed to HDF5: floats, or counts as int32; time or channel first.
 */
static void arrange(const synth_out *o, const float *src, size_t nt, void *dst)
{
    double per_unit, offset;
    size_t nc = o->spec->nc;
    mr_synth_scale(o->how->dtype, &per_unit, &offset);
    bool counts = o->how->dtype.kind != MR_DT_FLOAT;
    bool cf = o->how->channel_first;
    float *f = dst;
    int32_t *i = dst;
    if (!cf && !counts) {
        memcpy(f, src, nt * nc * sizeof *f);
        return;
    }
    float k = (float)per_unit, b = (float)offset;
    for (size_t t = 0; t < nt; t++) {
        for (size_t c = 0; c < nc; c++) {
            size_t at = cf ? c * nt + t : t * nc + c;
            float v = src[t * nc + c];
            if (counts)
                i[at] = (int32_t)lrintf(v * k + b);
            else
                f[at] = v;
        }
    }
}

/* Rows a block: about 32 MiB, whole chunks where there are chunks so that none is filtered twice.
 */
static uint64_t block_rows(const synth_out *o)
{
    uint64_t rows = MR_MAX((uint64_t)1, ((uint64_t)8 << 20) / o->spec->nc), chunk = 1;
    hid_t dcpl = H5Dget_create_plist(o->data);
    if (H5Pget_layout(dcpl) == H5D_CHUNKED) {
        hsize_t dims[2];
        H5Pget_chunk(dcpl, 2, dims);
        chunk = dims[o->how->channel_first ? 1 : 0];
    }
    H5Pclose(dcpl);
    return MR_MIN(o->nt, (rows + chunk - 1) / chunk * chunk);
}

static void put_block(synth_out *o, uint64_t t, uint64_t nt, const void *v)
{
    uint64_t nc = o->spec->nc;
    bool cf = o->how->channel_first;
    hsize_t at[2] = {cf ? 0 : t, cf ? t : 0}, n[2] = {cf ? nc : nt, cf ? nt : nc};
    hid_t type = o->how->dtype.kind == MR_DT_FLOAT ? H5T_NATIVE_FLOAT : H5T_NATIVE_INT32;
    hid_t space = H5Dget_space(o->data), mem = H5Screate_simple(2, n, NULL);
    if (H5Sselect_hyperslab(space, H5S_SELECT_SET, at, NULL, n, NULL) < 0 ||
        H5Dwrite(o->data, type, mem, space, H5P_DEFAULT, v) < 0)
        synth_fail(o);
    H5Sclose(mem);
    H5Sclose(space);
}

static mr_status put_samples(mr_synth *s, synth_out *o)
{
    mr_status st = MR_OK;
    float *rows = NULL;
    void *out = NULL;
    uint64_t block = block_rows(o);
    MR_TRY(mr_alloc(block * o->spec->nc, sizeof *rows, "synth rows", &rows));
    MR_TRY(mr_alloc(block * o->spec->nc, 4, "synth samples", &out));
    for (uint64_t t = 0; t < o->nt && !o->bad; t += block) {
        uint64_t n = MR_MIN(block, o->nt - t);
        MR_TRY(mr_synth_rows(s, o->n0 + (int64_t)t, n, rows));
        arrange(o, rows, n, out);
        put_block(o, t, n, out);
    }
out:
    free(rows);
    free(out);
    return st;
}

/* Make the whole file under a name that nobody takes for finished. */
static mr_status fill_file(mr_synth *s, synth_out *o, const synth_layout *layout, const char *part)
{
    mr_status st = MR_OK;
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_alignment(fapl, 1 << 20, 4096);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5Eclear2(H5E_DEFAULT);
    o->file = H5Fcreate(part, H5F_ACC_TRUNC, H5P_DEFAULT, fapl);
    H5Pclose(fapl);
    if (o->file < 0) {
        synth_fail(o);
        return MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", part, o->why);
    }
    layout->make(o);
    if (!o->bad) st = put_samples(s, o);
    synth_close(o, o->data);
    if (H5Fclose(o->file) < 0) synth_fail(o);
    if (st == MR_OK && o->bad) st = MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", part, o->why);
    return st;
}

mr_status mr_synth_write(mr_synth *s, const mr_synth_spec *spec, const mr_synth_file *how,
                         const char *path, int64_t n0, uint64_t nt)
{
    mr_status st = MR_OK;
    mr_text part = {0};
    const synth_layout *layout = find_layout(how->layout);
    if (!layout) return MR_RAISE(MR_ECONFIG, "no layout '%s'", how->layout);
    if (nt < 2)
        return MR_RAISE(MR_ECONFIG, "a file of %llu samples is too short", (unsigned long long)nt);
    if (how->channel_first && !layout->any_order)
        return MR_RAISE(MR_ECONFIG, "%s files have no channel-first order", how->layout);
    synth_out o = {.file = -1, .spec = spec, .how = how, .n0 = n0, .nt = nt, .data = -1};
    o.t0_ns = mr_synth_time_ns(spec, how->start_ns, n0);
    o.t1_ns = mr_synth_time_ns(spec, how->start_ns, n0 + (int64_t)nt - 1);
    MR_TRY(mr_text_add(&part, "%s.part", path));
    MR_TRY(fill_file(s, &o, layout, part.s));
    if (rename(part.s, path) != 0)
        MR_TRY(MR_RAISE(MR_EOUTPUT, "cannot name %s: %s", path, strerror(errno)));
out:
    if (st != MR_OK && part.s) unlink(part.s);
    mr_text_fini(&part);
    return st;
}
