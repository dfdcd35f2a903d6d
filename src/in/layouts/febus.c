/* in/layouts/febus.c: Febus A1: /UNIT/SourceN/ZoneM/DATASET of [block][row][channel], of which a
 * block overlaps the next, and /UNIT/SourceN/time, a stamp for each block. Each zone is a dataset
 * of its own. What of a block counts is told by its period and the step of its rows; what the file
 * says of overlap is compared with that.
 *
 * Stamps are of a block's middle and tremble by a few rows; a line through them tells where blocks
 * are missing, the rows between go by the stated step. */
#include "in/clock/line.h"
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES = 64, MOST_BLOCKS = 1 << 22 };
#define AGREE 0.02 /* period and rows of a block */

static bool is_febus(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    char *top[8], where[300];
    size_t n = mr_h5_members(h, "/", 8, top);
    bool yes = false;
    for (size_t i = 0; i < n; i++) {
        snprintf(where, sizeof where, "%.200s/Source1@WholeExtent", top[i]);
        yes = yes || mr_h5_has(h, where);
        free(top[i]);
    }
    return yes;
}

/** The one dataset of a zone that is samples; false: it holds none of ours. */
static bool samples_of(const mr_h5 *h, const char *zone, char *path, size_t size)
{
    char *v[MOST_NAMES], where[400];
    size_t n = mr_h5_members(h, zone, MOST_NAMES, v), found = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(where, sizeof where, "%.180s/%.200s", zone, v[i]);
        hid_t d = -1;
        unsigned rank = 0;
        uint64_t dims[3];
        if (mr_h5_dataset(h, where, &d) == MR_OK && mr_h5_shape(d, 3, &rank, dims) == MR_OK &&
            rank == 3 && found++ == 0)
            snprintf(path, size, "%s", where);
        if (d >= 0) H5Oclose(d);
        mr_error_clear();
        free(v[i]);
    }
    return found == 1;
}

/** Zones with samples: "fa1-1/Source1/Zone1". */
static size_t list_zones(const mr_infile *src, size_t max, char **v)
{
    const mr_h5 *h = src->h5;
    char *unit[8], *source[8], *zone[MOST_NAMES], at[200], path[400];
    size_t n = 0, nu = mr_h5_members(h, "/", 8, unit);
    for (size_t u = 0; u < nu; u++) {
        const size_t ns = mr_h5_members(h, unit[u], 8, source);
        for (size_t s = 0; s < ns; s++) {
            snprintf(at, sizeof at, "%.60s/%.60s", unit[u], source[s]);
            const size_t nz = mr_h5_members(h, at, MOST_NAMES, zone);
            for (size_t z = 0; z < nz; z++) {
                snprintf(at, sizeof at, "%.60s/%.60s/%.60s", unit[u], source[s], zone[z]);
                if (n < max && strncmp(zone[z], "Zone", 4) == 0 &&
                    samples_of(h, at, path, sizeof path) && mr_strdup(at, &v[n]) == MR_OK)
                    n++;
                free(zone[z]);
            }
            free(source[s]);
        }
        free(unit[u]);
    }
    return n;
}

static bool of_zone(const mr_h5 *h, const char *zone, const char *name, uint64_t n, double *v)
{
    char where[300];
    snprintf(where, sizeof where, "%.200s@%s", zone, name);
    return mr_h5_count(h, where) >= n && mr_h5_f64s(h, where, 0, n, v);
}

/** What a file says of its blocks. */
typedef struct blocks {
    uint64_t n, pad;            /* as stored: blocks, rows of one */
    double step_ns;             /* of rows */
    double period_ns, shift_ns; /* of blocks; from the first row of one to its stamp */
    double *t_ns;               /* [n] stamps since base_ns */
    int64_t base_ns;
    mr_line line;
} blocks;

/** Stamps, seconds since 1970 as float64. */
static mr_status read_stamps(const mr_h5 *h, const char *zone, blocks *b)
{
    mr_status st = MR_OK;
    char where[300];
    const char *slash = strrchr(zone, '/');
    snprintf(where, sizeof where, "%.*s/time", slash ? (int)(slash - zone) : 0, zone);
    const uint64_t n = mr_h5_count(h, where);
    if (n != b->n || n > MOST_BLOCKS)
        return MR_RAISE(MR_EINPUT, "%llu time stamps for %llu blocks", (unsigned long long)n,
                        (unsigned long long)b->n);
    MR_TRY(mr_alloc_f64((size_t)n, "stamps", &b->t_ns));
    if (!mr_h5_f64s(h, where, 0, n, b->t_ns) || !mr_ns_of_s(b->t_ns[0], &b->base_ns))
        return MR_RAISE(MR_EINPUT, "its time stamps cannot be read");
    const double first = b->t_ns[0];
    for (uint64_t i = 0; i < n; i++) b->t_ns[i] = (b->t_ns[i] - first) * 1e9;
    if (n < 3) return MR_OK;
    MR_TRY(mr_line_of(b->t_ns, (size_t)n, 240, &b->line)); /* float64 of today: 240 ns */
    if (b->line.fault) st = MR_RAISE(MR_EINPUT, "its time stamps make no clock");
out:
    return st;
}

static mr_status read_steps(const mr_h5 *h, const char *zone, blocks *b, mr_find *f)
{
    double spacing[2] = {0}, rate = 0, block_rate = 0, origin[2] = {0}, span = 0, extent[4];
    char where[300];
    snprintf(where, sizeof where, "%.200s@Version", zone);
    const bool versioned = mr_h5_has(h, where);
    of_zone(h, zone, "Spacing", 2, spacing);
    of_zone(h, zone, "SamplingRate", 1, &rate);
    b->step_ns = !versioned && rate > 0 && rate < 1e8 ? 1e9 / rate : spacing[1] * 1e6;
    if (versioned && of_zone(h, zone, "Extent", 4, extent) &&
        extent[3] - extent[2] + 1 != (double)b->pad)
        mr_odd(f, "Extent says %.0f rows a block, %llu are stored", extent[3] - extent[2] + 1,
               (unsigned long long)b->pad);
    if (!(b->step_ns >= 1)) return MR_RAISE(MR_EINPUT, "no step of its rows (Spacing)");
    if (of_zone(h, zone, "Origin", 2, origin)) b->shift_ns = -origin[1] * 1e6;
    if (of_zone(h, zone, "BlockRate", 1, &block_rate) && block_rate > 0)
        b->period_ns = 1e12 / block_rate; /* mHz */
    else if (b->line.n_pieces)
        b->period_ns = mr_line_step(&b->line, &span);
    else if (b->n == 2)
        b->period_ns = b->t_ns[1];
    return MR_OK;
}

/** Which rows of a block count: as many as fit its period, in its middle. */
static mr_status choose_rows(const mr_h5 *h, const char *zone, blocks *b, mr_find *f)
{
    double overlap = -1;
    if (!of_zone(h, zone, "BlockOverlap", 1, &overlap)) of_zone(h, zone, "Overlap", 1, &overlap);
    const double told = overlap >= 0 ? round((double)b->pad / (1 + overlap / 100)) : 0;
    double keep = b->period_ns > 0 ? round(b->period_ns / b->step_ns) : told;
    if (!(keep >= 1))
        return MR_RAISE(MR_EINPUT, "one block, and nothing says how much of it is its own");
    if (keep > (double)b->pad * (1 + AGREE) ||
        (b->period_ns > 0 && fabs(keep * b->step_ns / b->period_ns - 1) > AGREE))
        return MR_RAISE(MR_EINPUT, "blocks of %llu rows of %.6g ms come every %.6g ms",
                        (unsigned long long)b->pad, b->step_ns * 1e-6, b->period_ns * 1e-6);
    keep = fmin(keep, (double)b->pad);
    if (told >= 1 && told != keep)
        mr_odd(
            f,
            "an overlap of %g %% leaves %.0f rows of %llu, the blocks' period %.0f, which counts",
            overlap, told, (unsigned long long)b->pad, keep);
    f->info->store.keep = (uint32_t)keep;
    f->info->store.lead = (uint32_t)((b->pad - (uint64_t)keep) / 2);
    f->nt = b->n * (uint64_t)keep;
    return MR_OK;
}

/** Times of the first and the last row of each stretch of blocks. */
static mr_status set_clock(const blocks *b, mr_find *f)
{
    mr_status st = MR_OK;
    mr_tie_points *t = &f->clock.ties;
    const uint64_t keep = f->info->store.keep;
    const double lead_ns = f->info->store.lead * b->step_ns - b->shift_ns;
    const mr_piece all = {.nt = b->n};
    const mr_piece *p = b->line.n_pieces ? b->line.piece : &all;
    const size_t n = MR_MAX(b->line.n_pieces, (size_t)1);
    MR_TRY(mr_alloc(2 * n, sizeof *t->row, "tie points", &t->row));
    MR_TRY(mr_alloc(2 * n, sizeof *t->t_ns, "tie points", &t->t_ns));
    for (size_t i = 0; i < n; i++) {
        const uint64_t rows = p[i].nt * keep;
        for (int end = 0; end < (rows > 1 ? 2 : 1); end++) {
            const uint64_t k = end ? rows - 1 : 0;
            t->row[t->n] = p[i].row * keep + k;
            t->t_ns[t->n++] = llround(b->t_ns[p[i].row] + lead_ns + (double)k * b->step_ns);
        }
    }
    t->epoch_ns = b->base_ns;
    t->res_ns = 240;
    mr_clock_rate(&f->clock, "Spacing", 1e9 / b->step_ns);
    if (n > 1) mr_odd(f, "clock: blocks are missing at %zu places", n - 1);
out:
    return st;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    mr_status st = MR_OK;
    const mr_h5 *h = src->h5;
    mr_file_info *o = f->info;
    blocks b = {0};
    char path[400] = "";
    double extent[1] = {0}, v[1] = {0};
    if (!f->want || !samples_of(h, f->want, path, sizeof path))
        return MR_RAISE(MR_EINPUT, "no zone with one array of blocks");
    MR_TRY(mr_find_frames(h, f, path));
    b.pad = o->store.pad;
    b.n = f->dims[0] / b.pad;
    MR_TRY(read_stamps(h, f->want, &b));
    MR_TRY(read_steps(h, f->want, &b, f));
    MR_TRY(choose_rows(h, f->want, &b, f));
    MR_TRY(set_clock(&b, f));
    if (of_zone(h, f->want, "Spacing", 1, v)) o->dx_m = v[0];
    if (of_zone(h, f->want, "Extent", 1, extent)) o->x0_m = extent[0] * o->dx_m;
    if (of_zone(h, f->want, "Origin", 1, v)) o->x0_m += v[0];
    if (of_zone(h, f->want, "GaugeLength", 1, v)) o->gauge_m = v[0];
    const char *name = strrchr(path, '/') + 1;
    const bool rate = strncmp(name, "StrainRate", 10) == 0 || strncmp(name, "SR_", 3) == 0;
    mr_set_unit(f, rate ? "nanostrain/s" : "", 1);
    if (rate) mr_assume(f, "nanostrain a second");
    if (!rate) mr_set_quantity(f, name);
out:
    mr_line_fini(&b.line);
    free(b.t_ns);
    return st;
}

const mr_layout mr_layout_febus = {"febus",           "Febus A1",
                                   .hdf5 = true,      .recognise = is_febus,
                                   .read = read_file, .list = list_zones};
