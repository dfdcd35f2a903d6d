/* cli/run.c: run CONFIG. */
#include <stdio.h>
#include "cli/cli.h"
#include "cli/common/run_opts.h"
#include "report/report.h"

static void run_help(void)
{
    printf(
        "millrace run CONFIG [-s KEY=VALUE]... [--progress auto|never|SECONDS] [--quiet]\n"
        "             [--strict] [--check] [--follow] [--live [ADDRESS:PORT]]\n"
        "             [--control tcp[:ADDRESS]]\n\n"
        "Run the chain of CONFIG over its input and write lane files, master.h5, index.csv and\n"
        "report.json into output.folder. The same command again goes on where a run stopped; new\n"
        "files in the archive extend the work.\n\n"
        "  -s KEY=VALUE  override a setting: -s chain.decimate.factor=10 -s output.folder=out/x\n"
        "  --progress    a line with rate and time left: auto, never, or every so many seconds\n"
        "  --quiet       no progress and no summary; losses and errors are said all the same\n"
        "  --strict      stop, 3, at the first thing that is odd or lost: headers before anything "
        "is\n"
        "                written, samples before their lane is\n"
        "  --check       also read finished lanes and compare their checksums before keeping "
        "them\n"
        "  --follow      wait for more files at the archive's end, until millrace stop OUT or "
        "nothing new\n"
        "                comes for follow.idle\n"
        "  --live        a page to look at while it runs, on 127.0.0.1 or at ADDRESS:PORT or "
        "unix:PATH;\n"
        "                its address, with the token that it takes, is printed once\n"
        "  --control     be heard over TCP, too: then stop, pause, resume and watch work from "
        "other\n"
        "                hosts, with the key in OUT/.millrace/key\n\n"
        "millrace status OUT says how it stands, from anywhere; stop, pause, resume, watch OUT "
        "steer it.\n"
        "Signals: SIGUSR1 or SIGUSR2 finish the block in hand and leave with status 75.\n"
        "Status: 0 done, 2 config, 3 nothing usable, 4 output, 5 memory, 6 folder in use, 10 done\n"
        "with losses (listed), 75 stopped early: run again.\n");
}

int mr_cli_run(mr_comm *c, int argc, char **argv)
{
    mr_run_args a;
    mr_progress p;
    mr_status st = mr_run_args_parse(argc, argv, "progress strict check quiet control follow", &a);
    if (st == MR_OK && a.o.quiet) {
        a.o.progress = "never";
        mr_log_init(mr_comm_rank(c), MR_WARN);
    }
    if (st == MR_OK) st = mr_progress_init(a.o.progress, 0, &p); /* refused before anything runs */
    if (st != MR_OK) return (int)st;
    if (!a.help) return (int)mr_run(c, &a.o);
    if (mr_comm_rank(c) == 0) run_help();
    return MR_OK;
}
