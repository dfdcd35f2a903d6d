/* main.c: for now, find the command. */
#include "base/base.h"
#include "cli/cli.h"
#include "io/input.h"
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } commands[] = {{"synth", mr_cli_synth}, {"view", mr_cli_view}};
    int st = MR_OK;
    for (size_t i = 0; argc >= 2 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        if ((st = (int)mr_zygote_start()) == MR_OK) st = commands[i].run(argc - 1, argv + 1);
        if (st != MR_OK) mr_log(MR_QUIET, "%s", mr_error());
        mr_zygote_stop();
        return st;
    }
    printf("millrace %s\n", MR_VERSION);
    return 0;
}
