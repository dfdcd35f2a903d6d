/* run/folder/deep_report.c: see deep_report.h. Called by run/folder/deep.c; fuzzed. */
#include "run/folder/deep_report.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "plan/catalog/catalog.h"
#include "report/json.h"

static int by_base(const void *a, const void *b)
{
    return strcmp(mr_base_name(*(char *const *)a), mr_base_name(*(char *const *)b));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/** A path as it is: where it could not be printed its bytes stand beside it in hex. [give] out;
 *  NULL where there is none. */
static mr_status true_path(const json_t *o, const char *name, char **out)
{
    mr_status st = MR_OK;
    char bytes[64], *s = NULL;
    *out = NULL;
    snprintf(bytes, sizeof bytes, "%s_bytes", name);
    const char *text = json_string_value(json_object_get(o, name));
    const char *hex = json_string_value(json_object_get(o, bytes));
    if (!hex) return text ? mr_strdup(text, out) : MR_OK;
    const size_t n = strlen(hex) / 2;
    MR_TRY(mr_alloc(n + 1, 1, "a path", &s));
    for (size_t i = 0; i < n; i++) {
        unsigned v;
        if (sscanf(hex + 2 * i, "%2x", &v) != 1 || v == 0) break;
        s[i] = (char)v;
    }
    *out = s;
out:
    return st;
}

/** Relative paths count from where the run was called, not from here. */
static mr_status place(const char *base, const char *path, mr_strs *to)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    if (*path != '/' && base) MR_TRY(mr_text_add(&t, "%s/%s", base, path));
    MR_TRY(mr_strs_add(to, t.s && access(t.s, F_OK) == 0 ? t.s : path));
out:
    mr_text_fini(&t);
    return st;
}

static mr_status take_paths(json_t *json, mr_report_inputs *r)
{
    mr_status st = MR_OK;
    char *base = NULL, *path = NULL;
    const json_t *inputs = json_object_get(json, "inputs"), *held = json_object_get(json, "held");
    MR_TRY(true_path(json_object_get(json, "launch"), "folder", &base));
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        MR_TRY(true_path(json_array_get(inputs, i), "path", &path));
        if (path) MR_TRY(place(base, path, &r->paths));
        free(path);
        path = NULL;
    }
    for (size_t i = 0; i < json_array_size(held); i++) {
        const char *s = json_string_value(json_object_get(json_array_get(held, i), "file"));
        if (s) MR_TRY(mr_strs_add(&r->held, s));
    }
    if (r->paths.n) qsort(r->paths.v, r->paths.n, sizeof *r->paths.v, by_base);
    if (r->held.n) qsort(r->held.v, r->held.n, sizeof *r->held.v, by_text);
out:
    free(base);
    free(path);
    return st;
}

/** How inputs are read: what names files of its own machine, and the chain, are not needed. */
static mr_status take_config(const char *path, json_t *json, mr_report_inputs *r)
{
    mr_status st = MR_OK;
    json_t *input = json_deep_copy(json_object_get(json_object_get(json, "config"), "input"));
    json_t *cfg = NULL;
    char *text = NULL;
    if (!json_is_object(input)) {
        st = MR_RAISE(MR_EVERIFY, "%s: its config cannot be read", path);
        goto out;
    }
    json_object_del(input, "geometry");
    json_object_set_new(input, "files", json_string("."));
    cfg = json_pack("{s:O s:{s:s}}", "input", input, "output", "folder", ".");
    text = cfg ? mr_json_text(cfg, 0) : NULL;
    if (!text || mr_config_parse(path, text, NULL, 0, &r->cfg) != MR_OK)
        st = MR_RAISE(MR_EVERIFY, "%s: its config cannot be read", path);
out:
    json_decref(input);
    json_decref(cfg);
    free(text);
    return st;
}

/** Takes json, NULL where it could not be read. */
static mr_status take(const char *path, json_t *json, const json_error_t *e, mr_report_inputs *out)
{
    mr_status st = MR_OK;
    mr_report_inputs r = {0};
    if (!json_is_array(json_object_get(json, "inputs"))) {
        st = MR_RAISE(MR_EVERIFY, "%s: cannot be read, so the inputs are not known (%s)", path,
                      json ? "no list of inputs" : e->text);
        goto out;
    }
    MR_TRY(take_paths(json, &r));
    MR_TRY(take_config(path, json, &r));
    *out = r;
    r = (mr_report_inputs){0};
out:
    json_decref(json);
    mr_report_inputs_fini(&r);
    return st;
}

mr_status mr_report_inputs_read(const char *path, mr_report_inputs *out)
{
    json_error_t e;
    json_t *json = json_load_file(path, 0, &e);
    return take(path, json, &e, out);
}

mr_status mr_report_inputs_parse(const char *path, const char *text, size_t n,
                                 mr_report_inputs *out)
{
    json_error_t e;
    json_t *json = json_loadb(text, n, 0, &e);
    return take(path, json, &e, out);
}

size_t mr_report_inputs_find(const mr_report_inputs *r, const char *base)
{
    size_t a = 0, b = r->paths.n;
    while (a < b) {
        const size_t mid = a + (b - a) / 2;
        if (strcmp(mr_base_name(r->paths.v[mid]), base) < 0)
            a = mid + 1;
        else
            b = mid;
    }
    return a < r->paths.n && strcmp(mr_base_name(r->paths.v[a]), base) == 0 ? a : r->paths.n;
}

bool mr_report_inputs_held(const mr_report_inputs *r, const char *lane)
{
    return r->held.n && bsearch(&lane, r->held.v, r->held.n, sizeof *r->held.v, by_text);
}

void mr_report_inputs_fini(mr_report_inputs *r)
{
    mr_strs_fini(&r->paths);
    mr_strs_fini(&r->held);
    mr_config_free(r->cfg);
    *r = (mr_report_inputs){0};
}
