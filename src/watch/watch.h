/* watch/watch.h: how a run is seen and steered while it runs. A thread of rank 0 waits for
 * everything at once: it writes OUT/.millrace/status.json every two seconds, hears those who have
 * the key of the folder (stop, pause, resume, watch), and notices new files. Nothing of it touches
 * results. run/told/told.c tells it the news; cli/state/status.c reads the file. */
#ifndef MR_WATCH_WATCH_H
#define MR_WATCH_WATCH_H
#include "par/par.h"
#include "watch/conn.h"

typedef enum mr_phase { MR_SURVEYING, MR_PLANNING, MR_RUNNING, MR_MERGING, MR_FOLLOWING } mr_phase;

/** What rank 0 knows. Counts are over all ranks; they only grow within a phase. */
typedef struct mr_news {
    mr_phase phase;
    uint64_t lanes, lanes_done, lanes_in_hand; /* in the plan; committed before or now; begun */
    uint64_t blocks, blocks_done;              /* of this time */
    uint64_t bytes, samples, losses;
    double wait_read_s, wait_write_s; /* summed over ranks */
    size_t planned_bytes, peak_bytes; /* of a rank; the largest as far as known */
} mr_news;

typedef struct mr_watch mr_watch;
typedef struct mr_watch_opts {
    const char *folder; /* the output folder, with its .millrace and this run's lock */
    const char *tcp;    /* NULL; or where to be heard over TCP, "HOST" or "HOST:PORT" */
    int ranks, threads;
    const char *live;        /* NULL; or where the live page is to be, see watch/live.h */
    bool follow;             /* the archive may grow */
    const char *hosts;       /* [ranks][MR_HOST_BYTES] */
    int stop_fd;             /* readable when a signal came; -1: none */
    void (*stop)(void *arg); /* somebody with the key wants the run to stop; on another thread */
    void *arg;
} mr_watch_opts;
enum { MR_HOST_BYTES = 64 };

/** Begin, on rank 0. Where something of it cannot be had the log says so, and the run goes on.
 *  MR_EOUTPUT: an address for --control was asked for and cannot be had. */
mr_status mr_watch_open(const mr_watch_opts *o, mr_watch **out);
/** The news. rank: [ranks] or NULL. Costs a lock: call it when there is some, not at every block.
 *  These and the following may be given NULL: ranks but 0 have none. */
void mr_watch_tell(mr_watch *w, const mr_news *n, const mr_tally *rank);
/** What the live page shows beside the status, each as a JSON text: the lanes of the plan; what has
 *  become of them; the ledger; the last lane before and after, as pictures. [take] */
typedef enum mr_shown {
    MR_SHOWN_LANES,
    MR_SHOWN_STATES,
    MR_SHOWN_LEDGER,
    MR_SHOWN_PICTURE,
    MR_SHOWN_N
} mr_shown;
void mr_watch_show(mr_watch *w, mr_shown what, char *json);
/** Does somebody look at the pictures, and are they some seconds old? */
bool mr_watch_wants_picture(mr_watch *w);
/** Somebody wants it to pause. */
bool mr_watch_paused(mr_watch *w);
/** It can (or, with why, cannot) be paused. */
void mr_watch_no_pause(mr_watch *w, const char *why);
/** Notice new files in this folder from now on. Any number of times for one; true the first. */
bool mr_watch_folder(mr_watch *w, const char *path);
/** Can it notice new files at all? */
bool mr_watch_notices(const mr_watch *w);
/** Wait until a signal, a command or a new file comes. false: nothing did within the time. *files:
 *  something has happened in a folder: to these paths (they replace what was there), or, where
 *  there are none, to more than can be named. */
bool mr_watch_wait(mr_watch *w, double timeout_s, bool *files, mr_strs *paths);
/** The end: writes the last status, tells all who watch, takes socket and key away. st: the status
 *  that the process will have; why: "" or what went wrong. [take] w */
void mr_watch_close(mr_watch *w, mr_status st, const char *why);
#endif
