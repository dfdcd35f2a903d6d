/* plan/advice.c: see advice.h. Works on the config's own nodes, so that each line has its place. */
#include "plan/advice.h"
#include "ops/param.h"
#include "base/quantity.h"
#include "plan/precision.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Highest frequency that the anti-alias filters pass with less than 1 dB of loss, in parts of half
 * the new rate: of scipy's firwin(20 q + 1, 1/q) 0.912 for all q, of resample_poly's Kaiser filter
 * 0.913, of decimate's cheby1(8, 0.05, 0.8/q) run both ways 0.82. */
#define PASS_FIR 0.91
#define PASS_IIR 0.82

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

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0) return true;
    return false;
}

/* --- windows before filters ------------------------------------------------------------------ */

static const char *const levels[] = {"detrend", "demean", NULL};
static const char *const filters[] = {"bandpass", "bandstop", "lowpass", "highpass", "notch", NULL};
static const char *const dc_free[] = {"bandpass", "highpass", NULL};

static mr_status windows_before_filters(const mr_node *chain, mr_strs *out)
{
    mr_status st = MR_OK;
    for (size_t i = 0; i < chain->n; i++) {
        const mr_node *op = &chain->items[i].items[0];
        const mr_node *w = mr_node_get(op, "window");
        if (!is_one_of(op->key, levels) || !w || !w->text || strcmp(w->text, "span") == 0) continue;
        for (size_t k = i + 1; k < chain->n; k++) {
            const char *name = chain->items[k].items[0].key;
            if (!is_one_of(name, filters)) continue;
            MR_TRY(advise(out, op,
                          "%s in windows of %s steps at every window's edge, and %s spreads the "
                          "steps; %s",
                          op->key, w->text, name,
                          is_one_of(name, dc_free)
                              ? "that filter takes offset and trend out itself: leave it out"
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

/** Corners of a filter node; 0 and INFINITY where it has none. */
static mr_status corners(const mr_node *op, double *lo, double *hi)
{
    mr_status st = MR_OK;
    const mr_node *n;
    *lo = 0;
    *hi = INFINITY;
    if (strcmp(op->key, "bandpass") == 0 && (n = mr_node_get(op, "band")))
        MR_TRY(mr_range_parse(n->text, MR_DIM_FREQ, lo, hi));
    else if (strcmp(op->key, "lowpass") == 0 && (n = mr_node_get(op, "corner")))
        MR_TRY(mr_quantity_parse(n->text, MR_DIM_FREQ, hi));
    else if (strcmp(op->key, "highpass") == 0 && (n = mr_node_get(op, "corner")))
        MR_TRY(mr_quantity_parse(n->text, MR_DIM_FREQ, lo));
out:
    return st;
}

static mr_status after_filter(const mr_node *op, bands *b, mr_strs *out)
{
    mr_status st = MR_OK;
    double lo = 0, hi = 0;
    MR_TRY(corners(op, &lo, &hi));
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

static mr_status after_decimation(const mr_node *op, double rate_hz, bands *b, mr_strs *out)
{
    mr_status st = MR_OK;
    const mr_node *kind = mr_node_get(op, "kind");
    const bool iir = kind && kind->text && strcmp(kind->text, "iir") == 0;
    const double pass = (iir ? PASS_IIR : PASS_FIR) * rate_hz / 2;
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

/** Chain operators that one item of the config stands for (a decimate may be a cascade). */
static mr_status parts_of(const mr_node *op, size_t *out)
{
    mr_status st = MR_OK;
    void *self = NULL;
    const mr_op *row = mr_op_find(op->key);
    MR_TRY(mr_alloc(1, row->size, "operator settings", &self));
    MR_TRY(mr_params_parse(row, op, self));
    *out = row->expand ? row->expand(self, 0, NULL) : 1;
out:
    free(self);
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
    static const char *const bends[] = {"abs", "rms", "clip", "stalta",
                                        NULL}; /* make new frequencies */
    mr_status st = MR_OK;
    bands b = all_bands;
    double rate = a->in.rate_hz;
    size_t k = 0, before = out->n;
    for (size_t i = 0; i < chain->n; i++) {
        const mr_node *op = &chain->items[i].items[0];
        const bool changes = strcmp(op->key, "decimate") == 0 || strcmp(op->key, "resample") == 0;
        const double from = rate;
        size_t parts = 0;
        MR_TRY(parts_of(op, &parts));
        for (size_t end = MR_MIN(k + parts, mr_chain_n(a->chain)); k < end; k++) {
            const mr_needs *n = mr_chain_needs(a->chain, k);
            MR_TRY(long_context(op, context_s(n, rate), a, out));
            rate *= (double)MR_MAX(n->up, (size_t)1) / (double)MR_MAX(n->down, (size_t)1);
        }
        if (is_one_of(op->key, bends))
            b = all_bands;
        else if (changes && rate < from)
            MR_TRY(after_decimation(op, rate, &b, out));
        else
            MR_TRY(after_filter(op, &b, out));
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
