/* out/lane/deflate.c: `compress: deflate`. Chunks of a constant shape, bytes shuffled, deflated at
 * level 4 and handed to libhdf5 ready-made; the order of the calls is that of the rows, so that
 * equal samples give equal bytes with one build. */
#include "out/lane/deflate.h"
#include "out/lane/layout.h"
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
    hid_t array, count; /* count: -1 where rows have none */
    size_t axes;
    hsize_t n[4], chunk[4]; /* rows, axis 0, axis 1, channels; axes that are not there are 1 long */
    size_t cell;            /* bytes of a value */
    size_t row_bytes;
    uint64_t row;       /* first row of the tier being filled */
    uint64_t filled;    /* rows in tier */
    uint8_t *tier;      /* [chunk[0]] rows; NULL where a chunk has one row */
    uint8_t *plain;     /* one chunk, shuffled */
    uint8_t *packed;    /* the same, deflated */
    size_t cells, room; /* values of a chunk, bytes of packed */
    packer *packer;
};

/** Extents of lane and chunk with both axes, whether they are there or not. */
static void extents(const mr_lane_spec *spec, hsize_t n[4], hsize_t chunk[4])
{
    const size_t axes = spec->shape.n_axes;
    hsize_t c[MR_LANE_RANK];
    mr_lane_chunk(spec, c);
    for (size_t i = 0; i < 4; i++) n[i] = chunk[i] = 1;
    n[0] = spec->rows;
    chunk[0] = c[0];
    for (size_t i = 0; i < axes; i++) {
        n[3 - axes + i] = spec->shape.axis[i].n;
        chunk[3 - axes + i] = c[1 + i];
    }
    n[3] = spec->nc;
    chunk[3] = c[1 + axes];
}

static size_t cells_of(const hsize_t chunk[4])
{
    return chunk[0] * chunk[1] * chunk[2] * chunk[3];
}

size_t mr_deflater_bytes(const mr_lane_spec *spec)
{
    hsize_t n[4], chunk[4];
    extents(spec, n, chunk);
    const size_t cell = mr_shape_cell(&spec->shape), raw = cells_of(chunk) * cell;
    const size_t tier = chunk[0] > 1 ? chunk[0] * n[1] * n[2] * n[3] * cell : 0;
    return tier + raw + packed_bound(raw) + ((size_t)1 << 20);
}

static hid_t dataset(mr_h5w *w, const char *name)
{
    const hid_t d = H5Dopen2(w->file, name, H5P_DEFAULT);
    if (d < 0) mr_h5w_fail(w, name);
    return d;
}

mr_status mr_deflater_new(mr_h5w *w, const mr_lane_spec *spec, mr_deflater **out)
{
    mr_status st = MR_OK;
    mr_deflater *d = NULL;
    MR_TRY(mr_alloc(1, sizeof *d, "a deflater", &d));
    d->w = w;
    d->axes = spec->shape.n_axes;
    extents(spec, d->n, d->chunk);
    d->cell = mr_shape_cell(&spec->shape);
    d->row_bytes = d->n[1] * d->n[2] * d->n[3] * d->cell;
    d->cells = cells_of(d->chunk);
    d->room = packed_bound(d->cells * d->cell);
    d->array = dataset(w, mr_array_name(spec->quantity, &spec->shape));
    d->count = spec->shape.count_axes ? dataset(w, "count") : -1;
    MR_TRY(w->st);
    if (d->chunk[0] > 1) MR_TRY(mr_alloc(d->chunk[0], d->row_bytes, "a tier of chunks", &d->tier));
    MR_TRY(mr_alloc(d->cells, d->cell, "a chunk", &d->plain));
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
    if (d->count >= 0 && d->w->file >= 0) H5Dclose(d->count);
    packer_free(d->packer);
    free(d->tier);
    free(d->plain);
    free(d->packed);
    free(d);
}

/** Byte k of every value of the chunk at `at` together; what is beyond the lane's ends is 0. */
static void shuffle(const mr_deflater *d, const uint8_t *tier, uint64_t nr, const hsize_t at[4])
{
    const hsize_t *chunk = d->chunk;
    hsize_t n[4] = {nr};
    for (size_t i = 1; i < 4; i++) n[i] = MR_MIN(chunk[i], d->n[i] - at[i]);
    if (cells_of(n) < d->cells) memset(d->plain, 0, d->cells * d->cell);
    for (hsize_t line = 0; line < n[0] * n[1] * n[2]; line++) {
        const hsize_t t = line / (n[1] * n[2]), a = line / n[2] % n[1], b = line % n[2];
        const hsize_t row = (t * d->n[1] + at[1] + a) * d->n[2] + at[2] + b;
        const uint8_t *src = tier + (row * d->n[3] + at[3]) * d->cell;
        uint8_t *dst = d->plain + ((t * chunk[1] + a) * chunk[2] + b) * chunk[3];
        for (size_t k = 0; k < d->cell; k++)
            for (hsize_t i = 0; i < n[3]; i++) dst[k * d->cells + i] = src[i * d->cell + k];
    }
}

static mr_status write_chunk(mr_deflater *d, const uint8_t *tier, uint64_t nr, const hsize_t at[4])
{
    shuffle(d, tier, nr, at);
    const size_t n = pack(d->packer, d->plain, d->cells * d->cell, d->packed, d->room);
    if (n == 0) return MR_RAISE(MR_EBUG, "%s: a chunk outgrew its bound", d->w->path);
    hsize_t place[MR_LANE_RANK] = {at[0]};
    for (size_t i = 0; i <= d->axes; i++) place[1 + i] = at[3 - d->axes + i];
    if (H5Dwrite_chunk(d->array, H5P_DEFAULT, 0, place, n, d->packed) < 0)
        mr_h5w_fail(d->w, "a chunk");
    return mr_h5w_check(d->w);
}

/** One tier of nr rows as chunks. */
static mr_status write_tier(mr_deflater *d, const uint8_t *tier, uint64_t nr)
{
    mr_status st = MR_OK;
    hsize_t at[4] = {d->row};
    for (at[1] = 0; at[1] < d->n[1]; at[1] += d->chunk[1])
        for (at[2] = 0; at[2] < d->n[2]; at[2] += d->chunk[2])
            for (at[3] = 0; at[3] < d->n[3]; at[3] += d->chunk[3])
                MR_TRY(write_chunk(d, tier, nr, at));
    d->row += nr;
out:
    return st;
}

mr_status mr_deflater_append(mr_deflater *d, const void *rows, uint64_t nr)
{
    mr_status st = MR_OK;
    const uint8_t *data = rows;
    while (nr > 0 && st == MR_OK) {
        const uint64_t n = MR_MIN(nr, d->chunk[0] - d->filled);
        if (n == d->chunk[0]) { /* a whole tier at once needs no copy */
            st = write_tier(d, data, n);
        } else {
            memcpy(d->tier + d->filled * d->row_bytes, data, n * d->row_bytes);
            d->filled += n;
            if (d->filled == d->chunk[0]) {
                st = write_tier(d, d->tier, d->filled);
                d->filled = 0;
            }
        }
        data += n * d->row_bytes;
        nr -= n;
    }
    return st;
}

mr_status mr_deflater_counts(mr_deflater *d, const int32_t *counts, uint64_t row, uint64_t nr)
{
    const hid_t file = H5Dget_space(d->count);
    hsize_t n[MR_LANE_RANK], from[MR_LANE_RANK] = {row};
    const int rank = H5Sget_simple_extent_dims(file, n, NULL);
    n[0] = nr;
    const hid_t mem = H5Screate_simple(rank, n, NULL);
    if (H5Sselect_hyperslab(file, H5S_SELECT_SET, from, NULL, n, NULL) < 0 ||
        H5Dwrite(d->count, H5T_NATIVE_INT32, mem, file, H5P_DEFAULT, counts) < 0)
        mr_h5w_fail(d->w, "counts");
    H5Sclose(mem);
    H5Sclose(file);
    return mr_h5w_check(d->w);
}

mr_status mr_deflater_finish(mr_deflater *d)
{
    mr_status st = d->filled > 0 ? write_tier(d, d->tier, d->filled) : MR_OK;
    d->filled = 0;
    return st;
}
