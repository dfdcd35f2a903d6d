/* tests/faults/memfail_wrap.c: linked into a millrace of its own with -Wl,--wrap, so that the n-th
 * allocation of our own objects fails; those of libraries are left alone. Every process counts for
 * itself; MEMFAIL_IN=millrace-worker: those of that name only. MEMFAIL_AT=n, MEMFAIL_FOR=once|good,
 * MEMFAIL_LOG=/file: the count of the process that was started, when it ends. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static atomic_long count;
static struct {
    long at;
    bool good;
    const char *log, *in;
    pid_t pid;
} set;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__real_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at);
char *__wrap_strdup(const char *s);

__attribute__((constructor)) static void begin(void)
{
    const char *s = getenv("MEMFAIL_AT"), *how = getenv("MEMFAIL_FOR");
    set.at = s ? atol(s) : 0;
    set.good = how && strcmp(how, "good") == 0;
    set.log = getenv("MEMFAIL_LOG");
    set.in = getenv("MEMFAIL_IN");
    set.pid = getpid();
}

__attribute__((destructor)) static void end(void)
{
    char text[32];
    if (!set.log || getpid() != set.pid) return;
    int fd = open(set.log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    int n = snprintf(text, sizeof text, "%ld\n", atomic_load(&count));
    if (fd < 0 || write(fd, text, (size_t)n) < 0) return;
    close(fd);
}

static bool fails(void)
{
    char name[16] = "";
    if (set.in && (prctl(PR_GET_NAME, name) != 0 || strcmp(name, set.in) != 0)) return false;
    const long n = atomic_fetch_add(&count, 1) + 1;
    if (set.at == 0 || (set.good ? n < set.at : n != set.at)) return false;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}
void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return fails() ? NULL : __real_aligned_alloc(align, n);
}
void *__wrap_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at)
{
    return fails() ? MAP_FAILED : __real_mmap(p, n, prot, flags, fd, at);
}
char *__wrap_strdup(const char *s)
{
    const size_t n = strlen(s) + 1;
    char *p = __wrap_malloc(n);
    return p ? memcpy(p, s, n) : NULL;
}
