/* run/run.h: the whole of one run, from config to report. */
#ifndef MR_RUN_H
#define MR_RUN_H
#include "par/par.h"
#include "plan/plan.h"

typedef struct mr_run_opts {
    const char *config;           /* path */
    const char *text;             /* NULL, or the config itself; config is what it is called */
    const char *const *overrides; /* -s KEY=VALUE, in order */
    size_t n_overrides;
    const char *progress; /* auto, never, seconds */
    bool strict, check;   /* stop at the first loss; check contents of done lanes */
    bool json;            /* report to stdout instead of the summary */
    bool follow;          /* wait for more files at the archive's end */
    const char *live;     /* NULL, or where the live page is to be: see watch/live.h */
    const char *control;  /* NULL, or where to be heard over TCP: HOST or HOST:PORT */
    bool quiet;           /* no progress, no summary; losses and errors are still said */
} mr_run_opts;

/** Collective, main thread. The statuses of interface: MR_OK, MR_LOSSES, MR_STOPPED or an error
 * with its trail, the same on every rank. */
mr_status mr_run(mr_comm *c, const mr_run_opts *o);
/** Collective: config, files, survey and plan without touching the output folder. Used by `plan`.
 *  Everything is [give]; free in reverse order. */
typedef struct mr_dry {
    mr_config *cfg;
    mr_listing files;
    struct mr_survey *survey;
    mr_plan *plan;
} mr_dry;
mr_status mr_run_dry(mr_comm *c, const mr_run_opts *o, mr_dry *out);
void mr_dry_fini(mr_dry *d);
#endif
