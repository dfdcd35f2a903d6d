/* grid/grid.c: sample indices on the UTC grid. 80-bit arithmetic: exact to far below a sample. */
#include "millrace/grid.h"
#include <math.h>

/* Whole ns from one sample to the next, where the rate is that as near as a double gets (0.1 Hz is
 * none: its double is a fifth of a us off since 1970); 0: no whole number. */
static int64_t whole_ns(double rate_hz)
{
    const long double step = 1e9L / (long double)rate_hz, near = roundl(step);
    if (!(near >= 1 && near < 1e18L) || rate_hz == round(rate_hz)) return 0;
    return fabsl(step - near) <= near * 0x1p-53L ? (int64_t)near : 0;
}

static long double position(int64_t t_ns, double rate_hz)
{
    const int64_t step_ns = whole_ns(rate_hz);
    if (step_ns) {
        const int64_t n = mr_div_floor(t_ns, step_ns);
        return (long double)n + (long double)(t_ns - n * step_ns) / (long double)step_ns;
    }
    const int64_t s = mr_div_floor(t_ns, 1000000000), frac = t_ns - s * 1000000000;
    return (long double)s * (long double)rate_hz +
           (long double)frac * (long double)rate_hz / 1000000000.0L;
}

int64_t mr_index_at(int64_t t_ns, double rate_hz)
{
    return (int64_t)llroundl(position(t_ns, rate_hz));
}

int64_t mr_index_ceil(int64_t t_ns, double rate_hz)
{
    const long double p = position(t_ns, rate_hz), r = roundl(p);
    return (int64_t)(fabsl(p - r) <= 1e-4L ? r : ceill(p));
}

int64_t mr_index_ns(int64_t num, int64_t den, double rate_hz)
{
    const int64_t step_ns = whole_ns(rate_hz);
    if (step_ns && den == 1) return num * step_ns;
    return (int64_t)llroundl((long double)num * 1e9L / ((long double)den * (long double)rate_hz));
}

size_t mr_geom_depth(const mr_geom *g)
{
    size_t n = 1;
    for (size_t i = 0; i < g->n_axes; i++) n *= g->axis[i].n;
    return n;
}

int64_t mr_div_floor(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t mr_div_ceil(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

int64_t mr_gcd(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t r = a % b;
        a = b;
        b = r;
    }
    return a < 0 ? -a : a;
}
