/* run/ending.h: what rank 0 writes over all lanes when these are done. */
#ifndef MR_RUN_ENDING_H
#define MR_RUN_ENDING_H
#include "run/resume.h"

/** master.h5, or result.h5 where lanes hold sums; then index.csv. Not collective. */
mr_status mr_ending_write(const mr_plan *p, mr_resume *done, const char *folder);
#endif
