/* plan_rig.h: catalogues of made-up files, and plans over them, for the tests of plan/. */
#ifndef PLAN_RIG_H
#define PLAN_RIG_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "plan/plan.h"

#define S INT64_C(1000000000)
#define T0 (INT64_C(1767225600) * S) /* 2026-01-01T00:00:00Z */

#define MUST(call)                                                                                 \
    do {                                                                                           \
        if ((call) != MR_OK) fail_msg("%s: %s", #call, mr_error());                                \
    } while (0)

/** A file that begins t0_ns after T0: nt samples of 4 float32 channels at 100 Hz, 1 m apart,
 *  contiguous at byte 2048. Change what matters before it is entered. */
static inline mr_file_info recording(int64_t t0_ns, uint64_t nt)
{
    mr_file_info f = {.state = MR_OK,
                      .layout = "prodml",
                      .dataset = "Acquisition/Raw[0]/RawData",
                      .store = {.dtype = {MR_DT_FLOAT, 4, 0, 0},
                                .time_first = 1,
                                .nt = nt,
                                .nc = 4,
                                .offset = 2048},
                      .size = (int64_t)(2048 + nt * 16),
                      .mtime_ns = 7,
                      .inode = 9,
                      .t0_ns = T0 + t0_ns,
                      .nt = nt,
                      .nc = 4,
                      .rate_hz = 100,
                      .dx_m = 1,
                      .gauge_m = 10,
                      .to_native = 1,
                      .quantity = "strain_rate",
                      .unit = "nanostrain/s",
                      .native_quantity = "strain_rate",
                      .native_unit = "nanostrain/s"};
    f.t1_ns = f.t0_ns + (int64_t)(nt - 1) * S / 100;
    return f;
}

/** Files in this order, their names beside them. Settled. */
static inline mr_catalog *catalog(const mr_file_info *f, const char *const *names, size_t n)
{
    mr_strs paths = {0};
    mr_catalog *c = NULL;
    for (size_t i = 0; i < n; i++) MUST(mr_strs_add(&paths, names[i]));
    MUST(mr_catalog_new(&paths, &c));
    for (size_t i = 0; i < n; i++) MUST(mr_catalog_set(c, i, &f[i], 0));
    MUST(mr_catalog_settle(c));
    mr_strs_fini(&paths);
    return c;
}

/** A config whose chain is `chain` in YAML; lanes of a minute, unless output stands in `more`. */
static inline mr_config *config(const char *chain, const char *more)
{
    char text[1024];
    mr_config *c = NULL;
    snprintf(text, sizeof text, "input: {files: x}\nchain: %s\n%s%s", chain,
             strstr(more, "output:") ? "" : "output: {folder: o, lane: 1 min}\n", more);
    MUST(mr_config_parse("x.yaml", text, NULL, 0, &c));
    return c;
}

static inline mr_plan *plan_within(const mr_config *cfg, const mr_catalog *c, size_t limit)
{
    mr_plan *p = NULL;
    MUST(mr_plan_new(cfg, c, limit, (size_t)32 << 20, 2, &p));
    return p;
}
#endif
