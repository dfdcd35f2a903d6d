/* in/layouts/terra15.c: Terra15 Treble, file versions 4 to 6. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_ROWS 65536

static bool is_terra15(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_has(h, "@acoustic_bandwidth_end") && mr_h5_has(h, "@amplifier_incoming_current") &&
           mr_h5_has(h, "@file_start_computer_time") && mr_h5_has(h, "@file_version");
}

typedef struct run {
    bool found, over;
    uint64_t first, end;
} run;

static void scan(run *r, const double *t, uint64_t at, uint64_t n)
{
    for (uint64_t i = 0; i < n && !r->over; i++) {
        if (!(t[i] > 0)) {
            r->over = r->found;
            continue;
        }
        if (!r->found) r->first = at + i;
        r->found = true;
        r->end = at + i + 1;
    }
}

/** The run of stamps above 0: files are allocated ahead, unused rows have 0 (or NaN). */
static bool valid_run(const mr_h5 *h, const char *where, uint64_t *first, uint64_t *n)
{
    uint64_t total = mr_h5_count(h, where);
    run r = {0};
    double *t = malloc(SCAN_ROWS * sizeof *t);
    for (uint64_t at = 0; t && at < total && !r.over; at += SCAN_ROWS) {
        uint64_t k = MR_MIN(total - at, (uint64_t)SCAN_ROWS);
        if (!mr_h5_f64s(h, where, at, k, t)) break;
        scan(&r, t, at, k);
    }
    free(t);
    *first = r.first;
    *n = r.end - r.first;
    return r.found;
}

static mr_status read_time(const mr_h5 *h, mr_find *f, const char *group)
{
    char where[600];
    double dt = 0;
    uint64_t n = 0;
    snprintf(where, sizeof where, "%s/gps_time", group);
    if (!valid_run(h, where, &f->row0, &n)) {
        snprintf(where, sizeof where, "%s/posix_time", group);
        if (!valid_run(h, where, &f->row0, &n))
            return MR_RAISE(MR_EINPUT, "no valid time stamps (gps_time, posix_time)");
        mr_assume(f, "time of the recorder's computer (no gps_time)");
    }
    if (f->row0 >= f->dims[0]) return MR_RAISE(MR_EINPUT, "no samples under the valid time stamps");
    if (n > f->dims[0] - f->row0) mr_odd(f, "clock: more time stamps than samples");
    f->nt = n = MR_MIN(n, f->dims[0] - f->row0);
    mr_clock_stamps(&f->clock, where, 1e9);
    f->clock.stamps.first = f->row0;
    f->clock.stamps.n = n;
    snprintf(where, sizeof where, "%s@dT", f->path);
    if (!mr_h5_f64(h, where, &dt)) mr_h5_f64(h, "@dt_computer", &dt);
    if (dt > 0) mr_clock_rate(&f->clock, "dT", 1 / dt);
    return MR_OK;
}

/** Groups of samples with their own times. */
static size_t list_products(const mr_infile *src, size_t max, char **v)
{
    static const char *const times[] = {"gps_time", "posix_time"};
    const mr_h5 *h = src->h5;
    const size_t n = mr_h5_members(h, "/", max, v);
    char path[100];
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool yes = strlen(v[i]) < 64;
        snprintf(path, sizeof path, "%.64s/data", v[i]);
        yes = yes && mr_h5_has(h, path);
        bool timed = false;
        for (size_t k = 0; yes && k < 2; k++) {
            snprintf(path, sizeof path, "%.64s/%s", v[i], times[k]);
            timed = timed || mr_h5_has(h, path);
        }
        if (timed)
            v[kept++] = v[i];
        else
            free(v[i]);
    }
    return kept;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    mr_file_info *o = f->info;
    char group[65] = "data_product", path[160], unit[64] = "", product[64] = "";
    mr_h5_text(h, "@data_product", 0, product, sizeof product);
    if (f->want)
        snprintf(group, sizeof group, "%s", f->want);
    else if (!mr_h5_has(h, "data_product/data"))
        memcpy(group, product, sizeof product);
    /* what the root says of its product it does not say of another one */
    const bool other = strcmp(group, "data_product") != 0 && strcmp(group, product) != 0;
    if (other) snprintf(product, sizeof product, "%.63s", group);
    snprintf(path, sizeof path, "%s/data", group);
    MR_TRY(mr_find_data(h, f, path));
    MR_TRY(read_time(h, f, group));
    snprintf(path, sizeof path, "%s/data@dx", group);
    if (!mr_h5_f64(h, "@dx", &o->dx_m)) mr_h5_f64(h, path, &o->dx_m);
    mr_h5_f64(h, "@sensing_range_start", &o->x0_m);
    mr_h5_f64(h, "@gauge_length", &o->gauge_m);
    snprintf(path, sizeof path, "%s@data_product_units", other ? group : "");
    mr_h5_text(h, path, 0, unit, sizeof unit);
    mr_set_unit(f, unit, 1);
    mr_set_quantity(f, product);
out:
    return st;
}

const mr_layout mr_layout_terra15 = {"terra15",         "Terra15",
                                     .hdf5 = true,      .recognise = is_terra15,
                                     .read = read_file, .list = list_products};
