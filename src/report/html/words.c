/* report/html/words.c: text and numbers of the page. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "report/html/html.h"

mr_status mr_html_text(mr_text *t, const char *s)
{
    mr_status st = MR_OK;
    for (; *s && st == MR_OK; s++) {
        const char *as = *s == '<'    ? "&lt;"
                         : *s == '>'  ? "&gt;"
                         : *s == '&'  ? "&amp;"
                         : *s == '"'  ? "&quot;"
                         : *s == '\'' ? "&#39;"
                                      : NULL;
        st = as ? mr_text_add(t, "%s", as) : mr_text_add_bytes(t, s, 1);
    }
    return st;
}

static const json_t *member(const json_t *o, const char *path)
{
    char name[64];
    while (o && *path) {
        const size_t n = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)MR_MIN(n, sizeof name - 1), path);
        o = json_object_get(o, name);
        path += n + (path[n] == '.');
    }
    return o;
}

const char *mr_html_string(const json_t *o, const char *path)
{
    const char *s = json_string_value(member(o, path));
    return s ? s : "";
}

double mr_html_number(const json_t *o, const char *path)
{
    const json_t *v = member(o, path);
    return v ? json_number_value(v) : 0;
}

const char *mr_html_time(const char *iso, char *buf)
{
    snprintf(buf, 40, "%.19s", iso);
    if (strlen(buf) > 10) buf[10] = ' ';
    return buf;
}

const char *mr_html_count(double v, char *buf)
{
    char plain[40];
    size_t o = 0, n = (size_t)snprintf(plain, sizeof plain, "%.0f", fmax(v, 0));
    for (size_t i = 0; i < n && o + 2 < 40; i++) {
        buf[o++] = plain[i];
        if ((n - i - 1) % 3 == 0 && i + 1 < n) buf[o++] = ',';
    }
    buf[o] = '\0';
    return buf;
}
