/* tests/fuzz/chunk.c: libFuzzer on the chunk decoder. Not part of make test. Build and run, B being
 * the flags -std=c17 -D_GNU_SOURCE -DMR_LIBDEFLATE=1 -Isrc:
 * clang -g -O1 $B -fsanitize=fuzzer,address,undefined tests/fuzz/chunk.c src/io/codec.c
 *   src/io/place.c $(ls src/base/?*.c) -ldeflate -lm -o build/fuzz_chunk
 * build/fuzz_chunk -max_len=4096 -runs=1000000 */
#include "io/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return mr_codec_fuzz(data, size);
}
