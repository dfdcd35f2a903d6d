/* Properties that hold for every operator, walked through the table: a new operator is covered the
 * day it is added. Each runs with its example and with every value of every choice. Made-up ones
 * (tests/ops/made_up.h) use what the table's do not. */
#include "../ops/cut.h"
#include "millrace/op_fast.h"
#include "../ops/made_up.h"
#include "ops/param.h"
#include "ops/plugin.h"
#include "ops/try/walk.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

MR_OWN_OPS(MADE_UP);

#define GEOM mr_try_geom

/* "band: 5..20 Hz, order: 3" as parameters of op, with one of them set to `value` (NULL: as is). */
static mr_node example(const mr_op *op, const char *name, const char *value)
{
    mr_node list = cut_group(MR_NODE_LIST, "chain");
    mr_node *item = cut_add(&list, cut_group(MR_NODE_MAP, ""));
    mr_node *params = cut_add(item, cut_group(MR_NODE_MAP, op->name));
    char *copy = strdup(op->example), *outer = NULL;
    for (char *s = copy, in = 0; *s; s++) { /* commas between parameters, not within a list */
        in = *s == '[' ? 1 : *s == ']' ? 0 : in;
        if (*s == ',' && !in) *s = ';';
    }
    for (char *kv = strtok_r(copy, ";", &outer); kv; kv = strtok_r(NULL, ";", &outer)) {
        char *colon = strchr(kv, ':'), *key = kv + strspn(kv, " ");
        assert_non_null(colon);
        *colon = 0;
        if (!name || strcmp(key, name) != 0) cut_add(params, cut_value(key, colon + 2));
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

/* Calls f for the example of `first`, `then`, and the example of `last` (or NULL). */
static void one_pair(void (*f)(const char *what, const mr_chain *c), const mr_op *first,
                     const char *second, const mr_op *last)
{
    mr_node list = example(first, NULL, NULL), then = cut_settings(second);
    mr_node end = last ? example(last, NULL, NULL) : (mr_node){0};
    mr_chain *c = NULL;
    char what[96];
    cut_add(&list, then.entries[0]);
    if (last) cut_add(&list, end.entries[0]);
    then.n = end.n = 0; /* given to the list */
    snprintf(what, sizeof what, "%s, %s, %s", first->name, second, last ? last->name : "nothing");
    if (mr_chain_new(&list, &GEOM, &c) != MR_OK) fail_msg("%s: %s", what, mr_error());
    f(what, c);
    mr_chain_free(c);
    mr_node_fini(&end);
    mr_node_fini(&then);
    mr_node_fini(&list);
}

/* Does it list what happened, instead of giving values? test_trigger.c has these. */
static bool lists(const mr_op *op)
{
    return op->pick || op->join;
}

/* Then it comes before what changes the rate. */
static bool goes_by_stamps(const mr_op *op)
{
    mr_chain *c = NULL;
    assert_int_equal(bind(op, NULL, NULL, &c), MR_OK);
    const bool does = mr_chain_by_stamps(c) > 0;
    mr_chain_free(c);
    return does;
}

/* Calls f for every filter that runs as one with a decimation after it, and for every operator
 * after such a pair. */
static void each_pair(void (*f)(const char *what, const mr_chain *c))
{
    const mr_op *filter = NULL;
    for (size_t i = 0; i < mr_op_count; i++) {
        if (!mr_fast_of(mr_op_table[i])->zero_phase) continue;
        filter = mr_op_table[i];
        one_pair(f, filter, "decimate factor=2", NULL);
    }
    assert_non_null(filter);
    one_pair(f, filter, "decimate factor=3 phase=causal", NULL);
    one_pair(f, filter, "resample rate=20Hz", NULL);
    for (size_t i = 0; mr_op_at(i); i++)
        if (!lists(mr_op_at(i)) && !goes_by_stamps(mr_op_at(i)))
            one_pair(f, filter, "decimate factor=2", mr_op_at(i));
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

/* Calls f for the example of every operator and for every value of its choices. */
static void each(void (*f)(const char *what, const mr_chain *c))
{
    each_pair(f);
    each_across(f);
    for (size_t i = 0; mr_op_at(i); i++) {
        const mr_op *op = mr_op_at(i);
        mr_chain *c = NULL;
        char what[96];
        if (lists(op)) continue;
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
        assert_true(op->size > 0);
        assert_int_equal(mr_op_complete(op), MR_OK);
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

static size_t property;

static void check_property(const char *what, const mr_chain *c)
{
    mr_text say = {0};
    assert_int_equal(mr_properties[property].walk(c, &say), MR_OK);
    if (say.len) fail_msg("%s: %s: %s", what, mr_properties[property].name, say.s);
    mr_text_fini(&say);
}

/* As `ops NAME --try` walks them: cut anywhere, in tiles of any width, with NaN. */
static void every_property_holds(void **state)
{
    (void)state;
    for (property = 0; property < mr_n_properties; property++) each(check_property);
}

/* The declared impulse response is what a unit impulse gives (before any end of the span). */
static void impulse_responses_are_true(void **state)
{
    (void)state;
    for (size_t i = 0; mr_op_at(i); i++) {
        const mr_op *op = mr_op_at(i);
        if (!mr_hints_of(op)->impulse) continue;
        enum { NT = 2000 };
        double h[200], *x = calloc((size_t)NT * GEOM.nc, sizeof *x), *y;
        mr_chain *c = NULL;
        assert_int_equal(bind(op, "phase", "causal", &c), MR_OK);
        assert_true(mr_chain_needs(c, 0)->lti);
        mr_node list = example(op, "phase", "causal");
        void *self = calloc(1, op->size);
        mr_geom out = GEOM;
        mr_needs needs = {0};
        assert_int_equal(mr_params_parse(op, &list.entries[0].entries[0], self), MR_OK);
        assert_int_equal(op->bind(self, &GEOM, &out, &needs), MR_OK);
        mr_hints_of(op)->impulse(self, h, 200);
        x[1000 * GEOM.nc] = 1;
        y = cut_run(&(cut_job){.chain = c, .span = {7, 7 + NT}, .x = x, .nc = GEOM.nc, .tile = 32});
        for (size_t t = 0; t < 200; t++) assert_true(fabs(y[(1000 + t) * GEOM.nc] - h[t]) < 1e-12);
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
        cmocka_unit_test(every_property_holds),
        cmocka_unit_test(impulse_responses_are_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
