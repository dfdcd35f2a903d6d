/* cli/commands.c: the table of commands, read by main and by help. */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "base/text.h"

static int synth(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_synth(argc, argv);
}

static int view(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_view(argc, argv);
}

static int inspect(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_inspect(argc, argv);
}

const mr_command mr_commands[] = {
    {"run", "CONFIG", "run a chain over an archive; again to go on", true, mr_cli_run},
    {"plan", "CONFIG", "what a run would read, write and need", true, mr_cli_plan},
    {"check", "CONFIG", "check a config, reading no input", false, mr_cli_check},
    {"inspect", "PATH...", "what recorder files hold: layout, times, gaps", false, inspect},
    {"synth", "OUT", "write a made-up archive with known answers", false, synth},
    {"view", "FILE", "a picture of any input or output: -o X.png", false, view},
    {"verify", "OUT", "is every byte of an output folder as it was written?", false, mr_cli_verify},
    {"help", "[NAME]", "this list, or a command's or operator's page", false, mr_cli_help},
};
const size_t mr_n_commands = sizeof mr_commands / sizeof *mr_commands;

const mr_command *mr_command_find(const char *name)
{
    for (size_t i = 0; i < mr_n_commands; i++)
        if (strcmp(mr_commands[i].name, name) == 0) return &mr_commands[i];
    return NULL;
}

void mr_usage(void)
{
    printf("millrace %s: filter, decimate and reduce archives of dense sensor arrays\n\n",
           MR_VERSION);
    for (size_t i = 0; i < mr_n_commands; i++)
        printf("  millrace %-7s %-8s %s\n", mr_commands[i].name, mr_commands[i].args,
               mr_commands[i].doc);
    printf("\nmillrace help NAME says more of a command. mpirun -n N millrace run CONFIG uses N "
           "ranks.\n");
}

int mr_cli_help(mr_comm *c, int argc, char **argv)
{
    if (argc < 2) {
        mr_usage();
        return MR_OK;
    }
    const mr_command *cmd = mr_command_find(argv[1]);
    char *args[] = {argv[1], (char[]){"--help"}, NULL};
    if (cmd && cmd->call != mr_cli_help) return cmd->call(c, 2, args);
    const char *near = mr_nearest(argv[1], mr_commands, mr_n_commands, sizeof *mr_commands);
    return (int)MR_RAISE(MR_ECONFIG, "there is no help on \"%s\"%s%s", argv[1],
                         near ? "; did you mean " : "", near ? near : "");
}
