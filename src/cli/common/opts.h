/* cli/common/opts.h: the command line of one command: a table of options, everything else is a
 * plain argument. "--name VALUE" and "--name=VALUE" are the same, and "-n VALUE" where no other
 * option begins with that letter; "--" ends the options. */
#ifndef MR_CLI_OPTS_H
#define MR_CLI_OPTS_H
#include "base/base.h"

/** One option. value: what its argument is called in the help, NULL for a switch. The table ends
 * with a row whose name is NULL. */
typedef struct mr_opt {
    const char *name; /* without the dashes */
    const char *value;
    const char *def; /* default as text or NULL */
    const char *doc;
} mr_opt;

/** What was given. val[i] belongs to row i of the table: its text, its default, or "" for a switch
 *  that was given; NULL if absent. [borrow] from argv and table. */
typedef struct mr_opts {
    const char *val[32];
    const char *const *arg; /* the plain arguments: argv, in which they are moved to the front */
    int n_args;
    bool help; /* --help or -h was given: print and leave */
} mr_opts;

/** argv[0] is the command's name. MR_ECONFIG for an unknown option (names the nearest), a missing
 * or superfluous value, too many arguments, fewer than min_args or more than max_args. */
mr_status mr_opts_parse(const mr_opt *table, int argc, char **argv, int min_args, int max_args,
                        mr_opts *out);
/** The table as help text to stdout. */
void mr_opts_help(const char *usage, const mr_opt *table);
#endif
