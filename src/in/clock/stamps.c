/* in/clock/stamps.c: a vector of stamps as a line: all of them are looked at, a block at a time. */
#include "in/clock/stamps.h"
#include "in/layout.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK ((uint64_t)1 << 20)

/** The stamps' numbers, and what they are since the first. */
typedef struct reading {
    const mr_h5 *h;
    const mr_stamps *s;
    mr_number kind;
    int64_t first_i;
    double first_d;
    union number { /* [block] as stored, then ns since the first, in place */
        int64_t i;
        double d;
    } * v;
} reading;

/** v[n] whole numbers as ns since the first. */
MR_CLONES static void since(union number *v, size_t n, int64_t first, double per)
{
    for (size_t k = 0; k < n; k++)
        v[k].d = (double)(int64_t)((uint64_t)v[k].i - (uint64_t)first) * per;
}

/** The same of others. */
MR_CLONES static void since_f64(union number *v, size_t n, double first, double per)
{
    for (size_t k = 0; k < n; k++) v[k].d = (v[k].d - first) * per;
}

/** Are whole numbers all one step apart? Most are, and are not looked at twice then. */
MR_CLONES static bool in_step(const union number *v, size_t n, uint64_t step)
{
    uint64_t off = 0;
    for (size_t k = 1; k < n; k++) off |= (uint64_t)v[k].i - (uint64_t)v[k - 1].i - step;
    return off == 0;
}

/** The one line of whole numbers v[n] that are in step. */
static mr_status line_in_step(const reading *r, size_t n, int64_t step, mr_line *out)
{
    const double per = r->s->ns_per;
    const double t[2] = {(double)(int64_t)((uint64_t)r->v[0].i - (uint64_t)r->first_i) * per,
                         (double)(int64_t)((uint64_t)r->v[n - 1].i - (uint64_t)r->first_i) * per};
    const mr_status st = mr_line_of(t, 2, per, out);
    if (st != MR_OK) return st;
    out->piece[0].nt = n;
    out->piece[0].step_ns = out->step_ns = (double)step * per;
    return MR_OK;
}

/** Numbers [at, at + n), as ns since the first. */
static bool take(reading *r, uint64_t at, uint64_t n)
{
    if (r->kind.cls == MR_NUMBER_INT) return mr_h5_i64s(r->h, r->s->where, at, n, &r->v->i);
    return mr_h5_f64s(r->h, r->s->where, at, n, &r->v->d);
}

/** The lines of n numbers that were taken, which become ns since the first. */
static mr_status lines_of(reading *r, size_t n, double res_ns, mr_line *out)
{
    const bool whole = r->kind.cls == MR_NUMBER_INT;
    const int64_t step = whole && n > 2 ? (int64_t)((uint64_t)r->v[1].i - (uint64_t)r->v[0].i) : 0;
    if (step > 0 && step < INT32_MAX && in_step(r->v, n, (uint64_t)step))
        return line_in_step(r, n, step, out);
    if (whole)
        since(r->v, n, r->first_i, r->s->ns_per);
    else
        since_f64(r->v, n, r->first_d, r->s->ns_per);
    return mr_line_of(&r->v->d, n, res_ns, out);
}

/** What the numbers are good to, ns. */
static double resolution(const reading *r)
{
    const double per = r->s->ns_per, v = fabs(r->first_d);
    if (r->kind.cls == MR_NUMBER_INT) return per;
    if (r->kind.size == 4) return (double)(nextafterf((float)v, INFINITY) - (float)v) * per;
    return (nextafter(v, INFINITY) - v) * per;
}

/** The first number, and what all are since: ns since 1970. */
static bool begin(reading *r, mr_stamp_lines *out)
{
    const mr_stamps *s = r->s;
    if (r->kind.cls == MR_NUMBER_INT) {
        r->first_i = r->v[0].i;
        r->first_d = (double)r->first_i;
        if (!(fabs(r->first_d * s->ns_per) < 4.6e18)) return false;
        out->base_ns =
            s->ns_per >= 1 ? r->first_i * (int64_t)s->ns_per : llround(r->first_d * s->ns_per);
    } else {
        r->first_d = r->v[0].d;
        const long double ns = (long double)r->first_d * (long double)s->ns_per;
        if (!isfinite(r->first_d) || !(fabsl(ns) < 4.6e18L)) return false;
        out->base_ns = llroundl(ns);
    }
    out->res_ns = resolution(r);
    return !__builtin_add_overflow(out->base_ns, s->epoch_ns, &out->base_ns);
}

static mr_status read_lines(reading *r, uint64_t n, mr_stamp_lines *out)
{
    mr_status st = MR_OK;
    const uint64_t block = MR_MIN(n, BLOCK);
    mr_line next = {0};
    MR_TRY(mr_alloc((size_t)block, sizeof *r->v, "time stamps", &r->v));
    for (uint64_t at = 0; at < n; at += block) {
        const uint64_t k = MR_MIN(block, n - at);
        if (!take(r, r->s->first + at, k) || (at == 0 && !begin(r, out))) {
            st = MR_RAISE(MR_EINPUT, "time stamps cannot be read");
            goto out;
        }
        if (out->single) /* that of the largest */
            out->res_ns = fmax(out->res_ns, fabs(r->v[k - 1].d) * r->s->ns_per * 1.2e-7);
        MR_TRY(lines_of(r, (size_t)k, out->res_ns, &next));
        MR_TRY(mr_line_join(&out->line, &next, out->res_ns));
        mr_line_fini(&next);
    }
out:
    mr_line_fini(&next);
    free(r->v);
    return st;
}

mr_status mr_stamps_read(const mr_h5 *h, const mr_stamps *s, mr_number kind, uint64_t n,
                         mr_stamp_lines *out)
{
    reading r = {.h = h, .s = s, .kind = kind};
    *out = (mr_stamp_lines){.single = kind.cls == MR_NUMBER_FLOAT && kind.size == 4};
    if (kind.cls == MR_NUMBER_NONE) return MR_RAISE(MR_EINPUT, "time stamps cannot be read");
    const mr_status st = read_lines(&r, n, out);
    if (st != MR_OK) mr_line_fini(&out->line);
    return st;
}

/** Number v of a vector as ns since 1970. */
static bool moment(const reading *r, union number v, int64_t *ns)
{
    const double per = r->s->ns_per;
    long double t = (long double)v.d * (long double)per;
    if (r->kind.cls == MR_NUMBER_INT) {
        if (per >= 1)
            return !__builtin_mul_overflow(v.i, (int64_t)per, ns) &&
                   !__builtin_add_overflow(*ns, r->s->epoch_ns, ns);
        t = (long double)v.i * (long double)per;
    }
    if (!(fabsl(t) < 4.6e18L)) return false;
    return !__builtin_add_overflow((int64_t)llroundl(t), r->s->epoch_ns, ns);
}

mr_status mr_stamps_all(const mr_h5 *h, const mr_stamps *s, mr_number kind, uint64_t n, int64_t **t)
{
    mr_status st = MR_OK;
    reading r = {.h = h, .s = s, .kind = kind};
    int64_t *all = NULL;
    const uint64_t block = MR_MIN(n, BLOCK);
    MR_TRY(mr_alloc((size_t)block, sizeof *r.v, "time stamps", &r.v));
    MR_TRY(mr_alloc((size_t)n, sizeof *all, "time stamps", &all));
    for (uint64_t at = 0; at < n; at += block) {
        const uint64_t k = MR_MIN(block, n - at);
        bool ok = take(&r, s->first + at, k);
        for (uint64_t i = 0; ok && i < k; i++) ok = moment(&r, r.v[i], &all[at + i]);
        if (!ok) {
            st = MR_RAISE(MR_EINPUT, "time stamps cannot be read");
            goto out;
        }
    }
    *t = all;
    all = NULL;
out:
    free(all);
    free(r.v);
    return st;
}
