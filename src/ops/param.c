/* ops/param.c: settings of an operator from a map of the config, and back to text. */
#include "base/quantity.h"
#include "ops/param.h"
#include "ops/chain/chain_priv.h"
#include <string.h>

static mr_dim dim_of(const mr_param *p)
{
    if (!p->unit) return MR_DIM_NONE;
    if (strcmp(p->unit, "s") == 0) return MR_DIM_TIME;
    if (strcmp(p->unit, "Hz") == 0) return MR_DIM_FREQ;
    if (strcmp(p->unit, "m") == 0) return MR_DIM_LENGTH;
    if (strcmp(p->unit, "m/s") == 0) return MR_DIM_SPEED;
    MR_ASSERT(strcmp(p->unit, "%") == 0);
    return MR_DIM_PERCENT;
}

static const char *unit_text(const mr_param *p)
{
    return p->unit ? p->unit : p->type == MR_NS ? "s" : "";
}

static mr_status in_range(const mr_param *p, double v)
{
    const double f = p->unit && *p->unit == '%' ? 100 : 1; /* held as a fraction, written in % */
    if ((p->min == 0 && p->max == 0) || (v >= p->min && v <= p->max)) return MR_OK;
    return MR_RAISE(MR_ECONFIG, "%g %s is outside %g..%g %s", v * f, unit_text(p), p->min * f,
                    p->max * f, unit_text(p));
}

static mr_status read_enum(const mr_param *p, const char *text, int *out)
{
    size_t n = 0;
    mr_text all = {0};
    for (; p->names[n]; n++)
        if (strcmp(p->names[n], text) == 0) {
            *out = (int)n;
            return MR_OK;
        }
    mr_status st = MR_OK;
    for (size_t i = 0; i < n && st == MR_OK; i++)
        st = mr_text_add(&all, "%s%s", i ? ", " : "", p->names[i]);
    const char *near = mr_nearest(text, p->names, n, sizeof *p->names);
    if (st == MR_OK && near)
        st = MR_RAISE(MR_ECONFIG, "%s is none of %s; did you mean %s?", text, all.s, near);
    else if (st == MR_OK)
        st = MR_RAISE(MR_ECONFIG, "%s is none of %s", text, all.s);
    mr_text_fini(&all);
    return st;
}

static mr_status read_set(const mr_param *p, const mr_node *n, const char *text, int *out)
{
    int set = 0, k = 0;
    mr_status st = text ? read_enum(p, text, &k) : MR_OK;
    if (text) set = 1 << k;
    for (size_t i = 0; n && i < n->n && st == MR_OK; i++) {
        const mr_node *entry = &n->entries[i];
        if (entry->kind != MR_NODE_SCALAR || !entry->text)
            return MR_RAISE(MR_ECONFIG, "a word or a list of words is needed");
        st = read_enum(p, entry->text, &k);
        set |= 1 << k;
    }
    if (st == MR_OK && !set) st = MR_RAISE(MR_ECONFIG, "the list is empty");
    if (st == MR_OK) *out = set;
    return st;
}

static mr_status read_bool(const char *text, bool *out)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return MR_RAISE(MR_ECONFIG, "%s is neither true nor false", text);
    *out = text[0] == 't';
    return MR_OK;
}

static mr_status read_ns(const mr_param *p, const char *text, int64_t *out)
{
    int64_t ns = 0;
    if (p->span_ok && strcmp(text, "span") == 0) {
        *out = MR_WINDOW_SPAN;
        return MR_OK;
    }
    if (p->all_ok && strcmp(text, "all") == 0) {
        *out = MR_ALL;
        return MR_OK;
    }
    mr_status st = mr_duration_parse(text, &ns);
    if (st == MR_OK) st = in_range(p, (double)ns * 1e-9);
    if (st == MR_OK) *out = ns;
    return st;
}

static mr_status read_word(const char *text, char out[32])
{
    if (strlen(text) > 31) return MR_RAISE(MR_ECONFIG, "longer than 31 characters");
    memset(out, 0, 32);
    memcpy(out, text, strlen(text));
    return MR_OK;
}

static mr_status read_range(const mr_param *p, const char *text, double out[2])
{
    mr_status st = MR_OK;
    double lo, hi;
    MR_TRY(mr_range_parse(text, dim_of(p), &lo, &hi));
    MR_TRY(in_range(p, lo));
    MR_TRY(in_range(p, hi));
    out[0] = lo;
    out[1] = hi;
out:
    return st;
}

/* One value of any type into the field. */
static mr_status read_text(const mr_param *p, const char *text, void *field)
{
    mr_status st = MR_OK;
    double *f = field, lo = 0, both[2];
    int64_t i = 0;
    switch (p->type) {
    case MR_F64:
        MR_TRY(mr_quantity_parse(text, dim_of(p), &lo));
        MR_TRY(in_range(p, lo));
        *f = lo;
        break;
    case MR_RANGE: st = read_range(p, text, f); break;
    case MR_RANGES: /* of one */
        MR_TRY(read_range(p, text, both));
        *(mr_ranges *)field = (mr_ranges){1, {{both[0], both[1]}}};
        break;
    case MR_INT:
        MR_TRY(mr_int_parse(text, &i));
        MR_TRY(in_range(p, (double)i));
        *(int64_t *)field = i;
        break;
    case MR_BOOL: st = read_bool(text, field); break;
    case MR_NS: st = read_ns(p, text, field); break;
    case MR_ENUM: st = read_enum(p, text, field); break;
    case MR_WORD: st = read_word(text, field); break;
    case MR_SET: st = read_set(p, NULL, text, field); break;
    case MR_LIST: /* of one */
        if (mr_int_parse(text, &i) != MR_OK)
            return MR_RAISE(MR_ECONFIG, "a whole number or a list of them in [ ] is needed");
        MR_TRY(in_range(p, (double)i));
        *(mr_list64 *)field = (mr_list64){1, false, {i}};
        break;
    }
out:
    return st;
}

static mr_status read_list(const mr_param *p, const mr_node *n, mr_list64 *out)
{
    mr_status st = MR_OK;
    mr_list64 l = {.table = n->text != NULL};
    if (n->n > MR_MAX_LIST) return MR_RAISE(MR_ECONFIG, "more than %d entries", MR_MAX_LIST);
    for (; l.n < n->n; l.n++) {
        const mr_node *entry = &n->entries[l.n];
        if (entry->kind != MR_NODE_SCALAR) return MR_RAISE(MR_ECONFIG, "entries are numbers");
        MR_TRY(mr_int_parse(entry->text, &l.v[l.n]));
        MR_TRY(in_range(p, (double)l.v[l.n]));
    }
    *out = l;
out:
    return st;
}

static mr_status read_ranges(const mr_param *p, const mr_node *n, mr_ranges *out)
{
    mr_status st = MR_OK;
    mr_ranges l = {0};
    if (n->n > MR_MAX_RANGES) return MR_RAISE(MR_ECONFIG, "more than %d ranges", MR_MAX_RANGES);
    for (; l.n < n->n; l.n++) {
        const mr_node *item = &n->entries[l.n];
        if (item->kind != MR_NODE_SCALAR || !item->text)
            return MR_RAISE(MR_ECONFIG, "entries are ranges, a..b%s%s", p->unit ? " " : "",
                            unit_text(p));
        MR_TRY(read_range(p, item->text, l.v[l.n]));
    }
    if (!l.n) return MR_RAISE(MR_ECONFIG, "the list is empty");
    *out = l;
out:
    return st;
}

/* [1, 30] for a range is what many write. */
static mr_status refuse_shape(const mr_param *p, const mr_node *n)
{
    const bool two =
        n->kind == MR_NODE_LIST && n->n == 2 && n->entries[0].text && n->entries[1].text;
    if (p->type == MR_RANGE && two) {
        char a[24], b[24];
        const char *unit = unit_text(p);
        mr_printable(n->entries[0].text, a, sizeof a);
        mr_printable(n->entries[1].text, b, sizeof b);
        const bool has = *unit && strstr(b, unit);
        return MR_RAISE(MR_ECONFIG, "a range is needed, not a list: did you mean %s..%s%s%s?", a, b,
                        *unit && !has ? " " : "", has ? "" : unit);
    }
    return MR_RAISE(MR_ECONFIG, "one value is needed, not a %s",
                    n->kind == MR_NODE_LIST ? "list" : "map");
}

static mr_status read_param(const mr_op *op, const mr_param *p, const mr_node *n, void *self)
{
    mr_status st;
    void *field = (char *)self + p->offset;
    if (p->type == MR_LIST && n->kind == MR_NODE_LIST)
        st = read_list(p, n, field);
    else if (p->type == MR_RANGES && n->kind == MR_NODE_LIST)
        st = read_ranges(p, n, field);
    else if (p->type == MR_SET && n->kind == MR_NODE_LIST)
        st = read_set(p, n, NULL, field);
    else if (n->kind != MR_NODE_SCALAR)
        st = refuse_shape(p, n);
    else
        st = read_text(p, n->text ? n->text : "", field);
    if (st == MR_OK) return st;
    char why[512];
    mr_printable(mr_error(), why, sizeof why);
    return MR_RAISE_AT(st, n, "%s: %s: %s", op->name, p->name, why);
}

static mr_status no_such_param(const mr_op *op, const mr_node *n)
{
    size_t count = 0;
    while (op->params && op->params[count].name) count++;
    if (count == 0) return MR_RAISE_KEY(MR_ECONFIG, n, "%s takes no parameters", op->name);
    const char *near = mr_nearest(n->key, &op->params[0].name, count, sizeof *op->params);
    if (near)
        return MR_RAISE_KEY(MR_ECONFIG, n, "%s has no parameter %s; did you mean %s?", op->name,
                            n->key, near);
    return MR_RAISE_KEY(MR_ECONFIG, n, "%s has no parameter %s; `millrace ops %s` lists them",
                        op->name, n->key, op->name);
}

static mr_status missing(const mr_op *op, const mr_param *p, const mr_node *map)
{
    if (!map) return MR_RAISE(MR_ECONFIG, "%s: %s is needed: %s", op->name, p->name, p->doc);
    return MR_RAISE_KEY(MR_ECONFIG, map, "%s: %s is needed: %s", op->name, p->name, p->doc);
}

mr_status mr_params_parse(const mr_op *op, const mr_node *map, void *self)
{
    mr_status st = MR_OK;
    if (map && map->kind != MR_NODE_MAP)
        return MR_RAISE_AT(MR_ECONFIG, map, "%s: parameters are written as {name: value, ...}",
                           op->name);
    for (size_t i = 0; map && i < map->n; i++) {
        bool known = false;
        for (const mr_param *p = op->params; p && p->name; p++)
            known = known || strcmp(p->name, map->entries[i].key) == 0;
        if (!known) return no_such_param(op, &map->entries[i]);
    }
    for (const mr_param *p = op->params; p && p->name; p++) {
        const mr_node *n = mr_node_get(map, p->name);
        if (n)
            MR_TRY(read_param(op, p, n, self));
        else if (!p->def)
            MR_TRY(missing(op, p, map));
        else if (*p->def)
            MR_TRY(read_text(p, p->def, (char *)self + p->offset));
    }
out:
    return st;
}

/* --- back to text
 * ---------------------------------------------------------------------------------- */

static mr_status number(mr_text *t, double v, bool exact)
{
    return mr_text_add(t, exact ? "%a" : "%.12g", v);
}

static mr_status range_text(mr_text *t, const double *v, double scale, bool exact)
{
    mr_status st = MR_OK;
    MR_TRY(number(t, v[0] * scale, exact));
    MR_TRY(mr_text_add(t, ".."));
    MR_TRY(number(t, v[1] * scale, exact));
out:
    return st;
}

static mr_status value_text(const mr_param *p, const void *field, bool exact, mr_text *t)
{
    mr_status st = MR_OK;
    const double *f = field;
    const int64_t i = p->type == MR_INT || p->type == MR_NS ? *(const int64_t *)field : 0;
    const double scale = p->unit && *p->unit == '%' && !exact ? 100 : 1;
    switch (p->type) {
    case MR_F64: MR_TRY(number(t, *f * scale, exact)); break;
    case MR_RANGE: MR_TRY(range_text(t, f, scale, exact)); break;
    case MR_RANGES:
        for (size_t k = 0; k < ((const mr_ranges *)field)->n; k++) {
            if (k) MR_TRY(mr_text_add(t, ","));
            MR_TRY(range_text(t, ((const mr_ranges *)field)->v[k], scale, exact));
        }
        break;
    case MR_INT: MR_TRY(mr_text_add(t, "%lld", (long long)i)); break;
    case MR_BOOL: MR_TRY(mr_text_add(t, *(const bool *)field ? "true" : "false")); break;
    case MR_ENUM: MR_TRY(mr_text_add(t, "%s", p->names[*(const int *)field])); break;
    case MR_WORD: MR_TRY(mr_text_add(t, "\"%s\"", (const char *)field)); break;
    case MR_NS:
        if (i == MR_WINDOW_SPAN) return mr_text_add(t, p->all_ok ? "all" : "span");
        if (exact) return mr_text_add(t, "%lldns", (long long)i);
        MR_TRY(number(t, (double)i * 1e-9, false));
        break;
    case MR_SET:
        for (int k = 0, any = 0; p->names[k]; k++)
            if (*(const int *)field >> k & 1)
                MR_TRY(mr_text_add(t, "%s%s", any++ ? "," : "", p->names[k]));
        break;
    case MR_LIST:
        for (size_t k = 0; k < ((const mr_list64 *)field)->n; k++)
            MR_TRY(mr_text_add(t, "%s%lld", k ? "," : "",
                               (long long)((const mr_list64 *)field)->v[k]));
        break;
    }
    if (*unit_text(p)) MR_TRY(mr_text_add(t, " %s", unit_text(p)));
out:
    return st;
}

/* An optional setting that was not given is zero: left out. */
static bool absent(const mr_param *p, const void *field)
{
    const char zero[32] = {0};
    if (!p->def || *p->def) return false;
    size_t n = p->type == MR_RANGE ? 16 : p->type == MR_WORD ? 32 : p->type == MR_BOOL ? 1 : 8;
    if (p->type == MR_ENUM) n = sizeof(int);
    return memcmp(field, zero, n) == 0;
}

mr_status mr_params_text(const mr_op *op, const void *self, bool exact, mr_text *t)
{
    mr_status st = MR_OK;
    for (const mr_param *p = op->params; p && p->name; p++) {
        const void *field = (const char *)self + p->offset;
        if (absent(p, field)) continue;
        MR_TRY(mr_text_add(t, " %s=", p->name));
        MR_TRY(value_text(p, field, exact, t));
    }
out:
    return st;
}
