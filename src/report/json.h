/* report/json.h: JSON as a text, whole or not at all. */
#ifndef MR_REPORT_JSON_H
#define MR_REPORT_JSON_H
#include <jansson.h>

/** As json_dumps, which loses keys when memory ends: jansson 2.14 does not look whether its buffer
 * could grow. NULL where o is NULL or memory ends. [give] */
char *mr_json_text(const json_t *o, size_t flags);
#endif
