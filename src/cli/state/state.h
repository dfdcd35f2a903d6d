/* cli/state/state.h: how a run stands, from the files of its output folder alone. */
#ifndef MR_CLI_STATE_H
#define MR_CLI_STATE_H
#include <jansson.h>
#include "base/base.h"

typedef struct mr_state {
    const char *name; /* surveying .. stopped, died */
    bool live;        /* a run is at it */
    double age_s;     /* of what is known, by the file server's clock; -1: not known */
    json_t *json;     /* as status --json prints it */
} mr_state;

/** Read a folder's state. MR_EINPUT: no run has been there. A folder that was finished before there
 *  were status files is judged by its report, index and lock. */
mr_status mr_state_read(const char *folder, mr_state *out);
void mr_state_fini(mr_state *s);
#endif
