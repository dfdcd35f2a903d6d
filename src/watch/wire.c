/* watch/wire.c: see wire.h. libsodium does the sums. */
#if MR_SODIUM
#include "watch/wire.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE = 32,
    MAC = crypto_auth_hmacsha256_BYTES,
    HEAD = 4,
    SEAL = crypto_aead_chacha20poly1305_ietf_ABYTES,
    HELLO = 4 + NONCE + MAC,
    ANSWER = NONCE + MAC,
    /* most that waits to be sent */
    OUT_MAX = 4 * (HEAD + MR_FRAME_MAX + SEAL)
};
static const char magic[4] = {'M', 'R', 'C', '1'};

typedef enum { AT_HELLO, AT_ANSWER, AT_PROOF, AT_HEAD, AT_BODY, AT_FRAME, BROKEN } place;

struct mr_wire {
    mr_key key;
    mr_heard *heard; /* the server's */
    unsigned char nonce_c[NONCE], nonce_s[NONCE];
    unsigned char key_in[MR_KEY_BYTES], key_out[MR_KEY_BYTES]; /* of the session */
    uint64_t n_in, n_out;                                      /* frames so far */
    place at;
    bool open;
    unsigned char small[HELLO]; /* of a handshake, or a head */
    unsigned char *body;        /* of a frame; only once the wire is open */
    size_t have, need, frame;   /* bytes of what is awaited; of the frame */
    mr_text out;
    size_t out_sent;
};

/** mac(key, label, a, b) into out[MAC]. */
static void mac_of(const unsigned char *key, const char *label, const void *a, const void *b,
                   unsigned char *out)
{
    crypto_auth_hmacsha256_state s;
    crypto_auth_hmacsha256_init(&s, key, MR_KEY_BYTES);
    crypto_auth_hmacsha256_update(&s, (const unsigned char *)"millrace 1 ", 11);
    crypto_auth_hmacsha256_update(&s, (const unsigned char *)label, strlen(label) + 1);
    crypto_auth_hmacsha256_update(&s, a, NONCE);
    if (b) crypto_auth_hmacsha256_update(&s, b, NONCE);
    crypto_auth_hmacsha256_final(&s, out);
    sodium_memzero(&s, sizeof s);
}

static bool mac_is(const unsigned char *key, const char *label, const void *a, const void *b,
                   const unsigned char *got)
{
    unsigned char want[MAC];
    mac_of(key, label, a, b, want);
    return sodium_memcmp(want, got, MAC) == 0;
}

static void await(mr_wire *w, place at, size_t need)
{
    w->at = at;
    w->need = need;
    w->have = 0;
}

static mr_status broken(mr_wire *w, const char *why)
{
    w->at = BROKEN;
    return MR_RAISE(MR_EDENIED, "%s", why);
}

mr_status mr_wire_new(const mr_key *key, mr_heard *heard, mr_wire **out)
{
    mr_status st = MR_OK;
    mr_wire *w = NULL;
    unsigned char mac[MAC];
    if (sodium_init() < 0) return MR_RAISE(MR_EOUTPUT, "libsodium does not start");
    MR_TRY(mr_alloc(1, sizeof *w, "a connection", &w));
    w->key = *key;
    w->heard = heard;
    if (heard) {
        await(w, AT_HELLO, HELLO);
    } else {
        randombytes_buf(w->nonce_c, NONCE);
        mac_of(key->b, "hello", w->nonce_c, NULL, mac);
        MR_TRY(mr_text_add_bytes(&w->out, magic, sizeof magic));
        MR_TRY(mr_text_add_bytes(&w->out, w->nonce_c, NONCE));
        MR_TRY(mr_text_add_bytes(&w->out, mac, MAC));
        await(w, AT_ANSWER, ANSWER);
    }
    *out = w;
    w = NULL;
out:
    mr_wire_free(w);
    return st;
}

void mr_wire_free(mr_wire *w)
{
    if (!w) return;
    if (w->body) sodium_memzero(w->body, MR_FRAME_MAX);
    free(w->body);
    mr_text_fini(&w->out);
    sodium_memzero(w, sizeof *w);
    free(w);
}

/* --- the handshake --------------------------------------------------------------------------- */

static mr_status begin_session(mr_wire *w)
{
    unsigned char *to_server = w->heard ? w->key_in : w->key_out;
    unsigned char *to_client = w->heard ? w->key_out : w->key_in;
    mac_of(w->key.b, "to server", w->nonce_c, w->nonce_s, to_server);
    mac_of(w->key.b, "to client", w->nonce_c, w->nonce_s, to_client);
    sodium_memzero(&w->key, sizeof w->key);
    w->open = true;
    await(w, AT_HEAD, HEAD);
    return mr_alloc(1, MR_FRAME_MAX + SEAL, "a frame", &w->body);
}

static bool heard_before(mr_heard *h, const unsigned char *nonce)
{
    uint64_t v;
    memcpy(&v, nonce, sizeof v);
    for (size_t i = 0; i < MR_MIN(h->n, (size_t)MR_HEARD); i++)
        if (h->nonce[i] == v) return true;
    h->nonce[h->n++ % MR_HEARD] = v;
    return false;
}

/** Server: the first word. */
static mr_status take_hello(mr_wire *w)
{
    mr_status st = MR_OK;
    unsigned char mac[MAC];
    if (memcmp(w->small, magic, sizeof magic) != 0)
        return broken(w, "it does not speak as millrace does");
    memcpy(w->nonce_c, w->small + sizeof magic, NONCE);
    if (!mac_is(w->key.b, "hello", w->nonce_c, NULL, w->small + sizeof magic + NONCE))
        return broken(w, "it has not got the key");
    if (heard_before(w->heard, w->nonce_c)) return broken(w, "it repeats what another has said");
    randombytes_buf(w->nonce_s, NONCE);
    mac_of(w->key.b, "server", w->nonce_c, w->nonce_s, mac);
    MR_TRY(mr_text_add_bytes(&w->out, w->nonce_s, NONCE));
    MR_TRY(mr_text_add_bytes(&w->out, mac, MAC));
    await(w, AT_PROOF, MAC);
out:
    return st;
}

/** Client: what the server says. */
static mr_status take_answer(mr_wire *w)
{
    mr_status st = MR_OK;
    unsigned char mac[MAC];
    memcpy(w->nonce_s, w->small, NONCE);
    if (!mac_is(w->key.b, "server", w->nonce_c, w->nonce_s, w->small + NONCE))
        return broken(w, "who answers has not got the key");
    mac_of(w->key.b, "client", w->nonce_s, w->nonce_c, mac);
    MR_TRY(mr_text_add_bytes(&w->out, mac, MAC));
    MR_TRY(begin_session(w));
out:
    return st;
}

static mr_status take_proof(mr_wire *w)
{
    if (!mac_is(w->key.b, "client", w->nonce_s, w->nonce_c, w->small))
        return broken(w, "it has not got the key");
    return begin_session(w);
}

/* --- frames ---------------------------------------------------------------------------------- */

static void number_of(uint64_t n, unsigned char *nonce)
{
    memset(nonce, 0, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
    for (int i = 0; i < 8; i++) nonce[i] = (unsigned char)(n >> (8 * i));
}

static mr_status take_head(mr_wire *w)
{
    size_t n = 0;
    for (int i = 0; i < HEAD; i++) n |= (size_t)w->small[i] << (8 * i);
    if (n < SEAL || n > MR_FRAME_MAX + SEAL)
        return broken(w, "it sent a frame of a length that there is not");
    await(w, AT_BODY, n);
    return MR_OK;
}

static mr_status take_body(mr_wire *w)
{
    unsigned char nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    unsigned long long n = 0;
    number_of(w->n_in++, nonce);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(w->body, &n, NULL, w->body, w->need, w->small,
                                                  HEAD, nonce, w->key_in) != 0)
        return broken(w, "it sent a frame that is not sealed as it must be");
    w->frame = (size_t)n;
    await(w, AT_FRAME, 0);
    return MR_OK;
}

static mr_status take(mr_wire *w)
{
    switch (w->at) {
    case AT_HELLO: return take_hello(w);
    case AT_ANSWER: return take_answer(w);
    case AT_PROOF: return take_proof(w);
    case AT_HEAD: return take_head(w);
    case AT_BODY: return take_body(w);
    default: return broken(w, "it goes on after it was turned away");
    }
}

mr_status mr_wire_feed(mr_wire *w, const void *bytes, size_t n, size_t *taken)
{
    mr_status st = MR_OK;
    const unsigned char *p = bytes;
    const bool was_open = w->open;
    *taken = 0;
    if (w->at == AT_FRAME) await(w, AT_HEAD, HEAD); /* the last frame was looked at */
    while (*taken < n && w->at != AT_FRAME && w->open == was_open) {
        const size_t k = MR_MIN(n - *taken, w->need - w->have);
        unsigned char *to = w->at == AT_BODY ? w->body : w->small;
        if (w->at == BROKEN) return take(w);
        memcpy(to + w->have, p + *taken, k);
        w->have += k;
        *taken += k;
        if (w->have == w->need) MR_TRY(take(w));
    }
out:
    return st;
}

bool mr_wire_frame(mr_wire *w, const void **data, size_t *n)
{
    if (w->at != AT_FRAME) return false;
    *data = w->body;
    *n = w->frame;
    return true;
}

bool mr_wire_open(const mr_wire *w)
{
    return w->open && w->at != BROKEN;
}

mr_status mr_wire_put(mr_wire *w, const void *data, size_t n)
{
    mr_status st = MR_OK;
    unsigned char head[HEAD], nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];
    unsigned char *sealed = NULL;
    MR_ASSERT(w->open);
    if (n > MR_FRAME_MAX)
        return MR_RAISE(MR_ECONFIG, "a message of %zu bytes; at most %d are allowed", n,
                        MR_FRAME_MAX);
    if (w->out.len - w->out_sent + n > OUT_MAX) return MR_ETIMEOUT;
    if (w->out_sent) memmove(w->out.s, w->out.s + w->out_sent, w->out.len - w->out_sent);
    w->out.len -= w->out_sent;
    w->out_sent = 0;
    MR_TRY(mr_alloc(n + SEAL, 1, "a frame", &sealed));
    for (int i = 0; i < HEAD; i++) head[i] = (unsigned char)((n + SEAL) >> (8 * i));
    number_of(w->n_out++, nonce);
    crypto_aead_chacha20poly1305_ietf_encrypt(sealed, NULL, data, n, head, HEAD, NULL, nonce,
                                              w->key_out);
    MR_TRY(mr_text_add_bytes(&w->out, head, HEAD));
    MR_TRY(mr_text_add_bytes(&w->out, sealed, n + SEAL));
out:
    free(sealed);
    return st;
}

const void *mr_wire_out(const mr_wire *w, size_t *n)
{
    *n = w->out.len - w->out_sent;
    return *n ? w->out.s + w->out_sent : "";
}

void mr_wire_sent(mr_wire *w, size_t n)
{
    w->out_sent += n;
    if (w->out_sent < w->out.len) return;
    w->out.len = w->out_sent = 0;
}
#else
typedef int mr_wire_is_not_built;
#endif
