/* in/hdf5/btree.c: object header, layout message and version-1 B-tree of chunks, read by pread. */
#include "in/hdf5/btree.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_HEADER_BYTES (1u << 20) /* one block of an object header */
#define MAX_HEADER_BLOCKS 64
#define MAX_LEVEL 16
#define MSG_LAYOUT 8
#define MSG_CONTINUATION 16

uint64_t mr_le(const unsigned char *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n && i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t mr_address(const unsigned char *p, unsigned n)
{
    uint64_t v = mr_le(p, n);
    return n < 8 && v == (1ull << (8 * n)) - 1 ? UINT64_MAX : v;
}

mr_status mr_bytes_read(const mr_bytes *b, uint64_t addr, size_t n, void *out)
{
    uint64_t pos;
    if (__builtin_add_overflow(addr, b->base, &pos) || pos > b->size || n > b->size - pos)
        return MR_RAISE(MR_EINPUT, "damaged: an address outside the file");
    for (size_t done = 0; done < n;) {
        ssize_t k = pread(b->fd, (char *)out + done, n - done, (off_t)(pos + done));
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return MR_RAISE(MR_EINPUT, "reading the chunk index failed");
        done += (size_t)k;
    }
    return MR_OK;
}

/* --- object header ---------------------------------------------------------------------------- */

typedef struct header {
    const mr_bytes *b;
    bool v2;
    unsigned prefix; /* bytes before a message's data */
    struct {
        uint64_t addr, len;
    } todo[MAX_HEADER_BLOCKS];
    unsigned n_todo;
    mr_layout_msg *out;
    bool found;
} header;

/** What follows the index type of a version-4 message: parameters, then the address. */
static mr_status parse_index(const mr_bytes *b, const unsigned char *p, size_t n, size_t at,
                             mr_layout_msg *out)
{
    static const unsigned char params[] = {0, 0, 0, 1, 5, 6};
    bool filtered = out->index == MR_IX_SINGLE && (p[2] & 2);
    size_t skip = filtered ? b->sl + 4 : params[out->index];
    if (at + skip + b->so > n) return MR_RAISE(MR_EINPUT, "damaged: data layout message");
    if (filtered) {
        out->nbytes = mr_le(p + at, b->sl);
        out->mask = (uint32_t)mr_le(p + at + b->sl, 4);
    }
    out->addr = mr_address(p + at + skip, b->so);
    return MR_OK;
}

static mr_status parse_layout(const mr_bytes *b, const unsigned char *p, size_t n,
                              mr_layout_msg *out)
{
    *out = (mr_layout_msg){.addr = UINT64_MAX};
    if (n < 2) goto bad;
    unsigned version = p[0];
    if (version == 1 || version == 2) {
        if (n < 8 + b->so) goto bad;
        out->ndims = p[1];
        if (p[2] != 2) return MR_OK;
        out->index = MR_IX_BTREE1;
        out->addr = mr_address(p + 8, b->so);
        return MR_OK;
    }
    if (version != 3 && version != 4) goto bad;
    if (p[1] != 2) return MR_OK;
    if (version == 3) {
        if (n < 3 + b->so) goto bad;
        out->ndims = p[2];
        out->index = MR_IX_BTREE1;
        out->addr = mr_address(p + 3, b->so);
        return MR_OK;
    }
    if (n < 5) goto bad;
    out->ndims = p[3];
    size_t at = 5 + (size_t)p[3] * p[4];
    if (at >= n || p[at] < MR_IX_SINGLE || p[at] > MR_IX_BTREE2) goto bad;
    out->index = (mr_index)p[at];
    return parse_index(b, p, n, at + 1, out);
bad:
    return MR_RAISE(MR_EINPUT, "damaged: data layout message");
}

/** Messages of one block; continuation blocks are put on the list. */
static mr_status parse_block(header *h, const unsigned char *p, size_t n)
{
    mr_status st = MR_OK;
    size_t at = 0;
    while (!h->found && at + h->prefix <= n) {
        unsigned type = h->v2 ? p[at] : (unsigned)mr_le(p + at, 2);
        size_t len = (size_t)mr_le(p + at + (h->v2 ? 1 : 2), 2);
        const unsigned char *data = p + at + h->prefix;
        if (len > n - at - h->prefix) break; /* version 2 may end in a gap */
        if (type == MSG_LAYOUT) {
            MR_TRY(parse_layout(h->b, data, len, h->out));
            h->found = true;
        } else if (type == MSG_CONTINUATION && len >= h->b->so + h->b->sl) {
            if (h->n_todo == MAX_HEADER_BLOCKS)
                return MR_RAISE(MR_EINPUT, "damaged: object header without end");
            h->todo[h->n_todo].addr = mr_address(data, h->b->so);
            h->todo[h->n_todo++].len = mr_le(data + h->b->so, h->b->sl);
        }
        at += h->prefix + len;
    }
out:
    return st;
}

static mr_status read_block(header *h, uint64_t addr, uint64_t len)
{
    mr_status st = MR_OK;
    unsigned char *p = NULL;
    size_t skip = 0, tail = 0;
    if (len > MAX_HEADER_BYTES) return MR_RAISE(MR_EINPUT, "damaged: object header too long");
    MR_TRY(mr_alloc((size_t)len, 1, "object header", &p));
    MR_TRY(mr_bytes_read(h->b, addr, (size_t)len, p));
    if (h->v2 && len >= 8 && memcmp(p, "OCHK", 4) == 0) skip = tail = 4;
    MR_TRY(parse_block(h, p + skip, (size_t)len - skip - tail));
out:
    free(p);
    return st;
}

static mr_status first_block(header *h, uint64_t addr)
{
    unsigned char p[64] = {0};
    mr_status st = mr_bytes_read(h->b, addr, 16, p);
    if (st != MR_OK) return st;
    if (memcmp(p, "OHDR", 4) != 0) {
        if (p[0] != 1) return MR_RAISE(MR_EINPUT, "damaged: object header");
        h->prefix = 8;
        return read_block(h, addr + 16, mr_le(p + 8, 4));
    }
    unsigned flags = p[5], at = 6, width = 1u << (flags & 3);
    if (flags & 0x20) at += 16;
    if (flags & 0x10) at += 4;
    if ((st = mr_bytes_read(h->b, addr, at + width, p)) != MR_OK) return st;
    h->v2 = true;
    h->prefix = flags & 4 ? 6 : 4;
    return read_block(h, addr + at + width, mr_le(p + at, width));
}

mr_status mr_layout_find(const mr_bytes *b, uint64_t addr, mr_layout_msg *out)
{
    mr_status st = MR_OK;
    header h = {.b = b, .out = out};
    if (b->so < 2 || b->so > 8 || b->sl < 2 || b->sl > 8)
        return MR_RAISE(MR_EINPUT, "damaged: widths of addresses");
    MR_TRY(first_block(&h, addr));
    for (unsigned i = 0; !h.found && i < h.n_todo; i++)
        MR_TRY(read_block(&h, h.todo[i].addr, h.todo[i].len));
    if (!h.found) st = MR_RAISE(MR_EINPUT, "damaged: no data layout message");
out:
    return st;
}

/* --- version-1 B-tree ------------------------------------------------------------------------- */

typedef struct walk {
    const mr_bytes *b;
    unsigned ndims, key, rec; /* bytes of a key, of a key with its child */
    uint64_t chunks_left, nodes_left;
    mr_chunk_fn fn;
    void *arg;
} walk;

static mr_status leaf(walk *w, const unsigned char *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++, p += w->rec) {
        uint64_t off[MR_BTREE_DIMS], addr = mr_address(p + w->key, w->b->so);
        if (w->chunks_left-- == 0)
            return MR_RAISE(MR_EINPUT, "damaged: more chunks in the index than in the dataset");
        for (unsigned d = 0; d + 1 < w->ndims; d++) off[d] = mr_le(p + 8 + 8 * d, 8);
        if (addr == UINT64_MAX || __builtin_add_overflow(addr, w->b->base, &addr))
            return MR_RAISE(MR_EINPUT, "damaged: a chunk without a place");
        mr_status st = w->fn(w->arg, off, addr, (uint32_t)mr_le(p, 4), (uint32_t)mr_le(p + 4, 4));
        if (st != MR_OK) return st;
    }
    return MR_OK;
}

/** level < 0: the root, any level. */
static mr_status node(walk *w, uint64_t addr, int level)
{
    mr_status st = MR_OK;
    unsigned char head[24], *p = NULL;
    unsigned head_bytes = 8 + 2 * w->b->so;
    if (w->nodes_left-- == 0) return MR_RAISE(MR_EINPUT, "damaged: chunk index without end");
    MR_TRY(mr_bytes_read(w->b, addr, head_bytes, head));
    unsigned n = (unsigned)mr_le(head + 6, 2);
    if (memcmp(head, "TREE", 4) != 0 || head[4] != 1 || head[5] > MAX_LEVEL ||
        (level >= 0 && head[5] != level))
        return MR_RAISE(MR_EINPUT, "damaged: chunk index");
    if (n == 0) return MR_OK;
    MR_TRY(mr_alloc(n, w->rec, "chunk index node", &p));
    MR_TRY(mr_bytes_read(w->b, addr + head_bytes, (size_t)n * w->rec, p));
    if (head[5] == 0) {
        MR_TRY(leaf(w, p, n));
    } else {
        for (unsigned i = 0; i < n; i++)
            MR_TRY(node(w, mr_address(p + (size_t)i * w->rec + w->key, w->b->so), head[5] - 1));
    }
out:
    free(p);
    return st;
}

mr_status mr_btree_walk(const mr_bytes *b, uint64_t addr, unsigned ndims, uint64_t max_chunks,
                        mr_chunk_fn fn, void *arg)
{
    if (ndims < 2 || ndims > MR_BTREE_DIMS + 1)
        return MR_RAISE(MR_EINPUT, "damaged: %u dimensions in the chunk index", ndims);
    if (addr == UINT64_MAX) return MR_OK; /* nothing was ever written */
    walk w = {.b = b,
              .ndims = ndims,
              .key = 8 + 8 * ndims,
              .rec = 8 + 8 * ndims + b->so,
              .chunks_left = max_chunks,
              .nodes_left = 2 * max_chunks + 64,
              .fn = fn,
              .arg = arg};
    return node(&w, addr, -1);
}

const char *mr_index_name(mr_index ix)
{
    switch (ix) {
    case MR_IX_NONE: return "none";
    case MR_IX_SINGLE: return "single chunk";
    case MR_IX_IMPLICIT: return "implicit";
    case MR_IX_FIXED_ARRAY: return "fixed array";
    case MR_IX_EXTENSIBLE_ARRAY: return "extensible array";
    case MR_IX_BTREE2: return "version-2 B-tree";
    case MR_IX_BTREE1: return "version-1 B-tree";
    }
    return "unknown";
}
