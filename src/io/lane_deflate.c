/* io/lane_deflate.c: `compress: deflate`. Chunks of a constant shape, bytes shuffled, deflated at
 * level 4 and handed to libhdf5 ready-made; the order of the calls is that of the rows, so that
 * equal samples give equal bytes with one build. */
#include "io/lane_deflate.h"
#include "io/lane_layout.h"
#include <stdlib.h>
#include <string.h>

#define LEVEL 4
#ifdef MR_LIBDEFLATE
#include <libdeflate.h>
typedef struct libdeflate_compressor packer;
static packer *packer_new(void)
{
    return libdeflate_alloc_compressor(LEVEL);
}
static void packer_free(packer *p)
{
    if (p) libdeflate_free_compressor(p);
}
static size_t packed_bound(size_t n)
{
    return libdeflate_zlib_compress_bound(NULL, n);
}
static size_t pack(packer *p, const void *src, size_t n, void *dst, size_t room)
{
    return libdeflate_zlib_compress(p, src, n, dst, room);
}
#else
#include <zlib.h>
typedef struct packer {
    int level;
} packer;
static packer *packer_new(void)
{
    packer *p = malloc(sizeof *p);
    if (p) p->level = LEVEL;
    return p;
}
static void packer_free(packer *p)
{
    free(p);
}
static size_t packed_bound(size_t n)
{
    return compressBound(n);
}
static size_t pack(packer *p, const void *src, size_t n, void *dst, size_t room)
{
    uLongf got = room;
    return compress2(dst, &got, src, n, p->level) == Z_OK ? got : 0;
}
#endif

struct mr_deflater {
    mr_h5w *w;
    hid_t array;
    hsize_t chunk[2];
    uint64_t nc, row;   /* row: first row of the band being filled */
    uint64_t filled;    /* rows in band */
    float *band;        /* [chunk[0]][nc] */
    uint8_t *plain;     /* one chunk, shuffled */
    uint8_t *packed;    /* the same, deflated */
    size_t cells, room; /* floats of a chunk, bytes of packed */
    packer *packer;
};

size_t mr_deflater_bytes(const mr_lane_spec *spec)
{
    hsize_t chunk[2];
    mr_lane_chunk(spec, chunk);
    size_t raw = chunk[0] * chunk[1] * sizeof(float);
    return chunk[0] * spec->nc * sizeof(float) + raw + packed_bound(raw) + ((size_t)1 << 20);
}

mr_status mr_deflater_new(mr_h5w *w, const mr_lane_spec *spec, mr_deflater **out)
{
    mr_status st = MR_OK;
    mr_deflater *d = NULL;
    MR_TRY(mr_alloc(1, sizeof *d, "a deflater", &d));
    d->w = w;
    d->nc = spec->nc;
    mr_lane_chunk(spec, d->chunk);
    d->cells = d->chunk[0] * d->chunk[1];
    d->room = packed_bound(d->cells * sizeof(float));
    d->array = H5Dopen2(w->file, mr_array_name(spec->quantity), H5P_DEFAULT);
    if (d->array < 0) {
        mr_h5w_fail(w, "samples");
        st = w->st;
        goto out;
    }
    MR_TRY(mr_alloc(d->chunk[0] * d->nc, sizeof *d->band, "a band of chunks", &d->band));
    MR_TRY(mr_alloc(d->cells, sizeof(float), "a chunk", &d->plain));
    MR_TRY(mr_alloc(d->room, 1, "a deflated chunk", &d->packed));
    d->packer = packer_new();
    if (!d->packer) {
        st = MR_RAISE(MR_EMEM, "no memory for a compressor");
        goto out;
    }
    *out = d;
    d = NULL;
out:
    mr_deflater_free(d);
    return st;
}

void mr_deflater_free(mr_deflater *d)
{
    if (!d) return;
    if (d->array >= 0 && d->w->file >= 0) H5Dclose(d->array);
    packer_free(d->packer);
    free(d->band);
    free(d->plain);
    free(d->packed);
    free(d);
}

/** Columns [c, c + chunk columns) of nr band rows, byte k of every float together; the rest 0. */
static void shuffle(const mr_deflater *d, const float *band, uint64_t nr, uint64_t c)
{
    uint64_t w = MR_MIN((uint64_t)d->chunk[1], d->nc - c);
    if (nr < d->chunk[0] || w < d->chunk[1]) memset(d->plain, 0, d->cells * sizeof(float));
    for (uint64_t t = 0; t < nr; t++) {
        const uint8_t *src = (const uint8_t *)(band + t * d->nc + c);
        uint8_t *dst = d->plain + t * d->chunk[1];
        for (size_t k = 0; k < sizeof(float); k++)
            for (uint64_t i = 0; i < w; i++) dst[k * d->cells + i] = src[i * sizeof(float) + k];
    }
}

/** One band of nr rows as chunks. */
static mr_status write_band(mr_deflater *d, const float *band, uint64_t nr)
{
    for (uint64_t c = 0; c < d->nc; c += d->chunk[1]) {
        const hsize_t at[2] = {d->row, c};
        shuffle(d, band, nr, c);
        size_t n = pack(d->packer, d->plain, d->cells * sizeof(float), d->packed, d->room);
        if (n == 0) return MR_RAISE(MR_EBUG, "%s: a chunk outgrew its bound", d->w->path);
        if (H5Dwrite_chunk(d->array, H5P_DEFAULT, 0, at, n, d->packed) < 0) {
            mr_h5w_fail(d->w, "a chunk");
            return d->w->st;
        }
        if (mr_h5w_check(d->w) != MR_OK) return d->w->st;
    }
    d->row += nr;
    return MR_OK;
}

mr_status mr_deflater_append(mr_deflater *d, const float *data, uint64_t nr)
{
    mr_status st = MR_OK;
    while (nr > 0 && st == MR_OK) {
        uint64_t n = MR_MIN(nr, d->chunk[0] - d->filled);
        if (n == d->chunk[0]) { /* a whole band at once needs no copy */
            st = write_band(d, data, n);
        } else {
            memcpy(d->band + d->filled * d->nc, data, n * d->nc * sizeof *data);
            d->filled += n;
            if (d->filled == d->chunk[0]) {
                st = write_band(d, d->band, d->filled);
                d->filled = 0;
            }
        }
        data += n * d->nc;
        nr -= n;
    }
    return st;
}

mr_status mr_deflater_finish(mr_deflater *d)
{
    mr_status st = d->filled > 0 ? write_band(d, d->band, d->filled) : MR_OK;
    d->filled = 0;
    return st;
}
