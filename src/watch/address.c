/* watch/address.c: see address.h. A Unix socket's name may have 107 bytes: longer ones are reached
 * through their folder's descriptor. */
#include "watch/address.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/** Where a socket is to be. folder: a descriptor that the name needs while it is used, or -1. */
typedef struct target {
    struct sockaddr_storage sa;
    socklen_t n;
    int folder;
} target;

static const char *unix_path(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

static mr_status find_unix(const char *path, target *t)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&t->sa;
    const char *slash = strrchr(path, '/');
    char folder[4096];
    int n = 0;
    un->sun_family = AF_UNIX;
    t->n = sizeof *un;
    if (strlen(path) < sizeof un->sun_path) {
        memcpy(un->sun_path, path, strlen(path) + 1);
        return MR_OK;
    }
    if (slash && (size_t)(slash - path) < sizeof folder) {
        memcpy(folder, path, (size_t)(slash - path) + 1);
        folder[slash - path + 1] = '\0';
        t->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (t->folder < 0) return mr_address_error(path, errno);
        n = snprintf(un->sun_path, sizeof un->sun_path, "/proc/self/fd/%d/%s", t->folder,
                     slash + 1);
    }
    if (n > 0 && (size_t)n < sizeof un->sun_path) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "%s: the name is too long for a socket", path);
}

static mr_status find_tcp(const char *address, bool listens, target *t)
{
    char host[256];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = listens ? AI_PASSIVE : 0};
    struct addrinfo *found = NULL;
    const char *colon = strrchr(address, ':');
    size_t n = colon && colon > address + 3 ? (size_t)(colon - address - 4) : sizeof host;
    if (strncmp(address, "tcp:", 4) != 0 || n >= sizeof host)
        return MR_RAISE(MR_ECONFIG, "%.200s is no address; write tcp:HOST:PORT or unix:PATH",
                        address);
    const char *from = address + 4;
    if (n >= 2 && from[0] == '[' && from[n - 1] == ']') {
        from++;
        n -= 2;
    }
    memcpy(host, from, n);
    host[n] = '\0';
    const int bad = getaddrinfo(n ? host : NULL, colon + 1, &hints, &found);
    if (bad) return MR_RAISE(MR_EOUTPUT, "%.200s: %s", address, gai_strerror(bad));
    memcpy(&t->sa, found->ai_addr, found->ai_addrlen);
    t->n = found->ai_addrlen;
    freeaddrinfo(found);
    return MR_OK;
}

static mr_status find(const char *address, bool listens, target *t)
{
    memset(t, 0, sizeof *t);
    t->folder = -1;
    return unix_path(address) ? find_unix(unix_path(address), t) : find_tcp(address, listens, t);
}

static int new_socket(const target *t)
{
    const int fd = socket(t->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    if (fd >= 0 && t->sa.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

mr_status mr_address_error(const char *address, int error)
{
    const mr_status st = error == ECONNREFUSED || error == ENOENT || error == ECONNRESET ||
                                 error == EPIPE || error == EHOSTUNREACH || error == ENETUNREACH
                             ? MR_ECLOSED
                         : error == EACCES || error == EPERM ? MR_EDENIED
                         : error == ETIMEDOUT                ? MR_ETIMEOUT
                                                             : MR_EOUTPUT;
    return MR_RAISE(st, "%.300s: %s", address, strerror(error));
}

/** A socket that a dead run left may go, nothing else. */
static mr_status clear_the_way(const char *path)
{
    struct stat sb;
    if (lstat(path, &sb) != 0) return MR_OK;
    if (!S_ISSOCK(sb.st_mode))
        return MR_RAISE(MR_EOUTPUT, "%.300s is in the way of a socket: remove it", path);
    unlink(path);
    return MR_OK;
}

/** The port that the system chose, and the host that was asked for. */
static void name_tcp(const char *address, int fd, char at[MR_ADDRESS_BYTES])
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    char port[16] = "0";
    const char *colon = strrchr(address, ':');
    if (getsockname(fd, (struct sockaddr *)&sa, &n) == 0)
        getnameinfo((struct sockaddr *)&sa, n, NULL, 0, port, sizeof port, NI_NUMERICSERV);
    snprintf(at, MR_ADDRESS_BYTES, "%.*s:%s", (int)(colon - address), address, port);
}

mr_status mr_address_listen(const char *address, int *out, char at[MR_ADDRESS_BYTES])
{
    mr_status st = MR_OK;
    target t;
    int fd = -1;
    const int yes = 1;
    const char *path = unix_path(address);
    if (strlen(address) >= MR_ADDRESS_BYTES && !path)
        return MR_RAISE(MR_ECONFIG, "%.100s...: is no address", address);
    MR_TRY(find(address, true, &t));
    if (path) MR_TRY(clear_the_way(path));
    fd = new_socket(&t);
    if (fd >= 0 && !path) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&t.sa, t.n) != 0) {
        const int why = errno;
        st = MR_RAISE(MR_EOUTPUT, "%.300s: cannot listen there: %s", address, strerror(why));
        goto out;
    }
    if (path) chmod(path, 0600);
    if (listen(fd, 64) != 0) {
        const int why = errno;
        st = MR_RAISE(MR_EOUTPUT, "%.300s: cannot listen there: %s", address, strerror(why));
        goto out;
    }
    if (path)
        snprintf(at, MR_ADDRESS_BYTES, "%.*s", MR_ADDRESS_BYTES - 1, address);
    else
        name_tcp(address, fd, at);
    *out = fd;
    fd = -1;
out:
    if (fd >= 0) close(fd);
    if (t.folder >= 0) close(t.folder);
    return st;
}

mr_status mr_address_connect(const char *address, int *out)
{
    mr_status st = MR_OK;
    target t;
    int fd = -1;
    MR_TRY(find(address, false, &t));
    fd = new_socket(&t);
    if (fd < 0 || (connect(fd, (struct sockaddr *)&t.sa, t.n) != 0 && errno != EINPROGRESS)) {
        /* a Unix socket whose queue of callers is full says EAGAIN */
        st = errno == EAGAIN ? MR_ETIMEOUT : mr_address_error(address, errno);
        goto out;
    }
    *out = fd;
    fd = -1;
out:
    if (fd >= 0) close(fd);
    if (t.folder >= 0) close(t.folder);
    return st;
}
