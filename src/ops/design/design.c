/* ops/design/design.c: analog prototypes, their transforms, and the pairing of poles with zeros,
 * step for step as scipy.signal.iirfilter does it (zeros, poles, gain; then zpk2sos "nearest"). */
#include "ops/design/design.h"
#include <complex.h>
#include <math.h>
#include <string.h>

#define MAX_ROOTS (2 * MR_MAX_SECTIONS + 2)
typedef double complex cplx;

typedef struct roots {
    size_t n;
    cplx v[MAX_ROOTS];
} roots;

typedef struct zpk {
    roots z, p;
    double k;
} zpk;

static void put(roots *r, cplx v)
{
    MR_ASSERT(r->n < MAX_ROOTS);
    r->v[r->n++] = v;
}

static cplx take(roots *r, size_t i)
{
    cplx v = r->v[i];
    for (size_t j = i + 1; j < r->n; j++) r->v[j - 1] = r->v[j];
    r->n--;
    return v;
}

static bool is_real(cplx v)
{
    return cimag(v) == 0;
}

static size_t count_real(const roots *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) n += is_real(r->v[i]);
    return n;
}

/* --- prototypes ----------------------------------------------------------------------------------
 */

static void proto_butter(int order, zpk *f)
{
    *f = (zpk){.k = 1};
    for (int m = -order + 1; m < order; m += 2) put(&f->p, -cexp(I * M_PI * m / (2.0 * order)));
}

static void proto_cheby1(int order, double ripple_db, zpk *f)
{
    double eps = sqrt(pow(10, 0.1 * ripple_db) - 1), mu = asinh(1 / eps) / order;
    cplx k = 1;
    *f = (zpk){0};
    for (int m = -order + 1; m < order; m += 2) {
        cplx p = -csinh(mu + I * M_PI * m / (2.0 * order));
        put(&f->p, p);
        k *= -p;
    }
    f->k = creal(k);
    if (order % 2 == 0) f->k /= sqrt(1 + eps * eps);
}

/* --- transforms of the prototype (which has no zeros) --------------------------------------------
 */

static void to_lowpass(zpk *f, double wo)
{
    f->k *= pow(wo, (double)f->p.n);
    for (size_t i = 0; i < f->p.n; i++) f->p.v[i] *= wo;
}

static void to_highpass(zpk *f, double wo)
{
    cplx prod = 1;
    for (size_t i = 0; i < f->p.n; i++) {
        prod *= -f->p.v[i];
        f->p.v[i] = wo / f->p.v[i];
        put(&f->z, 0);
    }
    f->k *= creal(1 / prod);
}

/* Each pole p becomes the two roots of s^2 - 2 s p + wo^2. */
static void split_poles(zpk *f, double wo)
{
    size_t n = f->p.n;
    for (size_t i = 0; i < n; i++) {
        cplx p = f->p.v[i], root = csqrt(p * p - wo * wo);
        f->p.v[i] = p + root;
        put(&f->p, p - root);
    }
}

static void to_bandpass(zpk *f, double wo, double bw)
{
    size_t n = f->p.n;
    for (size_t i = 0; i < n; i++) {
        f->p.v[i] *= bw / 2;
        put(&f->z, 0);
    }
    f->k *= pow(bw, (double)n);
    split_poles(f, wo);
}

static void to_bandstop(zpk *f, double wo, double bw)
{
    size_t n = f->p.n;
    cplx prod = 1;
    for (size_t i = 0; i < n; i++) {
        prod *= -f->p.v[i];
        f->p.v[i] = (bw / 2) / f->p.v[i];
        put(&f->z, I * wo);
    }
    for (size_t i = 0; i < n; i++) put(&f->z, -I * wo);
    f->k *= creal(1 / prod);
    split_poles(f, wo);
}

/* Bilinear transform at fs = 2; zeros at infinity go to -1. */
static void to_digital(zpk *f)
{
    size_t degree = f->p.n - f->z.n;
    cplx num = 1, den = 1;
    for (size_t i = 0; i < f->z.n; i++) {
        num *= 4 - f->z.v[i];
        f->z.v[i] = (4 + f->z.v[i]) / (4 - f->z.v[i]);
    }
    for (size_t i = 0; i < f->p.n; i++) {
        den *= 4 - f->p.v[i];
        f->p.v[i] = (4 + f->p.v[i]) / (4 - f->p.v[i]);
    }
    for (size_t i = 0; i < degree; i++) put(&f->z, -1);
    f->k *= creal(num / den);
}

/* --- zeros, poles, gain -> sections
 * --------------------------------------------------------------- */

/* One of each conjugate pair (imaginary part positive) ordered by real, then imaginary part; then
 * the real ones ordered. Values that should pair are averaged. */
static void pair_conjugates(roots *r)
{
    const double tol = 100 * 2.220446049250313e-16;
    roots up = {0}, down = {0}, real = {0};
    for (size_t i = 0; i < r->n; i++) {
        cplx v = r->v[i];
        roots *to = fabs(cimag(v)) <= tol * cabs(v) ? &real : cimag(v) > 0 ? &up : &down;
        v = to == &real ? creal(v) : to == &down ? conj(v) : v;
        size_t at = to->n;
        for (; at > 0; at--) {
            cplx o = to->v[at - 1];
            bool same = fabs(creal(o) - creal(v)) <= tol * cabs(o);
            if (same ? cimag(o) <= cimag(v) : creal(o) < creal(v)) break;
        }
        put(to, 0);
        for (size_t j = to->n - 1; j > at; j--) to->v[j] = to->v[j - 1];
        to->v[at] = v;
    }
    MR_ASSERT(up.n == down.n);
    r->n = 0;
    for (size_t i = 0; i < up.n; i++) put(r, (up.v[i] + down.v[i]) / 2);
    for (size_t i = 0; i < real.n; i++) put(r, real.v[i]);
}

/* The pole nearest the unit circle; only real ones if asked. */
static size_t worst(const roots *p, bool real_only)
{
    size_t at = SIZE_MAX;
    double best = INFINITY;
    for (size_t i = 0; i < p->n; i++) {
        double d = fabs(1 - cabs(p->v[i]));
        if ((!real_only || is_real(p->v[i])) && d < best) best = d, at = i;
    }
    return at;
}

typedef enum which { ANY, REAL, COMPLEX } which;

static size_t nearest(const roots *z, cplx to, which w)
{
    size_t at = SIZE_MAX;
    double best = INFINITY;
    for (size_t i = 0; i < z->n; i++) {
        double d = cabs(z->v[i] - to);
        bool ok = w == ANY || is_real(z->v[i]) == (w == REAL);
        if (ok && d < best) best = d, at = i;
    }
    return at;
}

static mr_section section_of(cplx z1, cplx z2, cplx p1, cplx p2)
{
    return (mr_section){1, creal(-(z1 + z2)), creal(z1 * z2), creal(-(p1 + p2)), creal(p1 * p2)};
}

/* Takes the next worst pole (pair) and its nearest zeros. */
static mr_section next_section(roots *z, roots *p)
{
    cplx p1 = take(p, worst(p, false));
    if (is_real(p1) && count_real(p) == 0) /* the last real pole: a first-order section */
        return section_of(take(z, nearest(z, p1, REAL)), 0, p1, 0);
    if (p->n + 1 == z->n && !is_real(p1) && count_real(p) == 1 && count_real(z) == 1) {
        cplx z1 = take(z, nearest(z, p1, COMPLEX)); /* the real zero is kept for the real pole */
        return section_of(z1, conj(z1), p1, conj(p1));
    }
    cplx p2 = is_real(p1) ? take(p, worst(p, true)) : conj(p1);
    cplx z1 = take(z, nearest(z, p1, ANY));
    cplx z2 = is_real(z1) ? take(z, nearest(z, p1, REAL)) : conj(z1);
    return section_of(z1, z2, p1, p2);
}

static void to_sections(zpk *f, mr_sos *out)
{
    MR_ASSERT(f->z.n == f->p.n);
    if (f->p.n % 2) put(&f->p, 0), put(&f->z, 0);
    out->n = f->p.n / 2;
    pair_conjugates(&f->z);
    pair_conjugates(&f->p);
    for (size_t i = out->n; i-- > 0;) out->s[i] = next_section(&f->z, &f->p);
    out->s[0].b0 *= f->k;
    out->s[0].b1 *= f->k;
    out->s[0].b2 *= f->k;
}

mr_status mr_design_butter(mr_filter_shape shape, int order, double lo, double hi, mr_sos *out)
{
    MR_ASSERT(order >= 1 && order <= MR_MAX_SECTIONS && lo > 0 && lo < 1);
    MR_ASSERT(shape == MR_LOWPASS || shape == MR_HIGHPASS || (hi > lo && hi < 1));
    zpk f;
    mr_sos s = {0};
    double w1 = 4 * tan(M_PI * lo / 2), w2 = 4 * tan(M_PI * hi / 2);
    proto_butter(order, &f);
    switch (shape) {
    case MR_LOWPASS: to_lowpass(&f, w1); break;
    case MR_HIGHPASS: to_highpass(&f, w1); break;
    case MR_BANDPASS: to_bandpass(&f, sqrt(w1 * w2), w2 - w1); break;
    case MR_BANDSTOP: to_bandstop(&f, sqrt(w1 * w2), w2 - w1); break;
    }
    to_digital(&f);
    to_sections(&f, &s);
    mr_status st = mr_sos_finish(&s);
    if (st == MR_OK) *out = s;
    return st;
}

mr_status mr_design_cheby1(int order, double ripple_db, double edge, mr_sos *out)
{
    MR_ASSERT(order >= 1 && order <= MR_MAX_SECTIONS && edge > 0 && edge < 1);
    zpk f;
    mr_sos s = {0};
    proto_cheby1(order, ripple_db, &f);
    to_lowpass(&f, 4 * tan(M_PI * edge / 2));
    to_digital(&f);
    to_sections(&f, &s);
    mr_status st = mr_sos_finish(&s);
    if (st == MR_OK) *out = s;
    return st;
}

mr_status mr_design_notch(double w0, double q, mr_sos *out)
{
    MR_ASSERT(w0 > 0 && w0 < 1 && q > 0);
    double bw = w0 / q * M_PI, w = w0 * M_PI, gb = 1 / sqrt(2);
    double beta = (sqrt(1 - gb * gb) / gb) * tan(bw / 2), gain = 1 / (1 + beta);
    mr_sos s = {.n = 1};
    s.s[0] = (mr_section){gain, -2 * gain * cos(w), gain, -2 * gain * cos(w), 2 * gain - 1};
    mr_status st = mr_sos_finish(&s);
    if (st == MR_OK) *out = s;
    return st;
}

/* --- what follows from the sections
 * --------------------------------------------------------------- */

#define FADE_TAIL 1e-9
#define FADE_CAP (1u << 26)

static double step(const mr_sos *f, double z[][2], double x)
{
    for (size_t i = 0; i < f->n; i++) {
        const mr_section *s = &f->s[i];
        double y = s->b0 * x + z[i][0];
        z[i][0] = s->b1 * x - s->a1 * y + z[i][1];
        z[i][1] = s->b2 * x - s->a2 * y;
        x = y;
    }
    return x;
}

void mr_sos_impulse(const mr_sos *f, double *h, size_t n)
{
    double z[MR_MAX_SECTIONS][2] = {{0}};
    for (size_t t = 0; t < n; t++) h[t] = step(f, z, t == 0);
}

void mr_sos_ring(const mr_sos *f, size_t k, double *h, size_t n)
{
    double z[MR_MAX_SECTIONS][2] = {{0}};
    z[k / 2][k % 2] = 1;
    for (size_t t = 0; t < n; t++) h[t] = step(f, z, 0);
}

static double pole_radius(const mr_section *s)
{
    double disc = s->a1 * s->a1 / 4 - s->a2;
    if (disc < 0) return sqrt(s->a2);
    return fabs(s->a1) / 2 + sqrt(disc);
}

/* Two runs of the impulse response: its sum, then how far it has to be followed. */
static mr_status find_fade(mr_sos *f)
{
    double r = 0, total = 0, sum = 0;
    for (size_t i = 0; i < f->n; i++) r = fmax(r, pole_radius(&f->s[i]));
    if (!(r < 1))
        return MR_RAISE(MR_ECONFIG, "the filter is unstable in float64: a corner is too low");
    /* 1e-14 in amplitude, and room for the polynomial factors of near-multiple poles */
    double end = r == 0 ? 16 : 64 + 1.5 * log(1e-14) / log(r);
    if (end > FADE_CAP)
        return MR_RAISE(MR_ECONFIG, "the filter needs %.3g samples to fade, more than %u", end,
                        FADE_CAP);
    double z[MR_MAX_SECTIONS][2] = {{0}};
    for (size_t t = 0; t < (size_t)end; t++) total += fabs(step(f, z, t == 0));
    memset(z, 0, sizeof z);
    size_t n = 0;
    while (n < (size_t)end && total - sum >= FADE_TAIL * total) sum += fabs(step(f, z, n++ == 0));
    f->fade = n;
    return MR_OK;
}

mr_status mr_sos_finish(mr_sos *f)
{
    double scale = 1;
    size_t b2_zero = 0, a2_zero = 0;
    for (size_t i = 0; i < f->n; i++) {
        const mr_section *s = &f->s[i];
        double c1 = s->b1 - s->a1 * s->b0, c2 = s->b2 - s->a2 * s->b0, a = 1 + s->a1 + s->a2;
        double z0 = (c1 + c2) / a;
        f->zi[i][0] = scale * z0;
        f->zi[i][1] = scale * ((1 + s->a1) * z0 - c1);
        scale *= (s->b0 + s->b1 + s->b2) / a;
        b2_zero += s->b2 == 0;
        a2_zero += s->a2 == 0;
    }
    f->pad = 3 * (2 * f->n + 1 - MR_MIN(b2_zero, a2_zero));
    return find_fade(f);
}

static double bessel_i0(double x) /* the power series: all terms positive, exact to rounding */
{
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-18 * sum; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

void mr_design_firwin(size_t n, double cutoff, mr_fir_window window, double *h)
{
    double alpha = 0.5 * (double)(n - 1), sum = 0;
    for (size_t i = 0; i < n; i++) {
        double m = (double)i - alpha, r = m / alpha, x = M_PI * cutoff * m;
        double w = window == MR_HAMMING ? 0.54 - 0.46 * cos(2 * M_PI * (double)i / (double)(n - 1))
                                        : bessel_i0(5 * sqrt(1 - r * r)) / bessel_i0(5);
        const bool zero = m != 0 && fabs(cutoff * m - round(cutoff * m)) < 1e-13; /* of the sinc */
        h[i] = zero ? 0 : cutoff * (x == 0 ? 1 : sin(x) / x) * w;
        sum += h[i];
    }
    for (size_t i = 0; i < n; i++) h[i] /= sum;
}

void mr_design_hilbert(size_t half, double beta, double *h)
{
    for (size_t k = 0; k <= half; k++) {
        const double r = (double)k / (double)half;
        const double w = bessel_i0(beta * sqrt(1 - r * r)) / bessel_i0(beta);
        h[k] = k % 2 ? 2 / (M_PI * (double)k) * w : 0;
    }
}
