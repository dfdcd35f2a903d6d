/* cli/ops.c: `millrace ops`: the table of operators for people, for a page, for scripts. All of it
 * is read from the rows that the config's parser reads. */
#include "millrace/op.h"
#include "ops/plugin.h"
#include "cli/cli.h"
#include "cli/op_facts.h"
#include "cli/common/opts.h"
#include "cli/try.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { O_MARKDOWN, O_JSON, O_TRY };
static const mr_opt table[] = {[O_MARKDOWN] = {"markdown", NULL, NULL, "a page in Markdown"},
                               [O_JSON] = {"json", NULL, NULL, "one JSON object"},
                               [O_TRY] = {"try", NULL, NULL,
                                          "run NAME's example, and each of its choices, through "
                                          "what is relied on"},
                               {0}};

/* --- parts of a parameter as text ------------------------------------------------------------ */

static const char *unit_of(const mr_param *p)
{
    return p->unit ? p->unit : p->type == MR_NS ? "s" : "";
}

/** "1e-06 Hz .. 1e+06 Hz", "zero | causal", "true | false". */
static mr_status range_text(const mr_param *p, mr_text *t)
{
    mr_status st = MR_OK;
    const double f = strcmp(unit_of(p), "%") == 0 ? 100 : 1; /* held as a fraction */
    if (p->type == MR_ENUM || p->type == MR_SET) {
        for (size_t i = 0; p->names[i]; i++)
            MR_TRY(mr_text_add(t, "%s%s", i ? " | " : "", p->names[i]));
    } else if (p->type == MR_BOOL) {
        MR_TRY(mr_text_add(t, "true | false"));
    } else if (p->min == 0 && p->max == 0) {
        MR_TRY(mr_text_add(t, "any"));
    } else {
        MR_TRY(mr_text_add(t, "%.7g .. %.7g", p->min * f, p->max * f));
        if (*unit_of(p)) MR_TRY(mr_text_add(t, " %s", unit_of(p)));
    }
    if (p->span_ok) MR_TRY(mr_text_add(t, ", or span"));
    if (p->all_ok) MR_TRY(mr_text_add(t, ", or all"));
out:
    return st;
}

/** What kind of value is written: "range in Hz", "time", "whole number". */
static const char *kind_of(const mr_param *p)
{
    switch (p->type) {
    case MR_INT: return "whole number";
    case MR_BOOL: return "switch";
    case MR_RANGE: return "range a..b";
    case MR_NS: return "time";
    case MR_ENUM: return "word";
    case MR_SET: return "word or list";
    case MR_WORD: return "text";
    case MR_LIST: return "list";
    case MR_RANGES: return "range a..b or list";
    case MR_F64: break;
    }
    return "number";
}

static const char *default_of(const mr_param *p)
{
    return !p->def ? "required" : *p->def ? p->def : "optional";
}

/** What NaN does to it. */
static const char *nan_of(const mr_op *op)
{
    return op->on_nan             ? op->on_nan
           : op->fold || op->pick ? "is left out"
           : op->join             ? "is for what gives the picks"
                                  : "makes NaN of all that is made of it, as far as it looks";
}

/** As it stands in a config; the example is the row's own. */
static void print_usage(const mr_op *op)
{
    printf("  - %s: {%s}\n", op->name, op->example ? op->example : "");
}

/* --- three ways out -------------------------------------------------------------------------- */

static mr_status print_page(const mr_op *op)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    mr_op_facts f;
    printf("%s: %s\n\n", op->name, op->doc);
    print_usage(op);
    printf("\n");
    for (const mr_param *p = op->params; p && p->name; p++) {
        t.len = 0;
        MR_TRY(range_text(p, &t));
        printf("  %-10s %s\n             %s, %s; %s%s\n", p->name, p->doc, kind_of(p), t.s,
               p->def && *p->def ? "default " : "", default_of(p));
    }
    if (!op->params || !op->params->name) printf("  takes no parameters\n");
    MR_TRY(mr_op_facts_of(op, &f));
    printf("\n  looks at: %s\n  channels: %s\n  gives:    %s\n", f.context, f.channels, f.gives);
    printf("            (in the example, of samples at 100 Hz)\n");
    printf("  NaN:      %s\n", nan_of(op));
    if (op->ref) printf("  as in:    %s\n", op->ref);
    if (mr_plugin_path(op)) printf("  from:     %s\n", mr_plugin_path(op));
out:
    mr_text_fini(&t);
    return st;
}

/** All operators, a row each: README.md has the same lines. */
static mr_status print_table(void)
{
    mr_status st = MR_OK;
    const mr_op *op;
    printf("| operator | what it does | looks at | channels | gives |\n|---|---|---|---|---|\n");
    for (size_t i = 0; (op = mr_op_at(i)); i++) {
        mr_op_facts f;
        MR_TRY(mr_op_facts_of(op, &f));
        printf("| `%s` | %s | %s | %s | %s |\n", op->name, op->doc, f.context, f.channels, f.gives);
    }
    printf("\nWhat they look at and give is that of their examples, of samples at 100 Hz.\n\n");
out:
    return st;
}

static mr_status print_markdown(const mr_op *op)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    mr_op_facts f;
    MR_TRY(mr_op_facts_of(op, &f));
    printf("## %s\n\n%s.\n", op->name, op->doc);
    printf("Looks at: %s; channels: %s; gives: %s. NaN %s.\n", f.context, f.channels, f.gives,
           nan_of(op));
    if (op->ref) printf("As in: %s.\n", op->ref);
    printf("\n```yaml\n");
    print_usage(op);
    printf("```\n\n");
    if (op->params && op->params->name)
        printf("| parameter | value | default | range | meaning |\n|---|---|---|---|---|\n");
    for (const mr_param *p = op->params; p && p->name; p++) {
        t.len = 0;
        MR_TRY(range_text(p, &t));
        printf("| `%s` | %s%s%s | %s | ", p->name, kind_of(p), p->unit ? " in " : "",
               p->unit ? p->unit : "", default_of(p));
        for (const char *s = t.s; *s; s++) printf(*s == '|' ? "\\|" : "%c", *s);
        printf(" | %s |\n", p->doc);
    }
    printf("\n");
out:
    mr_text_fini(&t);
    return st;
}

static json_t *param_json(const mr_param *p)
{
    json_t *names = json_array();
    for (size_t i = 0; p->names && p->names[i]; i++)
        json_array_append_new(names, json_string(p->names[i]));
    const bool open = p->min == 0 && p->max == 0;
    return json_pack("{s:s s:s s:s s:s? s:b s:o s:o s:o s:b}", "name", p->name, "kind", kind_of(p),
                     "unit", unit_of(p), "default", p->def && *p->def ? p->def : NULL, "required",
                     !p->def, "min", open ? json_null() : json_real(p->min), "max",
                     open ? json_null() : json_real(p->max), "values", names, "span", p->span_ok);
}

static json_t *op_json(const mr_op *op)
{
    json_t *params = json_array();
    for (const mr_param *p = op->params; p && p->name; p++) {
        json_t *j = param_json(p);
        json_object_set_new(j, "doc", json_string(p->doc));
        json_array_append_new(params, j);
    }
    mr_op_facts f = {"", "", ""};
    if (mr_op_facts_of(op, &f) != MR_OK) mr_error_clear();
    return json_pack("{s:s s:s s:s s:s s:s s:s s:s s:s s:o}", "name", op->name, "doc", op->doc,
                     "reference", op->ref ? op->ref : "", "example", op->example ? op->example : "",
                     "looks_at", f.context, "channels", f.channels, "gives", f.gives, "nan",
                     nan_of(op), "parameters", params);
}

static mr_status print_json(const mr_op *only)
{
    json_t *all = json_array();
    const mr_op *op;
    for (size_t i = 0; (op = mr_op_at(i)); i++)
        if (!only || only == op) json_array_append_new(all, op_json(op));
    json_t *j = json_pack("{s:i s:s s:o}", "schema", 1, "version", MR_VERSION, "operators", all);
    if (!j) return MR_RAISE(MR_EMEM, "no memory for the JSON");
    json_dumpf(j, stdout, JSON_INDENT(1));
    printf("\n");
    json_decref(j);
    return MR_OK;
}

static void print_list(void)
{
    const mr_op *op;
    for (size_t i = 0; (op = mr_op_at(i)); i++)
        printf("  %-14s %s%s%s%s\n", op->name, op->doc, mr_plugin_path(op) ? " (" : "",
               mr_plugin_path(op) ? mr_plugin_path(op) : "", mr_plugin_path(op) ? ")" : "");
    printf("\nmillrace ops NAME says what it takes; in a config they stand under chain:, in the "
           "order\nin which they are applied.\n");
}

int mr_cli_ops(int argc, char **argv)
{
    mr_status st = MR_OK;
    mr_opts o;
    const mr_op *op = NULL;
    MR_TRY(mr_opts_parse(table, argc, argv, 0, 1, &o));
    if (o.help) {
        mr_opts_help("ops [NAME] [options]\n\nList the operators, or say what one of them takes.\n",
                     table);
        return MR_OK;
    }
    if (o.n_args && !(op = mr_op_find(o.arg[0]))) {
        char shown[80];
        const char *near = mr_op_nearest(o.arg[0]);
        mr_printable(o.arg[0], shown, sizeof shown);
        MR_TRY(MR_RAISE(MR_ECONFIG, "there is no operator \"%s\"%s%s%s (millrace ops lists them)",
                        shown, near ? "; did you mean " : "", near ? near : "", near ? "?" : ""));
    }
    if (o.val[O_TRY] && !op)
        MR_TRY(MR_RAISE(MR_ECONFIG, "--try needs an operator's name: millrace ops NAME --try"));
    if (o.val[O_TRY]) return (int)mr_try_op(op);
    if (o.val[O_JSON]) return (int)print_json(op);
    if (o.val[O_MARKDOWN]) {
        if (!op) printf("# Operators of millrace %s\n\n", MR_VERSION);
        if (!op) MR_TRY(print_table());
        const mr_op *row;
        for (size_t i = 0; (row = mr_op_at(i)); i++)
            if (!op || op == row) MR_TRY(print_markdown(row));
    } else if (op) {
        MR_TRY(print_page(op));
    } else {
        print_list();
    }
out:
    return (int)st;
}
