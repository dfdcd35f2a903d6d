/* tests/faults/faulty.c: a preload that makes the n-th file call fail. Only calls on paths under
 * one folder count, each process counts for itself, and what happened is told in a log.
 *
 * FAULTY_UNDER  the folder
 * FAULTY_CALL   any, or a list with commas at both ends, ",write,pwrite,", of open read pread write
 *               pwrite fsync close rename link unlink mkdir ftruncate
 * FAULTY_AT     n, from 1; 0: none fails, count only
 * FAULTY_FOR    once, or good: from the n-th on
 * FAULTY_ERROR  ENOSPC and others, short (half of what was asked), kill (SIGKILL in place of the
 *               call), torn (SIGKILL after half of what was to be written)
 * FAULTY_LOG    a file: 8 bytes length, then a line "call n path" for each call that counts, with
 *               "FAULT" in front of those that were made to fail
 * FAULTY_SKIP   paths with this text in them do not count
 * FAULTY_NO_RENAMEAT2, FAULTY_NO_LINK: the file system does not know these */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    const char *under, *call, *skip;
    size_t n_under;
    long at;
    int error; /* 0: a short count */
    bool kill, torn;
    bool good; /* from the n-th on */
    struct log *log;
} set;
static atomic_long count;

/* The log is a mapped file, because some processes may write no file, and close all they find open.
 */
#define LOG_BYTES ((size_t)1 << 20)
struct log {
    atomic_size_t n;
    char text[LOG_BYTES];
};

static const struct {
    const char *name;
    int value;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT}, {"EINTR", EINTR},
              {"EMFILE", EMFILE}, {"EACCES", EACCES}, {"EROFS", EROFS},   {"short", 0}};

__attribute__((constructor)) static void begin(void)
{
    const char *s = getenv("FAULTY_ERROR");
    set.under = getenv("FAULTY_UNDER");
    set.call = getenv("FAULTY_CALL");
    set.skip = getenv("FAULTY_SKIP");
    if (!set.under || !set.call) return;
    set.n_under = strlen(set.under);
    set.at = getenv("FAULTY_AT") ? atol(getenv("FAULTY_AT")) : 0;
    set.good = getenv("FAULTY_FOR") && strcmp(getenv("FAULTY_FOR"), "good") == 0;
    set.kill = s && strcmp(s, "kill") == 0;
    set.torn = s && strcmp(s, "torn") == 0;
    for (size_t i = 0; s && i < sizeof errors / sizeof *errors; i++)
        if (strcmp(errors[i].name, s) == 0) set.error = errors[i].value;
    s = getenv("FAULTY_LOG");
    if (!s) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, s, O_RDWR | O_CREAT, 0666);
    if (syscall(SYS_ftruncate, fd, sizeof(struct log)) == 0)
        set.log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (set.log == MAP_FAILED) set.log = NULL;
    syscall(SYS_close, fd);
}

static void tell(const char *line, size_t len)
{
    size_t at = atomic_fetch_add(&set.log->n, len);
    if (at + len <= LOG_BYTES) memcpy(set.log->text + at, line, len);
}

static bool counts(const char *path)
{
    return strncmp(path, set.under, set.n_under) == 0 &&
           (path[set.n_under] == '/' || path[set.n_under] == '\0') &&
           !(set.skip && strstr(path, set.skip));
}

static bool absolute(int dir, const char *path, char *out)
{
    char link[64];
    ssize_t n = 0;
    if (path[0] == '/') {
        snprintf(out, PATH_MAX, "%s", path);
        return true;
    }
    if (dir == AT_FDCWD)
        snprintf(link, sizeof link, "/proc/self/cwd");
    else
        snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    n = syscall(SYS_readlink, link, out, PATH_MAX - 1);
    if (n <= 0) return false;
    snprintf(out + n, (size_t)(PATH_MAX - n), "%s%s", path[0] ? "/" : "", path);
    return true;
}

static bool wanted(const char *call)
{
    char name[32];
    snprintf(name, sizeof name, ",%s,", call);
    return strcmp(set.call, "any") == 0 || strstr(set.call, name);
}

/** Is this call to fail? errno is set then. The path relative to dir, or dir's own where path "".
 */
static bool fails(const char *call, int dir, const char *path)
{
    char full[PATH_MAX], line[PATH_MAX + 64];
    if (!set.under || !wanted(call)) return false;
    int saved = errno;
    bool hit = false;
    if (absolute(dir, path, full) && counts(full)) {
        long n = atomic_fetch_add(&count, 1) + 1;
        hit = set.at > 0 && (set.good ? n >= set.at : n == set.at);
        int len = snprintf(line, sizeof line, "%s%s %ld %s\n", hit ? "FAULT " : "", call, n, full);
        if (set.log) tell(line, (size_t)len);
    }
    if (hit && set.kill) kill(getpid(), SIGKILL);
    errno = hit ? set.error : saved;
    return hit;
}

static int open_it(const char *path, int flags, mode_t mode, int dir)
{
    if (fails("open", dir, path) && errno) return -1;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}
#define MODE(flags, last)                                                                          \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                                                         \
        va_list ap;                                                                                \
        va_start(ap, last);                                                                        \
        mode = va_arg(ap, mode_t);                                                                 \
        va_end(ap);                                                                                \
    }
int open(const char *path, int flags, ...)
{
    MODE(flags, flags)
    return open_it(path, flags, mode, AT_FDCWD);
}
int open64(const char *path, int flags, ...)
{
    MODE(flags, flags)
    return open_it(path, flags, mode, AT_FDCWD);
}
int openat(int dir, const char *path, int flags, ...)
{
    MODE(flags, flags)
    return open_it(path, flags, mode, dir);
}
int openat64(int dir, const char *path, int flags, ...)
{
    MODE(flags, flags)
    return open_it(path, flags, mode, dir);
}

/** How many bytes of n this call may move; -1: it fails. */
static ssize_t allowed(const char *call, int fd, size_t n)
{
    if (!fails(call, fd, "")) return (ssize_t)n;
    if (errno) return -1;
    return n > 1 ? (ssize_t)(n / 2) : (ssize_t)n;
}
ssize_t read(int fd, void *p, size_t n)
{
    ssize_t k = allowed("read", fd, n);
    return k < 0 ? -1 : syscall(SYS_read, fd, p, (size_t)k);
}
ssize_t write(int fd, const void *p, size_t n)
{
    ssize_t k = allowed("write", fd, n);
    return k < 0 ? -1 : syscall(SYS_write, fd, p, (size_t)k);
}
ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    ssize_t k = allowed("pread", fd, n);
    return k < 0 ? -1 : syscall(SYS_pread64, fd, p, (size_t)k, at);
}
ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
    return pread(fd, p, n, at);
}
ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t k = allowed("pwrite", fd, n);
    if (k >= 0) k = syscall(SYS_pwrite64, fd, p, (size_t)k, at);
    if (set.torn && k >= 0 && (size_t)k < n) kill(getpid(), SIGKILL);
    return k;
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return pwrite(fd, p, n, at);
}
int fsync(int fd)
{
    return fails("fsync", fd, "") && errno ? -1 : (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd)
{
    return fails("fsync", fd, "") && errno ? -1 : (int)syscall(SYS_fdatasync, fd);
}
int close(int fd)
{
    bool bad = fails("close", fd, "");
    int why = errno, r = (int)syscall(SYS_close, fd); /* the descriptor is gone in any case */
    if (!bad || !why) return r;
    errno = why;
    return -1;
}
int ftruncate(int fd, off_t n)
{
    return fails("ftruncate", fd, "") && errno ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}
int ftruncate64(int fd, off_t n)
{
    return ftruncate(fd, n);
}
int rename(const char *a, const char *b)
{
    if (fails("rename", AT_FDCWD, b) && errno) return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 0);
}
int renameat2(int da, const char *a, int db, const char *b, unsigned flags)
{
    if (fails("rename", db, b) && errno) return -1;
    if (getenv("FAULTY_NO_RENAMEAT2")) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_renameat2, da, a, db, b, flags);
}
int link(const char *a, const char *b)
{
    if (fails("link", AT_FDCWD, b) && errno) return -1;
    if (getenv("FAULTY_NO_LINK")) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, AT_FDCWD, a, AT_FDCWD, b, 0);
}
int unlink(const char *path)
{
    if (fails("unlink", AT_FDCWD, path) && errno) return -1;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
int mkdir(const char *path, mode_t mode)
{
    if (fails("mkdir", AT_FDCWD, path) && errno) return -1;
    return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
