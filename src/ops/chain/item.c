/* ops/chain/item.c: where the items of a reducer lie on the samples of its input. */
#include "ops/chain/chain_priv.h"
#include <math.h>

/* Number of the UTC window of window_ns that sample n lies in. */
int64_t mr_window_number(int64_t n, int64_t window_ns, double rate_hz)
{
    int64_t k =
        (int64_t)floorl((long double)n * 1e9L / (long double)rate_hz / (long double)window_ns);
    while (mr_index_ceil(k * window_ns, rate_hz) > n) k--;
    while (mr_index_ceil((k + 1) * window_ns, rate_hz) <= n) k++;
    return k;
}

int64_t mr_item_start(const mr_items *it, int64_t k, double rate_hz)
{
    if (!it->window_ns) return k * it->hop;
    const int64_t w = mr_div_floor(k, it->n);
    return mr_index_ceil(w * it->window_ns, rate_hz) + (k - w * it->n) * it->hop;
}

/* First item that starts at sample n or later. */
int64_t mr_item_from(const mr_items *it, int64_t n, double rate_hz)
{
    if (!it->window_ns) return mr_div_ceil(n, it->hop);
    const int64_t w = mr_window_number(n, it->window_ns, rate_hz);
    const int64_t off = n - mr_index_ceil(w * it->window_ns, rate_hz);
    const int64_t i = it->hop ? mr_div_ceil(off, it->hop) : off > 0;
    return w * it->n + MR_MIN(i, it->n);
}

mr_slab mr_items_of(const mr_items *it, mr_slab span, double rate_hz)
{
    const mr_slab s = {mr_item_from(it, span.a + it->least - it->len, rate_hz),
                       mr_item_from(it, span.b - it->least + 1, rate_hz)};
    return span.b - span.a >= it->least && s.b > s.a ? s : (mr_slab){s.a, s.a};
}

mr_slab mr_item(const mr_items *it, int64_t k, mr_slab span, double rate_hz)
{
    const int64_t a = mr_item_start(it, k, rate_hz);
    return (mr_slab){MR_MAX(a, span.a), MR_MIN(a + it->len, span.b)};
}

mr_slab mr_items_input(const mr_items *it, mr_slab items, mr_slab span, double rate_hz)
{
    const int64_t a = mr_item(it, items.a, span, rate_hz).a;
    if (items.b <= items.a) return (mr_slab){MR_MIN(a, span.b), MR_MIN(a, span.b)};
    return (mr_slab){a, mr_item(it, items.b - 1, span, rate_hz).b};
}

mr_slab mr_items_on(const mr_items *it, mr_slab samples, double rate_hz)
{
    return (mr_slab){mr_item_from(it, samples.a - it->len + 1, rate_hz),
                     mr_item_from(it, samples.b, rate_hz)};
}

double mr_items_rate(const mr_items *it, double rate_hz)
{
    if (it->window_ns) return (double)it->n * 1e9 / (double)it->window_ns;
    return rate_hz / (double)it->hop;
}
