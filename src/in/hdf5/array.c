/* in/hdf5/array.c: the fixed and the extensible array that newer HDF5 files index their chunks
 * with, read by pread. Both are arrays of elements (address, or address, size and filter mask), the
 * second cut into blocks of growing size. */
#include "in/hdf5/btree.h"
#include <stdlib.h>
#include <string.h>

#define MAX_ELEMENT 32
#define MAX_BLOCK_BYTES (64u << 20)

typedef struct array {
    const mr_bytes *b;
    bool filtered;
    unsigned entry;  /* bytes of an element */
    unsigned prefix; /* bytes of a block before its own fields: signature .. header address */
    uint64_t n;      /* elements wanted */
    uint64_t page;   /* elements of a page */
    mr_linear_fn fn;
    void *arg;
} array;

static mr_status damaged(void)
{
    return MR_RAISE(MR_EINPUT, "damaged: chunk index");
}

static bool bit(const unsigned char *p, uint64_t i)
{
    return p[i / 8] & (0x80u >> (i % 8));
}

/** k elements at p, the first being number `at`. */
static mr_status put(const array *a, const unsigned char *p, uint64_t at, uint64_t k)
{
    for (uint64_t i = at; i < at + k && i < a->n; i++, p += a->entry) {
        uint64_t addr = mr_address(p, a->b->so), nbytes = 0;
        uint32_t mask = 0;
        if (addr == UINT64_MAX) continue;
        if (a->filtered) {
            nbytes = mr_le(p + a->b->so, a->entry - a->b->so - 4);
            mask = (uint32_t)mr_le(p + a->entry - 4, 4);
        }
        if (__builtin_add_overflow(addr, a->b->base, &addr)) return damaged();
        mr_status st = a->fn(a->arg, i, addr, nbytes, mask);
        if (st != MR_OK) return st;
    }
    return MR_OK;
}

/** Elements [at, at + k) lying at addr. */
static mr_status put_from(const array *a, uint64_t addr, uint64_t at, uint64_t k)
{
    mr_status st = MR_OK;
    unsigned char *p = NULL;
    if (at >= a->n) return MR_OK;
    k = MR_MIN(k, a->n - at);
    if (k > MAX_BLOCK_BYTES / a->entry) return damaged();
    MR_TRY(mr_alloc((size_t)k, a->entry, "chunk index", &p));
    MR_TRY(mr_bytes_read(a->b, addr, (size_t)k * a->entry, p));
    MR_TRY(put(a, p, at, k));
out:
    free(p);
    return st;
}

/** Pages of k elements in all, the first page at addr; page i is there if bit first_bit + i of map.
 */
static mr_status put_pages(const array *a, uint64_t addr, uint64_t at, uint64_t k,
                           const unsigned char *map, uint64_t first_bit)
{
    mr_status st = MR_OK;
    uint64_t step = a->page * a->entry + 4; /* a checksum ends each */
    uint64_t most = at < a->n ? MR_MIN(k, a->n - at) : 0;
    uint64_t pages = most / a->page + (most % a->page != 0); /* i * page may not be: 2^64 is 0 */
    for (uint64_t i = 0; i < pages; i++)
        if (bit(map, first_bit + i))
            MR_TRY(
                put_from(a, addr + i * step, at + i * a->page, MR_MIN(a->page, k - i * a->page)));
out:
    return st;
}

/** Common start of both headers: signature, version, client, element size. */
static mr_status open_array(array *a, const char *sig, const unsigned char *p)
{
    if (memcmp(p, sig, 4) != 0 || p[4] != 0 || p[5] > 1) return damaged();
    a->filtered = p[5] == 1;
    a->entry = p[6];
    a->prefix = 6 + a->b->so;
    unsigned least = a->b->so + (a->filtered ? 5 : 0), most = a->b->so + (a->filtered ? 12 : 0);
    return a->entry < least || a->entry > most || a->entry > MAX_ELEMENT ? damaged() : MR_OK;
}

static mr_status check_block(const array *a, const char *sig, const unsigned char *p)
{
    return memcmp(p, sig, 4) != 0 || p[4] != 0 || p[5] != (a->filtered ? 1 : 0) ? damaged() : MR_OK;
}

/* --- fixed array ------------------------------------------------------------------------------ */

mr_status mr_fixed_array_walk(const mr_bytes *b, uint64_t addr, uint64_t n, mr_linear_fn fn,
                              void *arg)
{
    mr_status st = MR_OK;
    unsigned char p[32], *map = NULL;
    array a = {.b = b, .fn = fn, .arg = arg};
    if (addr == UINT64_MAX) return MR_OK;
    MR_TRY(mr_bytes_read(b, addr, 8 + b->sl + b->so, p));
    MR_TRY(open_array(&a, "FAHD", p));
    uint64_t total = mr_le(p + 8, b->sl), block = mr_address(p + 8 + b->sl, b->so);
    if (p[7] > 40) return damaged();
    a.page = UINT64_C(1) << p[7];
    a.n = MR_MIN(n, total);
    if (block == UINT64_MAX) return MR_OK;
    MR_TRY(mr_bytes_read(b, block, a.prefix, p));
    MR_TRY(check_block(&a, "FADB", p));
    if (total <= a.page) return put_from(&a, block + a.prefix, 0, total);
    const uint64_t pages = total / a.page + (total % a.page != 0);
    if (pages / 8 >= MAX_BLOCK_BYTES) return damaged();
    const uint64_t bytes = (pages + 7) / 8;
    MR_TRY(mr_alloc((size_t)bytes, 1, "chunk index", &map));
    MR_TRY(mr_bytes_read(b, block + a.prefix, (size_t)bytes, map));
    MR_TRY(put_pages(&a, block + a.prefix + bytes + 4, 0, total, map, 0));
out:
    free(map);
    return st;
}

/* --- extensible array ------------------------------------------------------------------------- */

typedef struct extensible {
    array a;
    unsigned offset_bytes; /* of a block's number of its first element */
    unsigned direct;       /* elements in the index block */
    uint64_t min_elements; /* of the smallest data block */
    unsigned n_super;      /* super blocks in all */
    unsigned first_super;  /* the first that has a block of its own */
} extensible;

static bool power_of_two(unsigned v)
{
    return v && !(v & (v - 1));
}

static unsigned log2_of(uint64_t v)
{
    return 63 - (unsigned)__builtin_clzll(v);
}

/** A data block of k elements from number `at`; pages (if it has them) by map from first_bit. */
static mr_status data_block(const extensible *e, uint64_t addr, uint64_t at, uint64_t k,
                            const unsigned char *map, uint64_t first_bit)
{
    unsigned char p[32];
    mr_status st = MR_OK;
    if (addr == UINT64_MAX || at >= e->a.n) return MR_OK;
    MR_TRY(mr_bytes_read(e->a.b, addr, e->a.prefix, p));
    MR_TRY(check_block(&e->a, "EADB", p));
    addr += e->a.prefix + e->offset_bytes;
    if (k <= e->a.page) return put_from(&e->a, addr, at, k);
    if (!map) return damaged();
    MR_TRY(put_pages(&e->a, addr + 4, at, k, map, first_bit));
out:
    return st;
}

/** A super block of its own: page bits of its data blocks, then their addresses. */
static mr_status super_block(const extensible *e, uint64_t addr, uint64_t at, uint64_t n_blocks,
                             uint64_t k)
{
    mr_status st = MR_OK;
    unsigned char *p = NULL;
    unsigned so = e->a.b->so;
    uint64_t pages = k > e->a.page ? k / e->a.page : 0, map = n_blocks * ((pages + 7) / 8);
    uint64_t head = e->a.prefix + e->offset_bytes, bytes = head + map + n_blocks * so;
    if (addr == UINT64_MAX || at >= e->a.n) return MR_OK;
    if (n_blocks > MAX_BLOCK_BYTES || bytes > MAX_BLOCK_BYTES) return damaged();
    MR_TRY(mr_alloc((size_t)bytes, 1, "chunk index", &p));
    MR_TRY(mr_bytes_read(e->a.b, addr, (size_t)bytes, p));
    MR_TRY(check_block(&e->a, "EASB", p));
    for (uint64_t d = 0; d < n_blocks; d++)
        MR_TRY(data_block(e, mr_address(p + head + map + d * so, so), at + d * k, k, p + head,
                          d * pages));
out:
    free(p);
    return st;
}

/** The index block: some elements, addresses of the small data blocks, addresses of super blocks.
 */
static mr_status index_block(const extensible *e, uint64_t addr)
{
    mr_status st = MR_OK;
    unsigned char *p = NULL;
    unsigned so = e->a.b->so, small = 0;
    for (unsigned u = 0; u < e->first_super; u++) small += 1u << (u / 2);
    size_t elements = (size_t)e->direct * e->a.entry;
    size_t bytes = e->a.prefix + elements + (size_t)(small + e->n_super - e->first_super) * so;
    MR_TRY(mr_alloc(bytes, 1, "chunk index", &p));
    MR_TRY(mr_bytes_read(e->a.b, addr, bytes, p));
    MR_TRY(check_block(&e->a, "EAIB", p));
    MR_TRY(put(&e->a, p + e->a.prefix, 0, e->direct));
    const unsigned char *q = p + e->a.prefix + elements;
    uint64_t at = e->direct;
    for (unsigned u = 0; u < e->n_super && at < e->a.n; u++) {
        uint64_t blocks = UINT64_C(1) << (u / 2), k = e->min_elements << ((u + 1) / 2);
        if (u >= e->first_super) {
            MR_TRY(super_block(e, mr_address(q, so), at, blocks, k));
            q += so;
        }
        for (uint64_t d = 0; u < e->first_super && d < blocks; d++, q += so)
            MR_TRY(data_block(e, mr_address(q, so), at + d * k, k, NULL, 0));
        at += blocks * k;
    }
out:
    free(p);
    return st;
}

mr_status mr_extensible_array_walk(const mr_bytes *b, uint64_t addr, uint64_t n, mr_linear_fn fn,
                                   void *arg)
{
    mr_status st = MR_OK;
    unsigned char p[12 + 7 * 8];
    extensible e = {.a = {.b = b, .fn = fn, .arg = arg, .n = n}};
    if (addr == UINT64_MAX) return MR_OK;
    MR_TRY(mr_bytes_read(b, addr, 12 + 6 * b->sl + b->so, p));
    MR_TRY(open_array(&e.a, "EAHD", p));
    unsigned max_bits = p[7], min_elements = p[9], min_pointers = p[10], page_bits = p[11];
    uint64_t block = mr_address(p + 12 + 6 * b->sl, b->so);
    if (max_bits > 48 || page_bits > 40 || !power_of_two(min_elements) ||
        !power_of_two(min_pointers) || log2_of(min_elements) > max_bits)
        return damaged();
    e.offset_bytes = (max_bits + 7) / 8;
    e.direct = p[8];
    e.min_elements = min_elements;
    e.n_super = 1 + max_bits - log2_of(min_elements);
    e.first_super = MR_MIN(2 * log2_of(min_pointers), e.n_super);
    e.a.page = UINT64_C(1) << page_bits;
    if (block != UINT64_MAX) MR_TRY(index_block(&e, block));
out:
    return st;
}
