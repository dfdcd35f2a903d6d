/* in/layouts/prodml.c: PRODML 2.0 and 2.1: Silixa, OptaSense, Sintela, our own `synth`. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_prodml(const mr_infile *src)
{
    const mr_h5 *h = src->h5;
    return mr_h5_is_group(h, "Acquisition") && mr_h5_has(h, "Acquisition@NumberOfLoci") &&
           (mr_h5_has(h, "Acquisition@schemaVersion") || mr_h5_has(h, "Acquisition@PulseRate"));
}

/** The Raw groups that hold samples. */
static size_t list_groups(const mr_infile *src, size_t max, char **v)
{
    const mr_h5 *h = src->h5;
    char path[300];
    const size_t n = mr_h5_members(h, "Acquisition", max, v);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "Acquisition/%.200s/RawData", v[i]);
        if (strncmp(v[i], "Raw", 3) == 0 && mr_h5_has(h, path))
            v[kept++] = v[i];
        else
            free(v[i]);
    }
    return kept;
}

/** Axis order from RawData@Dimensions, else from NumberOfLoci. */
static mr_status find_axes(const mr_h5 *h, mr_find *f, const char *raw)
{
    char where[600], a[64] = "";
    int64_t loci = 0;
    snprintf(where, sizeof where, "%s@Dimensions", f->path);
    if (mr_h5_text(h, where, 0, a, sizeof a) && *a) {
        f->time_first = strncmp(a, "locus", 5) != 0;
        return MR_OK;
    }
    snprintf(where, sizeof where, "%s@NumberOfLoci", raw);
    if (!mr_h5_i64(h, where, &loci)) mr_h5_i64(h, "Acquisition@NumberOfLoci", &loci);
    bool first = (uint64_t)loci == f->dims[0], second = (uint64_t)loci == f->dims[1];
    if (first == second)
        return MR_RAISE(MR_EINPUT, "axes unknown: no Dimensions, %lld loci, %llu x %llu samples",
                        (long long)loci, (unsigned long long)f->dims[0],
                        (unsigned long long)f->dims[1]);
    f->time_first = second;
    mr_assume(f, "axis order from NumberOfLoci");
    return MR_OK;
}

/** The vector of microseconds, the texts of first and last sample, the stated rate. */
static void read_time(const mr_h5 *h, mr_find *f, const char *raw)
{
    char where[600], times[560];
    static const char *const name[2] = {"PartStartTime", "PartEndTime"};
    mr_clock *c = &f->clock;
    int64_t t = 0;
    double rate = 0;
    snprintf(times, sizeof times, "%s/RawDataTime", raw);
    for (int i = 0; i < 2; i++) {
        snprintf(where, sizeof where, "%s@%s", times, name[i]);
        bool have = mr_time_fact(h, where, &t);
        snprintf(where, sizeof where, "%s@%s", f->path, name[i]);
        if (!have && !mr_time_fact(h, where, &t)) continue;
        i ? mr_clock_end(c, name[i], t) : mr_clock_start(c, name[i], t);
    }
    mr_clock_stamps(c, times, 1e3);
    c->stamps.unit_open = c->stamps.since_start = true;
    snprintf(where, sizeof where, "%s@OutputDataRate", raw);
    if (mr_h5_f64(h, where, &rate) && rate > 0) mr_clock_rate(c, "OutputDataRate", rate);
}

/** A length in the unit that stands beside it: X.uom of 2.1, XUnit of 2.0; metres if none does. */
static void length_fact(const mr_h5 *h, mr_find *f, const char *name, double *out)
{
    char where[100], unit[32] = "";
    double m = 1;
    snprintf(where, sizeof where, "Acquisition@%s", name);
    if (!mr_h5_f64(h, where, out)) return;
    for (size_t i = 0; i < 2 && !*unit; i++) {
        char at[120];
        snprintf(at, sizeof at, i ? "%sUnit" : "%s.uom", where);
        mr_h5_text(h, at, 0, unit, sizeof unit);
    }
    if (*unit) m = mr_metres_per(unit);
    if (m == 0) mr_odd(f, "place: %s in '%.20s', taken for metres", name, unit);
    if (m != 0 && m != 1) *out *= m;
}

static mr_status read_file(const mr_infile *src, mr_find *f)
{
    const mr_h5 *h = src->h5;
    mr_status st = MR_OK;
    char raw[256], where[600], unit[64] = "", what[64];
    int64_t first = 0, loci = 0;
    mr_file_info *o = f->info;
    if (!f->want) return MR_RAISE(MR_EINPUT, "PRODML without samples (no Raw[i]/RawData)");
    snprintf(raw, sizeof raw, "Acquisition/%.200s", f->want);
    snprintf(where, sizeof where, "%s/RawData", raw);
    MR_TRY(mr_find_data(h, f, where));
    MR_TRY(find_axes(h, f, raw));
    read_time(h, f, raw);
    length_fact(h, f, "SpatialSamplingInterval", &o->dx_m);
    snprintf(where, sizeof where, "%s@StartLocusIndex", raw);
    if (!mr_h5_i64(h, where, &first)) mr_h5_i64(h, "Acquisition@StartLocusIndex", &first);
    o->x0_m = (double)first * o->dx_m;
    length_fact(h, f, "GaugeLength", &o->gauge_m);
    snprintf(where, sizeof where, "%s@NumberOfLoci", raw);
    const uint64_t nc = f->dims[f->time_first ? 1 : 0];
    if (mr_h5_i64(h, where, &loci) && (uint64_t)loci != nc)
        mr_odd(f, "place: NumberOfLoci %lld, %llu channels", (long long)loci,
               (unsigned long long)nc);
    snprintf(where, sizeof where, "%s@RawDataUnit", raw);
    mr_h5_text(h, where, 0, unit, sizeof unit);
    mr_set_unit(f, unit, 1);
    snprintf(where, sizeof where, "%s@RawDescription", raw);
    if (mr_h5_text(h, where, 0, what, sizeof what)) mr_set_quantity(f, what);
out:
    return st;
}

const mr_layout mr_layout_prodml = {"prodml",          "PRODML",
                                    .hdf5 = true,      .recognise = is_prodml,
                                    .read = read_file, .list = list_groups};
