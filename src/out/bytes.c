/* out/bytes.c: all of some bytes at a place of a file, or an error that names it. */
#include "out/out.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

mr_status mr_out_pwrite(int fd, const void *p, size_t n, uint64_t at, const char *path)
{
    const char *b = p;
    while (n > 0) {
        ssize_t k = pwrite(fd, b, n, (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0)
            return MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path,
                            k < 0 ? strerror(errno) : "nothing was taken");
        b += k;
        n -= (size_t)k;
        at += (uint64_t)k;
    }
    return MR_OK;
}

mr_status mr_out_pread(int fd, void *p, size_t n, uint64_t at, const char *path)
{
    char *b = p;
    while (n > 0) {
        ssize_t k = pread(fd, b, n, (off_t)at);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0)
            return MR_RAISE(MR_EOUTPUT, "cannot read %s: %s", path,
                            k < 0 ? strerror(errno) : "it ends early");
        b += k;
        n -= (size_t)k;
        at += (uint64_t)k;
    }
    return MR_OK;
}
