/* cli/common/show_json.h: what several commands print as JSON. */
#ifndef MR_CLI_SHOW_JSON_H
#define MR_CLI_SHOW_JSON_H
#include <jansson.h>
#include "plan/plan.h"

/** The most frequent kinds of what is odd: [{kind, count, path, note}]. [give] */
json_t *mr_show_odd_json(const mr_plan *p);
/** To stdout. Takes j; MR_EMEM where it is NULL. */
mr_status mr_show_json(json_t *j);
#endif
