/* run/folder/leftover.h: files under lanes/ that no planned lane owns: parts of dead runs, lanes
 * whose time the grown archive covers, lanes whose inputs are gone, strangers. Called by
 * run/folder/resume.c. */
#ifndef MR_LEFTOVER_H
#define MR_LEFTOVER_H
#include "out/index.h"
#include "run/folder/said.h"

typedef struct mr_leftovers {
    mr_kept kept;       /* complete lanes of this chain whose inputs are gone */
    mr_strs superseded; /* the same, but planned lanes of their series cover their time */
    mr_strs strangers;  /* everything else: left alone */
    mr_held *held;      /* lanes that stay in the place of planned ones, one a planned lane */
    size_t n_held, cap_held;
    mr_strs shrunk; /* lanes that will hold less than they did, and why */
} mr_leftovers;

/** What stands in the place of a planned lane. */
enum { MR_LANE_TODO, MR_LANE_DONE, MR_LANE_SHORT };

/** Remove a file of ours, and say why in the log. */
mr_status mr_leftover_remove(const char *path, const char *why);
/** Rank 0: look through lanes/. Dead parts are removed at once. done: per planned lane;
 *  MR_LANE_SHORT: a complete lane stands there, made of more than the archive has now. Where it
 *  does not stay it is removed. */
mr_status mr_leftovers_find(const mr_plan *p, const char *folder, const uint8_t *done,
                            const mr_index *index, mr_leftovers *out);
/** Rank 0, when all lanes are done: remove what they supersede. */
mr_status mr_leftovers_clean(const mr_leftovers *l);
void mr_leftovers_fini(mr_leftovers *l);
/** A complete lane of this chain stands where lane l is to be. If it is of another series it gets
 *  another name. Any rank. */
mr_status mr_leftover_aside(const mr_plan *p, const char *folder, const mr_lane *l, bool *moved);
#endif
