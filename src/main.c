/* main.c: for now, find the command. */
#include "base/base.h"
#include "cli/cli.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "synth") == 0) {
        int st = mr_cli_synth(argc - 1, argv + 1);
        if (st != MR_OK) mr_log(MR_QUIET, "%s", mr_error());
        return st;
    }
    printf("millrace %s\n", MR_VERSION);
    return 0;
}
