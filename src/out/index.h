/* out/index.h: index.csv as text and as a table. Internal to out/. */
#ifndef MR_OUT_INDEX_H
#define MR_OUT_INDEX_H
#include "out/output.h"

#define MR_INDEX_NAME "index.csv"
#define MR_MASTER_NAME "master.h5"
#define MR_RESULT_NAME "result.h5"
#define MR_EVENTS_NAME "events.h5"
#define MR_EVENTS_CSV "events.csv"
#define MR_EVENTS_XML "events.xml"
#define MR_PLAN_SUM_NAME ".millrace/plan.sum"
#define MR_KEPT_NAME ".millrace/kept.sum"

/** The files of the plan beside which plan.sum lies, under .millrace/, and texts of the output that
 * have no trailer: those that are there are watched. NULL-terminated. */
extern const char *const mr_plan_files[];
/** What plan.sum has to say now: "CHECKSUM  NAME" a line for each of mr_plan_files that is there.
 */
mr_status mr_plan_sums(const char *folder, mr_text *out);

/** One row as read back. */
typedef struct mr_index_row {
    char *file;
    int64_t t0_ns, t1_ns, rows, c0, c1;
    char checksum[33];
    int line;
    bool seen; /* for the reader's own use */
} mr_index_row;
typedef struct mr_index {
    mr_index_row *v;
    size_t n, cap;
} mr_index;

/** The text of index.csv: header, then one line a lane by part, time and channel. */
mr_status mr_index_text(const mr_lane_entry *lanes, size_t n, mr_text *out);
/** Read a text back, rows sorted by file name. Lines that are not of our making are handed to `bad`
 *  and left out. Zero-initialised *out; mr_index_fini. */
mr_status mr_index_parse(const mr_text *text, mr_index *out, void (*bad)(void *arg, int line),
                         void *arg);
void mr_index_fini(mr_index *ix);
mr_index_row *mr_index_find(const mr_index *ix, const char *file);

/** Lanes in the order of master and index: part, time, channel. [give] an array of pointers. */
mr_status mr_lanes_sorted(const mr_lane_entry *lanes, size_t n, const mr_lane_entry ***out);
#endif
