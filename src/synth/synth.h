/* synth/synth.h: a made-up archive with known answers: the signal as a pure function of seed,
 * sample and channel, and recorder files written in the layouts of the vendors. Used by `millrace
 * synth`, by the demo, the tests and the benchmark. Same seed, same bytes, on every machine: own
 * counter-based noise and own sine, no libm whose last bit may differ. */
#ifndef MR_SYNTH_SYNTH_H
#define MR_SYNTH_SYNTH_H
#include "base/base.h"
#include "in/input.h"

/** What there is in the signal, as bits. */
enum {
    MR_SYNTH_DRIFT = 1,
    MR_SYNTH_COHERENT = 2,
    MR_SYNTH_COMMON = 4,
    MR_SYNTH_NOISE = 8,
    MR_SYNTH_VEHICLES = 16,
    MR_SYNTH_QUAKES = 32,
    MR_SYNTH_USUAL = 63,
    MR_SYNTH_TUBE = 64,
    MR_SYNTH_BAD = 128,
    MR_SYNTH_LEAK = 256
};

/** What the signal is made of. */
typedef struct mr_synth_spec {
    uint64_t seed;
    double rate_hz;    /* > 0 */
    uint64_t nc;       /* channels, channel c lies at c * dx_m */
    double dx_m;       /* > 0 */
    unsigned model;    /* MR_SYNTH_...; 0: MR_SYNTH_USUAL */
    uint64_t n_events; /* spread over length_s */
    double length_s;
} mr_synth_spec;

/** A wave that passes along a stretch of the fibre. */
typedef struct mr_synth_event {
    double start_s;          /* when it comes to its first channel */
    double x0_m, x1_m;       /* the stretch; it begins at x1 where the speed is negative */
    double speed_m_s;        /* signed */
    double snr;              /* height over a standard deviation of 1 */
    double f_hz, duration_s; /* of its wavelet */
} mr_synth_event;
/** k < n_events. */
void mr_synth_event_at(const mr_synth_spec *p, uint64_t k, mr_synth_event *out);

/** A slow wave from channel 0 to the last and back, again and again. */
typedef struct mr_synth_tube {
    double first_s, every_s, speed_m_s, f_hz, amplitude, reflection;
} mr_synth_tube;
void mr_synth_tube_at(const mr_synth_spec *p, mr_synth_tube *out);

/** Something that hisses at one place for a while: tones of a band, their phases by channel. */
typedef struct mr_synth_leak {
    double start_s, end_s; /* since the start of the archive */
    double x_m, half_m;    /* where; nothing beyond x_m +- half_m */
    double f0_hz, f1_hz;   /* its band */
    double rms;            /* at x_m */
} mr_synth_leak;
void mr_synth_leak_at(const mr_synth_spec *p, mr_synth_leak *out);

/** Channels that are not what they should be: always 0; never beyond +-clip; with spikes. */
typedef struct mr_synth_bad {
    uint64_t dead, clipped, spiky;
    double clip;
} mr_synth_bad;
mr_synth_bad mr_synth_bad_channels(const mr_synth_spec *p);

/** A vehicle on the road along the fibre. */
typedef struct mr_synth_vehicle {
    double enter_s;   /* since the start of the archive */
    double x0_m;      /* where it enters */
    double speed_m_s; /* signed */
    double amplitude;
} mr_synth_vehicle;

/** An earthquake below the fibre. */
typedef struct mr_synth_quake {
    double origin_s;
    double x_m, depth_m; /* hypocentre: place along the fibre, depth */
    double amplitude;
} mr_synth_quake;

/* constants of the model, in the unit of the samples (nanostrain/s), seconds and metres */
#define MR_SYNTH_VP 5200.0     /* m/s */
#define MR_SYNTH_VS 2400.0     /* m/s */
#define MR_SYNTH_NOISE_V 330.0 /* m/s, speed of the coherent noise, towards larger x */
#define MR_SYNTH_WIDTH 12.0    /* m, half width of a vehicle's load */
#define MR_SYNTH_N_TONES 12    /* tones of the coherent noise */
#define MR_SYNTH_OVERSAMPLE 4  /* arrival times are rounded to 1/(4 rate) */

/** One tone of the coherent noise: amplitude * sin(2 pi (f t + phase)). */
typedef struct mr_synth_tone {
    double amplitude, f_hz, phase; /* phase in turns */
} mr_synth_tone;

typedef struct mr_synth mr_synth;
/** Check the spec (MR_ECONFIG) and set up. [give] out. */
mr_status mr_synth_new(const mr_synth_spec *spec, mr_synth **out);
void mr_synth_free(mr_synth *s);
/** Samples [n0, n0 + nt) of all channels into dst[nt][nc], nanostrain/s; sample n lies n / rate
 * after the start of the archive. One thread a handle; values do not depend on how calls are cut.
 */
mr_status mr_synth_rows(mr_synth *s, int64_t n0, size_t nt, float *dst);

/* the known answers */
void mr_synth_vehicle_at(const mr_synth *s, uint64_t k, mr_synth_vehicle *out); /* k = 0, 1, ... */
void mr_synth_quake_at(const mr_synth *s, uint64_t k, mr_synth_quake *out);     /* k = 0, 1, ... */
const mr_synth_tone *mr_synth_tones(const mr_synth *s); /* MR_SYNTH_N_TONES of them, [borrow] */
/** Standard deviation of the incoherent noise of channel c. */
double mr_synth_noise_std(const mr_synth *s, uint64_t c);
/** The slow drift at t seconds on channel c. */
double mr_synth_drift(const mr_synth *s, double t_s, uint64_t c);

/* --- files ------------------------------------------------------------------------------------ */

/** How one file is written. */
typedef struct mr_synth_file {
    const char *layout; /* a name of mr_synth_layouts */
    mr_dtype dtype;
    bool channel_first;
    bool shuffle, fletcher32;
    int deflate; /* 0 = none, else level 1..9 */
    uint64_t chunk_t,
        chunk_c; /* 0 = contiguous (or a chunk of our choice where filters need one) */
    double gauge_m;
    int64_t start_ns; /* of the archive: sample 0 */
} mr_synth_file;

/** Names of the layouts that can be written, NULL at the end. */
const char *const *mr_synth_layouts(void);
/** Stored value = round(value * per_unit) + offset for integer types; 1 and 0 for floats. */
void mr_synth_scale(mr_dtype dt, double *per_unit, double *offset);
/** Time of sample n, in ns since 1970. */
int64_t mr_synth_time_ns(const mr_synth_spec *spec, int64_t start_ns, int64_t n);
/** Write samples [n0, n0 + nt) into a new file `path` (replaced if there; complete when it
 * appears). MR_EOUTPUT with HDF5's reason, MR_ECONFIG for an impossible combination. */
mr_status mr_synth_write(mr_synth *s, const mr_synth_spec *spec, const mr_synth_file *how,
                         const char *path, int64_t n0, uint64_t nt);
#endif
