/* report/report.h: what became of every input, lane and second: report.json, the lines on stderr
 * and the summary on stdout. Rank 0. */
#ifndef MR_REPORT_H
#define MR_REPORT_H
#include "par/par.h"
#include "plan/plan.h"
#include "report/times.h"

/** All that a run has to tell. Numbers are over all ranks. */
typedef struct mr_account {
    mr_status status;
    const char *error;     /* "" or why it ended */
    const mr_config *cfg;  /* the settings of the run; NULL if not to be written */
    const mr_plan *plan;   /* NULL if it did not come that far */
    const mr_catalog *cat; /* NULL likewise */
    const mr_held *held;   /* [n_held] lanes that stay in the place of planned ones */
    size_t n_held;
    const mr_strs *shrunk;     /* lanes that hold less than they did; NULL: not looked for */
    const mr_listing *listing; /* what input.files came to; NULL: not known */
    const uint8_t *done;       /* [n_lanes] */
    const mr_digest *digest;   /* [n_lanes] */
    size_t n_known, n_redone;  /* lanes found done; lanes redone because inputs changed */
    size_t n_probed;
    const mr_kept *kept;      /* lanes whose inputs are gone; NULL: not looked for */
    const mr_strs *strangers; /* files under lanes/ that are no lanes of this chain; likewise */
    double idle_s;            /* of the wall time, waited for new files */
    double wall_s, survey_s, finish_s; /* finish: what is written over all lanes, merged sums too */
    mr_times t;
    uint64_t raw_bytes, samples;           /* read this time, input samples computed this time */
    size_t peak_bytes;                     /* the largest of any rank */
    int ranks, threads, io_threads, nodes; /* threads: that computed, as OpenMP gave them */
    const char *cores;                     /* where they were, of rank 0; [borrow] */
    bool dynamic;
} mr_account;

/** Files with losses of any kind: files refused or partly used, unequal overlaps, bad chunks. */
size_t mr_account_losses(const mr_account *a);
/** Write folder/report.json durably. */
mr_status mr_report_write(const mr_account *a, const char *folder);
/** The ledger and refusals to stderr, one line each (at most 50 of a kind). */
void mr_report_warn(const mr_account *a);
/** The summary to stdout. */
mr_status mr_report_summary(const mr_account *a, const char *folder);
/** What most of the wall time went to: "surveying" or "finishing", else what computing waited for:
 *  "reading", "computing" or "writing". Only the times of a matter. */
const char *mr_bottleneck(const mr_account *a);

/* --- progress
 * ------------------------------------------------------------------------------------------ */
typedef struct mr_progress mr_progress;
struct mr_progress {
    double every_s; /* 0: never */
    bool terminal;
    uint64_t blocks; /* in all */
    double t0, next;
    int drawn; /* width of the line drawn last */
};
/** how: "auto", "never" or a number of seconds. MR_ECONFIG otherwise. */
mr_status mr_progress_init(const char *how, uint64_t blocks, mr_progress *p);
/** A line if it is due while files are looked at: about `seen` of `files`. */
void mr_progress_survey(mr_progress *p, uint64_t seen, uint64_t files);
/** On a terminal the line is there from the start. */
void mr_progress_start(mr_progress *p);
/** Draw the line if it is due. sum: over all ranks; reading_ranks: how many wait for their disk. */
void mr_progress_tick(mr_progress *p, const mr_tally *sum, int ranks);
void mr_progress_end(mr_progress *p);
#endif
