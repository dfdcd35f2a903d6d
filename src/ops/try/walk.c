/* ops/try/walk.c: see walk.h. */
#include "ops/try/walk.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "ops/try/cut.h"

enum { NT = 3003, NC = 45 };
static const mr_slab SPAN = {1234567, 1234567 + NT};
const mr_geom mr_try_geom = {.rate_hz = 100,
                             .nc = NC,
                             .dx_m = 1,
                             .unit = "counts",
                             .quantity = "counts",
                             .to_native = 2,
                             .native_unit = "rad",
                             .native_quantity = "phase",
                             .to_strain_rate = 3,
                             .to_strain = 5};

/* Noise, the same everywhere, on a drift ten times as large; channel c is its own. */
static mr_status samples(double **out)
{
    double *x = NULL;
    const mr_status st = mr_alloc_f64((size_t)NT * NC, "a trial", &x);
    uint64_t s = 88172645463325252u;
    if (st != MR_OK) return st;
    for (size_t i = 0; i < (size_t)NT * NC; i++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
        x[i] = (double)(s >> 11) * 0x1p-53 - 0.5 + 10.0 * (double)(i / NC) / NT;
    }
    *out = x;
    return MR_OK;
}

/* Stamps that are 0.3 of a step off at first, and drift by a part in 10,000. */
static void crooked(MR_UNUSED const mr_clock *k, int64_t t_ns, int64_t *n, double *frac)
{
    const int64_t m = mr_index_at(t_ns, mr_try_geom.rate_hz);
    const double off = 0.3 + 1e-4 * (double)(m - SPAN.a);
    *n = m + (int64_t)floor(off);
    *frac = off - floor(off);
}

static double *run(const mr_chain *c, const double *x, const uint8_t *bad, int64_t lane,
                   int64_t block, size_t tile)
{
    const mr_cut_job j = {.chain = c,
                          .span = SPAN,
                          .x = x,
                          .bad = bad,
                          .nc = NC,
                          .lane = lane,
                          .block = block,
                          .tile = tile,
                          .clock = {.place = crooked}};
    return mr_cut_run(&j);
}

static size_t out_size(const mr_chain *c)
{
    return mr_cut_out_rows(c, SPAN) * mr_chain_out(c)->nc;
}

/* Does the memory of any operator fade? Then answers agree to 1e-6 of the peak, else to the bit. */
static bool fades(const mr_chain *c)
{
    bool some = false;
    for (size_t i = 0; i < mr_chain_n(c); i++)
        some = some || mr_chain_needs(c, i)->memory != MR_MEM_NONE;
    return some;
}

/* Does a cut change the rounding of what comes after it? */
static bool rounds(const mr_chain *c)
{
    bool some = fades(c);
    for (size_t i = 0; i < mr_chain_n(c); i++) some = some || mr_chain_needs(c, i)->rounds;
    return some;
}

/* --- finite, and cut anywhere: the law of one answer */

static double peak_of(const mr_chain *c, const double *y, size_t *odd)
{
    double peak = 0;
    *odd = SIZE_MAX;
    for (size_t i = 0; i < out_size(c); i++) {
        if (mr_chain_reduces(c) && isnan(y[i])) continue; /* of a row that is not half there */
        if (!isfinite(y[i])) *odd = MR_MIN(*odd, i);
        peak = fmax(peak, fabs(y[i]));
    }
    return peak;
}

static mr_status walk_cuts(const mr_chain *c, mr_text *say)
{
    static const int64_t cuts[][2] = {{0, 97}, {1003, 0}, {311, 100}, {64, 64}, {0, 1}};
    mr_status st = MR_OK;
    const bool exact = !rounds(c), whole = mr_chain_whole_span(c, NULL);
    double *x = NULL, *ref = NULL, *y = NULL;
    size_t odd;
    MR_TRY(samples(&x));
    ref = run(c, x, NULL, 0, 0, 32);
    const double peak = peak_of(c, ref, &odd);
    if (odd != SIZE_MAX)
        MR_TRY(mr_text_add(say, "value %zu is not finite, or was not written\n", odd));
    if (!(peak > 0)) MR_TRY(mr_text_add(say, "all is 0\n"));
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts && odd == SIZE_MAX; k++) {
        double worst = 0;
        if (cuts[k][1] == 1 && out_size(c) > 1500 * NC) continue; /* slow */
        y = run(c, x, NULL, whole ? 0 : cuts[k][0], cuts[k][1], 32);
        for (size_t i = 0; i < out_size(c); i++)
            worst = isnan(y[i]) == isnan(ref[i]) ? fmax(worst, fabs(y[i] - ref[i])) : INFINITY;
        free(y);
        y = NULL;
        if (worst > (exact ? 0 : 1e-6 * peak))
            MR_TRY(mr_text_add(say,
                               "in lanes of %d and blocks of %d (0: all) it differs by %g of %g; "
                               "%s\n",
                               (int)cuts[k][0], (int)cuts[k][1], worst, peak,
                               exact ? "without memory not a bit may" : "1e-6 of it may"));
    }
out:
    free(x);
    free(ref);
    return st;
}

static mr_status walk_tiles(const mr_chain *c, mr_text *say)
{
    static const size_t widths[] = {1, 7, 16, 64};
    mr_status st = MR_OK;
    double *x = NULL, *ref = NULL;
    MR_TRY(samples(&x));
    ref = run(c, x, NULL, 0, 500, 32);
    for (size_t k = 0; k < 4; k++) {
        double *y = run(c, x, NULL, 0, 500, widths[k]);
        const bool same = memcmp(y, ref, out_size(c) * sizeof *y) == 0;
        free(y);
        if (!same) MR_TRY(mr_text_add(say, "in tiles of %zu channels bits differ\n", widths[k]));
    }
    for (int k = 0; k < 2; k++) { /* as on machines with shorter vectors, or none */
        const char *kind = k ? "plain" : "fma";
        setenv("MILLRACE_SIMD", kind, 1);
        double *y = run(c, x, NULL, 0, 500, 33);
        unsetenv("MILLRACE_SIMD");
        const bool same = memcmp(y, ref, out_size(c) * sizeof *y) == 0;
        free(y);
        if (!same) MR_TRY(mr_text_add(say, "with MILLRACE_SIMD=%s bits differ\n", kind));
    }
out:
    free(x);
    free(ref);
    return st;
}

/* --- what is not finite reaches what is said, and no more: what stands in for bad samples changes
 * nothing outside of what the chain calls spoilt; to 1e-8 of the change where the memory fades
 * (1e-9 of the response is left on each side) */

enum { BAD_A = 1500, BAD_B = 1510 };

/* A channel that anything comes of, and what it reaches. */
static size_t bad_channel(const mr_chain *c, mr_slab *reach)
{
    for (int64_t k = 6; k < NC; k++) {
        *reach = mr_chain_reaches(c, 0, mr_chain_n(c), (mr_slab){k, k + 1});
        if (reach->a < reach->b) return (size_t)k;
    }
    return NC;
}

/* The largest difference outside of what is NaN. */
static double outside(const mr_chain *c, const double *y, const double *ref, const uint8_t *nan)
{
    double worst = 0;
    for (size_t i = 0; i < out_size(c); i++) {
        /* a reducer leaves bad items out */
        const bool inside = mr_chain_reduces(c) ? isnan(y[i]) && isnan(ref[i]) : nan[i];
        if (!inside) worst = isnan(y[i] - ref[i]) ? INFINITY : fmax(worst, fabs(y[i] - ref[i]));
    }
    return worst;
}

static uint8_t *nan_of(const mr_chain *c, const uint8_t *bad)
{
    return mr_cut_nan(&(mr_cut_job){.chain = c, .span = SPAN, .bad = bad, .nc = NC, .tile = 32});
}

static mr_status walk_spoils(const mr_chain *c, mr_text *say)
{
    mr_status st = MR_OK;
    mr_slab ch = {0, 0};
    const bool decides = mr_chain_spoils_from(c, mr_chain_n(c)) > 0;
    const mr_slab bad = {SPAN.a + BAD_A, SPAN.a + BAD_B}, out = mr_chain_out_span(c, SPAN);
    const mr_slab spoilt = mr_chain_spoils(c, 0, mr_chain_n(c), SPAN, bad);
    const size_t at = bad_channel(c, &ch);
    uint8_t *mask = NULL, *nan = NULL;
    double *x = NULL, *ref = NULL, *y = NULL;
    MR_TRY(mr_alloc((size_t)NT * NC, 1, "a trial", &mask));
    MR_TRY(samples(&x));
    if (!decides && (spoilt.b <= spoilt.a || at == NC)) {
        st = mr_text_add(say, "a bad sample spoils nothing\n");
        goto out;
    }
    for (size_t t = BAD_A; t < BAD_B; t++) mask[t * NC + at] = 1;
    ref = run(c, x, mask, 0, 0, 32);
    nan = nan_of(c, mask);
    for (size_t t = BAD_A; t < BAD_B; t++) x[t * NC + at] = 1e3;
    y = run(c, x, mask, 0, 0, 32);
    const double worst = outside(c, y, ref, nan);
    if (worst > (fades(c) ? 1e-8 * 1e3 : 0))
        st =
            mr_text_add(say,
                        "bad samples %d..%d of channel %zu reach beyond samples %d..%d of channels "
                        "%d..%d, or than what nan() says, by %g: needs->before, after, fade or "
                        "ch_before, ch_after are more\n",
                        BAD_A, BAD_B, at, (int)(spoilt.a - out.a), (int)(spoilt.b - out.a),
                        (int)ch.a, (int)ch.b, worst);
out:
    free(mask);
    free(nan);
    free(x);
    free(ref);
    free(y);
    return st;
}

/* Single samples, runs of all lengths up to 40, some channels all along, all channels at once. */
static mr_status some_bad(uint8_t **out)
{
    uint64_t s = 88172645463325252u;
    const mr_status st = mr_alloc((size_t)NT * NC, 1, "a trial", out);
    for (size_t k = 0; k < 400 && st == MR_OK; k++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
        const size_t t = (s >> 20) % NT, c = (s >> 40) % NC, n = k % 41;
        for (size_t i = t; i < MR_MIN(t + n, (size_t)NT); i++) (*out)[i * NC + c] = 1;
    }
    for (size_t t = 0; t < NT && st == MR_OK; t++) (*out)[t * NC + 5] = t > 2000;
    for (size_t i = 800 * NC; i < 803 * NC && st == MR_OK; i++) (*out)[i] = 1;
    return st;
}

static mr_status walk_bad_cuts(const mr_chain *c, mr_text *say)
{
    static const int64_t cuts[][2] = {{0, 97}, {1003, 0}, {311, 100}};
    mr_status st = MR_OK;
    const bool exact = !rounds(c), whole = mr_chain_whole_span(c, NULL);
    double *x = NULL, *ref = NULL, *y = NULL;
    uint8_t *bad = NULL, *nan = NULL;
    size_t odd;
    MR_TRY(samples(&x));
    MR_TRY(some_bad(&bad));
    ref = run(c, x, bad, 0, 0, 32);
    nan = nan_of(c, bad);
    const double peak = peak_of(c, ref, &odd);
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        y = run(c, x, bad, whole ? 0 : cuts[k][0], cuts[k][1], k ? 32 : 7);
        const double worst = outside(c, y, ref, nan);
        free(y);
        y = NULL;
        if (worst > (exact ? 0 : 1e-6 * peak))
            MR_TRY(mr_text_add(say,
                               "with NaN, in lanes of %d and blocks of %d (0: all) it differs by "
                               "%g of %g\n",
                               (int)cuts[k][0], (int)cuts[k][1], worst, peak));
    }
out:
    free(x);
    free(ref);
    free(bad);
    free(nan);
    return st;
}

/* The largest difference that a level of the input makes, in the middle of the output. */
static mr_status level_left(const mr_chain *c, double level, double *out, double *peak)
{
    mr_status st = MR_OK;
    double *x = NULL, *ref = NULL, *y = NULL;
    const size_t nc = mr_chain_out(c)->nc, n = out_size(c);
    const size_t rows = nc ? n / nc : 0;
    MR_TRY(samples(&x));
    ref = run(c, x, NULL, 0, 0, 32);
    for (size_t i = 0; i < (size_t)NT * NC; i++) x[i] += level;
    y = run(c, x, NULL, 0, 0, 32);
    *out = *peak = 0;
    for (size_t i = rows / 3 * nc; i < (rows - rows / 3) * nc; i++) {
        if (isnan(y[i]) || isnan(ref[i])) continue;
        *out = fmax(*out, fabs(y[i] - ref[i]));
        *peak = fmax(*peak, fabs(ref[i]));
    }
out:
    free(x);
    free(ref);
    free(y);
    return st;
}

static mr_status walk_level(const mr_chain *c, mr_text *say)
{
    mr_status st = MR_OK;
    double left, peak;
    if (mr_chain_keeps_level(c)) return MR_OK;
    MR_TRY(level_left(c, 1000, &left, &peak));
    if (left > 1e-6 * fmax(peak, 1000))
        st = mr_text_add(
            say, "a level of 1000 makes a difference of %g: needs->no_level is not so\n", left);
out:
    return st;
}

const mr_property mr_properties[] = {
    {"cut into lanes and blocks, as a whole", walk_cuts},
    {"the same bits in tiles of any width, on any machine", walk_tiles},
    {"what is not finite reaches what it says, and no more", walk_spoils},
    {"with what is not finite, cut into lanes and blocks, as a whole", walk_bad_cuts},
    {"a level in the input does not come out, where it says so", walk_level},
};
const size_t mr_n_properties = sizeof mr_properties / sizeof *mr_properties;
