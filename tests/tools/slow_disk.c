/* tests/tools/slow_disk.c: preloaded, makes .h5 files slow: SLOW_MB_S megabytes a second for each
 * thread that reads, whatever the machine does besides. So that tests meet a run in its middle.
 * SLOW_UNDER: only those whose path contains it. SLOW_SYNC_S: seconds that a write to disk takes.
 * With SLOW_ONCE a job that Slurm has queued again is not slow any more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 4096 }; /* headers stay fast */

static void wait_as_for(int fd, ssize_t n)
{
    char link[64], path[4096];
    const char *rate = getenv("SLOW_MB_S");
    if (!rate || n < SMALL || (getenv("SLOW_ONCE") && getenv("SLURM_RESTART_COUNT"))) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t k = readlink(link, path, sizeof path - 1);
    if (k < 3 || memcmp(path + k - 3, ".h5", 3) != 0) return;
    path[k] = '\0';
    if (getenv("SLOW_UNDER") && !strstr(path, getenv("SLOW_UNDER"))) return;
    usleep((useconds_t)((double)n / atof(rate)));
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");
    const ssize_t got = real(fd, buf, n, at);
    wait_as_for(fd, got);
    return got;
}

ssize_t pread64(int fd, void *buf, size_t n, off64_t at)
{
    ssize_t (*real)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
    const ssize_t got = real(fd, buf, n, at);
    wait_as_for(fd, got);
    return got;
}

/* What a folder of a million files feels like: so long a name that is looked at. */
int lstat(const char *path, struct stat *sb)
{
    int (*real)(const char *, struct stat *) = dlsym(RTLD_NEXT, "lstat");
    const char *s = getenv("SLOW_LSTAT_S");
    if (s) usleep((useconds_t)(1e6 * atof(s)));
    return real(path, sb);
}

int fsync(int fd)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    const char *s = getenv("SLOW_SYNC_S");
    if (s) usleep((useconds_t)(1e6 * atof(s)));
    return real(fd);
}
