/* Properties that hold for every operator, walked through the table: a new operator is covered the
 * day it is added. Each runs with its example and with every value of every choice. Made-up ones
 * (tests/ops/made_up.h) use what the table's do not. */
#include "../ops/cut.h"
#include "../ops/made_up.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

MR_OWN_OPS(MADE_UP);

enum { NT = 3003, NC = 45 };
static const mr_slab SPAN = {1234567, 1234567 + NT};
static const mr_geom GEOM = {.rate_hz = 100,
                             .nc = NC,
                             .dx_m = 1,
                             .unit = "counts",
                             .quantity = "counts",
                             .to_native = 2,
                             .native_unit = "rad",
                             .native_quantity = "phase",
                             .to_strain_rate = 3,
                             .to_strain = 5};

/* "band: 5..20 Hz, order: 3" as parameters of op, with one of them set to `value` (NULL: as is). */
static mr_node example(const mr_op *op, const char *name, const char *value)
{
    mr_node list = cut_group(MR_NODE_LIST, "chain");
    mr_node *item = cut_add(&list, cut_group(MR_NODE_MAP, ""));
    mr_node *params = cut_add(item, cut_group(MR_NODE_MAP, op->name));
    char *copy = strdup(op->example), *outer = NULL;
    for (char *kv = strtok_r(copy, ",", &outer); kv; kv = strtok_r(NULL, ",", &outer)) {
        char *colon = strchr(kv, ':'), *key = kv + strspn(kv, " ");
        assert_non_null(colon);
        *colon = 0;
        if (!name || strcmp(key, name) != 0) cut_add(params, cut_scalar(key, colon + 2));
    }
    if (name) cut_add(params, cut_scalar(name, value));
    free(copy);
    return list;
}

static mr_status bind(const mr_op *op, const char *name, const char *value, mr_chain **out)
{
    mr_node list = example(op, name, value);
    mr_status st = mr_chain_new(&list, &GEOM, out);
    mr_node_fini(&list);
    return st;
}

/* Noise, the same everywhere, on a drift ten times as large; channel c is its own. */
static double *samples(void)
{
    double *x = malloc(sizeof *x * NT * NC);
    uint64_t s = 88172645463325252u;
    for (size_t i = 0; i < (size_t)NT * NC; i++) {
        s ^= s << 13, s ^= s >> 7, s ^= s << 17;
        x[i] = (double)(s >> 11) * 0x1p-53 - 0.5 + 10.0 * (double)(i / NC) / NT;
    }
    return x;
}

static double *run(const mr_chain *c, const double *x, const uint8_t *bad, int64_t lane,
                   int64_t block, size_t tile)
{
    cut_job j = {.chain = c,
                 .span = SPAN,
                 .x = x,
                 .bad = bad,
                 .nc = NC,
                 .lane = lane,
                 .block = block,
                 .tile = tile};
    return cut_run(&j);
}

static size_t out_size(const mr_chain *c)
{
    return cut_out_rows(c, SPAN) * mr_chain_out(c)->nc;
}

/* Calls f for the example of `first`, `then`, and the example of `last` (or NULL). */
static void one_pair(void (*f)(const char *what, const mr_chain *c), const mr_op *first,
                     const char *second, const mr_op *last)
{
    mr_node list = example(first, NULL, NULL), then = cut_settings(second);
    mr_node end = last ? example(last, NULL, NULL) : (mr_node){0};
    mr_chain *c = NULL;
    char what[96];
    cut_add(&list, then.items[0]);
    if (last) cut_add(&list, end.items[0]);
    then.n = end.n = 0; /* given to the list */
    snprintf(what, sizeof what, "%s, %s, %s", first->name, second, last ? last->name : "nothing");
    if (mr_chain_new(&list, &GEOM, &c) != MR_OK) fail_msg("%s: %s", what, mr_error());
    f(what, c);
    mr_chain_free(c);
    mr_node_fini(&end);
    mr_node_fini(&then);
    mr_node_fini(&list);
}

/* Calls f for every filter that runs as one with a decimation after it, and for every operator
 * after such a pair. */
static void each_pair(void (*f)(const char *what, const mr_chain *c))
{
    const mr_op *filter = NULL;
    for (size_t i = 0; i < mr_op_count; i++) {
        if (!mr_op_table[i]->zero_phase) continue;
        filter = mr_op_table[i];
        one_pair(f, filter, "decimate factor=2", NULL);
    }
    assert_non_null(filter);
    one_pair(f, filter, "decimate factor=3 phase=causal", NULL);
    one_pair(f, filter, "resample rate=20Hz", NULL);
    for (size_t i = 0; mr_op_at(i); i++) one_pair(f, filter, "decimate factor=2", mr_op_at(i));
}

/* Calls f for chains in which channels are looked across, more than once. */
static void each_across(void (*f)(const char *what, const mr_chain *c))
{
    static const char *const chains[] = {
        "made_up_fan | made_up_fan",
        "made_up_fan | made_up_halve | made_up_between",
        "bandpass band=5..20Hz | made_up_halve | lowpass corner=10Hz | made_up_fan",
        "made_up_between | decimate factor=2 | made_up_common | rms window=1s step=200ms",
        "made_up_common | common_mode | made_up_powers",
        "made_up_halve | correlate sources=2 window=5s max_lag=1s stack=10s",
        "made_up_fan | bandpass band=5..20Hz | correlate sources=4 window=5s max_lag=1s stack=10s",
        "made_up_powers | abs | scale by=3",
        "psd segment=128 interval=10s | clip min=0 max=1"};
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        mr_node list = cut_settings(chains[i]);
        mr_chain *c = NULL;
        if (mr_chain_new(&list, &GEOM, &c) != MR_OK) fail_msg("%s: %s", chains[i], mr_error());
        f(chains[i], c);
        mr_chain_free(c);
        mr_node_fini(&list);
    }
}

/* Does the memory of any operator fade? Then answers agree to 1e-6 of the peak, else to the bit. */
static bool fades(const mr_chain *c)
{
    bool some = false;
    for (size_t i = 0; i < mr_chain_n(c); i++)
        some = some || mr_chain_needs(c, i)->memory != MR_MEM_NONE;
    return some;
}

/* Does a cut change the rounding of what comes after it? */
static bool rounds(const mr_chain *c)
{
    bool some = fades(c);
    for (size_t i = 0; i < mr_chain_n(c); i++) some = some || mr_chain_needs(c, i)->rounds;
    return some;
}

/* Calls f for the example of every operator and for every value of its choices. */
static void each(void (*f)(const char *what, const mr_chain *c))
{
    each_pair(f);
    each_across(f);
    for (size_t i = 0; mr_op_at(i); i++) {
        const mr_op *op = mr_op_at(i);
        mr_chain *c = NULL;
        char what[96];
        if (bind(op, NULL, NULL, &c) != MR_OK) fail_msg("%s: %s", op->name, mr_error());
        f(op->name, c);
        mr_chain_free(c);
        for (const mr_param *p = op->params; p && p->name; p++)
            for (size_t k = 0; p->names && p->names[k]; k++) {
                snprintf(what, sizeof what, "%s %s=%s", op->name, p->name, p->names[k]);
                if (bind(op, p->name, p->names[k], &c) != MR_OK)
                    fail_msg("%s: %s", what, mr_error());
                f(what, c);
                mr_chain_free(c);
            }
    }
}

static void every_row_says_what_it_is(void **state)
{
    static const char *const units[] = {"s", "Hz", "m", "%", "m/s"};
    (void)state;
    assert_true(mr_op_count > 0);
    for (size_t i = 0; mr_op_at(i); i++) {
        const mr_op *op = mr_op_at(i);
        assert_true(op->doc && strlen(op->doc) > 5 && op->ref && strlen(op->ref) > 5 &&
                    op->example);
        assert_ptr_equal(mr_op_find(op->name), op);
        assert_true(op->size > 0 && op->bind && (op->apply || (op->take && op->give)));
        for (const mr_param *p = op->params; p && p->name; p++) {
            bool known = p->unit == NULL;
            for (size_t k = 0; k < sizeof units / sizeof *units; k++)
                known = known || strcmp(p->unit, units[k]) == 0;
            if (!known || !p->doc || strlen(p->doc) < 5) fail_msg("%s: %s", op->name, p->name);
            assert_true(p->max >= p->min &&
                        (p->names || (p->type != MR_ENUM && p->type != MR_SET)));
        }
    }
    assert_null(mr_op_find("nonsense"));
}

static void refused(const mr_op *op, const mr_param *p, const char *value)
{
    mr_chain *c = NULL;
    assert_int_equal(bind(op, p->name, value, &c), MR_ECONFIG);
    assert_null(c);
    if (!strstr(mr_error(), p->name) || !strstr(mr_error(), op->name) ||
        !strstr(mr_error(), "text:1:1"))
        fail_msg("%s %s=%s: \"%s\"", op->name, p->name, value, mr_error());
}

static void values_out_of_range_are_refused_by_name(void **state)
{
    char text[96];
    (void)state;
    for (size_t i = 0; mr_op_at(i); i++)
        for (const mr_param *p = mr_op_at(i)->params; p && p->name; p++) {
            const mr_op *op = mr_op_at(i);
            const char *unit = p->unit ? p->unit : p->type == MR_NS ? "s" : "";
            const double f = strcmp(unit, "%") == 0 ? 100 : 1, over = p->max * 10 * f;
            if (p->type != MR_WORD) refused(op, p, "nonsense");
            if (p->type == MR_F64 || p->type == MR_NS) refused(op, p, "1 parsec");
            if (p->unit) refused(op, p, "3"); /* a unit is needed */
            if (p->min == 0 && p->max == 0) continue;
            snprintf(text, sizeof text, p->type == MR_INT ? "%.0f%s" : "%g %s", over, unit);
            if (p->type == MR_RANGE)
                snprintf(text, sizeof text, "%g..%g %s", p->min * f, over, unit);
            refused(op, p, text);
            if (!(p->min > 0)) continue;
            snprintf(text, sizeof text, p->type == MR_INT ? "%.0f%s" : "%g %s", 0.0, unit);
            if (p->type == MR_RANGE) snprintf(text, sizeof text, "0..%g %s", p->min * f, unit);
            refused(op, p, text);
        }
}

static void required_parameters_are_asked_for_and_others_refused(void **state)
{
    (void)state;
    for (size_t i = 0; mr_op_at(i); i++) {
        const mr_op *op = mr_op_at(i);
        mr_chain *c = NULL;
        assert_int_equal(bind(op, "nonsense", "1", &c), MR_ECONFIG);
        assert_true(strstr(mr_error(), "nonsense") || strstr(mr_error(), "no parameters"));
        for (const mr_param *p = op->params; p && p->name; p++) {
            mr_node list = cut_settings(op->name);
            if (!p->def) {
                assert_int_equal(mr_chain_new(&list, &GEOM, &c), MR_ECONFIG);
                assert_non_null(strstr(mr_error(), "is needed"));
            }
            mr_node_fini(&list);
        }
    }
}

/* Whole against cut: within 1e-6 of the peak where something fades (the law), else the same bits.
 */
static void check_cuts(const char *what, const mr_chain *c)
{
    static const int64_t cuts[][2] = {{0, 97}, {1003, 0}, {311, 100}, {64, 64}, {0, 1}};
    const bool exact = !rounds(c);
    const bool whole = mr_chain_whole_span(c, NULL);
    double *x = samples(), *ref = run(c, x, NULL, 0, 0, 32), peak = 0;
    for (size_t i = 0; i < out_size(c); i++) {
        if (mr_chain_reduces(c) && isnan(ref[i])) continue; /* of a row that is not half there */
        if (!isfinite(ref[i])) fail_msg("%s: not finite at %zu", what, i);
        peak = fmax(peak, fabs(ref[i]));
    }
    assert_true(peak > 0);
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        if (cuts[k][1] == 1 && out_size(c) > 1500 * NC) continue; /* slow */
        double *y = run(c, x, NULL, whole ? 0 : cuts[k][0], cuts[k][1], 32), worst = 0;
        for (size_t i = 0; i < out_size(c); i++)
            worst = isnan(y[i]) == isnan(ref[i]) ? fmax(worst, fabs(y[i] - ref[i])) : INFINITY;
        if (worst > (exact ? 0 : 1e-6 * peak))
            fail_msg("%s: cut %zu differs by %g of %g", what, k, worst, peak);
        free(y);
    }
    free(x);
    free(ref);
}

static void cuts_do_not_change_the_answer(void **state)
{
    (void)state;
    each(check_cuts);
}

static void check_tiles(const char *what, const mr_chain *c)
{
    static const size_t widths[] = {1, 7, 16, 64};
    double *x = samples(), *ref = run(c, x, NULL, 0, 500, 32);
    for (size_t k = 0; k < 4; k++) {
        double *y = run(c, x, NULL, 0, 500, widths[k]);
        if (memcmp(y, ref, out_size(c) * sizeof *y) != 0) fail_msg("%s: tile %zu", what, widths[k]);
        free(y);
    }
    for (int k = 0; k < 2; k++) { /* as on machines with shorter vectors, or none */
        setenv("MILLRACE_SIMD", k ? "plain" : "fma", 1);
        double *y = run(c, x, NULL, 0, 500, 33);
        unsetenv("MILLRACE_SIMD");
        if (memcmp(y, ref, out_size(c) * sizeof *y) != 0) fail_msg("%s: simd %d", what, k);
        free(y);
    }
    free(x);
    free(ref);
}

static void tiles_and_vectors_of_any_width_give_the_same_bits(void **state)
{
    (void)state;
    each(check_tiles);
}

/* What stands in for bad samples changes nothing outside of what the chain calls spoilt: to 1e-8 of
 * the change where the memory fades (1e-9 of the response is left on each side). */
static void check_spoils(const char *what, const mr_chain *c)
{
    enum { BAD_A = 1500, BAD_B = 1510, CH = 6 };
    const size_t nc = mr_chain_out(c)->nc;
    const mr_slab ch = mr_chain_reaches(c, mr_chain_n(c), (mr_slab){CH, CH + 1});
    const mr_slab bad = {SPAN.a + BAD_A, SPAN.a + BAD_B}, out = mr_chain_out_span(c, SPAN);
    const mr_slab spoilt = mr_chain_spoils(c, SPAN, bad);
    uint8_t *mask = calloc((size_t)NT * NC, 1);
    double *x = samples(), *ref, *y, worst = 0;
    for (size_t t = BAD_A; t < BAD_B; t++) mask[t * NC + CH] = 1;
    ref = run(c, x, mask, 0, 0, 32);
    for (size_t t = BAD_A; t < BAD_B; t++) x[t * NC + CH] = 1e3;
    y = run(c, x, mask, 0, 0, 32);
    if (spoilt.b <= spoilt.a || ch.b <= ch.a) fail_msg("%s: spoils nothing", what);
    for (size_t i = 0; i < out_size(c); i++) {
        const int64_t m = out.a + (int64_t)(i / nc), k = (int64_t)(i % nc);
        bool inside = k >= ch.a && k < ch.b && m >= spoilt.a && m < spoilt.b;
        if (mr_chain_reduces(c)) inside = isnan(y[i]) && isnan(ref[i]); /* bad items are left out */
        if (!inside) worst = fmax(worst, fabs(y[i] - ref[i]));
    }
    if (worst > (fades(c) ? 1e-8 * 1e3 : 0))
        fail_msg("%s: %g outside [%d, %d)", what, worst, (int)(spoilt.a - out.a),
                 (int)(spoilt.b - out.a));
    free(mask);
    free(x);
    free(ref);
    free(y);
}

static void bad_samples_spoil_what_is_said_and_no_more(void **state)
{
    (void)state;
    each(check_spoils);
}

/* The declared impulse response is what a unit impulse gives (before any end of the span). */
static void impulse_responses_are_true(void **state)
{
    (void)state;
    for (size_t i = 0; mr_op_at(i); i++) {
        const mr_op *op = mr_op_at(i);
        if (!op->impulse) continue;
        double h[200], *x = calloc((size_t)NT * NC, sizeof *x), *y;
        mr_chain *c = NULL;
        assert_int_equal(bind(op, "phase", "causal", &c), MR_OK);
        assert_true(mr_chain_needs(c, 0)->lti);
        mr_node list = example(op, "phase", "causal");
        void *self = calloc(1, op->size);
        mr_geom out = GEOM;
        mr_needs needs = {0};
        assert_int_equal(mr_params_parse(op, &list.items[0].items[0], self), MR_OK);
        assert_int_equal(op->bind(self, &GEOM, &out, &needs), MR_OK);
        op->impulse(self, h, 200);
        x[1000 * NC] = 1;
        y = run(c, x, NULL, 0, 0, 32);
        for (size_t t = 0; t < 200; t++) assert_true(fabs(y[(1000 + t) * NC] - h[t]) < 1e-12);
        if (op->release) op->release(self);
        free(self);
        mr_node_fini(&list);
        mr_chain_free(c);
        free(x);
        free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_says_what_it_is),
        cmocka_unit_test(values_out_of_range_are_refused_by_name),
        cmocka_unit_test(required_parameters_are_asked_for_and_others_refused),
        cmocka_unit_test(cuts_do_not_change_the_answer),
        cmocka_unit_test(tiles_and_vectors_of_any_width_give_the_same_bits),
        cmocka_unit_test(bad_samples_spoil_what_is_said_and_no_more),
        cmocka_unit_test(impulse_responses_are_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
