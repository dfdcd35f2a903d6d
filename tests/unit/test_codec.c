/* The chunk decoder on bytes: filters made by zlib and by hand here, lengths that lie, junk. */
#include "in/raw/codec.h"
#include "in/input.h"
#include "in/raw/place.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* 16-bit big-endian words, sums modulo 65535 by the definition */
static uint32_t fletcher_slow(const uint8_t *p, size_t n)
{
    uint32_t a = 0, b = 0;
    bool any = false;
    for (size_t i = 0; i < n; i += 2) {
        uint32_t w = (uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0);
        any = any || w;
        a = (a + w) % 65535;
        b = (b + a) % 65535;
    }
    if (any && a == 0) a = 65535; /* HDF5 folds with end-around carry: 0 only for no bits at all */
    if (any && b == 0) b = 65535;
    return b << 16 | a;
}

static void fletcher32_equals_its_definition(MR_UNUSED void **state)
{
    /* "abcde" padded with 0: 0x6162 + 0x6364 + 0x6500 = 0x129c6 -> 0x29c7; sums of sums
     * 0x6162 + 0xc4c6 + 0x129c6 = 0x24fee -> 0x4ff0 */
    assert_int_equal(mr_fletcher32((const uint8_t *)"abcde", 5), 0x4ff029c7);
    size_t n_max = 20001;
    uint8_t *p = malloc(n_max);
    for (size_t i = 0; i < n_max; i++) p[i] = (uint8_t)(i * 2654435761u >> 11);
    for (size_t n = 0; n < n_max; n = n < 40 ? n + 1 : n * 2 + 1)
        assert_int_equal(mr_fletcher32(p, n), fletcher_slow(p, n));
    memset(p, 0xff, n_max); /* every word 65535: all sums are 0 modulo it, none is "no bits" */
    for (size_t n = 2; n < n_max; n = n * 3)
        assert_int_equal(mr_fletcher32(p, n), fletcher_slow(p, n));
    memset(p, 0, n_max);
    assert_int_equal(mr_fletcher32(p, n_max), 0);
    free(p);
}

static void unshuffle_undoes_shuffle(MR_UNUSED void **state)
{
    enum { N = 77 };
    uint8_t x[N * 8], planes[N * 8], y[N * 8];
    for (unsigned size = 1; size <= 8; size *= 2)
        for (int swap = 0; swap < 2; swap++) {
            for (unsigned i = 0; i < N * size; i++) x[i] = (uint8_t)(i * 37 + size);
            for (unsigned i = 0; i < N; i++)
                for (unsigned b = 0; b < size; b++)
                    planes[b * N + i] = x[i * size + (swap ? size - 1 - b : b)];
            mr_planes p = {planes, N, size, swap};
            for (size_t first = 0; first < N; first += 5)
                for (size_t n = 0; first + n <= N; n += 3) {
                    memset(y, 0xee, sizeof y);
                    mr_unshuffle(&p, first, n, y);
                    assert_memory_equal(y, x + first * size, n * size);
                    if (n < N) assert_int_equal(y[n * size], 0xee); /* and not a byte more */
                }
        }
}

/* element (t, c) of a patch is src[t * t_step + c * c_step] */
static void every_patch_lands_in_its_rows(MR_UNUSED void **state)
{
    enum { NT = 45, NC = 39, STRIDE = NC * 8 + 5 };
    uint8_t *src = malloc(NT * NC * 3 * 8), *dst = malloc(NT * STRIDE);
    for (size_t i = 0; i < NT * NC * 3 * 8; i++) src[i] = (uint8_t)(i * 2654435761u >> 13);
    const size_t steps[][2] = {{NC, 1}, {1, NT}, {3 * NC, 3}, {1, 3 * NT}};
    for (unsigned size = 1; size <= 8; size *= 2)
        for (int k = 0; k < 8; k++)
            for (size_t cut = 0; cut < NT; cut += 11) {
                mr_patch p = {src,  steps[k / 2][0], steps[k / 2][1], NT - cut, NC - cut / 2, size,
                              k & 1};
                memset(dst, 0xee, NT * STRIDE);
                mr_place(&p, dst, STRIDE);
                for (size_t t = 0; t < p.nt; t++) {
                    for (size_t i = 0; i < p.nc * size; i++) {
                        size_t b = p.swap ? size - 1 - i % size : i % size;
                        size_t at = (t * p.t_step + i / size * p.c_step) * size + b;
                        assert_int_equal(dst[t * STRIDE + i], src[at]);
                    }
                    assert_int_equal(dst[t * STRIDE + p.nc * size], 0xee);
                }
            }
    free(src);
    free(dst);
}

/* --- chunks ----------------------------------------------------------------------------------- */

enum { BYTES = 1000, CAP = 8192 };
typedef struct bench {
    uint8_t x[BYTES], a[CAP], b[CAP]; /* what the chunk holds; the decoder's buffers */
    mr_codec *k;
    mr_codec_io io;
} bench;

static void bench_start(bench *t)
{
    for (int i = 0; i < BYTES; i++) t->x[i] = (uint8_t)(i / 7 * 31);
    assert_int_equal(mr_codec_new(&t->k), MR_OK);
    t->io = (mr_codec_io){.a = t->a, .b = t->b, .cap = CAP};
}

static void put(bench *t, const void *bytes, size_t n)
{
    t->io.a = t->a;
    t->io.b = t->b;
    memcpy(t->a, bytes, n);
    t->io.n = n;
}

static size_t deflated(const uint8_t *x, size_t n, uint8_t *out)
{
    uLongf m = CAP;
    assert_int_equal(compress2(out, &m, x, n, 6), Z_OK);
    return m;
}

static void add_sum(uint8_t *p, size_t n, bool old)
{
    uint32_t s = fletcher_slow(p, n);
    const uint8_t le[4] = {(uint8_t)s, (uint8_t)(s >> 8), (uint8_t)(s >> 16), (uint8_t)(s >> 24)};
    for (int i = 0; i < 4; i++) p[n + (size_t)i] = le[old ? i ^ 1 : i];
}

static void good_chunks_decode(MR_UNUSED void **state)
{
    bench t;
    uint8_t z[CAP], z2[CAP];
    bench_start(&t);
    const mr_pipe plain = {.n = 0, .size = 4, .bytes = BYTES};
    const mr_pipe gz = {.n = 1, .filters = {MR_FI_DEFLATE}, .size = 4, .bytes = BYTES};
    const mr_pipe gz_sum = {
        .n = 2, .filters = {MR_FI_DEFLATE, MR_FI_FLETCHER32}, .size = 4, .bytes = BYTES};
    const mr_pipe twice = {
        .n = 2, .filters = {MR_FI_DEFLATE, MR_FI_DEFLATE}, .size = 4, .bytes = BYTES};
    put(&t, t.x, BYTES);
    assert_int_equal(mr_codec_decode(t.k, &plain, 0, &t.io), MR_CHUNK_OK);
    assert_memory_equal(t.io.a, t.x, BYTES);
    size_t n = deflated(t.x, BYTES, z);
    put(&t, z, n);
    assert_int_equal(mr_codec_decode(t.k, &gz, 0, &t.io), MR_CHUNK_OK);
    assert_memory_equal(t.io.a, t.x, BYTES);
    for (int old = 0; old < 2; old++) {
        add_sum(z, n, old);
        put(&t, z, n + 4);
        assert_int_equal(mr_codec_decode(t.k, &gz_sum, 0, &t.io), MR_CHUNK_OK);
        assert_memory_equal(t.io.a, t.x, BYTES);
    }
    put(&t, z2, deflated(z, n, z2));
    assert_int_equal(mr_codec_decode(t.k, &twice, 0, &t.io), MR_CHUNK_OK);
    assert_memory_equal(t.io.a, t.x, BYTES);
    mr_codec_free(t.k);
}

/* Shuffle is left to the caller where it comes last, undone where something follows. */
static void shuffle_is_undone_or_said(MR_UNUSED void **state)
{
    bench t;
    uint8_t s[BYTES + 4], y[BYTES];
    bench_start(&t);
    for (int i = 0; i < BYTES / 4; i++)
        for (int b = 0; b < 4; b++) s[b * BYTES / 4 + i] = t.x[4 * i + b];
    const mr_pipe first = {.n = 1, .filters = {MR_FI_SHUFFLE}, .size = 4, .bytes = BYTES};
    put(&t, s, BYTES);
    assert_int_equal(mr_codec_decode(t.k, &first, 0, &t.io), MR_CHUNK_OK);
    assert_true(t.io.shuffled);
    mr_unshuffle(&(mr_planes){t.io.a, BYTES / 4, 4, false}, 0, BYTES / 4, y);
    assert_memory_equal(y, t.x, BYTES);
    /* written as fletcher32, then shuffle: the sum's 4 bytes are one more element */
    uint8_t summed[BYTES + 4];
    const mr_pipe second = {
        .n = 2, .filters = {MR_FI_FLETCHER32, MR_FI_SHUFFLE}, .size = 4, .bytes = BYTES};
    memcpy(summed, t.x, BYTES);
    add_sum(summed, BYTES, false);
    for (int i = 0; i < BYTES / 4 + 1; i++)
        for (int b = 0; b < 4; b++) s[b * (BYTES / 4 + 1) + i] = summed[4 * i + b];
    put(&t, s, BYTES + 4);
    assert_int_equal(mr_codec_decode(t.k, &second, 0, &t.io), MR_CHUNK_OK);
    assert_false(t.io.shuffled);
    assert_memory_equal(t.io.a, t.x, BYTES);
    mr_codec_free(t.k);
}

static void bad_chunks_have_their_fate(MR_UNUSED void **state)
{
    bench t;
    uint8_t z[CAP];
    bench_start(&t);
    mr_pipe gz = {.n = 1, .filters = {MR_FI_DEFLATE}, .size = 4, .bytes = BYTES};
    const mr_pipe sum = {.n = 1, .filters = {MR_FI_FLETCHER32}, .size = 4, .bytes = BYTES};
    const mr_pipe odd = {.n = 1, .filters = {77}, .size = 4, .bytes = BYTES};
    size_t n = deflated(t.x, BYTES, z);
    put(&t, z, n);
    gz.bytes = BYTES + 4;
    assert_int_equal(mr_codec_decode(t.k, &gz, 0, &t.io), MR_CHUNK_SHORT);
    put(&t, z, n);
    gz.bytes = BYTES - 4;
    assert_int_equal(mr_codec_decode(t.k, &gz, 0, &t.io), MR_CHUNK_LONG);
    gz.bytes = BYTES;
    for (size_t cut = 1; cut < n; cut++) { /* libdeflate reads on as if zeros followed */
        put(&t, z, n - cut);
        mr_chunk_fate fate = mr_codec_decode(t.k, &gz, 0, &t.io);
        assert_true(fate == MR_CHUNK_CORRUPT || fate == MR_CHUNK_LONG);
    }
    put(&t, z, 0);
    assert_int_equal(mr_codec_decode(t.k, &gz, 0, &t.io), MR_CHUNK_CORRUPT);
    z[n - 1] ^= 1;
    put(&t, z, n);
    assert_int_equal(mr_codec_decode(t.k, &gz, 0, &t.io), MR_CHUNK_CORRUPT);
    put(&t, t.x, BYTES); /* not deflated at all */
    assert_int_equal(mr_codec_decode(t.k, &gz, 0, &t.io), MR_CHUNK_CORRUPT);
    put(&t, t.x, BYTES - 1); /* filter skipped, but a byte is missing */
    assert_int_equal(mr_codec_decode(t.k, &gz, 1, &t.io), MR_CHUNK_SIZE);
    put(&t, t.x, 3);
    assert_int_equal(mr_codec_decode(t.k, &sum, 0, &t.io), MR_CHUNK_SIZE);
    put(&t, t.x, BYTES);
    assert_int_equal(mr_codec_decode(t.k, &sum, 0, &t.io), MR_CHUNK_CHECKSUM);
    assert_int_equal(mr_codec_decode(t.k, &odd, 0, &t.io), MR_CHUNK_FILTER);
    mr_codec_free(t.k);
    for (int f = MR_CHUNK_OK; f <= MR_CHUNK_MEMORY; f++)
        assert_true(strlen(mr_chunk_why((mr_chunk_fate)f)) > 0);
}

/* A bomb: 4 MB of zeros in 4 KB, for a chunk of 1,000 bytes; the guard behind the buffer stays. */
static void a_bomb_stops_at_the_chunk(MR_UNUSED void **state)
{
    enum { BOMB = 4000000 };
    uint8_t *zeros = calloc(1, BOMB), z[CAP], *b = malloc(CAP);
    uLongf n = sizeof z;
    mr_codec *k = NULL;
    assert_int_equal(compress(z, &n, zeros, BOMB), Z_OK);
    memset(b, 0xee, CAP);
    assert_int_equal(mr_codec_new(&k), MR_OK);
    const mr_pipe gz = {.n = 1, .filters = {MR_FI_DEFLATE}, .size = 4, .bytes = BYTES};
    mr_codec_io io = {.a = z, .b = b, .n = n, .cap = CAP};
    assert_int_equal(mr_codec_decode(k, &gz, 0, &io), MR_CHUNK_LONG);
    for (int i = BYTES; i < CAP; i++) assert_int_equal(b[i], 0xee);
    mr_codec_free(k);
    free(zeros);
    free(b);
}

/* Junk and bit flips: whatever comes out, no byte outside the buffers (for the sanitizers to see).
 */
static void junk_does_no_harm(MR_UNUSED void **state)
{
    uint8_t z[512];
    uint32_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        const uint8_t head[8] = {
            (uint8_t)i, (uint8_t)(i >> 3), (uint8_t)(i % 5 ? 0 : i), (uint8_t)(i >> 2), 2, 1,
            3,          (uint8_t)i};
        uint8_t x[256];
        for (int j = 0; j < 256; j++) x[j] = (uint8_t)(j * i >> 4);
        uLongf n = sizeof z - 8;
        memcpy(z, head, 8);
        assert_int_equal(compress2(z + 8, &n, x, (uLong)(i % 256), 1), Z_OK);
        for (int flips = i % 4; flips > 0; flips--) {
            seed = seed * 1664525 + 1013904223;
            z[8 + (seed >> 8) % n] ^= (uint8_t)(1u << (seed & 7));
        }
        assert_int_equal(mr_codec_fuzz(z, 8 + n), 0);
    }
    assert_int_equal(mr_codec_fuzz(z, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fletcher32_equals_its_definition),
        cmocka_unit_test(unshuffle_undoes_shuffle),
        cmocka_unit_test(every_patch_lands_in_its_rows),
        cmocka_unit_test(good_chunks_decode),
        cmocka_unit_test(shuffle_is_undone_or_said),
        cmocka_unit_test(bad_chunks_have_their_fate),
        cmocka_unit_test(a_bomb_stops_at_the_chunk),
        cmocka_unit_test(junk_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
