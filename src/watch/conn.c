/* watch/conn.c: see conn.h: sockets that do not block, waited for by poll and epoll. A listener
 * keeps those that have not proved the key yet: a bounded number, each for some seconds. */
#if MR_SODIUM
#include "watch/address.h"
#include "watch/wire.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/** A stranger has so long to prove the key. */
#define PROOF_S 5.0
enum { STRANGERS = 64, READY = 16, AT_ONCE = 64 };

struct mr_conn {
    int fd;
    mr_wire *wire;
    double until; /* of a stranger */
    char in[4096];
    size_t in_a, in_b; /* bytes that were received and not looked at */
};

struct mr_listener {
    int fd, epoll;
    mr_key key;
    char address[MR_ADDRESS_BYTES];
    char *path;
    dev_t dev;
    ino_t ino;
    mr_heard heard;
    mr_conn *stranger[STRANGERS]; /* the oldest first */
    size_t n_strangers;
    mr_conn *ready[READY];
    size_t n_ready;
    size_t refused;
    char why[160];
};

bool mr_conn_built(void)
{
    return true;
}

static int left_ms(double until)
{
    const double left = until - mr_now();
    return until < 0 ? -1 : left <= 0 ? 0 : (int)MR_MIN(left * 1e3 + 1, 1e6);
}

static double until_of(double timeout_s)
{
    return timeout_s < 0 ? -1 : mr_now() + timeout_s;
}

/* --- one connection -------------------------------------------------------------------------- */

static mr_status conn_new(int fd, const mr_key *key, mr_heard *heard, mr_conn **out)
{
    mr_status st = MR_OK;
    mr_conn *c = NULL;
    MR_TRY(mr_alloc(1, sizeof *c, "a connection", &c));
    c->fd = -1;
    MR_TRY(mr_wire_new(key, heard, &c->wire));
    c->fd = fd;
    *out = c;
    c = NULL;
out:
    mr_conn_free(c);
    return st;
}

void mr_conn_free(mr_conn *c)
{
    if (!c) return;
    if (c->fd >= 0) close(c->fd);
    mr_wire_free(c->wire);
    mr_key_wipe(c, sizeof *c);
    free(c);
}

int mr_conn_fd(const mr_conn *c)
{
    return c->fd;
}

/** Send what the system takes now. MR_ETIMEOUT: not all of it. */
static mr_status push_out(mr_conn *c)
{
    size_t n;
    const void *p;
    while ((p = mr_wire_out(c->wire, &n)) && n) {
        const ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (k < 0 && errno == EINTR) continue;
        if (k < 0 && (errno == EAGAIN || errno == ENOTCONN)) return MR_ETIMEOUT;
        if (k < 0) return MR_ECLOSED;
        mr_wire_sent(c->wire, (size_t)k);
    }
    return MR_OK;
}

/** Look at what came. *frame: a message is complete. MR_ETIMEOUT: nothing more is there now. */
static mr_status pull_in(mr_conn *c, bool *frame)
{
    const void *data;
    size_t n;
    *frame = false;
    if (c->in_a == c->in_b) {
        ssize_t k;
        do k = recv(c->fd, c->in, sizeof c->in, MSG_DONTWAIT);
        while (k < 0 && errno == EINTR);
        if (k < 0 && (errno == EAGAIN || errno == ENOTCONN)) return MR_ETIMEOUT;
        if (k <= 0) return MR_ECLOSED;
        c->in_a = 0;
        c->in_b = (size_t)k;
    }
    const mr_status st = mr_wire_feed(c->wire, c->in + c->in_a, c->in_b - c->in_a, &n);
    c->in_a += n;
    *frame = st == MR_OK && mr_wire_frame(c->wire, &data, &n);
    return st;
}

/** Until the descriptor may give or take something. */
static mr_status rest(const mr_conn *c, bool in, double until)
{
    size_t n;
    mr_wire_out(c->wire, &n);
    struct pollfd p = {.fd = c->fd, .events = (short)((in ? POLLIN : 0) | (n ? POLLOUT : 0))};
    const int ms = left_ms(until);
    const int k = poll(&p, 1, ms);
    if (k < 0 && errno != EINTR) return MR_RAISE(MR_EOUTPUT, "poll: %s", strerror(errno));
    return k == 0 && ms == 0 ? MR_ETIMEOUT : MR_OK;
}

mr_status mr_flush(mr_conn *c, double timeout_s)
{
    const double until = until_of(timeout_s);
    mr_status st;
    while ((st = push_out(c)) == MR_ETIMEOUT && (st = rest(c, false, until)) == MR_OK) continue;
    return st;
}

mr_status mr_send(mr_conn *c, const void *data, size_t n, double timeout_s)
{
    const double until = until_of(timeout_s);
    mr_status st;
    while ((st = mr_wire_put(c->wire, data, n)) == MR_ETIMEOUT) {
        if ((st = push_out(c)) == MR_ETIMEOUT) st = rest(c, false, until);
        if (st != MR_OK) return st;
    }
    if (st == MR_OK && push_out(c) == MR_ECLOSED) return MR_ECLOSED;
    return st;
}

mr_status mr_recv(mr_conn *c, mr_text *out, double timeout_s)
{
    const double until = until_of(timeout_s);
    const void *data;
    size_t n;
    for (;;) {
        bool frame = false;
        mr_status st = push_out(c);
        if (st == MR_OK || st == MR_ETIMEOUT) st = pull_in(c, &frame);
        if (st == MR_OK && frame) {
            (void)mr_wire_frame(c->wire, &data, &n);
            return mr_text_add_bytes(out, data, n);
        }
        if (st == MR_ETIMEOUT) st = rest(c, true, until);
        if (st != MR_OK) return st;
    }
}

mr_status mr_connect(const char *address, const mr_key *key, double timeout_s, mr_conn **out)
{
    const double until = until_of(timeout_s);
    mr_status st = MR_OK;
    mr_conn *c = NULL;
    int fd = -1, error = 0;
    socklen_t size = sizeof error;
    while ((st = mr_address_connect(address, &fd)) == MR_ETIMEOUT && left_ms(until) != 0)
        poll(NULL, 0, 10); /* its queue is full */
    if (st != MR_OK) goto out;
    MR_TRY(conn_new(fd, key, NULL, &c));
    fd = -1;
    MR_TRY(rest(c, true, until));
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error) {
        st = mr_address_error(address, error);
        goto out;
    }
    bool frame, sent = false;
    while (!mr_wire_open(c->wire) || !sent) {
        st = push_out(c);
        sent = st == MR_OK && mr_wire_open(c->wire);
        if (!sent && (st == MR_OK || st == MR_ETIMEOUT)) st = pull_in(c, &frame);
        if (st == MR_ETIMEOUT) st = rest(c, true, until);
        if (st == MR_ECLOSED)
            st = MR_RAISE(MR_EDENIED, "%.300s: it turned this caller away (another key?)", address);
        if (st != MR_OK) goto out;
    }
    *out = c;
    c = NULL;
out:
    if (fd >= 0) close(fd);
    mr_conn_free(c);
    return st;
}

/* --- a listener ------------------------------------------------------------------------------ */

static mr_status watch(mr_listener *l, int fd, void *who)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = who};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == 0) return MR_OK;
    return MR_RAISE(MR_EOUTPUT, "epoll: %s", strerror(errno));
}

mr_status mr_listen(const char *address, const mr_key *key, mr_listener **out)
{
    mr_status st = MR_OK;
    mr_listener *l = NULL;
    struct stat sb;
    MR_TRY(mr_alloc(1, sizeof *l, "a listener", &l));
    l->fd = l->epoll = -1;
    l->key = *key;
    MR_TRY(mr_address_listen(address, &l->fd, l->address));
    if (strncmp(address, "unix:", 5) == 0 && lstat(address + 5, &sb) == 0) {
        MR_TRY(mr_strdup(address + 5, &l->path));
        l->dev = sb.st_dev;
        l->ino = sb.st_ino;
    }
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0) {
        st = MR_RAISE(MR_EOUTPUT, "epoll: %s", strerror(errno));
        goto out;
    }
    MR_TRY(watch(l, l->fd, NULL));
    *out = l;
    l = NULL;
out:
    mr_listener_free(l);
    return st;
}

const char *mr_listener_address(const mr_listener *l)
{
    return l->address;
}

int mr_listener_fd(const mr_listener *l)
{
    return l->epoll;
}

size_t mr_listener_refused(const mr_listener *l, const char **why)
{
    *why = l->why;
    return l->refused;
}

void mr_listener_free(mr_listener *l)
{
    struct stat sb;
    if (!l) return;
    for (size_t i = 0; i < l->n_strangers; i++) mr_conn_free(l->stranger[i]);
    for (size_t i = 0; i < l->n_ready; i++) mr_conn_free(l->ready[i]);
    if (l->path && lstat(l->path, &sb) == 0 && sb.st_dev == l->dev && sb.st_ino == l->ino)
        unlink(l->path);
    free(l->path);
    if (l->fd >= 0) close(l->fd);
    if (l->epoll >= 0) close(l->epoll);
    mr_key_wipe(l, sizeof *l);
    free(l);
}

/** Stranger number i leaves the list. */
static mr_conn *take_stranger(mr_listener *l, size_t i)
{
    mr_conn *c = l->stranger[i];
    memmove(l->stranger + i, l->stranger + i + 1, (--l->n_strangers - i) * sizeof *l->stranger);
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, c->fd, NULL);
    return c;
}

static void refuse(mr_listener *l, size_t i, const char *why)
{
    l->refused++;
    snprintf(l->why, sizeof l->why, "%s", why);
    mr_conn_free(take_stranger(l, i));
}

/** Let in who calls. Where there is no room the one that has been silent longest has to go. */
static void let_in(mr_listener *l)
{
    for (int i = 0; i < AT_ONCE; i++) {
        mr_conn *c = NULL;
        const int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return; /* nobody, or no descriptors left: the next call tries again */
        if (l->n_strangers == STRANGERS) refuse(l, 0, "too many called at once");
        if (conn_new(fd, &l->key, &l->heard, &c) != MR_OK) {
            close(fd);
            mr_error_clear();
            return;
        }
        c->until = mr_now() + PROOF_S;
        if (watch(l, fd, c) != MR_OK) {
            mr_conn_free(c);
            mr_error_clear();
            return;
        }
        l->stranger[l->n_strangers++] = c;
    }
}

/** One step of a stranger's handshake. */
static void hear_out(mr_listener *l, size_t i)
{
    mr_conn *c = l->stranger[i];
    bool frame;
    mr_status st = MR_OK;
    while (st == MR_OK && !mr_wire_open(c->wire)) {
        st = pull_in(c, &frame);
        if (st == MR_OK) st = push_out(c);
    }
    if (mr_wire_open(c->wire))
        l->ready[l->n_ready++] = take_stranger(l, i);
    else if (st == MR_EDENIED)
        refuse(l, i, mr_error());
    else if (st != MR_ETIMEOUT)
        refuse(l, i, "it hung up before it had proved the key");
    if (st == MR_EDENIED || st == MR_EMEM) mr_error_clear();
}

/** Deal with all that is there now. */
static void turn(mr_listener *l)
{
    struct epoll_event e[32];
    const int n = epoll_wait(l->epoll, e, 32, 0);
    bool calls = false;
    for (int k = 0; k < n; k++) {
        calls = calls || !e[k].data.ptr;
        for (size_t i = 0; e[k].data.ptr && i < l->n_strangers && l->n_ready < READY; i++)
            if (l->stranger[i] == e[k].data.ptr) {
                hear_out(l, i);
                break;
            }
    }
    while (l->n_strangers && mr_now() >= l->stranger[0]->until)
        refuse(l, 0, "it was silent for too long");
    if (calls) let_in(l);
}

mr_status mr_accept(mr_listener *l, double timeout_s, mr_conn **out)
{
    size_t i;
    turn(l);
    if (!l->n_ready) {
        const mr_status st = mr_conn_wait(NULL, 0, l, timeout_s, &i);
        if (st != MR_OK) return st;
    }
    *out = l->ready[0];
    memmove(l->ready, l->ready + 1, --l->n_ready * sizeof *l->ready);
    return MR_OK;
}

mr_status mr_conn_wait(mr_conn *const *c, size_t n, mr_listener *l, double timeout_s, size_t *index)
{
    mr_status st = MR_OK;
    const double until = until_of(timeout_s);
    struct pollfd *p = NULL;
    MR_TRY(mr_alloc(n + 1, sizeof *p, "connections to wait for", &p));
    for (;;) {
        if (l) turn(l);
        for (size_t i = 0; i < n; i++) p[i] = (struct pollfd){.fd = c[i]->fd, .events = POLLIN};
        p[n] = (struct pollfd){.fd = l ? l->epoll : -1, .events = POLLIN};
        for (*index = 0; *index < n; ++*index)
            if (c[*index]->in_a < c[*index]->in_b) goto out;
        if (l && l->n_ready) goto out; /* *index is n */
        int ms = left_ms(until);
        if (l && l->n_strangers && (ms < 0 || ms > 500)) ms = 500; /* to let go of the silent */
        const int k = poll(p, n + 1, ms);
        if (k < 0 && errno != EINTR) {
            st = MR_RAISE(MR_EOUTPUT, "poll: %s", strerror(errno));
            goto out;
        }
        for (*index = 0; k > 0 && *index < n; ++*index)
            if (p[*index].revents) goto out;
        if (k == 0 && left_ms(until) == 0) {
            st = MR_ETIMEOUT;
            goto out;
        }
    }
out:
    free(p);
    return st;
}
#else
typedef int mr_conn_is_not_built;
#endif
