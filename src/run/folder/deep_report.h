/* run/folder/deep_report.h: what the report.json of an output folder says of the inputs. */
#ifndef MR_DEEP_REPORT_H
#define MR_DEEP_REPORT_H
#include "plan/config/config.h"

typedef struct mr_report_inputs {
    mr_strs paths;  /* sorted by base name; where they were relative they begin at the folder that
                      the run was called from, if they are still there */
    mr_strs held;   /* lanes that stay although inputs of theirs are gone, sorted */
    mr_config *cfg; /* its input section alone */
} mr_report_inputs;

/** From the file at path; MR_EVERIFY where it cannot be understood. */
mr_status mr_report_inputs_read(const char *path, mr_report_inputs *out);

/** From n bytes of text; path is for messages. */
mr_status mr_report_inputs_parse(const char *path, const char *text, size_t n,
                                 mr_report_inputs *out);
/** The first of the paths with this base name; the others follow it. n_paths: none. */
size_t mr_report_inputs_find(const mr_report_inputs *r, const char *base);
bool mr_report_inputs_held(const mr_report_inputs *r, const char *lane);

void mr_report_inputs_fini(mr_report_inputs *r);
#endif
