/* cli/cli.h: the commands. argv[0] is the command's name; each prints its results to stdout and
 * gives the exit status; when it is not MR_OK or MR_LOSSES the error trail says why and main prints
 * it. */
#ifndef MR_CLI_H
#define MR_CLI_H
#include "par/par.h"

/** A row of the table of commands. */
typedef struct mr_command {
    const char *name, *args, *doc; /* doc: one line */
    bool collective;               /* all ranks take part; others run on rank 0 alone */
    int (*call)(mr_comm *c, int argc, char **argv);
} mr_command;
extern const mr_command mr_commands[];
extern const size_t mr_n_commands;
const mr_command *mr_command_find(const char *name);
/** The list of commands to stdout. */
void mr_usage(void);

int mr_cli_run(mr_comm *c, int argc, char **argv);
int mr_cli_plan(mr_comm *c, int argc, char **argv);
int mr_cli_check(mr_comm *c, int argc, char **argv);
int mr_cli_tune(mr_comm *c, int argc, char **argv);
int mr_cli_verify(mr_comm *c, int argc, char **argv);
int mr_cli_help(mr_comm *c, int argc, char **argv);
/** synth OUT: write a made-up archive with known answers. */
int mr_cli_synth(int argc, char **argv);
/** inspect PATH...: what recorder files hold. Needs the zygote. Not collective: rank 0 only. */
int mr_cli_inspect(int argc, char **argv);
/** ops [NAME]: the table of operators. */
int mr_cli_ops(int argc, char **argv);
/** status OUT: how a run stands. Not collective, likewise the next. */
int mr_cli_status(int argc, char **argv);
/** stop, pause, resume, watch OUT; argv[0] says which. */
int mr_cli_control(int argc, char **argv);
/** quality PATH: are all channels alive? Collective. */
int mr_cli_quality(mr_comm *c, int argc, char **argv);
/** report OUT: report.json as a page to read. Needs the zygote. Not collective: rank 0 only. */
int mr_cli_report(int argc, char **argv);
/** cut OUT/events.h5: windows of the recordings. Collective. */
int mr_cli_cut(mr_comm *c, int argc, char **argv);
/** view FILE -o X.png: a picture of inputs or outputs. Needs the zygote. Not collective: rank 0
 * only. */
int mr_cli_view(int argc, char **argv);
#endif
