/* in/hdf5/btree.h: our own reader of how a dataset is stored: the layout message of its object
 * header and the version-1 B-tree of its chunks. Reads by pread, trusts nothing: every address must
 * lie inside the file, levels must fall, and the number of nodes is bounded. H5Dget_chunk_info, the
 * library's way, is quadratic in 1.10. */
#ifndef MR_IN_HDF5_BTREE_H
#define MR_IN_HDF5_BTREE_H
#include "base/base.h"

/** The file as these functions see it. */
typedef struct mr_bytes {
    int fd;
    uint64_t size;   /* bytes of the file */
    uint64_t base;   /* added to every address found in it */
    unsigned so, sl; /* bytes of an address, of a length: 2, 4 or 8 */
} mr_bytes;

typedef enum mr_index {             /* how chunks are found */
                        MR_IX_NONE, /* not chunked */
                        MR_IX_SINGLE = 1,
                        MR_IX_IMPLICIT,
                        MR_IX_FIXED_ARRAY,
                        MR_IX_EXTENSIBLE_ARRAY,
                        MR_IX_BTREE2,
                        MR_IX_BTREE1 = 100
} mr_index;

typedef struct mr_layout_msg {
    mr_index index;
    uint64_t addr;   /* relative to base; UINT64_MAX: nothing stored yet */
    unsigned ndims;  /* with the element size as the last one */
    uint64_t nbytes; /* MR_IX_SINGLE with filters: stored bytes, else 0 */
    uint32_t mask;   /* and its filter mask */
} mr_layout_msg;

#define MR_BTREE_DIMS 8

/** Find the data layout message in the object header at `addr` (relative to base, as H5Oget_info
 * gives it). MR_EINPUT if damaged. */
mr_status mr_layout_find(const mr_bytes *b, uint64_t addr, mr_layout_msg *out);

/** One chunk of the tree: element offsets per dimension (ndims - 1 of them), place in the file with
 *  base added, stored bytes, filter mask. */
typedef mr_status (*mr_chunk_fn)(void *arg, const uint64_t *offset, uint64_t addr, uint32_t nbytes,
                                 uint32_t mask);
/** Walk the version-1 B-tree with root `addr`, calling fn for at most max_chunks entries (more is
 *  MR_EINPUT: a loop or damage). */
mr_status mr_btree_walk(const mr_bytes *b, uint64_t addr, unsigned ndims, uint64_t max_chunks,
                        mr_chunk_fn fn, void *arg);

/** Bytes at an address of the file (base is added), all of them or MR_EINPUT. */
mr_status mr_bytes_read(const mr_bytes *b, uint64_t addr, size_t n, void *out);
uint64_t mr_le(const unsigned char *p, unsigned n);
/** An address as stored; all ones is UINT64_MAX, "undefined", in every width. */
uint64_t mr_address(const unsigned char *p, unsigned n);

/** One element of a linear index: chunk number, place with base added, stored bytes (0: as long as
 * an unfiltered chunk), filter mask. Chunks without a place are left out. */
typedef mr_status (*mr_linear_fn)(void *arg, uint64_t i, uint64_t addr, uint64_t nbytes,
                                  uint32_t mask);
/** Elements 0 .. n - 1 of a fixed or an extensible array (header at `addr`). */
mr_status mr_fixed_array_walk(const mr_bytes *b, uint64_t addr, uint64_t n, mr_linear_fn fn,
                              void *arg);
mr_status mr_extensible_array_walk(const mr_bytes *b, uint64_t addr, uint64_t n, mr_linear_fn fn,
                                   void *arg);
const char *mr_index_name(mr_index ix);
#endif
