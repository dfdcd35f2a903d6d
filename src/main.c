/* main.c: start, find the command, end, exit status; the only exit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "cli/cli.h"
#include "out/output.h"
#include "millrace/millrace.h"
#include "run/told/stop.h"

static int version(void)
{
    mr_text t = {0};
    if (mr_output_versions(&t) != MR_OK) return MR_EMEM;
    printf("millrace %s\n%s\nMPI: %s\n", MR_VERSION, t.s, mr_comm_library());
    mr_text_fini(&t);
    return MR_OK;
}

static int dispatch(mr_comm *c, int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        if (mr_comm_rank(c) == 0) mr_usage();
        return argc < 2 ? MR_ECONFIG : MR_OK;
    }
    if (strcmp(argv[1], "--version") == 0) return mr_comm_rank(c) == 0 ? version() : MR_OK;
    const mr_command *cmd = mr_command_find(argv[1]);
    if (!cmd) {
        const char *near = mr_nearest(argv[1], mr_commands, mr_n_commands, sizeof *mr_commands);
        return (int)MR_RAISE(MR_ECONFIG,
                             "there is no command \"%s\"%s%s%s (millrace help lists them)", argv[1],
                             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (cmd->collective) return cmd->call(c, argc - 1, argv + 1);
    int st = MR_OK;
    if (mr_comm_rank(c) == 0) st = cmd->call(c, argc - 1, argv + 1);
    return (int)mr_agree(c, (mr_status)st);
}

#ifdef __GLIBC__
/** libhdf5 1.10 ends the program by exit(-1) where its tables find no memory. */
static void when_ended(int status, MR_UNUSED void *arg)
{
    static const char text[] = "millrace: no memory, within a library: run again with more\n";
    if ((status & 0xff) != 0xff) return;
    if (write(2, text, sizeof text - 1) < 0) _exit(MR_EMEM);
    _exit(MR_EMEM);
}

static void watch_exit(void)
{
    (void)on_exit(when_ended, NULL);
}
#else
static void watch_exit(void)
{
}
#endif

int main(int argc, char **argv)
{
    mr_comm *c = NULL;
    int st = MR_OK;
    watch_exit();
    const bool runs = argc > 1 && (strcmp(argv[1], "run") == 0 || strcmp(argv[1], "quality") == 0);
    if (runs) st = (int)mr_stop_listen();
    if (st == MR_OK) st = (int)mr_start(&argc, &argv, &c);
    if (st == MR_OK) st = dispatch(c, argc, argv);
    if (st != MR_OK && st != MR_LOSSES && mr_error()[0] && (!c || mr_comm_rank(c) == 0))
        mr_log(MR_QUIET, "%s", mr_error());
    mr_end(c);
    if (fflush(stdout) != 0 && st == MR_OK) st = MR_EOUTPUT;
    return st;
}
