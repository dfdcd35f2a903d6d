/* plan/config/expand.c: ${NAME} and a leading ~ in the paths of a config (input.files,
 * output.folder). */
#include "plan/config/tree.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ${NAME} at *p, which moves behind it. */
static mr_status add_variable(const mr_node *n, const char *key, const char **p, mr_text *t)
{
    char name[128], shown[160];
    const char *q = *p + 2;
    size_t len = strcspn(q, "}");
    if (q[len] == '\0') return MR_RAISE_AT(MR_ECONFIG, n, "%s: ${ has no closing }", key);
    if (len >= sizeof name)
        return MR_RAISE_AT(MR_ECONFIG, n, "%s: the name between ${ and } is too long", key);
    memcpy(name, q, len);
    name[len] = '\0';
    mr_printable(name, shown, sizeof shown);
    bool good = len > 0 && !isdigit((unsigned char)name[0]);
    for (size_t i = 0; i < len; i++)
        good = good && (isalnum((unsigned char)name[i]) || name[i] == '_');
    if (!good)
        return MR_RAISE_AT(MR_ECONFIG, n, "%s: ${%s} is not the name of an environment variable",
                           key, shown);
    const char *value = getenv(name);
    if (!value)
        return MR_RAISE_AT(MR_ECONFIG, n, "%s: ${%s} is not set in the environment", key, shown);
    *p = q + len + 1;
    return mr_text_add_bytes(t, value, strlen(value));
}

/* $NAME without braces, or NULL. */
static const char *bare_variable(const char *p)
{
    for (p = strchr(p, '$'); p; p = strchr(p + 1, '$'))
        if (isalpha((unsigned char)p[1]) || p[1] == '_') return p;
    return NULL;
}

mr_status mr_path_expand(const mr_node *n, const char *key, char **out)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    const char *p = n->text;
    if (*p == '\0')
        return MR_RAISE_AT(MR_ECONFIG, n, "%s: a path is needed; this one is empty", key);
    if (*p == '~') {
        const char *home = getenv("HOME");
        if (p[1] != '/' && p[1] != '\0')
            return MR_RAISE_AT(MR_ECONFIG, n, "%s: only ~/ is expanded, not another user's ~", key);
        if (!home || !*home)
            return MR_RAISE_AT(MR_ECONFIG, n, "%s: ~ needs HOME, which is not set", key);
        MR_TRY(mr_text_add_bytes(&t, home, strlen(home)));
        p++;
    }
    const char *dollar = bare_variable(p);
    if (dollar && access(n->text, F_OK) != 0) { /* a name that is there may hold a $ */
        char name[64];
        size_t len = 1;
        while (isalnum((unsigned char)dollar[len]) || dollar[len] == '_') len++;
        snprintf(name, sizeof name, "%.*s", (int)MR_MIN(len - 1, sizeof name - 1), dollar + 1);
        st = MR_RAISE_AT(MR_ECONFIG, n, "%s: $%s is not expanded; write ${%s}", key, name, name);
        goto out;
    }
    while (*p) {
        if (p[0] == '$' && p[1] == '{')
            MR_TRY(add_variable(n, key, &p, &t));
        else
            MR_TRY(mr_text_add_bytes(&t, p++, 1));
    }
    if (t.len == 0)
        st = MR_RAISE_AT(MR_ECONFIG, n, "%s: the path is empty once its variables are filled in",
                         key);
    else if (t.len > MR_SCALAR_MAX)
        st = MR_RAISE_AT(MR_ECONFIG, n, "%s: the path is longer than %d bytes", key, MR_SCALAR_MAX);
    if (st != MR_OK) goto out;
    *out = t.s;
    t.s = NULL; /* given away */
out:
    mr_text_fini(&t);
    return st;
}
