/* in/zygote.c: the process that forks workers: forked first thing in main, so that it has no MPI
 * and no threads, and its children neither. HDF5 it only initialises, for all of them; no file is
 * ever open in it.
 *
 * A request is one datagram with one descriptor: FORK brings the worker's end of a socket pair, END
 * the end to answer on. Datagrams are atomic, so any thread may ask without a lock. The descriptor
 * of the zygote is the one variable of this room that outlives a call: there is one zygote a
 * process. */
#include "in/zygote.h"
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int zygote_fd = -1;
static pid_t zygote_pid = -1;

typedef struct ask {
    uint32_t op; /* 1 fork, 2 end */
    int32_t pid;
} ask;
typedef struct answer {
    int32_t pid, status;
} answer;

/* --- in the zygote and its workers --------------------------------------------------------------
 */

/** Close all descriptors from 3 up except one. */
static void close_others(int keep)
{
#ifdef SYS_close_range
    bool below = keep == 3 || syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u) == 0;
    if (below && syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u) == 0) return;
#endif
    struct rlimit rl;
    int max = getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 65536 ? (int)rl.rlim_cur : 65536;
    for (int fd = 3; fd < max; fd++)
        if (fd != keep) close(fd);
}

static void null_streams(void)
{
    int fd = open("/dev/null", O_RDWR);
    if (fd < 0) return;
    for (int i = 0; i < 3; i++)
        if (fd != i) dup2(fd, i);
    if (fd > 2) close(fd);
}

static void default_signals(void)
{
    sigset_t none;
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP) signal(s, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    /* what a launcher or a terminal sends to all is for the parent to decide on */
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) signal(ours[i], SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static uint64_t address_space(void)
{
    char s[64] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, s, sizeof s - 1);
        if (n < 0) s[0] = 0;
        close(fd);
    }
    return strtoull(s, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void limit(int what, uint64_t soft, uint64_t hard)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)what, &now)) return;
    if (now.rlim_max != RLIM_INFINITY) hard = MR_MIN(hard, (uint64_t)now.rlim_max);
    struct rlimit rl = {.rlim_cur = MR_MIN(soft, hard), .rlim_max = hard};
    setrlimit((__rlimit_resource_t)what, &rl);
}

static _Noreturn void worker_main(int fd, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(0);
    close_others(fd);
    prctl(PR_SET_DUMPABLE, 0);
    prctl(PR_SET_NAME, "millrace-worker");
    uint64_t as = address_space() + MR_WORKER_AS_BYTES;
    limit(RLIMIT_AS, as, as);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, 0, 0);
    mallopt(M_MMAP_THRESHOLD, MR_WORKER_KEEPS);
    mallopt(M_TRIM_THRESHOLD, MR_WORKER_KEEPS);
    mr_worker_serve(fd);
    _exit(0);
}

/** How the child ended; kills it if it still runs. Only our own children are touched. */
static int end_child(pid_t pid)
{
    int status = -1;
    pid_t r = waitpid(pid, &status, WNOHANG);
    if (r == 0) {
        kill(pid, SIGKILL);
        do r = waitpid(pid, &status, 0);
        while (r < 0 && errno == EINTR);
    }
    return r == pid ? status : -1;
}

static void serve_ask(const ask *a, int fd, pid_t self)
{
    answer ans = {.pid = a->pid, .status = -1};
    if (a->op == 1) {
        pid_t pid = fork();
        if (pid == 0) worker_main(fd, self);
        ans.pid = pid;
    } else if (a->pid > 0) {
        ans.status = end_child(a->pid);
    }
    mr_write_full(fd, &ans, sizeof ans);
}

/** One datagram and its descriptor; false when the parent is gone. */
static bool receive(int from, ask *a, int *fd)
{
    _Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec io = {a, sizeof *a};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
    ssize_t n;
    do n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    *fd = -1;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (n > 0 && c && c->cmsg_type == SCM_RIGHTS) memcpy(fd, CMSG_DATA(c), sizeof *fd);
    return n == (ssize_t)sizeof *a;
}

static _Noreturn void zygote_main(int fd)
{
    ask a = {0};
    int got;
    pid_t self = getpid();
    if (fd < 3) fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    default_signals();
    close_others(fd);
    null_streams();
    prctl(PR_SET_NAME, "millrace-zygote");
    H5open(); /* while the parent starts; what is forked has it */
    while (receive(fd, &a, &got)) {
        if (got >= 0) {
            serve_ask(&a, got, self);
            close(got);
        }
    }
    _exit(0); /* workers get SIGKILL with it */
}

/* --- in the parent ------------------------------------------------------------------------------
 */

mr_status mr_zygote_start(void)
{
    int pair[2];
    if (zygote_fd >= 0) return MR_OK;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
        return MR_RAISE(MR_EMEM, "no socket for the worker process: %s", strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        close(pair[0]);
        zygote_main(pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return MR_RAISE(MR_EMEM, "cannot fork the worker process: %s", strerror(errno));
    }
    zygote_fd = pair[0];
    zygote_pid = pid;
    return MR_OK;
}

void mr_zygote_stop(void)
{
    if (zygote_fd < 0) return;
    close(zygote_fd);
    zygote_fd = -1;
    while (waitpid(zygote_pid, NULL, 0) < 0 && errno == EINTR) {
    }
    zygote_pid = -1;
}

/** Send a request with `theirs` attached; the caller reads the answer from the other end. */
static bool send_ask(const ask *a, int theirs)
{
    _Alignas(struct cmsghdr) char ctl[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec io = {(void *)(uintptr_t)a, sizeof *a};
    struct msghdr m = {
        .msg_iov = &io, .msg_iovlen = 1, .msg_control = ctl, .msg_controllen = sizeof ctl};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(c), &theirs, sizeof theirs);
    ssize_t n;
    do n = sendmsg(zygote_fd, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *a;
}

/** Ask and give back our end of the socket and the answer. */
static bool converse(const ask *a, int *mine, answer *ans)
{
    int pair[2];
    if (zygote_fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) return false;
    bool ok = send_ask(a, pair[1]);
    close(pair[1]);
    ok = ok && mr_read_full(pair[0], ans, sizeof *ans);
    if (ok && mine)
        *mine = pair[0];
    else
        close(pair[0]);
    return ok;
}

mr_status mr_worker_start(int *fd, pid_t *pid)
{
    ask a = {.op = 1};
    answer ans = {-1, -1};
    int mine = -1;
    if (zygote_fd < 0) return MR_RAISE(MR_EBUG, "no worker process: none was started");
    if (!converse(&a, &mine, &ans))
        return MR_RAISE(
            MR_STOPPED,
            "the process that looks at files was ended from outside (is memory short?); "
            "run again to go on");
    if (ans.pid <= 0) {
        close(mine);
        return MR_RAISE(MR_EMEM, "cannot fork a worker");
    }
    *fd = mine;
    *pid = ans.pid;
    return MR_OK;
}

int mr_worker_end(pid_t pid)
{
    ask a = {.op = 2, .pid = pid};
    answer ans = {-1, -1};
    return pid > 0 && converse(&a, NULL, &ans) ? ans.status : -1;
}
