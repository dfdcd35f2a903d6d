/* cli/common/show_json.c: see show_json.h. */
#include "cli/common/show_json.h"
#include <stdio.h>
#include "base/text.h"
#include "plan/odds.h"

static json_t *text(const char *s)
{
    char safe[1024];
    mr_printable(s, safe, sizeof safe);
    return json_string(safe);
}

json_t *mr_show_odd_json(const mr_plan *p)
{
    json_t *all = json_array();
    mr_odd_kind_count k[3];
    const size_t n = mr_odds_count(&p->spans, k);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_pack("{s:s s:I s:o s:o}", "kind", mr_odd_name(k[i].kind),
                                             "count", (json_int_t)k[i].n, "path",
                                             text(mr_catalog_path(p->cat, k[i].first->file)),
                                             "note", text(k[i].first->note)));
    return all;
}

mr_status mr_show_json(json_t *j)
{
    if (!j) return MR_RAISE(MR_EMEM, "no memory for the JSON");
    const int rc = json_dumpf(j, stdout, JSON_INDENT(1));
    json_decref(j);
    if (rc != 0) return MR_RAISE(MR_EOUTPUT, "cannot write the JSON");
    printf("\n");
    return MR_OK;
}
