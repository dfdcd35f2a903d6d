/* cli/quality/figures.c: what the figures of a channel's intervals come to together, and whether it
 * is to be left out. */
#include "cli/quality/quality.h"
#include "ops/kernels/median.h"
#include <math.h>
#include <stdlib.h>

/* A channel is bad from these on; the page of help says them. */
#define MISSING 0.5   /* share that is not finite */
#define STILL 0.5     /* share that does not change */
#define CLIPPED 0.001 /* share at the limit */
#define QUIET 0.01    /* deviation, of the median of all channels */
#define LOUD 10.0     /* the same */
#define SPIKY 30.0    /* kurtosis, and ten times the median of all */

/* How many samples are finite. */
static double finite_of(const mr_figures *f)
{
    return f->v[MR_Q_N] > 0 ? f->v[MR_Q_N] * (1 - f->v[MR_Q_NAN]) : 0;
}

/* Central moments times n: sums of powers of what is left of the mean. */
static void moments(const mr_figures *f, double m[5])
{
    const double n = finite_of(f), std = f->v[MR_Q_STD];
    const bool moves = std > 0;
    m[2] = n * std * std;
    m[3] = moves ? n * f->v[MR_Q_SKEWNESS] * std * std * std : 0;
    m[4] = moves ? n * (f->v[MR_Q_KURTOSIS] + 3) * std * std * std * std : 0;
}

/* Of two sets together (Pebay 2008). */
static void merge_moments(mr_figures *a, const mr_figures *b)
{
    double p[5], q[5];
    moments(a, p);
    moments(b, q);
    const double na = finite_of(a), nb = finite_of(b), n = na + nb;
    const double d = b->v[MR_Q_MEAN] - a->v[MR_Q_MEAN], e = d / n;
    const double m2 = p[2] + q[2] + d * e * na * nb;
    const double m3 =
        p[3] + q[3] + d * e * e * na * nb * (na - nb) + 3 * e * (na * q[2] - nb * p[2]);
    const double m4 = p[4] + q[4] + d * e * e * e * na * nb * (na * na - na * nb + nb * nb) +
                      6 * e * e * (na * na * q[2] + nb * nb * p[2]) +
                      4 * e * (na * q[3] - nb * p[3]);
    const double var = m2 / n, mean = a->v[MR_Q_MEAN] + e * nb;
    a->v[MR_Q_MEAN] = mean;
    a->v[MR_Q_STD] = sqrt(var);
    a->v[MR_Q_RMS] = sqrt(mean * mean + var);
    a->v[MR_Q_SKEWNESS] = var > 0 ? m3 / n / (var * sqrt(var)) : NAN;
    a->v[MR_Q_KURTOSIS] = var > 0 ? m4 / n / (var * var) - 3 : NAN;
}

void mr_figures_merge(mr_figures *a, const mr_figures *b)
{
    const double na = finite_of(a), nb = finite_of(b), wa = a->v[MR_Q_N], wb = b->v[MR_Q_N];
    if (!(wb > 0)) return;
    if (!(wa > 0)) {
        *a = *b;
        return;
    }
    if (nb > 0 && !(na > 0)) {
        for (int i = MR_Q_MIN; i < MR_Q_FIGURES; i++) a->v[i] = b->v[i];
    } else if (nb > 0) {
        a->v[MR_Q_MIN] = fmin(a->v[MR_Q_MIN], b->v[MR_Q_MIN]);
        a->v[MR_Q_MAX] = fmax(a->v[MR_Q_MAX], b->v[MR_Q_MAX]);
        merge_moments(a, b);
        for (int i = MR_Q_POWER; i < MR_Q_FIGURES; i++)
            if (isnan(a->v[i]))
                a->v[i] = b->v[i];
            else if (!isnan(b->v[i]))
                a->v[i] = (na * a->v[i] + nb * b->v[i]) / (na + nb);
    }
    for (int i = MR_Q_NAN; i <= MR_Q_CONSTANT; i++)
        a->v[i] = (wa * a->v[i] + wb * b->v[i]) / (wa + wb);
    a->v[MR_Q_N] = wa + wb;
}

/* The median of one figure over all channels that have it. */
static double median(const mr_channel *c, size_t n, int figure, double *v)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = fabs(c[i].f.v[figure]);
        if (isfinite(x) && finite_of(&c[i].f) > 0) v[k++] = x;
    }
    return k ? mr_median(v, k) : 0;
}

static const char *verdict(const double *f, double std, double kurtosis)
{
    if (!(f[MR_Q_N] > 0) || f[MR_Q_NAN] >= MISSING) return "missing";
    if (f[MR_Q_CONSTANT] >= STILL || f[MR_Q_STD] <= QUIET * std) return "dead";
    if (f[MR_Q_STD] >= LOUD * std) return "noisy";
    if (f[MR_Q_CLIPPED] >= CLIPPED) return "clipped";
    if (f[MR_Q_KURTOSIS] >= SPIKY && f[MR_Q_KURTOSIS] >= 10 * kurtosis) return "spiky";
    return NULL;
}

mr_status mr_channels_judge(mr_channel *c, size_t n, size_t *n_bad)
{
    double *v = NULL;
    const mr_status st = mr_alloc_f64(n, "figures", &v);
    if (st != MR_OK) return st;
    const double std = median(c, n, MR_Q_STD, v), kurtosis = median(c, n, MR_Q_KURTOSIS, v);
    *n_bad = 0;
    for (size_t i = 0; i < n; i++) {
        c[i].why = verdict(c[i].f.v, std, kurtosis);
        *n_bad += c[i].why != NULL;
    }
    free(v);
    return MR_OK;
}
