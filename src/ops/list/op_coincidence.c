/* ops/list/op_coincidence.c: picks that belong together become events, in one sweep over a span in
 * order of (on, channel).
 *
 * A pick joins those before it whose places are at most `within` away and whose on times at most
 * |dx| / v_min + 2 samples earlier; what is joined, over any number of steps, is one component. A
 * component whose first pick lies in cell k takes none from cell k + 3 on (it would span more than
 * two cells): it is broken there and flagged continued. With at least `channels` different
 * channels it is an event. Its slowness is the median of dt / dx over pairs of its picks. */
#include "ops/ops.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PAIRS = 20000, LEAST_CHANNELS = 5, SPAN_CELLS = 3 };

typedef struct coincidence {
    int64_t channels;
    double within_m, velocity[2];
} coincidence;

static const mr_param coincidence_params[] = {
    {"channels", MR_INT, offsetof(coincidence, channels), .min = 1, .max = 1e6,
     .doc = "different channels that an event has at least"},
    {"within", MR_F64, offsetof(coincidence, within_m), .unit = "m", .min = 0, .max = 1e6,
     .doc = "picks farther apart are not joined directly"},
    {"velocity", MR_RANGE, offsetof(coincidence, velocity), .unit = "m/s", .min = 1, .max = 1e6,
     .def = "300..10000 m/s",
     .doc = "of what passes along: the slowest says how long a pick waits for its neighbours"},
    {0}};

static mr_status coincidence_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    const coincidence *s = self;
    if ((uint64_t)s->channels > in->nc)
        return MR_RAISE(MR_ECONFIG, "channels: %lld are never on at once: the array has %zu",
                        (long long)s->channels, in->nc);
    out->quantity = "events";
    (void)needs;
    return MR_OK;
}

/* --- the sweep ------------------------------------------------------------------------------- */

/* Picks that belong together so far. */
typedef struct component {
    mr_pick *v; /* [n] */
    size_t n, cap;
    int64_t first, last; /* on */
    int64_t cell;        /* of the first */
    bool broken;
    struct component *next; /* of the open ones */
} component;

/* A pick that later ones may still join. */
typedef struct recent {
    int64_t on;
    component *of;
    struct recent *next; /* earlier ones of the channel */
} recent;

typedef struct sweep {
    const coincidence *s;
    mr_joining in;
    size_t *by_place, *rank; /* [nc] channels in order of place; and where in it each is */
    recent **of_channel;     /* [nc] */
    component *open;
    mr_event *ready; /* events that wait for their turn */
    size_t n_ready, cap_ready;
    double *pair; /* [MOST_PAIRS] */
    int64_t horizon;
} sweep;

static int by_number(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, by_number);
    return n % 2 ? v[n / 2] : 0.5 * (v[n / 2 - 1] + v[n / 2]);
}

static int64_t cell_of(const sweep *w, int64_t on)
{
    return mr_window_number(on, w->in.cell_ns, w->in.rate_hz);
}

static void component_free(component *c)
{
    if (c) free(c->v);
    free(c);
}

/* Slopes dt / dx in s/m of pairs i < j, by their number among all pairs, evenly at most MOST_PAIRS
 * of them; those of one place have none. */
static size_t slopes(const sweep *w, const component *c, double *out)
{
    const uint64_t all = (uint64_t)c->n * (c->n - 1) / 2, most = MR_MIN(all, (uint64_t)MOST_PAIRS);
    uint64_t row = 0, before = 0; /* pairs of rows before this one */
    size_t n = 0;
    for (uint64_t k = 0; k < most; k++) {
        const uint64_t at = most == all ? k : k * all / most;
        while (at - before >= c->n - 1 - row) before += c->n - 1 - row++;
        const mr_pick *a = &c->v[row], *b = &c->v[row + 1 + (at - before)];
        const double dx = w->in.distance_m[b->channel] - w->in.distance_m[a->channel];
        if (dx != 0) out[n++] = (double)(b->on - a->on) / w->in.rate_hz / dx;
    }
    return n;
}

static void velocity_of(const sweep *w, const component *c, mr_event *e)
{
    e->velocity = e->velocity_sd = NAN;
    if (e->n < LEAST_CHANNELS) return;
    const size_t n = slopes(w, c, w->pair);
    if (!n) return;
    const double slope = median(w->pair, n);
    for (size_t i = 0; i < n; i++) w->pair[i] = fabs(w->pair[i] - slope);
    e->velocity = 1 / slope;
    e->velocity_sd = median(w->pair, n) / sqrt((double)n) / (slope * slope);
}

static mr_event event_of(const component *c)
{
    mr_event e = {.on = c->first,
                  .off = INT64_MIN,
                  .peak = -INFINITY,
                  .channel = {UINT32_MAX, 0},
                  .score = NAN,
                  .template = -1,
                  .flags = c->broken ? MR_CONTINUED : 0};
    for (size_t i = 0; i < c->n; i++) {
        const mr_pick *p = &c->v[i];
        e.off = MR_MAX(e.off, p->off);
        e.channel[0] = MR_MIN(e.channel[0], p->channel);
        e.channel[1] = MR_MAX(e.channel[1], p->channel);
        e.flags |= p->flags;
        if (p->peak > e.peak) {
            e.peak = p->peak;
            e.peak_at = p->peak_at;
            e.peak_channel = p->channel;
        }
    }
    return e;
}

static int by_channel(const void *pa, const void *pb)
{
    const uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return (a > b) - (a < b);
}

/* Different channels of a component. */
static mr_status count_channels(const component *c, uint32_t *out)
{
    uint32_t *v = NULL, n = 0;
    const mr_status st = mr_alloc(c->n, sizeof *v, "an event's channels", &v);
    if (st != MR_OK) return st;
    for (size_t i = 0; i < c->n; i++) v[i] = c->v[i].channel;
    qsort(v, c->n, sizeof *v, by_channel);
    for (size_t i = 0; i < c->n; i++) n += i == 0 || v[i] != v[i - 1];
    free(v);
    *out = n;
    return MR_OK;
}

static mr_status close_component(sweep *w, component *c)
{
    mr_status st = MR_OK;
    uint32_t n = 0;
    MR_TRY(count_channels(c, &n));
    if (n >= (uint64_t)w->s->channels) {
        mr_picks_sort(c->v, c->n); /* whatever order it was joined in */
        mr_event e = event_of(c);
        e.n = n;
        velocity_of(w, c, &e);
        MR_TRY(mr_grow(&w->ready, &w->cap_ready, w->n_ready + 1, sizeof e, "events"));
        w->ready[w->n_ready++] = e;
    }
out:
    component_free(c);
    return st;
}

static int by_start(const void *pa, const void *pb)
{
    const mr_event *a = pa, *b = pb;
    if (a->on != b->on) return a->on < b->on ? -1 : 1;
    if (a->channel[0] != b->channel[0]) return a->channel[0] < b->channel[0] ? -1 : 1;
    return (a->peak_at > b->peak_at) - (a->peak_at < b->peak_at);
}

/* Give what no open or later component can come before. */
static mr_status give_ready(sweep *w, int64_t before)
{
    mr_status st = MR_OK;
    size_t k = 0;
    for (const component *c = w->open; c; c = c->next) before = MR_MIN(before, c->first);
    if (!w->n_ready) return MR_OK;
    qsort(w->ready, w->n_ready, sizeof *w->ready, by_start);
    while (k < w->n_ready && w->ready[k].on < before) MR_TRY(w->in.give(w->in.arg, &w->ready[k++]));
out:
    memmove(w->ready, w->ready + k, (w->n_ready - k) * sizeof *w->ready);
    w->n_ready -= k;
    return st;
}

/* Picks of a channel that no one can join any more, from where they begin on. */
static void forget(sweep *w, size_t c, int64_t now)
{
    recent **at = &w->of_channel[c];
    while (*at && now - (*at)->on <= w->horizon) at = &(*at)->next;
    for (recent *r = *at, *next; r; r = next) {
        next = r->next;
        free(r);
    }
    *at = NULL;
}

/* Close what pick number `now` and later ones cannot join. */
static mr_status close_old(sweep *w, int64_t now)
{
    mr_status st = MR_OK;
    const int64_t cell = cell_of(w, now);
    bool any = false;
    for (component **at = &w->open; *at;) {
        component *c = *at;
        const bool over = now - c->last > w->horizon, breaks = cell >= c->cell + SPAN_CELLS;
        if (!over && !breaks) {
            at = &c->next;
            continue;
        }
        for (size_t i = 0; i < c->n; i++) /* no one may come to it by an old pick */
            for (recent *r = w->of_channel[c->v[i].channel]; r; r = r->next)
                if (r->of == c) r->of = NULL;
        c->broken = c->broken || !over;
        *at = c->next;
        MR_TRY(close_component(w, c));
        any = true;
    }
    if (any) MR_TRY(give_ready(w, now));
out:
    return st;
}

/* Component b becomes part of a, the larger one. */
static mr_status unite(sweep *w, component **pa, component *b)
{
    mr_status st = MR_OK;
    component *a = *pa;
    if (a->n < b->n) {
        component *t = a;
        a = b;
        b = t;
    }
    MR_TRY(mr_grow(&a->v, &a->cap, a->n + b->n, sizeof *a->v, "an event's picks"));
    memcpy(a->v + a->n, b->v, b->n * sizeof *b->v);
    for (size_t i = 0; i < b->n; i++)
        for (recent *r = w->of_channel[b->v[i].channel]; r; r = r->next)
            if (r->of == b) r->of = a;
    a->n += b->n;
    a->first = MR_MIN(a->first, b->first);
    a->last = MR_MAX(a->last, b->last);
    a->cell = MR_MIN(a->cell, b->cell);
    a->broken = a->broken || b->broken;
    for (component **at = &w->open; *at; at = &(*at)->next)
        if (*at == b) {
            *at = b->next;
            break;
        }
    component_free(b);
    *pa = a;
out:
    return st;
}

/* Join the pick with what it belongs to on channel c. */
static mr_status join_channel(sweep *w, const mr_pick *p, size_t c, double dx, component **own)
{
    mr_status st = MR_OK;
    const double reach = dx * w->in.rate_hz / w->s->velocity[0] + 2;
    for (recent *r = w->of_channel[c]; r && (double)(p->on - r->on) <= reach; r = r->next) {
        if (!r->of || r->of == *own) continue;
        if (*own)
            MR_TRY(unite(w, own, r->of));
        else
            *own = r->of;
    }
out:
    return st;
}

static mr_status coincidence_add(void *state, const mr_pick *p)
{
    mr_status st = MR_OK;
    sweep *w = state;
    component *own = NULL;
    recent *r = NULL;
    const double *x = w->in.distance_m, here = x[p->channel];
    const size_t at = w->rank[p->channel];
    MR_TRY(close_old(w, p->on));
    for (size_t i = at + 1; i-- > 0 && here - x[w->by_place[i]] <= w->s->within_m;)
        MR_TRY(join_channel(w, p, w->by_place[i], here - x[w->by_place[i]], &own));
    for (size_t i = at + 1; i < w->in.nc && x[w->by_place[i]] - here <= w->s->within_m; i++)
        MR_TRY(join_channel(w, p, w->by_place[i], x[w->by_place[i]] - here, &own));
    if (!own) {
        MR_TRY(mr_alloc(1, sizeof *own, "an event", &own));
        *own = (component){.first = p->on, .cell = cell_of(w, p->on), .next = w->open};
        w->open = own;
    }
    MR_TRY(mr_grow(&own->v, &own->cap, own->n + 1, sizeof *own->v, "an event's picks"));
    own->v[own->n++] = *p;
    own->last = p->on;
    forget(w, p->channel, p->on);
    MR_TRY(mr_alloc(1, sizeof *r, "a pick", &r));
    *r = (recent){p->on, own, w->of_channel[p->channel]};
    w->of_channel[p->channel] = r;
out:
    return st;
}

static mr_status coincidence_end(void *state, bool drop)
{
    mr_status st = MR_OK;
    sweep *w = state;
    if (!w) return MR_OK;
    for (component *c; (c = w->open);) {
        w->open = c->next;
        if (!drop && st == MR_OK)
            st = close_component(w, c);
        else
            component_free(c);
    }
    if (!drop && st == MR_OK) st = give_ready(w, INT64_MAX);
    for (size_t c = 0; w->of_channel && c < w->in.nc; c++) {
        for (recent *r = w->of_channel[c], *next; r; r = next) {
            next = r->next;
            free(r);
        }
    }
    free(w->by_place);
    free(w->rank);
    free(w->of_channel);
    free(w->ready);
    free(w->pair);
    free(w);
    return st;
}

static int by_place(const void *pa, const void *pb, void *arg)
{
    const double *x = arg;
    const size_t a = *(const size_t *)pa, b = *(const size_t *)pb;
    if (x[a] != x[b]) return x[a] < x[b] ? -1 : 1;
    return (a > b) - (a < b);
}

static mr_status coincidence_begin(const void *self, const mr_joining *in, void **state)
{
    mr_status st = MR_OK;
    sweep *w = NULL;
    MR_TRY(mr_alloc(1, sizeof *w, "events", &w));
    w->s = self;
    w->in = *in;
    w->horizon = (int64_t)floor(w->s->within_m * in->rate_hz / w->s->velocity[0] + 2);
    MR_TRY(mr_alloc(in->nc, sizeof *w->by_place, "channels", &w->by_place));
    MR_TRY(mr_alloc(in->nc, sizeof *w->rank, "channels", &w->rank));
    MR_TRY(mr_alloc(in->nc, sizeof(recent *), "channels", &w->of_channel));
    MR_TRY(mr_alloc_f64(MOST_PAIRS, "pairs", &w->pair));
    for (size_t c = 0; c < in->nc; c++) w->by_place[c] = c;
    qsort_r(w->by_place, in->nc, sizeof *w->by_place, by_place, (void *)(uintptr_t)in->distance_m);
    for (size_t i = 0; i < in->nc; i++) w->rank[w->by_place[i]] = i;
    *state = w;
    w = NULL;
out:
    coincidence_end(w, true);
    return st;
}

const mr_op mr_op_coincidence = {
    .name = "coincidence",
    .example = "channels: 2, within: 200 m",
    .doc = "events: picks of neighbouring channels that belong together, once per span",
    .ref = "Allen 1982 (association of picks); median of slopes: Theil 1950, Sen 1968",
    .size = sizeof(coincidence),
    .params = coincidence_params,
    .bind = coincidence_bind,
    .join = &(const mr_joiner){
        .begin = coincidence_begin, .add = coincidence_add, .end = coincidence_end}};
