/* run/folder/known.h: lanes that this run has made or looked at, so that a run that follows an
 * archive opens none of them again at each new file. What others do to a lane meanwhile is found
 * in the last round, which looks at all of them. Each rank has its own; called by
 * run/folder/resume.c. */
#ifndef MR_KNOWN_H
#define MR_KNOWN_H
#include "plan/plan.h"

typedef struct mr_known mr_known;
mr_status mr_known_new(mr_known **out);
void mr_known_free(mr_known *k); /* NULL is fine */
/** Lane l is there, with this content; lost: the lines of what was lost when it was made, or NULL.
 */
mr_status mr_known_add(mr_known *k, const mr_lane *l, const mr_digest *content, const char *lost);
/** Files under lanes/, of all ranks: were they all lanes of the plan when somebody last looked
 *  through the folder, and how many are there now? Rank 0's. */
void mr_known_looked(mr_known *k, bool all_planned, size_t n_files);
void mr_known_made(mr_known *k, size_t n_files);
/** Is there nothing but so many planned lanes under lanes/? */
bool mr_known_all(const mr_known *k, size_t n_files);
/** Is that lane, of the same identity and name, known? *lost: [borrow] or NULL. */
bool mr_known_find(const mr_known *k, const mr_lane *l, mr_digest *content, const char **lost);
#endif
