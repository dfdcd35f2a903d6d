/* ops/list/op_common.c: common mode: what all channels share at one time is taken out. Channels
 * that are NaN at that time are left out. */
#include "millrace/op_fast.h"
#include "ops/kernels/median.h"
#include "ops/ops.h"
#include <stdlib.h>
#include <string.h>

typedef struct common {
    int kind; /* 0 mean, 1 median */
    int64_t group;
} common;

static const char *const kinds[] = {"mean", "median", NULL};

static const mr_param common_params[] = {
    {"kind", MR_ENUM, offsetof(common, kind), .def = "mean", .names = kinds,
     .doc = "mean, or median (the two middle values averaged), over channels"},
    {"group", MR_INT, offsetof(common, group), .min = 2, .max = 1e6, .def = "",
     .doc = "of so many adjacent channels each, from the first on; of all if left out"},
    {0}};

static mr_status common_bind(MR_UNUSED void *self, const mr_geom *in, MR_UNUSED mr_geom *out,
                             mr_needs *needs)
{
    if (in->nc < 2) return MR_RAISE(MR_ECONFIG, "one channel has nothing in common with others");
    needs->couples = true;
    needs->scratch_rows = 1;
    return MR_OK;
}

/* In sixteen interleaved sums joined as a tree: one order on every machine. */
static double mean_of(const double *v, size_t n)
{
    double s[16] = {0};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
        for (size_t k = 0; k < 16; k++) s[k] += v[i + k];
    for (; i < n; i++) s[i % 16] += v[i];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t k = 0; k < half; k++) s[k] += s[k + half];
    return s[0] / (double)n;
}

static void common_apply(const void *self, const mr_piece *p)
{
    const common *s = self;
    const size_t nc = p->x->nc, skip = (size_t)(p->y0 - p->x0);
    const size_t group = s->group ? (size_t)s->group : nc;
    double *good = p->scratch;
    for (size_t t = 0; t < p->y->nt; t++) {
        const double *x = mr_at(p->x, skip + t, 0);
        const uint8_t *bad = p->bad ? p->bad + (skip + t) * p->bad_stride : NULL;
        double *y = mr_at(p->y, t, 0);
        for (size_t a = 0, b; a < nc; a = b) {
            size_t n = 0;
            b = MR_MIN(a + group, nc);
            for (size_t c = a; c < b; c++)
                if (!bad || !bad[c]) good[n++] = x[c];
            const double m = n == 0 ? 0 : s->kind == 0 ? mean_of(good, n) : mr_median(good, n);
            for (size_t c = a; c < b; c++) y[c] = x[c] - m;
        }
    }
}

const mr_op mr_op_common_mode = {.name = "common_mode",
                                 .example = "kind: median",
                                 .doc = "take out what all channels share",
                                 .ref = "numpy.nanmean, nanmedian over channels",
                                 .size = sizeof(common),
                                 .params = common_params,
                                 .bind = common_bind,
                                 .map = common_apply,
                                 .fast = &(const mr_fast){.in_place = true}};
