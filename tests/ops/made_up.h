/* tests/ops/made_up.h: operators that nobody needs, so that every field of the contract is used
 * by one: context in channels and time, fewer channels, other places, a change of rate and unit,
 * all channels with context in time, a new axis. Each says what it computes, for the tests' own
 * sums. */
#ifndef MADE_UP_H
#define MADE_UP_H
#include <math.h>
#include <string.h>
#include "millrace/op.h"

typedef struct made_up {
    int64_t dummy;
} made_up;

static inline double made_up_x(const mr_piece *p, int64_t t, int64_t c)
{
    return *mr_at(p->x, (size_t)(t - p->x0), (size_t)(c - (int64_t)p->xc0));
}

/* --- fan: the mean over channels c - 1 .. c + 1 and samples t - 2 .. t + 1 that there are */

static mr_status fan_bind(MR_UNUSED void *self, MR_UNUSED const mr_geom *in, MR_UNUSED mr_geom *out,
                          mr_needs *needs)
{
    *needs = (mr_needs){.before = 2, .after = 1, .ch_before = 1, .ch_after = 1, .scratch_rows = 1};
    return MR_OK;
}

static void fan_apply(MR_UNUSED const void *self, const mr_piece *p)
{
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++) {
            const int64_t m = p->y0 + (int64_t)t, j = (int64_t)(p->yc0 + c);
            double sum = 0, n = 0;
            for (int64_t i = MR_MAX(m - 2, p->span.a); i < MR_MIN(m + 2, p->span.b); i++)
                for (int64_t k = MR_MAX(j - 1, 0); k <= MR_MIN(j + 1, (int64_t)p->nc - 1); k++) {
                    sum += made_up_x(p, i, k);
                    n++;
                }
            *mr_at(p->y, t, c) = sum / n;
        }
}

static const mr_op made_up_fan = {.name = "made_up_fan",
                                  .doc = "mean over three channels and four samples",
                                  .ref = "definition",
                                  .example = "",
                                  .size = sizeof(made_up),
                                  .bind = fan_bind,
                                  .map = fan_apply};

/* --- halve: pairs of channels and of samples become one, in another unit */

static mr_status halve_bind(MR_UNUSED void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    if (in->nc < 2) return MR_RAISE(MR_ECONFIG, "one channel has no half");
    *needs =
        (mr_needs){.after = 1, .down = 2, .ch_after = 1, .ch_down = 2, .ch_place = MR_PLACE_MEAN};
    out->nc = in->nc / 2;
    out->rate_hz = in->rate_hz / 2;
    out->unit = "halves";
    out->quantity = "pairs";
    return MR_OK;
}

static void halve_apply(MR_UNUSED const void *self, const mr_piece *p)
{
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++) {
            const int64_t m = 2 * (p->y0 + (int64_t)t), j = 2 * (int64_t)(p->yc0 + c);
            const int64_t later = MR_MIN(m + 1, p->span.b - 1);
            *mr_at(p->y, t, c) = made_up_x(p, m, j) + made_up_x(p, m, j + 1) +
                                 made_up_x(p, later, j) + made_up_x(p, later, j + 1);
        }
}

static const mr_op made_up_halve = {.name = "made_up_halve",
                                    .doc = "sums of two channels and two samples",
                                    .ref = "definition",
                                    .example = "",
                                    .size = sizeof(made_up),
                                    .bind = halve_bind,
                                    .map = halve_apply};

/* --- between: what is between channels j and j + 3, half way */

static mr_status between_bind(MR_UNUSED void *self, const mr_geom *in, mr_geom *out,
                              mr_needs *needs)
{
    if (in->nc < 4) return MR_RAISE(MR_ECONFIG, "four channels are needed");
    *needs = (mr_needs){.ch_after = 3, .ch_place = MR_PLACE_MIDDLE, .lti = true};
    out->nc = in->nc - 3;
    return MR_OK;
}

static void between_apply(MR_UNUSED const void *self, const mr_piece *p)
{
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++) {
            const int64_t m = p->y0 + (int64_t)t, j = (int64_t)(p->yc0 + c);
            *mr_at(p->y, t, c) = made_up_x(p, m, j + 3) - made_up_x(p, m, j);
        }
}

static const mr_op made_up_between = {.name = "made_up_between",
                                      .doc = "difference of channels three apart",
                                      .ref = "definition",
                                      .example = "",
                                      .size = sizeof(made_up),
                                      .bind = between_bind,
                                      .map = between_apply};

/* --- common: the mean of all good channels over samples t - 5 .. t + 3 is taken out of every third
 * channel, the others go */

static mr_status common_all_bind(MR_UNUSED void *self, const mr_geom *in, mr_geom *out,
                                 mr_needs *needs)
{
    *needs = (mr_needs){
        .before = 5, .after = 3, .couples = true, .ch_down = 3, .scratch_rows = 1, .stripe = 40};
    out->nc = (in->nc + 2) / 3;
    return MR_OK;
}

static void common_all_apply(MR_UNUSED const void *self, const mr_piece *p)
{
    for (size_t t = 0; t < p->y->nt; t++) {
        const int64_t m = p->y0 + (int64_t)t;
        double sum = 0, n = 0;
        for (int64_t i = MR_MAX(m - 5, p->span.a); i < MR_MIN(m + 4, p->span.b); i++)
            for (size_t k = 0; k < p->nc; k++) {
                if (p->bad && p->bad[(size_t)(i - p->x0) * p->nc + k]) continue;
                sum += made_up_x(p, i, (int64_t)k);
                n++;
            }
        for (size_t c = 0; c < p->y->nc; c++)
            *mr_at(p->y, t, c) = made_up_x(p, m, 3 * (int64_t)c) - (n > 0 ? sum / n : 0);
    }
}

static const mr_op made_up_common = {.name = "made_up_common",
                                     .doc = "take out what all channels share for a while",
                                     .ref = "definition",
                                     .example = "",
                                     .size = sizeof(made_up),
                                     .bind = common_all_bind,
                                     .map = common_all_apply};

/* --- powers: a reducer with a new axis: the means of x, x2 and x3 over each second */

static mr_status powers_bind(MR_UNUSED void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    static const double power[] = {1, 2, 3};
    *needs = (mr_needs){.items = {.hop = 1, .len = 1, .least = 1},
                        .row_ns = 1000000000,
                        .mean = true,
                        .state = 3,
                        .stripe = 64};
    if (in->rate_hz < 1) return MR_RAISE(MR_ECONFIG, "a sample a second is needed");
    out->rate_hz = 1;
    out->quantity = "powers";
    out->unit = "1";
    out->n_axes = 1;
    out->axis[0] = (mr_axis){.name = "power", .unit = "1", .doc = "exponent", .n = 3, .v = power};
    return MR_OK;
}

static void powers_take(MR_UNUSED const void *self, const mr_fold *f, mr_slab items)
{
    for (int64_t k = items.a; k < items.b; k++)
        for (size_t c = 0; c < f->x->nc; c++) {
            const double x = *mr_at(f->x, (size_t)(k - f->x0), c);
            if (mr_fold_bad(f, k, c)) continue;
            f->count[c]++;
            f->acc[c] += x;
            f->acc[f->stride + c] += x * x;
            f->acc[2 * f->stride + c] += x * x * x;
        }
}

static void powers_give(MR_UNUSED const void *self, const double *acc, const double *count,
                        size_t stride, double *scratch, mr_view *y)
{
    (void)count, (void)scratch;
    for (size_t i = 0; i < 3; i++) memcpy(mr_at(y, i, 0), acc + i * stride, y->nc * sizeof *acc);
}

static const mr_op made_up_powers = {
    .name = "made_up_powers",
    .doc = "means of three powers over each second",
    .ref = "definition",
    .example = "",
    .size = sizeof(made_up),
    .bind = powers_bind,
    .fold = &(const mr_reducer){.take = powers_take, .give = powers_give}};

#define MADE_UP &made_up_fan, &made_up_halve, &made_up_between, &made_up_common, &made_up_powers
#endif
