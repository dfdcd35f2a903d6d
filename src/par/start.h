/* par/start.h: inside par/ only: starting a thread, deadlines, the crew's shared core. */
#ifndef MR_START_H
#define MR_START_H
#include "par/thread.h"
#include <pthread.h>
#include <stdatomic.h>

/** Start a thread named `name` (cut to 15 letters). It blocks every signal but those that a fault
 *  raises in itself, so that the main thread gets them. */
mr_status mr_thread_start(const char *name, void *(*fn)(void *), void *arg, pthread_t *out);
/** The monotonic time at which a wait of timeout_s ends; infinity for timeout_s < 0. */
double mr_until(double timeout_s);
/** Seconds left until then: >= 0, or -1 for ever. */
double mr_left(double until);
/** Sleep, unless a signal ends it earlier. */
void mr_nap(double seconds);

/** What a crew and its futures share; lives until the last of them is gone. */
typedef struct mr_core {
    mr_mutex *m;
    atomic_int refs;
    mr_future *head, *tail; /* not begun, oldest first */
    uint64_t completions;   /* so far; numbers the futures in order of completion */
    bool stopping;          /* no more tasks come */
} mr_core;

struct mr_future {
    mr_core *core;
    mr_task_fn fn;
    void *arg;
    mr_future *prev, *next; /* in the core's list while not begun */
    enum { TASK_NEW, TASK_RUNS, TASK_DONE } state;
    mr_status st;
    char *trail;
    uint64_t order; /* 1 for the first that completed */
    atomic_bool cancelled;
    bool detached; /* nobody waits: the crew frees it */
};

void mr_core_leave(mr_core *k);
/** The caller holds k->m. */
void mr_core_unlink(mr_core *k, mr_future *f);
void mr_future_settle(mr_future *f, mr_status st, char *trail);
void mr_future_destroy(mr_future *f);
#endif
