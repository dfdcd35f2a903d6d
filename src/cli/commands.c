/* cli/commands.c: the table of commands, read by main and by help. */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "base/text.h"
#include "cli/topics.h"
#include "millrace/op.h"

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

static int ops(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_ops(argc, argv);
}

static int status(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_status(argc, argv);
}

static int control(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_control(argc, argv);
}

static int report(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    return mr_cli_report(argc, argv);
}

const mr_command mr_commands[] = {
    {"run", "CONFIG", "run a chain over an archive; again to go on", true, mr_cli_run},
    {"plan", "CONFIG", "what a run would read, write and need", true, mr_cli_plan},
    {"check", "CONFIG", "is a config right, and wise?", false, mr_cli_check},
    {"tune", "CONFIG", "threads or processes? tries a sample, says how to launch", true,
     mr_cli_tune},
    {"inspect", "PATH...", "what recorder files hold: layout, times, gaps", false, inspect},
    {"ops", "[NAME]", "the operators, and what each takes", false, ops},
    {"synth", "OUT", "write a made-up archive with known answers", false, synth},
    {"view", "FILE", "a picture of any input or output: -o X.png", false, view},
    {"quality", "PATH", "dead, noisy, clipped channels: figures, a picture, a list", true,
     mr_cli_quality},
    {"cut", "OUT/events.h5", "each event's window of the recordings: a file, a picture", true,
     mr_cli_cut},
    {"report", "OUT", "report.json as a page to read and print: report.html", false, report},
    {"verify", "OUT [--deep]", "is every byte of an output folder as it was written?", false,
     mr_cli_verify},
    {"status", "OUT", "how a run stands, by its files alone", false, status},
    {"stop", "OUT", "end a run soon; what is finished is kept", false, control},
    {"pause", "OUT", "let a run rest", false, control},
    {"resume", "OUT", "let it go on", false, control},
    {"watch", "OUT", "see a run as it changes", false, control},
    {"help", "[NAME]", "this list, or the page of a command, operator or topic", false,
     mr_cli_help},
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
    printf("\nmillrace help NAME says more: of a command, an operator, or of\n\n");
    for (size_t i = 0; i < mr_n_topics; i++)
        printf("  %-9s %s\n", mr_topics[i].name, mr_topics[i].doc);
    printf("\nAlone, millrace uses all cores; mpirun -n N millrace run CONFIG uses N ranks, on one "
           "node or\nmany. Results go to stdout, talk to stderr. First steps:\n\n"
           "  millrace inspect FOLDER                  is it read as you know it?\n"
           "  millrace help config > my.yaml           then edit files, chain and folder\n"
           "  millrace plan my.yaml                    what it would cost\n"
           "  millrace run my.yaml\n");
}

/** The nearest name of a command, operator or topic. */
static const char *nearest(const char *name)
{
    const char *all[128];
    size_t n = 0;
    for (size_t i = 0; i < mr_n_commands; i++) all[n++] = mr_commands[i].name;
    for (size_t i = 0; i < mr_n_topics; i++) all[n++] = mr_topics[i].name;
    const mr_op *op;
    for (size_t i = 0; n < sizeof all / sizeof *all && (op = mr_op_at(i)); i++) all[n++] = op->name;
    return mr_nearest(name, all, n, sizeof *all);
}

int mr_cli_help(MR_UNUSED mr_comm *c, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    const mr_command *cmd = mr_command_find(name);
    const mr_topic *topic = mr_topic_find(name);
    char *page[] = {argv[0], argc > 1 ? argv[1] : NULL, NULL};
    if (argc > 2)
        return (int)MR_RAISE(MR_ECONFIG, "help takes one name: of a command, operator or topic");
    if (strcmp(name, "help") == 0 || name[0] == '-') {
        mr_usage();
        return MR_OK;
    }
    if (topic) topic->print();
    if (topic && mr_op_find(name)) printf("\nThe operator of that name:\n\n");
    if (mr_op_find(name)) return mr_cli_ops(2, page);
    if (topic) return MR_OK;
    if (cmd) {
        char *args[] = {argv[1], (char[]){"--help"}, NULL};
        return cmd->call(c, 2, args);
    }
    char shown[80];
    const char *near = nearest(name);
    mr_printable(name, shown, sizeof shown);
    return (int)MR_RAISE(MR_ECONFIG, "there is no help on \"%s\"%s%s%s (millrace help lists all)",
                         shown, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}
