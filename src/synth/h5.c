/* synth/h5.c: small calls by which the layout writers of synth put attributes and datasets into
 * a file. Nothing here stores a clock, so that the same request gives the same bytes. */
#include "synth/h5.h"
#include "base/utc.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static herr_t innermost(unsigned n, const H5E_error2_t *e, void *arg)
{
    synth_out *o = arg;
    if (n == 0 && e->desc) snprintf(o->why, sizeof o->why, "%s", e->desc);
    return 0;
}

void synth_fail(synth_out *o)
{
    if (!o->bad) H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, o);
    o->bad = true;
}

static hid_t mark(synth_out *o, hid_t id)
{
    if (id < 0) synth_fail(o);
    return id;
}

void synth_close(synth_out *o, hid_t id)
{
    if (id < 0) return;
    if (H5Iget_type(id) == H5I_DATASET) {
        if (H5Dclose(id) < 0) synth_fail(o);
    } else if (H5Idec_ref(id) < 0) {
        synth_fail(o);
    }
}

static void attr(synth_out *o, hid_t at, const char *name, hid_t type, int n, const void *v)
{
    hsize_t dim = (hsize_t)n;
    hid_t space = n > 0 ? H5Screate_simple(1, &dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t id = mark(o, H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    if (id >= 0 && H5Awrite(id, type, v) < 0) synth_fail(o);
    if (id >= 0) H5Aclose(id);
    H5Sclose(space);
}

static hid_t text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_strpad(type, H5T_STR_NULLPAD);
    return type;
}

static hid_t utf8_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

void synth_attr_text(synth_out *o, hid_t at, const char *name, const char *text)
{
    size_t n = strlen(text);
    hid_t type = text_type(n ? n : 1);
    attr(o, at, name, type, 0, text);
    H5Tclose(type);
}

void synth_attr_utf8(synth_out *o, hid_t at, const char *name, const char *text)
{
    hid_t type = utf8_type();
    attr(o, at, name, type, 0, &text);
    H5Tclose(type);
}

void synth_attr_utf8s(synth_out *o, hid_t at, const char *name, const char *a, const char *b)
{
    const char *v[2] = {a, b};
    hid_t type = utf8_type();
    attr(o, at, name, type, 2, v);
    H5Tclose(type);
}

void synth_attr_texts(synth_out *o, hid_t at, const char *name, const char *const *text, int n)
{
    enum { SIZE = 8 }; /* longest of the words we write, "locus" and the like */
    char buf[4 * SIZE] = {0};
    MR_ASSERT(n <= 4);
    size_t size = 1;
    for (int i = 0; i < n; i++) size = MR_MAX(size, strlen(text[i]));
    MR_ASSERT(size <= SIZE);
    for (int i = 0; i < n; i++) memcpy(buf + (size_t)i * size, text[i], strlen(text[i]));
    hid_t type = text_type(size);
    attr(o, at, name, type, n, buf);
    H5Tclose(type);
}

void synth_attr_f64(synth_out *o, hid_t at, const char *name, double v)
{
    attr(o, at, name, H5T_NATIVE_DOUBLE, 0, &v);
}

void synth_attr_i64(synth_out *o, hid_t at, const char *name, int64_t v)
{
    attr(o, at, name, H5T_NATIVE_INT64, 0, &v);
}

void synth_attr_u8(synth_out *o, hid_t at, const char *name, uint8_t v)
{
    attr(o, at, name, H5T_NATIVE_UINT8, 0, &v);
}

hid_t synth_group(synth_out *o, hid_t at, const char *path)
{
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    hid_t id = mark(o, H5Gcreate2(at, path, lcpl, H5P_DEFAULT, H5P_DEFAULT));
    H5Pclose(lcpl);
    return id;
}

static hid_t creation_list(void)
{
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(dcpl, 0);
    H5Pset_fill_time(dcpl, H5D_FILL_TIME_NEVER);
    return dcpl;
}

hid_t synth_dataset(synth_out *o, hid_t at, const char *name, hid_t type, const void *v, uint64_t n)
{
    hsize_t dim = n;
    hid_t space = n ? H5Screate_simple(1, &dim, NULL) : H5Screate(H5S_SCALAR);
    hid_t dcpl = creation_list();
    H5Pset_fill_time(dcpl, H5D_FILL_TIME_IFSET); /* NEVER is refused for variable-length text */
    hid_t id = mark(o, H5Dcreate2(at, name, type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    if (id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) < 0) synth_fail(o);
    H5Pclose(dcpl);
    H5Sclose(space);
    return id;
}

void synth_put_f64(synth_out *o, hid_t at, const char *name, double v)
{
    synth_close(o, synth_dataset(o, at, name, H5T_NATIVE_DOUBLE, &v, 0));
}

void synth_put_i64(synth_out *o, hid_t at, const char *name, int64_t v)
{
    synth_close(o, synth_dataset(o, at, name, H5T_NATIVE_INT64, &v, 0));
}

void synth_put_text(synth_out *o, hid_t at, const char *name, const char *text)
{
    size_t n = strlen(text);
    hid_t type = text_type(n ? n : 1);
    synth_close(o, synth_dataset(o, at, name, type, text, 0));
    H5Tclose(type);
}

/* HDF5 has no half precision by name: 1 sign, 5 exponent (bias 15), 10 mantissa bits. */
static hid_t half_type(void)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static hid_t sample_type(mr_dtype dt)
{
    hid_t type = -1;
    if (dt.kind == MR_DT_FLOAT)
        type = dt.size == 2   ? half_type()
               : dt.size == 4 ? H5Tcopy(H5T_IEEE_F32LE)
                              : H5Tcopy(H5T_IEEE_F64LE);
    else
        type = H5Tcopy(dt.size == 1   ? H5T_STD_I8LE
                       : dt.size == 2 ? H5T_STD_I16LE
                       : dt.size == 4 ? H5T_STD_I32LE
                                      : H5T_STD_I64LE);
    if (dt.kind == MR_DT_UINT) H5Tset_sign(type, H5T_SGN_NONE);
    if (dt.big_endian) H5Tset_order(type, H5T_ORDER_BE);
    return type;
}

/* The largest chunk that is asked for or, where a filter needs chunks, about a megabyte of rows. */
static void chunking(const synth_out *o, hid_t dcpl)
{
    const mr_synth_file *h = o->how;
    bool filtered = h->deflate || h->shuffle || h->fletcher32;
    uint64_t ct = h->chunk_t, cc = h->chunk_c;
    if (!ct && !filtered) {
        H5Pset_layout(dcpl, H5D_CONTIGUOUS);
        H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_EARLY);
        return;
    }
    if (!ct) {
        cc = o->spec->nc;
        ct = MR_MAX((uint64_t)1, ((uint64_t)1 << 20) / (cc * h->dtype.size));
    }
    ct = MR_MIN(ct, o->nt);
    cc = MR_MIN(cc, o->spec->nc);
    hsize_t chunk[2] = {h->channel_first ? cc : ct, h->channel_first ? ct : cc};
    H5Pset_chunk(dcpl, 2, chunk);
    if (h->shuffle) H5Pset_shuffle(dcpl);
    if (h->deflate) H5Pset_deflate(dcpl, (unsigned)h->deflate);
    if (h->fletcher32) H5Pset_fletcher32(dcpl);
}

void synth_samples(synth_out *o, hid_t at, const char *name)
{
    uint64_t nt = o->nt, nc = o->spec->nc;
    bool cf = o->how->channel_first;
    hsize_t dims[2] = {cf ? nc : nt, cf ? nt : nc};
    hid_t type = sample_type(o->how->dtype), space = H5Screate_simple(2, dims, NULL);
    hid_t dcpl = creation_list();
    chunking(o, dcpl);
    o->data = mark(o, H5Dcreate2(at, name, type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT));
    H5Pclose(dcpl);
    H5Sclose(space);
    H5Tclose(type);
}

int64_t mr_synth_time_ns(const mr_synth_spec *spec, int64_t start_ns, int64_t n)
{
    int64_t rate = (int64_t)spec->rate_hz;
    if ((double)rate != spec->rate_hz)
        return start_ns + (int64_t)rint((double)n / spec->rate_hz * 1e9);
    int64_t s = n / rate, rest = n % rate; /* exact for whole rates, however long the archive */
    return start_ns + s * 1000000000 + (rest * 1000000000 + rate / 2) / rate;
}

int64_t *synth_times(synth_out *o)
{
    int64_t *t = NULL;
    if (mr_alloc(o->nt, sizeof *t, "synth times", &t) != MR_OK) {
        o->bad = true;
        return NULL;
    }
    for (uint64_t i = 0; i < o->nt; i++)
        t[i] = mr_synth_time_ns(o->spec, o->how->start_ns, o->n0 + (int64_t)i);
    return t;
}

const char *synth_iso(int64_t ns, char *buf)
{
    char full[40];
    mr_utc_iso(ns, full); /* yyyy-mm-ddThh:mm:ss.nnnnnnnnnZ: keep whole microseconds */
    bool whole_us = ns % 1000 == 0;
    snprintf(buf, 40, "%.*s+00:00", whole_us ? 26 : 29, full);
    return buf;
}

const char *synth_uuid(const synth_out *o, uint64_t k, char *buf)
{
    uint64_t a = o->spec->seed * 0x9E3779B97F4A7C15u + (uint64_t)o->n0 * 0xBF58476D1CE4E5B9u;
    uint64_t b = (a ^ (a >> 29)) * 0x94D049BB133111EBu + k;
    snprintf(buf, 40, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 52),
             (unsigned long long)(b & 0xffffffffffffu));
    return buf;
}
