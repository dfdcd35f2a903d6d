/* run/follow/late.h: files that came too late: others behind them were known, and lanes that they
 * belong into were made. They stand in the ledger as `late`, also when the run was killed and goes
 * on: OUT/.millrace/late keeps them. Rank 0's. */
#ifndef MR_FOLLOW_LATE_H
#define MR_FOLLOW_LATE_H
#include "run/survey/survey.h"

typedef struct mr_lates mr_lates;
/** Those of the folder. [give] out */
mr_status mr_lates_open(const char *folder, mr_lates **out);
void mr_lates_free(mr_lates *l); /* NULL is fine */
/** Files that the survey has just met: which of them came too late? Before the lanes that they
 *  change are taken away. */
mr_status mr_lates_find(mr_lates *l, const mr_plan *p, const mr_survey *s);
/** All of them that the archive still has into the plan's ledger, behind what the plan found. */
mr_status mr_lates_note(mr_lates *l, mr_plan *p);
#endif
