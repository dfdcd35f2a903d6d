/* tests/bench/first_read.c: preloaded, says on stderr how many milliseconds after
 * FIRST_READ_FROM_MS (of CLOCK_MONOTONIC, just before the start) a process has its first large read
 * behind it: the first rows of a run, since headers are read in small pieces. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LARGE = 256 << 10 };

static double since_start_ms(void)
{
    const char *from = getenv("FIRST_READ_FROM_MS");
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6 - (from ? atof(from) : 0);
}

static ssize_t noted(ssize_t got, size_t n)
{
    static atomic_int said;
    if (n >= LARGE && got > 0 && !atomic_exchange(&said, 1))
        fprintf(stderr, "first-read %.2f\n", since_start_ms());
    return got;
}

ssize_t pread(int fd, void *to, size_t n, off_t at)
{
    static ssize_t (*next)(int, void *, size_t, off_t);
    if (!next) *(void **)&next = dlsym(RTLD_NEXT, "pread");
    return noted(next(fd, to, n, at), n);
}

ssize_t pread64(int fd, void *to, size_t n, off_t at)
{
    return pread(fd, to, n, at);
}
