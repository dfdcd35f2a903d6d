/* plan/mask.c: input.mask: a run without change may begin before what a chain needs and end after
 * it, so more is read than the chain is given. */
#include "plan/plan.h"
#include <math.h>

static int64_t beside(const mr_array *a)
{
    return MR_MAX(a->still_rows - 1, (int64_t)0);
}

void mr_array_mask(const mr_config *cfg, mr_array *a)
{
    a->still_rows = 0;
    if (cfg->mask_s > 0)
        a->still_rows = MR_MAX((int64_t)ceil(cfg->mask_s * a->in.rate_hz), (int64_t)2);
}

void mr_array_context(const mr_array *a, bool carried, double *before_s, double *after_s)
{
    const double s = (double)beside(a) / a->in.rate_hz;
    if (carried)
        mr_chain_context_carried(a->chain, before_s, after_s);
    else
        mr_chain_context(a->chain, before_s, after_s);
    *before_s += s;
    *after_s += s;
}

mr_slab mr_array_looked_at(const mr_array *a, mr_slab span, mr_slab raw)
{
    if (raw.b <= raw.a) return raw;
    return (mr_slab){MR_MAX(raw.a - beside(a), span.a), MR_MIN(raw.b + beside(a), span.b)};
}
