/* in/clock/ties.c: stamps of some rows, even between them: a pair of neighbouring rows whose stamps
 * do not follow each other is the border of two stretches. */
#include "in/clock/clock.h"
#include "in/clock/line.h"
#include "in/clock/stamps.h"
#include "in/clock/ties.h"
#include "in/clock/uneven.h"
#include "in/layout.h"
#include <math.h>
#include <stdlib.h>

typedef struct slope {
    double step_ns, rows;
} slope;

static int by_step(const void *pa, const void *pb)
{
    const slope *a = pa, *b = pb;
    return (a->step_ns > b->step_ns) - (a->step_ns < b->step_ns);
}

/** The step that holds for most rows. */
static mr_status usual_step(const mr_tie_points *t, slope *out)
{
    mr_status st = MR_OK;
    slope *v = NULL;
    size_t n = 0;
    double rows = 0, seen = 0;
    MR_TRY(mr_alloc(t->n, sizeof *v, "tie points", &v));
    for (size_t i = 1; i < t->n; i++) {
        const double k = (double)(t->row[i] - t->row[i - 1]);
        if (k > 1 || t->n == 2) v[n++] = (slope){(double)(t->t_ns[i] - t->t_ns[i - 1]) / k, k};
        rows += k > 1 || t->n == 2 ? k : 0;
    }
    if (!n) {
        st = MR_RAISE(MR_EINPUT, "the tie points of time make no stretch");
        goto out;
    }
    qsort(v, n, sizeof *v, by_step);
    *out = v[0];
    for (size_t i = 0; i < n && seen < 0.5 * rows; i++) {
        seen += v[i].rows;
        *out = v[i];
    }
out:
    free(v);
    return st;
}

/** Rows from one border to the next, cut at every tie point between that bends the line. */
static mr_status add(mr_find *f, const mr_tie_points *t, size_t a, size_t b)
{
    mr_status st = MR_OK;
    const size_t last = b - 1;
    for (size_t i = a; i < b; i++) {
        size_t j = i + 1; /* as far as one line goes */
        while (j < last) {
            const double k = (double)(t->row[j] - t->row[i]),
                         all = (double)(t->row[j + 1] - t->row[i]);
            const double there = (double)(t->t_ns[j + 1] - t->t_ns[i]) * k / all;
            if (fabs(there - (double)(t->t_ns[j] - t->t_ns[i])) > fmax(1000.0, 2 * t->res_ns))
                break;
            j++;
        }
        j = MR_MIN(j, last);
        mr_stretch s = {t->row[i], t->row[j] - t->row[i], t->epoch_ns + t->t_ns[i],
                        t->epoch_ns + t->t_ns[j]};
        if (j == last) {
            s.nt++; /* its end is a row of it */
        } else {
            const double step = (double)(t->t_ns[j] - t->t_ns[i]) / (double)s.nt;
            s.t1_ns -= llround(step);
        }
        MR_TRY(mr_grow(&f->stretch, &f->cap_stretch, f->n_stretch + 1, sizeof s, "recordings"));
        f->stretch[f->n_stretch++] = s;
        if (j == last) break;
        i = j - 1;
    }
out:
    return st;
}

/** A tie point for every row is a vector of stamps. */
static mr_status of_each_row(mr_find *f, const mr_tie_points *t)
{
    mr_status st = MR_OK;
    mr_line l = {0};
    double *v = NULL, span = 0;
    int64_t *each = NULL;
    MR_TRY(mr_alloc_f64(t->n, "time stamps", &v));
    for (size_t i = 0; i < t->n; i++) v[i] = (double)(t->t_ns[i] - t->t_ns[0]);
    MR_TRY(mr_line_of(v, t->n, t->res_ns, &l));
    if (l.fault == MR_LINE_IRREGULAR) {
        MR_TRY(mr_alloc(t->n, sizeof *each, "time stamps", &each));
        for (size_t i = 0; i < t->n; i++) each[i] = t->epoch_ns + t->t_ns[i];
        MR_TRY(mr_clock_uneven(f, each, t->n, "time"));
        goto out;
    }
    if (l.fault) {
        st = MR_RAISE(MR_EINPUT, "the times of its rows do not rise");
        goto out;
    }
    const double step = mr_line_step(&l, &span), slack = fmax(t->res_ns, l.noise_ns);
    f->info->rate_hz = mr_line_rate(step, span, slack);
    for (size_t i = 0; i < l.n_pieces; i++) {
        const mr_piece *p = &l.piece[i];
        const int64_t t0 = t->epoch_ns + t->t_ns[0];
        const mr_stretch s = {p->row, p->nt, t0 + llround(p->t0_ns), t0 + llround(p->t1_ns)};
        MR_TRY(mr_grow(&f->stretch, &f->cap_stretch, f->n_stretch + 1, sizeof s, "recordings"));
        f->stretch[f->n_stretch++] = s;
    }
    f->have_t0 = true;
    f->info->t0_ns = f->stretch[0].t0_ns;
    f->info->t1_ns = f->stretch[f->n_stretch - 1].t1_ns;
    if (l.n_bad)
        mr_odd(f, "stamp(%llu): %llu of time lie off the line and count for nothing",
               (unsigned long long)l.n_bad, (unsigned long long)l.n_bad);
out:
    mr_line_fini(&l);
    free(v);
    return st;
}

mr_status mr_clock_by_ties(mr_find *f, uint64_t n)
{
    mr_status st = MR_OK;
    const mr_tie_points *t = &f->clock.ties;
    mr_clock *c = &f->clock;
    slope usual = {0};
    size_t from = 0;
    if (t->row[0] != 0 || t->row[t->n - 1] + 1 != n)
        return MR_RAISE(MR_EINPUT, "the tie points of time do not fit the rows");
    for (size_t i = 1; i < t->n; i++)
        if (t->row[i] <= t->row[i - 1])
            return MR_RAISE(MR_EINPUT, "the tie points of time do not rise");
    if (t->n == 1) {
        f->info->rate_hz = c->rate_hz;
        f->info->t0_ns = f->info->t1_ns = t->epoch_ns + t->t_ns[0];
        f->have_t0 = true;
        return MR_OK;
    }
    if (t->n == n && t->n > 2) return of_each_row(f, t);
    MR_TRY(usual_step(t, &usual));
    if (!(usual.step_ns > 0)) return MR_RAISE(MR_EINPUT, "the times of its rows do not rise");
    f->info->rate_hz = mr_line_rate(usual.step_ns, usual.step_ns * usual.rows, t->res_ns);
    for (size_t i = 1; i < t->n; i++) {
        const double k = (double)(t->row[i] - t->row[i - 1]),
                     d = (double)(t->t_ns[i] - t->t_ns[i - 1]);
        if (k == 1 && fabs(d - usual.step_ns) > 0.5 * usual.step_ns) {
            MR_TRY(add(f, t, from, i));
            from = i;
        } else if (fabs(d / k / usual.step_ns - 1) > 0.01 &&
                   fabs(d - k * usual.step_ns) > 0.5 * usual.step_ns) {
            return MR_RAISE(MR_EINPUT,
                            "rows %llu to %llu are %.9g ms apart by the tie points, most %.9g ms",
                            (unsigned long long)t->row[i - 1], (unsigned long long)t->row[i],
                            d / k * 1e-6, usual.step_ns * 1e-6);
        }
    }
    MR_TRY(add(f, t, from, t->n));
    f->have_t0 = true;
    f->info->t0_ns = f->stretch[0].t0_ns;
    f->info->t1_ns = f->stretch[f->n_stretch - 1].t1_ns;
out:
    return st;
}
