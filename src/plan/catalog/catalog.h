/* plan/catalog/catalog.h: what the survey found, one 64-byte row a recording; facts that many files
 * share (layout, type, rate, ...) are kept once, as a form. Forms that may stand in one span form a
 * group. Built by run/survey/survey.c, which packs it into one block that the ranks of a node
 * share; read by the planner and the readers. Read-only once built: any thread. */
#ifndef MR_CATALOG_H
#define MR_CATALOG_H
#include "base/text.h"
#include "in/input.h"
#include "out/output.h"

#define MR_REFUSED UINT32_MAX

typedef struct mr_row {
    int64_t t0_ns, t1_ns;   /* first sample, last by the file's stamps */
    uint32_t nt, nt_stored; /* valid samples a channel, and as many as are laid out in the file */
    int64_t size, mtime_ns;
    uint64_t inode;
    uint64_t where; /* contiguous: offset of the samples; chunked: place of the chunk table */
    uint32_t form;  /* number of its facts, or MR_REFUSED */
    uint32_t row0;
} mr_row;

/** Facts of files, each once. Zero-initialise. */
typedef struct mr_forms {
    mr_file_info *v; /* [n], per-file fields are zero */
    size_t n, cap;
    uint32_t *slot; /* [n_slots] hash table of numbers + 1 */
    size_t n_slots;
} mr_forms;
/** The number of this file's facts, entered if they are new. */
mr_status mr_forms_add(mr_forms *k, const mr_file_info *info, uint32_t *out);
void mr_forms_fini(mr_forms *k);

/** Quantity that the chain converts all samples to before anything else: unit and scale of files
 *  may then differ within a group. */
typedef enum mr_quantity_join {
    MR_JOIN_NONE,
    MR_JOIN_NATIVE,
    MR_JOIN_STRAIN_RATE,
    MR_JOIN_STRAIN
} mr_quantity_join;
/** What a sample of these facts is multiplied by to be one of the lead's; 0: they do not join. */
double mr_catalog_factor(mr_quantity_join by, const mr_file_info *lead, const mr_file_info *f);

/** Row i < n_files is the first recording of file i; the further ones of files stand behind them,
 *  in order of files, and `of` names theirs. */
typedef struct mr_catalog {
    size_t n, n_files, n_forms;
    uint32_t n_groups;
    uint32_t join_by;            /* mr_quantity_join, before files are entered */
    mr_row *rows;                /* [n] */
    uint32_t *of;                /* [n - n_files] the file of row n_files + i, ascending */
    mr_file_info *facts;         /* [n_forms] */
    uint32_t *group;             /* [n_forms] the group a form belongs to */
    uint32_t *lead;              /* [n_groups] the form that speaks for the group */
    uint32_t *path_at, *note_at; /* [n] where they stand in text; note 0: none */
    char *text;
    char *tables;           /* of the files with chunk tables (plan/catalog/tables.h), or NULL */
    struct mr_maker *maker; /* while it grows; NULL for a view of a block */
} mr_catalog;

/** Nothing is known of the files yet: all refused. */
mr_status mr_catalog_new(const mr_strs *paths, mr_catalog **out);
void mr_catalog_free(mr_catalog *c);
/** Enter what was found of the first recording of file i. table_pos: where its chunk table lies
 *  (mr_tables_add). */
mr_status mr_catalog_set(mr_catalog *c, size_t i, const mr_file_info *info, uint64_t table_pos);
/** All recordings of file i without their chunk tables. Further ones in order of files. */
mr_status mr_catalog_set_all(mr_catalog *c, size_t i, const mr_probed *p);
/** The same in two halves, for what was found elsewhere: the row but its form, and the note (reason
 *  of a refusal, or what was odd; "" if nothing). False if the file is refused. */
bool mr_row_of(const mr_file_info *info, uint64_t table_pos, mr_row *row, const char **note);
mr_status mr_catalog_put(mr_catalog *c, size_t i, const mr_row *row, const char *note);
/** A further recording of file i; files in ascending order. */
mr_status mr_catalog_more(mr_catalog *c, size_t i, const mr_row *row, const char *note);
/** The number of these facts in the catalogue, entered if they are new. */
mr_status mr_catalog_form(mr_catalog *c, const mr_file_info *facts, uint32_t *out);
/** When all files are entered: groups are numbered, and led, by the earliest of their files, so
 *  that nothing depends on the order in which files were listed or found. */
mr_status mr_catalog_settle(mr_catalog *c);

/** As one block of bytes without pointers, and a catalogue that looks into such a block [borrow]
 *  (8-byte aligned). MR_EINPUT when it is not one. */
size_t mr_catalog_bytes(const mr_catalog *c);
void mr_catalog_pack(const mr_catalog *c, void *block);
mr_status mr_catalog_view(const void *block, size_t bytes, mr_catalog **out);

/** The order of recordings in time: by start, base name, path, row. */
int mr_catalog_order(const mr_catalog *c, size_t a, size_t b);
/** The file of row i. */
size_t mr_catalog_file(const mr_catalog *c, size_t i);
/** The rows of further recordings of file i: [*first, *first + n). */
size_t mr_catalog_further(const mr_catalog *c, size_t i, size_t *first);
/** The first valid row of row i's dataset. */
uint32_t mr_catalog_row0(const mr_catalog *c, size_t i);
/** Path of row i's file, as given. [borrow] */
const char *mr_catalog_path(const mr_catalog *c, size_t i);
/** Reason of a refusal, or what was odd; NULL mostly. [borrow] */
const char *mr_catalog_note(const mr_catalog *c, size_t i);
/** The group of row i, which must not be refused. */
uint32_t mr_catalog_group_of(const mr_catalog *c, size_t i);
/** The facts that speak for a group. */
const mr_file_info *mr_catalog_group(const mr_catalog *c, uint32_t group);
/** What a lane made of such files says of its series. */
mr_status mr_catalog_series(const mr_file_info *facts, mr_series *out);
/** The whole information of row i again (refused: state and reason). */
void mr_catalog_info(const mr_catalog *c, size_t i, mr_file_info *info);
/** Its chunk table, read from disk; NULL for contiguous files. [give] */
mr_status mr_catalog_chunks(const mr_catalog *c, size_t i, mr_chunk **out);
/** Last part of a path. */
const char *mr_base_name(const char *path);
#endif
