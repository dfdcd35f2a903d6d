/* run/survey.h: look at every input file once: in parallel over ranks and I/O threads, through
 * worker processes, remembering what was found in the survey file of the output folder. */
#ifndef MR_SURVEY_H
#define MR_SURVEY_H
#include "par/par.h"
#include "plan/plan.h"

typedef struct mr_survey {
    mr_catalog *cat;
    uint8_t *changed; /* [n] 1: the file is another than at the last survey of this folder */
    size_t n_probed;  /* files looked at now; the rest were known */
    char *bytes;      /* the survey file's content (rank 0), to be written by mr_survey_save */
    size_t n_bytes;
    size_t worker_bytes; /* peak memory of the workers of this rank */
} mr_survey;

/** Collective. folder: the output folder, or NULL to neither read nor prepare a survey file. Files
 *  that cannot be used are in the catalogue with the reason. */
mr_status mr_survey_files(mr_comm *c, const mr_config *cfg, const mr_strs *files,
                          const char *folder, mr_survey *out);
/** Collective: rank 0 writes the survey file durably; afterwards chunk tables can be read. */
mr_status mr_survey_save(mr_comm *c, mr_survey *s);
void mr_survey_fini(mr_survey *s);
/** Collective: read both files of every overlap and duplicate and note whether they agree. */
mr_status mr_survey_compare(mr_comm *c, mr_plan *p);
#endif
