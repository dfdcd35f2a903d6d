/* in/hdf5/store.h: from a dataset opened by libhdf5 to mr_store and the chunk table. */
#ifndef MR_IN_HDF5_STORE_H
#define MR_IN_HDF5_STORE_H
#include "in/hdf5/h5.h"
#include "in/input.h"

#define MR_MAX_CHUNKS (1u << 24)        /* entries of a chunk table; more is refused by name */
#define MR_MAX_CHUNK_BYTES (1ull << 31) /* one chunk, decoded */
#define MR_MAX_SLOW_CHUNKS 5000         /* where only the library's quadratic query is at hand */

/** Describe a 2-D dataset; where s->pad, lead and keep are set, one of frames [frame][row][channel]
 *  with pad rows each. MR_EINPUT names what cannot be read. *chunks [give] is NULL when
 *  contiguous; pass NULL if not wanted (the index is then not read). *outside counts chunks that
 * lie outside the file: they stay in the table, reading them is a loss. */
mr_status mr_store_read(const mr_h5 *h, hid_t dset, bool time_first, mr_store *s, mr_chunk **chunks,
                        uint64_t *outside);
/** ceil(nt / chunk_t) * ceil(nc / chunk_c); 0 when contiguous; UINT64_MAX on overflow. */
uint64_t mr_store_n_chunks(const mr_store *s);
#endif
