/* run/folder/lock_record.c: who holds a lock file, and the proof that it is gone. Age is no proof:
 * a run may be suspended, and clocks differ. */
#include "run/folder/lock_record.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/types.h>
#include <unistd.h>

#define HEAD "millrace lock 1\n"
#define TAIL "end\n"

/** First line of a small file or the target of a link of /proc; "" when there is none. */
static void read_line(const char *path, bool is_link, char *out, size_t cap)
{
    ssize_t n = -1;
    if (is_link) {
        n = readlink(path, out, cap - 1);
    } else {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) n = read(fd, out, cap - 1);
        if (fd >= 0) close(fd);
    }
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/** State letter and start time of a process; false when they cannot be read. */
static bool read_stat(long long pid, char *state, long long *start)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", pid);
    read_line(path, false, line, sizeof line);
    char *p = strrchr(line, ')'); /* the name before it may hold anything */
    if (!p || sscanf(p + 1, " %c", state) != 1) return false;
    for (int field = 2; field < 22; field++) { /* p is at the end of field 2 */
        p = strchr(p + 1, ' ');
        if (!p) return false;
    }
    return sscanf(p, " %lld", start) == 1;
}

/** A variable's value without anything that would break a line. */
static void copy_word(char *out, size_t cap, const char *s)
{
    size_t n = 0;
    for (; s && *s && n + 1 < cap; s++)
        if ((unsigned char)*s > ' ' && (unsigned char)*s < 127) out[n++] = *s;
    out[n] = '\0';
}

mr_status mr_lock_record_mine(mr_lock_record *r)
{
    char host[128] = "", state;
    uint64_t nonce;
    memset(r, 0, sizeof *r);
    gethostname(host, sizeof host - 1);
    copy_word(r->host, sizeof r->host, host);
    read_line("/proc/sys/kernel/random/boot_id", false, r->boot, sizeof r->boot);
    read_line("/proc/self/ns/pid", true, r->pidns, sizeof r->pidns);
    r->pid = getpid();
    if (!read_stat(r->pid, &state, &r->start)) r->start = 0;
    copy_word(r->cluster, sizeof r->cluster, getenv("SLURM_CLUSTER_NAME"));
    copy_word(r->job, sizeof r->job, getenv("SLURM_JOB_ID"));
    const char *restart = getenv("SLURM_RESTART_COUNT");
    r->restart = restart ? atoll(restart) : 0;
    if (getrandom(&nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return MR_RAISE(MR_EOUTPUT, "no random number for the lock: %s", strerror(errno));
    snprintf(r->nonce, sizeof r->nonce, "%016" PRIx64, nonce);
    return MR_OK;
}

void mr_lock_record_print(const mr_lock_record *r, char *text)
{
    snprintf(text, MR_LOCK_TEXT,
             HEAD "host %s\nboot %s\npidns %s\npid %lld\nstart %lld\ncluster %s\njob %s\n"
                  "restart %lld\nflocked %d\nnumber %lld\nnonce %s\n" TAIL,
             r->host, r->boot, r->pidns, r->pid, r->start, r->cluster, r->job, r->restart,
             r->flocked, r->number, r->nonce);
}

/** The rest of the line that begins with "key ". Copied whole or not at all. */
static bool take_word(const char *text, const char *key, char *out, size_t cap)
{
    char head[32];
    int n = snprintf(head, sizeof head, "\n%s ", key);
    const char *p = strstr(text, head);
    if (!p) return false;
    p += n;
    size_t len = strcspn(p, "\n");
    if (len >= cap) return false;
    memcpy(out, p, len);
    out[len] = '\0';
    return true;
}

static bool take_number(const char *text, const char *key, long long *out)
{
    char word[32], *end;
    if (!take_word(text, key, word, sizeof word) || !*word) return false;
    const int before = errno;
    errno = 0;
    *out = strtoll(word, &end, 10);
    const bool ok = errno == 0 && *end == '\0';
    errno = before; /* callers look at that of their own call */
    return ok;
}

bool mr_lock_record_parse(const char *text, mr_lock_record *r)
{
    mr_lock_record v = {0};
    long long flocked = 0;
    size_t n = strlen(text), tail = strlen(TAIL);
    if (n < tail || strncmp(text, HEAD, strlen(HEAD)) || strcmp(text + n - tail, TAIL))
        return false;
    bool ok = take_word(text, "host", v.host, sizeof v.host) &&
              take_word(text, "boot", v.boot, sizeof v.boot) &&
              take_word(text, "pidns", v.pidns, sizeof v.pidns) &&
              take_word(text, "cluster", v.cluster, sizeof v.cluster) &&
              take_word(text, "job", v.job, sizeof v.job) &&
              take_word(text, "nonce", v.nonce, sizeof v.nonce) &&
              take_number(text, "pid", &v.pid) && take_number(text, "start", &v.start) &&
              take_number(text, "restart", &v.restart) && take_number(text, "number", &v.number) &&
              take_number(text, "flocked", &flocked);
    /* the nonce becomes part of a file name */
    if (!ok || v.pid <= 0 || strspn(v.nonce, "0123456789abcdef") != 16) return false;
    v.flocked = flocked != 0;
    *r = v;
    return true;
}

mr_status mr_lock_record_read(const char *path, mr_lock_record *r, int *fd)
{
    char text[MR_LOCK_TEXT];
    int f;
    do f = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    while (f < 0 && errno == EINTR);
    if (f < 0 && errno == ENOENT) return MR_ECLOSED;
    if (f < 0 && errno == ESTALE) return MR_EINPUT; /* replaced meanwhile, on NFS: look again */
    if (f < 0) return MR_RAISE(MR_EOUTPUT, "cannot open lock %s: %s", path, strerror(errno));
    ssize_t n;
    do n = read(f, text, sizeof text - 1);
    while (n < 0 && errno == EINTR);
    int err = errno;
    if (n < 0 || !fd) close(f);
    if (n < 0 && err == ESTALE) return MR_EINPUT;
    if (n < 0) return MR_RAISE(MR_EOUTPUT, "cannot read lock %s: %s", path, strerror(err));
    text[n] = '\0';
    bool whole = mr_lock_record_parse(text, r);
    if (fd && !whole) close(f);
    if (fd && whole) *fd = f;
    return whole ? MR_OK : MR_EINPUT;
}

/** Names that many machines carry prove nothing. */
static bool names_a_machine(const char *host)
{
    return *host && strncmp(host, "localhost", 9) != 0 && strcmp(host, "(none)") != 0;
}

static bool process_gone(const mr_lock_record *r)
{
    char state = '?';
    long long start = 0;
    if (kill((pid_t)r->pid, 0) != 0 && errno == ESRCH) return true;
    if (!read_stat(r->pid, &state, &start)) return false; /* hidden, or just gone: look again */
    if (state == 'Z' || state == 'X') return true; /* dead, nobody has asked for its status */
    return r->start > 0 && start != r->start;
}

bool mr_lock_record_dead(const mr_lock_record *r, const mr_lock_record *mine, int fd)
{
    bool job = *r->job && !strcmp(r->job, mine->job) && !strcmp(r->cluster, mine->cluster);
    if (job && r->restart < mine->restart) return true; /* Slurm ends a job before it restarts it */
    if (!*r->boot || !*mine->boot) return false;
    if (strcmp(r->boot, mine->boot) != 0)
        return names_a_machine(r->host) && !strcmp(r->host, mine->host);
    if (*r->pidns && !strcmp(r->pidns, mine->pidns)) return process_gone(r);
    /* another container on the same kernel: the kernel has dropped a dead process's flock */
    return r->flocked && flock(fd, LOCK_EX | LOCK_NB) == 0;
}
