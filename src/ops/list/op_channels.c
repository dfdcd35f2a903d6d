/* ops/list/op_channels.c: fewer channels: stacks of neighbours, and decimation along the fibre. */
#include "ops/design/design.h"
#include "ops/ops.h"
#include <stdlib.h>
#include <string.h>

/* --- channel_stack */

typedef struct stack {
    int64_t n, step;
} stack;

static const mr_param stack_params[] = {
    {"n", MR_INT, offsetof(stack, n), .min = 2, .max = 10000,
     .doc = "adjacent channels that become one"},
    {"step", MR_INT, offsetof(stack, step), .min = 1, .max = 10000, .def = "",
     .doc =
         "channels from one stack to the next; n if left out; what is left over at the end goes"},
    {0}};

static mr_status stack_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    stack *s = self;
    if (!s->step) s->step = s->n;
    if ((size_t)s->n > in->nc)
        return MR_RAISE(MR_ECONFIG, "n: %lld channels, there are %zu", (long long)s->n, in->nc);
    out->nc = (in->nc - (size_t)s->n) / (size_t)s->step + 1;
    needs->ch_down = (size_t)s->step;
    needs->ch_after = (size_t)s->n - 1;
    needs->ch_place = MR_PLACE_MEAN;
    needs->lti = true;
    return MR_OK;
}

static void stack_apply(const void *self, const mr_piece *p)
{
    const stack *s = self;
    const double per = 1.0 / (double)s->n;
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++) {
            const size_t at = (p->yc0 + c) * (size_t)s->step - p->xc0;
            const double *x = mr_at(p->x, (size_t)(p->y0 - p->x0) + t, at);
            double sum = 0;
            for (int64_t k = 0; k < s->n; k++) sum += x[k];
            *mr_at(p->y, t, c) = per * sum;
        }
}

const mr_op mr_op_channel_stack = {.name = "channel_stack",
                                   .example = "n: 3, step: 2",
                                   .doc = "mean of adjacent channels",
                                   .ref = "numpy.mean of channels [k step, k step + n)",
                                   .size = sizeof(stack),
                                   .params = stack_params,
                                   .bind = stack_bind,
                                   .map = stack_apply};

/* --- channel_decimate */

typedef struct thin {
    int64_t factor;
    double *h; /* [20 factor + 1] owned */
} thin;

static const mr_param thin_params[] = {{"factor", MR_INT, offsetof(thin, factor), .min = 2,
                                        .max = 100, .doc = "every factor-th channel is kept"},
                                       {0}};

static mr_status thin_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    thin *s = self;
    const size_t q = (size_t)s->factor;
    if (in->x_m && !(in->dx_m > 0 || in->dx_m < 0))
        return MR_RAISE(MR_ECONFIG,
                        "channels do not lie evenly along the fibre: wavelengths cannot be "
                        "filtered; choose some that do by input.channels");
    out->nc = (in->nc + q - 1) / q;
    needs->ch_down = q;
    needs->ch_before = needs->ch_after = 10 * q;
    needs->lti = true;
    const mr_status st = mr_alloc_f64(20 * q + 1, "filter taps", &s->h);
    if (st == MR_OK) mr_design_firwin(20 * q + 1, 1.0 / (double)q, MR_HAMMING, s->h);
    return st;
}

/* Beyond the array's ends there is nothing: zero, as scipy has it. */
static void thin_apply(const void *self, const mr_piece *p)
{
    const thin *s = self;
    const int64_t half = 10 * s->factor;
    for (size_t c = 0; c < p->y->nc; c++) {
        const int64_t at = (int64_t)(p->yc0 + c) * s->factor;
        const int64_t a = MR_MAX(at - half, 0), b = MR_MIN(at + half + 1, (int64_t)p->nc);
        const double *h = s->h + (a - (at - half));
        for (size_t t = 0; t < p->y->nt; t++) {
            const double *x =
                mr_at(p->x, (size_t)(p->y0 - p->x0) + t, (size_t)(a - (int64_t)p->xc0));
            double sum = 0;
            for (int64_t k = 0; k < b - a; k++) sum += h[k] * x[k];
            *mr_at(p->y, t, c) = sum;
        }
    }
}

static void thin_release(void *self)
{
    free(((thin *)self)->h);
}

static mr_status thin_describe(const void *self, mr_text *t)
{
    const thin *s = self;
    return mr_text_add(t, " h0=%a h=%a", s->h[0], s->h[10 * s->factor]);
}

const mr_op mr_op_channel_decimate = {
    .name = "channel_decimate",
    .example = "factor: 2",
    .doc = "every n-th channel after an anti-alias filter along the fibre",
    .ref = "scipy.signal.decimate(ftype=fir) along channels",
    .size = sizeof(thin),
    .params = thin_params,
    .bind = thin_bind,
    .map = thin_apply,
    .release = thin_release,
    .describe = thin_describe};
