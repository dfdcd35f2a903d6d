/* plan/advice.c: see advice.h. Works on the config's own nodes, so that each line has its place. */
#include "plan/advice.h"
#include "millrace/op_fast.h"
#include "ops/param.h"
#include "base/quantity.h"
#include "plan/precision.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mr_status advise(mr_strs *out, const mr_node *at, const char *fmt, ...) MR_PRINTF(3, 4);
static mr_status advise(mr_strs *out, const mr_node *at, const char *fmt, ...)
{
    mr_status st = MR_OK;
    char say[400], line[1024];
    mr_text t = {0};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(say, sizeof say, fmt, ap);
    va_end(ap);
    mr_node_say(at, true, say, line, sizeof line);
    MR_TRY(mr_text_add(&t, "%s", line));
    MR_TRY(mr_strs_add(out, t.s));
out:
    mr_text_fini(&t);
    return st;
}

/* --- windows before filters ------------------------------------------------------------------ */

/** The settings of an entry as its row reads them. [give] self */
static mr_status settings_of(const mr_node *op, const mr_op **row, void **self)
{
    mr_status st = MR_OK;
    void *s = NULL;
    *row = mr_op_find(op->key);
    MR_TRY(mr_alloc(1, (*row)->size, "operator settings", &s));
    MR_TRY(mr_params_parse(*row, op, s));
    *self = s;
    s = NULL;
out:
    free(s);
    return st;
}

/** Does the filter take offset and trend out itself? */
static mr_status is_dc_free(const mr_node *op, bool *yes)
{
    const mr_op *row;
    void *self = NULL;
    double band[2];
    const mr_status st = settings_of(op, &row, &self);
    if (st != MR_OK) return st;
    mr_hints_of(row)->keeps(self, band);
    *yes = band[0] > 0;
    free(self);
    return MR_OK;
}

static mr_status windows_before_filters(const mr_node *chain, mr_strs *out)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < chain->n; i++) {
        const mr_node *op = &chain->entries[i].entries[0];
        const mr_node *w = mr_node_get(op, "window");
        if (!mr_hints_of(mr_op_find(op->key))->levels || !w || !w->text ||
            strcmp(w->text, "span") == 0)
            continue;
        for (size_t k = i + 1; k < chain->n; k++) {
            const char *name = chain->entries[k].entries[0].key;
            bool dc_free = false;
            if (!mr_hints_of(mr_op_find(name))->keeps) continue;
            MR_TRY(is_dc_free(&chain->entries[k].entries[0], &dc_free));
            MR_TRY(advise(out, op,
                          "%s in windows of %s steps at every window's edge, and %s spreads the "
                          "steps; %s",
                          op->key, w->text, name,
                          dc_free ? "that filter takes offset and trend out itself: leave it out"
                                  : "put it after the filter, or use a highpass"));
            break;
        }
    }
out:
    return st;
}

/* --- bands that decimation does not pass ----------------------------------------------------- */

/** What is known of the frequencies at some place of the chain. */
typedef struct bands {
    double lo_hz, hi_hz;   /* asked for by filters so far; 0 and INFINITY: all */
    double pass_hz;        /* what the decimations so far pass */
    const char *asked;     /* operator that set hi_hz */
    const char *decimated; /* operator that set pass_hz */
} bands;
static const bands all_bands = {.hi_hz = INFINITY, .pass_hz = INFINITY};

static mr_status after_filter(const mr_node *op, const double band[2], bands *b, mr_strs *out)
{
    mr_status st = MR_OK;
    const double lo = band[0], hi = band[1];
    if (isfinite(hi) && hi > b->pass_hz)
        MR_TRY(advise(out, op,
                      "%s keeps up to %.6g Hz, but the %s before it passes only up to %.4g Hz",
                      op->key, hi, b->decimated, b->pass_hz));
    else if (lo > b->pass_hz)
        MR_TRY(advise(out, op,
                      "%s keeps what is above %.6g Hz, and the %s before it what is below %.4g Hz: "
                      "little is left",
                      op->key, lo, b->decimated, b->pass_hz));
    b->lo_hz = MR_MAX(b->lo_hz, lo);
    if (hi < b->hi_hz) {
        b->hi_hz = hi;
        b->asked = op->key;
    }
out:
    return st;
}

static mr_status after_decimation(const mr_node *op, double pass, double rate_hz, bands *b,
                                  mr_strs *out)
{
    mr_status st = MR_OK;
    if (b->lo_hz > pass)
        MR_TRY(advise(out, op,
                      "the filters before it keep what is above %g Hz, but samples at %g Hz "
                      "hold only what is below %g Hz: little is left",
                      b->lo_hz, rate_hz, pass));
    else if (isfinite(b->hi_hz) && b->hi_hz > pass)
        MR_TRY(advise(out, op,
                      "%s to %.6g Hz passes only up to %.4g Hz, but the %s before it keeps up to "
                      "%.6g Hz",
                      op->key, rate_hz, pass, b->asked, b->hi_hz));
    if (pass < b->pass_hz) {
        b->pass_hz = pass;
        b->decimated = op->key;
    }
out:
    return st;
}

/* --- contexts -------------------------------------------------------------------------------- */

static double context_s(const mr_needs *n, double rate_hz)
{
    double s = (double)(n->before + n->after + n->fade) / rate_hz;
    if (n->window_ns > 0 && n->window_ns != MR_WINDOW_SPAN) s += 1e-9 * (double)n->window_ns;
    return s;
}

static mr_status long_context(const mr_node *op, double s, const mr_array *a, mr_strs *out)
{
    char b0[32], b1[32];
    const double lane_s = 1e-9 * (double)a->grid_ns;
    if (a->grid_ns == INT64_MAX || s <= lane_s) return MR_OK;
    return advise(
        out, op,
        "%s needs %s of context around every sample, more than its lane of %s: all is read "
        "and computed several times; decimate before it, or ask for less",
        op->key, mr_fmt_hms(s, b0), mr_fmt_hms(lane_s, b1));
}

static mr_status long_contexts(const mr_node *chain, const mr_array *a, mr_strs *out)
{
    const double lane_s = 1e-9 * (double)a->grid_ns, s = a->before_s + a->after_s;
    char b0[32], b1[32];
    if (a->grid_ns == INT64_MAX || !isfinite(s) || s <= 0.25 * lane_s) return MR_OK;
    return advise(out, chain,
                  "the operators' contexts add up to %s for each lane of %s: %.0f %% of the "
                  "work is done twice; decimate earlier, or filter less low",
                  mr_fmt_hms(s, b0), mr_fmt_hms(lane_s, b1), 100 * s / lane_s);
}

/** A length of lanes that the config asks for and contexts make dear. */
static mr_status short_lanes(const mr_config *cfg, const mr_array *a, mr_strs *out)
{
    const double lane_s = 1e-9 * (double)cfg->lane_ns, s = a->before_s + a->after_s;
    char b0[32], b1[32], b2[32];
    if (!cfg->lane_ns || s < 0.1 * lane_s) return MR_OK;
    return advise(out, mr_node_get(mr_node_get(&cfg->root, "output"), "lane"),
                  "the operators' contexts add up to %s for each lane of %s: %.0f %% of the work "
                  "is done twice; a lane of %s or more would do",
                  mr_fmt_hms(s, b0), mr_fmt_hms(lane_s, b1), 100 * s / lane_s,
                  mr_fmt_hms(10 * s, b2));
}

/** Along the chain as bound to one layout. */
static mr_status along(const mr_config *cfg, const mr_node *chain, const mr_array *a, mr_strs *out)
{
    mr_status st = MR_OK;
    bands b = all_bands;
    const size_t before = out->n;
    double rate = a->in.rate_hz;
    for (size_t k = 0; k < mr_chain_n(a->chain); k++) {
        const mr_node *at = &chain->entries[mr_chain_entry(a->chain, k)].entries[0];
        const mr_op *op = mr_chain_op(a->chain, k);
        const mr_needs *n = mr_chain_needs(a->chain, k);
        const double from = rate;
        double band[2];
        MR_TRY(long_context(at, context_s(n, rate), a, out));
        rate *= (double)n->up / (double)n->down;
        if (mr_hints_of(op)->bends) {
            b = all_bands;
        } else if (mr_hints_of(op)->clean &&
                   rate < from) { /* the last of a cascade passes the least */
            const double pass = mr_hints_of(op)->clean(mr_chain_self(a->chain, k)) * rate / 2;
            if (k + 1 < mr_chain_n(a->chain) && mr_chain_op(a->chain, k + 1) == op &&
                mr_chain_entry(a->chain, k + 1) == mr_chain_entry(a->chain, k))
                continue;
            MR_TRY(after_decimation(at, pass, rate, &b, out));
        } else if (mr_hints_of(op)->keeps) {
            mr_hints_of(op)->keeps(mr_chain_self(a->chain, k), band);
            MR_TRY(after_filter(at, band, &b, out));
        }
    }
    if (out->n == before && !cfg->lane_ns) MR_TRY(long_contexts(chain, a, out));
    MR_TRY(short_lanes(cfg, a, out));
out:
    return st;
}

mr_status mr_advise(const mr_config *cfg, const mr_plan *p, mr_strs *out)
{
    mr_status st = MR_OK;
    if (p) MR_TRY(mr_precision_advise(cfg, p, out));
    if (!cfg->chain) return MR_OK;
    MR_TRY(windows_before_filters(cfg->chain, out));
    for (size_t i = 0; p && i < p->n_arrays; i++)
        if (p->arrays[i].chain) {
            MR_TRY(
                along(cfg, cfg->chain, &p->arrays[i], out)); /* the first layout speaks for all */
            break;
        }
out:
    return st;
}
