/* cli/cli.h: the commands. argv[0] is the command's name; each prints its results to stdout and
 * gives the exit status; when it is not MR_OK or MR_LOSSES the error trail says why and main prints
 * it. */
#ifndef MR_CLI_H
#define MR_CLI_H
/** synth OUT: write a made-up archive with known answers. Not collective: rank 0 only. */
int mr_cli_synth(int argc, char **argv);
/** view FILE -o X.png: a picture of inputs or outputs. Needs the zygote. Not collective: rank 0
 * only. */
int mr_cli_view(int argc, char **argv);
#endif
