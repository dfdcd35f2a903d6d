/* tests/faults/starve.c: a preload that makes the n-th allocation of a process fail, whoever asks:
 * libhdf5, MPI and the C library too. Every process of ours counts for itself; launchers are
 * spared, since an mpirun that lacks memory may wait for ever.
 *
 * STARVE_AT=n, STARVE_FOR=once|good, STARVE_LOG=/file: the count of each process when it ends. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static atomic_long count;
static long at;
static bool good;
static const char *log_to;

__attribute__((constructor)) static void begin(void)
{
    const char *s = getenv("STARVE_AT"), *how = getenv("STARVE_FOR");
    good = how && strcmp(how, "good") == 0;
    log_to = getenv("STARVE_LOG");
    at = s && strncmp(program_invocation_short_name, "millrace", 8) == 0 ? atol(s) : 0;
}

__attribute__((destructor)) static void end(void)
{
    char digits[24], *p = digits + sizeof digits - 1;
    int fd = log_to ? open(log_to, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    *p = '\n';
    for (long n = atomic_load(&count); n; n /= 10) *--p = (char)('0' + n % 10);
    if (fd >= 0 && write(fd, p, (size_t)(digits + sizeof digits - p)) > 0) close(fd);
}

static bool fails(void)
{
    const long n = atomic_fetch_add(&count, 1) + 1;
    if (at == 0 || (good ? n < at : n != at)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}
void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}
void *realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}
void *memalign(size_t align, size_t n)
{
    return fails() ? NULL : __libc_memalign(align, n);
}
void *aligned_alloc(size_t align, size_t n)
{
    return memalign(align, n);
}
int posix_memalign(void **p, size_t align, size_t n)
{
    void *got = memalign(align, n);
    if (!got) return ENOMEM;
    *p = got;
    return 0;
}
