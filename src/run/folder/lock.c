/* run/folder/lock.c: taking and giving back the lock of an output folder.
 *
 * A record is written to a file of its own and comes to its name by link(2), which happens once or
 * not at all, on NFS too (where links are unknown, by a rename that replaces nothing): so a lock
 * file is always whole and has one maker. A dead record is
 * replaced by rename(2), and only by the one who holds the claim on it: a file named by the
 * record's nonce, made by the same link(2). Whoever gets the claim looks whether the dead record is
 * still there; once replaced it never comes back. A claim left by somebody who died is taken over
 * in the same way. */
#include "run/folder/lock_record.h"
#include "base/text.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_S 0.05
enum { MAX_DEPTH = 100, MAX_SWEPT = 100, PATH_BYTES = 4096 };

struct mr_lock {
    mr_lock_record mine;
    char *folder;     /* OUT */
    char *dir;        /* OUT/.millrace */
    char *path;       /* OUT/.millrace/lock */
    int fd;           /* holds flock; -1 none */
    unsigned n_files; /* of our own that were made */
    bool taken;
};

static void nap(double s)
{
    struct timespec t = {(time_t)s, (long)((s - (double)(time_t)s) * 1e9)};
    nanosleep(&t, NULL);
}

/* --- a record under a name -----------------------------------------------------------------------
 */

static mr_status write_all(int fd, const char *path, const char *text)
{
    size_t n = strlen(text), at = 0;
    while (at < n) {
        ssize_t k = write(fd, text + at, n - at);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0) return MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path, strerror(errno));
        at += (size_t)k;
    }
    if (fsync(fd) != 0) return MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path, strerror(errno));
    return MR_OK;
}

/** A new file of our own with flock on it, where that works. Who clears away may take one that
 * has no flock yet for a dead run's, and remove it by its name: so no name is ever used again. */
static mr_status open_own(mr_lock *l, char *path, int *out)
{
    for (int tries = 0;; tries++) {
        struct stat sb;
        snprintf(path, PATH_BYTES, "%s/lock-%s-%u.tmp", l->dir, l->mine.nonce, ++l->n_files);
        const int f = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (f < 0) return MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", path, strerror(errno));
        l->mine.flocked = flock(f, LOCK_EX | LOCK_NB) == 0;
        const bool swept =
            (!l->mine.flocked && errno == EWOULDBLOCK) || (fstat(f, &sb) == 0 && sb.st_nlink == 0);
        *out = f;
        if (!swept || tries == MAX_SWEPT) return MR_OK;
        close(f);
        unlink(path);
    }
}

/** Our record in a file of its own, ready to be linked or renamed. *fd stays open. */
static mr_status write_own(mr_lock *l, long long number, char *path, int *fd)
{
    mr_status st = MR_OK;
    char text[MR_LOCK_TEXT];
    int f = -1;
    MR_TRY(open_own(l, path, &f));
    l->mine.number = number;
    mr_lock_record_print(&l->mine, text);
    MR_TRY(write_all(f, path, text));
    *fd = f;
    f = -1;
out:
    if (f >= 0) {
        close(f);
        unlink(path);
    }
    return st;
}

/** Where neither hard links nor a rename that replaces nothing are known: O_EXCL, then the text.
 *  Others may read it half written and look again. */
static mr_status create_directly(mr_lock *l, const char *path, int *fd)
{
    char text[MR_LOCK_TEXT];
    int f = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f < 0 && errno == EEXIST) return MR_ECLOSED;
    if (f < 0) return MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", path, strerror(errno));
    l->mine.flocked = flock(f, LOCK_EX | LOCK_NB) == 0;
    mr_lock_record_print(&l->mine, text);
    mr_status st = write_all(f, path, text);
    if (st != MR_OK) {
        unlink(path);
        close(f);
        return st;
    }
    *fd = f;
    return MR_OK;
}

static bool is_ours(const mr_lock *l, const char *path)
{
    mr_lock_record r;
    return mr_lock_record_read(path, &r, NULL) == MR_OK && !strcmp(r.nonce, l->mine.nonce);
}

/** Does this error of link(2) or renameat2(2) say that the file system does not know the call? */
static bool is_unknown_here(int e)
{
    return e == EPERM || e == ENOSYS || e == EOPNOTSUPP || e == EMLINK || e == EINVAL;
}

/** Give `own` its name `path` if there is none yet: 0, EEXIST, or another errno. */
static int name_once(const char *own, const char *path)
{
    if (link(own, path) == 0) return 0;
    const int e = errno;
    if (!is_unknown_here(e)) return e;
    return renameat2(AT_FDCWD, own, AT_FDCWD, path, RENAME_NOREPLACE) == 0 ? 0 : errno;
}

/** Put our record under `path` if nobody has one there: MR_OK, or MR_ECLOSED when somebody has. */
static mr_status create(mr_lock *l, const char *path, long long number, int *fd)
{
    mr_status st = MR_OK;
    char own[PATH_BYTES];
    int f = -1;
    MR_TRY(write_own(l, number, own, &f));
    const int e = name_once(own, path);
    if (e == 0 || (e == EEXIST && is_ours(l, path))) { /* a repeated NFS reply */
        *fd = f;
        f = -1;
    } else if (e == EEXIST) {
        st = MR_ECLOSED;
    } else if (is_unknown_here(e)) {
        st = create_directly(l, path, fd);
    } else {
        st = MR_RAISE(MR_EOUTPUT, "cannot create %s: %s", path, strerror(e));
    }
    unlink(own);
out:
    if (f >= 0) close(f);
    return st;
}

/* --- taking over ---------------------------------------------------------------------------------
 */

static bool still_there(const char *path, const mr_lock_record *r)
{
    mr_lock_record now;
    return mr_lock_record_read(path, &now, NULL) == MR_OK && !strcmp(now.nonce, r->nonce);
}

/** Replace the dead record `old` at `path` by ours. MR_ECLOSED: somebody else was first. */
static mr_status replace_dead(mr_lock *l, const char *path, const mr_lock_record *old, int depth,
                              int *fd)
{
    mr_status st = MR_OK;
    mr_lock_record other;
    char claim[PATH_BYTES], own[PATH_BYTES];
    int claim_fd = -1, other_fd = -1, f = -1;
    bool claimed = false;
    if (depth == MAX_DEPTH) return MR_ECLOSED;
    snprintf(claim, sizeof claim, "%s/lock-claim-%s", l->dir, old->nonce);
    st = create(l, claim, old->number + 1, &claim_fd);
    if (st == MR_ECLOSED && mr_lock_record_read(claim, &other, &other_fd) == MR_OK &&
        mr_lock_record_dead(&other, &l->mine, other_fd))
        st = replace_dead(l, claim, &other, depth + 1, &claim_fd);
    if (st != MR_OK) goto out;
    claimed = true;
    if (!still_there(path, old)) {
        st = MR_ECLOSED;
        goto out;
    }
    MR_TRY(write_own(l, old->number + 1, own, &f));
    if (rename(own, path) != 0) {
        st = MR_RAISE(MR_EOUTPUT, "cannot replace %s: %s", path, strerror(errno));
        unlink(own);
        goto out;
    }
    *fd = f;
    f = -1;
out:
    if (claimed) unlink(claim);
    if (claim_fd >= 0) close(claim_fd);
    if (other_fd >= 0) close(other_fd);
    if (f >= 0) close(f);
    return st;
}

/** A record that was never finished; its writer would hold the flock on it. */
static void clear_unfinished(const char *path, const char *name)
{
    const size_t n = strlen(name);
    if (n < 5 || strcmp(name + n - 4, ".tmp") != 0) return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlink(path);
    close(fd);
}

/** What dead contenders left behind. Claims on our own record are left: they stop nobody. */
static void clear_away(const mr_lock *l)
{
    char path[PATH_BYTES];
    mr_lock_record r;
    DIR *d = opendir(l->dir);
    if (!d) return;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        int fd = -1;
        if (strncmp(e->d_name, "lock-", 5) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", l->dir, e->d_name);
        if (mr_lock_record_read(path, &r, &fd) != MR_OK) {
            clear_unfinished(path, e->d_name);
            continue;
        }
        if (mr_lock_record_dead(&r, &l->mine, fd)) unlink(path);
        close(fd);
    }
    closedir(d);
}

/* --- the calls -----------------------------------------------------------------------------------
 */

/** A path for a shell, in quotes. */
static void quote(const char *path, char *out, size_t cap)
{
    size_t n = 0;
    for (const char *p = path; *p && n + 6 < cap; p++) {
        if (*p == '\'')
            n += (size_t)snprintf(out + n, cap - n, "'\\''");
        else
            out[n++] = *p;
    }
    out[n] = '\0';
}

static mr_status refuse(const mr_lock *l, const mr_lock_record *r, bool known)
{
    char path[PATH_BYTES], job[160] = "";
    quote(l->path, path, sizeof path);
    if (!known)
        return MR_RAISE(MR_ELOCK,
                        "output folder %s has a lock that cannot be read; if no run uses "
                        "the folder, remove it: rm -f '%s'",
                        l->folder, path);
    if (*r->job)
        snprintf(job, sizeof job, " (Slurm job %s%s%s)", r->job, *r->cluster ? " on " : "",
                 r->cluster);
    return MR_RAISE(MR_ELOCK,
                    "output folder %s is held by another run: process %lld on host %s%s; "
                    "if you know that it is gone, remove its lock: rm -f '%s'",
                    l->folder, r->pid, r->host, job, path);
}

/** One try: MR_OK; MR_ECLOSED: held, *known tells whether by *holder. */
static mr_status try_once(mr_lock *l, mr_lock_record *holder, bool *known)
{
    int fd = -1;
    mr_status st = create(l, l->path, 1, &l->fd);
    *known = false;
    if (st != MR_ECLOSED) return st;
    st = mr_lock_record_read(l->path, holder, &fd);
    *known = st == MR_OK;
    if (st == MR_EINPUT) return MR_ECLOSED;
    if (st != MR_OK) return st; /* MR_ECLOSED: given back meanwhile */
    st = MR_ECLOSED;
    if (mr_lock_record_dead(holder, &l->mine, fd)) {
        st = replace_dead(l, l->path, holder, 0, &l->fd);
        if (st == MR_OK)
            mr_log(MR_INFO, "taken over the output folder from process %lld on %s, which is gone",
                   holder->pid, holder->host);
    }
    close(fd);
    return st;
}

static mr_status lock_new(const char *folder, mr_lock **out)
{
    mr_status st = MR_OK;
    mr_lock *l = NULL;
    char dir[PATH_BYTES], path[PATH_BYTES + 8];
    if (strlen(folder) > PATH_BYTES - 64) /* room for the names inside */
        return MR_RAISE(MR_EOUTPUT, "the output folder's name is too long");
    snprintf(dir, sizeof dir, "%s/.millrace", folder);
    snprintf(path, sizeof path, "%s/lock", dir);
    MR_TRY(mr_alloc(1, sizeof *l, "the folder's lock", &l));
    l->fd = -1;
    MR_TRY(mr_strdup(folder, &l->folder));
    MR_TRY(mr_strdup(dir, &l->dir));
    MR_TRY(mr_strdup(path, &l->path));
    *out = l;
    l = NULL;
out:
    mr_lock_release(l);
    return st;
}

mr_status mr_lock_take_within(const char *folder, double wait_s, char attempt[MR_ATTEMPT_BYTES],
                              mr_lock **out)
{
    mr_status st = MR_OK;
    mr_lock *l = NULL;
    mr_lock_record holder = {0};
    bool known = false, said = false;
    double until = mr_now() + wait_s;
    MR_TRY(lock_new(folder, &l));
    MR_TRY(mr_mkdirs(l->dir));
    MR_TRY(mr_lock_record_mine(&l->mine));
    while ((st = try_once(l, &holder, &known)) == MR_ECLOSED) {
        if (mr_now() >= until) {
            st = refuse(l, &holder, known);
            goto out;
        }
        if (!said && known)
            mr_log(MR_INFO, "waiting for process %lld on %s, which holds %s", holder.pid,
                   holder.host, folder);
        said = said || known;
        nap(POLL_S);
    }
    if (st != MR_OK) goto out;
    l->taken = true;
    clear_away(l);
    snprintf(attempt, MR_ATTEMPT_BYTES, "%lld-%s", l->mine.number, l->mine.nonce);
    *out = l;
    l = NULL;
out:
    mr_lock_release(l);
    return st;
}

mr_status mr_lock_take(const char *folder, char attempt[MR_ATTEMPT_BYTES], mr_lock **out)
{
    return mr_lock_take_within(folder, MR_LOCK_WAIT_S, attempt, out);
}

mr_status mr_lock_watch(const char *folder, const char *attempt, mr_lock **out)
{
    const char *nonce = strchr(attempt, '-');
    MR_ASSERT(nonce && strlen(nonce + 1) == 16);
    mr_status st = lock_new(folder, out);
    if (st == MR_OK) snprintf((*out)->mine.nonce, sizeof(*out)->mine.nonce, "%s", nonce + 1);
    return st;
}

bool mr_lock_taken(const char *folder, char *who, size_t size)
{
    mr_lock *l = NULL;
    mr_lock_record r;
    int fd = -1;
    bool taken = false;
    if (lock_new(folder, &l) == MR_OK && mr_lock_record_mine(&l->mine) == MR_OK &&
        mr_lock_record_read(l->path, &r, &fd) == MR_OK) {
        taken = !mr_lock_record_dead(&r, &l->mine, fd);
        snprintf(who, size, "process %lld on %s", r.pid, r.host);
        close(fd);
    }
    mr_error_clear();
    mr_lock_release(l);
    return taken;
}

mr_status mr_lock_check(const mr_lock *l)
{
    mr_lock_record r;
    mr_status st;
    do st = mr_lock_record_read(l->path, &r, NULL);
    while (st == MR_EINPUT && still_there(l->path, &l->mine)); /* replaced while being read */
    if (st == MR_EOUTPUT) return st;
    if (st == MR_ECLOSED)
        return MR_RAISE(MR_ELOCK, "the lock of output folder %s was removed while this run used it",
                        l->folder);
    if (st == MR_EINPUT || strcmp(r.nonce, l->mine.nonce) != 0)
        return MR_RAISE(MR_ELOCK, "another run has taken output folder %s over from this one",
                        l->folder);
    return MR_OK;
}

void mr_lock_release(mr_lock *l)
{
    if (!l) return;
    if (l->taken && is_ours(l, l->path)) unlink(l->path);
    if (l->fd >= 0) close(l->fd);
    free(l->folder);
    free(l->dir);
    free(l->path);
    free(l);
}
