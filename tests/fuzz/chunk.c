/* tests/fuzz/chunk.c: chunks of a file through their filters. */
#include "in/raw/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return mr_codec_fuzz(data, size);
}
