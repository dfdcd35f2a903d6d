/* watch/wire.h: the inside of a connection, without a socket: bytes in, frames out. Both ends prove
 * that they have the key, then every frame is sealed and counted. Used by watch/conn.c.
 *
 *   client: "MRC1" nonce_c mac(key, "hello", nonce_c)
 *   server: nonce_s mac(key, "server", nonce_c, nonce_s)
 *   client: mac(key, "client", nonce_s, nonce_c)
 *   then, both ways: length (4 bytes, little endian), so many bytes of ChaCha20-Poly1305 under the
 *   session key of that direction, mac(key, "to server" or "to client", nonce_c, nonce_s), with the
 *   number of the frame as nonce and the length as additional data.
 *
 * The client speaks first and proves the key with its first word: a stranger hears nothing. Until
 * the handshake is over a wire holds 132 bytes of its peer, then at most one frame. */
#ifndef MR_WATCH_WIRE_H
#define MR_WATCH_WIRE_H
#include "watch/conn.h"

typedef struct mr_wire mr_wire;

/** First words that were heard, so that one that is sent again is refused. Zero-initialise. */
enum { MR_HEARD = 4096 };
typedef struct mr_heard {
    uint64_t nonce[MR_HEARD];
    size_t n; /* ever */
} mr_heard;

/** heard: NULL makes the client's end. [borrow] it. */
mr_status mr_wire_new(const mr_key *key, mr_heard *heard, mr_wire **out);
void mr_wire_free(mr_wire *w);
/** Take in bytes of the peer up to the end of the handshake or of a frame. *taken: how many; the
 *  rest is for the next call, after mr_wire_frame. MR_EDENIED, for good: the peer has not got the
 *  key, or broke the rules; the trail says which. */
mr_status mr_wire_feed(mr_wire *w, const void *bytes, size_t n, size_t *taken);
/** The frame that is complete, until the next mr_wire_feed; false when there is none. [borrow] */
bool mr_wire_frame(mr_wire *w, const void **data, size_t *n);
/** Both ends have proved the key. A client's end cannot know that its own proof was taken. */
bool mr_wire_open(const mr_wire *w);
/** Seal a frame. Only on an open wire. MR_ETIMEOUT when too much is waiting to be sent already. */
mr_status mr_wire_put(mr_wire *w, const void *data, size_t n);
/** What is to be sent; how much of it was. */
const void *mr_wire_out(const mr_wire *w, size_t *n);
void mr_wire_sent(mr_wire *w, size_t n);
#endif
