/* report/json.c: see json.h. */
#include "report/json.h"
#include <stdlib.h>

char *mr_json_text(const json_t *o, size_t flags)
{
    const size_t n = o ? json_dumpb(o, NULL, 0, flags) : 0;
    char *s = n ? malloc(n + 1) : NULL;
    if (s && json_dumpb(o, s, n, flags) != n) {
        free(s);
        return NULL;
    }
    if (s) s[n] = '\0';
    return s;
}
