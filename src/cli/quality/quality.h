/* cli/quality/quality.h: inside `quality` only: what the samples of a channel and interval come to.
 */
#ifndef MR_CLI_QUALITY_H
#define MR_CLI_QUALITY_H
#include "millrace/grid.h"
#include "ops/kernels/fft.h"

enum { MR_BANDS = 3, MR_BAND_SEGMENT = 256 };

/** Sums over samples: moments about `shift`, the first of them. Zero-initialise. */
typedef struct mr_sums {
    uint64_t n, nan;       /* finite samples; others */
    uint64_t still;        /* of runs without change, long enough */
    uint64_t at_lo, at_hi; /* samples that equal the lowest, the highest */
    uint64_t over;         /* at or beyond the stated limit */
    double shift, s1, s2, s3, s4, lo, hi;
    double power[MR_BANDS]; /* sums over segments */
    uint64_t segments;
} mr_sums;

/** What sums come to. */
typedef struct mr_figures {
    uint64_t n;
    double nan, clipped, still; /* shares of all samples */
    double lo, hi, mean, rms, std, kurtosis;
    double power[MR_BANDS];
} mr_figures;

/** What is the same for all: limits and bands of a rate. */
typedef struct mr_weigher {
    double rate_hz;
    uint64_t still_rows;           /* so many without change are told */
    double limit;                  /* stated, or of the type; 0: none */
    double band[MR_BANDS][2];      /* Hz, half-open */
    mr_fft fft;                    /* of a segment */
    double *window, *z, *x, *bins; /* scratch; window: Hann */
    double scale;                  /* |X|^2 of a bin -> power */
} mr_weigher;
/** rate in Hz; limit 0: none. The bands are a 50th, a fifth and half of the rate, each from the one
 *  below. Free with fini in any case. */
mr_status mr_weigher_init(mr_weigher *w, double rate_hz, double limit);
void mr_weigher_fini(mr_weigher *w);

/** What a channel remembers from row to row. */
typedef struct mr_still {
    double last;
    uint64_t run;
} mr_still;
/** Rows of all channels of `rows` into sums[channel]; still[channel] goes on from those before. */
void mr_sums_add(const mr_weigher *w, mr_sums *sums, mr_still *still, const mr_view *rows);
/** The same samples' powers in bands: whole segments of the rows, Hann, less their mean. */
void mr_sums_bands(const mr_weigher *w, mr_sums *sums, const mr_view *rows);
/** b onto a, as if all samples had been in one. */
void mr_sums_merge(mr_sums *a, const mr_sums *b);
mr_figures mr_sums_figures(const mr_weigher *w, const mr_sums *s);
#endif
