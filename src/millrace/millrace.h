/* millrace/millrace.h: the library's front door, for programs that run millrace themselves or bring
 * operators of their own. Link build/libmillrace.a; the millrace program itself begins and ends by
 * this page.
 *
 *   MR_OWN_OPS(&halve);              // in one file, outside functions; or not at all
 *
 *   int main(int argc, char **argv)
 *   {
 *       mr_work *work = NULL;
 *       mr_status st = mr_work_begin(&argc, &argv, "my.yaml", &work);
 *       if (st == MR_OK) st = mr_work_run(work);     // as `millrace run my.yaml`
 *       return mr_work_end(work, st);
 *   }
 *
 * Works alone, under mpirun and under srun. A function returns mr_status, the process's exit status
 * (base/base.h); what went wrong is in mr_error(). All of this page is for the main thread, and
 * collective: every rank calls it, every rank gets the same status. tests/unit/test_millrace.c is a
 * whole program. */
#ifndef MILLRACE_H
#define MILLRACE_H
#include "millrace/op.h"

/** The ranks that work together. */
typedef struct mr_comm mr_comm;
typedef struct mr_config mr_config;
typedef struct mr_plan mr_plan;

/** First thing in main: before threads, before anything else starts MPI. Checks own operators
 *  (MR_EBUG for a row that is not complete, or a name that is taken). After a failure too, call
 * mr_end.
 *  @param world [give] NULL where MPI did not start */
mr_status mr_start(int *argc, char ***argv, mr_comm **world);
/** Last thing in main; NULL is fine. */
void mr_end(mr_comm *world);

/** A config, ready to be planned and run. */
typedef struct mr_work mr_work;
/** Read and check a config, as `millrace check` without a look at the input.
 *  @param overrides [borrow] "KEY=VALUE" texts as for -s, n of them; they and path must outlive it
 *  @param out [give] untouched on failure: MR_ECONFIG with file:line:column */
mr_status mr_work_open(mr_comm *world, const char *path, const char *const *overrides, size_t n,
                       mr_work **out);
const mr_config *mr_work_config(const mr_work *w);
/** Look at the input and lay out lanes, blocks, memory; nothing is written.
 *  @param out [borrow] from w: valid until mr_work_close */
mr_status mr_work_plan(mr_work *w, const mr_plan **out);
/** What a plan comes to. */
typedef struct mr_plan_facts {
    uint64_t files, lanes, output_bytes;
    uint64_t memory_bytes; /* a rank, at most */
} mr_plan_facts;
mr_plan_facts mr_plan_facts_of(const mr_plan *p);
/** Do it, or go on with it: lane files, master.h5, index.csv, report.json in output.folder; the
 *  summary to stdout. MR_OK, MR_LOSSES, MR_STOPPED, or an error. May be called again. */
mr_status mr_work_run(mr_work *w);
void mr_work_close(mr_work *w);

/** For programs that do one work: mr_start and mr_work_open with a world of its own; first thing in
 *  main. MR_OK or not, mr_work_end is the last.
 *  @param out [give] also where it fails, for mr_work_end; untouched where there is no memory */
mr_status mr_work_begin(int *argc, char ***argv, const char *path, mr_work **out);
/** mr_work_close and mr_end; on rank 0 what went wrong, if st says that something did, to stderr.
 *  Gives the process's exit status. NULL is fine. */
int mr_work_end(mr_work *w, mr_status st);

/* Operators: mr_op_at lists them, mr_op_find finds one by name, MR_OWN_OPS brings one's own: see
 * millrace/op.h for what a row says and promises. */
#endif
