/* watch/inside.h: inside watch/: what the run's thread and the watching thread share. */
#ifndef MR_WATCH_INSIDE_H
#define MR_WATCH_INSIDE_H
#include "par/thread.h"
#include "watch/history.h"
#include "watch/watch.h"

#define MR_WATCH_EVERY_S 2.0
enum { MR_WATCH_RATES = 16 };

/** Where things stood at some time. */
typedef struct mr_rate {
    double at;
    uint64_t bytes, samples, blocks;
    double wait_read_s, wait_write_s;
} mr_rate;

struct mr_watch {
    mr_watch_opts o;
    char *folder, *path, *socket, *key_path; /* OUT; its status.json; unix:...; the key */
    char host[MR_HOST_BYTES];
    char *hosts;
    mr_text before; /* what status.json held */
    int64_t started_ns;
    mr_key key;
    mr_listener *listener[2]; /* the socket in the folder, TCP; NULL: none */
    mr_crew *crew;
    mr_future *task;
    struct mr_live *live; /* NULL: none */
    void *loop;           /* the loop's own */
    mr_mutex *m;          /* guards what follows */
    mr_news news;
    mr_tally *rank; /* [ranks] */
    mr_rate rate[MR_WATCH_RATES];
    size_t n_rates;                              /* ever */
    bool paused, closing, woken, new_files, ran; /* ran: it got further than planning */
    char *shown[MR_SHOWN_N];                     /* as JSON */
    uint64_t n_shown[MR_SHOWN_N];                /* how often it has changed */
    double asked, drawn;                         /* a picture was asked for, and drawn, last */
    mr_history history;
    const char *no_pause;
    mr_status end;
    char why[512];
    mr_strs news_of; /* files that something happened to; none: more than can be named */
    mr_strs folders; /* to be watched, beginning with those that the loop has not seen */
};

/** The status as JSON text; over: the run is. At most n_ranks of the ranks. [give] */
mr_status mr_status_text(mr_watch *w, bool over, size_t n_ranks, char **out);
/** Bring it to OUT/.millrace/status.json. */
void mr_status_write(mr_watch *w, bool over);
/** Answer one request of somebody who has the key; *watches: it wants to be told from now on.
 *  [give] */
mr_status mr_watch_answer(mr_watch *w, const char *text, size_t n, bool *watches, char **out);
/** Say once why a caller was turned away. */
void mr_watch_say_refused(mr_watch *w, const mr_listener *l, bool *said);
/** The watching thread: until closing. watch/loop_uv.c or watch/loop_plain.c. */
mr_status mr_watch_loop(void *w, mr_future *self);
/** Wake it. */
void mr_watch_nudge(mr_watch *w);
/** Before the thread starts, and after it has ended. */
mr_status mr_watch_loop_new(mr_watch *w);
void mr_watch_loop_free(mr_watch *w);
/** Does it notice new files? */
bool mr_watch_loop_notices(const mr_watch *w);
/** Can this build be steered? Else why not. */
const char *mr_watch_deaf(void);
#endif
