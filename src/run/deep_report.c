/* run/deep_report.c: see deep_report.h. Called by run/deep.c; fuzzed. */
#include "run/deep_report.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "plan/catalog.h"
#include "report/json.h"

static int by_base(const void *a, const void *b)
{
    return strcmp(mr_base_name(*(const char *const *)a), mr_base_name(*(const char *const *)b));
}

/** Takes json, NULL where it could not be read. */
static mr_status take(const char *path, json_t *json, const json_error_t *e, mr_report_inputs *out)
{
    mr_status st = MR_OK;
    char *config = NULL;
    mr_report_inputs r = {.json = json};
    const json_t *inputs = json_object_get(json, "inputs");
    if (!json_is_array(inputs)) {
        st = MR_RAISE(MR_EVERIFY, "%s: cannot be read, so the inputs are not known (%s)", path,
                      json ? "no list of inputs" : e->text);
        goto out;
    }
    MR_TRY(mr_alloc(json_array_size(inputs), sizeof *r.paths, "the inputs", &r.paths));
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const char *s = json_string_value(json_object_get(json_array_get(inputs, i), "path"));
        if (s) r.paths[r.n_paths++] = s;
    }
    qsort(r.paths, r.n_paths, sizeof *r.paths, by_base);
    config = mr_json_text(json_object_get(json, "config"), 0);
    if (!config || mr_config_parse(path, config, NULL, 0, &r.cfg) != MR_OK)
        st = MR_RAISE(MR_EVERIFY, "%s: its config cannot be read", path);
out:
    free(config);
    if (st != MR_OK)
        mr_report_inputs_fini(&r);
    else
        *out = r;
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

void mr_report_inputs_fini(mr_report_inputs *r)
{
    free(r->paths);
    mr_config_free(r->cfg);
    json_decref(r->json);
    *r = (mr_report_inputs){0};
}
