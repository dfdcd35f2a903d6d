/* ops/list/op_savgol.c: Savitzky-Golay: a polynomial of least squares through the samples around
 * each, its value or derivative there. */
#include "ops/ops.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ORDER = 10, MOST_SAMPLES = 10001 };

typedef struct savgol {
    int64_t window_ns, order, derivative;
    size_t n;  /* samples, odd */
    double *h; /* [n] owned: the value in the middle from the values around it */
    char unit[64];
} savgol;

static const mr_param savgol_params[] = {
    {"window", MR_NS, offsetof(savgol, window_ns), .min = 1e-6, .max = 86400,
     .doc = "around each sample, rounded up to an odd number of samples; at the span's ends the "
            "polynomial through "
            "the first and the last ones goes on"},
    {"order", MR_INT, offsetof(savgol, order), .def = "2", .min = 0, .max = MOST_ORDER,
     .doc = "of the polynomial"},
    {"derivative", MR_INT, offsetof(savgol, derivative), .def = "0", .min = 0, .max = 4,
     .doc = "0: the value, 1: the first derivative in time, ..."},
    {0}};

/* Derivative d of the polynomial of order p through n evenly spaced values, at place e (0 .. n -
 * 1): weights w[n]. By the polynomials that are orthonormal over the n places (Gram's), whose
 * three-term recurrence also gives their derivatives: no equations are solved. */
static void weights(size_t n, int64_t p, int64_t d, size_t e, double rate_hz, double *w)
{
    const double mid = 0.5 * (double)(n - 1), scale = mid > 0 ? mid : 1; /* places within -1 .. 1 */
    const double at = ((double)e - mid) / scale;
    double q[MOST_ORDER + 2][5] = {{0}}, b[MOST_ORDER + 2] = {0};
    /* b_i of Gram's polynomials on n places: i / 2 sqrt((n^2 - i^2) / (4 i^2 - 1)), in places */
    for (int64_t i = 1; i <= p; i++)
        b[i] = (double)i / 2 *
               sqrt(((double)n * (double)n - (double)(i * i)) / (4.0 * (double)(i * i) - 1)) /
               scale;
    q[0][0] = 1 / sqrt((double)n);
    for (int64_t i = 0; i < p; i++)
        for (int64_t k = 0; k <= d; k++)
            q[i + 1][k] = (at * q[i][k] + (k > 0 ? (double)k * q[i][k - 1] : 0) -
                           (i > 0 ? b[i] * q[i - 1][k] : 0)) /
                          b[i + 1];
    const double per = pow(rate_hz / scale, (double)d);
    for (size_t j = 0; j < n; j++) {
        const double x = ((double)j - mid) / scale;
        double last = 0, now = 1 / sqrt((double)n), sum = 0;
        for (int64_t i = 0; i <= p; i++) {
            sum += q[i][d] * now;
            if (i == p) break;
            const double next = (x * now - (i > 0 ? b[i] * last : 0)) / b[i + 1];
            last = now;
            now = next;
        }
        w[j] = per * sum;
    }
}

static void unit_of(savgol *s, const mr_geom *in, mr_geom *out)
{
    if (s->derivative == 0) return;
    const char *u = in->unit ? in->unit : "1";
    snprintf(s->unit, sizeof s->unit, strcmp(u, "1") == 0 ? "%.0ss-%d" : "%.50s s-%d", u,
             (int)s->derivative);
    out->unit = s->unit;
    const char *q = in->quantity ? in->quantity : "";
    out->quantity = s->derivative > 1                ? "derivative"
                    : strcmp(q, "strain") == 0       ? "strain_rate"
                    : strcmp(q, "displacement") == 0 ? "velocity"
                                                     : "derivative";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
}

static mr_status savgol_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    savgol *s = self;
    const int64_t n = llround((double)s->window_ns * 1e-9 * in->rate_hz) / 2 * 2 + 1;
    if (n <= s->order || n > MOST_SAMPLES)
        return MR_RAISE(MR_ECONFIG,
                        "window: %lld samples at %g Hz; more than the order (%lld) are needed, "
                        "up to %d",
                        (long long)n, in->rate_hz, (long long)s->order, MOST_SAMPLES);
    if (s->derivative > s->order)
        return MR_RAISE(MR_ECONFIG,
                        "derivative %lld of a polynomial of order %lld is zero everywhere",
                        (long long)s->derivative, (long long)s->order);
    needs->no_level = s->derivative > 0;
    s->n = (size_t)n;
    const mr_status st = mr_alloc_f64(s->n, "the polynomial's weights", &s->h);
    if (st != MR_OK) return st;
    weights(s->n, s->order, s->derivative, s->n / 2, in->rate_hz, s->h);
    needs->before = needs->after = s->n - 1; /* half of it, but at the span's ends */
    needs->scratch = s->n;
    unit_of(s, in, out);
    return MR_OK;
}

MR_CLONES static void weigh(const double *h, size_t n, const double *x, size_t stride, double *y,
                            size_t w)
{
    for (size_t c = 0; c < w; c++) y[c] = 0;
    for (size_t j = 0; j < n; j++)
        for (size_t c = 0; c < w; c++) y[c] += h[j] * x[j * stride + c];
}

static void savgol_apply(const void *self, const mr_piece *p)
{
    const savgol *s = self;
    const int64_t rows = p->span.b - p->span.a, half = (int64_t)s->n / 2;
    const size_t n = (size_t)MR_MIN((int64_t)s->n, rows);
    for (size_t t = 0; t < p->y->nt; t++) {
        const int64_t i = p->y0 + (int64_t)t;
        int64_t from = MR_MAX(i - half, p->span.a);
        from = MR_MIN(from, p->span.b - (int64_t)n);
        const double *h = s->h;
        if (n < s->n || i - from != half) { /* towards an end, or a span shorter than the window */
            const int64_t order = MR_MIN(s->order, (int64_t)n - 1);
            memset(p->scratch, 0, s->n * sizeof *p->scratch);
            if (s->derivative <= order)
                weights(n, order, s->derivative, (size_t)(i - from), p->rate_hz, p->scratch);
            h = p->scratch;
        }
        weigh(h, n, mr_at(p->x, (size_t)(from - p->x0), 0), p->x->stride, mr_at(p->y, t, 0),
              p->y->nc);
    }
}

static void savgol_release(void *self)
{
    free(((savgol *)self)->h);
}

static mr_status savgol_describe(const void *self, mr_text *t)
{
    const savgol *s = self;
    return mr_text_add(t, " n=%zu h0=%a", s->n, s->h[0]);
}

const mr_op mr_op_savgol = {.name = "savgol",
                            .example = "window: 200 ms, order: 3",
                            .doc = "Savitzky-Golay: smooth or differentiate by polynomials",
                            .ref = "scipy.signal.savgol_filter(mode=interp)",
                            .size = sizeof(savgol),
                            .params = savgol_params,
                            .bind = savgol_bind,
                            .map = savgol_apply,
                            .release = savgol_release,
                            .describe = savgol_describe};
