/* tests/faults/recorder.c: a preload that writes down, in order, everything a process does to the
 * files under one folder, with the bytes, so that crash.py can make of it what a power failure
 * leaves.
 *
 * RECORD_UNDER=/folder RECORD_TO=/file. A record is a line "op bytes offset path[\tpath]" and then
 * that many bytes. op: create truncate write fsync rename link unlink mkdir. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
    const char *under, *to;
    size_t n_under;
} set;
static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER; /* a call and its record are one step */

__attribute__((constructor)) static void begin(void)
{
    set.under = getenv("RECORD_UNDER");
    set.to = getenv("RECORD_TO");
    if (!set.to) set.under = NULL;
    if (set.under) set.n_under = strlen(set.under);
}

static bool inside(const char *path)
{
    return set.under && strncmp(path, set.under, set.n_under) == 0 &&
           (path[set.n_under] == '/' || path[set.n_under] == '\0');
}

static void tell(const char *op, const char *a, const char *b, const void *data, size_t n, off_t at)
{
    char line[2 * PATH_MAX + 64];
    int len = snprintf(line, sizeof line, "%s %zu %lld %s%s%s\n", op, n, (long long)at, a,
                       b ? "\t" : "", b ? b : "");
    int fd = (int)syscall(SYS_openat, AT_FDCWD, set.to, O_WRONLY | O_CREAT | O_APPEND, 0666);
    struct iovec v[2] = {{line, (size_t)len}, {(void *)data, n}};
    if (syscall(SYS_writev, fd, v, n ? 2 : 1) != len + (ssize_t)n) abort();
    syscall(SYS_close, fd);
}

/** The path that fd has now; false if it is not under the folder or has no name any more. */
static bool path_of(int fd, char *out)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = set.under ? syscall(SYS_readlink, link, out, PATH_MAX - 1) : -1;
    if (n <= 0) return false;
    out[n] = '\0';
    return inside(out) && !strstr(out, " (deleted)");
}

static int open_it(const char *path, int flags, mode_t mode, int dir)
{
    struct stat sb;
    if (dir != AT_FDCWD || !inside(path)) return (int)syscall(SYS_openat, dir, path, flags, mode);
    pthread_mutex_lock(&order);
    bool was = lstat(path, &sb) == 0;
    int fd = (int)syscall(SYS_openat, dir, path, flags, mode), e = errno;
    if (fd >= 0 && flags & O_CREAT && !was) tell("create", path, NULL, NULL, 0, 0);
    if (fd >= 0 && flags & O_TRUNC && was) tell("truncate", path, NULL, NULL, 0, 0);
    pthread_mutex_unlock(&order);
    errno = e;
    return fd;
}
#define MODE(flags)                                                                                \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                         \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode = va_arg(ap, mode_t);                                                                 \
        va_end(ap);                                                                                \
    }
int open(const char *path, int flags, ...)
{
    MODE(flags)
    return open_it(path, flags, mode, AT_FDCWD);
}
int open64(const char *path, int flags, ...)
{
    MODE(flags)
    return open_it(path, flags, mode, AT_FDCWD);
}
int openat(int dir, const char *path, int flags, ...)
{
    MODE(flags)
    return open_it(path, flags, mode, dir);
}

static ssize_t write_it(int fd, const void *p, size_t n, off_t at, bool append)
{
    char path[PATH_MAX];
    if (!path_of(fd, path))
        return append ? syscall(SYS_write, fd, p, n) : syscall(SYS_pwrite64, fd, p, n, at);
    pthread_mutex_lock(&order);
    if (append) at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t k = append ? syscall(SYS_write, fd, p, n) : syscall(SYS_pwrite64, fd, p, n, at);
    int e = errno;
    if (k > 0) tell("write", path, NULL, p, (size_t)k, at);
    pthread_mutex_unlock(&order);
    errno = e;
    return k;
}
ssize_t write(int fd, const void *p, size_t n)
{
    return write_it(fd, p, n, 0, true);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return write_it(fd, p, n, at, false);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return write_it(fd, p, n, at, false);
}

/** A call on one or two names, told when it went well. */
static int told(int result, const char *op, const char *a, const char *b, off_t at)
{
    int e = errno;
    if (result == 0 && (inside(a) || (b && inside(b)))) tell(op, a, b, NULL, 0, at);
    pthread_mutex_unlock(&order);
    errno = e;
    return result;
}
#define STEP pthread_mutex_lock(&order)
int fsync(int fd)
{
    char path[PATH_MAX];
    if (!path_of(fd, path)) return (int)syscall(SYS_fsync, fd);
    STEP;
    return told((int)syscall(SYS_fsync, fd), "fsync", path, NULL, 0);
}
int fdatasync(int fd)
{
    return fsync(fd);
}
int ftruncate(int fd, off_t n)
{
    char path[PATH_MAX];
    if (!path_of(fd, path)) return (int)syscall(SYS_ftruncate, fd, n);
    STEP;
    return told((int)syscall(SYS_ftruncate, fd, n), "truncate", path, NULL, n);
}
int ftruncate64(int fd, off_t n)
{
    return ftruncate(fd, n);
}
int rename(const char *a, const char *b)
{
    STEP;
    return told((int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0), "rename", a, b, 0);
}
int renameat2(int da, const char *a, int db, const char *b, unsigned flags)
{
    STEP;
    return told((int)syscall(SYS_renameat2, da, a, db, b, flags), "rename", a, b, 0);
}
int link(const char *a, const char *b)
{
    STEP;
    return told((int)syscall(SYS_linkat, AT_FDCWD, a, AT_FDCWD, b, 0), "link", a, b, 0);
}
int unlink(const char *path)
{
    STEP;
    return told((int)syscall(SYS_unlinkat, AT_FDCWD, path, 0), "unlink", path, NULL, 0);
}
int mkdir(const char *path, mode_t mode)
{
    STEP;
    return told((int)syscall(SYS_mkdirat, AT_FDCWD, path, mode), "mkdir", path, NULL, 0);
}
