/* cli/plan_slurm.c: see plan_slurm.h. jobs/millrace.sbatch is the same with more patience. */
#include "cli/plan_slurm.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define CORE_BYTES_S 100e6 /* a core of a common chain takes in more than that */
#define WORTH_S 300.0      /* no more cores than keep each of them busy for so long */
enum { MOST_CORES = 256, CORES_A_RANK = 4 };

static const char trap[] =
    "# USR1 comes to this script 300 s before the limit; millrace leaves with 75 then.\n"
    "asked=0 interrupted=0 job=\n"
    "trap 'asked=1 interrupted=1; [ -z \"$job\" ] || kill -USR1 \"$job\"' USR1\n";
static const char wait[] = " &\njob=$!\n"
                           "[ \"$asked\" -eq 0 ] || kill -USR1 \"$job\"\n"
                           "status=0\n"
                           "while :; do\n"
                           "    interrupted=0\n"
                           "    wait \"$job\"\n"
                           "    now=$?\n"
                           "    [ \"$now\" -eq 127 ] || status=$now\n"
                           "    [ \"$interrupted\" -eq 1 ] || break\n"
                           "done\n"
                           "[ \"$status\" -ne 75 ] || scontrol requeue \"$SLURM_JOB_ID\"\n"
                           "exit \"$status\"\n";

/** One word for a shell, whatever it holds. */
static void print_word(const char *s)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./=:,+-@%";
    if (*s && s[strspn(s, plain)] == '\0') {
        printf("%s", s);
        return;
    }
    putchar('\'');
    for (; *s; s++) {
        if (*s == '\'')
            printf("'\\''");
        else
            putchar(*s);
    }
    putchar('\'');
}

static double input_bytes(const mr_plan *p)
{
    double n = 0;
    for (size_t i = 0; i < p->cat->n_files; i++)
        if (p->cat->rows[i].form != MR_REFUSED) n += (double)p->cat->rows[i].size;
    return n;
}

void mr_plan_slurm(const mr_plan *p, const mr_run_opts *o)
{
    const double bytes = input_bytes(p);
    const double worth = ceil(bytes / (CORE_BYTES_S * WORTH_S));
    const int cores = (int)MR_MAX(1.0, MR_MIN(worth, (double)MOST_CORES));
    const int threads = MR_MIN(cores, CORES_A_RANK);
    const size_t ranks = MR_MIN((size_t)((cores + threads - 1) / threads), p->n_lanes);
    const double more = (threads - p->mem.threads) * (double)p->mem.work_bytes;
    const double mib = 1.1 * ((double)p->mem.planned_bytes + more) / 1048576.0;
    const double hours = ceil((2 * bytes / (CORE_BYTES_S * cores) + 900) / 3600);
    printf("#!/bin/bash\n#SBATCH --job-name=millrace\n#SBATCH --ntasks=%zu\n"
           "#SBATCH --cpus-per-task=%d\n#SBATCH --mem-per-cpu=%.0fM\n#SBATCH --time=%.0f:00:00\n"
           "#SBATCH --signal=B:USR1@300\n#SBATCH --requeue\n#SBATCH --open-mode=append\n\n",
           MR_MAX(ranks, (size_t)1), threads, ceil(mib / threads), hours);
    printf("export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-%d}\n%s"
           "srun --mpi=pmix --cpus-per-task=\"$OMP_NUM_THREADS\" millrace run ",
           threads, trap);
    print_word(o->config);
    for (size_t i = 0; i < o->n_overrides; i++) {
        printf(" -s ");
        print_word(o->overrides[i]);
    }
    if (o->strict) printf(" --strict");
    printf("%s", wait);
}
