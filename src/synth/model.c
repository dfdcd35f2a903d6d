/* synth/model.c: the signal of a made-up archive: slow drift, coherent noise that travels along
 * the fibre, noise common to all channels, incoherent noise, vehicles and earthquakes. Each is a
 * pure function of (seed, sample, channel), so that any piece can be made alone. */
#include "synth/extras.h"
#include "synth/exact.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define QUAKE_LENGTH 25.0  /* s of wave train */
#define QUAKE_EVERY 600.0  /* s */
#define QUAKE_FIRST 12.0   /* s */
#define VEHICLE_EVERY 90.0 /* s */
#define VEHICLE_FIRST 2.0  /* s */
#define VEHICLE_REACH 20.0 /* widths */
#define VEHICLE_SHAKE 11.0 /* Hz */
#define N_CODA 6

struct mr_synth {
    mr_synth_spec spec;
    double length_m;
    mr_synth_tone tone[MR_SYNTH_N_TONES];
    float *noise;   /* [nc] std / 147.8, see row() */
    float *drift;   /* [nc] */
    float *site;    /* [nc] local amplification of quakes */
    int32_t *delay; /* [nc] of the coherent noise, in 1/4 samples */
    int32_t *onset; /* [nc] scratch: arrival of one phase of one quake */
    float *wave;    /* scratch: coherent noise on the fine grid */
    size_t wave_cap;
    float *train[2]; /* P and S wave trains on the fine grid, train_n each */
    int64_t train_n;
};

/* what stays the same for all rows of a call */
typedef struct row_ctx {
    int64_t n0;     /* first sample */
    const float *w; /* coherent noise: w[4 * (n - n0) - delay[c]] */
} row_ctx;

static inline uint32_t mix32(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

static double drift_gain(double x_m)
{
    return 40.0 * (0.6 + 0.4 * mr_synth_sin(x_m / 2500.0));
}

static double drift_time(double t_s)
{
    return mr_synth_sin(t_s / 300.0) + 0.5 * mr_synth_sin(t_s / 97.0 + 0.3);
}

double mr_synth_drift(const mr_synth *s, double t_s, uint64_t c)
{
    return drift_gain((double)c * s->spec.dx_m) * drift_time(t_s);
}

double mr_synth_noise_std(const mr_synth *s, uint64_t c)
{
    double u = mr_synth_unit(s->spec.seed, 3, c);
    return (0.8 + 0.4 * u) * (c % 101 == 37 ? 6.0 : 1.0); /* some channels are badly coupled */
}

void mr_synth_vehicle_at(const mr_synth *s, uint64_t k, mr_synth_vehicle *out)
{
    double speed = 18.0 + 12.0 * mr_synth_unit(s->spec.seed, 4, k);
    bool back = k % 3 == 1;
    out->enter_s = VEHICLE_FIRST + VEHICLE_EVERY * (double)k;
    out->x0_m = back ? s->length_m : 0.0;
    out->speed_m_s = back ? -speed : speed;
    out->amplitude = 12.0 + 10.0 * mr_synth_unit(s->spec.seed, 5, k);
}

void mr_synth_quake_at(const mr_synth *s, uint64_t k, mr_synth_quake *out)
{
    out->origin_s = QUAKE_FIRST + QUAKE_EVERY * (double)k;
    out->x_m = s->length_m * (0.2 + 0.6 * mr_synth_unit(s->spec.seed, 6, k));
    out->depth_m = 3000.0 + 4000.0 * mr_synth_unit(s->spec.seed, 7, k);
    out->amplitude = 12.0 + 12.0 * mr_synth_unit(s->spec.seed, 8, k);
}

const mr_synth_tone *mr_synth_tones(const mr_synth *s)
{
    return s->tone;
}

/* 1 if it is part of the model, else 0 */
static float has(const mr_synth *s, unsigned part)
{
    return s->spec.model & part ? 1 : 0;
}

/* tones spread evenly between 1.5 Hz and 18 Hz (or 0.4 of the rate), each a little off its place */
static void make_tones(mr_synth *s)
{
    double top = MR_MIN(18.0, 0.4 * s->spec.rate_hz), low = MR_MIN(1.5, 0.1 * top);
    for (int k = 0; k < MR_SYNTH_N_TONES; k++) {
        uint64_t key = (uint64_t)k;
        double place = ((double)k + mr_synth_unit(s->spec.seed, 9, key)) / MR_SYNTH_N_TONES;
        s->tone[k].f_hz = low + (top - low) * place;
        s->tone[k].phase = mr_synth_unit(s->spec.seed, 10, key);
        s->tone[k].amplitude =
            has(s, MR_SYNTH_COHERENT) * 0.25 +
            has(s, MR_SYNTH_COHERENT) * 0.3 * mr_synth_unit(s->spec.seed, 11, key);
    }
}

/* A wave train: fast rise, slow fall, to zero after QUAKE_LENGTH; six tones around f_hz. */
static void make_train(mr_synth *s, int phase, double f_hz, double gain, double fall_s)
{
    double step_s = 1.0 / (s->spec.rate_hz * MR_SYNTH_OVERSAMPLE);
    for (int64_t i = 0; i < s->train_n; i++) {
        double t = (double)i * step_s;
        double up = t / 0.08, down = t / fall_s, end = 1.0 - t / QUAKE_LENGTH;
        double env = up * up / (1.0 + up * up) / ((1.0 + down * down) * (1.0 + down)) * end * end;
        double sum = 0;
        for (int k = 0; k < N_CODA; k++) {
            double u = mr_synth_unit(s->spec.seed, 12 + (uint64_t)phase, (uint64_t)k);
            double f = f_hz * (0.55 + 0.16 * (double)k + 0.1 * u);
            sum += mr_synth_sin(f * t + u);
        }
        s->train[phase][i] = (float)(gain * env * sum / 2.45); /* sqrt(6): near unit rms */
    }
}

static mr_status set_up(mr_synth *s)
{
    mr_status st = MR_OK;
    const mr_synth_spec *p = &s->spec;
    double fine_hz = p->rate_hz * MR_SYNTH_OVERSAMPLE;
    double f0 = MR_MIN(6.0, 0.2 * p->rate_hz);
    s->train_n = (int64_t)(QUAKE_LENGTH * fine_hz);
    MR_TRY(mr_alloc(p->nc, sizeof(float), "synth noise", &s->noise));
    MR_TRY(mr_alloc(p->nc, sizeof(float), "synth drift", &s->drift));
    MR_TRY(mr_alloc(p->nc, sizeof(float), "synth sites", &s->site));
    MR_TRY(mr_alloc(p->nc, sizeof(int32_t), "synth delays", &s->delay));
    MR_TRY(mr_alloc(p->nc, sizeof(int32_t), "synth onsets", &s->onset));
    for (int i = 0; i < 2; i++) {
        MR_TRY(mr_alloc((size_t)s->train_n, sizeof(float), "synth wave train", &s->train[i]));
    }
    for (uint64_t c = 0; c < p->nc; c++) {
        double x = (double)c * p->dx_m;
        s->noise[c] = has(s, MR_SYNTH_NOISE) * (float)(mr_synth_noise_std(s, c) / 147.80054127);
        s->drift[c] = has(s, MR_SYNTH_DRIFT) * (float)drift_gain(x);
        s->site[c] = (float)(1.0 + 0.35 * mr_synth_sin(x / 730.0 + 0.2));
        s->delay[c] = (int32_t)(x / MR_SYNTH_NOISE_V * fine_hz + 0.5);
    }
    make_tones(s);
    make_train(s, 0, f0 * 1.6, 0.45, 1.5);
    make_train(s, 1, f0, 1.0, 3.0);
out:
    return st;
}

mr_status mr_synth_new(const mr_synth_spec *spec, mr_synth **out)
{
    mr_status st = MR_OK;
    mr_synth *s = NULL;
    if (!(spec->rate_hz >= 0.1 && spec->rate_hz <= 1e6))
        return MR_RAISE(MR_ECONFIG, "rate %g Hz is outside 0.1 Hz .. 1 MHz", spec->rate_hz);
    if (spec->nc < 1 || spec->nc > 1000000)
        return MR_RAISE(MR_ECONFIG, "%llu channels are outside 1..1000000",
                        (unsigned long long)spec->nc);
    double length_m = (double)spec->nc * spec->dx_m;
    if (!(spec->dx_m > 0 && length_m / MR_SYNTH_NOISE_V * spec->rate_hz < 1e8))
        return MR_RAISE(MR_ECONFIG, "spacing %g m is outside what a fibre has", spec->dx_m);
    if ((spec->model & MR_SYNTH_BAD) && spec->nc < 8)
        return MR_RAISE(MR_ECONFIG, "bad channels need 8 channels at least");
    MR_TRY(mr_alloc(1, sizeof *s, "synth", &s));
    s->spec = *spec;
    if (!spec->model) s->spec.model = MR_SYNTH_USUAL;
    s->length_m = length_m;
    MR_TRY(set_up(s));
    *out = s;
    s = NULL;
out:
    mr_synth_free(s);
    return st;
}

void mr_synth_free(mr_synth *s)
{
    if (!s) return;
    free(s->noise);
    free(s->drift);
    free(s->site);
    free(s->delay);
    free(s->onset);
    free(s->wave);
    free(s->train[0]);
    free(s->train[1]);
    free(s);
}

/* Coherent noise on the fine grid from the last channel's delay before n0 to the last row. */
static mr_status fill_wave(mr_synth *s, int64_t n0, size_t nt, const float **w)
{
    mr_status st = MR_OK;
    int64_t lag = s->delay[s->spec.nc - 1];
    size_t n = (size_t)lag + nt * MR_SYNTH_OVERSAMPLE;
    double fine_hz = s->spec.rate_hz * MR_SYNTH_OVERSAMPLE;
    MR_TRY(mr_grow(&s->wave, &s->wave_cap, n, sizeof(float), "synth coherent noise"));
    for (size_t i = 0; i < n; i++) {
        double t = (double)(n0 * MR_SYNTH_OVERSAMPLE - lag + (int64_t)i) / fine_hz;
        double sum = 0;
        for (int k = 0; k < MR_SYNTH_N_TONES; k++)
            sum += s->tone[k].amplitude * mr_synth_sin(s->tone[k].f_hz * t + s->tone[k].phase);
        s->wave[i] = (float)sum;
    }
    *w = s->wave + lag;
out:
    return st;
}

/* Drift, coherent, common and incoherent noise of one row. The sum of a hash's four bytes is near
 * Gaussian with standard deviation sqrt(4 (256^2 - 1) / 12) = 147.8. */
static void background(const mr_synth *s, const row_ctx *ctx, int64_t n, float *restrict v)
{
    uint64_t key = mr_synth_hash(s->spec.seed, 1, (uint64_t)n);
    uint32_t row = (uint32_t)(key >> 32);
    float d = (float)drift_time((double)n / s->spec.rate_hz);
    float common = has(s, MR_SYNTH_COMMON) * (float)((double)(key & 0xffffffu) * 0x1p-24 - 0.5);
    const float *w = ctx->w + (n - ctx->n0) * MR_SYNTH_OVERSAMPLE;
    for (size_t c = 0; c < s->spec.nc; c++) {
        uint32_t h = mix32((uint32_t)c * 0x9E3779B9u ^ row);
        int32_t g = (int32_t)((h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + (h >> 24)) - 510;
        v[c] = s->noise[c] * (float)g + s->drift[c] * d + common + w[-s->delay[c]];
    }
}

/* A point load's strain rate as it passes, and the shaking of the road near it. */
static void add_vehicle(const mr_synth *s, const mr_synth_vehicle *v, double t_s, float *row)
{
    double x = v->x0_m + v->speed_m_s * (t_s - v->enter_s), dx = s->spec.dx_m;
    double reach = VEHICLE_REACH * MR_SYNTH_WIDTH;
    if (x + reach < 0 || x - reach > s->length_m) return;
    int64_t a = (int64_t)MR_MAX(0.0, (x - reach) / dx);
    int64_t b = (int64_t)MR_MIN((double)s->spec.nc, (x + reach) / dx + 1.0);
    double shake = 0.35 * mr_synth_sin(VEHICLE_SHAKE * t_s);
    for (int64_t c = a; c < b; c++) {
        double u = ((double)c * dx - x) / MR_SYNTH_WIDTH, q = 1.0 / (1.0 + u * u);
        row[c] += (float)(v->amplitude * (3.0792 * u * q * q + shake * q * q));
    }
}

static void add_vehicles(const mr_synth *s, int64_t n0, size_t nt, float *dst)
{
    double t0 = (double)n0 / s->spec.rate_hz, t1 = (double)(n0 + (int64_t)nt) / s->spec.rate_hz;
    double stay = (s->length_m + 2 * VEHICLE_REACH * MR_SYNTH_WIDTH) / 18.0;
    double first = ceil((t0 - stay - VEHICLE_FIRST) / VEHICLE_EVERY);
    for (uint64_t k = first > 0 ? (uint64_t)first : 0;; k++) {
        mr_synth_vehicle v;
        mr_synth_vehicle_at(s, k, &v);
        if (v.enter_s >= t1) break;
        for (size_t i = 0; i < nt; i++) {
            double t = (double)(n0 + (int64_t)i) / s->spec.rate_hz;
            if (t >= v.enter_s) add_vehicle(s, &v, t, dst + i * s->spec.nc);
        }
    }
}

/* One phase of one quake on all rows; onset[] holds the arrivals on the fine grid. */
static void add_train(const mr_synth *s, int phase, float gain, int64_t n0, size_t nt, float *dst)
{
    const float *train = s->train[phase];
    for (size_t i = 0; i < nt; i++) {
        int64_t fine = (n0 + (int64_t)i) * MR_SYNTH_OVERSAMPLE;
        float *row = dst + i * s->spec.nc;
        for (size_t c = 0; c < s->spec.nc; c++) {
            int64_t k = fine - s->onset[c];
            if (k >= 0 && k < s->train_n) row[c] += gain * s->site[c] * train[k];
        }
    }
}

static void add_quake(mr_synth *s, const mr_synth_quake *q, int64_t n0, size_t nt, float *dst)
{
    static const double speed[2] = {MR_SYNTH_VP, MR_SYNTH_VS};
    double fine_hz = s->spec.rate_hz * MR_SYNTH_OVERSAMPLE;
    int64_t origin = (int64_t)(q->origin_s * s->spec.rate_hz + 0.5);
    int64_t a = MR_MAX(n0, origin), b = n0 + (int64_t)nt;
    for (int phase = 0; phase < 2 && a < b; phase++) {
        int32_t last = 0;
        for (size_t c = 0; c < s->spec.nc; c++) { /* relative to the origin's sample */
            double off = (double)c * s->spec.dx_m - q->x_m;
            double path = sqrt(off * off + q->depth_m * q->depth_m);
            s->onset[c] = (int32_t)(path / speed[phase] * fine_hz + 0.5);
            last = MR_MAX(last, s->onset[c]);
        }
        int64_t end = origin + (last + s->train_n) / MR_SYNTH_OVERSAMPLE + 1;
        int64_t stop = MR_MIN(b, end);
        if (a < stop)
            add_train(s, phase, (float)q->amplitude, a - origin, (size_t)(stop - a),
                      dst + (size_t)(a - n0) * s->spec.nc);
    }
}

static void add_quakes(mr_synth *s, int64_t n0, size_t nt, float *dst)
{
    double t0 = (double)n0 / s->spec.rate_hz, t1 = (double)(n0 + (int64_t)nt) / s->spec.rate_hz;
    double stay = QUAKE_LENGTH + (s->length_m + 7000.0) / MR_SYNTH_VS + 1.0;
    double first = ceil((t0 - stay - QUAKE_FIRST) / QUAKE_EVERY);
    for (uint64_t k = first > 0 ? (uint64_t)first : 0;; k++) {
        mr_synth_quake q;
        mr_synth_quake_at(s, k, &q);
        if (q.origin_s >= t1) break;
        add_quake(s, &q, n0, nt, dst);
    }
}

mr_status mr_synth_rows(mr_synth *s, int64_t n0, size_t nt, float *dst)
{
    mr_status st = MR_OK;
    row_ctx ctx = {.n0 = n0};
    MR_TRY(fill_wave(s, n0, nt, &ctx.w));
    for (size_t i = 0; i < nt; i++) background(s, &ctx, n0 + (int64_t)i, dst + i * s->spec.nc);
    if (s->spec.model & MR_SYNTH_VEHICLES) add_vehicles(s, n0, nt, dst);
    if (s->spec.model & MR_SYNTH_QUAKES) add_quakes(s, n0, nt, dst);
    mr_synth_extras(&s->spec, n0, nt, dst);
out:
    return st;
}
