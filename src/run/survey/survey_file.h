/* run/survey/survey_file.h: the survey file: a head, how much of each file of chunk tables counts,
 * the catalogue as a block, and the digest of all before it. The same bytes are the catalogue that
 * the ranks of a node share. Read only by the same build. */
#ifndef MR_SURVEY_FILE_H
#define MR_SURVEY_FILE_H
#include "out/output.h"
#include "plan/catalog/catalog.h"
#include "plan/config/config.h"

/** The last survey, mapped. */
typedef struct mr_last {
    void *map;
    size_t bytes;
    mr_catalog *cat;      /* NULL: there is none that this build and map can use */
    const uint64_t *ends; /* [n_ends] bytes that count of the files of chunk tables */
    size_t n_ends;
    uint64_t generation; /* of the files of chunk tables: they are chunks-GENERATION.NUMBER */
    uint32_t *by_path;   /* [n_files] */
    mr_digest digest;
} mr_last;

/** Where the survey file of a folder stands, and its files of chunk tables. */
mr_status mr_survey_path(const char *folder, char **out);
mr_status mr_survey_chunks(const char *folder, uint64_t generation, char **out);
/** A generation that no file in the folder has. */
uint64_t mr_survey_generation(const char *folder);
/** Remove the files of chunk tables of other generations: no survey speaks of them. */
void mr_survey_clear(const char *folder, uint64_t generation);
/** Silence when there is none, or none that can be used: then out->cat is NULL. */
mr_status mr_last_open(const char *path, const mr_config *cfg, mr_last *out);
void mr_last_fini(mr_last *l);
/** The number of a file in l->cat; SIZE_MAX: not there. guess: where it may well be. */
size_t mr_last_find(const mr_last *l, const char *path, size_t guess);

/** The bytes of a survey file. */
size_t mr_survey_image_bytes(const mr_catalog *c, size_t n_ends);
mr_status mr_survey_image(const mr_config *cfg, const mr_catalog *c, uint64_t generation,
                          const uint64_t *ends, size_t n_ends, void *image);
/** The catalogue in an image. [borrow] image, [give] out */
mr_status mr_survey_image_catalog(const void *image, size_t bytes, mr_catalog **out);
#endif
