/* tests/fuzz/btree.c: the readers of object headers and chunk indexes, on a file in memory. The
 * input is the file; its first 16 bytes are: width of addresses and lengths, dimensions, one byte
 * to choose the reader, and the address to begin at. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "in/hdf5/btree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static mr_status seen(void *arg, const uint64_t *offset, uint64_t addr, uint32_t nbytes,
                      uint32_t mask)
{
    uint64_t *sum = arg;
    *sum += offset[0] + addr + nbytes + mask;
    return MR_OK;
}

static mr_status linear(void *arg, uint64_t i, uint64_t addr, uint64_t nbytes, uint32_t mask)
{
    uint64_t *sum = arg;
    *sum += i + addr + nbytes + mask;
    return MR_OK;
}

static void walk(const mr_bytes *b, mr_index index, uint64_t addr, unsigned ndims)
{
    uint64_t sum = 0;
    if (index == MR_IX_BTREE1) (void)mr_btree_walk(b, addr, ndims, 10000, seen, &sum);
    if (index == MR_IX_FIXED_ARRAY) (void)mr_fixed_array_walk(b, addr, 10000, linear, &sum);
    if (index == MR_IX_EXTENSIBLE_ARRAY)
        (void)mr_extensible_array_walk(b, addr, 10000, linear, &sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mr_index readers[] = {MR_IX_BTREE1, MR_IX_FIXED_ARRAY, MR_IX_EXTENSIBLE_ARRAY};
    static const unsigned widths[] = {2, 4, 8, 8};
    static int fd = -1;
    mr_layout_msg msg;
    uint64_t addr;
    if (size < 16) return 0;
    if (fd < 0 && (fd = memfd_create("fuzz", 0)) < 0) abort();
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    memcpy(&addr, data + 8, sizeof addr);
    const mr_bytes b = {
        .fd = fd, .size = size, .so = widths[data[0] & 3], .sl = widths[data[1] & 3]};
    const unsigned ndims = data[2] % MR_BTREE_DIMS + 1;
    if (data[3] % 4 < 3)
        walk(&b, readers[data[3] % 4], addr, ndims);
    else if (mr_layout_find(&b, addr, &msg) == MR_OK && msg.addr != UINT64_MAX &&
             msg.ndims <= MR_BTREE_DIMS)
        walk(&b, msg.index, msg.addr, msg.ndims);
    mr_error_clear();
    return 0;
}
