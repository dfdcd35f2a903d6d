/* report/html/tables.c: what was odd, by kind; what was refused or partly used, by reason. */
#include <stdlib.h>
#include <string.h>
#include "report/html/html.h"

enum { MOST_ROWS = 100, MOST_NAMES = 200 };

typedef struct entry {
    const char *group, *path; /* [borrow] from the report */
    const json_t *o;
    size_t at;
} entry;

static int by_group(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    const int d = strcmp(x->group, y->group);
    return d ? d : (x->at > y->at) - (x->at < y->at);
}

static mr_status cell(mr_text *t, const char *s)
{
    mr_status st = MR_OK;
    MR_TRY(mr_text_add(t, "<td>"));
    MR_TRY(mr_html_text(t, s));
    MR_TRY(mr_text_add(t, "</td>"));
out:
    return st;
}

static mr_status odd_row(mr_text *t, const json_t *o)
{
    mr_status st = MR_OK;
    char a[40], b[40];
    MR_TRY(mr_text_add(t, "<tr>"));
    MR_TRY(cell(t, mr_html_time(mr_html_string(o, "t0"), a)));
    MR_TRY(cell(t, mr_html_time(mr_html_string(o, "t1"), b)));
    MR_TRY(cell(t, mr_html_string(o, "path")));
    MR_TRY(cell(t, mr_html_string(o, "note")));
    MR_TRY(mr_text_add(t, "</tr>"));
out:
    return st;
}

/* All members of an array, sorted by what `group` says of them; NULL: left out. [give] v */
static mr_status grouped(const json_t *array, const char *(*group)(const json_t *), entry **v,
                         size_t *n)
{
    mr_status st = MR_OK;
    entry *e = NULL;
    size_t i, k = 0;
    json_t *o;
    MR_TRY(mr_alloc(json_array_size(array) + 1, sizeof *e, "a table", &e));
    json_array_foreach(array, i, o)
    {
        const char *g = group(o);
        if (g) e[k++] = (entry){g, mr_html_string(o, "path"), o, i};
    }
    qsort(e, k, sizeof *e, by_group);
    *v = e;
    *n = k;
out:
    return st;
}

static const char *kind_of(const json_t *o)
{
    return mr_html_string(o, "kind");
}

mr_status mr_html_ledger(const json_t *report, mr_text *t)
{
    mr_status st = MR_OK;
    entry *v = NULL;
    size_t n = 0;
    MR_TRY(grouped(json_object_get(report, "ledger"), kind_of, &v, &n));
    if (!n) MR_TRY(mr_text_add(t, "<p>Nothing: no gap, no overlap, no drift, no loss.</p>"));
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && strcmp(v[k].group, v[i].group) == 0;) k++;
        MR_TRY(mr_text_add(t, "<details%s><summary>", k - i <= 12 ? " open" : ""));
        MR_TRY(mr_html_text(t, v[i].group));
        MR_TRY(mr_text_add(t,
                           ": %zu</summary><table><tr><th>from</th><th>to</th><th>file</th>"
                           "<th>what</th></tr>",
                           k - i));
        for (size_t r = i; r < k && r < i + MOST_ROWS; r++) MR_TRY(odd_row(t, v[r].o));
        MR_TRY(mr_text_add(t, "</table>"));
        if (k - i > MOST_ROWS)
            MR_TRY(mr_text_add(t, "<p class='faint'>and %zu more in report.json</p>",
                               k - i - MOST_ROWS));
        MR_TRY(mr_text_add(t, "</details>"));
    }
out:
    free(v);
    return st;
}

static const char *refused_for(const json_t *o)
{
    return strcmp(mr_html_string(o, "state"), "refused") == 0 ? mr_html_string(o, "reason") : NULL;
}

static const char *partly_for(const json_t *o)
{
    return strcmp(mr_html_string(o, "state"), "partly") == 0 ? mr_html_string(o, "reason") : NULL;
}

static mr_status names(const json_t *inputs, const char *what, const char *(*group)(const json_t *),
                       mr_text *t)
{
    mr_status st = MR_OK;
    entry *v = NULL;
    size_t n = 0;
    MR_TRY(grouped(inputs, group, &v, &n));
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && strcmp(v[k].group, v[i].group) == 0;) k++;
        MR_TRY(mr_text_add(t, "<details%s><summary>%zu %s: ", k - i <= 12 ? " open" : "", k - i,
                           what));
        MR_TRY(mr_html_text(t, v[i].group));
        MR_TRY(mr_text_add(t, "</summary><ul>"));
        for (size_t r = i; r < k && r < i + MOST_NAMES; r++) {
            MR_TRY(mr_text_add(t, "<li>"));
            MR_TRY(mr_html_text(t, v[r].path));
            MR_TRY(mr_text_add(t, "</li>"));
        }
        if (k - i > MOST_NAMES)
            MR_TRY(mr_text_add(t, "<li>and %zu more in report.json</li>", k - i - MOST_NAMES));
        MR_TRY(mr_text_add(t, "</ul></details>"));
    }
out:
    free(v);
    return st;
}

mr_status mr_html_inputs(const json_t *report, mr_text *t)
{
    mr_status st = MR_OK;
    const json_t *inputs = json_object_get(report, "inputs");
    const size_t before = t->len;
    MR_TRY(names(inputs, "refused", refused_for, t));
    MR_TRY(names(inputs, "partly used", partly_for, t));
    if (t->len == before) MR_TRY(mr_text_add(t, "<p>All files were used.</p>"));
out:
    return st;
}
