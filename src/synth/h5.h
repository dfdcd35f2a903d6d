/* synth/h5.h: what the layout writers of synth share: a file being made, and small calls that
 * put one attribute or dataset into it. Failures are kept in `bad`, checked once at the end. */
#ifndef MR_SYNTH_H5_H
#define MR_SYNTH_H5_H
#include "synth/synth.h"
#include <hdf5.h>

/** A file being made: what is asked for, and what the writers need to know of it. */
typedef struct synth_out {
    hid_t file;
    bool bad;
    char why[160]; /* HDF5's reason for the first failure */
    const mr_synth_spec *spec;
    const mr_synth_file *how;
    int64_t n0; /* first sample */
    uint64_t nt;
    int64_t t0_ns, t1_ns; /* first and last sample */
    hid_t data;           /* the samples' dataset, opened by the layout */
} synth_out;

/** One layout: makes groups, attributes, coordinates and the (empty) dataset o->data. */
typedef struct synth_layout {
    const char *name;
    void (*make)(synth_out *o);
    bool any_order; /* channel-first exists */
} synth_layout;

/** Note a failure, with HDF5's reason if it is the first. */
void synth_fail(synth_out *o);
void synth_attr_text(synth_out *o, hid_t at, const char *name, const char *text); /* fixed */
void synth_attr_utf8(synth_out *o, hid_t at, const char *name, const char *text); /* variable */
void synth_attr_texts(synth_out *o, hid_t at, const char *name, const char *const *text, int n);
void synth_attr_utf8s(synth_out *o, hid_t at, const char *name, const char *a, const char *b);
void synth_attr_f64(synth_out *o, hid_t at, const char *name, double v);
void synth_attr_i64(synth_out *o, hid_t at, const char *name, int64_t v);
void synth_attr_u8(synth_out *o, hid_t at, const char *name, uint8_t v);
hid_t synth_group(synth_out *o, hid_t at, const char *path);
void synth_close(synth_out *o, hid_t id);
/** A 1-D (n > 0) or scalar (n = 0) dataset with values; gives its id (close it) or a bad one. */
hid_t synth_dataset(synth_out *o, hid_t at, const char *name, hid_t type, const void *v,
                    uint64_t n);
void synth_put_f64(synth_out *o, hid_t at, const char *name, double v);
void synth_put_i64(synth_out *o, hid_t at, const char *name, int64_t v);
void synth_put_text(synth_out *o, hid_t at, const char *name, const char *text);
/** The samples' dataset in the order, type, chunks and filters asked for. */
void synth_samples(synth_out *o, hid_t at, const char *name);
/** Time of every sample in ns, [give] (NULL and bad without memory). */
int64_t *synth_times(synth_out *o);
/** "2026-01-01T00:00:00.000000+00:00" into buf (>= 40). */
const char *synth_iso(int64_t ns, char *buf);
/** A constant identifier of the 8-4-4-4-12 form that depends on seed, sample and k. */
const char *synth_uuid(const synth_out *o, uint64_t k, char *buf);

void synth_make_prodml(synth_out *o);
void synth_make_terra15(synth_out *o);
void synth_make_silixa(synth_out *o);
void synth_make_optodas(synth_out *o);
void synth_make_apsensing(synth_out *o);
void synth_make_gdr(synth_out *o);
void synth_make_dasdae(synth_out *o);
void synth_make_xdas(synth_out *o);
void synth_make_bare(synth_out *o);
#endif
