/* out/publish.c: a complete .part gets its final name, and only a complete one: never over a file
 * that somebody may still want. */
#include "out/out.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** 0, EEXIST, or another errno: part -> path unless path exists. */
static int rename_new(const char *part, const char *path)
{
    struct stat sb;
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0) return 0;
    if (errno == EEXIST) return EEXIST;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP) return errno;
    if (link(part, path) == 0) {
        unlink(part); /* a second name of the same file is only untidy; a rerun removes it */
        return 0;
    }
    if (errno == EEXIST) return EEXIST;
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP && errno != EMLINK) return errno;
    /* neither call is known here: the lock of the run keeps others away between these two */
    if (lstat(path, &sb) == 0) return EEXIST;
    return rename(part, path) == 0 ? 0 : errno;
}

static bool is_link(const char *path, size_t n)
{
    struct stat sb;
    mr_text t = {0};
    const bool yes = mr_text_add(&t, "%.*s", (int)n, path) == MR_OK && lstat(t.s, &sb) == 0 &&
                     S_ISLNK(sb.st_mode);
    mr_text_fini(&t);
    return yes;
}

bool mr_lane_foreign(const char *path)
{
    static const char signature[] = "\x89HDF\r\n\x1a\n";
    char head[8] = "";
    const char *slash = strrchr(path, '/');
    const size_t day = slash ? (size_t)(slash - path) : 0;
    size_t lanes = day, same = 0;
    while (lanes > 0 && path[lanes - 1] != '/') lanes--;
    if (!is_link(path, day) && !(lanes > 1 && is_link(path, lanes - 1))) return false;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    if (fd >= 0) close(fd);
    for (size_t i = 0; i < sizeof head; i++) same += head[i] == signature[i];
    return n > 0 && same < 6; /* a damaged bit makes nobody else's file of it */
}

/** What is to be done with the file that already has the final name: adopt, replace, or refuse. */
static mr_status judge(const char *path, const mr_trailer *mine, bool *adopt)
{
    mr_trailer old;
    struct stat sb;
    if (lstat(path, &sb) == 0 && !S_ISREG(sb.st_mode))
        return MR_RAISE(MR_EOUTPUT, "%s exists and is not a regular file", path);
    mr_status st = mr_trailer_read(path, true, &old);
    if (st == MR_EVERIFY && mr_lane_foreign(path))
        return MR_RAISE(MR_EOUTPUT,
                        "%s is no lane, and its folder is linked from elsewhere; it is "
                        "left alone: remove it, or the link",
                        path);
    if (st == MR_EVERIFY) {
        mr_log(MR_WARN, "replacing %s", mr_error());
        mr_error_clear();
        *adopt = false;
        return MR_OK;
    }
    if (st != MR_OK) return st;
    if (!mr_digest_same(&old.plan, &mine->plan))
        return MR_RAISE(MR_EOUTPUT, "%s is the output of another chain or config; not overwritten",
                        path);
    if (mr_digest_same(&old.lane, &mine->lane)) {
        if (!mr_digest_same(&old.content, &mine->content))
            return MR_RAISE(MR_EOUTPUT,
                            "%s is there with the same identity but other bytes (%s, ours "
                            "%s): written by another build? not overwritten",
                            path, old.content.hex, mine->content.hex);
        *adopt = true;
        return MR_OK;
    }
    mr_log(MR_INFO, "replacing %s: its inputs have changed", path);
    *adopt = false;
    return MR_OK;
}

mr_status mr_lane_aside(const char *folder, const char *rel,
                        bool (*taken)(void *arg, const char *rel), void *arg, char **now)
{
    mr_status st = MR_OK;
    char *from = NULL, *to = NULL;
    mr_text name = {0};
    int e = EEXIST;
    MR_TRY(mr_out_join(folder, rel, &from));
    for (unsigned k = 2; e == EEXIST; k++) {
        name.len = 0;
        MR_TRY(mr_text_add(&name, "%.*s_%u.h5", (int)mr_lane_stem(rel), rel, k));
        if (taken(arg, name.s)) continue;
        free(to);
        to = NULL;
        MR_TRY(mr_out_join(folder, name.s, &to));
        e = rename_new(from, to);
    }
    if (e != 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot move %s out of the way: %s", from, strerror(e));
        goto out;
    }
    MR_TRY(mr_out_sync_folder_of(to));
    *now = name.s;
    name = (mr_text){0};
out:
    free(from);
    free(to);
    mr_text_fini(&name);
    return st;
}

size_t mr_lane_stem(const char *rel)
{
    const char *base = strrchr(rel, '/'), *under = strchr(base ? base : rel, '_');
    const char *second = under ? strchr(under + 1, '_') : NULL;
    const char *dot = strrchr(rel, '.');
    return second ? (size_t)(second - rel) : dot ? (size_t)(dot - rel) : strlen(rel);
}

mr_status mr_publish(const char *part, const char *final_path, const mr_trailer *mine,
                     bool *adopted)
{
    mr_status st = MR_OK;
    bool adopt = false;
    int e = rename_new(part, final_path);
    if (e == EEXIST) {
        MR_TRY(judge(final_path, mine, &adopt));
        if (adopt)
            e = unlink(part) == 0 ? 0 : errno;
        else
            e = rename(part, final_path) == 0 ? 0 : errno;
    }
    if (e != 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot give %s its final name %s: %s", part, final_path,
                      strerror(e));
        goto out;
    }
    MR_TRY(mr_out_sync_folder_of(final_path));
    *adopted = adopt;
out:
    return st;
}
