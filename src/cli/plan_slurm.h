/* cli/plan_slurm.h: `plan --slurm`: a plan as a Slurm job. */
#ifndef MR_PLAN_SLURM_H
#define MR_PLAN_SLURM_H
#include "plan/plan.h"
#include "run/run.h"

/** The job's script to stdout: what it asks for fits the work, its words mean themselves, a signal
 *  before the time limit reaches millrace, and 75 queues it again. */
void mr_plan_slurm(const mr_plan *p, const mr_run_opts *o);
#endif
