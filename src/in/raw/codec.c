/* in/raw/codec.c: undoing HDF5's filters with every length checked. libhdf5 gives back stale memory
 * for a chunk that inflates too short; here that chunk is lost and named. */
#include "in/raw/codec.h"
#include "in/input.h"
#include "in/raw/place.h"
#include <stdlib.h>
#include <string.h>

const char *mr_chunk_why(mr_chunk_fate fate)
{
    switch (fate) {
    case MR_CHUNK_OK: return "read";
    case MR_CHUNK_ABSENT: return "chunk was never written";
    case MR_CHUNK_OUTSIDE: return "chunk lies outside the file";
    case MR_CHUNK_SIZE: return "chunk's stored size cannot be right";
    case MR_CHUNK_CHECKSUM: return "chunk fails its checksum (fletcher32)";
    case MR_CHUNK_CORRUPT: return "chunk does not inflate (damaged deflate data)";
    case MR_CHUNK_SHORT: return "chunk inflates to too few bytes";
    case MR_CHUNK_LONG: return "chunk inflates to too many bytes";
    case MR_CHUNK_FILTER: return "chunk has a filter that is not known";
    case MR_CHUNK_MEMORY: return "no memory to inflate the chunk";
    }
    return "chunk is lost";
}

size_t mr_codec_cap(size_t bytes)
{
    return bytes + bytes / 8 + 4096; /* deflate adds under 0.1 %, a checksum 4 bytes */
}

#ifdef MR_LIBDEFLATE
#include <libdeflate.h>

static void *inflater_new(void)
{
    return libdeflate_alloc_decompressor();
}

static void inflater_free(void *z)
{
    if (z) libdeflate_free_decompressor(z);
}

/* *n: room in dst -> bytes made */
static mr_chunk_fate inflate_to(void *z, const uint8_t *src, size_t n_src, uint8_t *dst, size_t *n)
{
    switch (libdeflate_zlib_decompress(z, src, n_src, dst, *n, n)) {
    case LIBDEFLATE_SUCCESS: return MR_CHUNK_OK;
    case LIBDEFLATE_INSUFFICIENT_SPACE: return MR_CHUNK_LONG;
    default: return MR_CHUNK_CORRUPT;
    }
}
#else
#include <zlib.h>

static void *inflater_new(void)
{
    z_stream *z = calloc(1, sizeof *z);
    if (z && inflateInit(z) != Z_OK) {
        free(z);
        z = NULL;
    }
    return z;
}

static void inflater_free(void *z)
{
    if (z) inflateEnd(z);
    free(z);
}

/* *n: room in dst -> bytes made. One byte more than the room tells "ends here" from "goes on". */
static mr_chunk_fate inflate_to(void *zz, const uint8_t *src, size_t n_src, uint8_t *dst, size_t *n)
{
    z_stream *z = zz;
    uint8_t more;
    if (n_src > UINT32_MAX || *n > UINT32_MAX || inflateReset(z) != Z_OK) return MR_CHUNK_CORRUPT;
    z->next_in = (Bytef *)src;
    z->avail_in = (uInt)n_src;
    z->next_out = dst;
    z->avail_out = (uInt)*n;
    int rc = inflate(z, Z_FINISH);
    *n -= z->avail_out;
    if (rc == Z_STREAM_END) return MR_CHUNK_OK;
    if (rc == Z_MEM_ERROR) return MR_CHUNK_MEMORY;
    if (z->avail_out != 0 || (rc != Z_OK && rc != Z_BUF_ERROR)) return MR_CHUNK_CORRUPT;
    z->next_out = &more;
    z->avail_out = 1;
    rc = inflate(z, Z_FINISH);
    if (z->avail_out == 0) return MR_CHUNK_LONG;
    return rc == Z_STREAM_END ? MR_CHUNK_OK : MR_CHUNK_CORRUPT;
}
#endif

struct mr_codec {
    void *z;
};

mr_status mr_codec_new(mr_codec **out)
{
    mr_status st = MR_OK;
    mr_codec *k = NULL;
    MR_TRY(mr_alloc(1, sizeof *k, "a chunk decoder", &k));
    k->z = inflater_new();
    if (!k->z) {
        st = MR_RAISE(MR_EMEM, "no memory for a chunk decoder");
        goto out;
    }
    *out = k;
    k = NULL;
out:
    mr_codec_free(k);
    return st;
}

void mr_codec_free(mr_codec *k)
{
    if (!k) return;
    inflater_free(k->z);
    free(k);
}

/* HDF5 sums 16-bit big-endian words modulo 65535, where 0 stands for "no bits at all" only. Sums
 * may be taken in any order: of LANES words in turn, whose number of steps keeps 32 bits enough. A
 * word at step i, lane l of n steps then counts LANES (n - i) - l times in the sum of sums. */
enum { LANES = 32, STEPS = 256 };
_Static_assert((uint64_t)65535 * STEPS * (STEPS + 1) / 2 <= UINT32_MAX, "sums fit");

MR_CLONES static void fletcher_lanes(const uint8_t *p, size_t n_steps, uint32_t *restrict sum,
                                     uint32_t *restrict ramp)
{
    uint16_t w;
    uint32_t s[LANES] = {0}, r[LANES] = {0};
    for (size_t i = 0; i < n_steps; i++, p += 2 * LANES)
        for (size_t l = 0; l < LANES; l++) {
            memcpy(&w, p + 2 * l, 2);
            s[l] += (uint16_t)(w << 8 | w >> 8);
            r[l] += s[l];
        }
    memcpy(sum, s, sizeof s);
    memcpy(ramp, r, sizeof r);
}

static uint64_t fold(uint64_t s)
{
    return s > 65535 ? (s - 1) % 65535 + 1 : s;
}

uint32_t mr_fletcher32(const uint8_t *p, size_t n)
{
    uint64_t s1 = 0, s2 = 0;
    uint32_t sum[LANES], ramp[LANES];
    size_t left = n / 2;
    while (left >= LANES) {
        size_t steps = MR_MIN(left / LANES, (size_t)STEPS);
        uint64_t a = 0, b = 0;
        fletcher_lanes(p, steps, sum, ramp);
        for (uint64_t l = 0; l < LANES; l++) {
            a += sum[l];
            b += (uint64_t)LANES * ramp[l] - l * sum[l];
        }
        s2 = fold(s2 + s1 * steps * LANES + b);
        s1 = fold(s1 + a);
        p += 2 * LANES * steps;
        left -= LANES * steps;
    }
    for (; left > 0; left--, p += 2) {
        s1 = fold(s1 + ((uint32_t)p[0] << 8 | p[1]));
        s2 = fold(s2 + s1);
    }
    if (n % 2) {
        s1 = fold(s1 + ((uint32_t)*p << 8));
        s2 = fold(s2 + s1);
    }
    return (uint32_t)(s2 << 16 | s1);
}

/* The four bytes at the end are the sum, little-endian; files from before HDF5 1.6.3 have the bytes
 * of each half exchanged. */
static mr_chunk_fate check_fletcher(const uint8_t *p, size_t *n)
{
    if (*n < 4) return MR_CHUNK_SIZE;
    *n -= 4;
    const uint8_t *q = p + *n;
    uint32_t s = mr_fletcher32(p, *n);
    uint32_t new = (uint32_t)q[3] << 24 | (uint32_t)q[2] << 16 | (uint32_t)q[1] << 8 | q[0];
    uint32_t old = (uint32_t)q[2] << 24 | (uint32_t)q[3] << 16 | (uint32_t)q[0] << 8 | q[1];
    return s == new || s == old ? MR_CHUNK_OK : MR_CHUNK_CHECKSUM;
}

static void exchange(mr_codec_io *io)
{
    uint8_t *a = io->a;
    io->a = io->b;
    io->b = a;
}

/* Filter i made its bytes from how many? 0: that depends on the data (a deflate before it). */
static size_t length_into(const mr_pipe *p, uint32_t mask, int i)
{
    size_t n = p->bytes;
    for (int j = 0; j < i; j++) {
        if (mask >> j & 1) continue;
        if (p->filters[j] == MR_FI_DEFLATE) return 0;
        if (p->filters[j] == MR_FI_FLETCHER32) n += 4;
    }
    return n;
}

static mr_chunk_fate undo_deflate(mr_codec *k, const mr_pipe *p, uint32_t mask, int i,
                                  mr_codec_io *io)
{
    size_t want = length_into(p, mask, i), n = want ? want : io->cap;
    mr_chunk_fate fate = inflate_to(k->z, io->a, io->n, io->b, &n);
    if (fate != MR_CHUNK_OK) return fate;
    if (want && n < want) return MR_CHUNK_SHORT;
    io->n = n;
    exchange(io);
    return MR_CHUNK_OK;
}

static void undo_shuffle(const mr_pipe *p, mr_codec_io *io)
{
    size_t n = io->n / p->size, whole = n * p->size;
    mr_unshuffle(&(mr_planes){io->a, n, p->size, false}, 0, n, io->b);
    memcpy(io->b + whole, io->a + whole, io->n - whole);
    exchange(io);
}

mr_chunk_fate mr_codec_decode(mr_codec *k, const mr_pipe *p, uint32_t mask, mr_codec_io *io)
{
    mr_chunk_fate fate = MR_CHUNK_OK;
    io->shuffled = false;
    for (int i = p->n - 1; i >= 0 && fate == MR_CHUNK_OK; i--) {
        bool last = true; /* nothing is left to undo after this one */
        for (int j = 0; j < i; j++) last = last && (mask >> j & 1);
        if (mask >> i & 1) continue;
        switch (p->filters[i]) {
        case MR_FI_DEFLATE: fate = undo_deflate(k, p, mask, i, io); break;
        case MR_FI_FLETCHER32: fate = check_fletcher(io->a, &io->n); break;
        case MR_FI_SHUFFLE:
            io->shuffled = last && p->size > 1;
            if (!last && p->size > 1) undo_shuffle(p, io);
            break;
        default: fate = MR_CHUNK_FILTER; break;
        }
    }
    if (fate == MR_CHUNK_OK && io->n != p->bytes) fate = MR_CHUNK_SIZE;
    return fate;
}

int mr_codec_fuzz(const uint8_t *data, size_t size)
{
    mr_codec *k = NULL;
    mr_codec_io io = {0};
    mr_pipe p = {.n = size > 8 ? data[0] % 5 : 0};
    if (size <= 8) return 0;
    p.size = (uint8_t)(1u << (data[1] & 3));
    memcpy(p.filters, data + 4, 4);
    for (int i = 0; i < 4; i++) p.filters[i] &= 3; /* 0 is no filter of ours */
    p.bytes = (size_t)(data[3] + 1) * p.size * 16;
    io.cap = mr_codec_cap(p.bytes);
    io.n = MR_MIN(size - 8, io.cap);
    io.a = malloc(io.cap);
    io.b = malloc(io.cap);
    if (io.a && io.b && mr_codec_new(&k) == MR_OK) {
        memcpy(io.a, data + 8, io.n);
        if (mr_codec_decode(k, &p, data[2], &io) == MR_CHUNK_OK && io.shuffled)
            undo_shuffle(&p, &io);
    }
    mr_codec_free(k);
    free(io.a);
    free(io.b);
    return 0;
}
