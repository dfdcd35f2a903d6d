/* out/product/product.h: products read back for pictures: statistics, spectra and correlations, of
 * one lane or of result.h5. Only files of ours whose checksum is right are opened, so libhdf5 meets
 * no damage. One thread at a time in a process. */
#ifndef MR_OUT_PRODUCT_PRODUCT_H
#define MR_OUT_PRODUCT_PRODUCT_H
#include "base/base.h"
#include "out/output.h"

typedef struct mr_product_axis {
    char name[32], unit[16], doc[64]; /* "frequency", "Hz", in words */
    size_t n;
    double *v;        /* [n]; NULL: named */
    char **label;     /* [n] then; NULL: numbered */
    bool choice, log; /* as in mr_axis */
} mr_product_axis;

typedef struct mr_product {
    mr_product_kind kind;
    char quantity[64], unit[96], title[256];
    bool power;           /* in decibels */
    int64_t *time_ns;     /* [rows] */
    int64_t t0_ns, t1_ns; /* what a result.h5 is the mean of; of a lane its first and last row */
    bool result;          /* one row that is the mean of everything */
    double row_s;         /* from row to row; 0: unknown */
    size_t rows, nc, depth;
    double *distance_m; /* [nc] */
    size_t n_axes;
    mr_product_axis axis[MR_MAX_AXES];
    struct mr_product_file *file;
} mr_product;

/** What a lane or result of ours is called, samples or product; empty where it does not say. */
typedef struct mr_output_words {
    char quantity[64], unit[96], title[256];
} mr_output_words;
/** MR_EVERIFY: damaged, or not ours. */
mr_status mr_output_words_of(const char *path, mr_output_words *out);

/** Does this look like a lane or a result of ours? Its samples may still be plain ones. */
bool mr_is_output(const char *path);
/** MR_EVERIFY: damaged, or not ours; MR_EINPUT: plain samples, no product. [give] out. */
mr_status mr_product_open(const char *path, mr_product **out);
/** Row i as v[depth][nc]: means also where the file holds sums; NaN where nothing went in. */
mr_status mr_product_read(mr_product *p, size_t i, double *v);
void mr_product_close(mr_product *p);
#endif
