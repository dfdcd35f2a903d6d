/* run/deep_report.h: what the report.json of an output folder says of the inputs. */
#ifndef MR_DEEP_REPORT_H
#define MR_DEEP_REPORT_H
#include "plan/config.h"

typedef struct mr_report_inputs {
    struct json_t *json; /* holds the paths */
    const char **paths;  /* sorted by base name */
    size_t n_paths;
    mr_config *cfg;
} mr_report_inputs;

/** From the file at path; MR_EVERIFY where it cannot be understood. */
mr_status mr_report_inputs_read(const char *path, mr_report_inputs *out);

/** From n bytes of text; path is for messages. */
mr_status mr_report_inputs_parse(const char *path, const char *text, size_t n,
                                 mr_report_inputs *out);

void mr_report_inputs_fini(mr_report_inputs *r);
#endif
