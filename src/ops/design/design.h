/* ops/design/design.h: digital filters designed as scipy designs them, pole by pole, in float64.
 * Used by the operators' bind(); pure functions, any thread. */
#ifndef MR_DESIGN_H
#define MR_DESIGN_H
#include "base/base.h"

#define MR_MAX_SECTIONS 12

/** One second-order section: (b0 + b1/z + b2/z^2) / (1 + a1/z + a2/z^2). */
typedef struct mr_section {
    double b0, b1, b2, a1, a2;
} mr_section;

/** A cascade of sections and what follows from it. */
typedef struct mr_sos {
    size_t n;
    mr_section s[MR_MAX_SECTIONS];
    double zi[MR_MAX_SECTIONS][2]; /* steady state for a constant input of 1 (scipy sosfilt_zi) */
    size_t pad;  /* samples of odd extension at a span's end (scipy sosfiltfilt) */
    size_t fade; /* smallest n with sum |h[n..]| < 1e-9 sum |h| */
} mr_sos;

typedef enum mr_filter_shape { MR_LOWPASS, MR_HIGHPASS, MR_BANDPASS, MR_BANDSTOP } mr_filter_shape;

/** Butterworth of that order; edges lo (and hi where it has two) in fractions of Nyquist, inside
 *  (0, 1). Sections paired and ordered as scipy.signal.butter(output="sos"). MR_ECONFIG if it comes
 *  out unstable or never fades. */
mr_status mr_design_butter(mr_filter_shape shape, int order, double lo, double hi, mr_sos *out);
/** scipy.signal.cheby1(order, ripple_db, edge): lowpass. */
mr_status mr_design_cheby1(int order, double ripple_db, double edge, mr_sos *out);
/** scipy.signal.iirnotch(w0, q) with w0 in fractions of Nyquist. */
mr_status mr_design_notch(double w0, double q, mr_sos *out);
/** zi, pad and fade from the sections; checks stability. MR_ECONFIG as above. */
mr_status mr_sos_finish(mr_sos *f);
/** First n values of the cascade's impulse response from rest. */
void mr_sos_impulse(const mr_sos *f, double *h, size_t n);
/** First n values that come out for an input of zeros when state k (of section k / 2) is 1, the
 * others 0. */
void mr_sos_ring(const mr_sos *f, size_t k, double *h, size_t n);

typedef enum mr_fir_window { MR_HAMMING, MR_KAISER5 } mr_fir_window;
/** scipy.signal.firwin(n, cutoff, window): n odd, cutoff in fractions of Nyquist, unit gain at 0.
 */
void mr_design_firwin(size_t n, double cutoff, mr_fir_window window, double *h);
/** The ideal Hilbert transformer (gain -i for positive frequencies) under a Kaiser window: h[k], k
 * = 0
 *  .. half, of an odd response h[-k] = -h[k]; zero for even k. */
void mr_design_hilbert(size_t half, double beta, double *h);
#endif
