/* plan/align.c: rates a hair off a whole one. Samples are counted since 1970 by their rate, and UTC
 * windows with them: of 999.999 Hz nobody can, for what the count says of a sample's time is up to
 * half a sample off it. So the rate that counts is moved by less than 1e-10 of it, until the count
 * is whole at a span's first sample: then each window has the samples whose stamps lie in it. */
#include "plan/plan.h"
#include <math.h>

#define HAIR 1e-4   /* of a rate, off a whole one */
#define WHOLE 2e-5L /* of a sample: less than what mr_index_ceil takes for whole */
enum { MOST = 1 << 16 };

static bool has_windows(const mr_chain *c)
{
    for (size_t i = 0; i < mr_chain_n(c); i++) {
        const mr_needs *d = mr_chain_needs(c, i);
        if ((d->window_ns > 0 && d->window_ns != MR_WINDOW_SPAN) || d->items.window_ns > 0 ||
            (d->row_ns > 0 && d->row_ns != MR_ALL))
            return true;
    }
    return false;
}

bool mr_array_wants_aligning(const mr_array *a)
{
    const double off = fabs(a->facts.rate_hz / round(a->facts.rate_hz) - 1);
    return a->chain && !a->facts.uneven && off > 0 && off <= HAIR && has_windows(a->chain);
}

double mr_rate_aligned(double rate_hz, int64_t t_ns)
{
    const long double s = (long double)t_ns / 1e9L;
    const int64_t n = llroundl(s * (long double)rate_hz);
    if (t_ns == 0) return rate_hz;
    for (int64_t k = 0; k < MOST; k++) { /* whole numbers up and down, the near ones first */
        const double r = (double)((long double)(n + (k % 2 ? -(k + 1) / 2 : k / 2)) / s);
        const long double at = s * (long double)r;
        if (fabsl(at - roundl(at)) <= WHOLE) return r;
    }
    return rate_hz;
}

double mr_array_out_rate(const mr_array *a)
{
    const mr_geom *g = mr_chain_out(a->chain);
    if (g->uneven) return 0;
    return a->aligned ? g->rate_hz * (a->facts.rate_hz / a->in.rate_hz) : g->rate_hz;
}
