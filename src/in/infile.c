/* in/infile.c: opening a file that may be hostile, and reading bytes of it. Only workers and tests
 * come here. */
#include "in/infile.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static mr_status open_plain(const char *path, int *fd, struct stat *sb)
{
    struct stat before;
    if (stat(path, &before)) return MR_RAISE(MR_EINPUT, "cannot open: %s", strerror(errno));
    if (S_ISDIR(before.st_mode) && access(path, R_OK | X_OK) != 0)
        return MR_RAISE(MR_EINPUT, "a folder that cannot be listed: %s", strerror(errno));
    if (!S_ISREG(before.st_mode)) return MR_RAISE(MR_EINPUT, "not a regular file");
    do *fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    while (*fd < 0 && errno == EINTR);
    if (*fd < 0) return MR_RAISE(MR_EINPUT, "cannot open: %s", strerror(errno));
    if (fstat(*fd, sb) || !S_ISREG(sb->st_mode) || sb->st_ino != before.st_ino)
        return MR_RAISE(MR_EINPUT, "changed while it was opened");
    if (sb->st_size == 0) return MR_RAISE(MR_EINPUT, "empty file (0 bytes)");
    return MR_OK;
}

mr_status mr_infile_open(const char *path, mr_infile *s, struct stat *sb)
{
    mr_status st = MR_OK;
    const char *slash = strrchr(path, '/');
    s->path = path;
    s->name = slash ? slash + 1 : path;
    s->size = s->n_head = 0;
    s->h5 = NULL;
    s->fd = -1;
    s->failed = 0;
    s->note = &s->failed;
    MR_TRY(open_plain(path, &s->fd, sb));
    s->size = (uint64_t)sb->st_size;
    s->n_head = (size_t)MR_MIN(s->size, (uint64_t)MR_INFILE_HEAD);
    if (!mr_infile_read(s, 0, s->head, s->n_head))
        st = MR_RAISE(MR_EINPUT, "cannot be read: %s",
                      s->failed ? strerror(s->failed) : "it became shorter");
out:
    if (st != MR_OK) mr_infile_close(s);
    return st;
}

void mr_infile_close(mr_infile *s)
{
    if (s->h5) mr_h5_close(&s->file);
    if (s->fd >= 0) close(s->fd);
    s->h5 = NULL;
    s->fd = -1;
}

bool mr_infile_read(const mr_infile *s, uint64_t at, void *to, size_t n)
{
    if (at > s->size || n > s->size - at) return false;
    for (size_t done = 0; done < n;) {
        const ssize_t k = pread(s->fd, (char *)to + done, n - done, (off_t)(at + done));
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && !*s->note) *s->note = errno;
        if (k <= 0) return false;
        done += (size_t)k;
    }
    return true;
}

bool mr_infile_begins(const mr_infile *s, const void *bytes, size_t n)
{
    return s->n_head >= n && memcmp(s->head, bytes, n) == 0;
}

mr_status mr_infile_h5(mr_infile *s)
{
    if (s->h5) return MR_OK;
    s->file = (mr_h5){
        .path = s->path, .fd = s->fd, .size = s->size, .head = s->head, .n_head = s->n_head};
    const mr_status st = mr_h5_open(&s->file);
    if (st == MR_OK) s->h5 = &s->file;
    return st;
}

int mr_infile_failed(const mr_infile *s)
{
    return s->failed ? s->failed : s->h5 ? s->h5->failed : 0;
}
