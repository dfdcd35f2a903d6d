/* cli/verify.c: verify OUT: is every byte of an output folder as it was written? */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "io/output.h"

static void say(MR_UNUSED void *arg, const char *line)
{
    printf("%s\n", line);
}

int mr_cli_verify(mr_comm *c, int argc, char **argv)
{
    size_t n = 0;
    (void)c;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        printf(
            "millrace verify OUT\n\nRead every file of an output folder and compare it with its "
            "checksum, the index and the\nmaster file. Status 7 when anything is damaged, missing, "
            "swapped or added.\n");
        return MR_OK;
    }
    if (argc != 2)
        return (int)MR_RAISE(MR_ECONFIG, "verify takes one output folder: millrace verify OUT");
    const mr_status st = mr_verify_folder(argv[1], say, NULL, &n);
    if (st == MR_OK) printf("verify: ok, %zu files\n", n);
    if (st == MR_EVERIFY) printf("verify: FAILED, %zu files checked\n", n);
    return (int)st;
}
