/* watch/live.h: the live page of a run: one page without outside resources, its status as JSON,
 * and a button to stop, over HTTP, by libmicrohttpd. Whoever has not got the token hears 401 and
 * nothing else. It has no thread: watch/loop_uv.c waits for its descriptor. */
#ifndef MR_WATCH_LIVE_H
#define MR_WATCH_LIVE_H
#include "watch/watch.h"

typedef struct mr_live mr_live;
extern const char mr_live_page[];

/** address: "" (a free port of 127.0.0.1), "HOST:PORT", "HOST" or "unix:PATH". Says once on stderr
 *  where it is to be seen, with a token of 128 bits. MR_EOUTPUT; MR_ECONFIG: not in this build. */
mr_status mr_live_open(mr_watch *w, const char *address, mr_live **out);
/** Readable when there is something to do; then, and every second, mr_live_run. */
int mr_live_fd(const mr_live *l);
void mr_live_run(mr_live *l);
void mr_live_free(mr_live *l); /* NULL is fine */
#endif
