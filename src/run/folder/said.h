/* run/folder/said.h: what a lane says of its inputs, set against the archive as it is now: have
 * samples that it was made from gone? Called by run/folder/resume.c and run/folder/leftover.c. */
#ifndef MR_SAID_H
#define MR_SAID_H
#include "out/digests.h"
#include "plan/plan.h"

/** The archive's files by base name. */
typedef struct mr_names {
    const mr_plan *plan; /* [borrow] */
    uint32_t *row;       /* rows of the catalogue that can be used, sorted by base name */
    size_t n;
} mr_names;
mr_status mr_names_new(const mr_plan *p, mr_names *out);
void mr_names_fini(mr_names *n);

/** What became of a lane's inputs. */
typedef struct mr_gone {
    bool any;          /* samples that went into it are not in the archive any more */
    size_t n_known;    /* inputs that could be read when it was made */
    size_t n_losses;   /* of its own */
    bool again;        /* some of its inputs could not be read when it was made */
    char missing[300]; /* the first that is gone, printable */
} mr_gone;
/** lines: as mr_inputs_read gives them; they are changed. */
void mr_said_gone(const mr_names *names, const mr_lane_self *self, mr_text *lines, mr_gone *out);
/** Is all that planned lane l is to be made of in a lane of these lines already? They stay. */
mr_status mr_said_covers(const mr_plan *p, const mr_lane *l, const mr_lane_self *self,
                         const mr_text *lines, bool *yes);
/** The time that planned lane l stands for: [from, to). */
void mr_said_times(const mr_plan *p, const mr_lane *l, int64_t *from_ns, int64_t *to_ns);
/** The leg of planned lane l that this base name and time mean; UINT32_MAX if none. */
uint32_t mr_said_file(const mr_plan *p, const mr_lane *l, const char *name, int64_t t_ns);
#endif
