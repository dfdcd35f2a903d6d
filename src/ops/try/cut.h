/* ops/try/cut.h: runs a chain over a whole span cut into lanes, blocks and tiles, as a run does but
 * in memory and alone: for `ops NAME --try` and the tests of ops/. */
#ifndef MR_CUT_H
#define MR_CUT_H
#include "ops/chain/chain.h"

typedef struct mr_cut_job {
    const mr_chain *chain;
    mr_slab span;       /* of the input */
    const double *x;    /* [span][nc] */
    const uint8_t *bad; /* [span][nc] what is NaN (something finite stands in x), or NULL */
    size_t nc;
    int64_t lane, block; /* in output samples, or items of a reducer (rows stay whole); 0: all */
    size_t tile;         /* channels */
    mr_clock clock;      /* of x */
} mr_cut_job;

/** Channels that the chain gives. */
size_t mr_cut_nc(const mr_cut_job *j);
/** Rows of the output of a span: samples, or rows x depth. */
size_t mr_cut_out_rows(const mr_chain *c, mr_slab span);
/** y [output span][channels] of the whole span; free with free(). */
double *mr_cut_run(const mr_cut_job *j);
/** What of the chain's samples [output span][channels] (or items, of a reducer) is NaN by what is
 * bad and by what operators decide; free with free(). */
uint8_t *mr_cut_nan(const mr_cut_job *j);
#endif
