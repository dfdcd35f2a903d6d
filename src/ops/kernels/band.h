/* ops/kernels/band.h: a band of a spectrum of eight channels, made white. */
#ifndef MR_BAND_H
#define MR_BAND_H
#include "ops/kernels/fft.h"

/** Bins [k0, k1) of a spectrum with weights: 1 in [lo, hi), squared cosines over `edge` Hz beside
 *  them, nothing elsewhere. */
typedef struct mr_band_of {
    size_t k0, k1;
    double *weight; /* owned: [k1 - k0] */
    size_t half;    /* bins on each side of one that its magnitude is smoothed over; 0: none */
} mr_band_of;

/** MR_ECONFIG if no bin lies in the band. smooth_hz: 0, or the width of the running mean. */
mr_status mr_band_init(mr_band_of *b, const double band_hz[2], double edge_hz, double smooth_hz,
                       const mr_fft *f, double rate_hz);
/** Every bin. */
mr_status mr_band_all(mr_band_of *b, const mr_fft *f);
void mr_band_fini(mr_band_of *b);
/** Make x[k1 - k0][2][8] white: magnitudes become the weights, or are divided by their running mean
 *  within the band and weighted. room: (k1 - k0 + 1) * 8 doubles if smoothed. */
void mr_band_whiten(const mr_band_of *b, double *x, double *room);
#endif
