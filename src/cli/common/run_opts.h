/* cli/common/run_opts.h: the options that run, plan and check share. */
#ifndef MR_CLI_RUN_OPTS_H
#define MR_CLI_RUN_OPTS_H
#include "run/run.h"

#define MR_MAX_OVERRIDES 64
typedef struct mr_run_args {
    mr_run_opts o;
    const char *overrides[MR_MAX_OVERRIDES];
    bool help, slurm, verbose;
} mr_run_args;
/** CONFIG, -s KEY=VALUE, --progress, --strict, --check, --json, --slurm, --verbose or -v, --help.
 * What a command does not know is refused by name: allowed is a list like "progress strict".
 * MR_ECONFIG. */
mr_status mr_run_args_parse(int argc, char **argv, const char *allowed, mr_run_args *out);
#endif
