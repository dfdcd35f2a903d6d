/* run/over/ending.h: what is written over all lanes when these are done. */
#ifndef MR_RUN_ENDING_H
#define MR_RUN_ENDING_H
#include "par/par.h"
#include "run/folder/resume.h"

/** master.h5, or result.h5 where lanes hold sums, which all ranks merge with so many threads each;
 *  then index.csv. done->left is rank 0's. Collective, the status is agreed. */
mr_status mr_ending_write(mr_comm *c, const mr_plan *p, mr_resume *done, const char *folder,
                          int threads);
#endif
