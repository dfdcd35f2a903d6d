/* cli/tune/tune.h: what `tune` measures: a sample of the lanes, run at several ranks x threads x
 * I/O threads. tune.c chooses, tune_try.c runs one of them, tune_show.c tells. */
#ifndef MR_CLI_TUNE_H
#define MR_CLI_TUNE_H
#include "base/text.h"
#include "run/run.h"

/** The part of the archive that is tried: a range of output time and the files that it needs. */
typedef struct mr_tune_sample {
    int64_t t0_ns, t1_ns; /* half-open */
    size_t lanes;
    bool cut; /* lanes were too long: parts of them */
    double bytes;
    mr_strs files;
} mr_tune_sample;

/** One trial; seconds are summed over ranks and threads but for run_s and wall_s. */
typedef struct mr_trial {
    int ranks, threads, io_threads;
    bool warm;    /* the input was left in the page cache */
    int status;   /* exit status; -1: it could not be started */
    double net_s; /* without start and survey, which a long run pays once */
    double wall_s, cpu_s, read_s, read_cpu_s, compute_s, write_s, write_cpu_s, wait_in_s,
        wait_out_s;
    double samples, bytes;
    double peak_bytes; /* over all ranks */
    const char *bottleneck;
    char why[256];
} mr_trial;

/** How trials are run. */
typedef struct mr_tune {
    const char *config, *launcher;
    const char *const *overrides; /* the user's -s */
    size_t n_overrides;
    char exe[4096];
    mr_text folder; /* temporary; beside the output folder, on the same disk */
    mr_tune_sample sample;
    bool in_memory;        /* --warm: the input stays in the page cache throughout */
    int cores, io_threads; /* of this node; as configured */
    size_t all_lanes;
    mr_trial *v;
    size_t n, cap;
    const mr_trial *best, *warm; /* the one recommended; the same with its input in memory */
} mr_tune;

/** Run the sample once. Fills `t` but for ranks, threads, io_threads and warm, which say how. A
 * trial that fails says so in t->status and t->why and is no error. MR_STOPPED on a signal. */
mr_status mr_tune_try(const mr_tune *u, mr_trial *t);
/** Input samples a second, 0 if it failed. */
double mr_trial_rate(const mr_trial *t);

/** Verdict, table and launch line to stdout. */
mr_status mr_tune_show(const mr_tune *u);
mr_status mr_tune_json(const mr_tune *u);
#endif
