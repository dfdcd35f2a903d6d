/* plan/catalog.h: what the survey found, one 64-byte row a file; facts that many files share
 * (layout, type, rate, ...) are kept once, as a kind. Kinds that may stand in one span form a
 * group. Built by run/survey.c, read by the planner and the readers. Read-only once built: any
 * thread. */
#ifndef MR_CATALOG_H
#define MR_CATALOG_H
#include "base/text.h"
#include "io/input.h"

#define MR_REFUSED UINT32_MAX

typedef struct mr_row {
    int64_t t0_ns, t1_ns;   /* first sample, last as stated by the file */
    uint32_t nt, nt_stored; /* valid samples a channel, and as many as are laid out in the file */
    int64_t size, mtime_ns;
    uint64_t inode;
    uint64_t where; /* contiguous: offset of the samples; chunked: position of the chunk table
                       in the survey file, bytes */
    uint32_t kind;  /* index into kinds, or MR_REFUSED */
    uint32_t row0;
} mr_row;

typedef struct mr_kind {
    mr_file_info facts; /* per-file fields are zero */
    uint32_t group;
    bool leads; /* the first kind of its group: its facts speak for the group */
} mr_kind;

typedef struct mr_catalog {
    size_t n;
    mr_row *rows;
    char **paths; /* [n] as given; owned */
    char **notes; /* [n] reason of a refusal, or what was odd; NULL mostly; owned */
    mr_kind *kinds;
    size_t n_kinds, cap_kinds;
    uint32_t n_groups;
    char *survey_path; /* the file that holds the chunk tables; NULL if there is none */
} mr_catalog;

mr_status mr_catalog_new(const mr_strs *paths, mr_catalog **out);
void mr_catalog_free(mr_catalog *c);
/** Enter what the survey found of file i. table_pos: where its chunk table lies in the survey file.
 */
mr_status mr_catalog_set(mr_catalog *c, size_t i, const mr_file_info *info, uint64_t table_pos);
/** The whole information of file i again (refused: state and reason). */
void mr_catalog_info(const mr_catalog *c, size_t i, mr_file_info *info);
/** Its chunk table, read from the survey file; NULL for contiguous files. [give] */
mr_status mr_catalog_chunks(const mr_catalog *c, size_t i, mr_chunk **out);
/** The facts that speak for a group. */
const mr_file_info *mr_catalog_group(const mr_catalog *c, uint32_t group);
/** Last part of a path. */
const char *mr_base_name(const char *path);
#endif
