/* io/chunk.c: reads of samples stored in chunks. Not there yet. */
#include "io/raw_priv.h"

mr_status mr_raw_chunked(MR_UNUSED mr_raw *r, MR_UNUSED uint64_t t, MR_UNUSED uint64_t nt,
                         MR_UNUSED const mr_chsel *sel, MR_UNUSED uint8_t *dst,
                         MR_UNUSED size_t stride, MR_UNUSED mr_lost_fn lost, MR_UNUSED void *arg)
{
    return MR_RAISE(MR_EINPUT, "chunked samples cannot be read yet");
}

size_t mr_chunk_buffer_bytes(MR_UNUSED const mr_store *s, MR_UNUSED const mr_chsel *sel)
{
    return 0;
}
