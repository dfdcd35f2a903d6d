/* in/raw/codec.h: a stored chunk back to its samples: deflate, shuffle, fletcher32. Pure functions
 * on bytes; every length is checked against what the chunk must hold, so a damaged chunk is told
 * from a good one and never makes more bytes than it may. */
#ifndef MR_IN_RAW_CODEC_H
#define MR_IN_RAW_CODEC_H
#include "base/base.h"

/** What came of a chunk; mr_chunk_why gives the words. */
typedef enum mr_chunk_fate {
    MR_CHUNK_OK,
    MR_CHUNK_ABSENT,
    MR_CHUNK_OUTSIDE,
    MR_CHUNK_SIZE,
    MR_CHUNK_CHECKSUM,
    MR_CHUNK_CORRUPT,
    MR_CHUNK_SHORT,
    MR_CHUNK_LONG,
    MR_CHUNK_FILTER,
    MR_CHUNK_MEMORY
} mr_chunk_fate;
const char *mr_chunk_why(mr_chunk_fate fate);

/** How the chunks of a dataset were filtered: mr_filter numbers in the order of writing. */
typedef struct mr_pipe {
    uint8_t n, filters[4];
    uint8_t size; /* of a sample, bytes */
    size_t bytes; /* of a chunk's samples */
} mr_pipe;

/** Two buffers of `cap` bytes each, cap >= mr_codec_cap(bytes); `a` holds the n bytes as stored.
 * After a successful decode `a` holds the samples; `shuffled`: still shuffled, for mr_unshuffle to
 * undo on the way to their places. Decoding may exchange a and b. */
typedef struct mr_codec_io {
    uint8_t *a, *b;
    size_t n, cap;
    bool shuffled;
} mr_codec_io;

/** Bytes that a stored chunk of `bytes` bytes of samples may take at most: no filter adds more. */
size_t mr_codec_cap(size_t bytes);
/** What inflating needs, reused from chunk to chunk by one thread at a time. */
typedef struct mr_codec mr_codec;
mr_status mr_codec_new(mr_codec **out);
void mr_codec_free(mr_codec *k);
/** Undo the filters whose bit in `mask` is clear, last first. */
mr_chunk_fate mr_codec_decode(mr_codec *k, const mr_pipe *p, uint32_t mask, mr_codec_io *io);
/** HDF5's Fletcher-32 of n bytes, as its number reads in the file (little-endian). */
uint32_t mr_fletcher32(const uint8_t *p, size_t n);
/** Decode bytes that say themselves how: [filters n (low 3 bits), size code, mask, samples lo, hi,
 *  filters...][stored bytes]. For fuzzing; always 0. */
int mr_codec_fuzz(const uint8_t *data, size_t size);
#endif
