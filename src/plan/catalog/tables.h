/* plan/catalog/tables.h: chunk tables on disk, so that no rank holds those of a whole archive.
 * Every rank of a survey appends to a file of its own, base.0, base.1, ...; any rank reads any of
 * them. */
#ifndef MR_TABLES_H
#define MR_TABLES_H
#include "in/input.h"

typedef struct mr_tables mr_tables;
/** Append to file base.number behind its first `end` bytes; what follows them is dropped. */
mr_status mr_tables_open(const char *base, unsigned number, uint64_t end, mr_tables **out);
/** *pos: where the table lies, over all files. One thread at a time. */
mr_status mr_tables_add(mr_tables *t, const mr_chunk *v, uint64_t n, uint64_t *pos);
/** Bytes so far. */
uint64_t mr_tables_end(const mr_tables *t);
/** Bring them to disk. */
mr_status mr_tables_sync(mr_tables *t);
void mr_tables_close(mr_tables *t);
/** Close and remove the file. */
void mr_tables_drop(mr_tables *t);
/** Bytes that a table of n chunks takes. */
uint64_t mr_tables_bytes(uint64_t n);
/** Read n chunks back and check them. MR_EOUTPUT when they are not what was written. Any thread. */
mr_status mr_tables_read(const char *base, uint64_t pos, uint64_t n, mr_chunk **out);
#endif
