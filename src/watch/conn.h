/* watch/conn.h: message connections between processes, over a Unix socket or TCP: listen, accept,
 * connect, send, receive with time-out, wait on many. A message is 0 to MR_FRAME_MAX bytes and
 * arrives whole or not at all. Both ends prove that they have the same key (HMAC-SHA256 over fresh
 * random numbers), then every message is sealed and numbered: a stranger is told nothing and can
 * neither read, nor change, nor repeat one. Memory is bounded whoever calls.
 *
 *   mr_listen("unix:/run/me/control", &key, &l);            mr_connect("unix:/...", &key, 5, &c);
 *   mr_accept(l, -1, &c);                                   mr_send(c, "hello", 5, 5);
 *   mr_recv(c, &text, 5);                                   mr_conn_free(c);
 *
 * One thread at a time uses a listener or a connection; different ones are independent. Without
 * libsodium (make SODIUM=0) there are none: every call that makes one fails with MR_ECONFIG. */
#ifndef MR_WATCH_CONN_H
#define MR_WATCH_CONN_H
#include "base/text.h"

enum { MR_KEY_BYTES = 32, MR_FRAME_MAX = 65536, MR_ADDRESS_BYTES = 512 };
typedef struct mr_key {
    unsigned char b[MR_KEY_BYTES];
} mr_key;

/** Is there a library for it in this build? */
bool mr_conn_built(void);
/** A new random key, and in a new file (mode 0600) that replaces an old one in one step. */
mr_status mr_key_make(const char *path, mr_key *out);
/** Read it back. MR_ECLOSED: there is no such file; MR_EDENIED: not for this user, or others may
 *  read it too; MR_EINPUT: it is no key. */
mr_status mr_key_read(const char *path, mr_key *out);
/** Overwrite a key, or a text with one, before its memory is given back. */
void mr_key_wipe(void *p, size_t n);
/** n random bytes, as lower-case hex digits and NUL into hex[2 * n + 1]. */
mr_status mr_random_hex(size_t n, char *hex);

typedef struct mr_conn mr_conn;
typedef struct mr_listener mr_listener;

/** address: "unix:PATH" of any length (an old socket there is replaced, another file is not), or
 *  "tcp:HOST:PORT", port 0 for any that is free, IPv6 in brackets. MR_EOUTPUT with the reason. */
mr_status mr_listen(const char *address, const mr_key *key, mr_listener **out);
/** The address as it came to be, with the port. [borrow] */
const char *mr_listener_address(const mr_listener *l);
/** How many have been turned away; why the last one was. [borrow] */
size_t mr_listener_refused(const mr_listener *l, const char **why);
/** Stop listening; a Unix socket's file is removed. NULL is fine. */
void mr_listener_free(mr_listener *l);

/** The next that has proved the key. Strangers are dealt with meanwhile, all at once: one that is
 *  silent keeps nobody waiting. MR_ETIMEOUT; timeout_s < 0 waits for ever, 0 does not wait. */
mr_status mr_accept(mr_listener *l, double timeout_s, mr_conn **out);
/** MR_ECLOSED: nobody listens there; MR_EDENIED: it has another key, or this user may not;
 *  MR_ETIMEOUT. */
mr_status mr_connect(const char *address, const mr_key *key, double timeout_s, mr_conn **out);
/** MR_OK: the message is on its way, what the system did not take at once with the next calls for
 *  this connection. MR_ETIMEOUT: too much waits already, nothing of it was taken. MR_ECLOSED: the
 *  peer is gone. mr_flush: wait until the system has all. */
mr_status mr_send(mr_conn *c, const void *data, size_t n, double timeout_s);
mr_status mr_flush(mr_conn *c, double timeout_s);
/** Append the next message to *out. MR_ETIMEOUT; MR_ECLOSED: the peer is gone, or (for the first
 *  message of a client) turned this end away; MR_EDENIED: it broke the rules. */
mr_status mr_recv(mr_conn *c, mr_text *out, double timeout_s);
/** Wait until one of n connections, or the listener (NULL: none), has something: its index, n for
 *  the listener. MR_ETIMEOUT. A peer that is gone is something, too. */
mr_status mr_conn_wait(mr_conn *const *c, size_t n, mr_listener *l, double timeout_s,
                       size_t *index);
/** A descriptor that is readable when there may be something, for an event loop. Then call
 *  mr_accept or mr_recv with timeout 0 until it gives MR_ETIMEOUT. A listener also wants a call
 *  every second, to let go of those that are silent. */
int mr_listener_fd(const mr_listener *l);
int mr_conn_fd(const mr_conn *c);
void mr_conn_free(mr_conn *c); /* closes; NULL is fine */
#endif
