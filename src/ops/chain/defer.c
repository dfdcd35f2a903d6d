/* ops/chain/defer.c: see defer.h. All blocks but those at the span's end have their last row at the
 * same distance from the output grid, so one table serves every boundary. */
#include "ops/chain/defer.h"
#include "millrace/op_fast.h"
#include "ops/kernels/simd.h"
#include <stdlib.h>
#include <string.h>

struct mr_defer {
    const mr_sos *sos;
    const mr_fir *fir;
    size_t lead;     /* rows of the cascade's output that the next block's first outputs need */
    size_t deferred; /* outputs held back at most */
    size_t reach;    /* of those, how many a boundary's states change */
    double *near;    /* [lead][2 n] ringing at the rows before a boundary, nearest first */
    double *far; /* [reach][2 n] the same after the decimation, at outputs held back, last first */
};

/* What lies in mr_piece.carry, rows nc wide. */
typedef struct carried {
    double *prior; /* [pad] input before x */
    double *lead;  /* [lead] output of the cascade before x, as far as known */
    double *last;  /* [1] output of the forward run before x */
    double *y;     /* [deferred] outputs from p->y0 on, as far as known */
} carried;

static size_t states_of(const mr_defer *d)
{
    return 2 * d->sos->n;
}

static carried carried_at(const mr_defer *d, double *carry, size_t nc)
{
    carried h = {.prior = carry};
    h.lead = h.prior + d->sos->pad * nc;
    h.last = h.lead + d->lead * nc;
    h.y = h.last + nc;
    return h;
}

size_t mr_defer_carry(const mr_defer *d)
{
    return d->sos->pad + d->lead + 1 + d->deferred;
}

size_t mr_defer_scratch(const mr_defer *d)
{
    return states_of(d) + 1 + d->sos->pad + 2 * d->lead;
}

/* after: rows that the cascade needs behind one; a block's last row lies that far and the
 * decimation's own reach behind its last output, its last complete one `rest` rows before the end.
 */
static mr_status fill_tables(mr_defer *d, size_t after)
{
    mr_status st = MR_OK;
    const size_t s_n = states_of(d), q = d->fir->down, rest = after % q;
    const size_t n = rest + d->reach * q + d->fir->n;
    double *ring = NULL;
    MR_ASSERT(rest + (d->reach - 1) * q <= after);
    MR_TRY(mr_alloc_f64(n, "a filter's ringing", &ring));
    MR_TRY(mr_alloc_f64(d->lead * s_n + 1, "a filter's ringing", &d->near));
    MR_TRY(mr_alloc_f64(d->reach * s_n, "a filter's ringing", &d->far));
    for (size_t s = 0; s < s_n; s++) {
        mr_sos_ring(d->sos, s, ring, n);
        for (size_t i = 0; i < d->lead; i++) d->near[i * s_n + s] = ring[i];
        for (size_t j = 0; j < d->reach; j++) {
            double sum = 0;
            for (size_t t = 0; t < d->fir->n; t++) sum += d->fir->h[t] * ring[rest + j * q + t];
            d->far[j * s_n + s] = sum;
        }
    }
out:
    free(ring);
    return st;
}

mr_status mr_defer_new(const mr_sos *sos, const mr_fir *fir, size_t overlap, mr_defer **out)
{
    mr_status st = MR_OK;
    mr_defer *d = NULL;
    mr_needs needs = {0};
    MR_ASSERT(fir->up == 1);
    mr_sos_needs(sos, MR_PHASE_ZERO, &needs);
    MR_TRY(mr_alloc(1, sizeof *d, "a filter", &d));
    d->sos = sos;
    d->fir = fir;
    d->lead = fir->n - 1;
    d->reach = needs.after / fir->down + 1;
    d->deferred = d->reach + overlap + fir->centre / fir->down + 2; /* more where the span ends */
    MR_TRY(fill_tables(d, needs.after));
    *out = d;
    d = NULL;
out:
    mr_defer_free(d);
    return st;
}

void mr_defer_free(mr_defer *d)
{
    if (!d) return;
    free(d->near);
    free(d->far);
    free(d);
}

/* The first output that needs row `end` or a later one; of the span's end: the first beyond it. */
static int64_t outputs_to(const mr_defer *d, int64_t phase, const mr_piece *p, int64_t end)
{
    const int64_t q = (int64_t)d->fir->down;
    const int64_t ahead = end == p->span.b ? 0 : (int64_t)d->fir->centre;
    return mr_div_ceil(end - ahead - phase, q);
}

/* Of n rows that end where x begins, those that are still among the last n where it ends: to the
 * front of `to`, which may be `rows`. How many. */
static size_t pass_rows(const mr_view *x, const double *rows, size_t n, double *to)
{
    const size_t old = n > x->nt ? n - x->nt : 0;
    if (old) memmove(to, rows + (n - old) * x->nc, old * x->nc * sizeof *to);
    return old;
}

/* Outputs [m.a, m.b) into y, from rows of the cascade's output. lead: the rows before x's, of those
 * the last `have` are there. */
static void decimate(const mr_defer *d, int64_t phase, const mr_piece *p, const double *lead,
                     size_t have, double *room, mr_slab m, double *y, size_t stride)
{
    const int64_t q = (int64_t)d->fir->down;
    const size_t nc = p->x->nc;
    mr_piece part = *p;
    part.feed = NULL;
    /* the first output that needs no row before x0 */
    const int64_t free_of =
        mr_div_ceil(p->x0 + (int64_t)d->fir->n - 1 - (int64_t)d->fir->centre - phase, q);
    const int64_t cut = have ? MR_MAX(m.a, MR_MIN(m.b, free_of)) : m.a;
    if (m.a < cut) { /* where the blocks meet */
        const size_t some = MR_MIN(p->x->nt, d->lead);
        mr_view x = {room, have + some, nc, nc}, to = {y, (size_t)(cut - m.a), nc, stride};
        memcpy(room, lead + (d->lead - have) * nc, have * nc * sizeof *room);
        for (size_t t = 0; t < some; t++)
            memcpy(room + (have + t) * nc, mr_at(p->x, t, 0), nc * sizeof *room);
        part.x = &x;
        part.y = &to;
        part.x0 = p->x0 - (int64_t)have;
        part.y0 = m.a;
        mr_fir_run(d->fir, phase, &part);
    }
    if (cut < m.b) {
        mr_view to = {y + (size_t)(cut - m.a) * stride, (size_t)(m.b - cut), nc, stride};
        part.x = p->x;
        part.y = &to;
        part.x0 = p->x0;
        part.y0 = cut;
        mr_fir_run(d->fir, phase, &part);
    }
}

/* What the states at a boundary change, added to outputs held back, those numbered [m.a, m.b), on
 * their way to where the next block looks for them. to: the boundary's first output that was not
 * complete. */
static void settle(const mr_defer *d, const mr_piece *p, const carried *h, const double *delta,
                   mr_slab m, int64_t to, double *dst)
{
    const size_t nc = p->x->nc, s_n = states_of(d);
    const int64_t far = MR_MIN(MR_MAX(m.a, to - (int64_t)d->reach), m.b); /* before: as they are */
    const double *src = h->y + (size_t)(m.a - p->y0) * nc;
    if (m.a >= m.b) return;
    const size_t done = (size_t)(delta ? far - m.a : m.b - m.a);
    if (dst != src) memmove(dst, src, done * nc * sizeof *dst);
    if (!delta || far >= m.b) return;
    mr_simd()->add_rows(d->far + (size_t)(to - 1 - far) * s_n, -(ptrdiff_t)s_n, s_n, delta, nc,
                        src + done * nc, dst + done * nc, (size_t)(m.b - far), nc);
}

/* Outputs held back, [p->y0, to): to p->y and to where the next block looks for them. */
static void give_deferred(const mr_defer *d, const mr_piece *p, const carried *h,
                          const double *delta, int64_t to)
{
    const size_t nc = p->x->nc;
    const int64_t y1 = MR_MIN(p->y0 + (int64_t)p->y->nt, to);
    settle(d, p, h, delta, (mr_slab){p->y0, y1}, to, h->y);
    for (int64_t m = p->y0; m < y1; m++)
        memcpy(mr_at(p->y, (size_t)(m - p->y0), 0), h->y + (size_t)(m - p->y0) * nc,
               nc * sizeof *h->y);
    if (p->next == INT64_MAX) return;
    const int64_t both = MR_MIN(MR_MAX(p->next, p->y0), y1); /* given now and by the next block */
    double *dst = h->y;
    memmove(dst, h->y + (size_t)(both - p->y0) * nc, (size_t)(y1 - both) * nc * sizeof *dst);
    const mr_slab later = {MR_MAX(y1, p->next), to};
    if (later.a < later.b)
        settle(d, p, h, delta, later, to, h->y + (size_t)(later.a - p->next) * nc);
}

/* New outputs [from, to): to p->y, and to where the next block looks for them. */
static void give_new(const mr_defer *d, int64_t phase, const mr_piece *p, const carried *h,
                     size_t have, double *room, int64_t from, int64_t to)
{
    const size_t nc = p->x->nc;
    const int64_t y1 = p->y0 + (int64_t)p->y->nt;
    const mr_slab now = {from, MR_MIN(to, y1)}, later = {MR_MAX(from, MR_MAX(y1, p->next)), to};
    if (now.a < now.b)
        decimate(d, phase, p, h->lead, have, room, now, mr_at(p->y, (size_t)(now.a - p->y0), 0),
                 p->y->stride);
    for (int64_t m = MR_MAX(from, p->next); m < now.b; m++)
        memcpy(h->y + (size_t)(m - p->next) * nc, mr_at(p->y, (size_t)(m - p->y0), 0),
               nc * sizeof *h->y);
    if (p->next == INT64_MAX || later.a >= later.b) return;
    MR_ASSERT((size_t)(to - p->next) <= d->deferred);
    decimate(d, phase, p, h->lead, have, room, later, h->y + (size_t)(later.a - p->next) * nc, nc);
}

/* The first row of x that the decimation needs for its first output. */
static size_t first_row(const mr_defer *d, int64_t phase, const mr_piece *p)
{
    const int64_t row =
        p->y0 * (int64_t)d->fir->down + phase + (int64_t)d->fir->centre - (int64_t)d->lead - p->x0;
    return (size_t)MR_MIN(MR_MAX(row, (int64_t)0), (int64_t)p->x->nt);
}

void mr_defer_run(const mr_defer *d, int64_t phase, const mr_piece *p)
{
    const size_t nc = p->x->nc, s_n = states_of(d), pad = d->sos->pad;
    const int64_t end = p->x0 + (int64_t)p->x->nt;
    const carried h = carried_at(d, p->carry, nc);
    double *delta = p->scratch, *last = delta + s_n * nc, *prior = last + nc;
    double *room = prior + pad * nc;
    const int64_t from = p->fresh ? p->y0 : outputs_to(d, phase, p, p->x0);
    const int64_t to = outputs_to(d, phase, p, end);
    if (p->x->nt == 0) { /* the span ended with the block before */
        give_deferred(d, p, &h, NULL, from);
        return;
    }
    pass_rows(p->x, h.prior, pad, prior);
    mr_sos_run_open(d->sos, p,
                    &(mr_sos_open){.from = p->fresh ? first_row(d, phase, p) : 0,
                                   .prior = p->fresh ? NULL : h.prior,
                                   .rows = prior,
                                   .last = last,
                                   .back = delta});
    if (p->feed && p->feed->spoilt(p->feed->arg)) return;
    size_t have = 0;
    if (!p->fresh) {
        have = (size_t)MR_MIN((int64_t)d->lead, p->x0 - p->span.a);
        for (size_t s = 0; s < s_n; s++)
            for (size_t c = 0; c < nc; c++) {
                double *z = &delta[s * nc + c];
                *z = __builtin_fma(-d->sos->zi[s / 2][s % 2], h.last[c], *z);
            }
        double *lead = h.lead + (d->lead - have) * nc;
        if (have)
            mr_simd()->add_rows(d->near + (have - 1) * s_n, -(ptrdiff_t)s_n, s_n, delta, nc, lead,
                                lead, have, nc);
        give_deferred(d, p, &h, delta, from);
    }
    give_new(d, phase, p, &h, have, room, from, to);
    if (p->next == INT64_MAX) return;
    memcpy(h.prior, prior, pad * nc * sizeof *prior);
    memcpy(h.last, last, nc * sizeof *last);
    for (size_t k = pass_rows(p->x, h.lead, d->lead, h.lead); k < d->lead; k++)
        memcpy(h.lead + k * nc, mr_at(p->x, p->x->nt - d->lead + k, 0), nc * sizeof *last);
}
