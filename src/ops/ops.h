/* ops/ops.h: every operator there is. Adding one: its file and its name in this list. */
#ifndef MR_OPS_H
#define MR_OPS_H
#include "millrace/op.h"

/* the order is that of the help */
#define MR_OP_LIST(ROW)                                                                            \
    ROW(detrend)                                                                                   \
    ROW(demean)                                                                                    \
    ROW(common_mode)                                                                               \
    ROW(fill)                                                                                      \
    ROW(interpolate)                                                                               \
    ROW(median)                                                                                    \
    ROW(hampel)                                                                                    \
    ROW(despike)                                                                                   \
    ROW(channel_stack)                                                                             \
    ROW(channel_decimate)                                                                          \
    ROW(fk)                                                                                        \
    ROW(taper)                                                                                     \
    ROW(bandpass)                                                                                  \
    ROW(bandstop)                                                                                  \
    ROW(lowpass)                                                                                   \
    ROW(highpass)                                                                                  \
    ROW(notch)                                                                                     \
    ROW(decimate)                                                                                  \
    ROW(resample)                                                                                  \
    ROW(align)                                                                                     \
    ROW(scale)                                                                                     \
    ROW(units)                                                                                     \
    ROW(strain)                                                                                    \
    ROW(clip)                                                                                      \
    ROW(abs)                                                                                       \
    ROW(envelope)                                                                                  \
    ROW(instantaneous)                                                                             \
    ROW(rolling)                                                                                   \
    ROW(kurtosis)                                                                                  \
    ROW(savgol)                                                                                    \
    ROW(agc)                                                                                       \
    ROW(normalise)                                                                                 \
    ROW(rms)                                                                                       \
    ROW(band_rms)                                                                                  \
    ROW(stalta)                                                                                    \
    ROW(stats)                                                                                     \
    ROW(quality)                                                                                   \
    ROW(psd)                                                                                       \
    ROW(fbe)                                                                                       \
    ROW(spectrogram)                                                                               \
    ROW(trigger)                                                                                   \
    ROW(coincidence)                                                                               \
    ROW(whiten)                                                                                    \
    ROW(correlate)                                                                                 \
    ROW(integrate)                                                                                 \
    ROW(differentiate)

#define MR_OP_DECLARE(name) extern const mr_op mr_op_##name;
MR_OP_LIST(MR_OP_DECLARE)
#undef MR_OP_DECLARE
#endif
