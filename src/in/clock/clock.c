/* in/clock/clock.c: the sources of time of a dataset compared: the best one makes the clock, what
 * disagrees is said, what nobody can decide is refused. */
#include "in/clock/clock.h"
#include "base/utc.h"
#include "in/clock/stamps.h"
#include "in/clock/ties.h"
#include "in/clock/uneven.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAME 1e-3                              /* rates that agree */
#define NEAR 1e-2                              /* beyond, one of two rates is not of this dataset */
#define QUARTER_NS (INT64_C(900) * 1000000000) /* zones differ by multiples of it */
#define DAY_NS (INT64_C(86400) * 1000000000)
#define MOST_NS 4e18 /* that are told of a recording; with a start, still an int64_t */
#define YEAR_1990_NS (INT64_C(631152000) * 1000000000)

void mr_clock_fini(mr_clock *c)
{
    free(c->ties.row);
    free(c->ties.t_ns);
    c->ties.row = NULL;
    c->ties.t_ns = NULL;
}

void mr_clock_stamps(mr_clock *c, const char *where, double ns_per)
{
    c->stamps = (mr_stamps){.ns_per = ns_per};
    snprintf(c->stamps.where, sizeof c->stamps.where, "%s", where);
}

void mr_clock_start(mr_clock *c, const char *name, int64_t ns)
{
    c->have_start = true;
    c->start_name = name;
    c->start_ns = ns;
}

void mr_clock_end(mr_clock *c, const char *name, int64_t ns)
{
    c->have_end = true;
    c->end_name = name;
    c->end_ns = ns;
}

void mr_clock_rate(mr_clock *c, const char *name, double rate_hz)
{
    c->rate_hz = rate_hz;
    c->rate_name = name;
}

/** What is made of the sources on the way. */
typedef struct settling {
    const mr_h5 *h;
    mr_find *f;
    mr_clock *c;
    uint64_t n;
    mr_stamp_lines s;
    mr_number kind; /* of the stamps */
    bool stamped;   /* s is the clock */
    bool uneven;    /* but no line */
    char name[64];  /* of the stamps, as users know them */
    double ends_hz; /* the rate by start and end; 0: unknown */
} settling;

static int64_t tomorrow_ns(void)
{
    return (int64_t)time(NULL) * 1000000000 + DAY_NS;
}

static bool plausible(int64_t ns)
{
    return ns >= YEAR_1990_NS && ns <= tomorrow_ns();
}

/* --- stamps ---------------------------------------------------------------------------------- */

static void put_aside(settling *k, const char *why)
{
    mr_line_fini(&k->s.line);
    k->stamped = false;
    mr_odd(k->f, "clock: %s %s and is put aside", k->name, why);
}

static double stamps_hz(const settling *k)
{
    double span;
    return 1e9 / mr_line_step(&k->s.line, &span);
}

/** Do these stamps say what the other facts do? */
static bool fits(const settling *k)
{
    const mr_clock *c = k->c;
    const bool uneven = k->s.line.fault == MR_LINE_IRREGULAR;
    if (k->s.line.fault && !uneven) return false;
    if (!uneven && c->rate_hz > 0 && fabs(stamps_hz(k) / c->rate_hz - 1) > NEAR) return false;
    return plausible(k->s.base_ns) || c->user_start ||
           (c->stamps.since_start && c->have_start && k->s.base_ns < YEAR_1990_NS);
}

/** Other units that writers use: the one in which the stamps are plausible. */
static mr_status other_unit(settling *k)
{
    static const struct {
        const char *name;
        double ns;
    } unit[] = {{"us", 1e3}, {"ns", 1}, {"ms", 1e6}, {"s", 1e9}};
    mr_status st = MR_OK;
    const double was = k->c->stamps.ns_per;
    const char *meant = "?";
    if (k->s.base_ns == k->c->stamps.epoch_ns) return MR_OK; /* from 0: no unit tells itself */
    for (size_t i = 0; i < 4; i++)
        if (unit[i].ns == was) meant = unit[i].name;
    for (size_t i = 0; i < 4; i++) {
        settling other = *k;
        if (unit[i].ns == was) continue;
        k->c->stamps.ns_per = unit[i].ns;
        if (mr_stamps_read(k->h, &k->c->stamps, k->kind, k->n, &other.s) != MR_OK) {
            mr_error_clear();
            continue;
        }
        if (fits(&other) && plausible(other.s.base_ns)) {
            mr_odd(k->f, "clock: %s is in %s, not %s", k->name, unit[i].name, meant);
            mr_line_fini(&k->s.line);
            *k = other;
            return st;
        }
        mr_line_fini(&other.s.line);
    }
    k->c->stamps.ns_per = was;
    return st;
}

/** Stamps in single precision that cannot tell samples apart are none. */
static mr_status check_single(settling *k)
{
    const mr_clock *c = k->c;
    const double at_s = fabs((double)k->s.base_ns) * 1e-9;
    const double res_ns = fmax(k->s.res_ns, at_s * 1.19e-7 * 0.5e9);
    const bool coarse = k->s.line.fault || res_ns > 0.5 * k->s.line.step_ns;
    char why[100];
    if (!k->s.single || !coarse) return MR_OK;
    snprintf(why, sizeof why, "is stored in single precision, good to %.3g s only", res_ns * 1e-9);
    if (c->have_start && (c->have_end || c->rate_hz > 0)) {
        put_aside(k, why);
        return MR_OK;
    }
    return MR_RAISE(MR_EINPUT,
                    "%s %s: that tells no sample from the next; give input.map start "
                    "and rate",
                    k->name, why);
}

/** Rows that no step holds for: as they are. */
static mr_status by_each(settling *k)
{
    const mr_clock *c = k->c;
    int64_t *t = NULL;
    mr_status st = mr_stamps_all(k->h, &c->stamps, k->kind, k->n, &t);
    if (st == MR_OK) st = mr_clock_uneven(k->f, t, k->n, k->name);
    k->uneven = st == MR_OK;
    if (st != MR_EINPUT || !c->have_start || !(c->have_end || c->rate_hz > 0)) return st;
    mr_error_clear();
    put_aside(k, "holds no step and does not rise");
    return MR_OK;
}

static mr_status read_stamps(settling *k)
{
    mr_status st = MR_OK;
    mr_clock *c = k->c;
    const char *base = strrchr(c->stamps.where, '/');
    char why[100];
    if (!c->stamps.where[0] || c->by == MR_CLOCK_BY_RATE) return MR_OK;
    snprintf(k->name, sizeof k->name, "%.60s", base ? base + 1 : c->stamps.where);
    k->kind = mr_h5_number(k->h, c->stamps.where);
    const uint64_t all = k->kind.n;
    const uint64_t count = c->stamps.n ? c->stamps.n : all - MR_MIN(all, c->stamps.first);
    if (count != k->n) {
        snprintf(why, sizeof why, "has %llu stamps for %llu rows", (unsigned long long)count,
                 (unsigned long long)k->n);
        if (count) put_aside(k, why);
        return MR_OK;
    }
    st = mr_stamps_read(k->h, &c->stamps, k->kind, k->n, &k->s);
    if (st == MR_EINPUT && c->stamps.unit_open) { /* in that unit they may be beyond all times */
        k->s.line.fault = MR_LINE_CONSTANT;
        k->s.base_ns = INT64_MIN;
        st = MR_OK;
    }
    MR_TRY(st);
    mr_error_clear();
    k->stamped = true;
    MR_TRY(check_single(k));
    if (!k->stamped) return MR_OK;
    if (c->stamps.unit_open && !fits(k)) MR_TRY(other_unit(k));
    switch (k->s.line.fault) {
    case MR_LINE_OK: break;
    case MR_LINE_CONSTANT:
        put_aside(k, k->s.base_ns == INT64_MIN            ? "is beyond all times"
                     : k->s.base_ns == c->stamps.epoch_ns ? "is all 0"
                                                          : "is one and the same stamp");
        break;
    case MR_LINE_FALLING: put_aside(k, "falls"); break;
    case MR_LINE_IRREGULAR: MR_TRY(by_each(k)); break;
    }
out:
    return st;
}

/* --- rates ----------------------------------------------------------------------------------- */

/** The rate by start and end, which may be the end of the last sample or its stamp. */
static void rate_of_ends(settling *k)
{
    mr_clock *c = k->c;
    if (!c->have_start || !c->have_end || k->n < 2 || c->by == MR_CLOCK_BY_RATE) return;
    const double span = (double)(c->end_ns - c->start_ns), n = (double)k->n;
    if (!(span > 0)) {
        mr_odd(k->f, "clock: %s is not after %s and is put aside", c->end_name, c->start_name);
        c->have_end = false;
        return;
    }
    const double stated = k->stamped ? stamps_hz(k) : c->rate_hz;
    if (stated > 0 && fabs(n / span * 1e9 / stated - 1) < 1e-9) {
        c->end_ns -= llround(1e9 / stated);
        k->ends_hz = stated;
        mr_assume(k->f, "%s is the end of the last sample", c->end_name);
        return;
    }
    k->ends_hz = (n - 1) / (span * 1e-9);
    if (!(c->rate_hz > 0) && !k->stamped)
        k->ends_hz = mr_line_rate(span / (n - 1), span, c->ends_res_ns > 0 ? c->ends_res_ns : 1e3);
}

static bool agree(double a_hz, double b_hz, double within)
{
    return a_hz > 0 && b_hz > 0 && fabs(a_hz / b_hz - 1) <= within;
}

/** A rate that was there before a decimation that the file states. */
static bool decimated(const mr_clock *c, double measured_hz)
{
    return c->factor > 1 && agree(c->rate_hz / c->factor, measured_hz, SAME);
}

/** The nominal rate where one is stated and one measured, which is good to `blur` of it. */
static mr_status nominal(settling *k, double measured_hz, double blur, const char *by)
{
    mr_clock *c = k->c;
    const bool two = k->stamped && agree(k->ends_hz, measured_hz, SAME);
    k->f->info->rate_hz = measured_hz;
    if (!(c->rate_hz > 0)) return MR_OK;
    if (agree(measured_hz, c->rate_hz, SAME + blur)) {
        k->f->info->rate_hz = c->rate_hz;
        return MR_OK;
    }
    if (decimated(c, measured_hz)) {
        mr_odd(k->f, "clock: %s %.9g Hz is of before a decimation by %g", c->rate_name, c->rate_hz,
               c->factor);
        return MR_OK;
    }
    if (agree(measured_hz, c->rate_hz, NEAR + blur) || two || c->by == MR_CLOCK_BY_STAMPS) {
        mr_odd(k->f, "clock: %s %.9g Hz, %s %.9g Hz, which counts", c->rate_name, c->rate_hz, by,
               measured_hz);
        return MR_OK;
    }
    return MR_RAISE(MR_EINPUT,
                    "%s says %.9g Hz, %s %.9g Hz; say which counts: input.map.time: rate or stamps",
                    c->rate_name, c->rate_hz, by, measured_hz);
}

/* --- starts ---------------------------------------------------------------------------------- */

static void compare_start(settling *k, int64_t t0_ns, double step_ns)
{
    const mr_clock *c = k->c;
    const int64_t off = c->start_ns - t0_ns, quarters = llround((double)off / (double)QUARTER_NS);
    const double far = fmax(10 * step_ns, 2e6);
    if (fabs((double)off) <= far) return;
    if (quarters && fabs((double)(off - quarters * QUARTER_NS)) <= fmax(far, 1e9))
        mr_odd(k->f, "clock: %s is %+.4g h from %s (a time zone?), which counts", c->start_name,
               (double)quarters / 4, k->name);
    else
        mr_odd(k->f, "clock: %s is %+.6g s from %s, which counts", c->start_name,
               (double)off * 1e-9, k->name);
}

static void compare_end(settling *k, int64_t t0_ns, int64_t t1_ns, double step_ns)
{
    const mr_clock *c = k->c;
    const int64_t shift = c->have_start ? c->start_ns - t0_ns : 0; /* it is said already */
    const double off = (double)(c->end_ns - shift - t1_ns);
    if (fabs(off) > fmax(10 * step_ns, 2e6))
        mr_odd(k->f, "clock: %s is %+.6g s from the last of %s, which counts", c->end_name,
               off * 1e-9, k->name);
}

static mr_status add_stretch(mr_find *f, mr_stretch s)
{
    mr_status st = MR_OK;
    MR_TRY(mr_grow(&f->stretch, &f->cap_stretch, f->n_stretch + 1, sizeof s, "recordings"));
    f->stretch[f->n_stretch++] = s;
out:
    return st;
}

/** What the stamps are good to: how they are stored, and how they tremble. */
static double good_to(const settling *k)
{
    const double noise = k->s.line.noise_ns;
    return fmax(k->s.res_ns, noise > 1000 ? noise : 0);
}

/** The last stamp of a stretch; by the nominal rate where the stamps cannot tell it from that. */
static int64_t last_ns(const settling *k, const mr_piece *p, int64_t t0_ns)
{
    const double span = p->t1_ns - p->t0_ns,
                 nominal = (double)(p->nt - 1) * 1e9 / k->f->info->rate_hz;
    return t0_ns + llround(fabs(span - nominal) <= 2 * good_to(k) ? nominal : span);
}

/** Start and stretches by the stamps. */
static mr_status by_stamps(settling *k)
{
    mr_status st = MR_OK;
    mr_clock *c = k->c;
    mr_find *f = k->f;
    const mr_line *l = &k->s.line;
    int64_t t0 = k->s.base_ns + llround(l->piece[0].t0_ns), shift = 0;
    const mr_piece *last = &l->piece[l->n_pieces - 1];
    const bool relative = !plausible(t0) && c->have_start && plausible(c->start_ns);
    if (c->user_start || relative) {
        shift = c->start_ns - t0;
        if (shift && !c->user_start) mr_assume(f, "%s counts from %s", k->name, c->start_name);
    } else if (c->have_start) {
        compare_start(k, t0, l->step_ns);
    }
    if (c->have_end && !c->user_start)
        compare_end(k, t0 + shift, k->s.base_ns + shift + llround(last->t1_ns), l->step_ns);
    for (size_t i = 0; i < l->n_pieces; i++) {
        const mr_piece *p = &l->piece[i];
        const int64_t at = k->s.base_ns + shift + llround(p->t0_ns);
        MR_TRY(add_stretch(f, (mr_stretch){p->row, p->nt, at, last_ns(k, p, at)}));
    }
    f->have_t0 = true;
    f->info->t0_ns = f->stretch[0].t0_ns;
    f->info->t1_ns = f->stretch[f->n_stretch - 1].t1_ns;
    if (l->n_bad)
        mr_odd(f, "stamp(%llu): %llu of %s lie off the line and count for nothing",
               (unsigned long long)l->n_bad, (unsigned long long)l->n_bad, k->name);
    if (l->packets)
        mr_odd(f, "clock: %s has a stamp for every %llu rows", k->name,
               (unsigned long long)l->packets);
out:
    return st;
}

/** Start and end, or start and rate. */
static mr_status by_ends(settling *k)
{
    const mr_clock *c = k->c;
    mr_file_info *o = k->f->info;
    k->f->have_t0 = c->have_start;
    o->t0_ns = c->start_ns;
    const double hz = c->precise_hz > 0 ? c->precise_hz : o->rate_hz;
    const double span_ns = hz > 0 ? (double)(k->n - 1) / hz * 1e9 : 0;
    if (!(span_ns < MOST_NS))
        return MR_RAISE(MR_EINPUT, "%llu rows at %.3g Hz would last for more than a century",
                        (unsigned long long)k->n, hz);
    o->t1_ns = c->start_ns + llround(span_ns);
    if (c->have_end && k->ends_hz > 0) o->t1_ns = c->end_ns;
    return MR_OK;
}

/** Never silently 1970. */
static void check_calendar(const settling *k)
{
    char t[40];
    const int64_t t0 = k->f->info->t0_ns;
    if (!k->f->have_t0 || plausible(t0)) return;
    mr_utc_iso(t0, t);
    mr_odd(k->f, "clock: starts %.19sZ, %s", t,
           t0 < YEAR_1990_NS ? "before 1990" : "in the future");
}

mr_status mr_clock_settle(const mr_h5 *h, mr_find *f, uint64_t n)
{
    mr_status st = MR_OK;
    mr_clock *c = &f->clock;
    settling k = {.h = h, .f = f, .c = c, .n = n};
    MR_TRY(read_stamps(&k));
    if (!k.uneven) rate_of_ends(&k);
    if (k.uneven) {
        check_calendar(&k);
        goto out;
    }
    if (c->ties.n) {
        MR_TRY(mr_clock_by_ties(f, n));
    } else if (k.stamped && n > 1) {
        double span = 0;
        const double step = mr_line_step(&k.s.line, &span);
        const double blur = span > 0 ? 2 * good_to(&k) / span : 0;
        MR_TRY(nominal(&k, mr_line_rate(step, span, good_to(&k)), blur, k.name));
        MR_TRY(by_stamps(&k));
    } else {
        if (k.stamped) mr_clock_start(c, k.name, c->user_start ? c->start_ns : k.s.base_ns);
        f->info->rate_hz = c->rate_hz;
        if (k.ends_hz > 0) MR_TRY(nominal(&k, k.ends_hz, 0, "start and end"));
        MR_TRY(by_ends(&k));
    }
    if (!f->have_t0)
        st = MR_RAISE(MR_EINPUT, "no start time found; give input.map start");
    else if (!(f->info->rate_hz > 0))
        st = MR_RAISE(MR_EINPUT, "no sampling rate found; give input.map rate");
    else
        check_calendar(&k);
out:
    mr_line_fini(&k.s.line);
    return st;
}
