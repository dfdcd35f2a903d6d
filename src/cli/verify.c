/* cli/verify.c: verify OUT: is every byte of an output folder as it was written? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/text.h"
#include "cli/cli.h"
#include "cli/state/state.h"
#include "out/output.h"
#include "run/folder/deep.h"
#include "run/folder/lock.h"

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

static void print_verdict(mr_status st, const mr_verified *v, const size_t *n_ranges)
{
    if (st == MR_EVERIFY) printf("verify: FAILED, %zu files checked\n", v->n_files);
    if (st != MR_OK && st != MR_STOPPED) return;
    if (st == MR_OK)
        printf("verify: ok, %zu files", v->n_files);
    else
        printf("verify: incomplete, %zu files are as they were written", v->n_files);
    if (v->n_kept) printf(" (%zu of them kept: their inputs are gone)", v->n_kept);
    if (n_ranges) printf(", %zu ranges of inputs", *n_ranges);
    printf("\n");
}

int mr_cli_verify(mr_comm *c, int argc, char **argv)
{
    mr_verified v = {0};
    size_t n_ranges = 0;
    char who[200];
    bool deep = false;
    const char *folder = NULL;
    mr_state s = {0};
    (void)c;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf(
            "millrace verify OUT [--deep]\n\nRead every file of an output folder and compare it "
            "with its "
            "checksum, the index and the\nmaster file. Status 7 when anything is damaged, missing, "
            "swapped or added;\n75 when a run was stopped or still works here, and what is there "
            "is whole. Files that no run\nhas made are named, not judged.\n  --deep   read the "
            "inputs again, too: are their samples what the "
            "lanes were made from?\n");
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
    const bool running = s.live || mr_lock_taken(folder, who, sizeof who);
    if (s.live) mr_printable(s.name, who, sizeof who);
    if (running) printf("verify: a run is at work here (%s): what is committed is judged\n", who);
    mr_state_fini(&s);
    st = mr_verify_folder(folder, running, say, NULL, &v);
    if (deep &&
        (st == MR_OK || st == MR_EVERIFY || (st == MR_STOPPED && has(folder, "report.json")))) {
        const mr_status inputs = mr_deep_verify(folder, say, NULL, &n_ranges);
        if (inputs != MR_OK) st = inputs;
    }
    print_verdict(st, &v, deep ? &n_ranges : NULL);
    return (int)st;
}
