/* cli/quality/quality.h: inside `quality` only: the rows that the run left, read one after the
 * other, and what a channel's come to. */
#ifndef MR_CLI_QUALITY_QUALITY_H
#define MR_CLI_QUALITY_QUALITY_H
#include "millrace/base.h"
#include "out/product/product.h"

/** What the operator `quality` gives, in its order. */
enum {
    MR_Q_N,
    MR_Q_NAN,
    MR_Q_CLIPPED,
    MR_Q_CONSTANT,
    MR_Q_MIN,
    MR_Q_MAX,
    MR_Q_MEAN,
    MR_Q_RMS,
    MR_Q_STD,
    MR_Q_SKEWNESS,
    MR_Q_KURTOSIS,
    MR_Q_POWER,
    MR_Q_BANDS = 3,
    MR_Q_FIGURES = MR_Q_POWER + MR_Q_BANDS
};

typedef struct mr_figures {
    double v[MR_Q_FIGURES];
} mr_figures;
/** b onto a, as if all samples had been in one; powers by their numbers of samples. */
void mr_figures_merge(mr_figures *a, const mr_figures *b);

/** A channel over the whole archive. */
typedef struct mr_channel {
    double distance_m;
    mr_figures f;
    const char *why; /* it is to be left out, or NULL */
} mr_channel;
/** Sets .why of v[nc]: limits are of each channel alone, or of the median of all. Returns how many
 *  are bad. MR_EMEM */
mr_status mr_channels_judge(mr_channel *v, size_t nc, size_t *n_bad);

/** The lanes of a quality folder. */
typedef struct mr_quality_rows {
    mr_strs files;
    size_t nc;            /* channels, counted from the input's first */
    int64_t t0_ns, t1_ns; /* of all rows, half-open */
    double row_ns, x0_m, dx_m;
    char name[MR_Q_FIGURES][32]; /* of the figures, by the first lane */
    char unit[96];               /* of the samples */
} mr_quality_rows;
/** What there is. Zero-initialise; fini in any case. */
mr_status mr_quality_rows_open(const char *folder, mr_quality_rows *out);
void mr_quality_rows_fini(mr_quality_rows *q);
/** Calls f for every row, lane after lane: the figures v[MR_Q_FIGURES][nc] of channels c0.. in the
 *  interval from t_ns on, where the samples of channel c0 + i lie at x_m[i]. */
typedef mr_status (*mr_quality_fn)(void *arg, int64_t t_ns, size_t c0, size_t nc, const double *v,
                                   const double *x_m);
mr_status mr_quality_rows_each(const mr_quality_rows *q, mr_quality_fn f, void *arg);
/** A picture per figure, FOLDER/NAME.png, and FOLDER/quality.png of the three that tell most. */
mr_status mr_quality_draw(const mr_quality_rows *q, const char *arg, const char *folder);
#endif
