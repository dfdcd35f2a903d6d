/* cli/verify.c: verify OUT: is every byte of an output folder as it was written? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "cli/cli.h"
#include "cli/state.h"
#include "out/output.h"
#include "run/deep.h"

static void say(MR_UNUSED void *arg, const char *line)
{
    printf("%s\n", line);
}

static bool has(const char *folder, const char *name)
{
    char path[4096];
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path &&
           access(path, F_OK) == 0;
}

/** A wrong word on the command line is no damage. */
static mr_status is_output_folder(const char *folder)
{
    struct stat sb;
    char shown[256];
    mr_printable(folder, shown, sizeof shown);
    if (stat(folder, &sb) != 0)
        return MR_RAISE(MR_ECONFIG, "verify: %s: %s", shown, strerror(errno));
    if (!S_ISDIR(sb.st_mode))
        return MR_RAISE(MR_ECONFIG, "verify: %s is a file; give the output folder", shown);
    if (access(folder, R_OK | X_OK) != 0)
        return MR_RAISE(MR_ECONFIG, "verify: %s cannot be listed: %s", shown, strerror(errno));
    if (!has(folder, "lanes") && !has(folder, "index.csv") && !has(folder, ".millrace"))
        return MR_RAISE(MR_ECONFIG,
                        "verify: %s is no output folder: it has neither lanes, index.csv nor "
                        ".millrace",
                        shown);
    return MR_OK;
}

int mr_cli_verify(mr_comm *c, int argc, char **argv)
{
    size_t n = 0, n_kept = 0, n_ranges = 0;
    bool deep = false;
    const char *folder = NULL;
    mr_state s = {0};
    (void)c;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf("millrace verify OUT [--deep]\n\nRead every file of an output folder and compare it "
               "with its checksum, the index and the\nmaster file. Status 7 when anything is "
               "damaged, missing, swapped or added, 75 when nothing is\nand the run has not "
               "finished.\n  --deep   read the inputs again, too: are their samples what the lanes "
               "were made from?\n");
        return MR_OK;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--deep") == 0)
            deep = true;
        else if (argv[i][0] == '-' && argv[i][1])
            return (int)MR_RAISE(MR_ECONFIG, "verify: unknown option %s; there is --deep", argv[i]);
        else if (folder)
            return (int)MR_RAISE(MR_ECONFIG, "verify takes one output folder: millrace verify OUT");
        else
            folder = argv[i];
    }
    if (!folder)
        return (int)MR_RAISE(MR_ECONFIG, "verify takes one output folder: millrace verify OUT");
    mr_status st = is_output_folder(folder);
    if (st != MR_OK) return (int)st;
    if (mr_state_read(folder, &s) != MR_OK) mr_error_clear();
    if (s.live) printf("verify: a run is at work here (%s): what is committed is judged\n", s.name);
    const bool live = s.live;
    mr_state_fini(&s);
    st = mr_verify_folder(folder, live, say, NULL, &n, &n_kept);
    if (deep && (st == MR_OK || st == MR_STOPPED || st == MR_EVERIFY)) {
        const mr_status inputs = mr_deep_verify(folder, say, NULL, &n_ranges);
        if (inputs != MR_OK) st = inputs;
    }
    if (st == MR_OK) {
        printf("verify: ok, %zu files", n);
        if (n_kept) printf(" (%zu of them kept: their inputs are gone)", n_kept);
        if (deep) printf(", %zu ranges of inputs", n_ranges);
        printf("\n");
    }
    if (st == MR_STOPPED) printf("verify: incomplete, %zu files are as they were written\n", n);
    if (st == MR_EVERIFY) printf("verify: FAILED, %zu files checked\n", n);
    return (int)st;
}
