/* run/survey/survey.h: look at every input file once: in parallel over ranks and I/O threads,
 * through worker processes, remembering what was found in the survey file of the output folder. */
#ifndef MR_SURVEY_H
#define MR_SURVEY_H
#include "par/par.h"
#include "plan/plan.h"
#include "plan/catalog/tables.h"

typedef struct mr_survey {
    mr_comm *comm;                /* [borrow] */
    struct mr_progress *progress; /* [borrow] set before; NULL: nothing is drawn */
    mr_catalog *cat;              /* looks into image */
    uint8_t *changed; /* [n] 1: the file is another than at the last survey of this folder */
    uint8_t *probed;  /* [n] 1: it was looked at now */
    size_t n_probed;  /* files looked at now; the rest were known */
    mr_shared *image; /* the survey file's content, once a node */
    size_t image_bytes;
    bool news;           /* it differs from the file on disk */
    bool fresh;          /* chunk tables go to new files, which nothing speaks of yet */
    uint64_t generation; /* of the files of chunk tables */
    mr_tables *tables;   /* what this rank appended chunk tables to, until they are saved */
    size_t worker_bytes; /* peak memory of the workers of this rank */
} mr_survey;

/** What the survey of an output folder is for. */
typedef enum mr_survey_use {
    MR_SURVEY_LOOK, /* use what it holds, leave it alone; no chunk tables: for planning */
    MR_SURVEY_KEEP  /* the folder is ours: chunk tables go there, then mr_survey_save */
} mr_survey_use;

/** Collective. folder: the output folder. Files that cannot be used are in the catalogue with the
 *  reason. MR_STOPPED when a stop was asked for. */
mr_status mr_survey_files(mr_comm *c, const mr_config *cfg, const mr_strs *files,
                          const char *folder, mr_survey_use use, mr_survey *out);
/** Collective: bring the survey file to disk, if there is news. */
mr_status mr_survey_save(mr_survey *s, const char *folder);
void mr_survey_fini(mr_survey *s);
/** Collective: read both files of every overlap and duplicate and note whether they agree. */
mr_status mr_survey_compare(mr_comm *c, mr_plan *p);
#endif
