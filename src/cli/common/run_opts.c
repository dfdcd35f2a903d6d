/* cli/common/run_opts.c: see run_opts.h. -s may be repeated, so this is not the plain option table.
 */
#include "cli/common/run_opts.h"
#include <string.h>

/** The value of "--name VALUE" or "--name=VALUE", NULL if argv[*i] is another option. */
static const char *value_of(int argc, char **argv, int *i, const char *name, mr_status *st)
{
    const size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0) return NULL;
    if (argv[*i][n] == '=') return argv[*i] + n + 1;
    if (argv[*i][n] != '\0') return NULL;
    if (*i + 1 < argc) return argv[++*i];
    *st = MR_RAISE(MR_ECONFIG, "%s: %s needs a value", argv[0], name);
    return NULL;
}

static bool allows(const char *list, const char *name)
{
    const char *at = strstr(list, name);
    return at != NULL;
}

static bool flag(mr_run_args *a, const char *arg, const char *allowed)
{
    struct {
        const char *name;
        bool *to;
    } const flags[] = {{"strict", &a->o.strict}, {"check", &a->o.check}, {"follow", &a->o.follow},
                       {"json", &a->o.json},     {"quiet", &a->o.quiet}, {"slurm", &a->slurm},
                       {"verbose", &a->verbose}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (strcmp(arg + 2, flags[i].name) == 0 && allows(allowed, flags[i].name)) {
            *flags[i].to = true;
            return true;
        }
    return false;
}

/** "tcp" or "tcp:ADDR": where to listen, "" for every address of this host. */
static mr_status take_control(const char *cmd, const char *v, const char **out)
{
    if (strcmp(v, "tcp") != 0 && (strncmp(v, "tcp:", 4) != 0 || !v[4]))
        return MR_RAISE(MR_ECONFIG, "%s: --control takes tcp or tcp:ADDRESS, not \"%.80s\"", cmd,
                        v);
    *out = v[3] ? v + 4 : "";
    return MR_OK;
}

mr_status mr_run_args_parse(int argc, char **argv, const char *allowed, mr_run_args *out)
{
    mr_run_args *a = out;
    mr_status st = MR_OK;
    *a = (mr_run_args){.o = {.progress = "auto"}};
    for (int i = 1; i < argc && st == MR_OK; i++) {
        const char *v = NULL;
        if (strcmp(argv[i], "-v") == 0 && allows(allowed, "verbose")) {
            a->verbose = true;
        } else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
            a->help = true;
        } else if ((v = value_of(argc, argv, &i, "-s", &st)) || st != MR_OK) {
            if (st != MR_OK) break;
            if (a->o.n_overrides == MR_MAX_OVERRIDES)
                return MR_RAISE(MR_ECONFIG, "%s: more than %d times -s", argv[0], MR_MAX_OVERRIDES);
            if (!strchr(v, '=')) {
                const char *next = i + 1 < argc && argv[i + 1][0] != '-' ? argv[i + 1] : "VALUE";
                char key[80], value[80];
                mr_printable(v, key, sizeof key);
                mr_printable(next, value, sizeof value);
                return MR_RAISE(MR_ECONFIG, "%s: -s:1:1: '%s' has no =; write -s %s=%s", argv[0],
                                key, key, value);
            }
            a->overrides[a->o.n_overrides++] = v;
        } else if (allows(allowed, "progress") &&
                   ((v = value_of(argc, argv, &i, "--progress", &st)) || st != MR_OK)) {
            a->o.progress = v;
        } else if (allows(allowed, "control") && strcmp(argv[i], "--live") == 0) {
            const char *next = i + 1 < argc ? argv[i + 1] : NULL;
            const bool address = next && next[0] != '-' && strchr(next, ':') != NULL;
            a->o.live = address ? argv[++i] : "";
        } else if (allows(allowed, "control") && strncmp(argv[i], "--live=", 7) == 0) {
            a->o.live = argv[i] + 7;
        } else if (allows(allowed, "control") &&
                   ((v = value_of(argc, argv, &i, "--control", &st)) || st != MR_OK)) {
            if (st == MR_OK) st = take_control(argv[0], v, &a->o.control);
        } else if (strncmp(argv[i], "--", 2) == 0 && flag(a, argv[i], allowed)) {
            continue;
        } else if (argv[i][0] == '-' && argv[i][1]) {
            st = MR_RAISE(MR_ECONFIG, "%s: unknown option %s; millrace help %s lists them", argv[0],
                          argv[i], argv[0]);
        } else if (a->o.config) {
            st = MR_RAISE(MR_ECONFIG, "%s takes one config file, not also %s", argv[0], argv[i]);
        } else {
            a->o.config = argv[i];
        }
    }
    if (st == MR_OK && !a->o.config && !a->help)
        st = MR_RAISE(MR_ECONFIG, "%s needs a config file: millrace %s CONFIG", argv[0], argv[0]);
    a->o.overrides = a->overrides;
    return st;
}
