/* run/follow/inside.h: inside run/follow/: what a run that follows remembers between its rounds. */
#ifndef MR_FOLLOW_INSIDE_H
#define MR_FOLLOW_INSIDE_H
#include <stdatomic.h>
#include "run/follow/follow.h"
#include "run/follow/late.h"
#include "run/follow/whole.h"

typedef struct mr_follow {
    const mr_config *cfg;
    mr_known *known; /* lanes that need not be opened again; every rank's own */
    mr_whole *whole; /* rank 0; likewise below */
    mr_lates *lates;
    mr_watch *watch;
    atomic_int asked;    /* the present end is the archive's */
    bool last, said;     /* the round at hand is the last one; how long a row waits was said */
    bool far;            /* events do not tell of new files */
    bool stale;          /* the listing may lack files of a folder that is new */
    bool fresh, dirty;   /* there are new files to plan; lanes that no index names */
    mr_listing list;     /* of the archive, files that are not whole among them */
    size_t n_pending;    /* of those */
    double came;         /* when a file was taken last */
    double looked, took; /* when the archive was listed, and how long that took */
    double judged;       /* when files that are not whole were looked at */
    double refreshed, refresh_s;
    double due; /* when the next gap is to be believed; 0: none */
} mr_follow;

/** When the next look is due (run/follow/arrivals.c). */
double mr_follow_due(const mr_follow *f);
/** Is there something new to plan? events: something has happened to these paths; none: to any. */
mr_status mr_follow_look(mr_follow *f, bool events, const mr_strs *paths);
#endif
