/* ops/list/op_trigger.c: when a channel is on: from a sample above one threshold to one below
 * another. Such a state may last for ever, and what a lane can know of it must not depend on where
 * the lane begins; so it forgets, on a grid of cells in UTC that are max_length long:
 *
 * A channel is on at sample i when some sample above `on` lies at j <= i, not before the cell
 * before i's, with nothing below `off` and no NaN from j to i. A stretch of such samples is a pick.
 * One that covers whole cells is cut at both edges of each, its pieces are flagged continued. One
 * that was ended by a NaN, by the span's end, or by the edge of a cell because nothing renewed it,
 * is flagged cut. So two cells before a pick's first sample and one behind say all about it. */
#include "ops/ops.h"
#include <math.h>

typedef struct trigger {
    double on, off;
    int64_t least_ns, cell_ns;
    int64_t least; /* samples */
} trigger;

static const mr_param trigger_params[] = {
    {"on", MR_F64, offsetof(trigger, on), .min = 0, .max = 1e300,
     .doc = "a sample above it begins a pick"},
    {"off", MR_F64, offsetof(trigger, off), .min = 0, .max = 1e300,
     .doc = "a sample below it ends the pick; not above `on`"},
    {"min_length", MR_NS, offsetof(trigger, least_ns), .min = 0, .max = 86400, .def = "0 s",
     .doc = "shorter picks are dropped, unless they are cut or continued"},
    {"max_length", MR_NS, offsetof(trigger, cell_ns), .min = 1e-2, .max = 86400, .def = "60 s",
     .doc = "longer ones are cut at multiples of it in UTC; nothing is remembered longer than two"},
    {0}};

/* A channel's state: doubles, as the chain keeps them; whole numbers in them are exact. */
enum {
    OPEN,  /* 1: a piece is open */
    ABOVE, /* 1 + number of the last cell with a sample above `on` */
    ON,
    PEAK,
    PEAK_AT, /* the open piece */
    KEPT,    /* the piece before it, up to the last edge, waits for what comes of this */
    KEPT_ON,
    KEPT_PEAK,
    KEPT_PEAK_AT,
    ROWS
};
enum {
    PART = 1,
    WHOLE = 2
}; /* KEPT: of a part of its cell (is one with the open piece, unless that
                                 covers a whole cell), or of all of it (is never) */

static mr_status trigger_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    trigger *s = self;
    if (s->off > s->on) return MR_RAISE(MR_ECONFIG, "off: %g is above on: %g", s->off, s->on);
    if ((double)s->cell_ns * 1e-9 * in->rate_hz < 2)
        return MR_RAISE(MR_ECONFIG, "max_length: %g s is under two samples at %g Hz",
                        (double)s->cell_ns * 1e-9, in->rate_hz);
    s->least = llround((double)s->least_ns * 1e-9 * in->rate_hz);
    out->quantity = "picks";
    needs->items = (mr_items){.hop = 1, .len = 1, .least = 1};
    needs->row_ns = s->cell_ns;
    needs->cells_before = 2;
    needs->cells_after = 1;
    needs->state = ROWS;
    needs->stripe = 2048;
    return MR_OK;
}

/* A channel's column of the state. */
typedef struct column {
    const trigger *s;
    double *v;
    size_t stride;
    uint32_t channel;
    mr_picks *out;
} column;

static double *at(const column *k, int row)
{
    return k->v + (size_t)row * k->stride;
}

static void give(const column *k, double on, int64_t off, double peak, double peak_at,
                 uint32_t flags)
{
    const mr_pick p = {.on = (int64_t)on,
                       .off = off,
                       .peak_at = (int64_t)peak_at,
                       .peak = peak,
                       .channel = k->channel,
                       .flags = flags};
    if (p.off > p.on && (flags || p.off - p.on >= k->s->least)) mr_picks_add(k->out, &p);
}

static void give_kept(const column *k, int64_t off, uint32_t flags)
{
    give(k, *at(k, KEPT_ON), off, *at(k, KEPT_PEAK), *at(k, KEPT_PEAK_AT), flags);
}

static void begin(const column *k, int64_t i, double x)
{
    *at(k, OPEN) = 1;
    *at(k, ON) = *at(k, PEAK_AT) = (double)i;
    *at(k, PEAK) = x;
}

/* The open piece ends before sample i: with a part that waits it is one pick, and where it has no
 * sample of its own it is what waits that ends. */
static void end(const column *k, int64_t i, uint32_t flags)
{
    const int64_t on = (int64_t)*at(k, ON);
    const bool larger = *at(k, PEAK) > *at(k, KEPT_PEAK);
    if (*at(k, KEPT) == WHOLE) {
        give_kept(k, on, MR_CONTINUED | (on == i ? flags : 0));
        give(k, *at(k, ON), i, *at(k, PEAK), *at(k, PEAK_AT), MR_CONTINUED | flags);
    } else if (*at(k, KEPT) == PART) {
        give(k, *at(k, KEPT_ON), i, *at(k, larger ? PEAK : KEPT_PEAK),
             *at(k, larger ? PEAK_AT : KEPT_PEAK_AT), flags);
    } else {
        give(k, *at(k, ON), i, *at(k, PEAK), *at(k, PEAK_AT), flags);
    }
    *at(k, OPEN) = *at(k, KEPT) = 0;
}

/* An open piece at the edge that ends a cell: it waits, and another one is open. */
static void pass_edge(const column *k, mr_slab cell)
{
    const bool whole = (int64_t)*at(k, ON) == cell.a;
    if (whole && *at(k, KEPT) > 0) give_kept(k, cell.a, MR_CONTINUED);
    *at(k, KEPT) = whole ? WHOLE : PART;
    *at(k, KEPT_ON) = *at(k, ON);
    *at(k, KEPT_PEAK) = *at(k, PEAK);
    *at(k, KEPT_PEAK_AT) = *at(k, PEAK_AT);
    begin(k, cell.b, -INFINITY);
}

/* Sample i, x, of a channel that is open or has x above `on`. */
static void step(const column *k, int64_t i, double x, bool bad, double cell)
{
    const bool above = !bad && x > k->s->on;
    const bool expired = !above && *at(k, ABOVE) < cell; /* nothing in this cell and the last */
    if (above) *at(k, ABOVE) = cell + 1;
    if (*at(k, OPEN) > 0) {
        if (bad || x < k->s->off || expired)
            end(k, i, !bad && x < k->s->off ? 0 : MR_CUT);
        else if (x > *at(k, PEAK))
            *at(k, PEAK) = x, *at(k, PEAK_AT) = (double)i;
    } else if (above) {
        begin(k, i, x);
    }
}

static bool any_above(const double *x, size_t n, double on)
{
    int any = 0;
    for (size_t c = 0; c < n; c++) any |= x[c] > on;
    return any != 0;
}

static size_t n_open(const double *open, size_t n)
{
    size_t k = 0;
    for (size_t c = 0; c < n; c++) k += open[c] > 0;
    return k;
}

static void trigger_pick(const void *self, const mr_fold *f, mr_slab items, const mr_cell *cell,
                         mr_picks *out)
{
    const trigger *s = self;
    const size_t nc = f->x->nc;
    const double *open = f->acc + OPEN * f->stride;
    size_t any = n_open(open, nc);
    column k = {.s = s, .stride = f->stride, .out = out};
    for (int64_t i = items.a; i < items.b; i++) {
        const double *x = mr_at(f->x, (size_t)(i - f->x0), 0);
        if (!any && !any_above(x, nc, s->on)) continue;
        for (size_t c = 0; c < nc; c++) {
            if (!(open[c] > 0) && !(x[c] > s->on)) continue;
            k.v = f->acc + c;
            k.channel = (uint32_t)c;
            step(&k, i, x[c], mr_fold_bad(f, i, c), (double)cell->number);
        }
        any = n_open(open, nc);
    }
    for (size_t c = 0; any && c < nc; c++) {
        k.v = f->acc + c;
        k.channel = (uint32_t)c;
        if (open[c] > 0 && items.b == cell->at.b) pass_edge(&k, cell->at);
        if (open[c] > 0 && items.b == f->span.b) end(&k, f->span.b, MR_CUT);
    }
}

const mr_op mr_op_trigger = {.name = "trigger",
                             .example = "on: 4, off: 1.5, min_length: 100 ms, max_length: 2 s",
                             .doc = "picks: when a channel is above a threshold, for a table",
                             .ref = "obspy.signal.trigger.trigger_onset, cut on a grid in UTC",
                             .size = sizeof(trigger),
                             .params = trigger_params,
                             .bind = trigger_bind,
                             .pick = trigger_pick};
