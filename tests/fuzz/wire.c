/* tests/fuzz/wire.c: what a hostile peer may send: to a server's end and a client's end that wait
 * for a first word, to ends that have proved the key, and as true frames that are damaged on their
 * way. The first byte chooses. No message may come out that the other end did not send. */
#include <stdlib.h>
#include <string.h>
#include "watch/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const mr_key key = {{7}};
static const char sent[] = "what was sent";

/** Feed in pieces, the first byte of each says how long; a message that comes out must be ours. */
static void feed(mr_wire *w, const uint8_t *p, size_t n, bool may)
{
    size_t taken, got;
    const void *text;
    mr_status st = MR_OK;
    for (size_t at = 0; at < n && st == MR_OK; at += taken) {
        st = mr_wire_feed(w, p + at, MR_MIN((size_t)p[at] + 1, n - at), &taken);
        if (!mr_wire_frame(w, &text, &got)) continue;
        if (!may || got != sizeof sent || memcmp(text, sent, got) != 0) abort();
        may = false; /* once */
    }
    if (st != MR_OK && st != MR_EDENIED) abort();
    if (st == MR_EDENIED && (mr_wire_open(w) || mr_wire_feed(w, "x", 1, &taken) != MR_EDENIED))
        abort();
}

static void carry(mr_wire *from, mr_wire *to)
{
    size_t n, taken;
    const void *p = mr_wire_out(from, &n);
    if (mr_wire_feed(to, p, n, &taken) != MR_OK || taken != n) abort();
    mr_wire_sent(from, n);
}

/** A true frame with some bytes of it changed, cut, or doubled. */
static void damaged(mr_wire *from, mr_wire *to, const uint8_t *data, size_t size)
{
    size_t n;
    uint8_t *copy;
    if (mr_wire_put(from, sent, sizeof sent) != MR_OK) abort();
    const void *p = mr_wire_out(from, &n);
    if (!(copy = malloc(2 * n))) return;
    memcpy(copy, p, n);
    memcpy(copy + n, p, n);
    for (size_t i = 0; i + 1 < size && i < 32; i += 2) copy[data[i] % (2 * n)] ^= data[i + 1];
    const bool whole = memcmp(copy, p, n) == 0;
    feed(to, copy, size & 1 ? 2 * n : MR_MIN(size, n), whole);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static mr_heard heard;
    mr_wire *server = NULL, *client = NULL;
    if (size < 1) return 0;
    const uint8_t which = data[0] % 6;
    data++, size--;
    if (mr_wire_new(&key, &heard, &server) != MR_OK || mr_wire_new(&key, NULL, &client) != MR_OK)
        abort();
    if (which >= 1) carry(client, server);
    if (which >= 3) carry(server, client);
    if (which >= 3) carry(client, server);
    switch (which) {
    case 0:
    case 1: feed(server, data, size, false); break; /* its first word; its proof */
    case 2: feed(client, data, size, false); break;
    case 3: feed(server, data, size, false); break;
    case 4: feed(client, data, size, false); break;
    default: damaged(client, server, data, size);
    }
    mr_wire_free(server);
    mr_wire_free(client);
    mr_error_clear();
    return 0;
}
