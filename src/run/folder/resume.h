/* run/folder/resume.h: what an earlier run left in the output folder: which lanes are done, which
 * are stale, and whether the folder belongs to this chain at all. */
#ifndef MR_RESUME_H
#define MR_RESUME_H
#include "par/par.h"
#include "plan/plan.h"
#include "run/folder/known.h"
#include "run/folder/leftover.h"
#include "run/mill/losses.h"

typedef struct mr_resume {
    uint8_t *done;     /* [n_lanes] */
    mr_digest *digest; /* [n_lanes] content digest of the done ones */
    size_t n_done, n_stale;
    mr_losses losses;  /* of those done lanes that this rank looked at */
    mr_leftovers left; /* rank 0; its held lanes are everybody's, and done */
} mr_resume;

/** Rank 0: refuse a folder of another chain (MR_ECONFIG, says what changed), else record this plan.
 */
mr_status mr_resume_plan(const mr_plan *p, const char *folder);
/** Collective: find the done lanes; remove lane files whose inputs changed (changed: per file),
 * damaged ones and dead .part files, each said in the log. deep: also check contents. known: lanes
 * that are in it are not opened, those found done go into it; NULL: all are looked at. */
mr_status mr_resume_lanes(mr_comm *c, const mr_plan *p, const char *folder, const uint8_t *changed,
                          bool deep, mr_known *known, mr_resume *out);
void mr_resume_fini(mr_resume *r);
#endif
