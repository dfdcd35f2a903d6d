/* tests/unit/write_lane.c: not a test by itself: writes lane files for
 * tests/e2e/test_output_shape.py. write_lane FOLDER KIND: two lanes of 5 s (strips of 40 channels),
 * master and index. KIND: plain, deflate, geometry (a latitude per channel), drift (every stamp off
 * the line, one step), thirds (3 Hz),
 * unit:TEXT (the samples' unit). */
#include "lane_sample.h"

#define T0 INT64_C(1767225600123456789) /* 2026-01-01T00:00:00.123456789Z */

static void shape(lane_sample *s, const char *kind)
{
    s->spec.deflate = strcmp(kind, "deflate") == 0;
    if (strcmp(kind, "geometry") == 0) s->spec.latitude = s->latitude;
    for (int t = 0; t < SAMPLE_ROWS; t++) {
        if (strcmp(kind, "drift") == 0) /* 12 ppm slow until row 200, 30 ms late after it */
            s->time_ns[t] += t * INT64_C(120) + (t > 200 ? 30000000 : 0);
        if (strcmp(kind, "thirds") == 0) s->time_ns[t] = T0 + (t * INT64_C(1000000000) + 1) / 3;
    }
    if (strcmp(kind, "thirds") == 0) s->spec.rate_hz = 3;
    if (strncmp(kind, "unit:", 5) == 0) s->spec.unit = kind + 5;
}

int main(int argc, char **argv)
{
    static const char *const rels[2] = {
        "lanes/2026-01-01/20260101T000000.123456789Z_c00100-00140.h5",
        "lanes/2026-01-01/20260101T000000.123456789Z_c00140-00180.h5"};
    mr_lane_entry e[2];
    mr_digest plan = mr_digest_of("plan", 4);
    bool adopted;
    mr_status st = MR_OK;
    if (argc < 3)
        return 0; /* nothing to do without a folder: `make unit` runs every program here */
    for (int i = 0; i < 2 && st == MR_OK; i++) {
        lane_sample *s = lane_sample_new(argv[1], rels[i], T0);
        shape(s, argv[2]);
        for (int c = 0; c < SAMPLE_NC; c++) s->distance_m[c] += 160 * i;
        e[i] = (mr_lane_entry){.rel = rels[i],
                               .t0_ns = s->time_ns[0],
                               .t1_ns = s->time_ns[SAMPLE_ROWS - 1],
                               .rows = SAMPLE_ROWS,
                               .c0 = 100 + 40 * (uint64_t)i,
                               .c1 = 140 + 40 * (uint64_t)i,
                               .rate_hz = s->spec.rate_hz,
                               .quantity = "strain_rate",
                               .unit = "strain s-1"};
        st = lane_sample_write(s, 100, &e[i].digest, &adopted);
        free(s);
    }
    if (st == MR_OK) st = mr_master_write(argv[1], e, 2, &plan);
    if (st == MR_OK) st = mr_index_write(argv[1], e, 2);
    if (st != MR_OK) fprintf(stderr, "%s\n", mr_error());
    return (int)st;
}
