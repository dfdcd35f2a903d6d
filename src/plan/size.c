/* plan/size.c: how long lanes are and how wide. Both follow from what a lane reads and writes, that
 * is from chain, rate and channels alone: never from ranks, nor from the length of the archive, so
 * that a new day leaves old lanes as they are. */
#include "plan/plan.h"
#include <math.h>

#define MINUTE_NS ((int64_t)60 * 1000000000)
#define DAY_NS (1440 * MINUTE_NS)
/* Below the floor, file systems and readers suffer from the number of files; beyond the ceiling one
 * rank works for an hour at what nobody else can take from it. */
#define FLOOR_ROWS 1000.0
#define FLOOR_BYTES (16.0 * 1048576.0)
#define CEILING_BYTES (8.0 * 1073741824.0)
enum { STRIP_ROW = 4096 };

/* Ends of lanes, in minutes of UTC: multiples of one of these. */
static const int grids[] = {1, 2, 5, 10, 15, 30, 60, 120, 360, 720, 1440, 10080, 40320, 524160};
enum { N_GRIDS = sizeof grids / sizeof *grids };

/** Halos of a lane; where lanes keep sums for the end, long enough that these are at most a
 * fortieth of the samples they came from: they are written, read again and merged. */
static double overhead_s(const mr_array *a)
{
    const mr_needs *d = mr_chain_reduces(a->chain);
    double s = a->before_s + a->after_s;
    if (mr_chain_picks(a->chain))
        s += (d->cells_before + d->cells_after) * 1e-9 * (double)d->row_ns;
    if (d && d->row_ns == MR_ALL) {
        const double bytes = (double)mr_geom_depth(mr_chain_out(a->chain)) * sizeof(double);
        s = MR_MAX(s, 4.0 * bytes / (a->in.rate_hz * sizeof(float)));
    }
    return s;
}

/** What a second of time is read as, and what it comes to. */
typedef struct flow {
    double in_bytes, out_bytes, rows; /* a second */
} flow;

static flow flow_of(const mr_array *a)
{
    const mr_needs *d = mr_chain_reduces(a->chain);
    const mr_row_shape shape = mr_array_shape(a);
    const uint64_t read = a->even ? a->nc : a->sel.n;
    flow f = {.in_bytes = a->in.rate_hz * (double)(read * a->facts.store.dtype.size)};
    f.rows = d ? 1e9 / (double)d->row_ns : mr_chain_out(a->chain)->rate_hz;
    if (d && (d->row_ns == MR_ALL || mr_chain_picks(a->chain)))
        f.rows = INFINITY; /* nothing is gained by longer lanes */
    f.out_bytes = f.rows * (double)mr_shape_bytes(&shape, a->out_nc);
    return f;
}

/** The shortest grid of whole windows whose halos are under a tenth of it, a day at most; from
 *  there on up to enough rows and bytes, as long as that does not make the input too large. */
static int64_t grid_of(const mr_array *a)
{
    const double halo_s = overhead_s(a);
    const int64_t unit_ns = mr_chain_unit_ns(a->chain);
    const flow f = flow_of(a);
    int64_t best = 0;
    for (size_t i = 0; i < N_GRIDS; i++) {
        const int64_t grid_ns = grids[i] * MINUTE_NS;
        const double s = 1e-9 * (double)grid_ns;
        if ((halo_s >= 0.1 * s && grid_ns < DAY_NS) || (unit_ns && grid_ns % unit_ns)) continue;
        if (best && f.in_bytes * s > CEILING_BYTES) break;
        best = grid_ns;
        if (f.rows * s >= FLOOR_ROWS && f.out_bytes * s >= FLOOR_BYTES) break;
    }
    if (best) return best;
    const double floor_s = MR_MAX(FLOOR_ROWS / f.rows, FLOOR_BYTES / f.out_bytes);
    double s = MR_MAX(MR_MIN(10 * halo_s, 1e-9 * (double)DAY_NS), 60.0);
    s = MR_MAX(s, MR_MIN(MR_MIN(floor_s, CEILING_BYTES / f.in_bytes), 364 * 86400.0));
    return mr_div_ceil((int64_t)(1e9 * s), unit_ns) * unit_ns;
}

/** Why lanes of this array cannot be cut into strips; NULL if they can. */
static const char *bound_together(const mr_array *a)
{
    const mr_needs *reduces = mr_chain_reduces(a->chain);
    for (size_t i = 0; i < mr_chain_n(a->chain); i++)
        if (mr_chain_needs(a->chain, i)->couples) return "the chain couples channels";
    if (reduces && reduces->n_sources) return "the sources are needed for all channels";
    if (!a->even) return "the channels are no even range";
    return NULL;
}

/** The widest strip that a lane reads no more than the ceiling for: whole chunk columns. */
static void strip_of(mr_array *a)
{
    const double lane = flow_of(a).in_bytes * 1e-9 * (double)a->grid_ns;
    if (a->grid_ns == INT64_MAX || lane <= CEILING_BYTES || bound_together(a) || a->sel.step != 1)
        return;
    a->strip_in =
        mr_strip_columns(a, (double)a->nc * CEILING_BYTES / lane, a->facts.store.dtype.size);
}

uint64_t mr_strip_columns(const mr_array *a, double want, size_t cost)
{
    /* by the file that leads the group: later ones, stored otherwise, must not move the strips */
    const double chunk = (double)MR_MAX(a->facts.store.chunk_c, (uint64_t)1);
    const double least = ceil((double)STRIP_ROW / (double)cost / chunk) * chunk;
    const double width = MR_MAX(floor(want / chunk) * chunk, least);
    return width < (double)a->nc ? (uint64_t)width : a->nc;
}

/** The length that the config asks for. */
static mr_status asked_length(const mr_config *cfg, mr_array *a)
{
    const int64_t unit_ns = mr_chain_unit_ns(a->chain);
    const mr_node *at = mr_node_get(mr_node_get(&cfg->root, "output"), "lane");
    if (unit_ns && cfg->lane_ns % unit_ns)
        return MR_RAISE_AT(MR_ECONFIG, at,
                           "output.lane: %g s is no multiple of the %g s that a row of the chain "
                           "stands for",
                           1e-9 * (double)cfg->lane_ns, 1e-9 * (double)unit_ns);
    a->grid_ns = cfg->lane_ns;
    return MR_OK;
}

static mr_status asked_width(const mr_config *cfg, mr_array *a)
{
    const char *why = bound_together(a);
    const mr_node *at = mr_node_get(mr_node_get(&cfg->root, "output"), "strip");
    if (cfg->strip >= a->nc) return MR_OK;
    if (why)
        return MR_RAISE_AT(MR_ECONFIG, at, "output.strip: no strips here: %s; write strip: auto",
                           why);
    a->strip_in = cfg->strip;
    return MR_OK;
}

mr_status mr_lane_size(const mr_config *cfg, mr_array *a)
{
    mr_status st = MR_OK;
    const char *whole;
    const bool one = mr_chain_whole_span(a->chain, &whole);
    a->strip_in = a->nc;
    a->grid_ns = INT64_MAX;
    if (one && cfg->lane_ns)
        return MR_RAISE_AT(MR_ECONFIG, mr_node_get(mr_node_get(&cfg->root, "output"), "lane"),
                           "output.lane: %s needs a span as one lane; write lane: auto", whole);
    if (!one && cfg->lane_ns)
        MR_TRY(asked_length(cfg, a));
    else if (!one)
        a->grid_ns = grid_of(a);
    if (cfg->strip)
        MR_TRY(asked_width(cfg, a));
    else
        strip_of(a);
out:
    return st;
}
