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
    int64_t *i;
    double *t; /* [block] ns since the first */
} reading;

/** Numbers [at, at + n) as ns since the first. */
static bool take(reading *r, uint64_t at, uint64_t n)
{
    const double per = r->s->ns_per;
    if (r->kind.cls != MR_NUMBER_INT) {
        if (!mr_h5_f64s(r->h, r->s->where, at, n, r->t)) return false;
        for (uint64_t k = 0; k < n; k++) r->t[k] = (r->t[k] - r->first_d) * per;
        return true;
    }
    if (!mr_h5_i64s(r->h, r->s->where, at, n, r->i)) return false;
    for (uint64_t k = 0; k < n; k++)
        r->t[k] = (double)(int64_t)((uint64_t)r->i[k] - (uint64_t)r->first_i) * per;
    return true;
}

/** What the numbers are good to, ns. */
static double resolution(const reading *r)
{
    const double per = r->s->ns_per, v = fabs(r->first_d);
    if (r->kind.cls == MR_NUMBER_INT) return per;
    if (r->kind.size == 4) return (double)(nextafterf((float)v, INFINITY) - (float)v) * per;
    return (nextafter(v, INFINITY) - v) * per;
}

static mr_status read_lines(reading *r, uint64_t n, mr_stamp_lines *out)
{
    mr_status st = MR_OK;
    const uint64_t block = MR_MIN(n, BLOCK);
    mr_line next = {0};
    MR_TRY(mr_alloc_f64((size_t)block, "time stamps", &r->t));
    if (r->kind.cls == MR_NUMBER_INT)
        MR_TRY(mr_alloc((size_t)block, sizeof *r->i, "time stamps", &r->i));
    for (uint64_t at = 0; at < n; at += block) {
        const uint64_t k = MR_MIN(block, n - at);
        if (!take(r, r->s->first + at, k)) {
            st = MR_RAISE(MR_EINPUT, "time stamps cannot be read");
            goto out;
        }
        if (r->kind.size == 4 && r->kind.cls == MR_NUMBER_FLOAT) /* that of the largest */
            out->res_ns = fmax(out->res_ns, fabs(r->t[k - 1]) * 1.2e-7);
        MR_TRY(mr_line_of(r->t, (size_t)k, out->res_ns, &next));
        MR_TRY(mr_line_join(&out->line, &next, out->res_ns));
        mr_line_fini(&next);
    }
out:
    mr_line_fini(&next);
    free(r->t);
    free(r->i);
    return st;
}

mr_status mr_stamps_read(const mr_h5 *h, const mr_stamps *s, uint64_t n, mr_stamp_lines *out)
{
    mr_status st = MR_OK;
    reading r = {.h = h, .s = s, .kind = mr_h5_number(h, s->where)};
    bool ok = r.kind.cls != MR_NUMBER_NONE;
    *out = (mr_stamp_lines){0};
    if (ok && r.kind.cls == MR_NUMBER_INT) {
        int64_t ns;
        ok = mr_h5_i64s(h, s->where, s->first, 1, &r.first_i) &&
             fabs((double)r.first_i * s->ns_per) < 4.6e18;
        r.first_d = (double)r.first_i;
        ns = s->ns_per >= 1 ? r.first_i * (int64_t)s->ns_per
                            : llround((double)r.first_i * s->ns_per);
        out->base_ns = ns;
    } else if (ok) {
        long double ns;
        ok = mr_h5_f64s(h, s->where, s->first, 1, &r.first_d) && isfinite(r.first_d);
        ns = (long double)r.first_d * (long double)s->ns_per;
        ok = ok && fabsl(ns) < 4.6e18L;
        if (ok) out->base_ns = llroundl(ns);
    }
    if (!ok || __builtin_add_overflow(out->base_ns, s->epoch_ns, &out->base_ns))
        return MR_RAISE(MR_EINPUT, "time stamps cannot be read");
    out->res_ns = resolution(&r);
    out->single = r.kind.cls == MR_NUMBER_FLOAT && r.kind.size == 4;
    MR_TRY(read_lines(&r, n, out));
out:
    if (st != MR_OK) mr_line_fini(&out->line);
    return st;
}
