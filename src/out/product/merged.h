/* out/product/merged.h: which pieces of result.h5 were merged already, so that a run that is killed
 * meanwhile goes on from there. Each rank writes down its own pieces, .millrace/merged.RANK: a
 * line a piece with the digest of its bytes. That is believed of bytes that have this digest alone.
 * Internal to out/. */
#ifndef MR_OUT_PRODUCT_MERGED_H
#define MR_OUT_PRODUCT_MERGED_H
#include "out/out.h"

/** What the ranks before wrote down for `id`: sum[n], "" where a piece is not merged. */
mr_status mr_merged_read(const char *folder, const mr_digest *id, uint64_t n, mr_digest *sum);
/** Begin this rank's list anew, for writing. */
mr_status mr_merged_begin(const char *folder, int rank, const mr_digest *id, int *fd);
mr_status mr_merged_add(int fd, uint64_t piece, const mr_digest *sum);
/** All lists but that of rank `but` (-1: of none) go. */
mr_status mr_merged_remove(const char *folder, int but);
#endif
