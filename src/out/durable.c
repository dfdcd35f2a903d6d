/* out/durable.c: writing that is either whole and on disk or not there: checked calls, small files
 * replaced in one step, sealing a file that libhdf5 made. A failed fsync is never tried again. */
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

mr_status mr_out_sync_close(int *fd, const char *path)
{
    mr_status st = MR_OK;
    if (fsync(*fd) != 0)
        st = MR_RAISE(MR_EOUTPUT, "cannot bring %s to disk: %s", path, strerror(errno));
    if (close(*fd) != 0 && errno != EINTR && st == MR_OK)
        st = MR_RAISE(MR_EOUTPUT, "cannot close %s: %s", path, strerror(errno));
    *fd = -1;
    return st;
}

mr_status mr_out_folder_of(const char *path, char **out)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return mr_strdup(".", out);
    if (slash == path) return mr_strdup("/", out);
    char *s = NULL;
    mr_status st = mr_strdup(path, &s);
    if (st != MR_OK) return st;
    s[slash - path] = '\0';
    *out = s;
    return MR_OK;
}

mr_status mr_out_join(const char *a, const char *b, char **out)
{
    size_t n = strlen(a) + strlen(b) + 2;
    char *s = NULL;
    mr_status st = mr_alloc(n, 1, "a path", &s);
    if (st != MR_OK) return st;
    snprintf(s, n, "%s/%s", a, b);
    *out = s;
    return MR_OK;
}

mr_status mr_out_sync_folder_of(const char *path)
{
    mr_status st = MR_OK;
    char *dir = NULL;
    MR_TRY(mr_out_folder_of(path, &dir));
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot open folder %s: %s", dir, strerror(errno));
        goto out;
    }
    /* some file systems know no fsync of a folder and say EINVAL: there is nothing to sync there */
    if (fsync(fd) != 0 && errno != EINVAL)
        st = MR_RAISE(MR_EOUTPUT, "cannot bring folder %s to disk: %s", dir, strerror(errno));
    close(fd);
out:
    free(dir);
    return st;
}

mr_status mr_out_replace(const char *part, const char *path)
{
    if (rename(part, path) != 0)
        return MR_RAISE(MR_EOUTPUT, "cannot rename %s to %s: %s", part, path, strerror(errno));
    return mr_out_sync_folder_of(path);
}

mr_status mr_write_durably(const char *path, const void *data, size_t n)
{
    mr_status st = MR_OK;
    int fd = -1;
    bool made = false;
    mr_text part = {0};
    MR_TRY(mr_text_add(&part, "%s.part", path));
    if (unlink(part.s) != 0 && errno != ENOENT) {
        st = MR_RAISE(MR_EOUTPUT, "cannot remove %s: %s", part.s, strerror(errno));
        goto out;
    }
    fd = open(part.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", part.s, strerror(errno));
        goto out;
    }
    made = true;
    MR_TRY(mr_out_pwrite(fd, data, n, 0, part.s));
    MR_TRY(mr_out_sync_close(&fd, part.s));
    MR_TRY(mr_out_replace(part.s, path));
    made = false;
out:
    if (fd >= 0) close(fd);
    if (made) unlink(part.s); /* after a rename that went through there is nothing left to unlink */
    mr_text_fini(&part);
    return st;
}

mr_status mr_seal(const char *part, const char *final_path, const mr_digest *plan,
                  const mr_digest *id)
{
    mr_status st = MR_OK;
    mr_sum *sum = NULL;
    struct stat sb;
    mr_digest content;
    int fd = open(part, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &sb) != 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot open %s: %s", part, strerror(errno));
        goto out;
    }
    uint64_t length = (uint64_t)sb.st_size;
    MR_TRY(mr_sum_new(&sum));
    MR_TRY(mr_sum_add_file(sum, fd, 0, length, part));
    MR_TRY(mr_trailer_append(fd, length, plan, id, sum, &content, part));
    MR_TRY(mr_out_sync_close(&fd, part));
    MR_TRY(mr_out_replace(part, final_path));
out:
    if (fd >= 0) close(fd);
    if (st != MR_OK) unlink(part);
    mr_sum_free(sum);
    return st;
}
