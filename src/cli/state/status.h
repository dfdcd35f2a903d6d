/* cli/state/status.h: a status in words; shared by status and watch. */
#ifndef MR_CLI_STATUS_H
#define MR_CLI_STATUS_H
#include <jansson.h>
#include "base/base.h"

/** One line of a status. */
int mr_status_line(const json_t *o, char *line, size_t size);
/** A line every two seconds until the run is over. */
mr_status mr_status_follow(const char *folder, bool json);
#endif
