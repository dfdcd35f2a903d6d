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
                          .tile = tile};
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
        *reach = mr_chain_reaches(c, mr_chain_n(c), (mr_slab){k, k + 1});
        if (reach->a < reach->b) return (size_t)k;
    }
    return NC;
}

/* The largest difference outside of [spoilt][ch]. */
static double outside(const mr_chain *c, const double *y, const double *ref, mr_slab spoilt,
                      mr_slab ch)
{
    const size_t nc = mr_chain_out(c)->nc;
    const int64_t a = mr_chain_out_span(c, SPAN).a;
    double worst = 0;
    for (size_t i = 0; i < out_size(c); i++) {
        const int64_t m = a + (int64_t)(i / nc), k = (int64_t)(i % nc);
        bool inside = k >= ch.a && k < ch.b && m >= spoilt.a && m < spoilt.b;
        if (mr_chain_reduces(c)) inside = isnan(y[i]) && isnan(ref[i]); /* they are left out */
        if (!inside) worst = fmax(worst, fabs(y[i] - ref[i]));
    }
    return worst;
}

static mr_status walk_spoils(const mr_chain *c, mr_text *say)
{
    mr_status st = MR_OK;
    mr_slab ch = {0, 0};
    const mr_slab bad = {SPAN.a + BAD_A, SPAN.a + BAD_B}, out = mr_chain_out_span(c, SPAN);
    const mr_slab spoilt = mr_chain_spoils(c, SPAN, bad);
    const size_t at = bad_channel(c, &ch);
    uint8_t *mask = NULL;
    double *x = NULL, *ref = NULL, *y = NULL;
    MR_TRY(mr_alloc((size_t)NT * NC, 1, "a trial", &mask));
    MR_TRY(samples(&x));
    if (spoilt.b <= spoilt.a || at == NC) {
        st = mr_text_add(say, "a bad sample spoils nothing\n");
        goto out;
    }
    for (size_t t = BAD_A; t < BAD_B; t++) mask[t * NC + at] = 1;
    ref = run(c, x, mask, 0, 0, 32);
    for (size_t t = BAD_A; t < BAD_B; t++) x[t * NC + at] = 1e3;
    y = run(c, x, mask, 0, 0, 32);
    const double worst = outside(c, y, ref, spoilt, ch);
    if (worst > (fades(c) ? 1e-8 * 1e3 : 0))
        st =
            mr_text_add(say,
                        "bad samples %d..%d of channel %zu reach beyond samples %d..%d of channels "
                        "%d..%d, by %g: needs->before, after, fade or ch_before, ch_after are "
                        "more\n",
                        BAD_A, BAD_B, at, (int)(spoilt.a - out.a), (int)(spoilt.b - out.a),
                        (int)ch.a, (int)ch.b, worst);
out:
    free(mask);
    free(x);
    free(ref);
    free(y);
    return st;
}

const mr_property mr_properties[] = {
    {"cut into lanes and blocks, as a whole", walk_cuts},
    {"the same bits in tiles of any width, on any machine", walk_tiles},
    {"what is not finite reaches what it says, and no more", walk_spoils},
};
const size_t mr_n_properties = sizeof mr_properties / sizeof *mr_properties;
