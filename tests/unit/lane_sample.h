/* tests/unit/lane_sample.h: a small lane with known content for the tests of the output side. */
#ifndef LANE_SAMPLE_H
#define LANE_SAMPLE_H
#include "out/output.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SAMPLE_ROWS = 500, SAMPLE_NC = 40 };
typedef struct lane_sample {
    int64_t time_ns[SAMPLE_ROWS];
    double distance_m[SAMPLE_NC], latitude[SAMPLE_NC];
    float data[SAMPLE_ROWS * SAMPLE_NC];
    mr_lane_spec spec;
} lane_sample;

/** 100 Hz from t0, channels 4 m apart from 400 m, data[t][c] = t - c / 64. */
static inline lane_sample *lane_sample_new(const char *folder, const char *rel, int64_t t0)
{
    static const char *const lines[] = {"gap 2026-01-01T00:00:01Z 3 samples", "drift 12 ppm"};
    lane_sample *s = calloc(1, sizeof *s);
    if (!s) abort();
    for (int t = 0; t < SAMPLE_ROWS; t++) {
        s->time_ns[t] = t0 + (int64_t)t * 10000000;
        for (int c = 0; c < SAMPLE_NC; c++) s->data[t * SAMPLE_NC + c] = (float)(t - c / 64.0);
    }
    for (int c = 0; c < SAMPLE_NC; c++) s->distance_m[c] = 400 + 4 * c;
    for (int c = 0; c < SAMPLE_NC; c++) s->latitude[c] = 47 + 0.001 * c;
    s->spec = (mr_lane_spec){.folder = folder,
                             .rel = rel,
                             .attempt = "7",
                             .rows = SAMPLE_ROWS,
                             .nc = SAMPLE_NC,
                             .time_ns = s->time_ns,
                             .distance_m = s->distance_m,
                             .rate_hz = 100,
                             .gauge_m = 10,
                             .dx_m = 4,
                             .quantity = "strain_rate",
                             .unit = "strain s-1",
                             .title = "a test",
                             .chain = "decimate factor=5",
                             .inputs = "a.h5 123 20260101T000000Z\n",
                             .ledger = lines,
                             .n_ledger = 2,
                             .plan = mr_digest_of("plan", 4),
                             .lane = mr_digest_of(rel, strlen(rel))};
    return s;
}

/** Create, append in pieces of `step` rows, commit. */
static inline mr_status lane_sample_write(const lane_sample *s, uint64_t step, mr_digest *digest,
                                          bool *adopted)
{
    mr_lane_file *f = NULL;
    mr_status st = mr_lane_create(&s->spec, &f);
    if (st != MR_OK) return st;
    for (uint64_t t = 0; t < s->spec.rows; t += step) {
        uint64_t n = s->spec.rows - t < step ? s->spec.rows - t : step;
        st = mr_lane_append(f, s->data + t * s->spec.nc, n);
        if (st != MR_OK) {
            mr_lane_abort(f);
            return st;
        }
    }
    return mr_lane_commit(f, digest, adopted);
}

/** A new folder under TMPDIR, in buf (>= 64 bytes). */
static inline char *sample_folder(char *buf)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(buf, 64, "%.40s/mr_out_XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(buf)) abort();
    return buf;
}

static inline void sample_remove(const char *folder)
{
    char cmd[256];
    snprintf(cmd, sizeof cmd, "rm -rf -- '%s'", folder);
    if (system(cmd) != 0) fprintf(stderr, "cannot remove %s\n", folder);
}

/** Whole file; free() it. */
static inline unsigned char *sample_slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    unsigned char *p = malloc(*n + 1);
    if (!p || fread(p, 1, *n, f) != *n) abort();
    fclose(f);
    return p;
}

/** XOR one byte of a file. */
static inline void sample_flip(const char *path, size_t at, unsigned char bits)
{
    FILE *f = fopen(path, "r+b");
    if (!f) abort();
    fseek(f, (long)at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, (long)at, SEEK_SET);
    fputc(c ^ bits, f);
    fclose(f);
}
#endif
