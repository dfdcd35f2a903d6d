/* in/layouts/prodml.c: PRODML 2.0 and 2.1: Silixa, OptaSense, Sintela, our own `synth`. */
#include "in/layout.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool mr_is_prodml(const mr_h5 *h)
{
    return mr_h5_is_group(h, "Acquisition") && mr_h5_has(h, "Acquisition@NumberOfLoci") &&
           (mr_h5_has(h, "Acquisition@schemaVersion") || mr_h5_has(h, "Acquisition@PulseRate"));
}

/** The Raw groups that hold samples. */
size_t mr_list_prodml(const mr_h5 *h, size_t max, char **v)
{
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

/** Stamps: ISO text of first and last sample, or the vector of microseconds. */
static void read_stamps(const mr_h5 *h, const char *raw, const char *data, uint64_t n, bool *have,
                        int64_t t[2], bool *vector)
{
    char where[600], times[560];
    static const char *const name[2] = {"PartStartTime", "PartEndTime"};
    int64_t us[2] = {0, 0};
    *vector = false;
    snprintf(times, sizeof times, "%s/RawDataTime", raw);
    for (int i = 0; i < 2; i++) {
        snprintf(where, sizeof where, "%s@%s", times, name[i]);
        have[i] = mr_time_fact(h, where, &t[i]);
        snprintf(where, sizeof where, "%s@%s", data, name[i]);
        if (!have[i]) have[i] = mr_time_fact(h, where, &t[i]);
    }
    if (mr_h5_count(h, times) != n || !mr_h5_i64s(h, times, 0, 1, &us[0]) ||
        !mr_h5_i64s(h, times, n - 1, 1, &us[1]) || llabs(us[0]) > (1ll << 52) ||
        llabs(us[1]) > (1ll << 52))
        return;
    int64_t step = n > 1 ? (us[1] - us[0]) / (int64_t)(n - 1) * 1000 : 0;
    bool near = have[0] && have[1] && llabs(us[1] * 1000 - t[1]) <= 10 * step;
    if ((!have[0] || near) && us[0] > 0) {
        t[0] = us[0] * 1000;
        t[1] = us[1] * 1000;
        have[0] = have[1] = *vector = true;
    }
}

static mr_status read_time(const mr_h5 *h, mr_find *f, const char *raw)
{
    char where[600];
    mr_file_info *o = f->info;
    uint64_t n = f->dims[f->time_first ? 0 : 1];
    bool have[2], vector;
    int64_t t[2] = {0, 0};
    double nominal = 0;
    read_stamps(h, raw, f->path, n, have, t, &vector);
    snprintf(where, sizeof where, "%s@OutputDataRate", raw);
    if (!mr_h5_f64(h, where, &nominal) || nominal <= 0) nominal = 0;
    f->have_t0 = have[0];
    o->t0_ns = t[0];
    double measured = have[0] && have[1] ? mr_rate_of(t[0], t[1], n) : 0;
    if (measured > 0 && nominal > 0 && !vector &&
        fabs((double)n / ((double)(t[1] - t[0]) / 1e9) / nominal - 1) < 1e-9) {
        t[1] -= llround(1e9 / nominal); /* PartEndTime is one sample past the last */
        measured = nominal;
        mr_assume(f, "PartEndTime is the end of the last sample");
    }
    o->t1_ns = have[1] ? t[1] : 0;
    double span = (double)(t[1] - t[0]) / 1e9;
    o->rate_hz = nominal > 0 ? nominal : mr_round_rate(measured, span, 2e-6); /* whole us */
    if (measured > 0 && nominal > 0 && fabs(measured / nominal - 1) > 1e-3) {
        o->rate_hz = measured;
        mr_odd(f, "OutputDataRate %g Hz, stamps give %.9g Hz", nominal, measured);
    }
    if (o->rate_hz <= 0 && mr_h5_f64(h, "Acquisition@PulseRate", &o->rate_hz))
        mr_assume(f, "rate = PulseRate");
    return MR_OK;
}

mr_status mr_read_prodml(const mr_h5 *h, mr_find *f)
{
    mr_status st = MR_OK;
    char raw[256], where[600], unit[64] = "", what[64];
    int64_t first = 0;
    mr_file_info *o = f->info;
    if (!f->want) return MR_RAISE(MR_EINPUT, "PRODML without samples (no Raw[i]/RawData)");
    snprintf(raw, sizeof raw, "Acquisition/%.200s", f->want);
    snprintf(where, sizeof where, "%s/RawData", raw);
    MR_TRY(mr_find_data(h, f, where));
    MR_TRY(find_axes(h, f, raw));
    MR_TRY(read_time(h, f, raw));
    mr_h5_f64(h, "Acquisition@SpatialSamplingInterval", &o->dx_m);
    snprintf(where, sizeof where, "%s@StartLocusIndex", raw);
    if (!mr_h5_i64(h, where, &first)) mr_h5_i64(h, "Acquisition@StartLocusIndex", &first);
    o->x0_m = (double)first * o->dx_m;
    mr_h5_f64(h, "Acquisition@GaugeLength", &o->gauge_m);
    snprintf(where, sizeof where, "%s@RawDataUnit", raw);
    mr_h5_text(h, where, 0, unit, sizeof unit);
    mr_set_unit(f, unit, 1);
    snprintf(where, sizeof where, "%s@RawDescription", raw);
    if (mr_h5_text(h, where, 0, what, sizeof what)) mr_set_quantity(f, what);
out:
    return st;
}
