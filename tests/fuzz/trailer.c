/* tests/fuzz/trailer.c: the trailer of an output file. Any bytes are refused or read; and a file
 * with a trailer of ours in which one bit is turned is always found out. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "out/out.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void spoil(int fd, const char *path, const uint8_t *data, size_t size)
{
    const mr_digest id = mr_digest_of(data, size);
    mr_digest content;
    mr_trailer t;
    mr_sum *sum = NULL;
    uint8_t byte;
    uint32_t at;
    memcpy(&at, data, sizeof at);
    if (mr_sum_new(&sum) != MR_OK) return;
    mr_sum_add(sum, data, size);
    if (mr_trailer_append(fd, size, &id, &id, sum, &content, path) != MR_OK) abort();
    if (mr_trailer_read(path, true, &t) != MR_OK || !mr_digest_same(&t.content, &content)) abort();
    const off_t where = (off_t)(at % (size + MR_TRAILER_BYTES));
    if (pread(fd, &byte, 1, where) != 1) abort();
    byte = (uint8_t)(byte ^ 1u << (data[4] & 7));
    if (pwrite(fd, &byte, 1, where) != 1) abort();
    if (mr_trailer_read(path, true, &t) != MR_EVERIFY) abort();
    mr_sum_free(sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    static int fd = -1;
    mr_trailer t;
    if (fd < 0) {
        snprintf(path, sizeof path, "/dev/shm/millrace-fuzz-%d", (int)getpid());
        fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd < 0) abort();
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size) abort();
    if (mr_trailer_read(path, true, &t) == MR_OK && t.length + MR_TRAILER_BYTES != size) abort();
    if (size >= 8) spoil(fd, path, data, size);
    mr_error_clear();
    return 0;
}
