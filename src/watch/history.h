/* watch/history.h: rates of a run over all its time, for the live page: a bounded number of
 * points, each of a stretch of time that doubles when they are full. No lock of its own. */
#ifndef MR_WATCH_HISTORY_H
#define MR_WATCH_HISTORY_H
#include "base/text.h"

enum { MR_HISTORY = 480 };
typedef struct mr_history {
    double began, every_s, at; /* of the first point; of a point; of what was noted last */
    uint64_t bytes, samples;   /* likewise */
    size_t n;                  /* points */
    double mb[MR_HISTORY + 1], ms[MR_HISTORY + 1]; /* what went through in each: 10^6 of them */
} mr_history;

/** Counts so far, at mr_now() = now. Where they are lower than before they have begun anew. Call it
 *  every second or so. Zero-initialise h. */
void mr_history_note(mr_history *h, double now, uint64_t bytes, uint64_t samples);
/** {"every_s": 2, "mb_s": [..], "msamples_s": [..]}, rates of the points, appended. */
mr_status mr_history_json(const mr_history *h, mr_text *t);
#endif
