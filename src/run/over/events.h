/* run/over/events.h: from the picks of all lanes to the events of each span. For ending.c. */
#ifndef MR_RUN_EVENTS_H
#define MR_RUN_EVENTS_H
#include "plan/plan.h"

/** Reads the picks of n lanes, span by span, and writes the table of events. lanes: as the index
 * lists them, whose rows are set. Rank 0 only. */
mr_status mr_events_of_lanes(const mr_plan *p, const char *folder, mr_lane_entry *lanes, size_t n);
#endif
