/* ops/kernels/sos.c: see sos.h. Channels go through in bundles of BUNDLE, time in chunks of CHUNK
 * rows that stay in the first-level cache while all sections run over them; a section's state stays
 * in registers. */
#include "ops/kernels/sos.h"
#include "millrace/op_fast.h"
#include "ops/kernels/simd.h"
#include <string.h>

enum { BUNDLE = MR_BUNDLE, CHUNK = 32, FEED = 2 * CHUNK, MAX_PAD = 3 * (2 * MR_MAX_SECTIONS + 1) };

typedef struct lanes { /* states of one bundle: [section][2][BUNDLE] */
    double z[MR_MAX_SECTIONS][2][BUNDLE];
} lanes __attribute__((aligned(64)));

/* One bundle of channels of a view on its way through the cascade. */
typedef struct bundle {
    const mr_sos *f;
    const mr_kernels *simd;
    size_t w, wide; /* channels of this bundle that exist; rounded up to MR_LANES */
    lanes st;
    double *rows; /* where the input's last rows are kept, or NULL */
} bundle;

/* Rows of g->w channels of any width to or from the padded rows of the buffer. */
static void pad_rows(const bundle *g, const double *in, ptrdiff_t is, double *buf, size_t nt)
{
    memset(buf, 0, nt * BUNDLE * sizeof *buf);
    for (size_t r = 0; r < nt; r++)
        memcpy(buf + r * BUNDLE, in + (ptrdiff_t)r * is, g->w * sizeof *buf);
}

static void unpad_rows(const bundle *g, const double *buf, double *out, ptrdiff_t os, size_t nt)
{
    for (size_t r = 0; r < nt; r++)
        memcpy(out + (ptrdiff_t)r * os, buf + r * BUNDLE, g->w * sizeof *buf);
}

/* May a section run in one go with the one before it? */
static bool pairs_with(const mr_section *s)
{
    return s->b0 == 1 && s->b2 == 1;
}

/* nt rows from src to dst (NULL: thrown away) through all sections. */
static void run_rows(bundle *g, const double *src, ptrdiff_t ss, double *dst, ptrdiff_t ds,
                     size_t nt)
{
    double buf[CHUNK * BUNDLE] __attribute__((aligned(64)));
    const bool direct = g->w == g->wide;
    for (size_t t = 0; t < nt; t += CHUNK) {
        const size_t m = MR_MIN((size_t)CHUNK, nt - t);
        const double *in = src + (ptrdiff_t)t * ss;
        double *out = dst ? dst + (ptrdiff_t)t * ds : NULL;
        if (!direct) pad_rows(g, in, ss, buf, m);
        for (size_t k = 0, did; k < g->f->n; k += did) {
            const bool from = k == 0 && direct;
            did = g->simd->pairs && k + 1 < g->f->n && pairs_with(&g->f->s[k + 1]) ? 2 : 1;
            const bool to = k + did == g->f->n && direct && out;
            g->simd->sections(&g->f->s[k], did, from ? in : buf, from ? ss : BUNDLE, to ? out : buf,
                              to ? ds : BUNDLE, m, g->wide, g->st.z[k]);
        }
        if (!direct && out) unpad_rows(g, buf, out, ds, m);
    }
}

/* The steady state for a constant input equal to row x. */
static void steady(bundle *g, const double *x)
{
    memset(&g->st, 0, sizeof g->st);
    for (size_t k = 0; k < g->f->n; k++)
        for (size_t j = 0; j < 2; j++)
            for (size_t c = 0; c < g->w; c++) g->st.z[k][j][c] = g->f->zi[k][j] * x[c];
}

static void state_load(bundle *g, const double *state, size_t nc)
{
    memset(&g->st, 0, sizeof g->st);
    for (size_t k = 0; k < 2 * g->f->n; k++)
        memcpy(g->st.z[k / 2][k % 2], state + k * nc, g->w * sizeof *state);
}

static void state_save(const bundle *g, double *state, size_t nc)
{
    for (size_t k = 0; k < 2 * g->f->n; k++)
        memcpy(state + k * nc, g->st.z[k / 2][k % 2], g->w * sizeof *state);
}

/* Odd extension about row `edge`: e[k] = 2 edge - edge[(k + 1) * step], k in [0, n). */
static void extend(const double *edge, ptrdiff_t step, size_t w, size_t n, double e[][BUNDLE])
{
    for (size_t k = 0; k < n; k++)
        for (size_t c = 0; c < w; c++)
            e[k][c] = 2 * edge[c] - edge[(ptrdiff_t)(k + 1) * step + (ptrdiff_t)c];
}

/* Rows [t, to) of the input, each pulled in just before it is read. */
static void run_fed(bundle *g, const mr_piece *p, const double *x, double *dst, ptrdiff_t ds,
                    size_t t, size_t to)
{
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride;
    const size_t step = p->feed ? FEED : to - t;
    for (size_t m; t < to; t += m) {
        m = MR_MIN(step, to - t);
        if (p->feed) p->feed->pull(p->feed->arg, t + m);
        run_rows(g, x + (ptrdiff_t)t * ss, ss, dst + (ptrdiff_t)t * ds, ds, m);
    }
}

/* The same to the end, the last rows kept as they came. */
static void run_kept(bundle *g, const mr_piece *p, const double *x, double *dst, ptrdiff_t ds)
{
    const size_t nt = p->x->nt, nc = p->x->nc, n = MR_MIN(g->f->pad, nt);
    run_fed(g, p, x, dst, ds, 0, nt - n);
    if (p->feed) p->feed->pull(p->feed->arg, nt);
    for (size_t k = 0; k < n; k++)
        memcpy(g->rows + (g->f->pad - n + k) * nc, x + (nt - n + k) * p->x->stride,
               g->w * sizeof *x);
    run_fed(g, p, x, dst, ds, nt - n, nt);
}

/* The forward run over the channels of g, x at its first row, from x to dst. */
static void forward(bundle *g, mr_phase phase, const mr_piece *p, const double *x, double *dst,
                    ptrdiff_t ds, double *state)
{
    const size_t nt = p->x->nt, nc = p->x->nc;
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride;
    size_t pad = MR_MIN(g->f->pad, nt - 1);
    if (!p->fresh) {
        state_load(g, state, nc);
    } else if (p->x0 > p->span.a || phase == MR_PHASE_STEADY) {
        steady(g, x);
    } else if (phase == MR_PHASE_ZERO && pad > 0) {
        double e[MAX_PAD][BUNDLE];
        extend(x, ss, g->w, pad, e);
        steady(g, e[pad - 1]);
        run_rows(g, e[pad - 1], -(ptrdiff_t)BUNDLE, NULL, 0, pad);
    } else if (phase == MR_PHASE_ZERO) {
        steady(g, x);
    } else {
        memset(&g->st, 0, sizeof g->st);
    }
    size_t cut = nt;
    if (p->snap < p->x0 + (int64_t)nt) cut = p->snap > p->x0 ? (size_t)(p->snap - p->x0) : 0;
    if (g->rows)
        run_kept(g, p, x, dst, ds);
    else
        run_fed(g, p, x, dst, ds, 0, cut);
    if (p->snap != INT64_MAX) state_save(g, state, nc);
    if (!g->rows) run_fed(g, p, x, dst, ds, cut, nt);
}

/* Odd extension about the span's last row, of rows of x and where they do not suffice of those
 * before it; how many, 0 where x does not end with the span. */
static size_t mirror_end(const bundle *g, const mr_piece *p, const double *x, const double *prior,
                         double e[][BUNDLE])
{
    const int64_t end = p->x0 + (int64_t)p->x->nt;
    const size_t nt = p->x->nt, nc = p->x->nc, pad = g->f->pad;
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride;
    if (end != p->span.b) return 0;
    const size_t n = MR_MIN(pad, (size_t)(end - p->span.a) - 1), in_x = MR_MIN(n, nt - 1);
    const double *edge = x + (ptrdiff_t)(nt - 1) * ss;
    extend(edge, -ss, g->w, in_x, e);
    for (size_t k = in_x; k < n; k++)
        for (size_t c = 0; c < g->w; c++)
            e[k][c] = 2 * edge[c] - prior[(pad - 1 - (k - in_x)) * nc + c];
    return n;
}

/* The forward run over x in place, its last row to `last` (or NULL), and the states with which the
 * backward run begins. */
static void turn(bundle *g, const mr_piece *p, double *x, const double *prior, double *state,
                 double *last)
{
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride;
    double *end = x + (ptrdiff_t)(p->x->nt - 1) * ss;
    double e[MAX_PAD][BUNDLE];
    const size_t pad = mirror_end(g, p, x, prior, e); /* before x is overwritten */
    forward(g, MR_PHASE_ZERO, p, x, x, ss, state);
    if (last) memcpy(last, end, g->w * sizeof *end);
    if (pad == 0) {
        steady(g, end);
        return;
    }
    run_rows(g, e[0], BUNDLE, e[0], BUNDLE, pad);
    steady(g, e[pad - 1]);
    run_rows(g, e[pad - 1], -(ptrdiff_t)BUNDLE, NULL, 0, pad);
}

static void both_ways(bundle *g, const mr_piece *p, double *x, double *y, double *state)
{
    const size_t nt = p->x->nt, first = (size_t)(p->y0 - p->x0), after = first + p->y->nt;
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride, ys = (ptrdiff_t)p->y->stride;
    turn(g, p, x, NULL, state, NULL);
    run_rows(g, x + (ptrdiff_t)(nt - 1) * ss, -ss, NULL, 0, nt - after);
    if (p->y->nt > 0)
        run_rows(g, x + (ptrdiff_t)(after - 1) * ss, -ss, y + (ptrdiff_t)(p->y->nt - 1) * ys, -ys,
                 p->y->nt);
}

static void forward_only(bundle *g, mr_phase phase, const mr_piece *p, double *x, double *y,
                         double *state)
{
    const size_t first = (size_t)(p->y0 - p->x0);
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride, ys = (ptrdiff_t)p->y->stride;
    forward(g, phase, p, x, x, ss, state);
    if (y == x + (ptrdiff_t)first * ss) return;
    for (size_t t = 0; t < p->y->nt; t++)
        memcpy(y + (ptrdiff_t)t * ys, x + (ptrdiff_t)(first + t) * ss, g->w * sizeof *y);
}

/* Pull in what is looked at first: the first rows start the state; at the span's end its last ones
 * are mirrored. */
static void pull_ends(const mr_sos *f, const mr_piece *p)
{
    const bool end = p->x0 + (int64_t)p->x->nt == p->span.b;
    MR_ASSERT(f->pad <= MAX_PAD && p->x->nt > 0);
    if (p->feed) p->feed->pull(p->feed->arg, end ? p->x->nt : MR_MIN(p->x->nt, f->pad + FEED));
}

/* The channels of p from c on that go side by side. */
static bundle bundle_at(const mr_sos *f, const mr_piece *p, size_t c)
{
    bundle g = {.f = f, .simd = mr_simd(), .w = MR_MIN((size_t)BUNDLE, p->x->nc - c)};
    g.wide = (g.w + MR_LANES - 1) / MR_LANES * MR_LANES;
    return g;
}

void mr_sos_run(const mr_sos *f, mr_phase phase, const mr_piece *p)
{
    MR_ASSERT(p->y0 >= p->x0 && p->y0 + (int64_t)p->y->nt <= p->x0 + (int64_t)p->x->nt);
    pull_ends(f, p);
    for (size_t c = 0; c < p->x->nc; c += BUNDLE) {
        bundle g = bundle_at(f, p, c);
        double *state = p->state ? p->state + c : NULL;
        if (phase == MR_PHASE_ZERO)
            both_ways(&g, p, p->x->d + c, p->y->d + c, state);
        else
            forward_only(&g, phase, p, p->x->d + c, p->y->d + c, state);
    }
}

void mr_sos_run_open(const mr_sos *f, const mr_piece *p, const mr_sos_open *o)
{
    MR_ASSERT(p->snap == INT64_MAX || p->snap == p->x0 + (int64_t)p->x->nt);
    pull_ends(f, p);
    const ptrdiff_t ss = (ptrdiff_t)p->x->stride;
    for (size_t c = 0; c < p->x->nc; c += BUNDLE) {
        bundle g = bundle_at(f, p, c);
        double *end = p->x->d + c + (ptrdiff_t)(p->x->nt - 1) * ss;
        g.rows = o->rows + c;
        turn(&g, p, p->x->d + c, o->prior ? o->prior + c : NULL, p->state + c, o->last + c);
        run_rows(&g, end, -ss, end, -ss, p->x->nt - o->from);
        state_save(&g, o->back + c, p->x->nc);
    }
}

void mr_sos_needs(const mr_sos *f, mr_phase phase, mr_needs *needs)
{
    const bool zero = phase == MR_PHASE_ZERO;
    needs->memory = MR_MEM_FADING;
    needs->fade = f->fade;
    needs->state = 2 * f->n;
    /* the extension at the span's end mirrors pad samples before it, whatever the block */
    needs->before = zero ? f->pad : 0;
    needs->after = zero ? MR_MAX(f->fade, f->pad + 1) : 0;
    needs->lti = true;
}

mr_status mr_sos_describe(const mr_sos *f, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < f->n; i++) {
        const mr_section *s = &f->s[i];
        MR_TRY(mr_text_add(t, " [%a %a %a %a %a]", s->b0, s->b1, s->b2, s->a1, s->a2));
    }
    MR_TRY(mr_text_add(t, " fade=%zu", f->fade));
out:
    return st;
}
