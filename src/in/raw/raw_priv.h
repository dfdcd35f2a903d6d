/* in/raw/raw_priv.h: what the files that read raw samples share: the open handle and reads of a
 * plain rectangle of samples. Only raw.c, extent.c and chunk.c include it. */
#ifndef MR_IN_RAW_RAW_PRIV_H
#define MR_IN_RAW_RAW_PRIV_H
#include "in/raw/codec.h"
#include "in/input.h"
#include "in/null.h"

/* Bytes of one system call, and of the buffer samples pass through on their way to other places. */
#define MR_RAW_PIECE ((size_t)4 << 20)
#define MR_RAW_SCRATCH ((size_t)1 << 20)

struct mr_raw {
    int fd;
    char *path;    /* owned; for messages */
    mr_null *null; /* there is no file: made-up samples */
    mr_store store;
    uint64_t nt, nc;         /* valid rows, channels */
    uint64_t size;           /* of the file, bytes */
    const mr_chunk *chunks;  /* [borrow] */
    uint8_t *scratch;        /* MR_RAW_SCRATCH bytes, made when first needed */
    mr_codec *codec;         /* made when first needed, like all below */
    uint8_t *packed, *plain; /* a chunk as stored, as decoded; chunk_bytes each */
    size_t chunk_bytes;
    uint8_t *tier;       /* one row of chunks over tier_sel, rows side by side */
    size_t tier_bytes;   /* room in it */
    uint64_t tier_index; /* which row of chunks it is; UINT64_MAX: none */
    mr_chsel tier_sel;
    uint8_t *tier_fate; /* mr_chunk_fate of each chunk column of it */
};

/** Samples of a rectangle that lie in the file as they are: all of a contiguous dataset, or a chunk
 *  without filters. */
typedef struct mr_extent {
    uint64_t offset, nt, nc;
} mr_extent;

/** Exactly n bytes at `offset`; EINTR and short reads are retried; the file's end is MR_EINPUT. */
mr_status mr_raw_pread(const mr_raw *r, void *buf, size_t n, uint64_t offset);
/** Rows [t, t + nt) of the selected channels of an extent, in native byte order. */
mr_status mr_raw_extent(mr_raw *r, const mr_extent *e, uint64_t t, uint64_t nt, const mr_chsel *sel,
                        uint8_t *dst, size_t stride);
/** The same over chunks; t counts stored rows. */
mr_status mr_raw_chunked(mr_raw *r, uint64_t t, uint64_t nt, const mr_chsel *sel, uint8_t *dst,
                         size_t stride, mr_lost_fn lost, void *arg);
/** Bytes of chunk buffers for reading with a selection. */
size_t mr_chunk_buffer_bytes(const mr_store *s, const mr_chsel *sel);
/** Whether samples must have their bytes reversed. */
static inline bool mr_raw_swaps(const mr_store *s)
{
    return s->dtype.size > 1 && s->dtype.big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}
#endif
