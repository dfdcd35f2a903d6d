/* synth/extras.c: what is put into a made-up archive on request: events of known time, place,
 * velocity and size, a tube wave, a leak, and channels that are dead, clipped or spiky. Pure
 * functions of (seed, sample, channel), added to the rows that model.c has made. */
#include "synth/extras.h"
#include "synth/exact.h"
#include <math.h>

#define EVENT_CYCLES 8.0 /* of a wavelet */
#define TUBE_EVERY 20.0  /* s */
#define TUBE_CYCLES 3.0
#define CLIP_AT 2.0
#define SPIKE 400.0
#define SPIKE_ONE_IN 997
#define LEAK_TONES 8

static double event_hz(const mr_synth_spec *p)
{
    return MR_MIN(40.0, 0.2 * p->rate_hz);
}

void mr_synth_event_at(const mr_synth_spec *p, uint64_t k, mr_synth_event *e)
{
    const double length = (double)p->nc * p->dx_m, n = (double)p->n_events;
    const double each_s = p->length_s / n, place = mr_synth_unit(p->seed, 31, k);
    const double share = 0.3 + 0.4 * mr_synth_unit(p->seed, 32, k);
    const double a = place * (1 - share) * length;
    const double speed = 500.0 + 5500.0 * mr_synth_unit(p->seed, 33, k);
    const uint64_t rank = (k * 7 + 3) % p->n_events; /* sizes in no order of time */
    *e = (mr_synth_event){.start_s =
                              each_s * ((double)k + 0.2 + 0.3 * mr_synth_unit(p->seed, 34, k)),
                          .x0_m = a,
                          .x1_m = a + share * length,
                          .speed_m_s = k % 2 ? -speed : speed,
                          .f_hz = event_hz(p)};
    e->duration_s = EVENT_CYCLES / e->f_hz;
    e->snr = n > 1 ? 0.5 * (double)(1 + 2 * rank) : 10; /* 0.5, 1.5, 2.5, ... */
    e->snr = MR_MIN(e->snr, 30);
}

/* A wavelet of unit height that begins at t = 0: tones under (1 - u^2)^2. */
static double wavelet(double t_s, double f_hz, double cycles)
{
    const double u = 2 * t_s * f_hz / cycles - 1, q = 1 - u * u;
    return u > -1 && u < 1 ? q * q * mr_synth_sin(f_hz * t_s) : 0;
}

static void add_event(const mr_synth_spec *p, const mr_synth_event *e, int64_t n0, size_t nt,
                      float *dst)
{
    const double from = e->speed_m_s > 0 ? e->x0_m : e->x1_m;
    for (uint64_t c = 0; c < p->nc; c++) {
        const double x = (double)c * p->dx_m;
        if (x < e->x0_m || x > e->x1_m) continue;
        const double t0 = e->start_s + (x - from) / e->speed_m_s;
        const int64_t a = MR_MAX((int64_t)ceil(t0 * p->rate_hz), n0);
        const int64_t b =
            MR_MIN((int64_t)((t0 + e->duration_s) * p->rate_hz) + 1, n0 + (int64_t)nt);
        for (int64_t n = a; n < b; n++)
            dst[(size_t)(n - n0) * p->nc + c] +=
                (float)(e->snr * wavelet((double)n / p->rate_hz - t0, e->f_hz, EVENT_CYCLES));
    }
}

void mr_synth_tube_at(const mr_synth_spec *p, mr_synth_tube *t)
{
    *t = (mr_synth_tube){.first_s = 5,
                         .every_s = TUBE_EVERY,
                         .speed_m_s = 1450,
                         .f_hz = MR_MIN(12.0, 0.1 * p->rate_hz),
                         .amplitude = 8,
                         .reflection = -0.6};
}

/* Down from channel 0 and back from the last one. */
static void add_tube(const mr_synth_spec *p, int64_t n0, size_t nt, float *dst)
{
    mr_synth_tube w;
    mr_synth_tube_at(p, &w);
    const double length = (double)(p->nc - 1) * p->dx_m;
    for (size_t i = 0; i < nt; i++) {
        const double t = (double)(n0 + (int64_t)i) / p->rate_hz - w.first_s;
        const double since = t - w.every_s * floor(t / w.every_s);
        if (t < 0) continue;
        for (uint64_t c = 0; c < p->nc; c++) {
            const double x = (double)c * p->dx_m;
            const double down = wavelet(since - x / w.speed_m_s, w.f_hz, TUBE_CYCLES);
            const double up = wavelet(since - (2 * length - x) / w.speed_m_s, w.f_hz, TUBE_CYCLES);
            dst[i * p->nc + c] += (float)(w.amplitude * (down + w.reflection * up));
        }
    }
}

void mr_synth_leak_at(const mr_synth_spec *p, mr_synth_leak *l)
{
    const double length = (double)p->nc * p->dx_m;
    *l = (mr_synth_leak){.start_s = 0.4 * p->length_s,
                         .end_s = 0.7 * p->length_s,
                         .x_m = 0.62 * length,
                         .half_m = MR_MAX(8 * p->dx_m, 0.02 * length),
                         .f0_hz = 0.15 * p->rate_hz,
                         .f1_hz = 0.3 * p->rate_hz,
                         .rms = 3};
}

/* Tones spread over the band; a channel's are in step with no other's. */
static void add_leak(const mr_synth_spec *p, int64_t n0, size_t nt, float *dst)
{
    mr_synth_leak l;
    mr_synth_leak_at(p, &l);
    for (uint64_t c = 0; c < p->nc; c++) {
        const double u = ((double)c * p->dx_m - l.x_m) / l.half_m, q = 1 - u * u;
        if (q <= 0) continue;
        for (size_t i = 0; i < nt; i++) {
            const double t = (double)(n0 + (int64_t)i) / p->rate_hz;
            double sum = 0;
            if (t < l.start_s || t >= l.end_s) continue;
            for (uint64_t k = 0; k < LEAK_TONES; k++) {
                const double place =
                    ((double)k + mr_synth_unit(p->seed, 36, c * LEAK_TONES + k)) / LEAK_TONES;
                const double f = l.f0_hz + (l.f1_hz - l.f0_hz) * place;
                sum += mr_synth_sin(f * t + mr_synth_unit(p->seed, 37, c * LEAK_TONES + k));
            }
            /* of a tone the mean square is a half */
            dst[i * p->nc + c] += (float)(l.rms * q * q * sum * sqrt(2.0 / LEAK_TONES));
        }
    }
}

mr_synth_bad mr_synth_bad_channels(const mr_synth_spec *p)
{
    return (mr_synth_bad){
        .dead = p->nc / 4, .clipped = p->nc / 2, .spiky = 3 * p->nc / 4, .clip = CLIP_AT};
}

static void spoil(const mr_synth_spec *p, int64_t n0, size_t nt, float *dst)
{
    const mr_synth_bad bad = mr_synth_bad_channels(p);
    for (size_t i = 0; i < nt; i++) {
        float *row = dst + i * p->nc;
        const double u = mr_synth_unit(p->seed, 35, (uint64_t)(n0 + (int64_t)i));
        row[bad.dead] = 0;
        row[bad.clipped] = (float)MR_MAX(MR_MIN((double)row[bad.clipped], CLIP_AT), -CLIP_AT);
        if (u * SPIKE_ONE_IN < 1) row[bad.spiky] += (float)SPIKE;
    }
}

void mr_synth_extras(const mr_synth_spec *p, int64_t n0, size_t nt, float *dst)
{
    for (uint64_t k = 0; k < p->n_events; k++) {
        mr_synth_event e;
        mr_synth_event_at(p, k, &e);
        add_event(p, &e, n0, nt, dst);
    }
    if (p->model & MR_SYNTH_TUBE) add_tube(p, n0, nt, dst);
    if (p->model & MR_SYNTH_LEAK) add_leak(p, n0, nt, dst);
    if (p->model & MR_SYNTH_BAD) spoil(p, n0, nt, dst);
}
