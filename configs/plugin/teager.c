/* configs/plugin/teager.c: an operator in a shared object of its own: the energy of Teager and
 * Kaiser, y[t] = x[t]^2 - x[t - lag] x[t + lag], which follows amplitude and frequency at once.
 *
 *   cc -O2 -shared -fPIC $(pkg-config --cflags millrace) configs/plugin/teager.c -o teager.so
 *   MILLRACE_PLUGINS=./teager.so millrace ops teager --try
 *
 * and in a config:   plugin: ./teager.so
 *                    chain: [teager: {lag: 10 ms}]                                             */
#include <math.h>
#include "millrace/op.h"

typedef struct teager {
    double lag_s; /* parameter */
    size_t lag;   /* bind's own: samples */
} teager;

static const mr_param teager_params[] = {{"lag", MR_F64, offsetof(teager, lag_s), .unit = "s",
                                          .min = 1e-6, .max = 60, .def = "10 ms",
                                          .doc = "distance of the samples that are multiplied"},
                                         {0}};

static mr_status teager_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    teager *s = self;
    s->lag = (size_t)llround(s->lag_s * in->rate_hz);
    if (s->lag == 0)
        return MR_RAISE(MR_ECONFIG, "lag: %g s is under one sample at %g Hz", s->lag_s,
                        in->rate_hz);
    out->quantity = "teager_energy";
    out->unit = "1";
    out->to_native = out->to_strain_rate = out->to_strain = 0; /* no longer what they convert */
    needs->before = needs->after = s->lag;
    return MR_OK;
}

/* At the span's ends the sample that is not there is the last that is. */
static void teager_map(const void *self, const mr_piece *p)
{
    const int64_t lag = (int64_t)((const teager *)self)->lag;
    for (size_t t = 0; t < p->y->nt; t++) {
        const int64_t m = p->y0 + (int64_t)t;
        const double *x = mr_at(p->x, (size_t)(m - p->x0), 0);
        const double *before = mr_at(p->x, (size_t)(MR_MAX(m - lag, p->span.a) - p->x0), 0);
        const double *after = mr_at(p->x, (size_t)(MR_MIN(m + lag, p->span.b - 1) - p->x0), 0);
        double *y = mr_at(p->y, t, 0);
        for (size_t c = 0; c < p->y->nc; c++) y[c] = x[c] * x[c] - before[c] * after[c];
    }
}

static const mr_op teager_op = {.name = "teager",
                                .doc = "energy of Teager and Kaiser",
                                .ref = "Kaiser 1990, ICASSP",
                                .example = "lag: 20 ms",
                                .size = sizeof(teager),
                                .params = teager_params,
                                .bind = teager_bind,
                                .map = teager_map};
MR_PLUGIN(&teager_op);
