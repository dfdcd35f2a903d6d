/* cli/common/opts.c: options by table. Used by the commands that have more than a file name to
 * read. */
#include "cli/common/opts.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

static int find(const mr_opt *table, const char *name, size_t len)
{
    for (int i = 0; table[i].name; i++)
        if (strlen(table[i].name) == len && strncmp(table[i].name, name, len) == 0) return i;
    return -1;
}

static mr_status unknown(const mr_opt *table, const char *arg)
{
    size_t n = 0;
    while (table[n].name) n++;
    const char *near = mr_nearest(arg + 2, table, n, sizeof *table);
    if (near) return MR_RAISE(MR_ECONFIG, "unknown option %s; did you mean --%s?", arg, near);
    return MR_RAISE(MR_ECONFIG, "unknown option %s; --help lists them", arg);
}

/* "-o": the only option that begins with that letter. */
static int find_letter(const mr_opt *table, const char *arg)
{
    int k = -1;
    for (int i = 0; table[i].name && arg[1] && !arg[2]; i++) {
        if (table[i].name[0] != arg[1]) continue;
        if (k >= 0) return -1;
        k = i;
    }
    return k;
}

/* One option at argv[*i]; steps over its value. */
static mr_status take_option(const mr_opt *table, int argc, char **argv, int *i, mr_opts *o)
{
    const char *arg = argv[*i], *eq = arg[1] == '-' ? strchr(arg, '=') : NULL;
    int k = arg[1] != '-' ? find_letter(table, arg)
                          : find(table, arg + 2, eq ? (size_t)(eq - arg - 2) : strlen(arg + 2));
    if (k < 0 && arg[1] != '-')
        return MR_RAISE(MR_ECONFIG, "unknown option %s; --help lists them", arg);
    if (k < 0) return unknown(table, arg);
    if (!table[k].value) {
        if (eq) return MR_RAISE(MR_ECONFIG, "--%s takes no value", table[k].name);
        o->val[k] = "";
    } else if (eq) {
        o->val[k] = eq + 1;
    } else {
        if (*i + 1 >= argc)
            return MR_RAISE(MR_ECONFIG, "--%s needs %s", table[k].name, table[k].value);
        o->val[k] = argv[++*i];
    }
    return MR_OK;
}

mr_status mr_opts_parse(const mr_opt *table, int argc, char **argv, int min_args, int max_args,
                        mr_opts *out)
{
    mr_status st = MR_OK;
    mr_opts o = {0};
    bool plain = false;
    for (int i = 0; table[i].name; i++) {
        MR_ASSERT(i < (int)(sizeof o.val / sizeof *o.val));
        o.val[i] = table[i].def;
    }
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (!plain && strcmp(a, "--") == 0) {
            plain = true;
        } else if (!plain && (strcmp(a, "--help") == 0 || strcmp(a, "-h") == 0)) {
            o.help = true;
        } else if (!plain && a[0] == '-' && a[1]) {
            MR_TRY(take_option(table, argc, argv, &i, &o));
        } else {
            if (o.n_args >= max_args)
                MR_TRY(MR_RAISE(MR_ECONFIG, "%s: one argument too many: '%s'", argv[0], a));
            if (++o.n_args != i) argv[o.n_args] = argv[i];
        }
    }
    if (!o.help && o.n_args < min_args)
        MR_TRY(MR_RAISE(MR_ECONFIG, "%s: an argument is missing; see millrace %s --help", argv[0],
                        argv[0]));
    o.arg = (const char *const *)argv + 1;
    *out = o;
out:
    return st;
}

void mr_opts_help(const char *usage, const mr_opt *table)
{
    printf("usage: millrace %s\n", usage);
    for (int i = 0; table[i].name; i++) {
        char left[64];
        snprintf(left, sizeof left, "--%s %s", table[i].name, table[i].value ? table[i].value : "");
        printf("  %-26s %s", left, table[i].doc);
        if (table[i].def && *table[i].def && table[i].value) printf(" (default %s)", table[i].def);
        printf("\n");
    }
}
